"""The colour of a face's skin, how light it is, and where it goes on below the chin."""

from collections.abc import Sequence

import cv2
import numpy as np
from skimage.color import rgb2lab

from pipelines.arrays import Floats, Mask, Pixels
from pipelines.faces import masks
from pipelines.faces.points import Face

LEFT_CHEEK, RIGHT_CHEEK = (50, 101, 117, 205), (280, 330, 346, 425)
"""Mesh points on the cheeks and under the eyes, on the image's left and right."""

_FOREHEAD = (151, 9)
_BLUR = 0.026  # eye distances

_JAW = slice(2, 15)  # of the 68 points, from below one ear to below the other
_NECK = 0.6  # eye distances below the jaw
_SPREAD = 3.5  # robust standard deviations of the known skin's a* and b*
_LEAST_SPREAD = 2.5  # of a*, b*; a face in even light does not make its shaded neck a stranger
_LIGHT = 0.35, 1.25  # times the known skin's L*: a neck lies in the jaw's shadow
_FEWEST = 300 / 256**2  # of the crop; fewer known pixels of skin tell nothing
_SPECK = 0.05  # of the neck; smaller pieces are another thing of that colour


def colour_at(crop: Pixels, face: Face, points: Sequence[int]) -> Floats:
    """Mean colour at points of the mesh, RGB ``(3,)``; a point outside the crop counts as its border.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.
        points: numbers of the mesh's points.
    """
    smooth = cv2.GaussianBlur(crop, (0, 0), _BLUR * face.eye_distance)
    columns, rows = np.clip(face.mesh[list(points)], 0, np.array(crop.shape[1::-1]) - 1).astype(int).T
    colour: Floats = smooth[rows, columns].mean(0)
    return colour


def skin_colour(crop: Pixels, face: Face) -> Floats:
    """Mean colour, RGB ``(3,)``, of the skin of cheeks and forehead, away from lips and nose.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.
    """
    return colour_at(crop, face, (*LEFT_CHEEK, *RIGHT_CHEEK, *_FOREHEAD))


def lightness(colour: Floats) -> float:
    """CIELAB L* of an RGB colour, ``(3,)``, 0-255."""
    return float(_lab(colour)[0])


def typology_angle(crop: Pixels, face: Face) -> float:
    """Individual typology angle of a face's skin in degrees, higher for lighter skin: the arctangent of (L* − 50) / b*.

    Source: Chardon, Cretois & Hourseau 1991. Of a photo it is that of skin and light together.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.
    """
    light, _, yellow = _lab(skin_colour(crop, face))
    return float(np.degrees(np.arctan2(light - 50, yellow)))


def visible_face(crop: Pixels, face: Face, hole: Mask) -> Mask:
    """What of an aligned picture is the person's own skin about a hole: the face, and the neck where it is seen.

    Below the jaw a neck has the face's colour, in shadow; a drape, a collar or a wall has not.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.
        hole: ``bool`` ``(S, S)``, True = to be repainted; its pixels are no skin to compare with.

    Returns:
        ``bool`` ``(S, S)``.
    """
    own = masks.face_region(face, hole.shape)
    unit = face.eye_distance
    points = np.concatenate([face.mesh, face.points[_JAW] + np.array([0, _NECK * unit], np.float32)])
    below = masks.hull_mask(points, masks.FACE_MARGIN * unit, hole.shape) & ~own
    known = own & ~hole
    # The cheeks are lit as the neck is, rather than the forehead; a hole may have taken them.
    eyes = round(float(face.points[36:48, 1].mean()))
    low = known & (np.arange(hole.shape[0])[:, None] > eyes)
    skin = low if low.mean() > _FEWEST else known
    if skin.mean() <= _FEWEST or not below.any():
        return own
    smooth = cv2.GaussianBlur(crop, (0, 0), _BLUR * unit).astype(np.float32) / 255
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)
    middle = np.median(lab[skin], axis=0)
    spread = 1.4826 * np.median(np.abs(lab[skin] - middle), axis=0)
    off = np.abs(lab - middle)[..., 1:] / np.maximum(spread[1:], _LEAST_SPREAD)
    light = lab[..., 0] / max(middle[0], 1.0)
    neck = below & (off.max(2) < _SPREAD) & (light > _LIGHT[0]) & (light < _LIGHT[1])
    return own | masks.clean(neck, _SPECK)


def _lab(colour: Floats) -> Floats:
    lab: Floats = rgb2lab(colour[None, None] / 255)[0, 0]
    return lab
