"""What a worn mask does to the photo around it: its colour on the cheeks, its shadow, its straps.

A network that has only seen holes cut into clean photos draws on what it finds at their border: blue skin, a dark hem,
a strap. So it is shown these in training, and what it is to draw has none of them.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from pipelines.mask_removal.synthesis.references import face_ovals
from pipelines.training.augment import blurred, pixel_centres, some, uniform

_WHITE = 0.5  # share of masks that are white, grey or black; the others are of any colour
_SPILL = 0.05, 0.35  # reach, of the side, and most of it at the mask's edge
_SHADOW = 0.015, 0.02, 0.45  # blur and length of the shadow, of the side, and most of its darkness
_STRAPS = 0.004, 0.012  # of the side: half widths
_ANCHORS = ((3, 0), (13, 16), (5, 1), (11, 15))  # landmarks between which a loop runs: hem of the mask and ear
_EAR = 0.35  # how far a loop goes on past the jaw, of the way from hem to jaw
_DRAWN_LOOP = 0.8  # share of the four loops of a mask that show


def surroundings(
    images: Tensor,
    holes: Tensor,
    points: Tensor,
    generator: torch.Generator,
    *,
    spill: float,
    shadow: float,
    straps: float,
) -> Tensor:
    """Photos as they are around a mask that is worn; under the hole they stay as they are.

    Args:
        images: ``(N, 3, S, S)`` in [-1, 1].
        holes: ``(N, 1, S, S)``, 1 = hidden by the mask.
        points: ``(N, 68, 2)``, fractions of the side.
        generator: source of randomness.
        spill, shadow, straps: shares of the masks that colour the cheeks, that throw a shadow, whose straps show.

    Returns:
        The same shape and range.
    """
    n, device = len(images), images.device
    cloth = _cloths(n, generator).to(device)
    shown = images
    if spill:
        shown = _tinted(shown, holes, points, cloth, generator, spill)
    if shadow:
        shown = _shaded(shown, holes, generator, shadow)
    if straps:
        drawn = straps_beside(points, images.shape[-1], generator, share=straps)
        shown = torch.lerp(shown, cloth, drawn)
    return torch.where(holes > 0, images, shown).clamp(-1, 1)


def straps_beside(points: Tensor, size: int, generator: torch.Generator, *, share: float) -> Tensor:
    """The loops of masks, from the hem over the cheeks to the ears.

    Args:
        points: ``(N, 68, 2)``, fractions of the side.
        size: side in pixels.
        generator: source of randomness.
        share: of masks whose loops show.

    Returns:
        ``(N, 1, size, size)`` in [0, 1], 1 = covered.
    """
    n, device = len(points), points.device
    hem, jaw = (points[:, list(ends)] for ends in zip(*_ANCHORS, strict=True))
    # From inside the mask, which hides the beginning, past the jaw.
    middle = points[:, 33:34]
    start = torch.lerp(hem, middle, 0.3)
    end = jaw + _EAR * (jaw - middle) * uniform((n, 4, 1), 0.3, 1, generator).to(device)
    end = end + uniform((n, 4, 2), -0.03, 0.03, generator).to(device)
    way = end - start
    off = pixel_centres(size, device) - start[:, :, None, None]
    along = ((off * way[:, :, None, None]).sum(-1) / way.square().sum(-1)[:, :, None, None]).clamp(0, 1)
    distance = (off - along[..., None] * way[:, :, None, None]).norm(dim=-1)
    width = uniform((n, 1, 1, 1), *_STRAPS, generator).to(device)
    loops = (0.5 + (width - distance) * size).clamp(0, 1)
    drawn = (torch.rand((n, 4, 1, 1), generator=generator) < _DRAWN_LOOP).float() * some(n, share, generator)
    return (loops * drawn.to(device)).amax(1, keepdim=True)


def _cloths(n: int, generator: torch.Generator) -> Tensor:
    """Colours of masks, ``(N, 3, 1, 1)`` in [-1, 1]."""
    grey = uniform((n, 1, 1, 1), -0.9, 1, generator).expand(n, 3, 1, 1)
    colour = uniform((n, 3, 1, 1), -0.7, 1, generator)
    return torch.where(some(n, _WHITE, generator) > 0, grey, colour)


def _tinted(
    images: Tensor, holes: Tensor, points: Tensor, cloth: Tensor, generator: torch.Generator, share: float
) -> Tensor:
    """Faces with light of the mask's colour on them, the more the nearer to its edge."""
    n, device = len(images), images.device
    strength = (some(n, share, generator) * uniform((n, 1, 1, 1), 0, _SPILL[1], generator)).to(device)
    # At a straight edge half of what is about a point is mask.
    near = (2 * blurred(holes, _SPILL[0])).clamp(0, 1) * face_ovals(points, images.shape[-1])
    # Light that the cloth throws back has its colour, and is the more the lighter it is.
    mean = (cloth + 1).mean(1, keepdim=True)
    light = (cloth + 1) / mean.clamp_min(0.1) * (0.75 + 0.25 * mean)
    return torch.lerp(images, (images + 1) * light - 1, near * strength)


def _shaded(images: Tensor, holes: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """Photos in which the mask's edge throws a shadow, mostly downwards."""
    n, device = len(images), images.device
    blur, length, darkest = _SHADOW
    darkness = (some(n, share, generator) * uniform((n, 1, 1, 1), 0.1, darkest, generator)).to(device)
    across, down = uniform((n, 1), -1, 1, generator), uniform((n, 1), -0.3, 1, generator)
    # A pixel asks where its shadow comes from, in coordinates from -1 to 1.
    still = torch.eye(2).expand(n, 2, 2)
    theta = torch.cat([still, -2 * length * torch.stack([across, down], 1)], 2).to(device)
    grid = F.affine_grid(theta, list(holes.shape), align_corners=False)
    moved = F.grid_sample(holes, grid, padding_mode="border", align_corners=False)
    return torch.lerp(images, torch.full_like(images, -1), blurred(moved, blur) * darkness)
