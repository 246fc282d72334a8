"""What a face's shape owes to the day of a photo: the camera's distance, and the expression.

Both are shifts of where a pixel comes from, ``(N, 2, S, S)`` in fractions of the side, so that they add up, and a
picture is resampled once. The warp of :mod:`pipelines.mask_removal.warping` takes out what of them its control points
see; what is left is of this kind, and weaker.
"""

import torch
from torch import Tensor

from pipelines.training.augment import pixel_centres, some, uniform

_LENS = 0.15  # by how much the middle of a face is enlarged or reduced at most
_CORNERS = 0.16, 0.14  # of the mouth's width: most that its corners move outwards or inwards, and up or down
_JAW = 0.18  # of the way from the lower lip to the chin: most that the jaw is lowered or raised
_SPREAD = 0.35, 0.6  # of the mouth's width: standard deviations of what moves with a corner, and with the jaw


def lens(points: Tensor, size: int, generator: torch.Generator, *, share: float) -> Tensor:
    """Another distance of the camera: what is near it, the middle of the face, grows or shrinks against the rest.

    Source: Fried et al. 2016, "Perspective-aware manipulation of portrait photos", as a radial shift.

    Args:
        points: ``(N, 68, 2)``, fractions of the side.
        size: side in pixels.
        generator: source of randomness.
        share: of faces that are changed.

    Returns:
        Where each pixel comes from, less where it lies, ``(N, 2, size, size)`` in fractions of the side.
    """
    n, device = len(points), points.device
    change = (some(n, share, generator) * uniform((n, 1, 1, 1), -_LENS, _LENS, generator)).to(device)
    radius = (points[:, 16] - points[:, 0]).norm(dim=1).view(n, 1, 1, 1) / 2
    off = pixel_centres(size, device) - points.mean(1).view(n, 1, 1, 2)
    weight = torch.exp(-off.square().sum(-1, keepdim=True) / radius.square())
    return (change * weight * off).permute(0, 3, 1, 2)


def expression(points: Tensor, size: int, generator: torch.Generator, *, share: float) -> Tensor:
    """Another expression: the corners of the mouth drawn out, in, up or down, and the jaw lowered or raised.

    Args:
        points, size, generator, share: as for :func:`lens`.

    Returns:
        As :func:`lens`.
    """
    n, device = len(points), points.device
    left, right, lip, chin = (points[:, index] for index in (48, 54, 57, 8))
    mouth = right - left
    width = mouth.norm(dim=1, keepdim=True)
    down = torch.stack([-mouth[:, 1], mouth[:, 0]], 1)
    used = some(n, share, generator)
    out, up, lopsided, jaw = ((used * uniform((n, 1, 1, 1), -1, 1, generator)).view(n, 1).to(device) for _ in range(4))
    # One corner moves a little more than the other: no smile is even.
    sides = (1 + 0.3 * lopsided, 1 - 0.3 * lopsided)
    drawn = [
        side * (sign * _CORNERS[0] * out * mouth - _CORNERS[1] * up * down)
        for side, sign in zip(sides, (-1, 1), strict=True)
    ]
    centres = torch.stack([left, right, torch.lerp(lip, chin, 0.6)], 1)
    shifts = torch.stack([*drawn, _JAW * jaw * (chin - lip)], 1)
    spreads = torch.cat([width * _SPREAD[0], width * _SPREAD[0], width * _SPREAD[1]], 1)
    # A pixel asks where it comes from: what arrives at a place has left it by the shift.
    off = pixel_centres(size, device) - (centres + shifts)[:, :, None, None]
    weight = torch.exp(-off.square().sum(-1) / (2 * spreads.square())[:, :, None, None])
    return -torch.einsum("nkyx,nkc->ncyx", weight, shifts)
