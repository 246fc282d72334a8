"""The folder view of mask removal: masks are found, or matched by name, and references are matched by name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import gradio as gr

from pipelines.arrays import Pixels
from pipelines.errors import PhiltrumError
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _
from pipelines.results import MaskRemovalResult
from ui.folders.base import Given, Taken
from ui.folders.repainting import RepaintingFolder
from ui.parts.repaint_settings import engine_choice, points_slider
from ui.session.folders import Folder, Row
from ui.session.kept import Photo
from ui.tabs.mask_removal import SOURCES, found_base, likeness_html, note_html, read_reference


class RemovalFolder(RepaintingFolder):
    """Adds to what repainting jobs have: references, and the networks that draw."""

    prefix = "removal"
    takes: ClassVar = {
        "mask": Taken(_("Masks, by their photo’s name")),
        "reference": Taken(_("References, by their photo’s name"), several=True),
    }
    own_label = _("Find mask")
    columns = (_("Mask"), _("References"), _("Likeness"))
    names = (_("Photo"), _("Without the mask"))
    advanced = _("Mask edge, control points, engine and seed")

    def build_advanced(self) -> dict[str, gr.components.Component]:
        info = _("The first is nearer to the hidden face wherever that could be measured.")
        return {"points": points_slider(), "engine": engine_choice(info)}

    def build_facts(self) -> list[gr.components.Component]:
        return [gr.HTML(note_html(), apply_default_css=False), gr.HTML("", apply_default_css=False)]

    def given(self, pixels: Pixels, row: Row, folder: Folder, settings: Mapping[str, Any]) -> Given:
        known = super().given(pixels, row, folder, settings)
        files = folder.belonging("reference", row)
        own: dict[str, Any] = {"engine": settings["engine"], "points": int(settings["points"])}
        own |= {"reference": [read_reference(file.read_bytes()) for file in files]} if files else {}
        return replace(known, options=known.options | own, references=[file.name for file in files])

    def cells(self, result: MaskRemovalResult, given: Given) -> tuple[str, ...]:
        likeness = "" if result.identity is None else figure(result.identity, "z.2f").replace("-", "−")
        used = (
            _("{number} of {count}").format(number=len(result.references), count=len(given.references))
            if result.left_out
            else len(result.references)
        )
        return given.mask or SOURCES[result.mask_source], str(used or _("none")), likeness

    def tell(self, result: MaskRemovalResult) -> list[str]:
        return [note_html(result), likeness_html(result)]

    def no_facts(self) -> list[Any]:
        return [note_html(), ""]

    def own_mask(self, photo: Photo, settings: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return found_base(photo, 0)
        except PhiltrumError as error:
            raise type(error)(_("{error} Paint the mask.").format(error=error)) from error
