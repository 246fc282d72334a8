"""Heat maps against their formulas and against other code than that which they stand on."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, grey_erosion
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from pipelines.anomaly_scoring.scoring.heatmaps import COLOURS, KINDS, heat_map, unlikeness
from pipelines.errors import ImageMismatch, ImageTooSmall, OptionInvalid
from pipelines.metrics.perceptual import LPIPS
from pipelines.metrics.ssim import ssim, ssim_map

pytestmark = pytest.mark.slow

BT601 = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
"""Equation 3 with the signs that its print lost, of R', G', B' in [0, 1]."""


@pytest.fixture
def pair(astronaut):
    """A part of a face and a copy, noisy and with a flat patch: ``uint8`` ``(90, 70, 3)`` each."""
    original = astronaut[80:170, 190:260]
    noise = np.random.default_rng(0).normal(0, 8, original.shape)
    normalized = np.clip(original + noise, 0, 255).astype(np.uint8)
    normalized[30:60, 20:50] = 128
    return original, normalized


@pytest.fixture(scope="module")
def lpips(loss_folder):
    return LPIPS("squeeze", loss_folder)


def in_colour(picture, colour):
    return picture.astype(np.float64) if colour == "rgb" else picture / 255 @ BT601.T + (16, 128, 128)


def to_tensor(picture):
    return torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("erosion", [False, True])
def test_pse_is_the_squared_difference_of_each_channel_eroded_and_summed(pair, colour, erosion):
    squares = (in_colour(pair[0], colour) - in_colour(pair[1], colour)) ** 2
    if erosion:
        squares = np.stack([grey_erosion(channel, size=(3, 3)) for channel in np.moveaxis(squares, 2, 0)], 2)
    heat = heat_map(*pair, "pse", colour, erosion)
    assert heat.dtype == np.float32 and heat.shape == (90, 70)
    np.testing.assert_allclose(heat, squares.sum(2), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize(
    ("colour", "black_to_white", "black_to_red"),
    [("rgb", 3 * 255**2, 255**2), ("ycbcr", 219**2, 65.481**2 + 37.797**2 + 112**2)],
)
def test_pse_of_known_colours(colour, black_to_white, black_to_red):
    black, other = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)
    other[0], other[1, :, 0] = 255, 255
    heat = heat_map(black, other, "pse", colour, erosion=False)
    np.testing.assert_allclose(heat, [[black_to_white] * 2, [black_to_red] * 2], rtol=1e-6)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("erosion", [False, True])
def test_ssim_map_is_torchmetrics(pair, colour, erosion):
    pictures = [torch.from_numpy(in_colour(picture, colour)).permute(2, 0, 1)[None] for picture in pair]
    _, similarity = structural_similarity_index_measure(
        *pictures, sigma=1.5, data_range=255.0, reduction="none", return_full_image=True
    )
    # The libraries differ at the border, five pixels for the window and one for the erosion.
    expected = 1 - similarity[0].numpy()
    if erosion:
        expected = np.stack([grey_erosion(channel, size=(3, 3)) for channel in expected])
    heat = heat_map(*pair, "ssim", colour, erosion)
    np.testing.assert_allclose(heat[6:-6, 6:-6], expected.mean(0)[6:-6, 6:-6], atol=1e-4)


def test_ssim_map_is_scikit_images_in_grey_levels(pair):
    _, similarity = structural_similarity(
        *pair, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )
    heat = heat_map(*pair, "ssim", "rgb", erosion=False)
    np.testing.assert_allclose(heat, 1 - similarity.mean(2), atol=1e-4)
    assert heat.min() >= 0 and 0.3 < heat.max() < 2


def test_ssim_is_the_mean_of_its_map_inside(pair):
    image, target = map(to_tensor, pair)
    inside = ssim_map(image, target)[..., 5:-5, 5:-5]
    assert inside.shape == (1, 3, 80, 60)
    assert ssim(image, target).item() == pytest.approx(inside.mean().item(), abs=1e-6)


def test_the_lpips_map_means_lpips(pair, lpips):
    heat = heat_map(*pair, "lpips", "rgb", erosion=False, lpips=lpips)
    assert heat.dtype == np.float32 and heat.shape == (90, 70) and heat.min() >= 0
    assert heat.mean() == pytest.approx(lpips(*map(to_tensor, pair)).item(), rel=0.1)  # enlarging shifts means a little
    patch = heat[30:60, 20:50].mean()
    assert patch > 1.2 * (heat.sum() - 900 * patch) / (heat.size - 900)


def test_the_lpips_map_leaves_the_metric_as_it_was(pair, lpips):
    pictures = [*map(to_tensor, pair)]
    before = lpips(*pictures)
    heat_map(*pair, "lpips", lpips=lpips)
    assert torch.equal(lpips(*pictures), before) and before.shape == (1,)


def test_the_lpips_map_follows_the_colour_space(pair, lpips):
    got = heat_map(*pair, "lpips", "ycbcr", erosion=False, lpips=lpips)
    expected = lpips.map(*(to_tensor(in_colour(picture, "ycbcr").astype(np.float32)) for picture in pair))[0].numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)


def test_the_lpips_map_is_eroded(pair, lpips):
    whole, eroded = (heat_map(*pair, "lpips", "rgb", erosion, lpips) for erosion in (False, True))
    np.testing.assert_array_equal(eroded, grey_erosion(whole, size=(3, 3)))


