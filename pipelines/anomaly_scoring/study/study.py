"""A study of a cohort: every photo scored, compared with people's ratings and with itself before and after surgery.

Scores are kept as they come (:mod:`pipelines.anomaly_scoring.study.records`); a second run computes only what is
missing.
What a study becomes on disk: :mod:`pipelines.anomaly_scoring.study.report`.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from pipelines.anomaly_scoring.scoring import scale
from pipelines.anomaly_scoring.scoring.figures import figures_of
from pipelines.anomaly_scoring.study.ablation import AblationCell, ablation_table, normalities
from pipelines.anomaly_scoring.study.ratings import TIMES, Rating, Ratings, match, patient_of
from pipelines.anomaly_scoring.study.records import Record, Records, key_of
from pipelines.anomaly_scoring.study.statistics import (
    LEAST,
    METHODS,
    Correlation,
    MeanChange,
    correlate,
    mean_change,
    ranks,
)
from pipelines.arrays import Pixels
from pipelines.errors import Cancelled, OptionInvalid, PhiltrumError
from pipelines.faces.images import read_image
from pipelines.files import sha256_of
from pipelines.languages.translation import N_, _
from pipelines.metrics.perceptual import LPIPS
from pipelines.progress import Progress
from pipelines.results import AnomalyScoringResult, Basis

Scorer = Callable[[Pixels], AnomalyScoringResult]
"""Scores a photo, RGB ``uint8`` ``(H, W, 3)``, always by the same settings."""

RECORDS = "scores.jsonl"
"""Name of the file of kept scores in a study's folder."""

NO_LPIPS = _(
    "The ablation table has no LPIPS rows, because their network is not on this machine; "
    "python -m pipelines weights get alexnet fetches it."
)


@dataclass(frozen=True)
class PhotoScore:
    """A photo of the cohort.

    Attributes:
        name: file name.
        severity: −S of equation 6; None where it could not be scored, like all that follow.
        percentile: per cent of open-set faces with a lower severity; None without a scale.
        local_severity: peak of what does not fit the face, in grey levels.
        local_percentile: per cent of open-set faces with a lower local severity; None without a scale.
        asymmetry: peak of what differs between the sides, in per cent of light.
        asymmetry_percentile: per cent of open-set faces with a lower asymmetry; None without a scale.
        rank: by local severity, 1 = the most severe; equal ones share the mean of their ranks.
        region: what was scored.
        normalizer: what drew the normalized face.
        seconds: that scoring took, when it was done.
        photo_pixels_sha256: of the photo's decoded pixels.
        rating: mean over the raters, or None.
        error: the sentence that says why there is no score, else empty.
    """

    name: str
    severity: float | None = None
    percentile: float | None = None
    local_severity: float | None = None
    local_percentile: float | None = None
    asymmetry: float | None = None
    asymmetry_percentile: float | None = None
    rank: float | None = None
    region: str = ""
    normalizer: str = ""
    seconds: float | None = None
    photo_pixels_sha256: str = ""
    rating: float | None = None
    error: str = ""

    @property
    def normality(self) -> float | None:
        """S of equation 6; higher is closer to normal."""
        return None if self.severity is None else -self.severity


@dataclass(frozen=True)
class Change:
    """A patient before and after surgery: the severities, and the local ones."""

    patient: str
    before: float
    after: float
    local_before: float
    local_after: float

    @property
    def change(self) -> float:
        """Severity after less before: negative is closer to normal."""
        return self.after - self.before

    @property
    def local_change(self) -> float:
        """The same of the local severity."""
        return self.local_after - self.local_before


@dataclass(frozen=True)
class Agreement:
    """How one of a face's figures goes with the ratings: ``"normality"``, or ``"local severity"``, which falls where
    ratings rise."""

    figure: str
    correlation: Correlation


