"""Facial landmarks by MediaPipe FaceMesh: 478 mesh points and the 68-point subset.

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

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np

from pipelines.errors import FaceIndexInvalid, NoFaceFound

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

_LONG_SIDE = 768  # px of the picture in which faces are looked for first
_MESH_SIDE = 192  # px; FaceMesh resamples a face to this side, so a face smaller than that deserves more pixels
_PAD = 1 / 3  # of the longer side; tight crops are missed without a margin around the face
_MIN_CONFIDENCE = 0.3
_MOST_TILES = 128  # of a wide shot; about six milliseconds each
_TILE_OVERLAP = 0.25  # of a tile's side: a face cut by all tiles of one level is small in a tile of the level before
_WIDE_SHOT = 0.08  # of the photo's longer side; where all faces are narrower, smaller ones may be about
_LEAST_TILE = 400  # px of the photo; faces too small for such a tile have no detail to repaint


@dataclass(frozen=True)
class Face:
    """One face: ``mesh`` is ``(478, 2)`` float32, x and y in pixels of the photo (pixel centres at +0.5)."""

    mesh: np.ndarray

    @cached_property
    def points(self) -> np.ndarray:
        """The 68 points, ``(68, 2)`` float32, in pixels of the photo."""
        return self.mesh[list(MESH_TO_68)]

    @cached_property
    def eyes(self) -> np.ndarray:
        """Centres of the two eyes, ``(2, 2)``, image-left eye first: mean of each eye's six contour points.

        The eyelid contour, not the iris, so that the gaze does not turn or shift the alignment.
        """
        return np.stack([self.points[36:42].mean(0), self.points[42:48].mean(0)])

    @cached_property
    def irises(self) -> np.ndarray:
        """Iris centres, ``(2, 2)``, image-left first."""
        return self.mesh[[IRIS_LEFT.start, IRIS_RIGHT.start]]

    @property
    def eye_distance(self) -> float:
        """Distance between the eye centres in pixels."""
        return float(np.linalg.norm(self.eyes[1] - self.eyes[0]))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Bounding box of the mesh in pixels: left, top, right, bottom."""
        (x0, y0), (x1, y1) = self.mesh.min(0), self.mesh.max(0)
        return float(x0), float(y0), float(x1), float(y1)


def find_faces(photo: np.ndarray, most: int = 8) -> list[Face]:
    """Every face in ``photo``, the largest first.

    Looks at the photo as it is; if there is no face, with a reflected margin (tight crops); then around the boxes that
    a long-range detector sees in the whole photo and in a few overlapping tiles of it (people farther back). While that
    finds nothing, or small faces only (a wide shot, a crowd), the tiles get finer, up to a bounded number of them. A
    small face's points are found anew in its own pixels.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        most: how many faces at most.

    Returns:
        Faces in photo coordinates; an empty list where there is none (a pure profile included).
    """
    small, factor = _shrink(photo, _LONG_SIDE)
    near = _find_near(small) or _find_near_padded(small)
    faces = [_sharpened(photo, Face(mesh * factor), factor) for mesh in near]
    faces += _faces_in(photo, _boxes(small) * factor, faces)
    for level, (tiles, tile_factor) in enumerate(_tile_levels(photo)):
        largest = max((face.box[2] - face.box[0] for face in faces), default=0)
        if level and largest > _WIDE_SHOT * max(photo.shape[:2]):
            break
        for left, top, tile in tiles:
            boxes = _boxes(tile) + np.array([left, top, left, top])
            faces += _faces_in(photo, boxes * tile_factor, faces)
    return _largest_first(faces)[:most]


def find_face(photo: np.ndarray, index: int = 0) -> Face:
    """The face number ``index`` of ``photo``; see :func:`pick_face`."""
    return pick_face(find_faces(photo), index)


