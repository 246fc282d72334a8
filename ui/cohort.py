"""The cohort of anomaly scoring: many photos, scored alike, ranked, and compared with people's ratings."""

import html
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from pipelines.errors import Cancelled, OptionInvalid, PhiltrumError
from pipelines.files import write_atomic
from pipelines.results import AnomalyScoringResult
from ui.engine import ANOMALY_SCORING, Engine, stoppable
from ui.repainting import QUIET, idle
from ui.scoring_settings import ScoringSettings
from ui.sessions import Sessions, Work
from ui.time_left import Progress, with_time_left
from ui.uploads import forget, move, take
from ui.widgets import footer_html, guarded, toast

if TYPE_CHECKING:
    from pipelines.anomaly_scoring.study import Study  # these import PyTorch, and the page is served before
    from ui.scorers import Scorers

COLUMNS = (
    "Photo",
    "Local severity",
    "Local percentile",
    "Asymmetry",
    "Severity",
    "Rank",
    "Rating",
    "What went wrong",
)
"""Of the table: grey levels, per cent of faces with less, per cent of light, and the paper's severity; the rank is by
local severity. Normality, which is −severity, the other percentiles and the seconds stand in the CSV."""

FILES = {
    "csv": ("Scores, CSV", "scores.csv"),
    "json": ("Figures, JSON", "study.json"),
    "pdf": ("Report, PDF", "study.pdf"),
}
"""What can be downloaded: label of the button, and the study's file."""

JOB = "cohort"
"""What a session calls the cohort's work."""

_MOST = 2_000  # photos of a cohort in the app; larger ones are the command line's


@dataclass
class Cohort:
    """What was given.

    Attributes:
        folder: where the photos lie, until the page is closed.
        photos: files in it, by their own names, which the table shows and the ratings use.
        ratings: the file of ratings, or None.
        last: the result of the photo that was scored last; it says which weights draw.
    """

    folder: Path
    photos: dict[str, Path] = field(default_factory=dict)
    ratings: Path | None = None
    last: AnomalyScoringResult | None = None


