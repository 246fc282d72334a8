"""The layer that unfolds channels into pixels, started so that no checkerboard shows."""

import torch
from torch import nn


@torch.no_grad()
def start_alike(paint: nn.Conv2d, fold: int) -> None:
    """Gives all pixels of a fold the weights of its first, so that the untrained layer draws no checkerboard.

    Args:
        paint: the convolution before ``pixel_shuffle``; its output channels are a multiple of ``fold ** 2``.
        fold: pixels a side that the layer unfolds.

    Source: Aitken et al., "Checkerboard artifact free sub-pixel convolution" (2017).
    """
    for values in paint.parameters():
        values.copy_(values[:: fold**2].repeat_interleave(fold**2, 0))
