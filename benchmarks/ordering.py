"""Statistics of scores whose true order is known, each with a 95 % bootstrap interval over subjects.

``levels`` is everywhere ``(N, L)``: a row a subject, a column a severity from 0 (untouched) to the severest, the score
in it; higher means more different. A row that lacks a score (NaN) is left out whole.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

RESAMPLES = 1000
"""Resamples of subjects; percentile intervals (Efron and Tibshirani 1993, chapter 13)."""

_BATCH = 200  # resamples at once


@dataclass(frozen=True)
class Estimate:
    """A figure, None where it is not defined.

    Attributes:
        value: the figure.
        low, high: bounds of its 95 % interval.
        n: subjects.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


def order_kept(levels: np.ndarray, apart: int | None = None, seed: int = 0) -> Estimate:
    """Share of pairs of severities in which the higher one scores higher, 0-1; equal scores are not in order.

    Args:
        levels: scores.
        apart: pairs of severities so many steps apart; None takes all pairs.
        seed: of the bootstrap.
    """
    complete = _complete(levels)
    low, high = np.triu_indices(levels.shape[1], 1)
    chosen = np.ones(len(low), bool) if apart is None else high - low == apart
    kept = (complete[:, high[chosen]] > complete[:, low[chosen]]).mean(1) if len(complete) else np.empty(0)
    return mean(kept, seed)


def spearman_within(levels: np.ndarray, seed: int = 0) -> Estimate:
    """Mean over subjects of Spearman's correlation of score and severity; 0 where a subject's scores are all equal."""
    complete = _complete(levels)
    return mean(_spearman(complete, np.arange(levels.shape[1])), seed)


def spearman_pooled(levels: np.ndarray, seed: int = 0) -> Estimate:
    """Spearman's correlation of score and severity over all pictures of all subjects."""
    complete = _complete(levels)
    severities = np.tile(np.arange(levels.shape[1]), len(complete))
    return _estimate(
        lambda drawn: _spearman(complete[drawn].reshape(*drawn.shape[:-1], -1), severities), len(complete), seed
    )


def auroc(levels: np.ndarray, severity: int, seed: int = 0) -> Estimate:
    """Area under the receiver's curve of a severity against the untouched faces: Mann-Whitney's U over N²."""
    complete = _complete(levels)
    deformed, untouched = complete[:, severity, None], complete[None, :, 0]
    wins = (deformed > untouched) + 0.5 * (deformed == untouched)  # U is their sum

    def area(drawn: np.ndarray) -> np.ndarray:
        times = (drawn[..., None] == np.arange(len(complete))).sum(-2)  # each subject was drawn
        return ((times @ wins) * times).sum(-1) / drawn.shape[-1] ** 2

    return _estimate(area, len(complete), seed)


def mean(values: np.ndarray, seed: int = 0) -> Estimate:
    """The mean of one value a subject, ``(N,)``; those that are NaN are left out."""
    known = values[np.isfinite(values)]
    return _estimate(lambda drawn: known[drawn].mean(-1), len(known), seed)


def _complete(levels: np.ndarray) -> np.ndarray:
    return levels[np.isfinite(levels).all(1)]


def _spearman(values: np.ndarray, severities: np.ndarray) -> np.ndarray:
    """Of each row of ``(..., K)`` with ``(K,)``; 0 where a row is constant."""
    first, second = (stats.rankdata(one, axis=-1) for one in (values, severities))
    first, second = (one - one.mean(-1, keepdims=True) for one in (first, second))
    spread = np.sqrt(np.square(first).sum(-1) * np.square(second).sum(-1))
    return (first * second).sum(-1) / np.where(spread > 0, spread, 1)


def _estimate(statistic: Callable[[np.ndarray], np.ndarray], n: int, seed: int) -> Estimate:
    """``statistic`` gets indices of subjects ``(..., N)`` and gives ``(...)``."""
    if not n:
        return Estimate(None, None, None, 0)
    value = float(statistic(np.arange(n)))
    if n < 2:
        return Estimate(value, None, None, n)
    interval = stats.bootstrap(
        (np.arange(n),),
        lambda drawn, axis: statistic(drawn),
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(value, *(float(bound) if math.isfinite(bound) else None for bound in interval), n)
