"""Landmarks drawn as pictures that gradients can pass through."""

import torch
from torch import Tensor


def landmark_maps(points: Tensor, size: int, sigma: float = 1.5 / 128) -> Tensor:
    """One map a landmark, with a Gaussian splat of height 1 at the landmark.

    INCLG section 2.1 maps the landmarks into a 128 x 128 picture stacked 68 times; its code does so by integer
    index, which stops the gradient. A Gaussian in each landmark's own channel lets it pass.

    Args:
        points: ``(N, P, 2)``, x and y as a fraction of the side.
        size: side of the maps in pixels.
        sigma: standard deviation as a fraction of the side.

    Returns:
        ``(N, P, size, size)`` in [0, 1].
    """
    at = (torch.arange(size, device=points.device, dtype=points.dtype) + 0.5) / size
    falloff = torch.exp(-((at - points[..., None]) ** 2) / (2 * sigma**2))  # (N, P, 2, size)
    return falloff[:, :, 1, :, None] * falloff[:, :, 0, None, :]
