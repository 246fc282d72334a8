"""Structural similarity."""

import torch
from skimage.metrics import structural_similarity
from torch import Tensor


def ssim(image: Tensor, target: Tensor) -> Tensor:
    """SSIM of each picture of a batch, over the whole picture.

    Gaussian window of 11 × 11 pixels and σ = 1.5, K1 = 0.01, K2 = 0.03, each colour channel by itself, the mean over
    the windows that lie wholly inside the picture. Source: Wang et al. 2004.

    Args:
        image: ``float`` ``(N, 3, H, W)`` in [-1, 1], at least 11 pixels on each side.
        target: the true pictures, the same shape and range.

    Returns:
        ``(N,)`` on the processor, at most 1 (equal pictures), higher is better.
    """
    # Not invariant to an offset: the published form takes intensities from 0 up. On the processor because
    # scikit-image's separable filter is several times faster there than torchmetrics' full one.
    image, target = ((pictures.float().cpu() + 1).div(2).permute(0, 2, 3, 1).numpy() for pictures in (image, target))
    return torch.tensor(
        [
            structural_similarity(
                true,
                drawn,
                channel_axis=2,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=1.0,
            )
            for drawn, true in zip(image, target, strict=True)
        ]
    )
