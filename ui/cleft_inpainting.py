"""Tab 1: a face photo and a mask over the mouth become the predicted non-cleft face."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from pipelines.errors import Cancelled, OptionInvalid, PhiltrumError
from pipelines.exports import bundle_zip
from pipelines.faces.images import read_image, read_mask, write_png
from pipelines.faces.landmarks import find_faces, pick_face
from pipelines.faces.masks import EXTENTS, suggest_mask
from pipelines.results import CleftInpaintingResult
from pipelines.tables import csv_bytes, landmarks_csv, result_dict, result_json
from ui import CACHE, examples, overlay
from ui.editor import add_base, answer, mask_editor, photo_props
from ui.engine import Engine, stoppable
from ui.masks import editor_size, photo_mask, read_layer
from ui.sessions import Photo, Session, Sessions
from ui.widgets import explain, footer_html, guarded, measurements_html, status_html, toast

EDITOR, RUN, CANCEL, SLIDER = "cleft-editor", "cleft-run", "cleft-cancel", "cleft-slider"
"""Ids on the page."""

FEATHER = 4.0
"""Feather that the slider starts at, in % of the distance between the eyes; the pipeline's own default."""

FILES = {
    "result": ("Result, PNG", "philtrum-result.png"),
    "mask": ("Mask, PNG", "philtrum-mask.png"),
    "landmarks": ("Landmarks, CSV", "philtrum-landmarks.csv"),
    "json": ("Numbers, JSON", "philtrum-numbers.json"),
    "zip": ("Everything with a PDF report, ZIP", "philtrum-report.zip"),
}
"""What can be downloaded: label of the button, and name of the file, which says nothing of the photo's own name."""

_NAME_PICTURES = """() => document.querySelectorAll("#cleft-slider img").forEach((picture, i) => {
  picture.alt = i ? "Prediction" : "Photo";
})"""  # the component has no way to say it


