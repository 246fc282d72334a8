"""How a face was lit: how brightly, by which figures are divided so that light and camera do not move them, and from
which side."""

from collections.abc import Sequence

import cv2
import numpy as np

from pipelines.faces.mesh import Face

STANDARD = 150.0
"""Grey levels of the skin in a photo of standard exposure."""

SHADOW = 20.0
"""Grey levels that are added before light is compared, so that noise in shadows is not taken for a difference."""

_LEFT, _RIGHT = (50, 101, 117, 205), (280, 330, 346, 425)  # mesh points on the cheeks and under the eyes
_FOREHEAD = (151, 9)
_BLUR = 0.026  # eye distances


def skin_colour(crop: np.ndarray, face: Face) -> np.ndarray:
    """Mean colour, RGB ``(3,)``, of the skin of cheeks and forehead, away from lips and nose.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.
    """
    return _colour(crop, face, (*_LEFT, *_RIGHT, *_FOREHEAD))


def skin_level(crop: np.ndarray, face: Face) -> float:
    """Grey level of :func:`skin_colour`, 1 to 255: the mean of its channels."""
    return max(1.0, float(skin_colour(crop, face).mean()))


def side_light(crop: np.ndarray, face: Face) -> float:
    """How much brighter one cheek is than the other: the absolute logarithm of their quotient, 0 in even light.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.
    """
    left, right = (max(1.0, float(_colour(crop, face, points).mean())) for points in (_LEFT, _RIGHT))
    return abs(float(np.log(left / right)))


def standard_light(crop: np.ndarray, level: float) -> np.ndarray:
    """The light of each pixel in natural logarithms, ``float32`` ``(S, S, 3)``, as of a photo of standard exposure.

    Args:
        crop: RGB ``(S, S, 3)``, grey levels.
        level: its :func:`skin_level`.
    """
    return np.log(crop.astype(np.float32) * (STANDARD / level) + SHADOW)


def _colour(crop: np.ndarray, face: Face, points: Sequence[int]) -> np.ndarray:
    """Mean colour at points of the mesh, RGB ``(3,)``."""
    smooth = cv2.GaussianBlur(crop, (0, 0), _BLUR * face.eye_distance)
    columns, rows = np.clip(face.mesh[list(points)], 0, np.array(crop.shape[1::-1]) - 1).astype(int).T
    return smooth[rows, columns].mean(0)