def pick_face(faces: list[Face], index: int) -> Face:
    """The face number ``index`` of ``faces``, counted from the largest (0).

    Raises:
        NoFaceFound: there is no face.
        FaceIndexInvalid: there are not that many faces.
    """
    if not faces:
        raise NoFaceFound(
            "No face was found in this photo; use a photo in which both eyes, the nose and the mouth can be seen "
            "(a face seen from the side is not found)."
        )
    if not 0 <= index < len(faces):
        raise FaceIndexInvalid(f"Face {index + 1} was chosen, but this photo shows {len(faces)}.")
    return faces[index]


def find_crop_face(crop: np.ndarray) -> Face | None:
    """The face of an aligned crop, or None.

    Looks with the margin first, because an aligned crop is always tight; of several faces takes the middle one.
    """
    small, factor = _shrink(crop, _LONG_SIDE)
    faces = [Face(mesh * factor) for mesh in _find_near_padded(small) or _find_near(small)]
    middle = np.array(crop.shape[1::-1]) / 2
    return min(faces, key=lambda face: np.linalg.norm(face.mesh.mean(0) - middle) / face.eye_distance, default=None)


_lock = threading.Lock()  # MediaPipe's graphs take one photo at a time


@lru_cache(maxsize=1)
def _face_mesh():
    return _started(
        "face_mesh",
        "FaceMesh",
        static_image_mode=True,  # no tracking: a photo's result never depends on the photo before it
        max_num_faces=16,
        refine_landmarks=True,
        min_detection_confidence=_MIN_CONFIDENCE,
    )


@lru_cache(maxsize=1)
def _far_detector():
    return _started("face_detection", "FaceDetection", model_selection=1, min_detection_confidence=_MIN_CONFIDENCE)


def _started(module: str, solution: str, **options):
    """A MediaPipe solution that has seen its first picture, a blank one.

    While they start, graphs print notes on standard error from C++, past ``sys.stderr``. The notes say nothing of the
    photo and would stand between our sentences and in the progress bar, so the file descriptor itself is turned away.
    """
    import mediapipe as mp  # here, because importing it takes seconds and training machines lack it

    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        graph = getattr(getattr(mp.solutions, module), solution)(**options)
        graph.process(np.zeros((192, 192, 3), np.uint8))
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    return graph


def _shrink(photo: np.ndarray, long_side: int) -> tuple[np.ndarray, int]:
    """The photo averaged over squares of whole pixels so that it fits ``long_side``, and the squares' side.

    Whole squares, because OpenCV averages them several times faster than broken ones. MediaPipe resamples without a
    low-pass of its own, so fine texture would alias into its input if it got the full photo.
    """
    factor = -(-max(photo.shape[:2]) // long_side)
    height, width = (side // factor for side in photo.shape[:2])
    if factor == 1 or not height or not width:
        return np.ascontiguousarray(photo), 1
    whole = photo[: height * factor, : width * factor]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), factor


def _find_near(photo: np.ndarray) -> list[np.ndarray]:
    """Meshes that FaceMesh's own short-range detector finds, in pixels of ``photo``."""
    with _lock:
        found = _face_mesh().process(photo).multi_face_landmarks or []
    size = np.array(photo.shape[1::-1], np.float32)
    return [np.array([(p.x, p.y) for p in face.landmark], np.float32) * size for face in found]


def _find_near_padded(photo: np.ndarray) -> list[np.ndarray]:
    """The same with a reflected margin around the photo."""
    pad = round(_PAD * max(photo.shape[:2]))
    # Reflection repeats the picture as often as needed, so a narrow strip can be padded by more than its width.
    padded = np.pad(photo, ((pad, pad), (pad, pad), (0, 0)), mode="symmetric")
    meshes = [mesh - pad for mesh in _find_near(padded)]
    # A reflection can show a second, mirrored face; only faces centred on the photo are real.
    size = np.array(photo.shape[1::-1])
    return [mesh for mesh in meshes if np.all(mesh.mean(0) > 0) and np.all(mesh.mean(0) < size)]


def _boxes(photo: np.ndarray) -> np.ndarray:
    """Boxes of the long-range detector, ``(N, 4)``: left, top, right, bottom in pixels of ``photo``."""
    with _lock:
        found = _far_detector().process(photo).detections or []
    boxes = [detection.location_data.relative_bounding_box for detection in found]
    edges = [(box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height) for box in boxes]
    return np.array(edges, np.float64).reshape(-1, 4) * (photo.shape[1::-1] * 2)


def _faces_in(photo: np.ndarray, boxes: np.ndarray, known: list[Face]) -> list[Face]:
    """Faces in the boxes that hold none of the ``known`` ones."""
    faces: list[Face] = []
    for box in boxes:
        if any(_overlap(box, face.box) > 0.3 for face in known + faces):
            continue
        faces += _zoom(photo, box)[:1]
    return faces


def _zoom(photo: np.ndarray, box: np.ndarray) -> list[Face]:
    """Faces found again in the photo's own pixels around ``box``, the one that fits the box best first."""
    (left, top), (right, bottom) = np.asarray(box).reshape(2, 2)
    centre_x, centre_y, half = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)
    left, top = max(0, int(centre_x - half)), max(0, int(centre_y - half))
    region = photo[top : max(0, int(centre_y + half)), left : max(0, int(centre_x + half))]
    if min(region.shape[:2]) < 16:
        return []
    small, factor = _shrink(region, 2 * _MESH_SIDE)
    meshes = _find_near(small) or _find_near_padded(small)
    faces = [Face(mesh * factor + np.array([left, top], np.float32)) for mesh in meshes]
    fits = [(_overlap(box, face.box), face) for face in faces]
    return [face for fit, face in sorted(fits, key=lambda pair: -pair[0]) if fit > 0.2]


