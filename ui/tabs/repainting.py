"""What every tab that repaints part of a face does the same way: photo and mask in, run, comparison and files out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from pipelines.errors import Cancelled, MaskEmpty, PhiltrumError
from pipelines.exports.interface import exports_of
from pipelines.faces.formats.kinds import CHOSEN
from pipelines.faces.images import read_image, read_mask
from pipelines.faces.landmarks import find_faces, pick_face
from pipelines.faces.masks import fit, suggest_mask
from pipelines.faces.points import Face
from pipelines.results import RepaintResult
from ui.examples import people as examples
from ui.parts.case import case_field, case_name, cleared_case, of_case
from ui.parts.comparison import comparison_slider, name_pictures, shown_choice, views
from ui.parts.editor import add_base, answer, mask_editor, photo_props, refusal
from ui.parts.widgets import explain, footer_html, guarded, status_html, toast
from ui.pictures.masks import editor_size, is_untouched, photo_mask, read_layer
from ui.server.callers import while_waited_for
from ui.server.downloads import download_buttons, write_bundle, write_files
from ui.server.engine import GPU, Engine, stoppable
from ui.server.sessions import Photo, Sessions, Work
from ui.server.uploads import take
from ui.tabs.base import ResultTab, idle

FEATHER = 4.0
"""Feather that the slider starts at, in % of the distance between the eyes; the pipelines' own default."""

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Of events that are over at once and are nobody's business but the page's."""


class RepaintingTab(ResultTab):
    """The tab's components and what their events do.

    A job's own tab says what it is called, adds its own components (``build_...``), connects them (:meth:`connect`) and
    tells of its result (:meth:`tell`).

    Args:
        engine: runs the pipeline.
        sessions: keeps what each page has given.
    """

    job: str
    """Which job the engine runs."""
    prefix: str
    """Begins the ids on the page."""
    stem: str
    """Begins the names of files to download."""
    headings: tuple[str, str]
    """Over the columns."""
    lead: str
    """One sentence in the empty editor."""
    canvas: str
    """Name of the editor's canvas for screen readers."""
    after: str
    """What the result is called beside the photo."""
    advanced: str
    """Over the folded settings."""
    gallery: Callable[[], list[dict[str, Any]]]
    """The editor's examples."""

    def __init__(self, engine: Engine, sessions: Sessions):
        self.engine, self.sessions = engine, sessions
        self.name = self.job.replace("-", "_")
        self.facts: list[gr.HTML] = []
        """Components that :meth:`tell` fills."""

    # --- components -------------------------------------------------------------------------------------------------

    def build(self, status: gr.HTML) -> None:
        """Lays the tab out and connects it.

        Args:
            status: the header's status line.
        """
        with gr.Row(elem_classes=["work", f"work-{self.prefix}"], equal_height=False):
            with gr.Column(elem_classes="give", min_width=440):
                self._build_inputs()
            with gr.Column(elem_classes="get", min_width=440):
                self._build_outputs()
        self.footer = gr.HTML(footer_html(), apply_default_css=False)
        self._connect(status)
        self.connect()
        gr.api(
            self.api,
            api_name=self.name,
            api_description=self.api.__doc__,
            **GPU,
        )

    def _build_inputs(self) -> None:
        run = f"{self.prefix}-run"
        gr.HTML(f'<h2 class="step">{self.headings[0]}</h2>', apply_default_css=False)
        self.editor = mask_editor(f"{self.prefix}-editor", run, self.lead, self.canvas, self.gallery)
        with gr.Row(elem_classes="suggest", equal_height=True):
            self.build_region()
            self.upload_mask = gr.UploadButton(
                "Upload mask", file_types=["image", *CHOSEN], size="md", scale=0, min_width=124
            )
        self.face = gr.Radio([("Face 1 (largest)", 0)], value=0, label="Face to repaint", visible=False)
        self.build_inputs()
        self.case = case_field(f"{self.prefix}-case")
        with gr.Accordion(self.advanced, open=False, elem_classes="advanced"):
            self.grow = gr.Slider(
                -10, 30, 0, step=0.5, label="Grow the mask (% of the distance between the eyes)",
                info="Positive widens the mask, negative narrows it.",
            )  # fmt: skip
            self.feather = gr.Slider(
                0, 20, FEATHER, step=0.5, label="Feather (% of the distance between the eyes)",
                info="Width of the soft edge around the mask; outside it every pixel stays as it was.",
            )  # fmt: skip
            self.build_advanced()
            self.seed = gr.Number(
                0, label="Seed", precision=0, minimum=0, maximum=2**32 - 1,
                info="The same photo, mask and seed give the same result.",
            )  # fmt: skip
        with gr.Row(elem_classes="go"):
            self.run = gr.Button("Run", variant="primary", elem_id=run, scale=3, min_width=160)
            self.cancel = gr.Button(
                "Cancel", interactive=False, elem_id=f"{self.prefix}-cancel", scale=1, min_width=110
            )
        gr.HTML(
            '<p class="keys"><kbd>[</kbd> <kbd>]</kbd> brush size &ensp;<kbd>Ctrl</kbd> <kbd>Z</kbd> undo &ensp;'
            "<kbd>Ctrl</kbd> <kbd>Enter</kbd> run</p>",
            apply_default_css=False,
        )

    def _build_outputs(self) -> None:
        gr.HTML(f'<h2 class="step">{self.headings[1]}</h2>', apply_default_css=False)
        self.slider = comparison_slider(
            f"{self.prefix}-slider", f"Photo on the left, {self.after.lower()} on the right"
        )
        self.shown = shown_choice()
        self.build_facts()
        with gr.Row(elem_classes="files"):
            self.files = download_buttons(self.prefix)

    def build_region(self) -> None:
        """Adds what lays a mask under the strokes, beside *Upload mask*."""

    def build_inputs(self) -> None:
        """Adds what else the job takes."""

    def build_advanced(self) -> None:
        """Adds settings of the job's own."""

    def build_facts(self) -> None:
        """Adds what stands below the comparison, to :attr:`facts` too."""

    # --- events -----------------------------------------------------------------------------------------------------

    def _connect(self, status: gr.HTML) -> None:
        self.upload_mask.upload(
            self.take_mask, [self.upload_mask, self.editor], self.editor, **self.named("upload_mask")
        )
        self.face.input(
            self.choose_face, [self.face, self.editor], [self.editor, *self.results], **self.named("choose_face")
        )
        self.shown.change(self.draw_over, self.shown, self.slider, concurrency_limit=1, **self.named("draw_over"))

        buttons = [self.run, self.cancel]
        begun = self.run.click(
            lambda: (gr.Button(interactive=False), gr.Button(interactive=True)),
            None,
            buttons,
            queue=False,
            **self.named("begin"),
        )
        ran = begun.then(
            self.predict,
            [self.editor, self.face, self.grow, self.feather, self.seed, self.shown, self.case, *self.own_inputs()],
            [*self.results, status],
            **self.named("run") | {"show_progress": "full"},
            show_progress_on=self.slider,
            **GPU,
        )
        ran.then(self.end, None, [*buttons, *self.results], queue=False, **self.named("end"))
        made = ran.success(self.make_files, None, self.files[:-1], concurrency_limit=2, **self.named("files"))
        bundled = made.success(self.make_bundle, None, self.files[-1], concurrency_limit=2, **self.named("bundle"))
        bundled.then(self.settle, None, self.results, queue=False, **self.named("settle"))
        self.case.change(self.begin_case, self.case, self.files, queue=False, **self.named("begin_case"))
        renamed = gr.on(
            [self.case.submit, self.case.blur], self.take_case, self.case, self.files[:-1], concurrency_limit=2,
            **self.named("case"),
        )  # fmt: skip
        renamed.success(self.make_bundle, None, self.files[-1], concurrency_limit=2, **self.named("case_bundle"))
        name = name_pictures(self.slider.elem_id, self.after)
        self.slider.change(None, None, None, js=name, **self.named("name_new_pictures"))
        made.then(None, None, None, js=name, **self.named("name_pictures"))
        self.cancel.click(self.stop, None, buttons, cancels=[ran], queue=False, **self.named("cancel"))

    def named(self, event: str) -> dict[str, Any]:
        """:data:`QUIET`, and the event's name, which no other tab has."""
        return QUIET | {"api_name": f"{self.name}_{event}"}

    def connect(self) -> None:
        """Connects the job's own components, and those that open photos."""

    def own_inputs(self) -> list[gr.components.Component]:
        """What :meth:`predict` takes after the settings that every job has."""
        return []

    # --- what belongs to a photo ------------------------------------------------------------------------------------

    @property
    def results(self) -> list[gr.components.Component]:
        """What shows a result: all that another photo or face clears."""
        return [self.slider, *self.facts, self.footer, *self.files]

    def cleared(self) -> list[Any]:
        """Updates of :attr:`results` where there is no result."""
        return [None, *self.no_facts(), footer_html(), *no_files(len(self.files))]

    # --- photo and mask ---------------------------------------------------------------------------------------------

    def take_photo(self, request: gr.Request, pixels: np.ndarray) -> tuple[Photo, dict[str, Any], list[Any]]:
        """Keeps a photo in the place of the former one.

        Returns:
            It, what the editor is told of it, and updates of the choice of its faces, the case and :attr:`results`.
        """
        faces = find_faces(pixels)
        case = cleared_case(self.work(request).photos.get("photo"))
        photo = self.work(request).take_photo(pixels, faces, editor_size(pixels.shape))
        if not faces:
            try:
                pick_face(faces, 0)  # says in its own words what to do
            except PhiltrumError as error:
                toast(error, "No face found")
        return photo, {"photo": photo_props(photo), "face": 0}, [face_choice(faces), case, *self.cleared()]

    @property
    def opened(self) -> list[gr.components.Component]:
        """What another photo changes: the editor, and what :meth:`take_photo` updates."""
        return [self.editor, self.face, self.case, *self.results]

    def not_opened(self) -> list[Any]:
        """Updates of :attr:`opened` where a file was refused."""
        return [refusal(), gr.skip(), gr.skip(), *self.kept()]

    def suggested(self, photo: Photo, face: int, extent: str) -> dict[str, Any]:
        """The region of ``extent``, to lie under the strokes."""
        mask = suggest_mask(pick_face(photo.faces, face), photo.pixels.shape[:2], extent)
        said = f"Mask suggested: {examples.EXTENT_LABELS[extent].lower()}."
        return add_base(photo, mask, said, {"face": face, "extent": extent})

    @guarded("Mask not used", answer)
    def take_mask(self, path: str | None, value: dict | None, request: gr.Request) -> gr.HTML:
        """Lays an uploaded mask under the strokes; one that marks nothing leaves the mask as it was."""
        (data,) = take(path)
        photo = self.photo(value, request)
        given = read_mask(data)
        if not given.any():
            raise MaskEmpty("The uploaded mask marks nothing, so the mask stays as it was; white is what is repainted.")
        mask = fit(given, photo.pixels.shape[:2])
        said = "Mask uploaded."
        if given.shape != mask.shape:
            said = f"Mask uploaded and scaled from {given.shape[1]} × {given.shape[0]} pixels."
        return answer(base=add_base(photo, mask, said))

    def choose_face(self, face: int, value: dict | None, request: gr.Request) -> list[Any]:
        """Turns to another face of the photo; the result of the former one goes."""
        try:
            photo = self.photo(value, request)
            self.work(request).choose_face(photo, int(face))
            return [answer(face=face, **self.face_props(photo, int(face))), *self.cleared()]
        except Exception as error:
            toast(error, "Face not chosen")
            return [answer(), *self.kept()]

    def face_props(self, photo: Photo, face: int) -> dict[str, Any]:
        """What else the editor is told when a face is chosen."""
        return {}

    def photo(self, value: dict | None, request: gr.Request) -> Photo:
        """The photo that the editor shows.

        Raises:
            PhotoGone: it is no longer here.
        """
        return self.work(request).photo_of((value or {}).get("photo"))

    # --- run --------------------------------------------------------------------------------------------------------

    def run_on_page(
        self,
        request: gr.Request,
        progress: gr.Progress,
        value: dict | None,
        face: int,
        grow: float,
        feather: float,
        seed: float,
        shown: list[str],
        case: str,
        own: Callable[[Work], dict[str, Any]] = lambda work: {},
    ) -> Any:
        """Runs the pipeline and shows the result.

        Args:
            request: of the page.
            progress: the page's.
            value: the editor's.
            face: which face of the photo.
            grow: % of the distance between the eyes.
            feather: the same.
            seed: of the grain.
            shown: what the pictures show.
            case: what the files call the case.
            own: further arguments of the job's own.
        """
        work = self.work(request)
        try:
            stop = work.start()
            photo = work.photo_of((value or {}).get("photo"), face=int(face))
            options = {"face": int(face)} | mask_options(value, photo, int(face)) | own(work)
            unit = pick_face(photo.faces, int(face)).eye_distance / 100
            report = stoppable(stop, lambda fraction, text: progress(fraction, desc=text))
            result = self.engine.run(
                self.job,
                photo.pixels,
                grow=float(grow) * unit,
                feather=float(feather) * unit,
                seed=int(seed or 0),
                progress=report,
                **options,
            )
            report(1.0, "drawing")
            return (
                views(work.take_result(of_case(result, case), stop), shown),
                *self.tell(result),
                footer_html(result),
                *no_files(len(self.files)),
                status_html(self.engine.status()),
            )
        except Cancelled:
            gr.Info("<b>Run cancelled.</b> There is no result of it.", duration=5)
        except Exception as error:
            toast(error, "Not run")
        return gr.skip()

    def tell(self, result: RepaintResult) -> list[Any]:
        """Updates of :attr:`facts`."""
        return []

    def no_facts(self) -> list[Any]:
        """Updates of :attr:`facts` where there is no result."""
        return []

    def stop(self, request: gr.Request) -> tuple:
        """Stops the run: the pipeline ends at its next report of progress."""
        self.work(request).stop.set()
        return idle()

    # --- result -----------------------------------------------------------------------------------------------------

    @guarded("Not drawn")
    def draw_over(self, shown: list[str], request: gr.Request) -> Any:
        """Shows the pictures with or without outline and landmarks."""
        outcome = self.work(request).outcome
        if outcome is None:
            return gr.skip()
        drawn = views(outcome, shown)
        return drawn if self.work(request).outcome is outcome else gr.skip()

    def begin_case(self, case: str, request: gr.Request) -> list[Any]:
        """Takes the files away that bear another case's name, until the new one is written out."""
        outcome = self.work(request).outcome
        same = outcome is None or outcome.result.case == case_name(case)
        return [gr.skip()] * len(self.files) if same else no_files(len(self.files))

    @guarded("Files not made")
    def take_case(self, case: str, request: gr.Request) -> Any:
        """Writes the files with another case's name."""
        outcome = self.work(request).outcome
        if outcome is None or outcome.result.case == case_name(case):
            return [gr.skip()] * (len(self.files) - 1)
        outcome.result = of_case(outcome.result, case)
        return self._write(request, write_files)

    @guarded("Files not made")
    def make_files(self, request: gr.Request) -> Any:
        """Writes the files to download, after the result is on the screen."""
        return self._write(request, write_files)

    @guarded("ZIP not made")
    def make_bundle(self, request: gr.Request) -> Any:
        """Writes the ZIP with the report, which takes longest, last."""
        return self._write(request, write_bundle)

    def _write(self, request: gr.Request, write: Callable[[str, RepaintResult, Path, str], dict[str, Path]]) -> Any:
        work = self.work(request)
        outcome = work.outcome
        if outcome is None:
            return gr.skip()
        try:
            paths = write(self.job, outcome.result, outcome.folder, self.stem)
        except FileNotFoundError:
            if work.outcome is outcome:
                raise
            return gr.skip()  # the page was closed, or another result came, in the meantime
        if work.outcome is not outcome:
            return gr.skip()
        buttons = [gr.DownloadButton(value=str(path), interactive=True) for path in paths.values()]
        return buttons if len(buttons) > 1 else buttons[0]

    # --- API --------------------------------------------------------------------------------------------------------

    def run_for_program(
        self,
        request: gr.Request,
        files: list[gr.FileData | None],
        case: str | None,
        run: Callable[..., RepaintResult],
    ) -> tuple[dict, dict, dict, dict, dict]:
        """Runs the pipeline for a program: numbers, result, mask, landmarks, ZIP.

        Args:
            request: of the program.
            files: what it uploaded, the photo first; each is removed.
            case: what the files call the case.
            run: makes the result from the files' contents and the progress that it reports to.
        """
        work = self.work(request)
        try:
            contents = take(*[file["path"] if file else None for file in files])
            result = of_case(run(*contents, while_waited_for(work)), case)
            folder = work.new_folder()
            paths = {
                **write_files(self.job, result, folder, self.stem),
                **write_bundle(self.job, result, folder, self.stem),
            }
            numbers = exports_of(self.job).facts(result)
        except Exception as error:
            raise gr.Error(explain(error), print_exception=False) from None
        return (numbers, *[file_data(paths[key]) for key in ("result", "mask", "landmarks", "zip")])


