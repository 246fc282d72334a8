"""The catalogue of texts: ``python -m tests.catalogue`` (``make catalogue``) reads the sources anew.

It writes ``pipelines/languages/philtrum.pot``, the template, and brings the catalogues of the languages up to it: new
texts stand there untranslated, and texts that are no longer used go.
"""

import ast
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from tests.sources import ROOT, source_files

FOLDER = ROOT / "pipelines/languages"
TEMPLATE = FOLDER / "philtrum.pot"
IN_PYTHON = ("_", "N_", "ngettext")
IN_SCRIPTS = {"word": None, "counted": (1, 2)}
IN_HTML = re.compile(r"\[\[(.+?)\]\]", re.S)

OPEN, SHUT = "⟦", "⟧"
"""What every text stands in in the language that nobody speaks."""

_MADE = datetime(2026, 11, 28, tzinfo=UTC)  # no clock: the same sources give the same files


def texts_of(path: Path) -> Iterator[str | tuple[str, str]]:
    """Every text of a source file, in its order; those with a plural as pairs."""
    content = path.read_bytes()
    if path.suffix == ".html":
        yield from IN_HTML.findall(content.decode("utf-8"))
        return
    if path.suffix == ".py":
        yield from in_python(content.decode("utf-8"))
        return
    options = {"encoding": "utf-8", "parse_template_string": "true"}
    for _line, found, _comments, _context in extract("javascript", io.BytesIO(content), IN_SCRIPTS, options=options):
        yield found if isinstance(found, str) else (found[0], found[1])


def in_python(source: str) -> Iterator[str | tuple[str, str]]:
    """The texts of a module, those inside f-strings too, where Babel's own extractor does not look."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IN_PYTHON:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
            if node.func.id == "ngettext":
                yield texts[0], texts[1]
            elif texts:  # else a text that is marked elsewhere
                yield texts[0]


def template() -> Catalog:
    """All texts, each with the files that it stands in."""
    made = Catalog(project="Philtrum", version="1", creation_date=_MADE, charset="utf-8", fuzzy=False)
    assets = [path for path in sorted((ROOT / "assets").iterdir()) if path.suffix in (".html", ".js")]
    for path in [*source_files(), *assets]:
        for text in texts_of(path):
            made.add(text, locations=[(path.relative_to(ROOT).as_posix(), 0)])
    return made


def written(catalogue: Catalog) -> str:
    """A catalogue as its file says it."""
    out = io.BytesIO()
    write_po(out, catalogue, width=100, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return re.sub(r"^# .*\n(?=#|msgid)", "", out.getvalue().decode("utf-8"), flags=re.M)


def read(path: Path) -> Catalog:
    """A catalogue of a language."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


def write_bracketed(folder: Path, texts: Catalog) -> None:
    """Writes a catalogue in which every text is itself, in brackets; it is Arabic by its name, which is written from
    right to left.
    """
    made = Catalog(locale="ar")
    for one in texts:
        if isinstance(one.id, tuple):
            made.add(one.id, tuple(f"{OPEN}{one.id[1]}{SHUT}" for _ in range(made.num_plurals)))
        elif one.id:
            shown = re.fullmatch(r"(\s*)(.*?)(\s*)", one.id, re.S)
            assert shown is not None
            made.add(one.id, f"{shown[1]}{OPEN}{shown[2]}{SHUT}{shown[3]}".replace("|", f"{SHUT}|{OPEN}"))
    with (folder / "ar.po").open("wb") as file:
        write_po(file, made)


def main() -> None:
    """Writes the template, and every language's catalogue."""
    new = template()
    TEMPLATE.write_text(written(new), encoding="utf-8")
    for path in sorted(FOLDER.glob("*.po")):
        known = read(path)
        known.update(new, no_fuzzy_matching=True)
        path.write_text(written(known), encoding="utf-8")


if __name__ == "__main__":
    main()
