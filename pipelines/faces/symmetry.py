"""Left and right of a face: points that favour no side, and a face's own mirror image."""

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator

from pipelines.arrays import Floats, Mask, Pixels
from pipelines.faces.landmarks import find_faces
from pipelines.faces.points import IRIS_LEFT, MIRROR_MESH, Face, mirrored_face

_SURFACE = IRIS_LEFT.start
_FARTHEST = 0.25  # eye distances between a face and what is found where its mirror image lies


def even_face(photo: Pixels, face: Face) -> Face:
    """A face's points as the mean of those found in the photo and in its mirror image.

    FaceMesh gives a photo and its mirror image points that lie a pixel apart, and so do their crops. The mean is the
    same for both.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        face: one of its faces.

    Returns:
        The mean; the face as it is where it is not found in the mirror image.
    """
    width = photo.shape[1]
    found = [mirrored_face(one, width) for one in find_faces(np.ascontiguousarray(photo[:, ::-1]))]
    away = [np.linalg.norm(one.mesh.mean(0) - face.mesh.mean(0)) / face.eye_distance for one in found]
    if not found or min(away) > _FARTHEST:
        return face
    return Face((face.mesh + found[int(np.argmin(away))].mesh) / 2)


def mirror_through_mesh(picture: Floats, face: Face) -> tuple[Floats, Mask]:
    """The picture of a face mirrored at the face's own middle, however it is turned: each point of the mesh shows what
    its partner shows, and what lies between follows.

    Args:
        picture: ``float32`` ``(H, W)`` or ``(H, W, C)``.
        face: its face, in pixels of the picture.

    Returns:
        The mirrored picture, of the same shape, and ``bool`` ``(H, W)``, where it is known: inside the mesh's hull.
    """
    height, width = picture.shape[:2]
    surface = face.mesh[:_SURFACE].astype(np.float64)
    partners = face.mesh[MIRROR_MESH[:_SURFACE]].astype(np.float64)
    left, top = np.clip(np.floor(surface.min(0)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(surface.max(0)), 0, (width, height)).astype(int)
    x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    there = LinearNDInterpolator(surface, partners)(x, y)
    at = np.full((height, width, 2), np.nan, np.float32)
    at[top:bottom, left:right] = there
    known = np.isfinite(at).all(2)
    at = np.where(known[..., None], at - np.float32(0.5), 0)
    mirrored = cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return mirrored * (known if picture.ndim == 2 else known[..., None]), known
