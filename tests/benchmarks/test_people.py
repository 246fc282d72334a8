"""Differences between groups of people: known answers."""

import numpy as np
import pytest

from benchmarks.people import as_markdown, differences


def test_medians_counts_and_the_chance_to_be_higher():
    figures = {"local": np.array([1.0, 2.0, 3.0, 2.0, 9.0])}
    groups = {"a": np.array([1, 1, 1, 0, 0], bool), "b": np.array([0, 0, 0, 1, 1], bool), "c": np.zeros(5, bool)}
    (found,) = differences(figures, groups, [("a", "b"), ("a", "c")])
    assert (found.figure, found.groups, found.faces, found.medians) == ("local", ("a", "b"), (3, 2), (2.0, 5.5))
    assert found.higher == pytest.approx((1 + 0.5) / 6)  # 3 beats 2, 2 ties with 2
    text = as_markdown([found])
    assert "| local | a | b | 3 and 2 | 2 and 5.5 | 0.25 |" in text
