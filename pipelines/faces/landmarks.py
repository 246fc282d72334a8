"""The faces of a photo: MediaPipe's mesh of each, looked at twice."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from pipelines.arrays import Floats, Pixels, Points
from pipelines.errors import FaceIndexInvalid, NoFaceFound
from pipelines.faces.detection.detectors import find_far, find_meshes
from pipelines.faces.detection.plausibility import Opinion, examine
from pipelines.faces.points import Face
from pipelines.languages.translation import _

_LONG_SIDE = 768  # px of the picture in which faces are looked for first
_MESH_SIDE = 192  # px; FaceMesh resamples a face to this side, so a face smaller than that deserves more pixels
_PAD = 1 / 3  # of the longer side; tight crops are missed without a margin around the face
_MOST_TILES = 128  # of a wide shot; about six milliseconds each
_TILE_OVERLAP = 0.25  # of a tile's side: a face cut by all tiles of one level is small in a tile of the level before
_WIDE_SHOT = 0.08  # of the photo's longer side; where all faces are narrower, smaller ones may be about
# Measured on the validation faces, photos of masked faces, pairs of LFW, and noise, in all four quarter turns:
_LEAST = 13.0  # fit of a face that is upright in the photo as given; validation faces reach 14.0 and more, noise 12.2
_LEAST_TURNED = 17.3  # of any other; turned noise reaches 14.7
_GIVEN = 1.5  # so much better another turn must stand than the given one
_PLAIN_FIT = 27.0  # from here on nobody asks which way up a face is; meshes of faces on their heads reach 25.7
_PLAIN_STANDING = 36.0  # likewise; they reach 33.1
_SIDEWAYS = 60.0  # degrees by which the mesh of a face may be turned and still be as good as an upright one's
_ASKEW = 10.0  # by so much less sure is a mesh that lies on its side: another turn has the face upright, more exactly
_SAME = 0.3  # overlap of two meshes of one face
_LEAST_TILE = 400  # px of the photo; faces too small for such a tile have no detail to repaint


def find_faces(photo: Pixels, most: int = 8) -> list[Face]:
    """Every face in ``photo``, the largest first, each however it is turned.

    What is found is looked at once more (:func:`pipelines.faces.detection.plausibility.examine`). What is no face is
    left out. Where it is not plain that the largest stands the right way up, or nothing was found, the photo is
    searched in its other quarter turns too. A turn is believed only if its mesh fits clearly better than the photo's as
    it was given.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        most: how many faces at most.

    Returns:
        Faces in photo coordinates; an empty list where there is none (a pure profile included).
    """
    found = _judged(photo, 0, most)
    if not found or not found[0].plain:
        tiles = not found  # a face that was found is large enough to be found without them
        for turns in (1, 2, 3):
            found += _judged(photo, turns, most, tiles)
    kept: list[Face] = []
    for one in sorted(found, key=lambda one: -one.standing):
        if one.fits and all(_overlap(one.face.box, other.box) < _SAME for other in kept):
            kept.append(one.face)
    return _largest_first(kept)[:most]


def find_face(photo: Pixels, index: int = 0) -> Face:
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
            _(
                "No face was found in this photo; use a photo in which both eyes, the nose and the mouth can be seen "
                "(a face seen from the side is not found)."
            )
        )
    if not 0 <= index < len(faces):
        raise FaceIndexInvalid(
            _("Face {index} was chosen, but this photo shows {faces}.").format(index=index + 1, faces=len(faces))
        )
    return faces[index]


def find_crop_face(crop: Pixels) -> Face | None:
    """The face of an aligned crop, or None.

    Looks with the margin first, because an aligned crop is always tight; of several faces takes the middle one. Whoever
    made the crop knew the face, so it is not looked at twice; :func:`find_upright_crop_face` does.
    """
    small, factor = _shrink(crop, _LONG_SIDE)
    faces = [Face(mesh * factor) for mesh in _find_meshes_padded(small) or find_meshes(small)]
    middle = np.array(crop.shape[1::-1]) / 2
    return min(faces, key=lambda face: np.linalg.norm(face.mesh.mean(0) - middle) / face.eye_distance, default=None)


def find_upright_crop_face(crop: Pixels) -> Face | None:
    """The face of a crop of unknown origin that should be aligned; None also where it is no face or not upright."""
    face = find_crop_face(crop)
    if face is None or abs(face.turn) >= _SIDEWAYS:
        return None
    if _is_plain(examine(crop, face)):
        return face
    upright = (other for other in find_faces(crop) if abs(other.turn) < _SIDEWAYS)
    return face if any(_overlap(face.box, other.box) >= _SAME for other in upright) else None


class _Judged(NamedTuple):
    """A face in the photo's own pixels.

    Attributes:
        face: its mesh.
        fits: whether the mesh fits well enough for a face.
        plain: whether it stands plainly the right way up.
        standing: how surely it does.
    """

    face: Face
    fits: bool
    plain: bool
    standing: float


def _judged(photo: Pixels, turns: int, most: int, tiles: bool = True) -> list[_Judged]:
    """Faces of the photo turned counter-clockwise by so many quarters, the largest first."""
    turned = np.ascontiguousarray(np.rot90(photo, turns))
    judged = []
    for face in _search(turned, tiles)[:most]:
        opinion, upright = examine(turned, face), abs(face.turn) < _SIDEWAYS
        given = upright and not turns
        standing = opinion.standing + given * _GIVEN - (not upright) * _ASKEW
        fits, plain = opinion.fit >= (_LEAST if given else _LEAST_TURNED), upright and _is_plain(opinion)
        judged.append(_Judged(_turned_back(face, turns, turned.shape), fits, plain, standing))
    return judged


def _is_plain(opinion: Opinion) -> bool:
    return opinion.fit >= _PLAIN_FIT or opinion.standing >= _PLAIN_STANDING


def _search(photo: Pixels, tiles: bool = True) -> list[Face]:
    """What looks like an upright face, the largest first.

    Looks at the photo as it is; if there is no face, with a reflected margin (tight crops); then around the boxes that
    a long-range detector sees in the whole photo and in a few overlapping tiles of it (people farther back). While that
    finds nothing, or small faces only (a wide shot, a crowd), the tiles get finer, up to a bounded number of them. A
    small face's points are found anew in its own pixels.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        tiles: whether to look into tiles at all.
    """
    small, factor = _shrink(photo, _LONG_SIDE)
    near = find_meshes(small) or _find_meshes_padded(small)
    faces = [_sharpened(photo, Face(mesh * factor), factor) for mesh in near]
    faces += _faces_in(photo, find_far(small) * factor, faces)
    for level, (pictures, tile_factor) in enumerate(_tile_levels(photo) if tiles else ()):
        largest = max((face.box[2] - face.box[0] for face in faces), default=0)
        if level and largest > _WIDE_SHOT * max(photo.shape[:2]):
            break
        for left, top, tile in pictures:
            boxes = find_far(tile) + np.array([left, top, left, top])
            faces += _faces_in(photo, boxes * tile_factor, faces)
    return _largest_first(faces)


def _turned_back(face: Face, turns: int, shape: Sequence[int]) -> Face:
    """A face of a picture of ``shape`` that was turned counter-clockwise by so many quarters, in the picture before."""
    mesh, (height, width) = face.mesh, shape[:2]
    for _turn in range(turns):
        mesh = np.stack([height - mesh[:, 1], mesh[:, 0]], axis=1)
        height, width = width, height
    return Face(mesh)


def _shrink(photo: Pixels, long_side: int) -> tuple[Pixels, int]:
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


def _find_meshes_padded(photo: Pixels) -> list[Points]:
    """The same with a reflected margin around the photo."""
    pad = round(_PAD * max(photo.shape[:2]))
    # Reflection repeats the picture as often as needed, so a narrow strip can be padded by more than its width.
    padded = np.pad(photo, ((pad, pad), (pad, pad), (0, 0)), mode="symmetric")
    meshes = [mesh - pad for mesh in find_meshes(padded)]
    # A reflection can show a second, mirrored face; only faces centred on the photo are real.
    size = np.array(photo.shape[1::-1])
    return [mesh for mesh in meshes if np.all(mesh.mean(0) > 0) and np.all(mesh.mean(0) < size)]


def _faces_in(photo: Pixels, boxes: Floats, known: list[Face]) -> list[Face]:
    """Faces in the boxes that hold none of the ``known`` ones."""
    faces: list[Face] = []
    for box in boxes:
        if any(_overlap(box, face.box) > 0.3 for face in known + faces):
            continue
        faces += _zoom(photo, box)[:1]
    return faces


def _zoom(photo: Pixels, box: Floats) -> list[Face]:
    """Faces found again in the photo's own pixels around ``box``, the one that fits the box best first."""
    (left, top), (right, bottom) = np.asarray(box).reshape(2, 2)
    centre_x, centre_y, half = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)
    left, top = max(0, int(centre_x - half)), max(0, int(centre_y - half))
    region = photo[top : max(0, int(centre_y + half)), left : max(0, int(centre_x + half))]
    if min(region.shape[:2]) < 16:
        return []
    small, factor = _shrink(region, 2 * _MESH_SIDE)
    meshes = find_meshes(small) or _find_meshes_padded(small)
    faces = [Face(mesh * factor + np.array([left, top], np.float32)) for mesh in meshes]
    fits = [(_overlap(box, face.box), face) for face in faces]
    return [face for fit, face in sorted(fits, key=lambda pair: -pair[0]) if fit > 0.2]


def _sharpened(photo: Pixels, face: Face, factor: int) -> Face:
    """The face found again in the full photo where the shrunk one had too few pixels of it."""
    left, top, right, bottom = face.box
    if factor == 1 or max(right - left, bottom - top) / factor >= _MESH_SIDE:
        return face
    return next(iter(_zoom(photo, np.array(face.box))), face)


def _tile_levels(photo: Pixels) -> Iterator[tuple[list[tuple[int, int, Pixels]], int]]:
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
    starts: list[int] = np.linspace(0, max(0, length - side), count).round().astype(int).tolist()
    return starts


def _overlap(one: Iterable[float], other: Iterable[float]) -> float:
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
