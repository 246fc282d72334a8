"""Landmark error on points whose distances are known."""

import numpy as np
import pytest

from pipelines.errors import OptionInvalid
from pipelines.metrics.landmark_error import SUBSETS, landmark_error


@pytest.fixture
def target():
    """Random points whose eye centres are 50 apart."""
    points = np.random.default_rng(0).uniform(0, 100, (68, 2))
    points[36:42] += [20, 40] - points[36:42].mean(0)
    points[42:48] += [60, 70] - points[42:48].mean(0)  # 40 to the right, 30 down
    return points


def test_a_shift_of_a_tenth_of_the_eye_distance_is_ten_per_cent(target):
    assert landmark_error(target + np.array([3, 4]), target) == pytest.approx(10)


def test_equal_points_have_no_error(target):
    assert landmark_error(target, target) == 0


@pytest.mark.parametrize(("subset", "count"), [("nose", 9), ("mouth", 20), ("mouth-nose", 29), ("all", 68)])
def test_a_subset_counts_its_points_only(target, subset, count):
    moved = target.copy()
    moved[33] += [0, 25]  # half of the eye distance, below the nose
    moved[10] += [0, 500]  # on the jaw
    inside = [i for i in (33, 10) if i in SUBSETS[subset]]
    assert len(SUBSETS[subset]) == count
    assert landmark_error(moved, target, subset) == pytest.approx(sum({33: 50, 10: 1000}[i] for i in inside) / count)


def test_unit_of_length_and_batch_do_not_matter(target):
    moved = target + np.random.default_rng(1).normal(0, 2, target.shape)
    single = landmark_error(moved, target)
    batch = landmark_error(np.stack([moved / 256, target / 256]), np.stack([target / 256] * 2))
    np.testing.assert_allclose(batch, [single, 0])


def test_a_face_that_was_not_found_is_not_a_number(target):
    errors = landmark_error(np.stack([target, np.full((68, 2), np.nan)]), np.stack([target] * 2))
    assert errors[0] == 0 and np.isnan(errors[1])


def test_an_unknown_subset_is_said(target):
    with pytest.raises(OptionInvalid, match="one of all, nose, mouth, mouth-nose"):
        landmark_error(target, target, "ears")
