"""The strip of the session's results: each to be shown again, chosen for the case, removed, and two to be compared."""

import secrets
from collections.abc import Iterable, Sequence

import gradio as gr

from pipelines.arrays import Pixels
from pipelines.exports.pictures import shrunk
from pipelines.languages.numbers import figure
from ui.pictures import overlay
from ui.session.runs import Run, Told
from ui.theme import ASSETS, template

_THUMBNAIL = 160  # px, twice what is shown, for fine screens


def run_strip(elem_id: str) -> gr.HTML:
    """The strip, empty.

    Its events are ``select`` (show a run again), ``like`` (choose it, or take that back) and ``delete``, each with the
    run's ``key``, and ``expand`` (compare), with two ``keys``.

    Args:
        elem_id: id on the page.
    """
    return gr.HTML(
        value=None,
        html_template=template("runs.html", name=elem_id),
        js_on_load=(ASSETS / "runs.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        runs=[],
        compared=None,
    )


def show_runs(runs: Iterable[Run], shown: Run | None) -> gr.HTML:
    """An update of the strip.

    Args:
        runs: of the tab, in the order in which they were made.
        shown: the one whose result is on the page.
    """
    cards = [
        {
            "key": run.key,
            "number": run.number,
            "said": run.told.said,
            "seconds": figure(run.told.seconds, ".1f") + " s",
            "url": run.told.thumbnail,
            "chosen": run.chosen,
            "shown": run is shown,
        }
        for run in runs
    ]
    return gr.HTML(runs=cards)


def compare_runs(runs: Sequence[tuple[Run, Pixels, Pixels]]) -> gr.HTML:
    """An update of the strip that opens the comparison of two runs.

    Args:
        runs: both, each with its picture and what is seen while the photo is asked for, RGB ``uint8``.
    """
    sides = [
        {
            "title": f"{run.number} · {run.told.said}",
            "after": overlay.jpeg_url(overlay.view(after)),
            "before": overlay.jpeg_url(overlay.view(before)),
        }
        for run, after, before in runs
    ]
    # Opened each time that it is asked for, also where the same two are compared again.
    return gr.HTML(compared={"asked": secrets.randbits(32), "sides": sides})


def told(picture: Pixels, said: Sequence[str], seconds: float) -> Told:
    """What the strip tells of a result.

    Args:
        picture: of the face in it, RGB ``uint8``.
        said: what it was made with.
        seconds: that it took.
    """
    small = shrunk(picture, _THUMBNAIL / max(picture.shape[:2]))
    return Told(", ".join(said), overlay.jpeg_url(small), seconds)
