"""Make-up, and beards grown or shaved: colours and texture of the lower face, taken from another face of the batch.

Aligned crops lie nearly alike, so another face's chin, moved by the affine map between both faces' landmarks, looks as
if it had always been there. Which face lends is decided by the skin: the most alike.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from pipelines.training.augment import blurred, fill_polygons, pixel_centres, some, uniform

_JAW, _NOSE_BASE, _LIPS = slice(2, 15), slice(31, 36), slice(48, 60)
_CHEEKS = ((1, 31), (15, 35))  # halfway between ear and nostril, on either side: above every beard
_SMOOTH = 0.05  # of the side: over which the skin's colour is taken
_FEATHER = 0.03, 0.012  # of the side: borders of beard and lips
_TONES = 0.4, 2.5  # limits of the factor from one skin to the other
_CONTRASTS = 0.7, 1.5  # limits of the factor on the lips' contrast
_STRENGTHS = 0.6, 1.0


def skin_tones(images: Tensor, points: Tensor) -> Tensor:
    """The mean colour of both cheeks.

    Args:
        images: ``(N, 3, S, S)`` in [-1, 1].
        points: ``(N, 68, 2)``, fractions of the side.

    Returns:
        ``(N, 3, 1, 1)`` in [-1, 1].
    """
    cheeks = torch.stack([points[:, pair].mean(1) for pair in map(list, _CHEEKS)], 1)
    smooth = blurred(images, _SMOOTH)
    found = F.grid_sample(smooth, 2 * cheeks[:, None] - 1, padding_mode="border", align_corners=False)
    return found.mean(3, keepdim=True)


def most_alike(tones: Tensor) -> Tensor:
    """For each face the other one of the most similar skin, ``(N, 3, 1, 1)`` → ``(N,)``; a lone face has itself."""
    tones = tones.flatten(1)
    apart = (tones[:, None] - tones[None]).square().sum(2)
    if len(tones) == 1:
        return apart.argmin(1)
    return (apart + torch.eye(len(tones), device=tones.device) * 1e9).argmin(1)


def lent(images: Tensor, points: Tensor, generator: torch.Generator, *, makeup: float, beard: float) -> Tensor:
    """Some faces with the lips' colours, and some with the beard or bare chin, of the face most alike.

    Args:
        images: ``(N, 3, S, S)`` in [-1, 1].
        points: ``(N, 68, 2)``, fractions of the side.
        generator: source of randomness.
        makeup: share of faces whose lips get the other's colours.
        beard: share of faces whose lower face, but for the lips, becomes the other's.

    Returns:
        The same shape and range.
    """
    n, _, side, _ = images.shape
    device = images.device
    strengths = [
        (some(n, share, generator) * uniform((n, 1, 1, 1), *_STRENGTHS, generator)).to(device)
        for share in (beard, makeup)
    ]
    tones = skin_tones(images, points)
    other = most_alike(tones)
    # Colours are compared with each face's own skin, so that nobody gets another's complexion.
    tone = ((tones + 1) / (tones[other] + 1).clamp_min(0.05)).clamp(*_TONES)
    lips, bare = _areas(points, side)
    # What lies beside the other's chin is no skin, and its lips may be wider than these.
    pictures = _moved(torch.cat([images, bare], 1)[other], points[other], points)
    moved, bare = (pictures[:, :3] + 1) * tone - 1, bare * pictures[:, 3:]
    images = torch.lerp(images, moved, bare * strengths[0])
    painted = _coloured(images, moved, lips)
    return torch.lerp(images, painted, blurred(lips, _FEATHER[1]) * strengths[1]).clamp(-1, 1)


def _areas(points: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """The lips, and with soft borders where a beard grows, ``(N, 1, side, side)`` in [0, 1]."""
    lips = fill_polygons(points[:, _LIPS], side)
    chin = fill_polygons(torch.cat([points[:, _JAW], points[:, _NOSE_BASE].flip(1)], 1), side)
    return lips, blurred(chin * (1 - lips), _FEATHER[0]) * (1 - blurred(lips, _FEATHER[1]))


def _moved(images: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Pictures under the affine map that takes the lower landmarks of ``source`` nearest to those of ``target``."""
    n, _, side, _ = images.shape
    lower = [*range(*_JAW.indices(68)), *range(*_NOSE_BASE.indices(68)), *range(*_LIPS.indices(68))]
    one = torch.ones(n, len(lower), 1, device=images.device)
    given = torch.cat([target[:, lower], one], 2)
    wanted = source[:, lower]
    # Normal equations: 3 x 3 a face, and the points of a face are never on one line.
    back = torch.linalg.solve(given.transpose(1, 2) @ given, given.transpose(1, 2) @ wanted)
    at = pixel_centres(side, images.device).view(1, -1, 2) @ back[:, :2] + back[:, 2:]
    return F.grid_sample(images, 2 * at.view(n, side, side, 2) - 1, padding_mode="border", align_corners=False)


def _coloured(images: Tensor, others: Tensor, area: Tensor) -> Tensor:
    """``images`` with mean and spread of ``others`` within ``area`` (Reinhard et al. 2001)."""
    weight = area / area.sum((2, 3), keepdim=True).clamp_min(1)

    def mean(values: Tensor) -> Tensor:
        return (values * weight).sum((2, 3), keepdim=True)

    own, wanted = mean(images), mean(others)
    spread, other = (mean((picture - middle).square()).sqrt() for picture, middle in ((images, own), (others, wanted)))
    return (images - own) * (other / spread.clamp_min(0.01)).clamp(*_CONTRASTS) + wanted
