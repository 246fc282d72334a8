"""How part of a face is repainted: the settings that one photo and a folder of photos have alike."""

from typing import Any

import gradio as gr

from pipelines.cleft_inpainting.choices import EXTENT
from pipelines.faces.blending.hole import FEATHER
from pipelines.faces.masks import EXTENT_NAMES
from pipelines.languages.translation import _, capital
from pipelines.mask_removal.choices import CONTROL_POINTS, ENGINE, FEWEST, MOST
from pipelines.results import PaintingEngine

ENGINE_NAMES: dict[PaintingEngine, str] = {
    "inpainter": _("Inpainting network, refined by the reference"),
    "paper": _("Coarse and refinement network of the paper"),
}
"""Engine → what the page calls it."""


def edge_sliders() -> dict[str, gr.Slider]:
    """How the mask's edge is: ``grow`` and ``feather``, both in % of the distance between the eyes."""
    return {
        "grow": gr.Slider(
            -10, 30, 0, step=0.5, label=_("Grow the mask (% of the distance between the eyes)"),
            info=_("Positive widens the mask, negative narrows it."),
        ),
        "feather": gr.Slider(
            0, 20, FEATHER, step=0.5, label=_("Feather (% of the distance between the eyes)"),
            info=_("Width of the soft edge around the mask; outside it every pixel stays as it was."),
        ),
    }  # fmt: skip


def seed_number() -> gr.Number:
    """The seed of what is drawn."""
    return gr.Number(
        0, label=_("Seed"), precision=0, minimum=0, maximum=2**32 - 1,
        info=_("0 draws what is likeliest, every other number another face that it could be."),
    )  # fmt: skip


def extent_choice(label: str, **more: Any) -> gr.Radio:
    """The region that is suggested."""
    return gr.Radio(
        [(capital(name), extent) for extent, name in EXTENT_NAMES.items()],
        value=EXTENT,
        label=label,
        show_label=False,
        container=False,
        elem_classes="extent",
        min_width=300,
        **more,
    )


def points_slider() -> gr.Slider:
    """How many control points warp a reference."""
    return gr.Slider(
        FEWEST, MOST, CONTROL_POINTS, step=1, label=_("Control points of the warp"),
        info=_("More follow the reference more closely, fewer more smoothly."),
    )  # fmt: skip


def engine_choice(info: str, *more: tuple[str, str]) -> gr.Radio:
    """The networks that draw.

    Args:
        info: what there is to know of them.
        more: further choices: label and value.
    """
    named = [(title, name) for name, title in ENGINE_NAMES.items()]
    return gr.Radio([*named, *more], value=ENGINE, label=_("Engine"), info=info)
