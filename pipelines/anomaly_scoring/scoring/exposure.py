"""How a face was lit: how brightly, by which figures are divided so that light and camera do not move them, and from
which side."""

import numpy as np

from pipelines.arrays import Floats, Numbers, Pixels
from pipelines.faces.blending.skin import LEFT_CHEEK, RIGHT_CHEEK, colour_at, skin_colour
from pipelines.faces.points import Face

STANDARD = 150.0
"""Grey levels of the skin in a photo of standard exposure."""

SHADOW = 20.0
"""Grey levels that are added before light is compared, so that noise in shadows is not taken for a difference."""


def skin_level(crop: Pixels, face: Face) -> float:
    """Grey level of :func:`~pipelines.faces.blending.skin.skin_colour`, 1 to 255: the mean of its channels."""
    return max(1.0, float(skin_colour(crop, face).mean()))


def side_light(crop: Pixels, face: Face) -> float:
    """How much brighter one cheek is than the other: the absolute logarithm of their quotient, 0 in even light.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.
    """
    left, right = (max(1.0, float(colour_at(crop, face, cheek).mean())) for cheek in (LEFT_CHEEK, RIGHT_CHEEK))
    return abs(float(np.log(left / right)))


def standard_light(crop: Numbers, level: float) -> Floats:
    """The light of each pixel in natural logarithms, ``float32`` ``(S, S, 3)``, as of a photo of standard exposure.

    Args:
        crop: RGB ``(S, S, 3)``, grey levels.
        level: its :func:`skin_level`.
    """
    return np.log(crop.astype(np.float32) * (STANDARD / level) + SHADOW)
