import numpy as np
import pytest

from pipelines.faces.blending.remainder import smooth_over
from pipelines.faces.masks import feather


def scene(height: int, width: int) -> np.ndarray:
    """Two colours that meet in the middle column, with a little texture."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:, : width // 2], picture[:, width // 2 :] = (200, 150, 120), (60, 70, 90)
    noise = np.random.default_rng(0).integers(-3, 4, picture.shape)
    return (picture + noise).astype(np.uint8)


@pytest.mark.parametrize("factor", [1, 12])
def test_a_spot_is_continued_from_both_sides(factor):
    clean = scene(60 * factor, 80 * factor)
    spotted, region = clean.copy(), np.zeros(clean.shape[:2], bool)
    region[20 * factor : 30 * factor, 30 * factor : 50 * factor] = True
    spotted[region] = (30, 90, 255)
    alpha = feather(region, 2 * factor)
    smoothed = smooth_over(spotted, alpha)
    assert np.array_equal(smoothed[alpha == 0], spotted[alpha == 0])
    difference = np.abs(smoothed.astype(int) - clean)
    assert np.median(difference[region]) < 6, "nothing of the spot's colour is left"
    assert difference[:, : 38 * factor][region[:, : 38 * factor]].max() < 30


def test_a_region_at_the_border_of_the_photo():
    clean = scene(40, 40)
    region = np.zeros((40, 40), bool)
    region[34:, 2:12] = True
    spotted = np.where(region[..., None], np.uint8(255), clean)
    smoothed = smooth_over(spotted, region.astype(np.float32))
    assert np.abs(smoothed.astype(int) - clean)[region].mean() < 5


def test_nothing_to_do_is_a_copy():
    picture = scene(8, 8)
    same = smooth_over(picture, np.zeros((8, 8), np.float32))
    assert np.array_equal(same, picture) and same is not picture


def test_a_single_pixel_and_a_whole_picture():
    picture = scene(9, 9)
    alpha = np.zeros((9, 9), np.float32)
    alpha[4, 2] = 1
    assert np.array_equal(smooth_over(picture, alpha)[alpha == 0], picture[alpha == 0])
    assert smooth_over(picture, np.ones((9, 9), np.float32)).shape == picture.shape
