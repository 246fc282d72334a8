"""Distance between two sets of 68 landmarks, relative to the distance between the eyes."""

from typing import Literal, TypeAlias

import numpy as np

from pipelines.arrays import Floats, Points
from pipelines.errors import OptionInvalid
from pipelines.languages.translation import _

_NOSE, _MOUTH = tuple(range(27, 36)), tuple(range(48, 68))

Subset: TypeAlias = Literal["all", "nose", "mouth", "mouth-nose"]
SUBSETS: dict[Subset, tuple[int, ...]] = {
    "all": tuple(range(68)),
    "nose": _NOSE,
    "mouth": _MOUTH,
    "mouth-nose": _NOSE + _MOUTH,
}
"""Which of the 68 points each subset counts (the order is documented in ``pipelines.faces.landmarks``)."""


def landmark_error(points: Points, target: Points, subset: Subset = "all") -> Floats:
    """Mean distance of corresponding points, in per cent of the true eye distance.

    The eye distance is that of the project's alignment: between the two means of the six contour points of an eye.

    Args:
        points: ``(..., 68, 2)`` in any unit of length.
        target: the true points, the same shape and unit.
        subset: which points count, a key of :data:`SUBSETS`.

    Returns:
        ``(...)`` in per cent, lower is better; NaN where points are NaN (no face found).

    Raises:
        OptionInvalid: there is no such subset.

    Every point a tenth of the eye distance off:

    >>> face = np.zeros((68, 2))
    >>> face[42:48] = 50, 0
    >>> float(landmark_error(face + (0, 5), face, "mouth"))
    10.0
    """
    if subset not in SUBSETS:
        raise OptionInvalid(_("The landmark subset must be one of {choices}.").format(choices=", ".join(SUBSETS)))
    points, target = np.asarray(points, np.float64), np.asarray(target, np.float64)
    eyes = target[..., 36:42, :].mean(-2) - target[..., 42:48, :].mean(-2)
    indices = list(SUBSETS[subset])
    distances = np.linalg.norm(points[..., indices, :] - target[..., indices, :], axis=-1)
    return 100 * distances.mean(-1) / np.linalg.norm(eyes, axis=-1)