def test_without_a_metric_lpips_stands_on_alexnet(pair, shared, monkeypatch):
    monkeypatch.setenv("PHILTRUM_LOSS_WEIGHTS", str(shared / "weights"))
    expected = heat_map(*pair, "lpips", lpips=LPIPS("alex"))
    np.testing.assert_array_equal(heat_map(*pair, "lpips"), expected)


def test_erosion_drops_lines_thinner_than_three_pixels_and_keeps_wider_ones():
    original = np.full((20, 20, 3), 100, np.uint8)
    thin, wide = original.copy(), original.copy()
    thin[:, 9:11], wide[:, 9:12] = 150, 150
    assert heat_map(original, thin, "pse", "rgb", erosion=False).max() == 3 * 50**2
    assert heat_map(original, thin, "pse", "rgb").max() == 0
    kept = heat_map(original, wide, "pse", "rgb")
    assert (kept[:, 10] == 3 * 50**2).all() and np.count_nonzero(kept) == 20  # to the border: there is no outside


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("colour", COLOURS)
def test_equal_pictures_have_no_heat(pair, lpips, kind, colour):
    assert not heat_map(pair[0], pair[0].copy(), kind, colour, lpips=lpips).any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_map_does_not_care_which_picture_is_which(pair, lpips, kind):
    one, other = (heat_map(*pictures, kind, lpips=lpips) for pictures in (pair, pair[::-1]))
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_before_leaves_no_trace(pair, lpips, kind):
    alone = heat_map(*pair, kind, lpips=lpips)
    kept = [picture.copy() for picture in pair]
    heat_map(np.rot90(pair[1]).copy(), np.rot90(pair[0]).copy(), kind, lpips=lpips)
    np.testing.assert_array_equal(heat_map(*pair, kind, lpips=lpips), alone)
    for picture, before in zip(pair, kept, strict=True):
        np.testing.assert_array_equal(picture, before)


# --- unlikeness ---------------------------------------------------------------------------------------------------


def test_the_unlikeness_of_a_constant_difference_is_its_length():
    difference = np.broadcast_to(np.float32((3, -4, 12)), (40, 50, 3)).copy()
    found = unlikeness(difference, 64.0)
    assert found.shape == (40, 50) and found.dtype == np.float32
    np.testing.assert_allclose(found, 13, rtol=1e-5)
    np.testing.assert_allclose(unlikeness(np.full((9, 9, 3), -255, np.float32), 64.0), 255 * np.sqrt(3), rtol=1e-5)


@pytest.mark.parametrize("unit", [40.0, 100.0])
def test_the_unlikeness_of_a_pixel_is_a_normal_distribution_of_three_per_cent_of_the_eye_distance(unit):
    difference = np.zeros((61, 61, 3), np.float32)
    difference[30, 30] = (0, 60, -80)
    found = unlikeness(difference, unit)
    assert found.sum() == pytest.approx(100, rel=1e-4)  # the blur spreads and loses nothing
    distance = np.square(np.arange(61) - 30)
    for axis in (0, 1):
        assert (found.sum(axis) @ distance) / 100 == pytest.approx((0.03 * unit) ** 2, rel=0.03)
    point = np.zeros((61, 61))
    point[30, 30] = 100
    np.testing.assert_allclose(found, gaussian_filter(point, 0.03 * unit), atol=0.01 * found.max())


def test_grain_of_both_signs_cancels_and_equal_pictures_are_not_unlike():
    board = np.indices((40, 40)).sum(0) % 2 * 2.0 - 1
    grain = np.repeat(30 * board[..., None], 3, 2).astype(np.float32)
    assert unlikeness(grain, 100.0)[10:-10, 10:-10].max() < 0.01
    assert not unlikeness(np.zeros((40, 40, 3), np.float32), 100.0).any()


# --- what cannot be compared --------------------------------------------------------------------------------------


def test_pictures_of_two_sizes_are_said(pair):
    with pytest.raises(ImageMismatch, match="70 × 90 pixels and its normalized version 70 × 80"):
        heat_map(pair[0], pair[1][:80])


@pytest.mark.parametrize(("kind", "smallest"), [("ssim", 11), ("lpips", 32)])
def test_pictures_too_small_are_said(pair, lpips, kind, smallest):
    enough, less = ([picture[: smallest + more] for picture in pair] for more in (0, -1))
    assert np.isfinite(heat_map(*enough, kind, lpips=lpips)).all()
    with pytest.raises(ImageTooSmall, match=f"{smallest} pixels or more"):
        heat_map(*less, kind, lpips=lpips)


@pytest.mark.parametrize("wrong", [lambda p: p[..., :2], lambda p: p[..., 0], lambda p: p / np.float32(255)])
def test_what_is_no_rgb_picture_is_refused(pair, wrong):
    with pytest.raises(ValueError, match="RGB uint8"):
        heat_map(wrong(pair[0]), wrong(pair[1]))


@pytest.mark.parametrize(
    ("options", "names"), [({"kind": "mse"}, "pse, ssim, lpips"), ({"colour": "lab"}, "ycbcr, rgb")]
)
def test_unknown_options_are_said(pair, options, names):
    with pytest.raises(OptionInvalid, match=names):
        heat_map(*pair, **options)
