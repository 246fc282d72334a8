"""Regions over which a face is scored: mouth and nose, upper lip and nostril sill, or the face without the eyes.

A region is ``bool`` ``(H, W)``, as a painted one is. Hayajneh et al. 2022 drew theirs by hand and give no outline;
these come from the landmarks, so that every face is measured over the same anatomy.
"""

import numpy as np

from pipelines.anomaly_scoring.choices import REGIONS
from pipelines.arrays import Mask, Shape
from pipelines.errors import OptionInvalid
from pipelines.faces.masks import grow, hull_mask, polygon_mask, suggest_mask
from pipelines.faces.measurements import lip_gap
from pipelines.faces.points import Face
from pipelines.languages.translation import _
from pipelines.metrics.landmark_error import SUBSETS
from pipelines.results import Region

_ALAE = (129, 358, 64, 294, 48, 278)  # mesh points; the 68 have none at the side of the nose
_MARGIN = 0.09  # of the eye distance, as around the suggested masks
_SURFACE = 468  # mesh points, the irises' left out
_EYES = (slice(36, 42), slice(42, 48))
_OPENING = slice(60, 68)  # inner border of the lips
_LOWER_LIP = (48, 60, 67, 66, 65, 64, 54, 55, 56, 57, 58, 59)
_UPPER_LIP = (48, 49, 50, 51, 52, 53, 54, 61, 62, 63)
_NOSE_BASE = slice(31, 36)
_SILL = 0.03  # eye distances by which upper lip and nose's base are exceeded
_PARTED = 0.1  # eye distances between lips that count as open; FaceMesh takes a wide cleft for slightly parted ones
_RIM = 0.03  # eye distances: shadow and moisture at open lips' inner border


def region(face: Face, shape: Shape, name: Region = "mouth-nose") -> Mask:
    """The pixels of ``face`` that count in a score.

    * ``"mouth-nose"``: the suggested mask over lips, philtrum and nostrils, and the hull of the nose up to its root.
    * ``"upper-lip"``: the hull of the upper lip and the nose's base, less the lower lip: where clefts of the lip lie.
    * ``"face"``: the hull of the face's mesh, from chin to hairline, less the eyes with their lids. Eyes are left out
      because their reflections are random and no normalization repeats them.

    None holds what shows between open lips: teeth and tongue are as random as reflections (ours; on 16 faces with
    simulated clefts, pairs two severities apart were put into order in 92 instead of 88 % of cases). Closed and
    slightly parted lips count whole, and with them the lower end of a cleft.

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
        raise OptionInvalid(_("The region must be one of {choices}, or painted.").format(choices=", ".join(REGIONS)))
    margin = _MARGIN * face.eye_distance
    alae = face.mesh[list(_ALAE)]
    if name == "mouth-nose":
        nose = np.concatenate([face.points[list(SUBSETS["nose"])], alae])
        area = suggest_mask(face, shape, "lips-to-nose") | hull_mask(nose, margin, shape)
    elif name == "upper-lip":
        lip = np.concatenate([face.points[list(_UPPER_LIP)], face.points[_NOSE_BASE], alae])
        area = hull_mask(lip, _SILL * face.eye_distance, shape)
        area &= ~polygon_mask(face.points[list(_LOWER_LIP)], shape)
    else:
        area = hull_mask(face.mesh[:_SURFACE], 0, shape)
    if lip_gap(face) > _PARTED:
        area &= ~grow(polygon_mask(face.points[_OPENING], shape), _RIM * face.eye_distance)
    for eye in _EYES:
        area &= ~hull_mask(face.points[eye], margin, shape)
    return area