@dataclass(frozen=True)
class Study:
    """What a study found.

    Attributes:
        photos: every photo, in the order in which they were given.
        agreements: of normality and of local severity with the ratings, one a method; none without a file of ratings.
        ablation: the cells of the paper's Table 1 that could be scored.
        ablation_against: ``"ratings"``, or ``"default score"`` where fewer than three photos are rated.
        changes: patients of whom both photos have a score.
        mean_change: of the severity over ``changes``.
        mean_local_change: of the local severity.
        incomplete: patients with a time who have no such pair: one photo, a failed one, or two of one time.
        unmatched: numbers of the ratings' rows that fit no photo.
        raters: names of the ratings' columns that are averaged.
        passed_over: names of those that are not.
        others: files that were given beside the photos and not scored, with the sentence that says why.
        settings: everything that a score depends on.
        seed: of the bootstraps.
        notes: sentences about what is missing.
    """

    photos: tuple[PhotoScore, ...]
    agreements: tuple[Agreement, ...]
    ablation: tuple[AblationCell, ...]
    ablation_against: str
    changes: tuple[Change, ...]
    mean_change: MeanChange
    mean_local_change: MeanChange
    incomplete: int
    unmatched: tuple[int, ...] = ()
    raters: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    others: tuple[PhotoScore, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    notes: tuple[str, ...] = ()

    @property
    def scored(self) -> tuple[PhotoScore, ...]:
        """The photos that have a score."""
        return tuple(photo for photo in self.photos if photo.severity is not None)

    @property
    def rated(self) -> tuple[PhotoScore, ...]:
        """The photos that have a score and a rating."""
        return tuple(photo for photo in self.scored if photo.rating is not None)


def settings_of(basis: Basis, **beside: Any) -> dict[str, Any]:
    """What a study's scores are kept under: the pipeline's own statement, and what else a row depends on.

    Args:
        basis: of the pipeline.
        **beside: which face of a photo, the group that percentiles compare with.
    """
    return asdict(basis) | beside


def run_study(
    photos: Sequence[Path],
    scorers: Sequence[Scorer],
    records: Records,
    *,
    settings: Mapping[str, Any],
    ratings: Ratings | None = None,
    others: Sequence[tuple[str, str]] = (),
    lpips: LPIPS | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Study:
    """Scores every photo that has no kept score, and evaluates the cohort.

    A photo that cannot be read or scored becomes a row with a sentence; it is tried again by the next run.

    Args:
        photos: picture files.
        scorers: one a device; each works on one photo at a time, in a thread of its own where there are several.
        records: the kept scores.
        settings: everything that a score depends on, ready for JSON; see :func:`settings_of`.
        ratings: a file of ratings.
        others: names of files that are no photos, and why; they are rows too.
        lpips: the metric of the ablation table's LPIPS rows; None leaves them out.
        seed: of the bootstraps.
        progress: called before the first photo and after each with a fraction, 0-1, and a text; what it raises stops
            the run. What is scored by then is kept.

    Raises:
        OptionInvalid: there is no photo.
        DataUnreadable: the ratings fit several photos, or one photo twice.
        WeightsMissing: the reference scale that comes with Philtrum is not there.
        Cancelled: a scorer was stopped.
        OSError: the kept scores cannot be written.
    """
    if not photos:
        raise OptionInvalid(_("The cohort holds no photos; choose a folder with pictures."))
    matched, unmatched = match(ratings.rows if ratings else (), photos)
    # A kept row holds percentiles and the ablation's cells too.
    kept_under = {**settings, "scale": scale.digest(), "lpips": lpips is not None}
    outcomes = _score_all(photos, scorers, records, kept_under, lpips, progress)
    study = _evaluated(photos, outcomes, matched, ratings is not None, settings, seed, lpips is not None)
    return replace(
        study,
        unmatched=unmatched,
        raters=ratings.raters if ratings else (),
        passed_over=ratings.passed_over if ratings else (),
        others=tuple(PhotoScore(name, error=why) for name, why in others),
    )


def _score_all(
    photos: Sequence[Path],
    scorers: Sequence[Scorer],
    records: Records,
    settings: Mapping[str, Any],
    lpips: LPIPS | None,
    progress: Progress | None,
) -> dict[Path, Record | str]:
    """Photo → its score, or the sentence that says why there is none. Equal photos are scored once."""
    report = progress or (lambda fraction, text: None)
    report(0.0, _("looking for kept scores"))
    keys: dict[Path, str] = {}
    found: dict[str, Record | str] = {}
    unreadable: dict[Path, Record | str] = {}
    for photo in photos:
        try:
            keys[photo] = key_of(sha256_of(photo), settings)
        except OSError:
            unreadable[photo] = _("The file cannot be opened; check that it exists and can be read.")
    missing: dict[str, Path] = {}
    for photo, key in keys.items():
        if (record := records.get(key)) is not None:
            found[key] = record
        else:
            missing.setdefault(key, photo)

    def score_one(photo: Path, scorer: Scorer) -> Record | str:
        outcome = _outcome(photo, keys[photo], scorer, lpips)
        if isinstance(outcome, Record):
            records.keep(outcome)  # here, so that one that ends after the run was stopped is kept too
        return outcome

    before = len(photos) - len(missing)
    report(before / len(photos), _("{before} of {photos} photos").format(before=before, photos=len(photos)))
    with closing(_worked(list(missing.values()), scorers, score_one)) as done:
        for number, (photo, outcome) in enumerate(done, before + 1):
            found[keys[photo]] = outcome
            report(number / len(photos), _("{number} of {photos} photos").format(number=number, photos=len(photos)))
    return unreadable | {photo: found[key] for photo, key in keys.items()}


def _worked(
    photos: Sequence[Path], scorers: Sequence[Scorer], work: Callable[[Path, Scorer], Record | str]
) -> Generator[tuple[Path, Record | str], None, None]:
    """Photos with what ``work`` gives, as they get done."""
    if len(scorers) == 1:  # without a thread, so that Ctrl-C ends the photo at work
        yield from ((photo, work(photo, scorers[0])) for photo in photos)
        return
    idle: SimpleQueue[Scorer] = SimpleQueue()
    for scorer in scorers:
        idle.put(scorer)

    def with_idle(photo: Path) -> Record | str:
        scorer = idle.get()
        try:
            return work(photo, scorer)
        finally:
            idle.put(scorer)

    pool = ThreadPoolExecutor(len(scorers))
    try:
        futures = {pool.submit(with_idle, photo): photo for photo in photos}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _outcome(photo: Path, key: str, scorer: Scorer, lpips: LPIPS | None) -> Record | str:
    try:
        result = scorer(read_image(photo))
        figures: dict[str, Any] = {name: value for name, value in figures_of(result).items() if name != "normality"}
        return Record(
            key=key,
            **figures,
            region=result.basis.region,
            normalizer=result.basis.normalizer,
            seconds=float(sum(result.seconds.values())),
            photo_pixels_sha256=result.photo_sha256,
            cells=normalities(result, lpips),
        )
    except Cancelled:
        raise
    except PhiltrumError as error:
        return str(error)
    except Exception as error:  # one odd photo must not cost the others their scores
        return _("Something unexpected went wrong ({name}).").format(name=type(error).__name__)


def _evaluated(
    photos: Sequence[Path],
    outcomes: Mapping[Path, Record | str],
    matched: Mapping[Path, Rating],
    with_ratings: bool,
    settings: Mapping[str, Any],
    seed: int,
    with_lpips: bool,
) -> Study:
    good = [(photo, outcome) for photo in photos if isinstance(outcome := outcomes[photo], Record)]
    scored = dict(good)
    by_rank = ranks(np.array([record.local_severity for record in scored.values()])).tolist()
    rank_of = dict(zip(scored, by_rank, strict=True))
    values = {photo: rating.value for photo, rating in matched.items() if rating.value is not None}
    rows = tuple(_row(photo, outcomes[photo], rank_of.get(photo), values.get(photo)) for photo in photos)

    rated = [(record, values[photo]) for photo, record in good if photo in values]
    normality, ratings = [-record.severity for record, _ in rated], [value for _, value in rated]
    figures = {N_("normality"): normality, N_("local severity"): [record.local_severity for record, _ in rated]}
    enough = len(rated) >= LEAST
    table = (
        ablation_table([record.cells for record, _ in rated], ratings, "pearson")
        if enough
        else ablation_table([record.cells for _, record in good], [-record.severity for _, record in good], "spearman")
    )
    changes, incomplete = _changes(photos, scored, matched)
    return Study(
        photos=rows,
        agreements=tuple(
            Agreement(figure, correlate(values, ratings, method, seed=seed))
            for figure, values in figures.items()
            for method in METHODS
        )
        if with_ratings
        else (),
        ablation=table,
        ablation_against="ratings" if enough else "default score",
        changes=changes,
        mean_change=mean_change(np.array([one.change for one in changes]), seed=seed),
        mean_local_change=mean_change(np.array([one.local_change for one in changes]), seed=seed),
        incomplete=incomplete,
        settings=dict(settings),
        seed=seed,
        notes=() if with_lpips else (NO_LPIPS,),
    )


def _row(photo: Path, outcome: Record | str, rank: float | None, rating: float | None) -> PhotoScore:
    if isinstance(outcome, str):
        return PhotoScore(photo.name, rating=rating, error=outcome)
    return PhotoScore(
        name=photo.name,
        severity=outcome.severity,
        percentile=outcome.percentile,
        local_severity=outcome.local_severity,
        local_percentile=outcome.local_percentile,
        asymmetry=outcome.asymmetry,
        asymmetry_percentile=outcome.asymmetry_percentile,
        rank=rank,
        region=outcome.region,
        normalizer=outcome.normalizer,
        seconds=outcome.seconds,
        photo_pixels_sha256=outcome.photo_pixels_sha256,
        rating=rating,
    )


def _changes(
    photos: Sequence[Path], scored: Mapping[Path, Record], matched: Mapping[Path, Rating]
) -> tuple[tuple[Change, ...], int]:
    """Patients with both photos in the order of their names, and how many others have a time."""
    times: dict[str, dict[str, list[Path]]] = {}
    for photo in photos:
        if (known := patient_of(photo, matched.get(photo))) is not None:
            times.setdefault(known[0], {time: [] for time in TIMES})[known[1]].append(photo)
    changes = []
    for patient, pair in sorted(times.items()):
        both = [[scored[photo] for photo in pair[time] if photo in scored] for time in TIMES]
        if all(len(pair[time]) == len(found) == 1 for time, found in zip(TIMES, both, strict=True)):
            (before,), (after,) = both
            changes.append(
                Change(patient, before.severity, after.severity, before.local_severity, after.local_severity)
            )
    return tuple(changes), len(times) - len(changes)