class CleftInpaintingTab:
    """The tab's components and what their events do.

    Args:
        engine: runs the pipeline.
        sessions: keeps what each page has given.
    """

    def __init__(self, engine: Engine, sessions: Sessions):
        self.engine, self.sessions = engine, sessions

    # --- components -------------------------------------------------------------------------------------------------

    def build(self, status: gr.HTML, footer: gr.HTML) -> None:
        """Lays the tab out and connects it.

        Args:
            status: the header's status line.
            footer: the page's footer.
        """
        with gr.Row(elem_classes="work", equal_height=False):
            with gr.Column(elem_classes="give", min_width=440):
                self._build_inputs()
            with gr.Column(elem_classes="get", min_width=440):
                self._build_outputs()
        self._connect(status, footer)
        gr.api(
            self.api,
            api_name="cleft_inpainting",
            api_description=self.api.__doc__,
            concurrency_id="gpu",
            concurrency_limit=1,
        )

    def _build_inputs(self) -> None:
        gr.HTML('<h2 class="step">Photo and mask</h2>', apply_default_css=False)
        self.editor = mask_editor(EDITOR, RUN)
        with gr.Row(elem_classes="suggest", equal_height=True):
            self.extent = gr.Radio(
                [(examples.EXTENT_LABELS[extent], extent) for extent in EXTENTS],
                value="philtrum",
                label="Region to suggest",
                show_label=False,
                container=False,
                elem_classes="extent",
                scale=1,
                min_width=300,
            )
            self.suggest = gr.Button("Suggest mask", size="md", scale=0, min_width=124)
            self.upload_mask = gr.UploadButton("Upload mask", file_types=["image"], size="md", scale=0, min_width=124)
        self.face = gr.Radio([("Face 1 (largest)", 0)], value=0, label="Face to repaint", visible=False)
        with gr.Accordion("Mask edge and seed", open=False, elem_classes="advanced"):
            self.grow = gr.Slider(
                -10, 30, 0, step=0.5, label="Grow the mask (% of the distance between the eyes)",
                info="Positive widens the mask, negative narrows it.",
            )  # fmt: skip
            self.feather = gr.Slider(
                0, 20, FEATHER, step=0.5, label="Feather (% of the distance between the eyes)",
                info="Width of the soft edge around the mask; outside it every pixel stays as it was.",
            )  # fmt: skip
            self.seed = gr.Number(
                0, label="Seed", precision=0, minimum=0, maximum=2**32 - 1,
                info="The same photo, mask and seed give the same result.",
            )  # fmt: skip
        with gr.Row(elem_classes="go"):
            self.run = gr.Button("Run", variant="primary", elem_id=RUN, scale=3, min_width=160)
            self.cancel = gr.Button("Cancel", interactive=False, elem_id=CANCEL, scale=1, min_width=110)
        gr.HTML(
            '<p class="keys"><kbd>[</kbd> <kbd>]</kbd> brush size &ensp;<kbd>Ctrl</kbd> <kbd>Z</kbd> undo &ensp;'
            "<kbd>Ctrl</kbd> <kbd>Enter</kbd> run</p>",
            apply_default_css=False,
        )

    def _build_outputs(self) -> None:
        gr.HTML('<h2 class="step">Prediction</h2>', apply_default_css=False)
        self.slider = gr.ImageSlider(
            label="Photo on the left, prediction on the right",
            format="png",
            type="filepath",
            interactive=False,
            buttons=["fullscreen"],
            elem_id=SLIDER,
            show_label=False,
            max_height=4096,  # the style sheet sets the height
        )
        self.shown = gr.CheckboxGroup(
            [("Close-up", overlay.CLOSE), ("Mask outline", overlay.MASK), ("Landmarks", overlay.LANDMARKS)],
            value=[overlay.CLOSE],
            label="What the pictures show",
            show_label=False,
            container=False,
            elem_classes="shown",
        )
        self.table = gr.HTML(measurements_html(), apply_default_css=False)
        with gr.Row(elem_classes="files"):
            self.files = [
                gr.DownloadButton(label, interactive=False, size="md", min_width=120, elem_id=f"cleft-{key}")
                for key, (label, _) in FILES.items()
            ]

    def _connect(self, status: gr.HTML, footer: gr.HTML) -> None:
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        opened = [self.editor, self.face]
        self.editor.upload(self.open_photo, None, opened, api_name="open_photo", **quiet)
        self.editor.select(self.open_example, None, [*opened, self.extent], api_name="open_example", **quiet)
        self.suggest.click(
            self.suggest_mask, [self.editor, self.extent, self.face], self.editor, api_name="suggest_mask", **quiet
        )
        self.upload_mask.upload(
            self.take_mask, [self.upload_mask, self.editor], self.editor, api_name="upload_mask", **quiet
        )
        self.face.change(lambda face: answer(face=face), self.face, self.editor, api_name="choose_face", **quiet)
        self.shown.change(self.draw_over, self.shown, self.slider, api_name="draw_over", concurrency_limit=1, **quiet)

        buttons = [self.run, self.cancel]
        begun = self.run.click(
            lambda: (gr.Button(interactive=False), gr.Button(interactive=True)),
            None,
            buttons,
            queue=False,
            api_name="begin",
            **quiet,
        )
        ran = begun.then(
            self.predict,
            [self.editor, self.face, self.grow, self.feather, self.seed, self.shown],
            [self.slider, self.table, footer, status, *self.files],
            api_name="run",
            api_visibility="private",
            show_progress="full",
            show_progress_on=self.slider,
            concurrency_id="gpu",
            concurrency_limit=1,
        )
        ran.then(self._idle, None, buttons, queue=False, api_name="end", **quiet)
        made = ran.success(self.make_files, None, self.files[:-1], api_name="files", concurrency_limit=2, **quiet)
        made.success(self.make_bundle, None, self.files[-1], api_name="bundle", concurrency_limit=2, **quiet)
        name: dict[str, Any] = {"js": _NAME_PICTURES, "api_name": "name_pictures", "api_visibility": "private"}
        made.then(None, None, None, **name)
        self.slider.change(None, None, None, **name)
        self.cancel.click(self.stop, None, buttons, cancels=[ran], queue=False, api_name="cancel", **quiet)

    # --- photo and mask ---------------------------------------------------------------------------------------------

    @guarded("Photo not opened", lambda: (answer(), gr.skip()))
    def open_photo(self, event: gr.EventData, request: gr.Request) -> tuple:
        """Reads an upload, forgets its file, and shows it."""
        _, props, face = self._take_photo(request, _take_upload(event.path, read_image))
        return answer(**props), face

    @guarded("Example not opened", lambda: (answer(), gr.skip(), gr.skip()))
    def open_example(self, event: gr.EventData, request: gr.Request) -> tuple:
        """Shows the example portrait with the mask of the example that was clicked."""
        extent = _extent(event.example)
        photo, props, face = self._take_photo(request, examples.photo())
        mask = suggest_mask(photo.faces[0], photo.pixels.shape[:2], extent)
        return answer(**props, base=add_base(photo, mask, "Example opened, mask suggested.")), face, extent

    def _take_photo(self, request: gr.Request, pixels: np.ndarray) -> tuple[Photo, dict[str, Any], gr.Radio]:
        faces = find_faces(pixels)
        photo = self.sessions.get(request.session_hash).take_photo(pixels, faces, editor_size(pixels.shape))
        if not faces:
            try:
                pick_face(faces, 0)  # says in its own words what to do
            except PhiltrumError as error:
                toast(error, "No face found")
        choices = [(f"Face {i + 1}{' (largest)' if i == 0 else ''}", i) for i in range(max(1, len(faces)))]
        return (
            photo,
            {"photo": photo_props(photo), "face": 0},
            gr.Radio(choices, value=0, visible=len(faces) > 1),
        )

    @guarded("No mask suggested", answer)
    def suggest_mask(self, value: dict | None, extent: str, face: int, request: gr.Request) -> gr.HTML:
        """Lays the region of ``extent`` under the strokes."""
        photo = self._photo(value, request)
        mask = suggest_mask(pick_face(photo.faces, int(face)), photo.pixels.shape[:2], _extent(extent))
        return answer(base=add_base(photo, mask, f"Mask suggested: {examples.EXTENT_LABELS[extent]}."))

    @guarded("Mask not used", answer)
    def take_mask(self, path: str | None, value: dict | None, request: gr.Request) -> gr.HTML:
        """Lays an uploaded mask under the strokes."""
        shape = self._photo(value, request, path).pixels.shape[:2]
        mask = _take_upload(path, lambda source: read_mask(source, shape))
        return answer(base=add_base(self._photo(value, request), mask, "Mask uploaded."))

    def _photo(self, value: dict | None, request: gr.Request, upload: str | None = None) -> Photo:
        try:
            return self.sessions.get(request.session_hash).photo_of((value or {}).get("photo"))
        except PhiltrumError:
            if upload:
                _forget(upload)
            raise

    # --- run --------------------------------------------------------------------------------------------------------

    def predict(
        self,
        value: dict | None,
        face: int,
        grow: float,
        feather: float,
        seed: float,
        shown: list[str],
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how gradio hands the tracker over)
    ) -> Any:
        """Runs the pipeline and shows the result."""
        session = self.sessions.get(request.session_hash)
        try:
            photo = session.photo_of((value or {}).get("photo"))
            mask = _mask(value, photo)
            unit = pick_face(photo.faces, int(face)).eye_distance / 100
            report = stoppable(session.start(), lambda fraction, text: progress(fraction, desc=text))
            result = self.engine.run(
                photo.pixels,
                mask,
                face=int(face),
                grow=float(grow) * unit,
                feather=float(feather) * unit,
                seed=int(seed or 0),
                progress=report,
            )
            report(1.0, "drawing")
            session.take_result(result)
            return (
                self._views(session, shown),
                measurements_html(result.measurements_before, result.measurements),
                footer_html(result),
                status_html(self.engine.status()),
                *[gr.DownloadButton(value=None, interactive=False) for _ in self.files],
            )
        except Cancelled:
            gr.Info("<b>Run cancelled.</b> Photo and mask are as they were.", duration=5)
        except Exception as error:
            toast(error, "Not run")
        return gr.skip()

    def _idle(self) -> tuple:
        return gr.Button(interactive=True), gr.Button(interactive=False)

    def stop(self, request: gr.Request) -> tuple:
        """Stops the run: the pipeline ends at its next report of progress."""
        self.sessions.get(request.session_hash).stop.set()
        return self._idle()

    # --- result -----------------------------------------------------------------------------------------------------

    @guarded("Not drawn")
    def draw_over(self, shown: list[str], request: gr.Request) -> Any:
        """Shows the pictures with or without outline and landmarks."""
        session = self.sessions.get(request.session_hash)
        return gr.skip() if session.outcome is None else self._views(session, shown)

    def _views(self, session: Session, shown: list[str]) -> tuple[str, str]:
        outcome, wanted = session.outcome, frozenset(shown)
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

    @guarded("Files not made")
    def make_files(self, request: gr.Request) -> Any:
        """Writes the files to download, after the result is on the screen."""
        return self._write(request, write_files)

    @guarded("ZIP not made")
    def make_bundle(self, request: gr.Request) -> Any:
        """Writes the ZIP with the report, which takes longest, last."""
        return self._write(request, write_bundle)

    def _write(self, request: gr.Request, write: Callable[[CleftInpaintingResult, Path], dict[str, Path]]) -> Any:
        session = self.sessions.get(request.session_hash)
        outcome = session.outcome
        if outcome is None:
            return gr.skip()
        try:
            paths = write(outcome.result, outcome.folder)
        except FileNotFoundError:
            if session.outcome is outcome:
                raise
            return gr.skip()  # the page was closed, or another result came, in the meantime
        buttons = [gr.DownloadButton(value=str(path), interactive=True) for path in paths.values()]
        return buttons if len(buttons) > 1 else buttons[0]

    # --- API --------------------------------------------------------------------------------------------------------

    def api(
        self,
        request: gr.Request,
        photo: gr.FileData,
        mask: gr.FileData | None = None,
        extent: str = "philtrum",
        face: int = 0,
        grow: float = 0.0,
        feather: float | None = None,
        seed: int = 0,
    ) -> tuple[dict, gr.FileData, gr.FileData, gr.FileData, gr.FileData]:
        """Predicts the non-cleft face of a photo at the photo's own resolution.

        Give `photo` and, if you have one, `mask` (a picture of the photo's size; white = repaint). Without a mask the
        region `extent` is suggested from landmarks: "lips", "philtrum" (lips, philtrum and nostrils) or "lower-face".
        `face` picks one of several faces, 0 = largest. `grow` and `feather` are in pixels of the photo; without
        `feather` it is 4 % of the distance between the eyes. Returns the numbers (landmarks, measurements, seconds,
        weights), the result as PNG, the mask as used as PNG, the landmarks as CSV, and a ZIP of everything with a PDF
        report.
        """
        session = self.sessions.get(request.session_hash)
        try:
            pixels = _take_upload(photo["path"], read_image)
            painted = _take_upload(mask["path"], lambda source: read_mask(source, pixels.shape[:2])) if mask else None
            result = self.engine.run(
                pixels, painted, extent=_extent(extent), face=face, grow=grow, feather=feather, seed=seed
            )
            folder = session.new_folder()
            paths = write_files(result, folder) | write_bundle(result, folder)
        except Exception as error:
            raise gr.Error(explain(error), print_exception=False) from None
        return (result_dict(result), *[_file_data(paths[key]) for key in ("result", "mask", "landmarks", "zip")])