class CohortTab:
    """The sub-tab's components and what their events do.

    Args:
        engine: runs the pipeline.
        sessions: keeps what each page has given, and forgets it.
    """

    def __init__(self, engine: Engine, sessions: Sessions):
        self.engine, self.sessions = engine, sessions
        self.settings = ScoringSettings("cohort", painted=False)

    # --- components -------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Lays the sub-tab out and connects it."""
        with gr.Row(elem_classes=["work", "work-cohort"], equal_height=False):
            with gr.Column(elem_classes="give", min_width=440):
                gr.HTML('<h2 class="step">Photos</h2>', apply_default_css=False)
                self.photos = gr.File(
                    label="Photos of the cohort: drop several here", file_count="multiple", file_types=["image"],
                    elem_id="cohort-photos", height=150,
                )  # fmt: skip
                self.given = gr.HTML(given_html(), apply_default_css=False, elem_id="cohort-given")
                with gr.Row(elem_classes="suggest", equal_height=True):
                    self.ratings = gr.UploadButton(
                        "Add ratings, CSV", file_types=[".csv"], size="md", min_width=124, elem_id="cohort-ratings"
                    )
                    self.clear = gr.Button("Remove all", size="md", min_width=124)
                self.settings.build()
                self.settings.build_advanced()
                with gr.Row(elem_classes="go"):
                    self.run = gr.Button(
                        "Score the cohort", variant="primary", elem_id="cohort-run", scale=3, min_width=160
                    )
                    self.cancel = gr.Button(
                        "Cancel", interactive=False, elem_id="cohort-cancel", scale=1, min_width=110
                    )
            with gr.Column(elem_classes="get", min_width=440):
                gr.HTML('<h2 class="step">Scores</h2>', apply_default_css=False)
                self.table = gr.Dataframe(
                    headers=list(COLUMNS),
                    datatype=["str", *["number"] * 6, "str"],
                    value=[],
                    interactive=False,
                    label="Scores of the cohort; a click on a column's name sorts by it",
                    show_label=False,
                    max_height=360,
                    column_widths=["136px", "84px", "94px", "108px", "84px", "62px", "70px", "200px"],
                    wrap=True,
                    buttons=["fullscreen"],
                    elem_id="cohort-table",
                )
                self.figures = gr.HTML(figures_html(), apply_default_css=False, elem_id="cohort-figures")
                self.plot = gr.HTML(plot_html(), apply_default_css=False, elem_id="cohort-plot")
                with gr.Row(elem_classes="files"):
                    self.files = [
                        gr.DownloadButton(label, interactive=False, size="md", min_width=120, elem_id=f"cohort-{key}")
                        for key, (label, _) in FILES.items()
                    ]
        self.footer = gr.HTML(footer_html(), apply_default_css=False)
        self._connect()

    def _connect(self) -> None:
        self.photos.upload(self.take_photos, self.photos, [self.photos, self.given], **named("photos"))
        self.ratings.upload(self.take_ratings, self.ratings, self.given, **named("ratings"))
        self.clear.click(self.forget, None, self.given, **named("clear"))
        buttons = [self.run, self.cancel]
        begun = self.run.click(
            lambda: (gr.Button(interactive=False), gr.Button(interactive=True)),
            None,
            buttons,
            queue=False,
            **named("begin"),
        )
        ran = begun.then(
            self.score,
            self.settings.components,
            [self.table, self.figures, self.plot, self.footer, *self.files],
            **named("run") | {"show_progress": "full"},
            show_progress_on=self.table,
            concurrency_id="gpu",
            concurrency_limit=1,
        )
        ran.then(idle, None, buttons, queue=False, **named("end"))
        self.cancel.click(self.stop, None, buttons, cancels=[ran], queue=False, **named("cancel"))

    # --- what is given ----------------------------------------------------------------------------------------------

    def work(self, request: gr.Request) -> Work:
        """What the cohort of the page holds."""
        return self.sessions.get(request.session_hash).work(JOB)

    def cohort(self, request: gr.Request) -> Cohort:
        """The page's cohort; an empty one where there is none."""
        work = self.work(request)
        if work.cohort is None:
            work.cohort = Cohort(work.lasting_folder())
        return work.cohort

    @guarded("Photos not added", lambda: (None, gr.skip()))
    def take_photos(self, paths: list[str] | None, request: gr.Request) -> tuple[None, str]:
        """Moves uploads to the session, which forgets them with the page; a name that is there is replaced."""
        cohort = self.cohort(request)
        paths = paths or []
        photos = cohort.folder / "photos"
        photos.mkdir(exist_ok=True)
        try:
            if len(cohort.photos) + len(paths) > _MOST:
                raise OptionInvalid(
                    f"The app takes up to {_MOST:,} photos; use python -m pipelines study for a larger cohort."
                )
            for path in paths:
                name = PureWindowsPath(path).name
                move(path, photos / name)
                cohort.photos[name] = photos / name
        finally:
            forget(*paths)
        return None, given_html(cohort)

    @guarded("Ratings not added")
    def take_ratings(self, path: str | None, request: gr.Request) -> str:
        """Reads a file of ratings, so that what is wrong with it is said at once."""
        from pipelines.anomaly_scoring.ratings import read_ratings

        (content,) = take(path)
        cohort = self.cohort(request)
        kept = cohort.folder / "ratings"
        write_atomic(kept, content)
        try:
            read_ratings(kept)
        except PhiltrumError:
            kept.unlink()
            cohort.ratings = None
            raise
        cohort.ratings = kept
        return given_html(cohort)

    @guarded("Not removed")
    def forget(self, request: gr.Request) -> str:
        """Removes the photos and ratings that were given."""
        work = self.work(request)
        if work.cohort is not None:
            shutil.rmtree(work.cohort.folder, ignore_errors=True)
            work.cohort = None
        return given_html()

    # --- run --------------------------------------------------------------------------------------------------------

    def score(
        self,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how gradio hands the tracker over)
        *settings: Any,
    ) -> Any:
        """Scores what has no score yet, and shows table, figures and plot."""
        work, cohort = self.work(request), self.cohort(request)
        try:
            if not cohort.photos:
                raise OptionInvalid("The cohort has no photos yet; drop some on the left first.")
            stop = work.start()
            report = stoppable(stop, with_time_left(lambda fraction, text: progress(fraction, desc=text)))
            study = self._study(cohort, ScoringSettings.options(settings), stop, report)
            report(1.0, "drawing")
            from pipelines.anomaly_scoring.study_report import scatter_plot, write_study

            folder = work.new_folder()
            try:
                write_study(study, folder)
            except FileNotFoundError as error:
                if folder.exists():
                    raise
                raise Cancelled("The page was closed.") from error
            return (
                table(study),
                figures_html(study),
                plot_html(scatter_plot(study), bool(study.rated)),
                footer_html(cohort.last),
                *[gr.DownloadButton(value=str(folder / name), interactive=True) for _, name in FILES.values()],
            )
        except Cancelled:
            gr.Info("<b>Run cancelled.</b> The scores so far are kept; the next run goes on from there.", duration=5)
        except Exception as error:
            toast(error, "Not run")
        return gr.skip()

    def _study(self, cohort: Cohort, options: dict[str, Any], stop: threading.Event, report: Progress) -> "Study":
        from pipelines.anomaly_scoring.ratings import read_ratings
        from pipelines.anomaly_scoring.records import Records
        from pipelines.anomaly_scoring.study import RECORDS, run_study
        from ui.scorers import lpips_here

        scorers: Scorers = self.engine.load(ANOMALY_SCORING)

        def score_one(photo: np.ndarray) -> AnomalyScoringResult:
            silent = stoppable(stop, lambda fraction, text: None)
            cohort.last = self.engine.run(ANOMALY_SCORING, photo, progress=silent, **options)
            return cohort.last

        return run_study(
            list(cohort.photos.values()),
            [score_one],
            Records(cohort.folder / RECORDS),
            settings=scorers.settings(**options),
            ratings=None if cohort.ratings is None else read_ratings(cohort.ratings),
            lpips=lpips_here(),
            seed=options["seed"],
            progress=report,
        )

    def stop(self, request: gr.Request) -> tuple:
        """Stops the run at the next report of progress."""
        self.work(request).stop.set()
        return idle()


