"""PSNR, SSIM and L1 against their formulas and against other libraries than those that they wrap."""

import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio
from torchmetrics.functional.image import structural_similarity_index_measure

from pipelines.metrics.l1 import l1
from pipelines.metrics.psnr import psnr
from pipelines.metrics.ssim import ssim


@pytest.fixture(scope="module")
def pairs():
    """Two pictures and two damaged copies, ``uint8`` ``(2, 96, 80, 3)``: one noisy, one with a flat hole."""
    rng = np.random.default_rng(0)
    target = np.stack([astronaut()[50:146, 180:260], astronaut()[200:296, 20:100]])
    image = target.copy()
    image[0] = np.clip(image[0] + rng.normal(0, 20, image[0].shape), 0, 255).astype(np.uint8)
    image[1, 30:60, 20:50] = 128
    return image, target


def to_tensor(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def test_psnr_is_its_formula_and_scikit_images(pairs):
    image, target = pairs
    got = psnr(*map(to_tensor, pairs)).numpy()
    error = ((image.astype(np.float64) - target) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(got, 10 * np.log10(255**2 / error), atol=1e-3)
    theirs = [peak_signal_noise_ratio(t, i) for i, t in zip(*pairs, strict=True)]
    np.testing.assert_allclose(got, theirs, atol=1e-3)


def test_psnr_of_equal_pictures_is_infinite(pairs):
    target = to_tensor(pairs[1])
    assert torch.isinf(psnr(target, target)).all()


@pytest.mark.slow
def test_ssim_is_torchmetrics_with_the_published_window(pairs):
    image, target = (to_tensor(pictures).double() / 2 + 0.5 for pictures in pairs)
    _, similarity = structural_similarity_index_measure(
        image, target, sigma=1.5, data_range=1.0, reduction="none", return_full_image=True
    )
    expected = similarity[..., 5:-5, 5:-5].mean((1, 2, 3))  # windows inside the picture
    np.testing.assert_allclose(ssim(*map(to_tensor, pairs)).numpy(), expected.numpy(), atol=1e-5)


def test_ssim_of_a_constant_offset_is_the_luminance_term():
    image, target = torch.full((1, 3, 16, 16), 0.2), torch.full((1, 3, 16, 16), -0.4)
    a, b, c = 0.6, 0.3, 0.01**2  # intensities from 0 to 1; flat pictures have no contrast to compare
    assert ssim(image, target).item() == pytest.approx((2 * a * b + c) / (a * a + b * b + c), abs=1e-5)


def test_ssim_of_equal_pictures_is_one(pairs):
    target = to_tensor(pairs[1])
    np.testing.assert_allclose(ssim(target, target).numpy(), 1, atol=1e-6)


def test_l1_is_the_mean_difference_in_per_cent_of_the_range(pairs):
    image, target = pairs
    expected = 100 * np.abs(image.astype(float) - target).mean((1, 2, 3)) / 255
    np.testing.assert_allclose(l1(*map(to_tensor, pairs)).numpy(), expected, rtol=1e-4)


def test_l1_inside_the_hole_counts_the_hole_only(pairs):
    image, target = pairs
    mask = np.zeros((2, 1, 96, 80), bool)
    mask[:, :, 30:60, 20:50] = True
    got = l1(to_tensor(image), to_tensor(target), torch.from_numpy(mask)).numpy()
    hole = np.abs(image[:, 30:60, 20:50].astype(float) - target[:, 30:60, 20:50])
    np.testing.assert_allclose(got, 100 * hole.mean((1, 2, 3)) / 255, rtol=1e-4)
    outside = l1(to_tensor(image), to_tensor(target), torch.from_numpy(~mask)).numpy()
    assert outside[1] == 0 < outside[0]


def test_l1_in_an_empty_hole_is_not_a_number(pairs):
    empty = torch.zeros(2, 1, 96, 80)
    assert torch.isnan(l1(*map(to_tensor, pairs), empty)).all()


@pytest.mark.parametrize("metric", [psnr, ssim, l1])
def test_a_picture_is_measured_alike_alone_and_in_a_batch(pairs, metric):
    image, target = map(to_tensor, pairs)
    together = metric(image, target)
    assert together.shape == (2,)
    alone = torch.cat([metric(image[i : i + 1], target[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone)
