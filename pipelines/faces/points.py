"""MediaPipe FaceMesh's 478 points of a face, 68 among them that have names, and which mirror each other.

The mesh has 468 surface points and ten iris points (468-472 the iris on the image's left, 473-477
the one on its right, the centre first). :data:`MESH_TO_68` picks the mesh vertices that lie nearest
to the 68 points of the Multi-PIE / iBUG 300-W annotation, in that annotation's order:

========  =============================  =====================================
68-index  feature                        order
========  =============================  =====================================
0-16      jaw line                       image-left ear to image-right ear
17-21     brow on the image's left       outer to inner end
22-26     brow on the image's right      inner to outer end
27-30     bridge of the nose             top to tip
31-35     base of the nose               image-left ala, subnasale (33), right
36-41     eye on the image's left        outer corner, clockwise
42-47     eye on the image's right       inner corner, clockwise
48-59     outer border of the lips       image-left corner, clockwise
60-67     inner border of the lips       image-left corner, clockwise
========  =============================  =====================================
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.arrays import Integers, Points

MESH_TO_68 = (
    *(127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356),  # jaw line
    *(70, 63, 105, 66, 107),  # brow, image left
    *(336, 296, 334, 293, 300),  # brow, image right
    *(168, 197, 5, 4),  # nasal bridge: nasion to pronasale
    *(98, 97, 2, 326, 327),  # base of the nose; 2 is subnasale
    *(33, 160, 158, 133, 153, 144),  # eye, image left
    *(362, 385, 387, 263, 373, 380),  # eye, image right
    *(61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91),  # outer lips; 37 and 267 are the Cupid's bow peaks
    *(78, 81, 13, 311, 308, 402, 14, 178),  # inner lips
)
"""Mesh index of each of the 68 points."""

MIRROR_68 = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)
"""Which of the 68 points each of them becomes in a mirrored picture."""

IRIS_LEFT, IRIS_RIGHT = slice(468, 473), slice(473, 478)
"""Iris points on the image's left and right; the first of each is the centre."""


_MIDLINE = (0, 1, 2, *range(4, 7), *range(8, 20), 94, 151, 152, 164, 168, 175, 195, 197, 199, 200)
_FIRST_RIGHT = 248  # FaceMesh counts the midline and the image's left before all of its right
_IRIS = (0, 3, 2, 1, 4)  # centre, nose's side, top, ear's side, bottom: the sides change places


def _partners() -> Integers:
    partners = np.arange(IRIS_RIGHT.stop)
    left = np.setdiff1d(np.arange(_FIRST_RIGHT), _MIDLINE)
    pairs = [
        (left, np.arange(_FIRST_RIGHT, IRIS_LEFT.start)),
        (partners[IRIS_LEFT], partners[IRIS_RIGHT][list(_IRIS)]),
    ]
    for one, other in pairs:
        partners[one], partners[other] = other.copy(), one.copy()
    return partners


MIRROR_MESH = _partners()
"""``(478,)``: which of the mesh's points each of them becomes in a mirrored picture."""


@dataclass(frozen=True)
class Face:
    """One face: ``mesh`` is ``(478, 2)`` float32, x and y in pixels of the photo (pixel centres at +0.5)."""

    mesh: Points

    @cached_property
    def points(self) -> Points:
        """The 68 points, ``(68, 2)`` float32, in pixels of the photo."""
        return self.mesh[list(MESH_TO_68)]

    @cached_property
    def eyes(self) -> Points:
        """Centres of the two eyes, ``(2, 2)``, image-left eye first: mean of each eye's six contour points.

        The eyelid contour, not the iris, so that the gaze does not turn or shift the alignment.
        """
        return np.stack([self.points[36:42].mean(0), self.points[42:48].mean(0)])

    @property
    def eye_distance(self) -> float:
        """Distance between the eye centres in pixels."""
        return float(np.linalg.norm(self.eyes[1] - self.eyes[0]))

    @cached_property
    def turn(self) -> float:
        """Degrees by which the face is turned clockwise in the picture: 0 upright, ±180 upside down."""
        across, down = self.eyes[1] - self.eyes[0], self.points[48:68].mean(0) - self.eyes.mean(0)
        # Down is right turned by a quarter, which in complex numbers is a factor of i.
        return float(np.degrees(np.angle(complex(*across) + complex(*down) / 1j)))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Bounding box of the mesh in pixels: left, top, right, bottom."""
        (x0, y0), (x1, y1) = self.mesh.min(0), self.mesh.max(0)
        return float(x0), float(y0), float(x1), float(y1)


def mirrored_face(face: Face, width: int) -> Face:
    """The face in the mirror image of a picture that is ``width`` pixels wide."""
    return Face((face.mesh[MIRROR_MESH] * (-1, 1) + (width, 0)).astype(np.float32))
