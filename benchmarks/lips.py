"""How a mouth is shaped: its opening, its width, how high the red of both lips is, and how long the nose above it."""

import numpy as np

from pipelines.faces.measurements import lip_gap
from pipelines.faces.points import Face

FIGURES = ("opening", "width", "upper_lip", "lower_lip", "nose")
"""What :func:`figures` measures."""

# Mesh points in columns at the image-left peak of Cupid's bow, the midline and the other peak. The inner points of the
# 68 lie farther out than the peaks.
_UPPER_LIP = ((37, 0, 267), (82, 13, 312))  # outer border, inner border
_LOWER_LIP = ((87, 14, 317), (84, 17, 314))  # inner border, outer border
_CORNERS = (61, 291)
_NOSE = (168, 2)  # nasion and subnasale


def figures(face: Face) -> np.ndarray:
    """Figures of a face in eye distances, ``(5,)``, in the order of :data:`FIGURES`.

    * ``opening``: the widest gap between the lips (:func:`pipelines.faces.measurements.lip_gap`).
    * ``width``: from corner to corner of the mouth.
    * ``upper_lip``, ``lower_lip``: from outer to inner border of the lip's red along the face's own vertical, the mean
      of the midline and the two columns through the peaks of Cupid's bow.
    * ``nose``: from nasion to subnasale.
    """
    upper, lower = (_height(face, *lip) for lip in (_UPPER_LIP, _LOWER_LIP))
    return np.array([lip_gap(face), _distance(face, _CORNERS), upper, lower, _distance(face, _NOSE)])


def _height(face: Face, above: tuple[int, ...], below: tuple[int, ...]) -> float:
    across = (face.eyes[1] - face.eyes[0]) / face.eye_distance
    down = (face.mesh[list(below)] - face.mesh[list(above)]) @ (-across[1], across[0])
    return float(down.mean()) / face.eye_distance


def _distance(face: Face, ends: tuple[int, int]) -> float:
    one, other = face.mesh[list(ends)]
    return float(np.linalg.norm(other - one)) / face.eye_distance
