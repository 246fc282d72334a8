"""How unlike its own mirror image a face is, seen through its mesh: without a network, and without other faces.

It tells a cleft on one side, a shifted nostril or philtrum, and nothing of what is alike on both sides, as a bilateral
cleft can be.
"""

import cv2
import numpy as np

from pipelines.anomaly_scoring.scoring.exposure import skin_level, standard_light
from pipelines.arrays import Floats, Pixels
from pipelines.faces.points import Face
from pipelines.faces.symmetry import mirror_through_mesh

_GRAIN = 0.013  # eye distances: blur of the photo, against grain
_LIGHT = 0.12  # eye distances: what changes more slowly comes from light at one side
_SIGMA = 0.03  # eye distances: blur of the difference, which forgives a mesh that is a pixel off


def asymmetry_map(crop: Pixels, face: Face) -> Floats:
    """By how many per cent the light of each pixel differs from that of its mirror image.

    Differences of logarithms, so that the same face in half the light has the same map. What changes slowly is taken
    out of them, because light from one side makes it.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: in pixels of the crop.

    Returns:
        ``float32`` ``(S, S)``: per cent, root of the mean square over the three channels; 0 outside the mesh.
    """
    unit = face.eye_distance
    light = 100 * standard_light(_blurred(crop.astype(np.float32), _GRAIN * unit), skin_level(crop, face))
    other, known = mirror_through_mesh(light, face)
    inside = known.astype(np.float32)[..., None]
    difference = (light - other) * inside
    slow = _blurred(difference, _LIGHT * unit) / np.maximum(_blurred(inside, _LIGHT * unit)[..., None], 1e-3)
    return np.sqrt(np.square(_blurred((difference - slow) * inside, _SIGMA * unit)).mean(2))


def _blurred(picture: Floats, sigma: float) -> Floats:
    return cv2.GaussianBlur(picture, (0, 0), sigma)
