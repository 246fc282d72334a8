"""Structural similarity."""

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

_SIGMA = 1.5
_RADIUS = 5  # of the window


def ssim_map(image: Tensor, target: Tensor) -> Tensor:
    """SSIM of the window around each pixel, each channel by itself.

    Gaussian window of 11 × 11 pixels and σ = 1.5, K1 = 0.01, K2 = 0.03; at the border it sees the picture reflected.
    Source: Wang et al. 2004.

    Args:
        image: ``float`` ``(N, 3, H, W)`` in [-1, 1], at least 11 pixels on each side.
        target: the true pictures, the same shape and range.

    Returns:
        ``float32`` ``(N, 3, H, W)`` on the processor, -1 to 1 (equal windows), higher is better.
    """
    # Not invariant to an offset: the published form takes intensities from 0 up. On the processor because
    # scikit-image's separable filter is several times faster there than torchmetrics' full one.
    drawn, true = ((pictures.float().cpu() + 1).div(2).permute(0, 2, 3, 1).numpy() for pictures in (image, target))
    maps = [
        structural_similarity(
            picture,
            other,
            channel_axis=2,
            gaussian_weights=True,
            sigma=_SIGMA,
            use_sample_covariance=False,
            data_range=1.0,
            full=True,
        )[1]
        for other, picture in zip(drawn, true, strict=True)
    ]
    return torch.from_numpy(np.stack(maps)).permute(0, 3, 1, 2)


def ssim(image: Tensor, target: Tensor) -> Tensor:
    """SSIM of each picture of a batch: the mean of :func:`ssim_map` over the windows wholly inside the picture.

    Args:
        image: ``float`` ``(N, 3, H, W)`` in [-1, 1], at least 11 pixels on each side.
        target: the true pictures, the same shape and range.

    Returns:
        ``(N,)`` on the processor, at most 1 (equal pictures), higher is better.
    """
    inside = slice(_RADIUS, -_RADIUS)
    return ssim_map(image, target)[..., inside, inside].double().mean((1, 2, 3)).float()
