"""Pieces that every tab uses: messages, the header's status, the footer, the table of measurements."""

import functools
import html
import logging
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr

from pipelines import __version__
from pipelines.errors import PhiltrumError
from pipelines.exports.tables import NOTICE, show
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _
from pipelines.results import AnomalyScoringResult, Measurement, RepaintResult

log = logging.getLogger(__name__)


def explain(error: Exception) -> str:
    """A sentence for a person; what the log gets names neither files nor values."""
    if isinstance(error, PhiltrumError):
        return str(error)
    where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("%s in %s", type(error).__name__, " > ".join(where))
    return _("Something went wrong inside the app ({name}). Nothing was lost; please try again.").format(
        name=type(error).__name__
    )


def toast(error: Exception, title: str) -> None:
    """Shows an error at the corner of the page: what did not happen, and what to do.

    It goes when its cause has ended, which ``assets/toasts.js`` tells by the title.
    """
    gr.Warning(headed(html.escape(title), html.escape(explain(error))), duration=12)


def headed(title: str, text: str) -> str:
    """A message in the corner of the page, as HTML; ``assets/toasts.js`` tells by the title when it goes."""
    return f"<b>{title}.</b> {text}"


def step(title: str) -> str:
    """The heading of a step of the work."""
    return f'<h2 class="step">{title}</h2>'


def keys_html(*keys: tuple[str, str]) -> str:
    """A line of keys, each of which several words may name, and what they do."""
    said = (" ".join(f"<kbd>{key}</kbd>" for key in names.split()) + f" {what}" for names, what in keys)
    return f'<p class="keys">{" &ensp;".join(said)}</p>'


def ask(question: str | None) -> None:
    """Shows a question at the corner of the page, where there is one; nothing waits for an answer."""
    if question is not None:
        gr.Warning(headed(_("A question"), html.escape(question)), duration=20)


def guarded(title: str, otherwise: Callable[[], Any] = gr.skip) -> Callable:
    """Decorator of an event's function: an error becomes a toast, and the page stays as it was.

    Args:
        title: what the toast is headed with.
        otherwise: makes what the function returns after an error.
    """

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                toast(error, title)
                return otherwise()

        return wrapped

    return decorate


def status_html(status: dict[str, str]) -> str:
    """The header's line: what the app does."""
    good = status["state"] == _("Ready")
    return (
        f'<p class="status" role="status"><span class="status-dot" data-good="{str(good).lower()}" aria-hidden="true">'
        f"</span><b>{html.escape(status['state'])}</b></p>"
    )


def state_of(line: str) -> str:
    """The state that a line of :func:`status_html` says."""
    return line.partition("<b>")[2].partition("</b>")[0]


def footer_html(
    result: RepaintResult | AnomalyScoringResult | None = None, machine: Mapping[str, str] | None = None
) -> str:
    """The footer: what the app is for, and, folded, what drew the result on the page.

    Args:
        result: that is on the page.
        machine: where it was computed, as :meth:`ui.server.engine.Engine.status` has it when the run is over.
    """
    if result is None:
        about = f'<p class="about">Philtrum {__version__} · {_("no result yet")}</p>'
    else:
        facts = [(_("Program"), f"Philtrum {__version__}")]
        facts += [(_("Weights"), f"{used.name}, SHA-256 {used.sha256}") for used in result.weights]
        facts += [(_("Seed"), str(result.seed)), (_("Computed on"), result.device)]
        facts += [
            (_("Time, {stage}").format(stage=_(stage)), figure(seconds, ".2f") + " s")
            for stage, seconds in result.seconds.items()
        ]
        facts += [(_("Memory"), machine["memory"])] if machine and machine.get("memory") else []
        listed = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(fact)}</dd>" for name, fact in facts)
        about = f'<details class="about"><summary>{_("About this run")}</summary><dl>{listed}</dl></details>'
    return f'<footer class="foot"><b>{_(NOTICE)}</b>{about}</footer>'


def measurements_html(before: Sequence[Measurement] = (), after: Sequence[Measurement] = ()) -> str:
    """The table of measurements; each row opens to its formula and meaning.

    Args:
        before: of the photo.
        after: of the result, in the same order; none where there is nothing to compare with.
    """
    if not before:
        awaited = _("Ratios and angles of the face, before and after, appear here.")
        return f'<div class="measures measures-empty"><p>{awaited}</p></div>'
    names = (_("Before"), _("After"), _("Change")) if after else (_("Value"),)
    rows = "".join(_row(old, new) for old, new in zip(before, after or (None,) * len(before), strict=True))
    caption = _("Measurements before and after") if after else _("Measurements")
    columns = "".join(f'<th scope="col">{name}</th>' for name in (_("Measure"), *names, _("Unit")))
    return (
        f'<div class="measures"><table><caption class="sr">{caption}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(old: Measurement, new: Measurement | None) -> str:
    numbers = [show(old).removesuffix(old.unit)]
    if new is not None:
        digits = 1 if old.unit else 3
        change = round(new.value - old.value, digits)
        said = (figure(change, f"+.{digits}f") if change else figure(0, f".{digits}f")).replace("-", "−")
        numbers += [show(new).removesuffix(new.unit), said if math.isfinite(change) else "–"]
    cells = "".join(f"<td>{number}</td>" for number in numbers)
    formula = html.escape(_(old.formula))
    return (
        f'<tr><th scope="row"><details><summary title="{formula}">{html.escape(_(old.label))}</summary>'
        f"<p>{html.escape(_(old.meaning))}<br><span>{formula}</span></p></details></th>"
        f"{cells}<td>{html.escape(old.unit) or _('ratio')}</td></tr>"
    )
