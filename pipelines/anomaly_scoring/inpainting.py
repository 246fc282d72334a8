"""The fast normalizer: finds what does not fit the face by hiding part after part of it, and repaints that once.

Source: the follow-ups of Hayajneh et al. 2022 that normalize by inpainting (METHODS, section 2): no optimization, the
cleft-inpainting network in place of the generator. Small parts of mouth and nose are hidden at random, several at a
time, until each was hidden twice; where the network, which never saw a cleft, draws something else than the photo
shows, the face is repainted.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn

from pipelines import store
from pipelines.anomaly_scoring.normalization import Normalized
from pipelines.anomaly_scoring.regions import region
from pipelines.devices import Device
from pipelines.faces import masks
from pipelines.faces.alignment import align
from pipelines.faces.landmarks import Face, find_crop_face
from pipelines.metrics.landmark_error import SUBSETS
from pipelines.repainting import Progress, to_network, to_pixels
from pipelines.results import WeightsUsed

JOB = "cleft-inpainting"
"""The job whose network repaints."""

_REACH = 0.1  # eye distances by which the searched area exceeds mouth and nose
_RADIUS = 0.3  # of a hidden disc, in eye distances
_SETS = 4  # of discs; those of one set are hidden at a time, and lie far enough apart to see one another's surroundings
_OVERLAP = 1.05  # radius over what just covers the area
_SIGMA = 0.03  # eye distances: blur of the disagreement, which drops grain and the sharpness of edges
_LEVEL = 35.0  # grey levels of the disagreement that is repainted
_LEAST = 0.03  # share of the searched area that is repainted at least
_CLOSE = 0.15  # eye distances: gaps of up to twice this are repainted too, because scraps of a face spoil its repaint
_GROW = 0.06  # eye distances
_SPECK = 0.02  # share of the repainted area below which a piece of it is dropped
_EDGE = 0.02  # eye distances: blend inside the repainted area's border


@dataclass(frozen=True, eq=False)
class Doubt:
    """Where a network draws something else than the photo shows.

    Attributes:
        area: ``bool`` ``(S, S)``, what was searched.
        level: ``float32`` ``(S, S)``, mean disagreement in grey levels; 0 outside the area.
    """

    area: np.ndarray
    level: np.ndarray


class InpaintingNormalizer:
    """Repaints what does not fit the face around it.

    Of a mirrored photo it makes the mirrored picture, but for what the landmarks differ.

    Args:
        weights: of the cleft-inpainting network; None takes that job's default.
        device: where it runs.
    """

    def __init__(self, weights: str | None, device: Device) -> None:
        self.weights, self.device = weights, device

    def load(self) -> store.LoadedModel:
        """See :class:`~pipelines.anomaly_scoring.normalization.Normalizer`."""
        return store.load(self.weights, self.device.torch_device, job=JOB)

    def __call__(self, photo: np.ndarray, face: Face, *, seed: int = 0, progress: Progress | None = None) -> Normalized:
        """See :class:`~pipelines.anomaly_scoring.normalization.Normalizer`."""
        tell = progress or (lambda fraction, text: None)
        tell(0.0, "aligning")
        model = self.load()
        alignment = align(photo, face)
        crop = alignment.crop(photo)
        found = find_crop_face(crop) or Face(alignment.to_crop(face.mesh).astype(np.float32))
        tell(0.1, "looking for what does not fit")
        doubt = find_doubt(model.network, crop, found, self.device, seed)
        tell(0.8, "repainting it")
        hole = to_repaint(doubt, found.eye_distance)
        image = repaint(model.network, crop, hole, _EDGE * found.eye_distance, self.device)
        return Normalized(
            alignment=alignment,
            crop=crop,
            image=image,
            weights=(WeightsUsed(model.name, model.sha256[:12]),),
            repainted=hole,
        )


@torch.inference_mode()
def find_doubt(network: nn.Module, crop: np.ndarray, face: Face, device: Device, seed: int) -> Doubt:
    """Hides part after part of mouth and nose, and compares what the network draws there with the photo.

    Each set of discs is hidden once in the crop, and its mirror image once in the mirrored crop.

    Args:
        network: of cleft inpainting.
        crop: ``uint8`` ``(S, S, 3)``, the aligned face.
        face: in pixels of the crop.
        device: where the network lies.
        seed: of where the discs lie.
    """
    shape, unit = crop.shape[:2], face.eye_distance
    area = masks.grow(region(face, shape), _REACH * unit)
    # Of landmarks, because an area is not rasterized alike from both sides.
    axis = np.round(2 * face.points[list(SUBSETS["mouth-nose"]), 0].mean()) / 2
    sets = disc_sets(shape, axis, _RADIUS * unit, np.random.default_rng(seed))
    discs = [disc & area for disc in sets]
    mirrored = [mirror(disc, axis) & area for disc in sets]  # of whole discs: the area need not be symmetric

    holes = torch.from_numpy(np.stack(discs + mirrored)).to(device.torch_device).float()[:, None]
    image = to_network(crop, device)
    half = len(discs)
    images = torch.cat([image.expand(half, -1, -1, -1), image.flip(3).expand(half, -1, -1, -1)])
    with device.autocast():
        drawn = network(images, torch.cat([holes[:half], holes[half:].flip(3)])).image.float()
    drawn = torch.cat([drawn[:half], drawn[half:].flip(3)])
    differences = ((drawn - image) * holes * 127.5).permute(0, 2, 3, 1).cpu().numpy()

    total, times = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for difference, hidden in zip(differences, discs + mirrored, strict=True):
        total += np.linalg.norm(cv2.GaussianBlur(difference, (0, 0), _SIGMA * unit), axis=2) * hidden
        times += hidden
    return Doubt(area, total / np.maximum(times, 1))


def disc_sets(shape: tuple[int, int], axis: float, radius: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Sets of discs, ``bool`` of ``shape`` each, that together cover every pixel.

    The discs lie on a hexagonal lattice at a random place; each set takes every other one of its rows and columns.
    """
    step = radius * np.sqrt(3) / _OVERLAP
    rows, columns = (np.arange(side) + 0.5 for side in shape)
    first = rng.uniform(0, 2 * step, 2)
    count = int(np.ceil(max(shape) / step)) + 2
    found = [np.zeros(shape, bool) for _ in range(_SETS)]
    for j in range(-count, count + 1):
        y = first[1] + j * step * np.sqrt(3) / 2
        for i in range(-2 * count, 2 * count + 1):
            x = axis + first[0] + (i + j / 2) * step
            if -radius < x < shape[1] + radius and -radius < y < shape[0] + radius:
                found[i % 2 + 2 * (j % 2)] |= np.square(columns - x) + np.square(rows - y)[:, None] < radius**2
    return found


