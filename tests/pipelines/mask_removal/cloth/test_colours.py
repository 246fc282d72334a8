"""Colours of cloth against those of skin."""

import numpy as np
import pytest

from pipelines.mask_removal.cloth.colours import distance, foreign, k_means, nearest, same_hue, to_lab, to_rgb

SKIN = to_lab(np.uint8([[[205, 160, 135]]]))[0, 0]


def lab(*rgb: int) -> np.ndarray:
    return to_lab(np.uint8([[rgb]]))[0, 0]


@pytest.mark.parametrize("rgb", [(120, 180, 225), (235, 235, 232), (35, 35, 38), (90, 170, 150), (170, 30, 40)])
def test_cloth_is_none_of_skin(rgb):
    assert foreign(lab(*rgb), SKIN)


@pytest.mark.parametrize("light", [0.7, 0.85, 1.15])
def test_skin_in_other_light_is_skin(light):
    assert not foreign(lab(*np.clip(np.array([205, 160, 135]) * light, 0, 255).astype(int)), SKIN)


def test_grey_says_nothing_where_the_skin_is_grey_itself():
    assert not foreign(lab(150, 150, 150), lab(170, 170, 170))


def test_distances():
    colours = np.float32([[50, 10, 10], [80, 10, 10]])
    assert distance(colours, np.float32([50, 13, 14])).tolist() == pytest.approx([5, np.hypot(18, 5)])
    assert distance(colours, np.float32([50, 10, 10]), 0).tolist() == [0, 0], "lightness need not count"
    assert nearest(colours, colours[1:]).tolist() == pytest.approx([18, 0])


def test_a_hue_in_shadow_is_the_same_and_grey_has_none():
    blue, dark_blue, grey = lab(90, 150, 220), lab(30, 60, 110), lab(128, 128, 128)
    assert same_hue(dark_blue, blue) and not same_hue(SKIN, blue)
    assert not same_hue(grey, blue) and not same_hue(blue, grey)


def test_a_colour_comes_back_from_lab():
    assert np.abs(to_rgb(SKIN).astype(int) - (205, 160, 135)).max() <= 1


def test_clusters_are_the_same_each_time():
    values = np.random.default_rng(0).normal(size=(300, 3)) + np.repeat([[0], [20], [50]], 100, 0)
    labels, centres = k_means(values, 3)
    assert sorted(np.round(centres.mean(1)).tolist()) == pytest.approx([0, 20, 50], abs=1)
    assert all(len(set(labels[at : at + 100])) == 1 for at in (0, 100, 200))
    assert np.array_equal(k_means(values, 3)[0], labels)
