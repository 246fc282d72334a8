"""Before and after: the slider, what it can show, and the pictures that it is given."""

import gradio as gr
import numpy as np

from pipelines.faces.images import write_png
from pipelines.results import RepaintResult
from ui.pictures import overlay
from ui.session.kept import Outcome


def comparison_slider(elem_id: str, label: str) -> gr.ImageSlider:
    """The slider.

    Args:
        elem_id: id on the page.
        label: says which picture is where.
    """
    return gr.ImageSlider(
        label=label,
        format="png",
        type="filepath",
        interactive=False,
        buttons=["fullscreen"],
        elem_id=elem_id,
        elem_classes="compare",
        show_label=False,
        max_height=4096,  # the style sheet sets the height
    )


def shown_choice() -> gr.CheckboxGroup:
    """What the pictures show."""
    return gr.CheckboxGroup(
        [("Close-up", overlay.CLOSE), ("Mask outline", overlay.MASK), ("Landmarks", overlay.LANDMARKS)],
        value=[overlay.CLOSE],
        label="What the pictures show",
        show_label=False,
        container=False,
        elem_classes="shown",
    )


def name_pictures(elem_id: str, after: str) -> str:
    """JavaScript that gives the slider's pictures their names for screen readers: the component has no way to say them.

    Args:
        elem_id: id of the slider.
        after: what the right picture is called.
    """
    return f"""() => document.querySelectorAll("#{elem_id} img").forEach((picture, i) => {{
  picture.alt = i ? "{after}" : "Photo";
}})"""


def views(outcome: Outcome[RepaintResult], shown: list[str]) -> tuple[str, str]:
    """Files of the pictures before and after, drawn when first asked for.

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
    return outcome.views[wanted]
