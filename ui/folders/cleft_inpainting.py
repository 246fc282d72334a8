"""The folder view of cleft inpainting: masks by name or by brush, else the region that is suggested."""

from collections.abc import Mapping
from typing import Any, ClassVar

import gradio as gr

from pipelines.faces.landmarks import pick_face
from pipelines.faces.masks import EXTENT_NAMES, suggest_mask
from pipelines.languages.translation import _, capital
from pipelines.results import RepaintResult
from ui.folders.base import Given, Taken
from ui.folders.repainting import RepaintingFolder
from ui.parts.editor import add_base
from ui.parts.repaint_settings import extent_choice
from ui.parts.widgets import measurements_html
from ui.session.kept import Photo


class CleftFolder(RepaintingFolder):
    """Adds to what repainting jobs have: the region, and the measurements."""

    prefix = "cleft"
    takes: ClassVar = {"mask": Taken(_("Masks, by their photo’s name"))}
    own_label = _("Suggest mask")
    columns = (_("Mask"), _("Repainted"))
    names = (_("Photo"), _("Prediction"))

    def build_region(self) -> dict[str, gr.components.Component]:
        with gr.Row(elem_classes="choice", equal_height=True):
            gr.HTML(f"<p>{_('Without a mask')}</p>", apply_default_css=False, min_width=90)
            return {"extent": extent_choice(_("Region of photos without a mask"))}

    def build_facts(self) -> list[gr.components.Component]:
        return [gr.HTML(measurements_html(), apply_default_css=False)]

    def without_mask(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"extent": settings["extent"]}

    def used(self, settings: Mapping[str, Any], masked: bool) -> Mapping[str, Any]:
        return {name: value for name, value in settings.items() if not (masked and name == "extent")}

    def cells(self, result: RepaintResult, given: Given) -> tuple[str, ...]:
        suggested = EXTENT_NAMES[result.extent] if result.extent else ""
        return given.mask or suggested, self.share(result)

    def tell(self, result: RepaintResult) -> list[str]:
        return [measurements_html(result.measurements_before, result.measurements)]

    def no_facts(self) -> list[Any]:
        return [measurements_html()]

    def own_mask(self, photo: Photo, settings: Mapping[str, Any]) -> dict[str, Any]:
        extent = settings["extent"]
        mask = suggest_mask(pick_face(photo.faces, 0), photo.pixels.shape[:2], extent)
        return add_base(
            photo,
            mask,
            _("{region}, as suggested.").format(region=capital(EXTENT_NAMES[extent])),
            {"face": 0, "extent": extent},
        )
