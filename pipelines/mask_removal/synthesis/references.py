"""Reference pictures that need no second photo: the same face under another warp, light and sharpness.

Source: docs/methods.md, mask removal. What :func:`~pipelines.mask_removal.references.warping.warp_reference` hands to
the network at run time is imitated here, on the device: a face that lies nearly but not quite where it should, in other
light, and a confidence that ends at the face's border and may fade out on one side. :class:`OtherDay` adds what another
photo of the same person has besides.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from pipelines.mask_removal.synthesis.bending import expression, lens
from pipelines.mask_removal.synthesis.lighting import side_lit
from pipelines.mask_removal.synthesis.lower_faces import lent
from pipelines.mask_removal.synthesis.recording import aged
from pipelines.training.augment import fill_polygons, uniform

_SHIFTS = ((4, 0.05), (10, 0.012))  # control points a side, largest standard deviation as a fraction of the side
# The first moves features, as far as FaceMesh errs in what a mask hides; the second bends them, as expressions do.
_MIRRORED = 0.25  # share of references taken from the mirrored face: the person's, but not the same picture
_FADED = 0.5  # share of references of which one side was not seen
_FEATHER = 0.03  # of the side: blur of the confidence's border


@dataclass(frozen=True)
class OtherDay:
    """Shares of references that look as if they were taken on another day.

    Attributes:
        lens: from another distance (:func:`~pipelines.mask_removal.synthesis.bending.lens`).
        expression: with another expression (:func:`~pipelines.mask_removal.synthesis.bending.expression`).
        side_light: lit from a side (:func:`~pipelines.mask_removal.synthesis.lighting.side_lit`).
        makeup, beard: with the lips, or the lower face, of another face of the batch
            (:func:`~pipelines.mask_removal.synthesis.lower_faces.lent`).
        aged: blurred, grainy and compressed (:func:`~pipelines.mask_removal.synthesis.recording.aged`).
    """

    lens: float = 0.0
    expression: float = 0.0
    side_light: float = 0.0
    makeup: float = 0.0
    beard: float = 0.0
    aged: float = 0.0


SAME_DAY = OtherDay()
"""None of it."""


def face_ovals(points: Tensor, size: int) -> Tensor:
    """The face from jaw to above the brows.

    Args:
        points: ``(N, 68, 2)``, fractions of the side.
        size: side in pixels.

    Returns:
        ``float32`` ``(N, 1, size, size)``, 1 inside.
    """
    jaw, brows = points[:, :17], points[:, 17:27].flip(1)
    # Half of the way from the eyes to the brows again: a strip of forehead.
    lift = 0.5 * (points[:, 36:48].mean(1, keepdim=True) - brows.mean(1, keepdim=True))
    return fill_polygons(torch.cat([jaw, brows - lift], 1), size)


def self_references(
    images: Tensor, points: Tensor, generator: torch.Generator, *, share: float, day: OtherDay = SAME_DAY
) -> tuple[Tensor, Tensor]:
    """A warped reference and its confidence for every face.

    Args:
        images: ``(N, 3, S, S)`` in [-1, 1].
        points: ``(N, 68, 2)``, fractions of the side.
        generator: source of randomness.
        share: of faces that get a reference; the confidence of the others is 0 everywhere.
        day: what else the references have of another day; what has no share draws no random number.

    Returns:
        References ``(N, 3, S, S)`` in [-1, 1] and confidences ``(N, 1, S, S)`` in [0, 1].
    """
    n, _, side, _ = images.shape
    device = images.device

    if day.makeup or day.beard:
        images = lent(images, points, generator, makeup=day.makeup, beard=day.beard)
    mirror = (torch.rand(n, generator=generator) < _MIRRORED).to(device).view(n, 1, 1, 1)
    source = torch.where(mirror, images.flip(3), images)
    field = torch.zeros(n, 2, side, side, device=device)
    for points_a_side, most in _SHIFTS:
        strength = uniform((n, 1, 1, 1), 0, most, generator)
        shift = strength * torch.randn((n, 2, points_a_side, points_a_side), generator=generator)
        field += F.interpolate(shift.to(device), size=(side, side), mode="bicubic", align_corners=True)
    # Aligned faces lie so nearly alike that a mirrored one needs no landmarks of its own here.
    for bend, some in ((lens, day.lens), (expression, day.expression)):
        if some:
            field += bend(points, side, generator, share=some)
    # grid_sample counts the side from -1 to 1.
    still = torch.eye(2, 3, device=device).expand(n, 2, 3)
    grid = F.affine_grid(still, [n, 3, side, side], align_corners=False) + 2 * _unfolded(field).permute(0, 2, 3, 1)
    warped = F.grid_sample(source, grid, mode="bilinear", padding_mode="border", align_corners=False)

    warped = _softened(warped, generator)
    if day.side_light:
        warped = side_lit(warped, points, generator, share=day.side_light)
    warped = _relit(warped, generator)
    if day.aged:
        warped = aged(warped, generator, share=day.aged)

    width = 2 * round(_FEATHER * side) + 1
    confidence = F.avg_pool2d(face_ovals(points, side), width, 1, width // 2)
    confidence = confidence * _faded(n, side, generator).to(device)
    present = (torch.rand(n, generator=generator) < share).to(device, torch.float32).view(n, 1, 1, 1)
    return warped.clamp(-1, 1), confidence * present


def _unfolded(field: Tensor) -> Tensor:
    """Shifts ``(N, 2, S, S)``, fractions of the side; of a face that they fold, weakened until they do not.

    Normal draws have no bound: about one face in a thousand folds. A shift that changes by less than a pixel from any
    pixel to the next never does.
    """
    side = field.shape[-1]
    across, down = field.diff(dim=3)[:, :, :-1] * side, field.diff(dim=2)[..., :-1] * side
    folded = ((1 + across[:, 0]) * (1 + down[:, 1]) <= across[:, 1] * down[:, 0]).flatten(1).any(1)
    steepest = (across.square() + down.square()).sum(1).sqrt().flatten(1).amax(1)
    return field * torch.where(folded, 0.9 / steepest, 1.0).view(-1, 1, 1, 1)


def _softened(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the pictures as if the reference had fewer pixels."""
    side = images.shape[-1]
    factor = uniform((1,), 1.2, 3, generator).item()
    coarse = F.interpolate(images, size=max(8, round(side / factor)), mode="bilinear", antialias=True)
    soft = F.interpolate(coarse, size=side, mode="bilinear")
    which = (torch.rand(len(images), generator=generator) < 0.5).to(images.device).view(-1, 1, 1, 1)
    return torch.where(which, soft, images)


