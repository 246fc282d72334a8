"""Tab 3: how far a face stands out among others, and where; one photo, or two, before and after surgery."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
import numpy as np

from pipelines.anomaly_scoring.choices import ADAPTATION_STEPS, MAPS, PAINTED, MapName
from pipelines.anomaly_scoring.scoring.regions import region as region_of
from pipelines.anomaly_scoring.scoring.scale import groups
from pipelines.arrays import Pixels
from pipelines.cases.case import named
from pipelines.errors import PhiltrumError
from pipelines.exports.interface import exports_of
from pipelines.exports.tables import of_case
from pipelines.faces.images import read_image, write_png
from pipelines.faces.landmarks import find_faces, pick_face
from pipelines.identity.likeness import question_of_photos
from pipelines.jobs import ANOMALY_SCORING
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _, in_sentence
from pipelines.progress import Progress
from pipelines.results import AnomalyScoringResult, AnyRegion, pixels_sha256
from ui.examples import drawn_anomalies
from ui.parts.comparison import comparison_slider, pair
from ui.parts.editor import add_base, answer, face_choice, mask_editor, photo_props, refusal
from ui.parts.runs import run_strip, told
from ui.parts.scores.adaptation import adaptation_html
from ui.parts.scores.facts import REGIONS, scores_html, verdict_html
from ui.parts.scores.heat_map import first_map, heat_maps, heat_view, photo_names
from ui.parts.settings import FRAMES_UNTIL, NAMES, ScoringSettings, choices, own_options
from ui.parts.widgets import ask, footer_html, guarded, measurements_html, status_html, step, toast
from ui.pictures.masks import Base, editor_size
from ui.server.engine import GPU, Engine
from ui.server.sessions import Sessions, Work
from ui.server.time_left import part_of
from ui.server.uploads import take_one
from ui.session.kept import Outcome, Photo
from ui.session.runs import Told
from ui.tabs.base import KEYS, Field, ResultTab, no_files
from ui.tabs.cohort import CohortTab
from ui.tabs.repainting import mask_options, read_photo_and_mask
from ui.tabs.scoring_files import FILES, file_buttons, pair_button, write_files, write_pair

ONE, TWO = "one", "two"
"""How many photos are scored."""


@dataclass(frozen=True)
class Slot:
    """One of the two photos.

    Attributes:
        key: what its photo is called in a session.
        prefix: begins its ids on the page.
        name: what it is called on the screen.
    """

    key: str
    prefix: str
    name: str


SLOTS = FIRST, SECOND = Slot("photo", "scoring", "photo"), Slot("second", "scoring-second", "second photo")


class AnomalyScoringTab(ResultTab):
    """The tab's components and what their events do."""

    job = ANOMALY_SCORING
    prefix = "scoring"
    stem = "philtrum-anomaly"
    tells_time = True

    def __init__(self, engine: Engine, sessions: Sessions):
        super().__init__(engine, sessions)
        self.settings = ScoringSettings("scoring", painted=True)
        self.cohort = CohortTab(engine, sessions)
        self.editors: dict[Slot, gr.HTML] = {}
        self.faces: dict[Slot, gr.Radio] = {}
        self.sliders: dict[Slot, gr.HTML] = {}
        self.files: dict[Slot, list[gr.DownloadButton]] = {}
        self.pair_files: list[gr.DownloadButton] = []

    # --- components -------------------------------------------------------------------------------------------------

    def build(self, status: gr.HTML) -> None:
        """Lays the tab out and connects it.

        Args:
            status: the header's status line.
        """
        with gr.Row(elem_classes=["work", "work-scoring"], equal_height=False):
            with gr.Column(elem_classes="give", min_width=440):
                self._build_inputs()
            with gr.Column(elem_classes="get", min_width=440):
                self._build_outputs()
        self.footer = gr.HTML(footer_html(), apply_default_css=False)
        self._connect(status)
        gr.api(
            self.api,
            api_name="anomaly_scoring",
            api_description=self.api.__doc__,
            **GPU,
        )

    def _build_inputs(self) -> None:
        with gr.Row(elem_classes="choice", equal_height=True):
            gr.HTML(step(_("Photo")), apply_default_css=False, min_width=60)
            self.count = gr.Radio(
                [(_("One photo"), ONE), (_("Before and after surgery"), TWO)],
                value=ONE,
                label=_("Photos"),
                show_label=False,
                container=False,
                elem_classes=["extent", "count"],
                min_width=300,
            )
        with gr.Row(elem_classes="pair", equal_height=False):
            before = _("Photo with the region that is scored. With Painted, paint it.")
            after = _("Second photo with the region that is scored. With Painted, paint it.")
            to_score, to_score_after = _("Face to score on the photo"), _("Face to score on the second photo")
            for slot, lead, gallery, canvas, label in (
                (FIRST, _("Drop a face photo here, then press Run."), drawn_anomalies.gallery, before, to_score),
                (SECOND, _("Drop the photo after surgery here."), None, after, to_score_after),
            ):
                with gr.Column(elem_classes=f"pair-{slot.key}", min_width=0):
                    self.editors[slot] = mask_editor(
                        f"{slot.prefix}-editor",
                        "scoring-run" if slot is FIRST else None,
                        lead,
                        canvas,
                        gallery,
                        noun=slot.name,
                        fixed=True,
                    )
                    self.faces[slot] = gr.Radio([(_("Face 1 (largest)"), 0)], value=0, label=label, visible=False)
        self.settings.build()
        self.settings.build_advanced()
        self.build_buttons()
        gr.HTML(KEYS, apply_default_css=False)

    def _build_outputs(self) -> None:
        gr.HTML(step(_("Score and map")), apply_default_css=False)
        self.verdict = gr.HTML(verdict_html(), apply_default_css=False, elem_id="scoring-verdict")
        self.map = gr.Radio(
            choices(MAPS), value=next(iter(MAPS)), label=_("Map"), show_label=False, container=False,
            elem_classes="extent", elem_id="scoring-map",
        )  # fmt: skip
        self.heat = heat_view("scoring-heat")
        self.scores = gr.HTML(scores_html(), apply_default_css=False, elem_id="scoring-scores")
        gr.HTML(step(_("Face and normalized face")), apply_default_css=False)
        with gr.Row(elem_classes="pair", equal_height=False):
            for slot in SLOTS:
                with gr.Column(elem_classes=f"pair-{slot.key}", min_width=0):
                    self.sliders[slot] = comparison_slider(
                        f"{slot.prefix}-slider", _("Aligned face"), _("Normalized face"),
                        _("The face and its normalized version appear here."),
                        done=_("The score is ready.") if slot is FIRST else "",
                    )  # fmt: skip
        self.strip = run_strip("scoring-runs")
        self.measures = gr.HTML(measurements_html(), apply_default_css=False)
        with gr.Column(elem_classes=["adaptation", "only-stylegan2"]):
            gr.HTML(step(_("Adaptation")), apply_default_css=False)
            self.frames = gr.HTML(adaptation_html(), apply_default_css=False, elem_id="scoring-frames")
            self.step = gr.Slider(
                0, 1, 0, step=1, label=_("Step of the adaptation"), interactive=False, elem_id="scoring-step"
            )
        for slot, name in zip(SLOTS, photo_names(2), strict=True):
            with gr.Row(elem_classes=["files", f"pair-{slot.key}"], equal_height=True):
                gr.HTML(f'<p class="files-of">{name}</p>', apply_default_css=False)
                self.files[slot] = file_buttons(slot.prefix)
        with gr.Row(elem_classes=["files", "pair-second"]):
            self.pair_files = [pair_button()]

    # --- events -----------------------------------------------------------------------------------------------------

    def _connect(self, status: gr.HTML) -> None:
        editors, faces = list(self.editors.values()), list(self.faces.values())
        region = self.settings.region
        for slot in SLOTS:
            # The event's own data says which file; the choice of the region comes beside it.
            opened = [self.editors[slot], self.faces[slot], *self.results]
            self.editors[slot].upload(self._opens(slot), region, opened, **self.named(f"open_{slot.key}"))
            self.faces[slot].input(
                self._chooses(slot), [self.faces[slot], self.editors[slot], region],
                [self.editors[slot], *self.results], **self.named(f"choose_face_{slot.key}"),
            )  # fmt: skip
        self.editors[FIRST].select(
            self.open_example,
            region,
            [*editors, *faces, self.count, *self.results],
            **self.named("open_example"),
        )
        region.input(self.choose_region, [region, *editors, *faces], editors, **self.named("choose_region"))
        self.settings.connect(self.engine, **self.named("offer"))

        given = [self.count, *editors, *faces, self.map]
        shown = [*self.results, self.strip, status]
        ran = self.connect_run(self.score, [*given, *self.settings.components], shown, self.heat)
        self.connect_files(ran, self.connect_runs(), [("files", self.make_files, self.buttons)])
        live: dict[str, Any] = {"trigger_mode": "always_last", "concurrency_limit": 2}
        self.map.input(self.draw_heat, [self.map, self.step], self.heat, **live, **self.named("choose_map"))
        moved = [*self.sliders.values(), self.heat, self.frames]
        self.step.input(self.draw_frame, [self.step, self.map], moved, **live, **self.named("draw_frame"))

    @property
    def views(self) -> dict[str, Callable[[], None]]:
        return {_("Cohort"): self.cohort.build}

    # --- what belongs to a photo ------------------------------------------------------------------------------------

    @property
    def buttons(self) -> list[gr.DownloadButton]:
        return [*(one for slot in self.files.values() for one in slot), *self.pair_files]

    @property
    def results(self) -> list[gr.components.Component]:
        """What shows a result: all that another photo or face clears."""
        shown = [self.verdict, self.heat, self.scores, self.measures, self.frames, self.step, self.footer]
        return [*self.sliders.values(), *shown, *self.buttons]

    def cleared(self) -> list[Any]:
        """Updates of :attr:`results` where there is no result."""
        return [
            *[None] * len(SLOTS),
            verdict_html(),
            None,
            scores_html(),
            measurements_html(),
            adaptation_html(),
            gr.Slider(maximum=1, value=0, interactive=False),
            footer_html(),
            *no_files(len(self.buttons)),
        ]

    # --- runs -------------------------------------------------------------------------------------------------------

    def told(self, outcome: Outcome, masks: Mapping[str, Base], settings: Mapping[str, Any]) -> Told:
        return _told(outcome.result)

    def sides(self, outcome: Outcome) -> tuple[Pixels, Pixels]:
        results = outcome.result
        maps = [first_map(result) for result in results]
        return np.hstack(maps), np.hstack([result.crop for result in results])

    # --- photos and regions -----------------------------------------------------------------------------------------

    def _opens(self, slot: Slot) -> Any:
        def open_photo(region: AnyRegion, event: gr.EventData, request: gr.Request) -> list[Any]:
            try:
                data = take_one(event.path)
                return [*self._open(slot, read_image(data), region, request), *self.cleared()]
            except Exception as error:
                toast(error, _("Photo not opened"))
                return [refusal(), gr.skip(), *self.kept()]

        return open_photo

    def _chooses(self, slot: Slot) -> Any:
        def choose_face(face: int, value: dict | None, region: AnyRegion, request: gr.Request) -> list[Any]:
            try:
                work = self.work(request)
                photo = work.photo_of((value or {}).get("photo"), slot.key)
                work.choose_face(photo, int(face))
                return [answer(face=face, **region_shown(photo, int(face), region)), *self.cleared()]
            except Exception as error:
                toast(error, _("Face not chosen"))
                return [answer(), *self.kept()]

        return choose_face

    def open_example(self, region: AnyRegion, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Shows the portrait that was clicked, or both."""
        try:
            pictures = drawn_anomalies.photos(event.example)
            opened = [self._open(slot, each, region, request) for slot, each in zip(SLOTS, pictures, strict=False)]
        except Exception as error:
            toast(error, _("Example not opened"))
            return [refusal(), *[gr.skip()] * 4, *self.kept()]
        two = len(opened) == 2
        first, second = opened if two else (opened[0], (gr.skip(), gr.skip()))
        return [first[0], second[0], first[1], second[1], TWO if two else ONE, *self.cleared()]

    def _open(self, slot: Slot, pixels: np.ndarray, region: AnyRegion, request: gr.Request) -> tuple[gr.HTML, gr.Radio]:
        """Updates of the editor and the choice of its faces."""
        faces = find_faces(pixels)
        photo = self.work(request).take_photo(pixels, faces, editor_size(pixels.shape), slot.key)
        shown: dict[str, Any] = {}
        try:
            pick_face(faces, 0)  # says in its own words what to do where there is none
            shown = region_shown(photo, 0, region)
        except PhiltrumError as error:
            toast(error, _("No face found"))
        return answer(photo=photo_props(photo), face=0, **shown), face_choice(faces)

    @guarded(_("No region shown"), lambda: (answer(), answer()))
    def choose_region(
        self, region: AnyRegion, first: dict | None, second: dict | None, face: int, other: int, request: gr.Request
    ) -> list[gr.HTML]:
        """Shows another region on both photos; a painted one begins with what is shown."""
        photos = self.work(request).photos
        shown = []
        for slot, value, chosen in ((FIRST, first, face), (SECOND, second, other)):
            photo = photos.get(slot.key)
            told: dict[str, Any] = {"fixed": region != PAINTED}
            if photo is not None and photo.faces and photo.key == (value or {}).get("photo"):
                told = region_shown(photo, int(chosen), region)
            shown.append(answer(**told))
        return shown

    # --- run --------------------------------------------------------------------------------------------------------

    def score(
        self,
        request: gr.Request,
        count: str,
        first: dict | None,
        second: dict | None,
        face: int,
        other: int,
        name: MapName,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how gradio hands the tracker over)
        *settings: Any,
    ) -> Any:
        """Scores the photo, or both by the same settings, and shows the results."""

        def run(work: Work, stop: Event, report: Progress) -> tuple[Any, ...]:
            given = ((FIRST, first, face), (SECOND, second, other))[: 2 if count == TWO else 1]
            runs = [self._arguments(work, *each, settings) for each in given]
            called = photo_names(len(runs)) if len(runs) > 1 else ("",)
            results = tuple(
                self.engine.run(self.job, photo.pixels, progress=part_of(report, number, len(runs), which), **options)
                for number, ((photo, options), which) in enumerate(zip(runs, called, strict=True))
            )
            report(1.0, "drawing")
            results = tuple(of_case(result, self.case(request)) for result in results)
            masks = {
                slot.key: Base.of(options["mask"], photo.size)
                for (slot, *_), (photo, options) in zip(given, runs, strict=True)
                if "mask" in options
            }
            kept = {"count": count, **dict(zip(NAMES, settings, strict=True))}
            outcome = work.take_result(results, stop, kept, masks, _told(results))
            _ask_for_one_person(results)
            return *self._show(outcome, name), self.runs_shown(request), status_html(self.engine.status())

        return self.running(request, progress, run)

    @staticmethod
    def _arguments(
        work: Work, slot: Slot, value: dict | None, face: int, settings: tuple
    ) -> tuple[Photo, dict[str, Any]]:
        """The photo of a slot and what the pipeline is called with."""
        photo = work.photo_of((value or {}).get("photo"), slot.key, int(face))
        options = ScoringSettings.options(settings)
        if options["region"] == PAINTED:
            del options["region"]
            options |= mask_options(value or {}, photo, int(face))
        return photo, options | {"face": int(face)}

    def _show(self, outcome: Outcome, name: MapName) -> tuple:
        results = outcome.result
        last = max((result.frames[-1].step for result in results if result.frames), default=0)
        step = _first_step(results)
        return (
            *self._pairs(outcome.folder, results),
            verdict_html(results),
            heat_maps(results, name),
            scores_html(results),
            measurements_html(*(result.measurements for result in results)),
            adaptation_html(results, step),
            gr.Slider(maximum=max(last, 1), value=step, interactive=last > 0),
            footer_html(results[0], self.engine.status()),
            *no_files(len(self.buttons)),
        )

    @staticmethod
    def _pairs(folder: Path, results: tuple[AnomalyScoringResult, ...]) -> list[list[dict[str, Any]] | None]:
        """Files of face and normalized face for each slider, written when first asked for; None where there is none."""
        pairs: list[list[dict[str, Any]] | None] = []
        for number, result in enumerate(results):
            paths = []
            for name, picture in (("face", result.crop), ("normalized", result.normalized)):
                # By what it shows, so that the browser never shows another step's picture for it.
                path = folder / f"{number}-{name}-{pixels_sha256(picture)[:16]}.png"
                if not path.exists():
                    write_png(path, picture)
                paths.append(str(path))
            pairs.append(pair(*paths))
        return [*pairs, *[None] * (len(SLOTS) - len(pairs))]

    # --- result -----------------------------------------------------------------------------------------------------

    @guarded(_("Not drawn"))
    def draw_heat(self, name: MapName, step: float, request: gr.Request) -> Any:
        """Shows another map of the faces, from the result that is here."""
        outcome = self.work(request).outcome
        if outcome is None:
            return gr.skip()
        drawn = heat_maps(_at_step(outcome.result, step), name)
        return drawn if self.work(request).outcome is outcome else gr.skip()

    @guarded(_("Not drawn"))
    def draw_frame(self, step: float, name: MapName, request: gr.Request) -> Any:
        """Shows another step of the adaptation: in the slider, the map and beside the course of the severity."""
        outcome = self.work(request).outcome
        if outcome is None:
            return gr.skip()
        results = _at_step(outcome.result, step)
        pairs = self._pairs(outcome.folder, results)
        drawn = *pairs, heat_maps(results, name), adaptation_html(outcome.result, step)
        return drawn if self.work(request).outcome is outcome else gr.skip()

    @guarded(_("Files not made"))
    def make_files(self, request: gr.Request) -> Any:
        """Writes the files to download, after the result is on the screen."""
        return self.written(request, self._files)

    # --- what a case file keeps ---------------------------------------------------------------------------------------

    @property
    def fields(self) -> dict[str, Field]:
        return {slot.key: Field(self.editors[slot], self.faces[slot]) for slot in SLOTS}

    @property
    def kept_settings(self) -> dict[str, gr.components.Component]:
        shown = {"count": self.count, "map": self.map}
        return shown | self.settings.named

    def field_props(self, what: str, photo: Photo, settings: Mapping[str, Any]) -> dict[str, Any]:
        region = region_shown(photo, photo.face, settings["region"]) if photo.faces else {}
        return {"photo": photo_props(photo), **region}

    def offered_values(self, name: str) -> Sequence[Any] | None:
        from ui.server.scorers import kinds_here, normalizers_here  # here: they import PyTorch

        here = {"kind": kinds_here, "normalizer": normalizers_here, "group": groups}
        return here[name]() if name in here else None

    def show(self, outcome: Outcome, settings: Mapping[str, Any], more: int) -> list[Any]:
        return [*self._show(outcome, settings["map"])]

    def write_all(self, outcome: Outcome) -> list[Path | None]:
        return self._files(outcome)

    def _files(self, outcome: Outcome) -> list[Path | None]:
        stems = (f"{self.stem}-before", f"{self.stem}-after") if len(outcome.results) == 2 else (self.stem,)
        scored = [one for one in outcome.results if isinstance(one, AnomalyScoringResult)]
        pair = write_pair(scored, outcome.folder, named(outcome.case, f"{self.stem}-before-after"))
        made = [
            write_files(one, outcome.folder, named(outcome.case, stem), pair)
            for one, stem in zip(scored, stems, strict=True)
        ]
        paths = [files.get(ending) for files in made for ending in FILES]
        return [*paths, *[None] * (len(self.buttons) - len(paths) - 1), pair]

    # --- API --------------------------------------------------------------------------------------------------------

    def api(
        self,
        request: gr.Request,
        photo: gr.FileData,
        mask: gr.FileData | None = None,
        region: str = "mouth-nose",
        kind: str = "pse",
        colour: str = "ycbcr",
        erosion: bool = True,
        formula: str = "equation",
        normalizer: str = "inpainting",
        group: str = "all",
        searches: int = 3,
        steps: int = 0,
        adaptation_steps: int = ADAPTATION_STEPS,
        frames_until: int = FRAMES_UNTIL,
        face: int = 0,
        seed: int = 0,
        case: str | None = None,
    ) -> tuple[dict, gr.FileData, gr.FileData | None, gr.FileData, gr.FileData | None, gr.FileData]:
        """Scores how far the face in a photo stands out among faces without a cleft, and where.

        Give `photo` and, to score a region of your own, `mask` (a picture of its shape; white = scored);
        otherwise `region` is scored: "mouth-nose", "upper-lip" (with the nostril sill) or "face" (without the eyes).
        `kind` of heat map is "pse", "ssim" or "lpips", `colour` "ycbcr" or "rgb"; `formula` is "equation" (6 of the
        paper) or "text". `normalizer` is "inpainting", which takes `searches` (1-10), or "stylegan2", which takes
        `steps` of inversion (0 = as suits the machine), `adaptation_steps` (0-500) and `frames_until`, up to which step
        frames are kept. `group` of faces is what the percentiles compare with: "all", "clinic" (from the front, lips
        closed, even light) or an age group. `face` picks one of several faces, 0 = largest. `case` is a name that
        stands in every table and in the report.

        Returns the numbers, the normalized face as PNG, the map of what does not fit the face as PNG, the heat map of
        the face against its normalized version as PNG, the map of what does not fit as NPY, and a ZIP of everything
        with all maps and a PDF report. The numbers hold `local` with `local_severity`, the peak of what does not fit in
        grey levels; `asymmetry`, the peak of what is unlike between left and right in per cent of light; `score` with
        the paper's `severity` and `normality`; each with its `percentile`; and beside them measurements, seconds,
        weights and `basis`, all that these figures depend on. Where `mask` lies off lips and nose, the normalizer
        "inpainting" has searched nothing, and `local` and its two files are null.
        """

        def run(photo: bytes, mask: bytes | None, progress: Progress) -> AnomalyScoringResult:
            pixels, painted = read_photo_and_mask(photo, mask)
            return self.engine.run(
                self.job, pixels, progress=progress, mask=painted, region=region, kind=kind,
                colour=colour, erosion=erosion, formula=formula, normalizer=normalizer,
                own=own_options(normalizer, searches, steps, adaptation_steps, frames_until), group=group, face=face,
                seed=seed,
            )  # fmt: skip

        return self.for_program(request, [photo, mask], case, run, self._give)

    def _give(self, result: AnomalyScoringResult, folder: Path) -> tuple[dict[str, Any], list[Path | None]]:
        """The numbers and the files of a result, as a program gets them."""
        paths = write_files(result, folder, named(result.case, self.stem))
        endings = ("normalized.png", "local.png", "heatmap.png", "local.npy", "zip")
        return exports_of(self.job).facts(result), [paths.get(ending) for ending in endings]


def _at_step(results: tuple[AnomalyScoringResult, ...], step: float) -> tuple[AnomalyScoringResult, ...]:
    """Results as they are after so many steps of adaptation; those without frames as they are."""
    if not any(result.frames for result in results):
        return results
    from pipelines.anomaly_scoring.scoring.frames import at_frame, nearest_frame  # here: it imports PyTorch

    return tuple(at_frame(one, nearest_frame(one, step)) if one.frames else one for one in results)


def _first_step(results: tuple[AnomalyScoringResult, ...]) -> int:
    """The step whose picture is the normalized face."""
    if not any(result.frames for result in results):
        return 0
    from pipelines.anomaly_scoring.scoring.frames import shown_step  # here: it imports PyTorch

    return next(shown_step(result) for result in results if result.frames)


def region_shown(photo: Photo, face: int, region: AnyRegion) -> dict[str, Any]:
    """What an editor is told so that it shows what is scored; of a painted region, that it may be painted.

    Raises:
        PhiltrumError: there is no such face.
    """
    if region == PAINTED:
        return {"fixed": False}
    mask = region_of(pick_face(photo.faces, face), photo.pixels.shape[:2], region)
    said = _("{region} is scored.").format(region=REGIONS[region])
    return {"fixed": True, "base": add_base(photo, mask, said, {"face": face, "region": region})}


def _told(results: Sequence[AnomalyScoringResult]) -> Told:
    """What the strip tells of a score: the region, and how far it stands out."""
    first = results[0]
    region = in_sentence(REGIONS[first.basis.region])
    levels = [figure(one.local.value, ".0f") if one.local else "–" for one in results]
    said = [region, _("local severity {levels}").format(levels=" → ".join(levels))]
    return told(first_map(results[-1]), said, sum(sum(one.seconds.values()) for one in results))


@guarded(_("Photos not compared"))
def _ask_for_one_person(results: Sequence[AnomalyScoringResult]) -> None:
    """Asks whether two photos show one person, where they hardly do."""
    from pipelines.identity.embedding import find_embedder  # PyTorch, without which the page is built

    embedder = find_embedder() if len(results) > 1 else None
    if embedder is not None:
        one, other = results
        ask(question_of_photos(embedder.similarity(one.photo, one.landmarks, other.photo, other.landmarks)))