def named(event: str) -> dict[str, Any]:
    """:data:`~ui.repainting.QUIET`, and the event's name, which no other tab has."""
    return QUIET | {"api_name": f"cohort_{event}"}


def given_html(cohort: Cohort | None = None) -> str:
    """How many photos there are, and whether ratings."""
    if cohort is None or not (cohort.photos or cohort.ratings):
        said = (
            "No photos yet. Names such as <code>P01_before.jpg</code> and <code>P01_after.jpg</code> make a pair. "
            "Ratings: a CSV with the columns <code>name</code> and <code>rating</code>."
        )
        return f'<p class="given given-empty">{said}</p>'
    count = len(cohort.photos)
    ratings = "with ratings" if cohort.ratings else "no ratings yet"
    names = ", ".join(html.escape(name) for name in list(cohort.photos)[:4]) + (", …" if count > 4 else "")
    return f'<p class="given"><b>{count} photo{"" if count == 1 else "s"}</b>, {ratings}<span>{names}</span></p>'


def table(study: "Study") -> list[list[Any]]:
    """Rows of the table, the highest local severity first, and those without a score last."""

    def shown(value: float | None, digits: int) -> float | None:
        return None if value is None else round(value, digits) + 0.0

    ordered = sorted(study.photos, key=lambda photo: (photo.rank is None, photo.rank or 0))
    return [
        [
            photo.name,
            shown(photo.local_severity, 1),
            shown(photo.local_percentile, 0),
            shown(photo.asymmetry, 1),
            shown(photo.severity, 3),
            shown(photo.rank, 1),
            shown(photo.rating, 2),
            photo.error,
        ]
        for photo in ordered
    ]


def figures_html(study: "Study | None" = None) -> str:
    """Counts, correlations with the ratings, and the change after surgery."""
    if study is None:
        return (
            '<div class="figures figures-empty"><p>Correlations with the ratings (Pearson, Spearman, with 95 % '
            "intervals) and changes after surgery appear here.</p></div>"
        )
    from pipelines.anomaly_scoring.study_report import change_text, correlation_text, rows_text

    failed = len(study.photos) - len(study.scored)
    facts = [("Photos", f"{len(study.scored)} scored" + (f", {failed} failed" if failed else ""))]
    for one in study.agreements:
        facts.append((f"{one.correlation.method.capitalize()}, {one.figure}", correlation_text(one.correlation)))
    if study.changes:
        facts.append(("Change, local severity", change_text(study.mean_local_change)))
        facts.append(("Change, severity", change_text(study.mean_change)))
    if study.unmatched:
        facts.append(("Ratings", rows_text(study.unmatched)))
    rows = "".join(f"<div><dt>{html.escape(term)}</dt><dd>{html.escape(value)}</dd></div>" for term, value in facts)
    note = "<p>Ratings rise towards normal, as normality does; local severity falls.</p>" if study.agreements else ""
    return f'<div class="figures"><dl>{rows}</dl>{note}</div>'


def plot_html(plot: np.ndarray | None = None, rated: bool = False) -> str:
    """The scatter plot."""
    if plot is None:
        return '<div class="plot plot-empty"><p>The scatter plot against the ratings appears here.</p></div>'
    from ui.overlay import jpeg_url

    said = f"Local severity of every photo {'against its mean rating' if rated else 'by rank'}"
    return f'<div class="plot"><img src="{jpeg_url(plot)}" alt="{said}"></div>'
