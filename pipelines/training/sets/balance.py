"""Who is in a training set, and how often each face is shown so that rare kinds of faces are learned, too.

Photos that can be had show light skin and smiles: shown as they come, a network paints dark lips lighter and closed
mouths open.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from pipelines.arrays import Integers, Pixels
from pipelines.faces.blending.skin import LEFT_CHEEK, RIGHT_CHEEK, colour_at, lightness, typology_angle
from pipelines.faces.measurements import lip_gap
from pipelines.faces.points import Face
from pipelines.training.sets.face_set import FaceSet

TONES = ("dark", "brown", "tan", "intermediate", "light", "very light")
"""Skin tones by individual typology angle, darkest first (Del Bino & Bernerd 2013, figure 1)."""

TONE_LIMITS = (-30, 10, 28, 41, 55)
"""Angles between two of them, in degrees."""

MOUTHS = ("closed", "parted", "open")
"""States of the mouth by the gap between the lips."""

CLOSED, OPEN = 0.01, 0.1
"""Gaps in eye distances: lips are closed below the first, and open from the second on."""

JAWS = ("bare", "shaded")
"""Jaws by how much darker chin and upper lip are than the cheeks: a beard or stubble, seldom a shadow."""

_SHADES = 18.0, 12.0  # L*; the chin lies in the shade without a beard, too
AGES = ("adult or unknown", "child")
"""By the age that the set's table tells."""

_CHILD = 13  # years; younger ones are children
_CHEEKS = (*LEFT_CHEEK, *RIGHT_CHEEK)
_CHIN = (171, 208, 32, 396, 428, 262)  # mesh points beside the chin's middle
_ABOVE_LIP = (92, 165, 206, 322, 391, 426)
_MOST, _LEAST = 4, 0.5  # times that a face is shown an epoch, against one of a common kind


def groups(faces: FaceSet) -> dict[str, Integers]:
    """Name of an attribute → the group of every face, ``(N,)`` int, an index into the attribute's tuple above."""
    tones, mouths, jaws = [], [], []
    for image, mesh in zip(faces.images.cpu(), faces.meshes.cpu(), strict=True):
        crop = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        face = Face(mesh.numpy() * crop.shape[0])
        tones.append(np.digitize(typology_angle(crop, face), TONE_LIMITS))
        mouths.append(np.digitize(lip_gap(face), (CLOSED, OPEN)))
        jaws.append(_is_shaded(crop, face))
    found = {"tone": tones, "mouth": mouths, "jaw": jaws}
    if faces.ages is not None:
        found["age"] = (faces.ages < _CHILD).tolist()
    return {name: np.array(values, int) for name, values in found.items()}


def repeated(found: Mapping[str, Integers], strength: float) -> Tensor:
    """Which faces an epoch shows: every one by its index, rare kinds several times.

    A face's weight is the product over attributes of its group's rarity, to the power of ``strength``; half and four
    times the mean are the bounds.

    Args:
        found: of :func:`groups`.
        strength: 0 shows every face once, 1 every group as often as any other.

    Returns:
        ``(M,)`` int64, sorted.
    """
    count = len(next(iter(found.values())))
    weight = np.ones(count)
    for group in found.values():
        sizes = np.bincount(group)
        weight *= (count / np.count_nonzero(sizes) / sizes[group]) ** strength
    weight = np.clip(weight / weight.mean(), _LEAST, _MOST)
    # Rounded so that no share is lost: what one face's rounding leaves goes on to the next one's.
    times = np.diff(np.floor(np.concatenate([[0], weight.cumsum()]) + 0.5)).astype(int)
    return torch.from_numpy(np.repeat(np.arange(count), times))


def _is_shaded(crop: Pixels, face: Face) -> bool:
    cheeks, chin, lip = (lightness(colour_at(crop, face, where)) for where in (_CHEEKS, _CHIN, _ABOVE_LIP))
    return cheeks - chin > _SHADES[0] and cheeks - lip > _SHADES[1]
