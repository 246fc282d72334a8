"""Light from a side: one half of a face lies in its own shadow, as in photos beside a window."""

import math

import torch
from torch import Tensor

from pipelines.training.augment import pixel_centres, some, uniform

_SIDE = math.radians(30), math.radians(75)  # of the light from the camera's axis, to either side
_ABOVE = math.radians(-10), math.radians(40)
_AMBIENT = 0.3, 0.65  # of the light that comes from everywhere
_HEAD = 1.15  # half the width and height of the head, as a multiple of what the landmarks span
_NOSE = 0.45, 0.12  # height of the nose's ridge and its half width, in half widths of the head
_EDGE = 0.25  # least depth that slopes are taken at: an ellipsoid's edge has none
_GAMMA = 2.2  # of the pixels: light adds up in linear values
_LIMITS = 0.35, 1.25  # of the factor on pixels


def side_lit(images: Tensor, points: Tensor, generator: torch.Generator, *, share: float) -> Tensor:
    """Some faces in light from a side: an ellipsoid with a nose, shaded by its slopes (Lambert).

    Args:
        images: ``(N, 3, S, S)`` in [-1, 1].
        points: ``(N, 68, 2)``, fractions of the side.
        generator: source of randomness.
        share: of faces that are lit so.

    Returns:
        The same shape; a highlight may lie above 1.
    """
    n, device = len(images), images.device
    sign = 2 * some(n, 0.5, generator) - 1
    side, above = sign * uniform((n, 1, 1, 1), *_SIDE, generator), uniform((n, 1, 1, 1), *_ABOVE, generator)
    ambient = uniform((n, 1, 1, 1), *_AMBIENT, generator).to(device)
    used = some(n, share, generator).to(device)
    light = [part.view(n, 1, 1).to(device) for part in _towards(side, above)]

    right, down = slopes(points, images.shape[-1])
    facing = (light[2] - right * light[0] - down * light[1]) / (1 + right.square() + down.square()).sqrt()
    direct = facing.clamp_min(0)[:, None]
    middle = direct.mean((2, 3), keepdim=True).clamp_min(0.05)
    factor = (ambient + (1 - ambient) * direct / middle) ** (1 / _GAMMA)
    lit = (images + 1) * factor.clamp(*_LIMITS) - 1
    return torch.where(used > 0, lit, images)


def slopes(points: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """How steeply a face of these landmarks rises towards the camera, to the right and downwards.

    Args:
        points: ``(N, 68, 2)``, fractions of the side.
        size: side in pixels.

    Returns:
        Two of ``(N, size, size)``; 1 = 45 degrees.
    """
    n, device = len(points), points.device
    lowest, highest = points.amin(1), points.amax(1)
    middle, half = (lowest + highest) / 2, _HEAD * (highest - lowest) / 2
    wide = half[:, 0].view(n, 1, 1)
    place = pixel_centres(size, device)
    at = (place - middle[:, None, None]) / half[:, None, None]
    depth = (1 - at.square().sum(-1)).clamp_min(_EDGE**2).sqrt()
    right, down = -at[..., 0] / depth, -at[..., 1] / depth * wide / half[:, 1].view(n, 1, 1)

    # The ridge of the nose grows from the bridge to the tip and ends at the base.
    bridge, base = points[:, 27], points[:, 33]
    line = base - bridge
    length = line.norm(dim=1).view(n, 1, 1)
    off = place - bridge[:, None, None]
    along = (off * line[:, None, None]).sum(-1) / length.square()
    across = (off[..., 0] * line[:, 1].view(n, 1, 1) - off[..., 1] * line[:, 0].view(n, 1, 1)) / length / wide
    ridge = along.clamp(0, 1) * torch.sigmoid((1 - along) * 12) * torch.exp(-(across / _NOSE[1]).square() / 2)
    return right - _NOSE[0] * ridge * across / _NOSE[1] ** 2, down


def _towards(side: Tensor, above: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The direction of the light from angles: right, down, towards the camera."""
    return torch.sin(side) * torch.cos(above), -torch.sin(above), torch.cos(side) * torch.cos(above)