def write_files(result: CleftInpaintingResult, folder: Path) -> dict[str, Path]:
    """Writes what can be downloaded by itself; gives the path of each by key, in the order of :data:`FILES`."""
    paths = {key: folder / name for key, (_, name) in FILES.items() if key != "zip"}
    write_png(paths["result"], result.image)
    write_png(paths["mask"], result.mask)
    paths["landmarks"].write_bytes(csv_bytes(landmarks_csv(result)))
    paths["json"].write_bytes(result_json(result).encode())
    return paths


def write_bundle(result: CleftInpaintingResult, folder: Path) -> dict[str, Path]:
    """Writes the ZIP of everything with the report."""
    path = folder / FILES["zip"][1]
    path.write_bytes(bundle_zip(result))
    return {"zip": path}


def _take_upload(path: str, read: Callable[[bytes], np.ndarray]) -> np.ndarray:
    """Reads an uploaded file and removes it, whatever becomes of it: it was needed once."""
    source = Path(path).resolve()
    if not source.is_relative_to(CACHE) or not source.is_file():
        raise OptionInvalid("The upload is no longer there; choose the file again.")
    try:
        return read(source.read_bytes())
    finally:
        _forget(source)


def _forget(path: str | Path) -> None:
    source = Path(path).resolve()
    if source.is_relative_to(CACHE):
        source.unlink(missing_ok=True)


def _extent(extent: Any) -> str:
    if extent not in EXTENTS:
        raise OptionInvalid(f"The mask extent must be one of {', '.join(EXTENTS)}.")
    return extent


def _mask(value: dict, photo: Photo) -> np.ndarray:
    """The mask that the editor sent, ``bool`` ``(H, W)``; all False where nothing is painted."""
    layer = None if value.get("layer") is None else read_layer(value["layer"], photo.size)
    return photo_mask(layer, photo.bases.get(value.get("base")), photo.pixels.shape[:2])


def _file_data(path: Path) -> dict[str, Any]:
    return gr.FileData(path=str(path), orig_name=path.name).model_dump()
