"""The strip below a result: what each stage of the work made, each picture to be opened large."""

import gradio as gr
import numpy as np

from pipelines.arrays import Pixels
from pipelines.languages.translation import _
from pipelines.mask_removal.exports import sources_legend, stage_pictures
from pipelines.results import MaskRemovalResult
from ui.pictures import overlay
from ui.theme import ASSETS, template

_STAGES = {
    "segmentation": (_("Mask"), _("The surgical mask as it was found in the photo, tinted blue.")),
    "hole": (_("Hidden"), _("The aligned face as the network sees it; what it may not see is white.")),
    "reference": (_("Reference"), _("The reference photo with the control points of the warp.")),
    "warped": (_("Warped"), _("The reference, warped onto the aligned face and matched in colour.")),
    "confidence": (_("Confidence"), _("How far the warped reference is trusted, from black = 0 to white = 1.")),
    "sources": (_("Sources"), _("Which reference fills which part of the hole.")),
    "coarse": (_("Draft"), _("The aligned face as it was drafted.")),
    "refined": (_("Drawn"), _("The aligned face as it was drawn in the end.")),
    "final": (_("Result"), _("The result around the face, at the photo's own size.")),
}
"""Name and meaning on the screen of each picture of :func:`pipelines.mask_removal.exports.stage_pictures`."""

_BOTH = _("Left the result, right what the paper's coarse and refinement network draw alone.")


def stage_strip(elem_id: str) -> gr.HTML:
    """The strip, empty.

    Args:
        elem_id: id on the page.
    """
    return gr.HTML(
        value=None,
        html_template=template("stages.html", name=elem_id),
        js_on_load=(ASSETS / "stages.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        stages=[],
    )


def show_stages(result: MaskRemovalResult | None, beside: MaskRemovalResult | None = None) -> gr.HTML:
    """An update of the strip.

    Args:
        result: whose stages; the strip is empty where there is none.
        beside: of the same photo and mask by the other networks, shown beside the result's.
    """
    pictures = {} if result is None else stage_pictures(result)
    legend = None if result is None else sources_legend(result)
    meanings = {name: meaning for name, (_name, meaning) in _STAGES.items()}
    if legend:
        meanings["sources"] += f" {legend}."
    stages = [
        {"label": _STAGES[name][0], "meaning": meanings[name], "url": overlay.jpeg_url(picture)}
        for name, picture in pictures.items()
    ]
    if result is not None and beside is not None:
        stages.append({"label": _("Both"), "meaning": _BOTH, "url": overlay.jpeg_url(_side_by_side(result, beside))})
    return gr.HTML(stages=stages)


def _side_by_side(result: MaskRemovalResult, beside: MaskRemovalResult) -> Pixels:
    """The face of both results; around one place, which is that of the first."""
    place = overlay.close_up(result.landmarks_before, result.photo.shape)
    return overlay.view(np.hstack([one.image[place] for one in (result, beside)]))
