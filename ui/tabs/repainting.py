"""What every tab that repaints part of a face does the same way: photo and mask in, run, comparison and files out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
import numpy as np

from pipelines.arrays import Pixels
from pipelines.cases.case import Case, named
from pipelines.errors import Cancelled, MaskEmpty, PhiltrumError
from pipelines.exports.interface import exports_of
from pipelines.exports.tables import of_case
from pipelines.faces.blending.hole import FEATHER
from pipelines.faces.formats.kinds import CHOSEN
from pipelines.faces.images import read_image, read_mask
from pipelines.faces.landmarks import find_faces, pick_face
from pipelines.faces.masks import EXTENT_NAMES, fit, suggest_mask
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _
from pipelines.progress import Progress
from pipelines.results import Extent, RepaintResult
from ui.parts.comparison import comparison_slider, shown_choice, views
from ui.parts.editor import add_base, answer, face_choice, mask_editor, photo_props, refusal
from ui.parts.repaint_settings import edge_sliders, seed_number
from ui.parts.runs import run_strip, told
from ui.parts.widgets import footer_html, guarded, headed, status_html, step, toast
from ui.pictures.masks import Base, editor_size, is_untouched, photo_mask, read_layer
from ui.pictures.overlay import close_up
from ui.server.downloads import download_buttons, write_bundle, write_files
from ui.server.engine import GPU
from ui.server.sessions import Work
from ui.server.time_left import part_of
from ui.server.uploads import take_one
from ui.session.kept import Outcome, Photo
from ui.session.runs import Told
from ui.tabs.base import KEYS, Field, ResultTab, no_files

ONE, SEEDS = "one", "seeds"
"""What can be made at once in every tab."""


class RepaintingTab(ResultTab):
    """The tab's components and what their events do.

    A job's own tab says what it is called, adds its own components (``build_...``), connects them (:meth:`connect`) and
    tells of its result (:meth:`tell`).
    """

    headings: tuple[str, str]
    """Over the columns."""
    lead: str
    """One sentence in the empty editor."""
    canvas: str
    """Name of the editor's canvas for screen readers."""
    after: str
    """What the result is called beside the photo."""
    awaited: str
    """One sentence where there is no result."""
    advanced: str
    """Over the folded settings."""
    gallery: Callable[[], list[dict[str, Any]]]
    """The editor's examples."""

    facts: Sequence[gr.components.Component] = ()
    """Components that :meth:`tell` fills."""
    api: Callable[..., Any]
    """What programs call; the job's own."""
    predict: Callable[..., Any]
    """What *Run* calls; the job's own."""

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
            api_name=self.job.replace("-", "_"),
            api_description=self.api.__doc__,
            **GPU,
        )

    def _build_inputs(self) -> None:
        gr.HTML(step(self.headings[0]), apply_default_css=False)
        self.editor = mask_editor(f"{self.prefix}-editor", f"{self.prefix}-run", self.lead, self.canvas, self.gallery)
        with gr.Row(elem_classes="suggest", equal_height=True):
            self.build_region()
            self.upload_mask = gr.UploadButton(
                _("Upload mask"), file_types=["image", *CHOSEN], size="md", scale=0, min_width=124
            )
        self.face = gr.Radio([(_("Face 1 (largest)"), 0)], value=0, label=_("Face to repaint"), visible=False)
        self.build_inputs()
        with gr.Accordion(self.advanced, open=False, elem_classes="advanced"):
            self.grow, self.feather = edge_sliders().values()
            self.build_advanced()
            self.several = gr.Radio(
                [(_("One"), ONE), *self.severals, (_("Four seeds"), SEEDS)], value=ONE, label=_("Results at once"),
                info=_("Each stands in the strip of results, to be shown, compared and chosen; the first is shown."),
            )  # fmt: skip
            self.seed = seed_number()
        self.build_buttons()
        gr.HTML(KEYS, apply_default_css=False)

    def _build_outputs(self) -> None:
        gr.HTML(step(self.headings[1]), apply_default_css=False)
        self.slider = comparison_slider(
            f"{self.prefix}-slider",
            _("Photo"),
            self.after,
            self.awaited,
            done=_("{name}: the result is ready.").format(name=self.headings[1]),
        )
        self.shown = shown_choice()
        self.strip = run_strip(f"{self.prefix}-runs")
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

        inputs = [self.editor, self.face, self.grow, self.feather, self.seed, self.several, self.shown]
        outputs = [*self.results, self.strip, status]
        ran = self.connect_run(self.predict, [*inputs, *self.own_inputs()], outputs, self.slider)
        parts = ("files", self.make_files, self.files[:-1]), ("bundle", self.make_bundle, self.files[-1:])
        self.connect_files(ran, self.connect_runs(), parts)

    def connect(self) -> None:
        """Connects the job's own components, and those that open photos."""

    def own_inputs(self) -> list[gr.components.Component]:
        """What :meth:`predict` takes after the settings that every job has."""
        return []

    # --- what belongs to a photo ------------------------------------------------------------------------------------

    @property
    def buttons(self) -> list[gr.DownloadButton]:
        return self.files

    @property
    def results(self) -> list[gr.components.Component]:
        """What shows a result: all that another photo or face clears."""
        return [self.slider, *self.facts, self.footer, *self.files]

    def cleared(self) -> list[Any]:
        """Updates of :attr:`results` where there is no result."""
        return [None, *self.no_facts(), footer_html(), *no_files(len(self.files))]

    # --- runs -------------------------------------------------------------------------------------------------------

    def sides(self, outcome: Outcome) -> tuple[Pixels, Pixels]:
        result = outcome.result
        place = close_up(result.landmarks_before, result.photo.shape)
        return result.image[place], result.photo[place]

    # --- photo and mask ---------------------------------------------------------------------------------------------

    def take_photo(self, request: gr.Request, pixels: np.ndarray) -> tuple[Photo, dict[str, Any], list[Any]]:
        """Keeps a photo in the place of the former one.

        Returns:
            It, what the editor is told of it, and updates of the choice of its faces and :attr:`results`.
        """
        faces = find_faces(pixels)
        photo = self.work(request).take_photo(pixels, faces, editor_size(pixels.shape))
        if not faces:
            try:
                pick_face(faces, 0)  # says in its own words what to do
            except PhiltrumError as error:
                toast(error, _("No face found"))
        return photo, {"photo": photo_props(photo), "face": 0}, [face_choice(faces), *self.cleared()]

    @property
    def opened(self) -> list[gr.components.Component]:
        """What another photo changes: the editor, and what :meth:`take_photo` updates."""
        return [self.editor, self.face, *self.results]

    def not_opened(self) -> list[Any]:
        """Updates of :attr:`opened` where a file was refused."""
        return [refusal(), gr.skip(), *self.kept()]

    def suggested(self, photo: Photo, face: int, extent: Extent) -> dict[str, Any]:
        """The region of ``extent``, to lie under the strokes."""
        mask = suggest_mask(pick_face(photo.faces, face), photo.pixels.shape[:2], extent)
        said = _("Mask suggested: {region}.").format(region=EXTENT_NAMES[extent])
        return add_base(photo, mask, said, {"face": face, "extent": extent})

    @guarded(_("Mask not used"), answer)
    def take_mask(self, path: str | None, value: dict | None, request: gr.Request) -> gr.HTML:
        """Lays an uploaded mask under the strokes; one that marks nothing leaves the mask as it was."""
        data = take_one(path)
        photo = self.photo(value, request)
        given = read_mask(data)
        if not given.any():
            raise MaskEmpty(
                _("The uploaded mask marks nothing, so the mask stays as it was; white is what is repainted.")
            )
        mask = fit(given, photo.pixels.shape[:2])
        said = _("Mask uploaded.")
        if given.shape != mask.shape:
            said = _("Mask uploaded and scaled from {width} × {height} pixels.").format(
                width=given.shape[1], height=given.shape[0]
            )
        return answer(base=add_base(photo, mask, said))

    def choose_face(self, face: int, value: dict | None, request: gr.Request) -> list[Any]:
        """Turns to another face of the photo; the result of the former one goes."""
        try:
            photo = self.photo(value, request)
            self.work(request).choose_face(photo, int(face))
            return [answer(face=face, **self.face_props(photo, int(face))), *self.cleared()]
        except Exception as error:
            toast(error, _("Face not chosen"))
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
        several: str,
        shown: list[str],
        own: Callable[[Work], dict[str, Any]] = lambda work: {},
        settings: Mapping[str, Any] | None = None,
    ) -> Any:
        """Runs the pipeline and shows the result.

        Args:
            request: of the page.
            progress: the page's.
            value: the editor's.
            face: which face of the photo.
            grow: % of the distance between the eyes.
            feather: the same.
            seed: 0 draws what is likeliest.
            several: which results are made at once.
            shown: what the pictures show.
            own: further arguments of the job's own.
            settings: further settings of the page, for when the result is shown again.
        """

        def run(work: Work, stop: Event, report: Progress) -> tuple[Any, ...]:
            photo = work.photo_of((value or {}).get("photo"), face=int(face))
            options = {"face": int(face)} | mask_options(value, photo, int(face)) | own(work)
            options |= {"grow": float(grow), "feather": float(feather), "seed": int(seed or 0)}
            given = {"grow": grow, "feather": feather} | dict(settings or {})
            outcomes = self._run_each(
                work, stop, report, photo, self.variants(several, options), given, self.case(request)
            )
            report(1.0, "drawing")
            results = [outcome.result for outcome in outcomes]
            self.remark(results[0])
            updates = self._shown(outcomes[0], shown, self.tell(*results))
            return (*updates, self.runs_shown(request), status_html(self.engine.status()))

        return self.running(request, progress, run)

    def _shown(self, outcome: Outcome, shown: list[str], facts: list[Any]) -> list[Any]:
        """Updates of :attr:`results`."""
        footer = footer_html(outcome.result, self.engine.status())
        return [views(outcome, shown), *facts, footer, *no_files(len(self.files))]

    def _run_each(
        self,
        work: Work,
        stop: Event,
        report: Progress,
        photo: Photo,
        variants: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
        settings: Mapping[str, Any],
        case: Case | None,
    ) -> list[Outcome]:
        """Runs the pipeline with each of ``variants``, and keeps each result as soon as it is there.

        Raises:
            Cancelled: the run was stopped before the first result was there; later what is there is given.
        """
        outcomes: list[Outcome] = []
        for number, (options, changes) in enumerate(variants):
            try:
                result = self.engine.run(
                    self.job, photo.pixels, progress=part_of(report, number, len(variants)), **options
                )
            except Cancelled:
                if not outcomes or work.outcome is not outcomes[0]:
                    raise
                said = _("{number} of {count} results are there.")
                gr.Info(headed(_("Run cancelled"), said.format(number=number, count=len(variants))), duration=5)
                break
            given = {**settings, **changes, "seed": options["seed"]}
            masks = {"photo": self._base(photo, options)}
            made, told_of = of_case(result, case), self._told(result, given)
            outcomes.append(work.take_result(made, stop, given, masks, told_of, shown=not outcomes))
        return outcomes

    def _base(self, photo: Photo, options: Mapping[str, Any]) -> Base:
        """The mask that the pipeline is called with, as the editor shows it."""
        if options.get("mask") is not None:
            return Base.of(options["mask"], photo.size)
        made_by = {"face": options["face"], "extent": options["extent"]}
        known = [base for base in photo.bases.values() if base.made_by == made_by]
        return known[-1] if known else photo.bases[self.suggested(photo, options["face"], options["extent"])["key"]]

    severals: Sequence[tuple[str, str]] = ()
    """What else can be made at once: label and name."""

    def variants(self, several: str, options: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Arguments of the pipeline for each of the results that are made at once, and what differs on the page.

        Args:
            several: :data:`ONE`, :data:`SEEDS` or one of :attr:`severals`.
            options: arguments of the first.
        """
        seeds = range(4 if several == SEEDS else 1)
        return [(options | {"seed": (options["seed"] + more) % 2**32}, {}) for more in seeds]

    def told(self, outcome: Outcome, masks: Mapping[str, Base], settings: Mapping[str, Any]) -> Told:
        return self._told(outcome.result, settings)

    def _told(self, result: Any, settings: Mapping[str, Any]) -> Told:
        face = result.image[close_up(result.landmarks_before, result.photo.shape)]
        return told(face, self.said(result, settings), sum(result.seconds.values()))

    def said(self, result: Any, settings: Mapping[str, Any]) -> list[str]:
        """What a result was made with, in a few words each: the mask, and what is not as it is at first."""
        words = [_("painted mask") if result.extent is None else EXTENT_NAMES[result.extent]]
        grow, feather = settings.get("grow", 0), settings.get("feather", FEATHER)
        words += [_("grown {grow} %").format(grow=figure(grow, "g"))] if grow else []
        words += [_("feather {feather} %").format(feather=figure(feather, "g"))] if feather != FEATHER else []
        return [*words, _("seed {seed}").format(seed=result.seed)] if result.seed else words

    def remark(self, result: Any) -> None:
        """Tells, in the corner of the page, what a person should know of a new result."""

    def tell(self, result: Any, *others: Any) -> list[Any]:
        """Updates of :attr:`facts`.

        Args:
            result: what the pipeline gave back.
            others: what else was made at once.
        """
        return []

    def no_facts(self) -> list[Any]:
        """Updates of :attr:`facts` where there is no result."""
        return []

    # --- result -----------------------------------------------------------------------------------------------------

    @guarded(_("Not drawn"))
    def draw_over(self, shown: list[str], request: gr.Request) -> Any:
        """Shows the pictures with or without outline and landmarks."""
        outcome = self.work(request).outcome
        if outcome is None:
            return gr.skip()
        drawn = views(outcome, shown)
        return drawn if self.work(request).outcome is outcome else gr.skip()

    @guarded(_("Files not made"))
    def make_files(self, request: gr.Request) -> Any:
        """Writes the files to download, after the result is on the screen."""
        return self.written(request, self._files)

    @guarded(_("ZIP not made"))
    def make_bundle(self, request: gr.Request) -> Any:
        """Writes the ZIP with the report, which takes longest, last."""
        return self.written(request, self._bundle)

    # --- what a case file keeps ---------------------------------------------------------------------------------------

    @property
    def fields(self) -> dict[str, Field]:
        return {"photo": Field(self.editor, self.face)}

    @property
    def kept_settings(self) -> dict[str, gr.components.Component]:
        return {"grow": self.grow, "feather": self.feather, "seed": self.seed, "shown": self.shown}

    def show(self, outcome: Outcome, settings: Mapping[str, Any], more: int) -> list[Any]:
        return self._shown(outcome, settings["shown"], self.tell(outcome.result))

    def write_all(self, outcome: Outcome) -> list[Path]:
        return [*self._files(outcome), *self._bundle(outcome)]

    def _files(self, outcome: Outcome) -> list[Path]:
        return list(write_files(self.job, outcome.result, outcome.folder, named(outcome.case, self.stem)).values())

    def _bundle(self, outcome: Outcome) -> list[Path]:
        return list(write_bundle(self.job, outcome.result, outcome.folder, named(outcome.case, self.stem)).values())

    # --- API --------------------------------------------------------------------------------------------------------

    def run_for_program(
        self,
        request: gr.Request,
        files: Sequence[Any],
        case: str | None,
        run: Callable[..., RepaintResult],
    ) -> tuple[Any, ...]:
        """:meth:`for_program` that gives numbers, result, mask, landmarks and ZIP."""

        def give(result: RepaintResult, folder: Path) -> tuple[dict[str, Any], list[Path]]:
            given = self.job, result, folder, named(result.case, self.stem)
            paths = write_files(*given) | write_bundle(*given)
            return exports_of(self.job).facts(result), [paths[key] for key in ("result", "mask", "landmarks", "zip")]

        return self.for_program(request, files, case, run, give)


def read_photo_and_mask(photo: bytes, mask: bytes | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Both as arrays; a mask of the photo's proportions is scaled to its size.

    Raises:
        PhiltrumError: one is no picture, or the proportions differ.
    """
    pixels = read_image(photo)
    return pixels, None if mask is None else read_mask(mask, pixels.shape[:2])


def mask_options(value: dict[str, Any] | None, photo: Photo, face: int) -> dict[str, Any]:
    """The mask that the editor sent, as the pipeline takes it: ``bool`` ``(H, W)``, all False where nothing is painted.

    Where the editor shows a mask of this face as the pipeline itself makes it, the pipeline makes it: so the result
    says truly that it was suggested or found.
    """
    sent = value or {}
    layer = None if sent.get("layer") is None else read_layer(sent["layer"], photo.size)
    base = photo.bases.get(sent.get("base", ""))
    made_by = None if base is None else base.made_by
    if is_untouched(layer, base) and made_by is not None and made_by["face"] == face:
        return made_by
    return {"mask": photo_mask(layer, base, photo.pixels.shape[:2])}
