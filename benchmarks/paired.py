"""Paired tests: is one method better than another on the same photos."""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class PairedTest:
    """Differences between two methods on one set of photos, first less second.

    Attributes:
        kind: the set.
        metric: what was compared.
        method: the first method.
        against: the second.
        photos: how many have a score by both.
        difference: mean difference.
        low, high: its 95 % interval by Student's t distribution.
        t_test: two-sided p-value of the paired t-test.
        wilcoxon: two-sided p-value of Wilcoxon's signed-rank test.
    """

    kind: str
    metric: str
    method: str
    against: str
    photos: int
    difference: float
    low: float
    high: float
    t_test: float
    wilcoxon: float

    @classmethod
    def of(
        cls, kind: str, metric: str, method: str, against: str, first: np.ndarray, second: np.ndarray
    ) -> "PairedTest | None":
        """The test of scores ``(N,)`` of the same photos; None where fewer than two of them differ.

        Photos that lack a score (NaN) are left out.
        """
        known = np.isfinite(first) & np.isfinite(second)
        first, second = first[known], second[known]
        if np.count_nonzero(first - second) < 2:
            return None
        t_test = stats.ttest_rel(first, second)
        interval = t_test.confidence_interval()
        numbers = (np.mean(first - second), *interval, t_test.pvalue, stats.wilcoxon(first, second).pvalue)
        return cls(kind, metric, method, against, len(first), *map(float, numbers))
