"""What pictures of results have in common: the part of a photo around the face, its size, and the colours drawn."""

import cv2
import numpy as np

from pipelines.arrays import Numbers, Pixels, Points
from pipelines.results import RepaintResult

MASK_COLOUR, POINT_COLOUR = (0, 160, 255), (255, 210, 30)
"""Blue and yellow, told apart by all kinds of colour vision."""

_FACE_WINDOW = 1.35  # of the points' box: from brow to chin, with some forehead

_DPI = 220
"""Pixels an inch that a picture has in print, at least; more only makes the file large."""

_SCREEN = 640, 600
"""Width and height in pixels of the largest picture on the page, on a screen without finer pixels: ``--stage`` of
assets/style.css, and what a column of a wide screen takes. No picture has fewer in print."""

Window = tuple[int, int, int, int]
"""Part of a photo: left, top, right, bottom in pixels."""


def face_window(result: RepaintResult) -> Window:
    """A square around face and mask, moved and cut to lie inside the photo."""
    points = np.concatenate([result.landmarks_before, result.landmarks])
    if result.mask.any():
        ys, xs = np.flatnonzero(result.mask.any(1)), np.flatnonzero(result.mask.any(0))
        points = np.concatenate([points, [[xs[0], ys[0]], [xs[-1] + 1, ys[-1] + 1]]])
    return window_around(points, result.photo.shape)


def window_around(points: Points, shape: tuple[int, ...]) -> Window:
    """A square around the points of a face, moved and cut to lie inside the photo.

    Args:
        points: ``(N, 2)`` in pixels of the photo.
        shape: height and width of the photo.
    """
    rows, columns = shape[:2]
    low, high = points.min(0), points.max(0)
    centre = (low + high) / 2
    side = max(16, int(_FACE_WINDOW * (high - low).max()))
    centre[1] -= 0.06 * side  # landmarks end at the brows; the forehead belongs to the face
    size = np.minimum(side, (columns, rows))
    corner = np.clip(np.round(centre - size / 2), 0, (columns, rows) - size).astype(int)
    return int(corner[0]), int(corner[1]), int(corner[0] + size[0]), int(corner[1] + size[1])


def shrunk(image: Numbers, scale: float) -> Numbers:
    """``image`` averaged over areas to ``scale`` times its size; as it is where that would enlarge it."""
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    small: Numbers = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small


def for_print(image: Pixels, scale: float) -> Pixels:
    """A picture with the pixels that it has in print: enough for its size there, and no fewer than on the screen.

    Args:
        image: ``uint8`` ``(H, W, 3)``.
        scale: inches a pixel.
    """
    height, width = image.shape[:2]
    return shrunk(image, max(scale * _DPI, min(_SCREEN[0] / width, _SCREEN[1] / height)))
