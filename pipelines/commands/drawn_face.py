"""A face drawn with ellipses and shading, with a mask or without: nobody's photo, and still FaceMesh finds a face."""

from collections.abc import Sequence

import cv2
import numpy as np

from pipelines.arrays import Floats, Pixels

_SKIN, _SHADE, _LIGHT = (214, 168, 140), (168, 118, 94), (236, 198, 172)
_FABRIC, _FOLD = (138, 186, 214), (112, 160, 192)
_HAIR, _IRIS, _WHITE, _LIP, _MOUTH = (62, 44, 36), (70, 52, 44), (242, 238, 234), (176, 88, 88), (120, 52, 56)


def drawn_face(size: int = 512) -> Pixels:
    """The face, seen from the front on a plain ground.

    Args:
        size: side in pixels.

    Returns:
        RGB ``uint8`` ``(size, size, 3)``.
    """
    canvas = np.full((512, 512, 3), (176, 188, 198), np.uint8)
    for centre, axes, colour, blur in (
        ((256, 470), (190, 120), (92, 104, 128), 4),  # shoulders
        ((256, 400), (58, 90), _SHADE, 6),  # neck
        ((256, 236), (148, 190), _HAIR, 5),
        ((256, 262), (118, 160), _SKIN, 3),
        ((256, 168), (84, 50), _LIGHT, 24),  # forehead
        ((190, 300), (36, 34), _LIGHT, 18),  # cheeks
        ((322, 300), (36, 34), _LIGHT, 18),
        ((256, 404), (38, 14), _LIGHT, 9),  # chin
        ((150, 300), (16, 90), _SHADE, 14),  # sides of the face
        ((362, 300), (16, 90), _SHADE, 14),
        ((256, 378), (44, 7), _SHADE, 7),  # below the lip
    ):
        _ellipse(canvas, centre, axes, colour, blur)
    for side in (-1, 1):
        _ellipse(canvas, (256 + 52 * side, 236), (34, 20), _SHADE, 7)  # eye socket
        _ellipse(canvas, (256 + 54 * side, 238), (25, 11), _WHITE, 1)
        _ellipse(canvas, (256 + 54 * side, 237), (11, 11), _IRIS, 1)
        _ellipse(canvas, (256 + 54 * side, 237), (5, 5), (12, 10, 10), 1)
        _ellipse(canvas, (256 + 54 * side, 228), (28, 4), (84, 58, 48), 1.5)  # lid
        _ellipse(canvas, (256 + 56 * side, 204), (33, 6), _HAIR, 2, 6 * side)  # brow
        _ellipse(canvas, (256 + 20 * side, 282), (7, 46), _SHADE, 6, 4 * side)  # side of the nose
        _ellipse(canvas, (256 + 24 * side, 318), (11, 9), _SHADE, 4)  # wing
        _ellipse(canvas, (256 + 13 * side, 324), (7, 4), (96, 58, 50), 1.5)  # nostril
    _ellipse(canvas, (256, 276), (7, 46), _LIGHT, 4)  # bridge
    _ellipse(canvas, (256, 312), (13, 10), _LIGHT, 4)  # tip
    _ellipse(canvas, (256, 358), (44, 11), _LIP, 2)
    _ellipse(canvas, (256, 366), (34, 10), _LIP, 2)
    _ellipse(canvas, (256, 360), (40, 2), _MOUTH, 1)
    _ellipse(canvas, (256, 340), (5, 8), _SHADE, 4)  # philtrum
    return _sized(canvas, size)


def drawn_masked_face(size: int = 512) -> Pixels:
    """The same face in a surgical mask, from the bridge of the nose to below the chin.

    Args:
        size: side in pixels.

    Returns:
        RGB ``uint8`` ``(size, size, 3)``.
    """
    canvas = drawn_face()
    for side in (-1, 1):
        for ear, edge in (((120, 250), (94, 300)), ((116, 306), (82, 394))):  # loops
            start, end = ((256 + x * side, y) for x, y in (ear, edge))
            cv2.line(canvas, start, end, _WHITE, 3, cv2.LINE_AA)
    half = ((34, 276), (96, 296), (98, 348), (84, 398), (46, 428))
    corners = [(256, 268), *((256 + x, y) for x, y in half), (256, 438), *((256 - x, y) for x, y in reversed(half))]
    _polygon(canvas, corners, _FABRIC, 1)
    for y in (318, 352, 386):  # pleats
        _ellipse(canvas, (256, y), (88, 2), _FOLD, 2)
    return _sized(canvas, size)


def _sized(canvas: Pixels, size: int) -> Pixels:
    if size == len(canvas):
        return canvas
    interpolation = cv2.INTER_AREA if size < len(canvas) else cv2.INTER_CUBIC
    return cv2.resize(canvas, (size, size), interpolation=interpolation)


def _ellipse(
    canvas: Pixels,
    centre: tuple[int, int],
    axes: tuple[int, int],
    colour: tuple[int, int, int],
    blur: float,
    turn: float = 0,
) -> None:
    """Lays a soft-edged ellipse over ``canvas``."""
    alpha = np.zeros(canvas.shape[:2], np.float32)
    cv2.ellipse(alpha, centre, axes, turn, 0, 360, 1, -1, cv2.LINE_AA)
    _lay(canvas, alpha, colour, blur)


def _polygon(canvas: Pixels, corners: Sequence[tuple[int, int]], colour: tuple[int, int, int], blur: float) -> None:
    """Lays a soft-edged polygon over ``canvas``."""
    alpha = np.zeros(canvas.shape[:2], np.float32)
    cv2.fillPoly(alpha, [np.array(corners)], 1, cv2.LINE_AA)
    _lay(canvas, alpha, colour, blur)


def _lay(canvas: Pixels, alpha: Floats, colour: tuple[int, int, int], blur: float) -> None:
    alpha = cv2.GaussianBlur(alpha, (0, 0), blur)[..., None]
    canvas[:] = np.round(canvas * (1 - alpha) + np.array(colour, np.float32) * alpha)
