"""Where a network that never saw a cleft draws something else than the photo shows: part after part of lips and nose is
hidden, and what is drawn there compared.

Source: the follow-ups of Hayajneh et al. 2022 that find what to normalize by repeated inpainting (docs/methods.md,
anomaly scoring). Theirs hides at random; here discs lie on lattices that are fixed to the face and spread evenly,
because with a random lattice the same face scores half as high again by another seed. Several discs are hidden at a
time; one search hides every pixel about twice, once in the crop and once in its mirror image.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipelines.anomaly_scoring.scoring.heatmaps import unlikeness
from pipelines.anomaly_scoring.scoring.regions import region
from pipelines.arrays import Floats, Mask, Pixels, Shape
from pipelines.devices import Device
from pipelines.faces import masks
from pipelines.faces.blending.skin import visible_face
from pipelines.faces.blending.tone import IN_COLOUR, Tone
from pipelines.faces.points import Face
from pipelines.metrics.landmark_error import SUBSETS
from pipelines.models.inpainter import Inpainter
from pipelines.tensors import to_network

SETS = 4
"""Of discs in a search. Those of one set are hidden at a time, and lie far enough apart to see each other's
surroundings. Each set is hidden twice, so a search is twice as many pictures."""

_REACH = 0.1  # eye distances by which the searched area exceeds mouth and nose
_RADIUS = 0.3  # of a hidden disc, in eye distances
_OVERLAP = 1.05  # radius over what just covers the area
_LOW = 0.4  # quantile of a pixel's differences: what stays whatever else is hidden with it
_CPU_BATCH = 8  # pictures; more at once gain nothing on a processor and take memory


@dataclass(frozen=True, eq=False)
class Disagreement:
    """How unlike the photo a network draws a face's hidden parts, S the side of the crop.

    Attributes:
        area: ``bool`` ``(S, S)``, what was searched.
        mean: ``float32`` ``(S, S)``, mean over the pictures in which a pixel was hidden, in grey levels as
            :func:`pipelines.anomaly_scoring.scoring.heatmaps.unlikeness` counts them; 0 outside the area.
        low: the same, but each pixel's 40th percentile: what the network disagrees with again and again. A mouth that
            it draws here open and there closed is no anomaly of the face.
    """

    area: Mask
    mean: Floats
    low: Floats


@torch.inference_mode()
def find_disagreement(
    network: Inpainter,
    crop: Pixels,
    face: Face,
    device: Device,
    searches: int,
    tone: Tone = IN_COLOUR,
    announce: Callable[[float], None] = lambda share: None,
) -> Disagreement:
    """Searches mouth and nose, with looks that no surroundings colour (:meth:`Inpainter.look`).

    Each set of discs is hidden once in the crop, and its mirror image once in the mirrored crop, so that no side of a
    face is favoured.

    Args:
        network: of cleft inpainting.
        crop: ``uint8`` ``(S, S, 3)``, the aligned face.
        face: in pixels of the crop.
        device: where the network lies.
        searches: how often every pixel is searched, 1 or more; eight pictures each.
        tone: of the photo; a colour that it does not have is no difference.
        announce: called before each batch of pictures with the share of them that is done; what it raises stops the
            run.
    """
    shape, unit = crop.shape[:2], face.eye_distance
    area = masks.grow(region(face, shape) | masks.suggest_mask(face, shape, "lips-to-nose"), _REACH * unit)
    # Of landmarks, because an area is not rasterized alike from both sides.
    x, height = face.points[list(SUBSETS["mouth-nose"])].mean(0)
    axis = np.round(2 * x) / 2
    sets = [discs for place in spread(searches) for discs in disc_sets(shape, (axis, height), _RADIUS * unit, place)]
    discs = np.stack([disc & area for disc in sets])
    mirrored = np.stack([mirror(disc, axis) & area for disc in sets])  # of whole discs: the area need not be symmetric

    images, faces = (
        torch.cat([one.expand(len(sets), -1, -1, -1), one.flip(3).expand(len(sets), -1, -1, -1)])
        for one in (to_network(given, device) for given in (crop, visible_face(crop, face, area)))
    )
    holes = torch.from_numpy(np.concatenate([discs, mirrored[..., ::-1]])).to(device.torch_device).float()[:, None]
    drawn = _draw(network, images, holes, faces, device, announce)
    differences = (tone(_levels(drawn)) - _levels(images)) * holes.permute(0, 2, 3, 1).cpu().numpy()
    found = np.stack([unlikeness(one, unit) for one in differences])
    found[len(sets) :] = found[len(sets) :, :, ::-1].copy()  # back as the crop lies
    return Disagreement(area, *_over_pictures(found, np.concatenate([discs, mirrored])))


def disc_sets(
    shape: Shape, middle: tuple[float, float], radius: float, place: tuple[float, float] = (0.0, 0.0)
) -> list[Mask]:
    """Sets of discs, ``bool`` of ``shape`` each, that together cover every pixel.

    The discs lie on a hexagonal lattice; each set takes every other one of its rows and columns.

    Args:
        shape: height and width.
        middle: x and y of a disc's centre, in pixels.
        radius: of a disc, in pixels.
        place: by which shares of the lattice's two steps, 0-1, it is shifted.
    """
    step = radius * np.sqrt(3) / _OVERLAP
    rows, columns = (np.arange(side) + 0.5 for side in shape)
    x0 = middle[0] + step * (place[0] + place[1] / 2)
    y0 = middle[1] + step * place[1] * np.sqrt(3) / 2
    count = int(np.ceil(max(shape) / step)) + 4
    found = [np.zeros(shape, bool) for _ in range(SETS)]
    for j in range(-count, count + 1):
        y = y0 + j * step * np.sqrt(3) / 2
        for i in range(-2 * count, 2 * count + 1):
            x = x0 + (i + j / 2) * step
            if -radius < x < shape[1] + radius and -radius < y < shape[0] + radius:
                found[i % 2 + 2 * (j % 2)] |= np.square(columns - x) + np.square(rows - y)[:, None] < radius**2
    return found


def spread(count: int) -> list[tuple[float, float]]:
    """So many places in the cell of a hexagonal lattice, as far from one another as a lattice of them can be.

    Shares of the lattice's two steps, 0-1, the first at its corner. Of a rank-1 lattice (k / n, k m / n mod 1) the m is
    taken whose nearest two places are farthest apart.
    """

    def places(factor: int) -> Floats:
        k = np.arange(count)
        return np.stack([k / count, k * factor / count % 1], 1)

    def nearest(factor: int) -> float:
        there = places(factor)[1:, None] - np.array([[i, j] for i in (0, 1) for j in (0, 1)])
        x, y = there[..., 0] + there[..., 1] / 2, there[..., 1] * np.sqrt(3) / 2
        return round(float(np.hypot(x, y).min(initial=1.0)), 9)  # equal ones differ by rounding

    return [tuple(place) for place in places(max(range(count), key=nearest)).tolist()]


def mirror(mask: Mask, axis: float) -> Mask:
    """A mask mirrored at a column, of whole or half number."""
    mirrored = np.zeros_like(mask)
    rows, columns = np.nonzero(mask)
    there = np.round(2 * axis).astype(int) - 1 - columns
    inside = (there >= 0) & (there < mask.shape[1])
    mirrored[rows[inside], there[inside]] = True
    return mirrored


def _draw(
    network: Inpainter,
    images: Tensor,
    holes: Tensor,
    faces: Tensor,
    device: Device,
    announce: Callable[[float], None],
) -> Tensor:
    """What the network draws in the holes, in batches that suit the device: ``float32`` ``(P, 3, S, S)``."""
    size = _CPU_BATCH if device.torch_device.type == "cpu" else len(images)
    drawn = []
    for start in range(0, len(images), size):
        announce(start / len(images))
        part = slice(start, start + size)
        with device.autocast():
            drawn.append(network.look(images[part], holes[part], faces[part]).image.float())
    return torch.cat(drawn)


def _levels(pictures: Tensor) -> Floats:
    """``(P, 3, S, S)`` in [-1, 1] → ``(P, S, S, 3)`` in grey levels."""
    return ((pictures + 1) * 127.5).permute(0, 2, 3, 1).cpu().numpy()


def _over_pictures(found: Floats, hidden: Mask) -> tuple[Floats, Floats]:
    """Mean and 40th percentile of each pixel over the pictures in which it was hidden, all ``(P, S, S)``."""
    times = hidden.sum(0)
    mean = (found * hidden).sum(0) / np.maximum(times, 1)
    inside = times > 0
    ordered = np.sort(np.where(hidden, found, np.inf)[:, inside], axis=0)
    last, at = times[inside] - 1, np.arange(inside.sum())
    place = _LOW * last  # between two of the ordered ones, as numpy.quantile counts
    below = np.floor(place).astype(int)
    low, high = ordered[below, at], ordered[np.minimum(below + 1, last), at]
    lower = np.zeros_like(mean)
    lower[inside] = low + (place - below) * (high - low)
    return mean.astype(np.float32), lower.astype(np.float32)
