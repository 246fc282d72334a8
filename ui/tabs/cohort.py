"""The cohort of anomaly scoring: many photos, scored alike, ranked, and compared with people's ratings."""

import html
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, cast

import gradio as gr
import numpy as np

from pipelines.anomaly_scoring.study.ratings import Ratings, columns_text, matched_text, parse_ratings
from pipelines.anomaly_scoring.study.records import Records
from pipelines.errors import Cancelled, OptionInvalid, PhiltrumError
from pipelines.faces.formats.kinds import CHOSEN
from pipelines.jobs import ANOMALY_SCORING
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _, ngettext
from pipelines.progress import Progress
from pipelines.results import AnomalyScoringResult
from ui.parts.settings import ScoringSettings
from ui.parts.widgets import footer_html, guarded, step, toast
from ui.pictures.overlay import jpeg_url
from ui.server.engine import Engine, stoppable
from ui.server.sessions import Sessions, Work
from ui.server.turns import WAITING
from ui.server.uploads import NAMES_TOO, add, forget, take
from ui.tabs.base import Tab

if TYPE_CHECKING:
    from pipelines.anomaly_scoring.study.study import Study  # these import PyTorch, and the page is served before
    from ui.server.scorers import Scorers

COLUMNS = (
    _("Photo"),
    _("Local severity"),
    _("Local percentile"),
    _("Asymmetry"),
    _("Severity"),
    _("Rank"),
    _("Rating"),
    _("What went wrong"),
)
"""Of the table: grey levels, per cent of faces with less, per cent of light, and the paper's severity; the rank is by
local severity. Normality, which is −severity, the other percentiles and the seconds stand in the CSV."""

FILES = {
    "csv": (_("Scores, CSV"), "scores.csv"),
    "json": (_("Figures, JSON"), "study.json"),
    "pdf": (_("Report, PDF"), "study.pdf"),
}
"""What can be downloaded: label of the button, and the study's file."""

_ALSO = _(", for the ratings too")

_SAID = 6  # sentences about names that are shown

_MOST = 2_000  # photos of a cohort in the app; larger ones are the command line's


@dataclass
class Cohort:
    """What was given.

    Attributes:
        folder: where the photos lie, until the page is closed.
        photos: files in it, by their names, which the table shows and the ratings use.
        ratings: those that were given, or None.
        notes: sentences about names that are not those of the files that were given.
        last: the result of the photo that was scored last; it says which weights draw.
    """

    folder: Path
    photos: dict[str, Path] = field(default_factory=dict)
    ratings: Ratings | None = None
    notes: list[str] = field(default_factory=list)
    last: AnomalyScoringResult | None = None


