"""Differences between groups of people: known answers."""

import numpy as np
import pytest
import skimage.data

from benchmarks.people import as_markdown, differences, typology_angle


def test_the_typology_angle_rises_with_the_skin_s_lightness(face):
    photo = skimage.data.astronaut()
    angles = [typology_angle((photo * gain).astype(np.uint8), face) for gain in (0.3, 0.6, 1.0)]
    assert angles == sorted(angles) and angles[0] < 0 < angles[-1]


def test_the_typology_angle_of_a_known_colour(face):
    """sRGB (222, 171, 127) is L* 73.6, b* 29.1 by scikit-image's independent conversion of one pixel."""
    lightness, _, yellow = skimage.color.rgb2lab(np.array([[[222, 171, 127]]], np.uint8))[0, 0]
    skin = np.full((512, 512, 3), (222, 171, 127), np.uint8)
    assert typology_angle(skin, face) == pytest.approx(np.degrees(np.arctan((lightness - 50) / yellow)), abs=0.01)
    assert 35 < typology_angle(skin, face) < 45


def test_medians_counts_and_the_chance_to_be_higher():
    figures = {"local": np.array([1.0, 2.0, 3.0, 2.0, 9.0])}
    groups = {"a": np.array([1, 1, 1, 0, 0], bool), "b": np.array([0, 0, 0, 1, 1], bool), "c": np.zeros(5, bool)}
    (found,) = differences(figures, groups, [("a", "b"), ("a", "c")])
    assert (found.figure, found.groups, found.faces, found.medians) == ("local", ("a", "b"), (3, 2), (2.0, 5.5))
    assert found.higher == pytest.approx((1 + 0.5) / 6)  # 3 beats 2, 2 ties with 2
    text = as_markdown([found])
    assert "| local | a | b | 3 and 2 | 2 and 5.5 | 0.25 |" in text