def read_photo_and_mask(photo: bytes, mask: bytes | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Both as arrays; a mask of the photo's proportions is scaled to its size.

    Raises:
        PhiltrumError: one is no picture, or the proportions differ.
    """
    pixels = read_image(photo)
    return pixels, None if mask is None else read_mask(mask, pixels.shape[:2])


def face_choice(faces: list[Face]) -> gr.Radio:
    """The choice of one of several faces; hidden where there is nothing to choose."""
    choices = [(f"Face {i + 1}{' (largest)' if i == 0 else ''}", i) for i in range(max(1, len(faces)))]
    return gr.Radio(choices, value=0, visible=len(faces) > 1)


def mask_options(value: dict, photo: Photo, face: int) -> dict[str, Any]:
    """The mask that the editor sent, as the pipeline takes it: ``bool`` ``(H, W)``, all False where nothing is painted.

    Where the editor shows a mask of this face as the pipeline itself makes it, the pipeline makes it: so the result
    says truly that it was suggested or found.
    """
    layer = None if value.get("layer") is None else read_layer(value["layer"], photo.size)
    base = photo.bases.get(value.get("base"))
    if is_untouched(layer, base) and base.made_by is not None and base.made_by["face"] == face:
        return base.made_by
    return {"mask": photo_mask(layer, base, photo.pixels.shape[:2])}


def no_files(count: int) -> list[gr.DownloadButton]:
    """Updates of so many buttons while there is nothing to download."""
    return [gr.DownloadButton(value=None, interactive=False) for _ in range(count)]


def file_data(path: Path) -> dict[str, Any]:
    """A file as a program gets it."""
    return gr.FileData(path=str(path), orig_name=path.name).model_dump()
