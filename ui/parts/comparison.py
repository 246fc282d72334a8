"""Before and after: the comparison, what it can show, and the pictures that it is given."""

from typing import Any

import gradio as gr
import numpy as np

from pipelines.faces.images import write_png
from pipelines.languages.translation import _, in_sentence
from pipelines.results import RepaintResult
from ui.pictures import overlay
from ui.session.kept import Outcome
from ui.theme import ASSETS, template


def comparison_slider(elem_id: str, before: str, after: str, awaited: str, done: str = "") -> gr.HTML:
    """Two pictures of one size over each other or side by side, zoomed and moved as one; none at first.

    Its value is what :func:`pair` gives, or None.

    Args:
        elem_id: id on the page.
        before: what the left picture is called.
        after: what the right one is called.
        awaited: one sentence where there are none yet.
        done: what screen readers say when a run has brought pictures; nothing where it is empty.
    """
    words = {"before": before, "after": after, "awaited": awaited}
    hold = in_sentence(before)
    words["both"] = _("{before} or {after}").format(before=before, after=in_sentence(after))
    words["hold"] = _("Hold: {picture}").format(picture=hold)
    words["to_hold"] = _("Hold to see the {picture} alone").format(picture=hold)
    return gr.HTML(
        value=None,
        html_template=template("compare.html", **words),
        js_on_load=(ASSETS / "compare.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes="compare",
        names=[before, after],
        done=done,
    )


def shown_choice() -> gr.CheckboxGroup:
    """What the pictures show."""
    return gr.CheckboxGroup(
        [(_("Close-up"), overlay.CLOSE), (_("Mask outline"), overlay.MASK), (_("Landmarks"), overlay.LANDMARKS)],
        value=[overlay.CLOSE],
        label=_("What the pictures show"),
        show_label=False,
        container=False,
        elem_classes="shown",
    )


def pair(before: str, after: str) -> list[dict[str, Any]]:
    """Two files as the page gets them: by an address of their own, so that no picture is coded anew."""
    return [gr.FileData(path=path).model_dump() for path in (before, after)]


def views(outcome: Outcome[RepaintResult], shown: list[str]) -> list[dict[str, Any]]:
    """The pictures before and after, drawn when first asked for; see :func:`pair`.

    Args:
        outcome: the result, and where its files lie.
        shown: what to draw: :data:`~ui.pictures.overlay.CLOSE`, :data:`~ui.pictures.overlay.MASK`,
        :data:`~ui.pictures.overlay.LANDMARKS`.
    """
    wanted = frozenset(shown)
    if wanted not in outcome.views:
        result = outcome.result
        rows, columns = slice(None), slice(None)
        if overlay.CLOSE in wanted:
            rows, columns = overlay.close_up(result.landmarks_before, result.photo.shape)
        mask = result.mask[rows, columns] if overlay.MASK in wanted else None
        corner = np.array([columns.start or 0, rows.start or 0])
        pairs = (("before", result.photo, result.landmarks_before), ("after", result.image, result.landmarks))
        paths = []
        for name, image, points in pairs:
            path = outcome.folder / f"{'-'.join([name, *sorted(wanted)])}.png"
            drawn = points - corner if overlay.LANDMARKS in wanted else None
            write_png(path, overlay.draw(image[rows, columns], mask, drawn))
            paths.append(str(path))
        outcome.views[wanted] = (paths[0], paths[1])
    return pair(*outcome.views[wanted])
