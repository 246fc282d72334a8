"""Tab 1: a face photo and a mask over the mouth become the predicted non-cleft face."""

from typing import Any

import gradio as gr

from pipelines.cleft_inpainting.choices import EXTENT
from pipelines.faces.blending.hole import FEATHER
from pipelines.faces.images import read_image
from pipelines.faces.masks import EXTENTS
from pipelines.jobs import CLEFT_INPAINTING
from pipelines.languages.translation import _
from pipelines.progress import Progress
from pipelines.results import Extent, RepaintResult
from ui.examples import people as examples
from ui.parts.editor import answer
from ui.parts.repaint_settings import extent_choice
from ui.parts.widgets import guarded, measurements_html, toast
from ui.server.uploads import take_one
from ui.tabs.repainting import RepaintingTab, read_photo_and_mask

REGIONS = "regions"
"""A result for each region that can be suggested."""


class CleftInpaintingTab(RepaintingTab):
    """Adds to what every tab does: regions to suggest, and the table of measurements."""

    job = CLEFT_INPAINTING
    prefix = "cleft"
    stem = "philtrum"
    headings = (_("Photo and mask"), _("Prediction"))
    lead = _("Drop a face photo here, paint over the mouth or ask for a mask, then press Run.")
    canvas = _("Photo with the mask to repaint. Paint with the pointer, or use Suggest mask.")
    after = _("Prediction")
    awaited = _("The prediction appears here, beside the photo.")
    advanced = _("Mask edge, seed and several results")
    severals = ((_("Each region"), REGIONS),)
    gallery = staticmethod(examples.gallery)

    def build_region(self) -> None:
        self.extent = extent_choice(_("Extent of the suggested mask"), scale=1)
        self.suggest = gr.Button(_("Suggest mask"), size="md", scale=0, min_width=124)

    def build_facts(self) -> None:
        self.facts = [gr.HTML(measurements_html(), apply_default_css=False)]

    def connect(self) -> None:
        self.editor.upload(self.open_photo, None, self.opened, **self.named("open_photo"))
        self.editor.select(self.open_example, None, [self.extent, *self.opened], **self.named("open_example"))
        self.suggest.click(
            self.suggest_mask, [self.editor, self.extent, self.face], self.editor, **self.named("suggest_mask")
        )

    def open_photo(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Reads an upload, forgets its file, and shows it."""
        try:
            data = take_one(event.path)
            _photo, props, more = self.take_photo(request, read_image(data))
        except Exception as error:
            toast(error, _("Photo not opened"))
            return self.not_opened()
        return [answer(**props), *more]

    def open_example(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Shows the photo of the example that was clicked, with its mask."""
        try:
            example = examples.EXAMPLES[event.example]
            photo, props, more = self.take_photo(request, examples.photo(example.picture))
            return [example.extent, answer(**props, base=self.suggested(photo, 0, example.extent)), *more]
        except Exception as error:
            toast(error, _("Example not opened"))
            return [gr.skip(), *self.not_opened()]

    @guarded(_("No mask suggested"), answer)
    def suggest_mask(self, value: dict | None, extent: Extent, face: int, request: gr.Request) -> gr.HTML:
        """Lays the region of ``extent`` under the strokes."""
        return answer(base=self.suggested(self.photo(value, request), int(face), extent))

    def predict(
        self,
        value: dict | None,
        face: int,
        grow: float,
        feather: float,
        seed: float,
        several: str,
        shown: list[str],
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how gradio hands the tracker over)
    ) -> Any:
        """Runs the pipeline and shows the result."""
        return self.run_on_page(request, progress, value, face, grow, feather, seed, several, shown)

    @property
    def kept_settings(self) -> dict[str, gr.components.Component]:
        return {"extent": self.extent, **super().kept_settings}

    def variants(self, several: str, options: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        if several == REGIONS:
            return [(options | {"mask": None, "extent": extent}, {"extent": extent}) for extent in EXTENTS]
        return super().variants(several, options)

    def tell(self, result: RepaintResult, *others: RepaintResult) -> list[Any]:
        return [measurements_html(result.measurements_before, result.measurements)]

    def no_facts(self) -> list[Any]:
        return [measurements_html()]

    def api(
        self,
        request: gr.Request,
        photo: gr.FileData,
        mask: gr.FileData | None = None,
        extent: str = EXTENT,
        face: int = 0,
        grow: float = 0.0,
        feather: float = FEATHER,
        seed: int = 0,
        case: str | None = None,
    ) -> tuple[dict, gr.FileData, gr.FileData, gr.FileData, gr.FileData]:
        """Predicts the non-cleft face of a photo at the photo's own resolution.

        Give `photo` and, if you have one, `mask` (a picture of its shape; white = repaint). Without a mask the
        region `extent` is suggested from landmarks: "lips", "lips-to-nose" (lips, philtrum and nostrils) or
        "lower-face". `face` picks one of several faces, 0 = largest. `grow` and `feather` are per cent of the distance
        between the eyes. `seed` 0 draws what is likeliest, another number another
        face that it could be. `case` is a name that stands in every table and in the
        report. Returns the numbers (landmarks, measurements, seconds, weights, the SHA-256 of the photo's pixels), the
        result as PNG, the mask as used as PNG, the landmarks as CSV, and a ZIP of everything with a PDF report.
        """

        def run(photo: bytes, mask: bytes | None, progress: Progress) -> RepaintResult:
            pixels, painted = read_photo_and_mask(photo, mask)
            return self.engine.run(
                self.job, pixels, progress=progress, mask=painted, extent=extent, face=face, grow=grow,
                feather=feather, seed=seed,
            )  # fmt: skip

        return self.run_for_program(request, [photo, mask], case, run)
