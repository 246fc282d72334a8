"""The colour of a face's skin, and how light it is."""

from collections.abc import Sequence

import cv2
import numpy as np
from skimage.color import rgb2lab

from pipelines.faces.mesh import Face

LEFT_CHEEK, RIGHT_CHEEK = (50, 101, 117, 205), (280, 330, 346, 425)
"""Mesh points on the cheeks and under the eyes, on the image's left and right."""

_FOREHEAD = (151, 9)
_BLUR = 0.026  # eye distances


def colour_at(crop: np.ndarray, face: Face, points: Sequence[int]) -> np.ndarray:
    """Mean colour at points of the mesh, RGB ``(3,)``; a point outside the crop counts as its border.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.
        points: numbers of the mesh's points.
    """
    smooth = cv2.GaussianBlur(crop, (0, 0), _BLUR * face.eye_distance)
    columns, rows = np.clip(face.mesh[list(points)], 0, np.array(crop.shape[1::-1]) - 1).astype(int).T
    return smooth[rows, columns].mean(0)


def skin_colour(crop: np.ndarray, face: Face) -> np.ndarray:
    """Mean colour, RGB ``(3,)``, of the skin of cheeks and forehead, away from lips and nose.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.
    """
    return colour_at(crop, face, (*LEFT_CHEEK, *RIGHT_CHEEK, *_FOREHEAD))


def lightness(colour: np.ndarray) -> float:
    """CIELAB L* of an RGB colour, ``(3,)``, 0-255."""
    return float(_lab(colour)[0])


def typology_angle(crop: np.ndarray, face: Face) -> float:
    """Individual typology angle of a face's skin in degrees, higher for lighter skin: the arctangent of (L* − 50) / b*.

    Source: Chardon, Cretois & Hourseau 1991. Of a photo it is that of skin and light together.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.
    """
    light, _, yellow = _lab(skin_colour(crop, face))
    return float(np.degrees(np.arctan2(light - 50, yellow)))


def _lab(colour: np.ndarray) -> np.ndarray:
    return rgb2lab(colour[None, None] / 255)[0, 0]
