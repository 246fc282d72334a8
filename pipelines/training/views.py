"""What a network that is to see the face alone is shown in training, and now and then what is around it."""

import torch
from torch import Tensor

from pipelines.layers.view import narrowed
from pipelines.training.augment import fill_polygons, grown, uniform

MARGINS = 0.02, 0.1
"""Eye distances by which a face is wider than its outline, from and to; the app's lies between."""

_LEAST = 0.5  # of a hole that must lie within the face, for the face alone to be shown


def views(
    images: Tensor, holes: Tensor, faces: Tensor, generator: torch.Generator, *, whole: float, walls: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Shows most pictures as :func:`pipelines.layers.view.narrowed` does, the others whole.

    Args:
        images: ``(N, 3, S, S)`` in [-1, 1].
        holes: ``(N, 1, S, S)``, 1 = repaint.
        faces: outlines of the faces, ``(N, V, 2)``, fractions of the side.
        generator: source of randomness.
        whole: share of the pictures shown whole; where most of a hole lies beyond the face, all are.
        walls: share of these whose surroundings are exchanged: half of them for a plain wall, half for those of
            another picture of the batch.

    Returns:
        The pictures that are to be drawn, the holes to be drawn in them, and the pictures as they are shown.
    """
    n, device = len(images), images.device
    margin = uniform((n, 1, 1), *MARGINS, generator).to(device)
    face = fill_polygons(grown(faces, margin), images.shape[-1])
    inside = holes * face
    narrow = (torch.rand(n, 1, 1, 1, generator=generator) >= whole).to(device)
    narrow = narrow & (inside.sum((2, 3), keepdim=True) >= _LEAST * holes.sum((2, 3), keepdim=True))

    moved = (torch.rand(n, 1, 1, 1, generator=generator) < walls).to(device) & ~narrow
    plain = (torch.rand(n, 1, 1, 1, generator=generator) < 0.5).to(device)
    wall = uniform((n, 3, 1, 1), -1, 1, generator).to(device)
    other = torch.where(plain, wall, images.roll(1, 0))
    images = torch.where(moved, images * face + other * (1 - face), images)

    near, near_holes = narrowed(images, holes, face)
    return images, torch.where(narrow, near_holes, holes), torch.where(narrow, near, images)
