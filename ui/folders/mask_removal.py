"""The folder view of mask removal: masks are found, or matched by name, and references are matched by name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import gradio as gr

from pipelines.arrays import Pixels
from pipelines.errors import PhiltrumError
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
        "mask": Taken("Masks, by their photo’s name"),
        "reference": Taken("References, by their photo’s name", several=True),
    }
    own_label = "Find mask"
    columns = ("Mask", "References", "Likeness")
    names = ("Photo", "Without the mask")
    advanced = "Mask edge, control points, engine and seed"

    def build_advanced(self) -> dict[str, gr.components.Component]:
        info = "The first is nearer to the hidden face wherever that could be measured."
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
        likeness = "" if result.identity is None else f"{result.identity:z.2f}".replace("-", "−")
        used = f"{len(result.references)} of {len(given.references)}" if result.left_out else len(result.references)
        return given.mask or SOURCES[result.mask_source], str(used or "none"), likeness

    def tell(self, result: MaskRemovalResult) -> list[str]:
        return [note_html(result), likeness_html(result)]

    def no_facts(self) -> list[Any]:
        return [note_html(), ""]

    def own_mask(self, photo: Photo, settings: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return found_base(photo, 0)
        except PhiltrumError as error:
            raise type(error)(f"{error} Paint the mask.") from error
