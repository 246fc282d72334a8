"""What a photo's file and age do to it: the blocks of strong compression, and the grain of a poor sensor."""

import math

import torch
from torch import Tensor

from pipelines.training.augment import blurred, some, uniform

_BLOCK = 8
_STEPS = (16, 6, 99), (18, 14, 99)  # of 255: brightness and colour, at frequency 0, more a step of frequency, at most
_STRENGTHS = 0.4, 2.5  # of the steps: about JPEG's qualities 80 to 20
_GRAIN = 0.06  # largest standard deviation of the grain, in [-1, 1]
_SOFT = 0.008, 0.02  # of the side: blur of a soft lens


def aged(images: Tensor, generator: torch.Generator, *, share: float) -> Tensor:
    """Some pictures as an old camera or a messenger leaves them: blurred, grainy, and compressed as JPEG compresses.

    Args:
        images: ``(N, 3, S, S)`` in [-1, 1], S a multiple of 8.
        generator: source of randomness.
        share: of pictures that are changed.

    Returns:
        The same shape; the grain may lie beyond the range.
    """
    n, _, side, _ = images.shape
    device = images.device
    softness = uniform((1,), *_SOFT, generator).item()
    soft = torch.where(some(n, 0.5, generator).to(device) > 0, blurred(images, softness), images)
    grain = torch.randn((n, 1, side, side), generator=generator) * uniform((n, 1, 1, 1), 0, _GRAIN, generator)
    steps = uniform((n, 1, 1, 1), *_STRENGTHS, generator).to(device)
    used = some(n, share, generator).to(device)
    return torch.where(used > 0, compressed(soft + grain.to(device), steps), images)


def compressed(images: Tensor, strength: Tensor) -> Tensor:
    """Pictures after the lossy step of JPEG: cosines of blocks of 8 x 8 pixels, rounded.

    Source: ITU-T T.81, whose tables are taken as straight lines; colours are not halved in size.

    Args:
        images: ``(N, 3, S, S)`` in [-1, 1].
        strength: ``(N, 1, 1, 1)``; 1 is about quality 50.

    Returns:
        The same shape; rounding may lead beyond the range.
    """
    n, _, side, _ = images.shape
    cells = side // _BLOCK
    colours = _COLOURS.to(images)
    blocks = torch.einsum("dc,nchw->ndhw", colours, 127.5 * images).view(n, 3, cells, _BLOCK, cells, _BLOCK)
    cosines = _cosines().to(images)
    seen = torch.einsum("ui,ncyixj,vj->ncyuxv", cosines, blocks, cosines)
    step = strength[..., None, None] * _tables().to(images)[None, :, None, :, None, :]
    rounded = (seen / step).round() * step
    back = torch.einsum("ui,ncyuxv,vj->ncyixj", cosines, rounded, cosines).reshape(n, 3, side, side)
    return torch.einsum("cd,ndhw->nchw", torch.linalg.inv(colours), back) / 127.5


_COLOURS = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""JFIF's brightness and colours of RGB."""


def _cosines() -> Tensor:
    """The orthonormal cosine transform of eight numbers, ``(8, 8)``, a frequency a row."""
    at = torch.arange(_BLOCK)
    table = torch.cos(math.pi / _BLOCK * (at + 0.5) * at[:, None]) * math.sqrt(2 / _BLOCK)
    return torch.cat([table[:1] / math.sqrt(2), table[1:]])


def _tables() -> Tensor:
    """Steps of the coefficients, ``(3, 8, 8)`` of 255."""
    frequency = torch.arange(_BLOCK) + torch.arange(_BLOCK)[:, None]
    light, colour = ((first + more * frequency).clamp_max(most) for first, more, most in _STEPS)
    return torch.stack([light, colour, colour]).float()
