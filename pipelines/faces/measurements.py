"""Clinical measures of lip and nose from the 68 landmarks: ratios and angles, never millimetres.

All are taken in the face's own frame: origin midway between the eye centres, x along the line from the image-left to
the image-right eye centre, y down at a right angle to it, the eye distance as unit. So they do not change when the
photo is turned in its plane, enlarged or moved. A head that looks aside does change them: compare photos of one view.

"Image-left" is the side of the picture, not of the person; in a photo that is not mirrored it is the person's right.
Which side has the cleft is not known, so the ratios are the smaller over the larger side: 1 on a symmetric face, less
on another.

Points (numbers of the 68-point set, from 0): 30 tip of the nose, 31 and 35 image-left and image-right foot of the nasal
wing, 33 subnasale (foot of the columella), 36-41 and 42-47 eyes, 50 and 52 image-left and image-right peak of Cupid's
bow.
"""

from collections.abc import Callable

import numpy as np

from pipelines.arrays import ComplexPoints, Points
from pipelines.faces.points import Face
from pipelines.languages.translation import N_
from pipelines.results import Measurement


def measure(points: Points) -> tuple[Measurement, ...]:
    """All measures of a face.

    Args:
        points: ``(68, 2)``, x and y (down) in pixels of any picture.

    Returns:
        Columellar angle, nostril-width ratio, lateral-lip-height ratio, nasal-tip deviation, Cupid's-bow tilt.

    Raises:
        ValueError: the array is not ``(68, 2)``.
    """
    points = np.asarray(points, np.float64)
    if points.shape != (68, 2):
        raise ValueError("expected 68 points")
    z = _in_face_frame(points)
    return tuple(
        Measurement(key, label, taken(z), unit, formula, meaning)
        for key, (label, taken, unit, formula, meaning) in _MEASURES.items()
    )


def columellar_angle(z: ComplexPoints) -> float:
    """Degrees from the eye line to the columella (33→30), counter-clockwise on screen; 90 = upright.

    Args:
        z: the 68 points as complex numbers x + iy in the face's frame.
    """
    return _degrees((z[30] - z[33]).conjugate())  # conjugate: y points down, angles are counted upwards


def nostril_width_ratio(z: ComplexPoints) -> float:
    """Smaller over larger of |31−33| and |35−33|; 1 = equal."""
    return _ratio(abs(z[31] - z[33]), abs(z[35] - z[33]))


def lateral_lip_height_ratio(z: ComplexPoints) -> float:
    """Smaller over larger of |31−50| and |35−52|; 1 = equal."""
    return _ratio(abs(z[31] - z[50]), abs(z[35] - z[52]))


def nasal_tip_deviation(z: ComplexPoints) -> float:
    """Signed distance of point 30 from the midline in eye distances; above 0 = towards image-right."""
    return float(z[30].real)


def cupids_bow_tilt(z: ComplexPoints) -> float:
    """Degrees from the eye line to the line 50→52, clockwise on screen; above 0 = the image-right peak is lower.

    >>> z = np.zeros(68, complex)
    >>> z[50], z[52] = -0.1 + 0.50j, 0.1 + 0.52j
    >>> round(cupids_bow_tilt(z), 1)
    5.7
    """
    return _degrees(z[52] - z[50])


def lip_gap(face: Face) -> float:
    """The widest gap between upper and lower lip along the face's own vertical, in eye distances; 0 when closed."""
    across = (face.eyes[1] - face.eyes[0]) / face.eye_distance
    gaps = face.points[[67, 66, 65]] - face.points[[61, 62, 63]]
    return max(0.0, float((gaps @ (-across[1], across[0])).max()) / face.eye_distance)


def _in_face_frame(points: Points) -> ComplexPoints:
    z: ComplexPoints = points @ (1, 1j)
    left, right = z[36:42].mean(), z[42:48].mean()
    if left == right:
        return np.full(68, complex(np.nan, np.nan))
    framed: ComplexPoints = (z - (left + right) / 2) / (right - left)
    return framed


def _degrees(vector: complex) -> float:
    return float(np.degrees(np.angle(vector))) if vector != 0 else float("nan")


def _ratio(one: float, other: float) -> float:
    larger = max(one, other)
    return float(min(one, other) / larger) if larger > 0 else float("nan")


_MEASURES: dict[str, tuple[str, Callable[[ComplexPoints], float], str, str, str]] = {
    "columellar_angle": (
        N_("Columellar angle"),
        columellar_angle,
        "°",
        N_("angle of the line 33→30 against the eye line, counter-clockwise"),
        N_(
            "How upright the columella stands: 90° on a symmetric face, below 90° where the nose leans to image-right, "
            "above 90° where it leans to image-left."
        ),
    ),
    "nostril_width_ratio": (
        N_("Nostril-width ratio"),
        nostril_width_ratio,
        "",
        N_("smaller / larger of |31−33| and |35−33|"),
        N_(
            "How equal the nostrils are in width, from the foot of the wing to the foot of the columella: 1 on a "
            "symmetric face, less the more they differ."
        ),
    ),
    "lateral_lip_height_ratio": (
        N_("Lateral-lip-height ratio"),
        lateral_lip_height_ratio,
        "",
        N_("smaller / larger of |31−50| and |35−52|"),
        N_(
            "How equal the upper lip is in height on both sides, from the foot of the nasal wing to the peak of "
            "Cupid's bow: 1 on a symmetric face, less the more the sides differ."
        ),
    ),
    "nasal_tip_deviation": (
        N_("Nasal-tip deviation"),
        nasal_tip_deviation,
        "",
        N_("distance of 30 from the perpendicular bisector of the eye centres (means of 36-41, 42-47) / eye distance"),
        N_(
            "How far the tip of the nose lies off the midline, as a share of the eye distance: 0 on a symmetric face, "
            "above 0 towards image-right, below 0 towards image-left."
        ),
    ),
    "cupids_bow_tilt": (
        N_("Cupid's-bow tilt"),
        cupids_bow_tilt,
        "°",
        N_("angle of the line 50→52 against the eye line, clockwise"),
        N_(
            "How level the two peaks of Cupid's bow are: 0° on a symmetric face, above 0° where the image-right peak "
            "is the lower one, below 0° where the image-left peak is."
        ),
    ),
}
"""Key of each measurement → its label, what takes it, its unit, its formula and its meaning, in their order."""
