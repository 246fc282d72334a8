"""Statistics of a cohort against SciPy's and against what can be counted by hand."""

import numpy as np
import pytest
from scipy import stats

from pipelines.anomaly_scoring.study.statistics import METHODS, correlate, mean_change, ranks

REFERENCE = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}


def pairs(n: int = 30, noise: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    first = rng.normal(size=n)
    return first, first + noise * rng.normal(size=n)


def test_ranks_start_at_the_most_severe_and_ties_share_their_mean():
    assert ranks(np.array([0.5, 2.0, 0.5, -1.0, 2.0, 2.0])).tolist() == [4.5, 2, 4.5, 6, 2, 2]
    assert ranks(np.array([])).tolist() == []


@pytest.mark.parametrize("method", METHODS)
def test_correlation_and_interval_are_scipys(method):
    first, second = pairs()
    found = correlate(first, second, method)
    assert found.value == pytest.approx(REFERENCE[method](first, second).statistic, abs=1e-12)
    assert (found.method, found.n, found.note) == (method, 30, "")
    reference = stats.bootstrap(
        (first, second),
        lambda x, y: REFERENCE[method](x, y).statistic,
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="percentile",
        rng=np.random.default_rng(7),
    ).confidence_interval
    # Both are random: the ends of such intervals vary by about 0.01 between seeds here.
    assert (found.low, found.high) == pytest.approx(tuple(reference), abs=0.05)
    assert found.low < found.value < found.high < 1


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_interval(method):
    first, second = pairs(12)
    found = correlate(first, second, method, seed=3)
    assert found == correlate(first, second, method, seed=3)
    other = correlate(first, second, method, seed=4)
    assert other.value == found.value
    assert (other.low, other.high) != (found.low, found.high)


def test_ties_of_spearman_share_their_mean_rank():
    ratings = np.array([1, 1, 2, 2, 2, 7, 7, 3.0])
    scores = np.array([0, 1, 1, 2, 3, 5, 4, 3.0])
    found = correlate(scores, ratings, "spearman")
    assert found.value == pytest.approx(stats.spearmanr(scores, ratings).statistic, abs=1e-12)


def test_an_order_without_exception_is_spearmans_one_and_not_pearsons():
    x = np.arange(1.0, 9)
    spearman, pearson = correlate(x, np.exp(x), "spearman"), correlate(x, np.exp(x), "pearson")
    assert spearman.value == spearman.low == spearman.high == pytest.approx(1)
    assert pearson.value < 0.9
    assert correlate(x, -x).value == pytest.approx(-1)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_photos_give_a_sentence_instead_of_a_number(n):
    found = correlate(np.arange(n), np.arange(n))
    assert (found.value, found.low, found.high, found.n) == (None, None, None, n)
    assert found.note.endswith("and a correlation needs 3 or more; add some.")


def test_constant_ratings_give_a_sentence_instead_of_a_number():
    for first, second in ((np.arange(5), np.full(5, 3.0)), (np.full(5, 3.0), np.arange(5))):
        found = correlate(first, second, "spearman")
        assert found.value is None and found.low is None and "are equal" in found.note


def test_three_photos_have_an_interval_from_the_resamples_that_have_a_correlation():
    found = correlate(np.array([1.0, 2, 3]), np.array([1.0, 3, 2]))
    assert found.value == pytest.approx(0.5)
    assert -1 <= found.low <= found.high <= 1 and np.isfinite([found.low, found.high]).all()


def test_without_resamples_there_is_no_interval():
    found = correlate(*pairs(), resamples=0)
    assert found.value is not None and found.low is None and found.high is None


def test_lists_of_different_length_are_a_mistake():
    with pytest.raises(ValueError):
        correlate(np.arange(3), np.arange(4))
    with pytest.raises(ValueError):
        correlate(np.arange(3), np.arange(3), "kendall")


def test_mean_change_its_interval_and_test_are_scipys():
    changes = np.random.default_rng(2).normal(-0.4, 0.5, 20)
    found = mean_change(changes)
    assert (found.value, found.n, found.note) == (pytest.approx(changes.mean()), 20, "")
    assert found.p == pytest.approx(stats.wilcoxon(changes).pvalue)
    reference = stats.bootstrap(
        (changes,), np.mean, method="percentile", n_resamples=9999, rng=np.random.default_rng(7)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx(tuple(reference), abs=0.02)


def test_wilcoxons_p_of_six_falling_patients_can_be_counted():
    # Of the 2⁶ ways to give signs to six different ranks two are as one-sided as this one.
    assert mean_change(-np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])).p == pytest.approx(2 / 64)


@pytest.mark.parametrize(("changes", "mean"), [([], None), ([-0.5], -0.5), ([-0.5, 0.1], -0.2)])
def test_too_few_patients_have_a_mean_but_no_interval(changes, mean):
    found = mean_change(np.array(changes))
    assert found.value == (None if mean is None else pytest.approx(mean))
    assert (found.low, found.high, found.p) == (None, None, None)
    assert found.note.endswith("and an interval and a test need 3 or more; add some.")


def test_patients_who_did_not_change_leave_nothing_to_test():
    found = mean_change(np.zeros(4))
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, None)
    assert "nothing to test" in found.note