class CohortTab(Tab):
    """The sub-tab's components and what their events do."""

    job = ANOMALY_SCORING
    key = prefix = "cohort"
    runs = _("Score the cohort")
    left = _("The scores so far are kept; the next run goes on from there.")
    tells_time = True

    def __init__(self, engine: Engine, sessions: Sessions):
        super().__init__(engine, sessions)
        self.settings = ScoringSettings("cohort", painted=False)

    # --- components -------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Lays the sub-tab out and connects it."""
        with gr.Row(elem_classes=["work", "work-cohort"], equal_height=False):
            with gr.Column(elem_classes="give", min_width=440):
                gr.HTML(step(_("Photos")), apply_default_css=False)
                self.photos = gr.File(
                    label=_("Photos of the cohort: drop several here"), file_count="multiple",
                    file_types=["image", *CHOSEN], elem_id="cohort-photos", height=150,
                )  # fmt: skip
                self.names = gr.JSON(visible=False)
                self.given = gr.HTML(given_html(), apply_default_css=False, elem_id="cohort-given")
                with gr.Row(elem_classes="suggest", equal_height=True):
                    self.ratings = gr.UploadButton(
                        _("Add ratings, CSV"), file_types=[".csv"], size="md", min_width=124, elem_id="cohort-ratings"
                    )
                    self.clear = gr.Button(_("Remove all"), size="md", min_width=124)
                self.settings.build()
                self.settings.build_advanced()
                self.build_buttons()
            with gr.Column(elem_classes="get", min_width=440):
                gr.HTML(step(_("Scores")), apply_default_css=False)
                self.table = gr.Dataframe(
                    headers=list(COLUMNS),
                    datatype=["str", "number", "number", "number", "number", "number", "number", "str"],
                    value=[],
                    interactive=False,
                    label=_("Scores of the cohort; a click on a column's name sorts by it"),
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
                        for key, (label, _file) in FILES.items()
                    ]
        self.footer = gr.HTML(footer_html(), apply_default_css=False)
        self._connect()

    def _connect(self) -> None:
        given = [self.photos, self.names]
        self.photos.upload(self.take_photos, given, [self.photos, self.given], js=NAMES_TOO, **self.named("photos"))
        self.ratings.upload(self.take_ratings, self.ratings, self.given, **self.named("ratings"))
        self.clear.click(self.forget, None, self.given, **self.named("clear"))
        shown = [self.table, self.figures, self.plot, self.footer, *self.files]
        self.settings.connect(self.engine, **self.named("offer"))
        self.connect_run(self.score, self.settings.components, shown, self.table)

    # --- what is given ----------------------------------------------------------------------------------------------

    def cohort(self, request: gr.Request) -> Cohort:
        """The page's cohort; an empty one where there is none."""
        work = self.work(request)
        if work.many is None:
            work.many = Cohort(work.lasting_folder())
        return work.many

    @guarded(_("Photos not added"), lambda: (None, gr.skip()))
    def take_photos(
        self, paths: list[str] | None, names: list[str | None] | None, request: gr.Request
    ) -> tuple[None, str]:
        """Moves uploads to the session, which forgets them with the page; whatever their names, none replaces another.

        Args:
            paths: where gradio put them.
            names: what each was called on the person's disk; a program that uses the API sends none.
            request: of the page.
        """
        cohort = self.cohort(request)
        paths = paths or []
        try:
            if len(cohort.photos) + len(paths) > _MOST:
                raise OptionInvalid(
                    _("The app takes up to {most} photos; use python -m pipelines study for a larger cohort.").format(
                        most=figure(_MOST, ",")
                    )
                )
            cohort.notes += add(paths, names or [], cohort.photos, cohort.folder / "photos", also=_ALSO)
        finally:
            forget(*paths)
        return None, given_html(cohort)

    def take_ratings(self, path: str | None, request: gr.Request) -> Any:
        """Reads a file of ratings, so that what is wrong with it is said at once.

        One that is refused leaves none: a run with those before it would not be what was asked for.
        """
        try:
            cohort = self.cohort(request)
            cohort.ratings = None
            cohort.ratings = _ratings(path, list(cohort.photos.values()))
        except Exception as error:
            toast(error, _("Ratings not added"))
        return given_html(cohort)

    @guarded(_("Not removed"))
    def forget(self, request: gr.Request) -> str:
        """Removes the photos and ratings that were given."""
        work = self.work(request)
        if work.many is not None:
            shutil.rmtree(work.many.folder, ignore_errors=True)
            work.many = None
        return given_html()

    # --- run --------------------------------------------------------------------------------------------------------

    def score(
        self,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how gradio hands the tracker over)
        *settings: Any,
    ) -> Any:
        """Scores what has no score yet, and shows table, figures and plot."""

        def run(work: Work, stop: Event, report: Progress) -> tuple[Any, ...]:
            cohort = self.cohort(request)
            if not cohort.photos:
                raise OptionInvalid(_("The cohort has no photos yet; drop some on the left first."))
            study = self._study(cohort, ScoringSettings.options(settings), stop, report)
            report(1.0, "drawing")
            return self._show(study, cohort, work)

        return self.running(request, progress, run)

    def _show(self, study: "Study", cohort: Cohort, work: Work) -> tuple[Any, ...]:
        from pipelines.anomaly_scoring.study.report import scatter_plot, write_study

        folder = work.new_folder()
        try:
            write_study(study, folder)
        except FileNotFoundError as error:
            if folder.exists():
                raise
            raise Cancelled(_("The page was closed.")) from error
        return (
            table(study),
            figures_html(study),
            plot_html(scatter_plot(study), bool(study.rated)),
            footer_html(cohort.last),
            *[gr.DownloadButton(value=str(folder / name), interactive=True) for _label, name in FILES.values()],
        )

    def _study(self, cohort: Cohort, options: dict[str, Any], stop: Event, report: Progress) -> "Study":
        from pipelines.anomaly_scoring.study.study import RECORDS, run_study
        from ui.server.scorers import lpips_here

        scorers = cast("Scorers", self.engine.load(ANOMALY_SCORING))  # what the table names as served

        told = (0.0, "")

        def whole(fraction: float, text: str) -> None:
            nonlocal told
            told = (fraction, text)
            report(fraction, text)

        def of_photo(_fraction: float, text: str) -> None:
            if WAITING in text:  # whoever waits is told for what; else the count of photos says enough
                report(told[0], f"{told[1]}, {text}")

        def score_one(photo: np.ndarray) -> AnomalyScoringResult:
            cohort.last = self.engine.run(ANOMALY_SCORING, photo, progress=stoppable(stop, of_photo), **options)
            return cohort.last

        return run_study(
            list(cohort.photos.values()),
            [score_one],
            Records(cohort.folder / RECORDS),
            settings=scorers.settings(**options),
            ratings=cohort.ratings,
            lpips=lpips_here(),
            seed=options["seed"],
            progress=whole,
        )


