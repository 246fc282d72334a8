"""Before and after pictures for the screen: the whole photo or a close-up, with the mask's outline and landmarks."""

import base64

import cv2
import numpy as np

from pipelines.arrays import Floats, Mask, Pixels, Points

CLOSE, MASK, LANDMARKS = "close", "mask", "landmarks"
"""What can be asked for: only the face, the outline of the mask, the 68 points."""

VIEW_SIDE = 2048
"""Longer side in pixels of the pictures on the screen; downloads keep every pixel."""

MASK_COLOUR = (64, 156, 255)
"""Blue; told apart from the landmarks' yellow by all kinds of colour vision."""

_DRAWN_SIDE = 1200
"""Longer side in pixels that pictures have at least when something is drawn over them, so that lines are fine."""

_CLOSE_UP = 1.7
"""Side of a close-up in lengths of the landmarks' box: from chin to hair."""

CHAINS = (
    (range(0, 17), False),
    (range(17, 22), False),
    (range(22, 27), False),
    (range(27, 31), False),
    (range(31, 36), False),
    (range(36, 42), True),
    (range(42, 48), True),
    (range(48, 60), True),
    (range(60, 68), True),
)
"""Features of the 68 points, and whether their line is closed."""

_YELLOW, _DARK = (255, 214, 10), (20, 20, 20)
_SHIFT = 4  # fractional bits of OpenCV's coordinates


def view(image: Pixels) -> Pixels:
    """``image``, made smaller where it is larger than :data:`VIEW_SIDE`."""
    scale = VIEW_SIDE / max(image.shape[:2])
    return image if scale >= 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def jpeg_url(picture: Pixels) -> str:
    """A picture, RGB ``uint8``, as a data URL: no file, so nothing that another person could fetch."""
    jpeg = cv2.imencode(".jpg", picture[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 92))[1]
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def close_up(points: Points, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the square around a face, as far as it lies in the photo.

    Args:
        points: ``(68, 2)`` landmarks in pixels of the photo.
        shape: height and width of the photo.
    """
    low, high = points.min(0), points.max(0)
    half = _CLOSE_UP * (high - low).max() / 2
    centre = (low + high) / 2 - (0, 0.1 * half)  # the points end at the brows; some forehead belongs to a face
    start = np.maximum(0, np.floor(centre - half)).astype(int)
    end = np.minimum(shape[1::-1], np.ceil(centre + half)).astype(int)
    if (end - start).min() < 1:
        return slice(0, shape[0]), slice(0, shape[1])
    return slice(start[1], end[1]), slice(start[0], end[0])


def draw(image: Pixels, mask: Mask | None = None, points: Points | None = None) -> Pixels:
    """A copy of ``image`` for the screen with an outline and points over it.

    Args:
        image: RGB ``uint8`` ``(H, W, 3)``.
        mask: ``bool`` ``(H, W)`` to outline, or None.
        points: ``(68, 2)`` landmarks in pixels of ``image`` (pixel centres at +0.5), or None.

    Returns:
        RGB ``uint8``, made smaller or larger to suit the screen.
    """
    canvas = view(image).copy()
    if mask is not None or points is not None:
        enlarge = _DRAWN_SIDE / max(canvas.shape[:2])
        if enlarge > 1:
            canvas = cv2.resize(canvas, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_CUBIC)
    scale = np.array(canvas.shape[1::-1]) / np.array(image.shape[1::-1])
    # Lines are as thick as the region of interest is large, so that they look alike on close-ups and wide shots.
    width = _line_width(canvas, mask, points, scale)
    if mask is not None:
        sized = cv2.resize(mask.astype(np.uint8) * 255, canvas.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        edges, _ = cv2.findContours((sized > 127).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, edges, -1, _DARK, width + 2, cv2.LINE_AA)
        cv2.drawContours(canvas, edges, -1, MASK_COLOUR, width, cv2.LINE_AA)
    if points is not None:
        at = np.round((points * scale - 0.5) * 2**_SHIFT).astype(np.int32)
        for colour, extra in ((_DARK, 2), (_YELLOW, 0)):
            for chain, closed in CHAINS:
                cv2.polylines(canvas, [at[list(chain)]], closed, colour, max(1, width - 1) + extra, cv2.LINE_AA, _SHIFT)
            for x, y in at:
                radius = (width + 0.5 + extra / 2) * 2**_SHIFT
                cv2.circle(canvas, (int(x), int(y)), round(radius), colour, -1, cv2.LINE_AA, _SHIFT)
    return canvas


def _line_width(canvas: Pixels, mask: Mask | None, points: Points | None, scale: Floats) -> int:
    if points is not None:
        extent = float(np.ptp(points * scale, axis=0).max())
    elif mask is not None and mask.any():
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        extent = 2 * max(np.ptp(columns) * scale[0], np.ptp(rows) * scale[1])
    else:
        extent = max(canvas.shape)
    return int(np.clip(round(extent / 240), 1, 6))
