"""Regions over which a heat map is scored: mouth and nose, or the whole face without the eyes.

A region is ``bool`` ``(H, W)``, as a painted one is. Hayajneh et al. 2022 drew theirs by hand and give no outline;
these come from the landmarks, so that every face is measured over the same anatomy.
"""

import numpy as np

from pipelines.errors import OptionInvalid
from pipelines.faces.landmarks import Face
from pipelines.faces.masks import grow, hull_mask, polygon_mask, suggest_mask
from pipelines.metrics.landmark_error import SUBSETS

REGIONS = ("mouth-nose", "face")
"""Mouth and nose; the whole face without the eyes."""

_ALAE = (129, 358, 64, 294, 48, 278)  # mesh points; the 68 have none at the side of the nose
_MARGIN = 0.09  # of the eye distance, as around the suggested masks
_SURFACE = 468  # mesh points, the irises' left out
_EYES = (slice(36, 42), slice(42, 48))
_OPENING = slice(60, 68)  # inner border of the lips
_RIM = 0.03  # eye distances: shadow and moisture at the lips' inner border


def region(face: Face, shape: tuple[int, int], name: str = "mouth-nose") -> np.ndarray:
    """The pixels of ``face`` that count in a score.

    * ``"mouth-nose"``: the suggested mask over lips, philtrum and nostrils, and the hull of the nose up to its root.
    * ``"face"``: the hull of the face's mesh, from chin to hairline, less the eyes with their lids. Eyes are left out
      because their reflections are random and no normalization repeats them.

    Neither holds what shows between open lips: teeth and tongue are as random as reflections (ours; on 16 faces with
    simulated clefts, pairs two severities apart were put into order in 92 instead of 88 % of cases).

    Args:
        face: the face, in pixels of the picture that is scored.
        shape: height and width of that picture.
        name: one of :data:`REGIONS`.

    Returns:
        ``bool`` ``(H, W)``, the part that lies on the picture.

    Raises:
        OptionInvalid: there is no such region.
    """
    if name not in REGIONS:
        raise OptionInvalid(f"The region must be one of {', '.join(REGIONS)}, or painted.")
    margin = _MARGIN * face.eye_distance
    if name == "mouth-nose":
        nose = np.concatenate([face.points[list(SUBSETS["nose"])], face.mesh[list(_ALAE)]])
        area = suggest_mask(face, shape, "philtrum") | hull_mask(nose, margin, shape)
    else:
        area = hull_mask(face.mesh[:_SURFACE], 0, shape)
    if len(np.unique(opening := face.points[_OPENING], axis=0)) > 2:
        area &= ~grow(polygon_mask(opening, shape), _RIM * face.eye_distance)
    for eye in _EYES:
        area &= ~hull_mask(face.points[eye], margin, shape)
    return area