def _sharpened(photo: np.ndarray, face: Face, factor: int) -> Face:
    """The face found again in the full photo where the shrunk one had too few pixels of it."""
    left, top, right, bottom = face.box
    if factor == 1 or max(right - left, bottom - top) / factor >= _MESH_SIDE:
        return face
    return next(iter(_zoom(photo, np.array(face.box))), face)


def _tile_levels(photo: np.ndarray) -> Iterator[tuple[list[tuple[int, int, np.ndarray]], int]]:
    """Overlapping square tiles that cover the photo: two along its longer side, then four, and so on.

    Yields:
        The tiles of a level, each with its left and top edge, and the factor by which the level is shrunk.
    """
    along, count = 2, 0
    while True:
        share = 1 / (along - (along - 1) * _TILE_OVERLAP)  # of the longer side
        if max(photo.shape[:2]) * share < _LEAST_TILE:
            return
        small, factor = _shrink(photo, _LONG_SIDE * along // 2)
        side = round(max(small.shape[:2]) * share)
        rows, columns = (_starts(length, side) for length in small.shape[:2])
        count += len(rows) * len(columns)
        if count > _MOST_TILES:
            return
        corners = [(left, top) for top in rows for left in columns]
        yield [(x, y, np.ascontiguousarray(small[y : y + side, x : x + side])) for x, y in corners], factor
        along *= 2


def _starts(length: int, side: int) -> list[int]:
    count = max(1, round(np.ceil((length - side) / (side * (1 - _TILE_OVERLAP)) - 0.01)) + 1)
    return np.linspace(0, max(0, length - side), count).round().astype(int).tolist()


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Area that two boxes share, as a part of the smaller one's."""
    (l1, t1, r1, b1), (l2, t2, r2, b2) = one, other
    shared = max(0.0, min(r1, r2) - max(l1, l2)) * max(0.0, min(b1, b2) - max(t1, t2))
    smaller = min((r1 - l1) * (b1 - t1), (r2 - l2) * (b2 - t2))
    return shared / smaller if smaller > 0 else 0.0


def _largest_first(faces: list[Face]) -> list[Face]:
    """Sorted by size; of faces that cover each other by more than half only the largest stays."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.eye_distance, reverse=True):
        if all(_overlap(face.box, other.box) < 0.5 for other in kept):
            kept.append(face)
    return kept
