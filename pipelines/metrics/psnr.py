"""Peak signal-to-noise ratio."""

from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio


def psnr(image: Tensor, target: Tensor) -> Tensor:
    """PSNR of each picture of a batch, over the whole picture.

    10 · log10(peak² / mean squared error), the mean over pixels and colour channels.

    Args:
        image: ``float`` ``(N, 3, H, W)`` in [-1, 1].
        target: the true pictures, the same shape and range.

    Returns:
        ``(N,)`` in dB, higher is better; infinite where both pictures are equal.

    A tenth of the range off in every pixel is 20 dB:

    >>> import torch
    >>> psnr(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.2)).round(decimals=3)
    tensor([20.])
    """
    return peak_signal_noise_ratio(image, target, data_range=2.0, reduction="none", dim=(1, 2, 3))
