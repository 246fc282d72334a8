"""Statistics of scores in a known order, against values worked out by hand and by scipy."""

import numpy as np
import pytest
from scipy import stats

from benchmarks import ordering
from benchmarks.ordering import Estimate, auroc, mean, order_kept, spearman_pooled, spearman_within

LEVELS = np.array([[0.0, 1, 2, 3], [0, 2, 1, 3], [5, 5, 5, 5]])


def test_pairs_in_order_are_counted_and_equal_scores_are_none():
    assert order_kept(LEVELS, 1).value == pytest.approx((3 / 3 + 2 / 3 + 0) / 3)
    assert order_kept(LEVELS, 2).value == pytest.approx((1 + 1 + 0) / 3)
    assert order_kept(LEVELS).value == pytest.approx((6 / 6 + 5 / 6 + 0) / 3)


def test_correlations_are_those_of_scipy():
    severities = np.arange(4)
    within = [stats.spearmanr(row, severities).statistic for row in LEVELS[:2]]
    assert spearman_within(LEVELS).value == pytest.approx(np.sum(within) / 3)  # a constant subject counts as 0
    pooled = stats.spearmanr(LEVELS.ravel(), np.tile(severities, 3)).statistic
    assert spearman_pooled(LEVELS).value == pytest.approx(pooled)


def test_area_under_the_curve_is_mann_whitneys_u_over_pairs():
    for levels in (LEVELS, np.random.default_rng(0).integers(0, 6, (30, 4)).astype(float)):
        u = stats.mannwhitneyu(levels[:, 2], levels[:, 0]).statistic
        assert auroc(levels, 2).value == pytest.approx(u / len(levels) ** 2)


def test_area_of_a_resample_is_that_of_the_drawn_subjects(monkeypatch):
    levels = np.random.default_rng(1).normal(size=(12, 4)) + np.arange(4) / 2
    seen = []
    monkeypatch.setattr(ordering, "_estimate", lambda statistic, n, seed: seen.append(statistic))
    auroc(levels, 3)
    drawn = np.random.default_rng(2).integers(0, 12, (5, 12))
    expected = [stats.mannwhitneyu(levels[row, 3], levels[row, 0]).statistic / 144 for row in drawn]
    assert seen[0](drawn) == pytest.approx(expected)


@pytest.mark.parametrize("statistic", [order_kept, spearman_within, spearman_pooled, lambda levels: auroc(levels, 3)])
def test_incomplete_subjects_are_left_out(statistic):
    lacking = np.concatenate([LEVELS, [[np.nan, 1, 2, 3]]])
    assert statistic(lacking) == statistic(LEVELS)
    assert statistic(LEVELS[:0]) == Estimate(None, None, None, 0)


def test_intervals_hold_the_mean_narrow_with_subjects_and_repeat():
    rng = np.random.default_rng(0)
    few, many = rng.normal(3, 1, 20), rng.normal(3, 1, 500)
    narrow, wide = mean(many, seed=1), mean(few, seed=1)
    assert wide.low < few.mean() < wide.high and narrow.n == 500
    expected = 2 * 1.96 * many.std() / np.sqrt(500)
    assert narrow.high - narrow.low == pytest.approx(expected, rel=0.15)
    assert narrow.high - narrow.low < wide.high - wide.low
    assert mean(few, seed=1) == wide
    assert mean(few[:1]) == Estimate(pytest.approx(few[0]), None, None, 1)
