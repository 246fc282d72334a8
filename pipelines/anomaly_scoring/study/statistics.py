"""Statistics of a cohort: ranks, correlations and changes, with percentile bootstrap intervals over photos or patients.

Intervals are Efron's percentile intervals: the 2.5th and 97.5th percentile of the statistic over resamples with
replacement (Efron and Tibshirani 1993, chapter 13).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata, wilcoxon

from pipelines.arrays import Floats, Integers
from pipelines.languages.translation import _, ngettext

Method: TypeAlias = Literal["pearson", "spearman"]
METHODS: tuple[Method, ...] = get_args(Method)
"""Coefficients of correlation."""

LEAST = 3
"""Fewest values of which a correlation or an interval says anything."""

RESAMPLES = 10_000
"""Resamples of a bootstrap."""

COVERAGE = 95
"""Per cent of an interval."""

_CHUNK = 1_000_000  # drawn indices that are held at once


@dataclass(frozen=True)
class Correlation:
    """How two lists of values go together.

    Attributes:
        method: one of :data:`METHODS`.
        value: −1 to 1, or None where there is none; ``note`` says why.
        low, high: bounds of the 95 % bootstrap interval, or None where it was not taken.
        n: pairs of values.
        note: a sentence where there is no value, else empty.
    """

    method: Method
    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str = ""


@dataclass(frozen=True)
class MeanChange:
    """The mean of paired changes.

    Attributes:
        value: mean, or None without a pair.
        low, high: bounds of the 95 % bootstrap interval over patients, or None.
        p: of the two-sided Wilcoxon signed-rank test, or None.
        n: pairs.
        note: a sentence where something is None, else empty.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    note: str = ""


def ranks(values: Floats) -> Floats:
    """Ranks of ``values`` ``(N,)`` from the highest, 1, down; equal values share the mean of their ranks.

    >>> ranks(np.array([0.2, 0.9, 0.5, 0.5]))
    array([4. , 1. , 2.5, 2.5])
    """
    return rankdata(-np.asarray(values, np.float64))


def correlate(
    first: ArrayLike, second: ArrayLike, method: Method = "pearson", *, seed: int = 0, resamples: int = RESAMPLES
) -> Correlation:
    """The correlation of two lists of values, one pair a photo.

    Resamples in which one side is constant have no correlation and are left out of the interval.

    Args:
        first: ``(N,)``, finite.
        second: ``(N,)``, finite.
        method: one of :data:`METHODS`.
        seed: of the bootstrap.
        resamples: how many; 0 takes no interval.

    Raises:
        ValueError: the lists differ in length, or there is no such method.

    >>> found = correlate(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 16.0]), "spearman", resamples=0)
    >>> found.value, found.n
    (1.0, 4)
    """
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if x.shape != y.shape or x.ndim != 1 or method not in METHODS:
        raise ValueError("expected two lists of one length, and a known method")
    n = len(x)
    if n < LEAST:
        return Correlation(method, None, None, None, n, _too_few_photos(n))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        sentence = _("All scores or all ratings are equal, so there is no correlation; add photos that differ.")
        return Correlation(method, None, None, None, n, sentence)

    def statistic(drawn: Integers) -> Floats:
        return _coefficients(x[drawn], y[drawn], method)

    value = float(statistic(np.arange(n)[None])[0])
    low, high = _interval(statistic, n, seed, resamples) if resamples else (None, None)
    return Correlation(method, value, low, high, n)


def mean_change(changes: Floats, *, seed: int = 0, resamples: int = RESAMPLES) -> MeanChange:
    """The mean of changes, its interval, and whether they have a direction (Wilcoxon 1945).

    Args:
        changes: ``(N,)``, one a patient, finite.
        seed: of the bootstrap.
        resamples: how many.
    """
    changes = np.asarray(changes, np.float64)
    n = len(changes)
    value = float(changes.mean()) if n else None
    if n < LEAST:
        return MeanChange(value, None, None, None, n, _too_few_patients(n))
    low, high = _interval(lambda drawn: changes[drawn].mean(1), n, seed, resamples)
    if not changes.any():
        sentence = _(
            "No patient's score changed, so there is nothing to test; check that the photos before and after differ."
        )
        return MeanChange(value, low, high, None, n, sentence)
    return MeanChange(value, low, high, float(wilcoxon(changes).pvalue), n)


def _too_few_photos(n: int) -> str:
    said = ngettext(
        "Only {count} photo is complete, and a correlation needs {least} or more; add some.",
        "Only {count} photos are complete, and a correlation needs {least} or more; add some.",
        n,
    )
    if n == 0:
        said = _("No photo is complete, and a correlation needs {least} or more; add some.")
    return said.format(count=n, least=LEAST)


def _too_few_patients(n: int) -> str:
    said = ngettext(
        "Only {count} patient is complete, and an interval and a test need {least} or more; add some.",
        "Only {count} patients are complete, and an interval and a test need {least} or more; add some.",
        n,
    )
    if n == 0:
        said = _("No patient is complete, and an interval and a test need {least} or more; add some.")
    return said.format(count=n, least=LEAST)


def _interval(
    statistic: Callable[[Integers], Floats], n: int, seed: int, resamples: int
) -> tuple[float | None, float | None]:
    """Percentile interval of ``statistic``, which gets indices ``(R, n)`` and gives ``(R,)``, NaN where undefined."""
    values = np.concatenate([statistic(drawn) for drawn in _draws(n, seed, resamples)])
    values = values[np.isfinite(values)]
    if not len(values):
        return None, None
    low, high = np.percentile(values, [50 - COVERAGE / 2, 50 + COVERAGE / 2])
    return float(low), float(high)


def _draws(n: int, seed: int, resamples: int) -> Iterator[Integers]:
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // n)
    for start in range(0, resamples, step):
        yield rng.integers(0, n, (min(step, resamples - start), n))


def _coefficients(first: Floats, second: Floats, method: Method) -> Floats:
    """Of each row of two ``(R, N)``; NaN where a row is constant."""
    constant = (np.ptp(first, axis=1) == 0) | (np.ptp(second, axis=1) == 0)
    if method == "spearman":
        first, second = rankdata(first, axis=1), rankdata(second, axis=1)
    first, second = (values - values.mean(1, keepdims=True) for values in (first, second))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (first * second).sum(1) / np.sqrt(np.square(first).sum(1) * np.square(second).sum(1))
    return np.where(constant, np.nan, np.clip(found, -1, 1))