def _ratings(path: str | None, photos: Sequence[Path]) -> Ratings:
    """What an uploaded file of ratings holds.

    Raises:
        PhiltrumError: it cannot be read, or does not say which of the photos its rows are for.
    """
    (content,) = take(path)
    if content is None:
        raise OptionInvalid(_("There are no ratings in what was sent; choose a CSV file."))
    ratings = parse_ratings(content)
    matched_text(ratings, photos)
    return ratings


def given_html(cohort: Cohort | None = None) -> str:
    """How many photos there are, which of them have ratings, and whose names are others than on the person's disk."""
    if cohort is None or not (cohort.photos or cohort.ratings):
        said = _(
            "No photos yet. Names such as <code>P01_before.jpg</code> and <code>P01_after.jpg</code> make a pair. "
            "Ratings: a CSV with the columns <code>name</code> and <code>rating</code>."
        )
        return f'<p class="given given-empty">{said}</p>'
    count = len(cohort.photos)
    names = ", ".join(list(cohort.photos)[:4]) + (", …" if count > 4 else "")
    notes = cohort.notes[:_SAID] + _more_names(len(cohort.notes) - _SAID)
    said = "<br>".join(html.escape(line) for line in [*_ratings_lines(cohort), *notes])
    ratings = _("with ratings") if cohort.ratings else _("no ratings yet")
    photos = ngettext("{count} photo", "{count} photos", count).format(count=count)
    return f'<p class="given"><b>{photos}</b>, {ratings}<span>{html.escape(names)}</span>{said}</p>'


def _more_names(count: int) -> list[str]:
    return [ngettext("{count} more name.", "{count} more names.", count).format(count=count)] if count > 0 else []


def _ratings_lines(cohort: Cohort) -> list[str]:
    """How many rows fit a photo, and which columns are averaged; nothing without ratings."""
    if cohort.ratings is None:
        return []
    try:
        fitting = matched_text(cohort.ratings, list(cohort.photos.values()))
    except PhiltrumError as error:  # photos that were added since are why a row fits two
        fitting = str(error)
    return [fitting, columns_text(cohort.ratings.raters, cohort.ratings.passed_over)]


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
        awaited = _(
            "Correlations with the ratings (Pearson, Spearman, with 95 % intervals) and changes after surgery "
            "appear here."
        )
        return f'<div class="figures figures-empty"><p>{awaited}</p></div>'
    from pipelines.anomaly_scoring.study.report import change_text, correlation_text, rows_text

    failed = len(study.photos) - len(study.scored)
    counts = _("{scored} scored, {failed} failed") if failed else _("{scored} scored")
    facts = [(_("Photos"), counts.format(scored=len(study.scored), failed=failed))]
    for one in study.agreements:
        facts.append((f"{one.correlation.method.capitalize()}, {_(one.figure)}", correlation_text(one.correlation)))
    if study.changes:
        facts.append((_("Change, local severity"), change_text(study.mean_local_change)))
        facts.append((_("Change, severity"), change_text(study.mean_change)))
    if study.raters or study.passed_over:
        facts.append((_("Ratings"), columns_text(study.raters, study.passed_over)))
    if study.unmatched:
        facts.append((_("Ratings' rows"), rows_text(study.unmatched)))
    rows = "".join(f"<div><dt>{html.escape(term)}</dt><dd>{html.escape(value)}</dd></div>" for term, value in facts)
    note = (
        "<p>" + _("Ratings rise towards normal, as normality does; local severity falls.") + "</p>"
        if study.agreements
        else ""
    )
    return f'<div class="figures"><dl>{rows}</dl>{note}</div>'


def plot_html(plot: np.ndarray | None = None, rated: bool = False) -> str:
    """The scatter plot."""
    if plot is None:
        awaited = _("The scatter plot against the ratings appears here.")
        return f'<div class="plot plot-empty"><p>{awaited}</p></div>'
    said = _("Local severity of every photo by rank")
    if rated:
        said = _("Local severity of every photo against its mean rating")
    return f'<div class="plot"><img src="{jpeg_url(plot)}" alt="{said}"></div>'