def _relit(images: Tensor, generator: torch.Generator) -> Tensor:
    """Another exposure, another colour of light, and light from another side."""
    n, _, side, _ = images.shape
    device = images.device
    gain = uniform((n, 3, 1, 1), 0.93, 1.07, generator) * uniform((n, 1, 1, 1), 0.85, 1.15, generator)
    bias = uniform((n, 1, 1, 1), -0.12, 0.12, generator)
    slope = uniform((n, 2, 1, 1), -0.2, 0.2, generator).to(device)
    ramp = torch.linspace(-1, 1, side, device=device)
    light = slope[:, :1] * ramp.view(1, 1, 1, side) + slope[:, 1:] * ramp.view(1, 1, side, 1)
    return (images + 1) * gain.to(device) * (1 + light) - 1 + bias.to(device)


def _faded(n: int, side: int, generator: torch.Generator) -> Tensor:
    """Confidence of what a turned head hides: falls along a line across the picture for some samples, 1 for others."""
    angle = uniform((n, 1, 1, 1), -0.4, 0.4, generator)  # radians from the horizontal
    sign = torch.where(torch.rand((n, 1, 1, 1), generator=generator) < 0.5, 1.0, -1.0)
    ramp = torch.linspace(-1, 1, side)
    along = sign * (torch.cos(angle) * ramp.view(1, 1, 1, side) + torch.sin(angle) * ramp.view(1, 1, side, 1))
    edge, width = uniform((n, 1, 1, 1), -0.2, 0.5, generator), uniform((n, 1, 1, 1), 0.02, 0.15, generator)
    fade = torch.sigmoid((edge - along) / width)
    turned = torch.rand((n, 1, 1, 1), generator=generator) < _FADED
    return torch.where(turned, fade, torch.ones_like(fade))
