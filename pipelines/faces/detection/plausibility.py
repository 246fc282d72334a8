"""Whether a mesh lies on a face, and the right way up: a second opinion.

FaceMesh fits an upright face to whatever its detector takes for one: to noise, and to a face that stands on its head,
whose brow becomes a mouth. So the picture is turned until the mesh stands upright and looked at once more. A face that
stands so looks like one to the short-range detector, has its eyes, nose and mouth where the mesh has them, and gets the
same mesh from the mirror image. A mask hides most of that, and from beneath it every face looks much like its own
reverse; so which way up a face stands is asked of its eyes as well.
"""

from dataclasses import dataclass
from math import log2

import cv2
import numpy as np

from pipelines.arrays import Pixels, Points
from pipelines.faces.detection.detectors import count_eyes, find_meshes, find_near
from pipelines.faces.points import IRIS_LEFT, MIRROR_MESH, Face

_SIDE = 192  # px of the upright picture: what the detector and FaceMesh resample to
_REACH = 0.3  # margin around the mesh that the detector is shown, as a part of the mesh's half side
_FARTHER = 0.6  # the same for FaceMesh
_CENTRED = 0.2  # of the picture's side between its middle and the middle of what is detected
_ASTRAY = 1.5  # eye distances; how far astray beyond that is does not matter
_EYE_REACH = 0.55  # eye distances around an eye that are looked at: brow and lid, not the other eye
_EVEN, _UNEVEN = 0.004, 0.5  # eye distances; beyond these more or less evenness says nothing


@dataclass(frozen=True)
class Opinion:
    """What a second look says of a mesh.

    Attributes:
        score: the short-range detector's, 0-1; 0 where it sees no face there.
        astray: largest distance between the mesh's eyes, nose and mouth and those of the detector, in eye distances.
        unevenness: mean distance between the meshes of the upright picture and of its mirror image, in eye distances.
        eyes: how surely the eyes stand upright: the sum over both of log2(1 + :func:`count_eyes`), 0 to about 18.
    """

    score: float
    astray: float
    unevenness: float
    eyes: float

    @property
    def fit(self) -> float:
        """How well the mesh fits in one number, higher is better: a logistic regression of right against upside-down
        meshes on 420 photos of ``faces`` and ``masked``, rounded."""
        return 20 * self.score - 8 * self.astray - 2 * log2(self.unevenness)

    @property
    def standing(self) -> float:
        """How surely the mesh stands the right way up, higher is more surely: the fit, and the eyes with a weight that
        put all of 350 faces, 130 of them masked, above their own reverse."""
        return self.fit + self.eyes


def examine(photo: Pixels, face: Face) -> Opinion:
    """Looks at a face once more.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        face: a mesh of the photo, however it is turned.
    """
    picture, landmarks = _upright(photo, face, _REACH)
    score, astray = 0.0, _ASTRAY
    for seen in find_near(picture):
        middle = (seen.box[:2] + seen.box[2:]) / 2
        if seen.score > score and np.all(np.abs(middle / _SIDE - 0.5) < _CENTRED):
            distances = np.linalg.norm(seen.keypoints - landmarks, axis=1)
            score, astray = seen.score, float(distances.max() / np.linalg.norm(landmarks[1] - landmarks[0]))
    eyes = sum(log2(1 + count_eyes(_around_eye(picture, landmarks, side), side == 0)) for side in (0, 1))
    picture, _ = _upright(photo, face, _FARTHER)
    return Opinion(score, min(astray, _ASTRAY), _unevenness(picture), eyes)


def _upright(photo: Pixels, face: Face, reach: float) -> tuple[Pixels, Points]:
    """A square of the photo in which the mesh stands upright, and its eyes, nose and mouth there, ``(4, 2)``."""
    mouth = face.points[48:68].mean(0)
    right = np.exp(1j * np.radians(face.turn))
    centre = face.mesh[: IRIS_LEFT.start].mean(0)
    offsets = face.mesh @ (1, 1j) - complex(*centre)
    half = max(np.abs((offsets / right).real).max(), np.abs((offsets / right).imag).max()) * (1 + reach)
    turn = _SIDE / 2 / half / right
    matrix = np.array([[turn.real, -turn.imag, 0.0], [turn.imag, turn.real, 0.0]])
    matrix[:, 2] = _SIDE / 2 - matrix[:, :2] @ centre
    landmarks = np.stack([*face.eyes, face.points[30], mouth]) @ matrix[:, :2].T + matrix[:, 2]
    # Averaged over whole pixels first where the photo is much finer, or its texture would alias.
    factor = int(half / _SIDE)
    if factor > 1:
        corner = np.clip(np.floor(centre - 1.5 * half), 0, photo.shape[1::-1]).astype(int)
        end = np.clip(np.ceil(centre + 1.5 * half), corner + factor, None).astype(int)
        photo = photo[corner[1] : end[1], corner[0] : end[0]]
        size = [side // factor for side in photo.shape[1::-1]]
        photo = cv2.resize(photo[: size[1] * factor, : size[0] * factor], size, interpolation=cv2.INTER_AREA)
        matrix[:, 2] += matrix[:, :2] @ corner
        matrix[:, :2] *= factor
    return cv2.warpAffine(photo, matrix, (_SIDE, _SIDE), borderMode=cv2.BORDER_REFLECT_101), landmarks


def _around_eye(picture: Pixels, landmarks: Points, side: int) -> Pixels:
    """A square patch around an eye of the upright picture: 0 is the one on the image's left."""
    half = max(2, round(_EYE_REACH * float(np.linalg.norm(landmarks[1] - landmarks[0]))))
    size, middle = (2 * half, 2 * half), tuple(landmarks[side].astype(float))
    matrix = np.array([[1, 0, half - middle[0]], [0, 1, half - middle[1]]], np.float64)
    patch: Pixels = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REFLECT_101)
    return patch


def _unevenness(picture: Pixels) -> float:
    mesh, other = _middle_mesh(picture), _middle_mesh(np.ascontiguousarray(picture[:, ::-1]))
    if mesh is None or other is None:
        return _UNEVEN
    mirrored = other[MIRROR_MESH] * (-1, 1) + (_SIDE, 0)
    distance = np.linalg.norm(mirrored - mesh, axis=1).mean() / max(Face(mesh).eye_distance, 1e-3)
    return float(np.clip(distance, _EVEN, _UNEVEN))


def _middle_mesh(picture: Pixels) -> Points | None:
    return min(find_meshes(picture), key=lambda mesh: np.linalg.norm(mesh.mean(0) - _SIDE / 2), default=None)
