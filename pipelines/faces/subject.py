"""Whose face is worked on: a photo, the faces in it, the one that was chosen, and that face alone, aligned.

Made and checked once, by :func:`find_subject`; every step of a job then takes what it needs from here.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.arrays import Mask, Pixels, Points
from pipelines.errors import FaceIncomplete, ImageTooSmall
from pipelines.faces.alignment import Alignment, align
from pipelines.faces.landmarks import find_crop_face, find_faces, pick_face
from pipelines.faces.pixels.arrays import as_photo
from pipelines.faces.points import Face
from pipelines.languages.translation import _

SMALLEST_EYE_DISTANCE = 12
"""In pixels; below it a crop pixel is invented rather than seen."""

_BEYOND = 0.05  # eye distances; points that lie less far beyond the edge are as exact as others
_SAME_FACE = 0.5  # eye distances from point to point, on average; another face lies farther off


@dataclass(frozen=True, eq=False)
class Subject:
    """A face in a photo.

    Attributes:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        faces: all faces of the photo, the largest first.
        index: which of them was chosen, 0 = the largest.
    """

    photo: Pixels
    faces: tuple[Face, ...]
    index: int

    @property
    def face(self) -> Face:
        """The chosen face, in pixels of the photo."""
        return self.faces[self.index]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the photo."""
        return self.photo.shape[0], self.photo.shape[1]

    @cached_property
    def alignment(self) -> Alignment:
        """Takes the photo to the project's crop.

        Raises:
            NoFaceFound: the eyes lie on one spot.
        """
        return align(self.photo, self.face)

    @cached_property
    def crop(self) -> Pixels:
        """The aligned face, RGB ``uint8`` ``(256, 256, 3)``."""
        return self.alignment.crop(self.photo)

    @cached_property
    def crop_face(self) -> Face:
        """The chosen face, in pixels of the crop."""
        return self.alignment.face_in_crop(self.face)

    def landmarks_after(self, image: Pixels, mask: Mask, repainted: Pixels, otherwise: Points) -> Points:
        """68 points of the face after part of it was repainted, as they are found in the photo that is shown.

        Found as those of the photo itself are, because FaceMesh's answer varies a little with the size and the part of
        the picture that it is given. It varies a little from run to run over pixels that nobody changed, too: so points
        outside the mask, where nothing was drawn, stay where they were.

        Args:
            image: RGB ``uint8`` ``(H, W, 3)``, the repainted photo.
            mask: ``bool`` ``(H, W)``, what was repainted.
            repainted: RGB ``uint8`` ``(256, 256, 3)``, the repainted crop; looked at where the photo shows the face no
                more.
            otherwise: the points inside the mask where no face is found at all, ``(68, 2)``.

        Returns:
            ``(68, 2)`` float32, in pixels of the photo.
        """
        found = _same_face(find_faces(image), self.face)
        if found is None and (in_crop := find_crop_face(repainted)) is not None:
            otherwise = self.alignment.to_photo(in_crop.points)
        before = self.face.points
        column, row = np.clip(np.floor(before), 0, np.array(mask.shape[::-1]) - 1).astype(int).T
        after = otherwise if found is None else found.points
        return np.where(mask[row, column][:, None], after, before).astype(np.float32)


def find_subject(photo: Pixels, index: int = 0) -> Subject:
    """Finds the faces of a photo and picks one.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        index: which face, 0 = the largest.

    Raises:
        ArrayInvalid: it is no photo.
        NoFaceFound, FaceIndexInvalid: there is no such face.
        ImageTooSmall, FaceIncomplete: the face has too few pixels, or is cut by the photo's edge.
    """
    faces = find_faces(as_photo(photo))
    check_face(pick_face(faces, index), photo.shape)
    return Subject(photo, tuple(faces), index)


def check_face(face: Face, shape: tuple[int, ...]) -> None:
    """Refuses a face of too few pixels, and one of which the photo shows so little that its points are guesses.

    Args:
        face: in pixels of the photo.
        shape: height and width of the photo; more of an array's shape is passed over.

    Raises:
        ImageTooSmall: its eyes are less than :data:`SMALLEST_EYE_DISTANCE` apart.
        FaceIncomplete: a point of eyes, nose or mouth lies beyond the photo's edge.
    """
    if face.eye_distance < SMALLEST_EYE_DISTANCE:
        raise ImageTooSmall(_("The face is too small in this photo; use a photo taken from nearer."))
    inner, size = face.points[27:], np.array(shape[1::-1])
    if max((-inner).max(), (inner - size).max()) > _BEYOND * face.eye_distance:
        raise FaceIncomplete(
            _(
                "Part of the eyes, nose or mouth lies beyond the photo's edge, so its points are guesses; "
                "use a photo that shows the whole face."
            )
        )


def _same_face(faces: list[Face], face: Face) -> Face | None:
    """Which of the faces lies where ``face`` lies; None where none does."""

    def away(other: Face) -> float:
        return float(np.linalg.norm(other.mesh - face.mesh, axis=1).mean() / face.eye_distance)

    nearest = min(faces, key=away, default=None)
    return nearest if nearest is not None and away(nearest) < _SAME_FACE else None