def mirror(mask: np.ndarray, axis: float) -> np.ndarray:
    """A mask mirrored at a column, of whole or half number."""
    mirrored = np.zeros_like(mask)
    rows, columns = np.nonzero(mask)
    there = np.round(2 * axis).astype(int) - 1 - columns
    inside = (there >= 0) & (there < mask.shape[1])
    mirrored[rows[inside], there[inside]] = True
    return mirrored


def to_repaint(doubt: Doubt, unit: float) -> np.ndarray:
    """What is repainted, ``bool`` ``(S, S)``: where the disagreement is high, gaps closed, with a margin.

    Args:
        doubt: of the face.
        unit: its eye distance in pixels.
    """
    level = min(_LEVEL, float(np.quantile(doubt.level[doubt.area], 1 - _LEAST)))
    high = masks.clean(doubt.area & (doubt.level >= level), _SPECK)
    return masks.grow(masks.grow(high, _CLOSE * unit), (_GROW - _CLOSE) * unit)


@torch.inference_mode()
def repaint(network: nn.Module, crop: np.ndarray, hole: np.ndarray, edge: float, device: Device) -> np.ndarray:
    """The crop repainted in ``hole``, blended over ``edge`` pixels inside its border; ``uint8`` ``(S, S, 3)``."""
    with device.autocast():
        drawn = to_pixels(network.predict(to_network(crop, device), to_network(hole, device)).image)
    alpha = masks.feather(masks.grow(hole, -edge), edge)[..., None] * hole[..., None]
    return np.round(crop + (drawn - crop.astype(np.float32)) * alpha).astype(np.uint8)
