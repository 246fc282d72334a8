"""A hook of MkDocs: the roles of docstrings, as in ``:class:`~pipelines.results.Score```, become links."""

import re

_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):<code>(~?)([\w.]+)</code>")


def on_page_content(html: str, **_: object) -> str:
    """Links each role to its object where the reference describes it; else its name stands alone.

    Args:
        html: of a page, in which mkdocs-autorefs has not yet resolved anything.
    """
    return _ROLE.sub(_linked, html)


def _linked(role: re.Match[str]) -> str:
    short, name = role.groups()
    shown = name.rpartition(".")[2] if short else name
    return f'<autoref identifier="{name}" optional><code>{shown}</code></autoref>'
