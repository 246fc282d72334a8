"""A result as pictures: the part of a photo around the face, and what each stage of a mask removal made."""

import cv2
import numpy as np

from pipelines.results import MaskRemovalResult, RepaintResult

STAGES = ("segmentation", "hole", "reference", "warped", "confidence", "coarse", "refined", "final")
"""Stages of a mask removal that have a picture, in the order of work."""

LONGEST = 512
"""Longer side in pixels of the parts of photos among the stages' pictures; results keep every pixel."""

MASK_COLOUR, POINT_COLOUR = (0, 160, 255), (255, 210, 30)
"""Blue and yellow, told apart by all kinds of colour vision."""

_FACE_WINDOW = 1.35  # of the points' box: from brow to chin, with some forehead

Window = tuple[int, int, int, int]
"""Part of a photo: left, top, right, bottom in pixels."""


def stage_pictures(result: RepaintResult) -> dict[str, np.ndarray]:
    """What each stage of a mask removal made, by name in the order of work.

    Those of :data:`STAGES` that the result has; none of another job.

    * ``segmentation``: the photo around the face, the surgical mask that was found tinted blue;
    * ``hole``: the aligned face as the network sees it, what is hidden from it white;
    * ``reference``: the reference around its face, with the control points of the warp;
    * ``warped``: the reference warped onto the aligned face;
    * ``confidence``: where that can be trusted, from black = 0 to white = 1;
    * ``coarse``, ``refined``: the two networks' pictures of the aligned face;
    * ``final``: the result around the face.

    Returns:
        RGB ``uint8`` ``(H, W, 3)`` each: 256 × 256 in the aligned face's frame, at most :data:`LONGEST` pixels a side
        where it is a part of a photo.
    """
    if not isinstance(result, MaskRemovalResult):
        return {}
    window = face_window(result)
    pictures = {
        "hole": np.where(result.hole[..., None], np.uint8(255), result.crop_before),
        "coarse": result.coarse,
        "refined": result.refined,
        "final": _part(result.image, window),
    }
    if result.found is not None:
        pictures["segmentation"] = _tinted(_part(result.photo, window), _part(result.found, window))
    if result.reference is not None:
        around = window_around(result.reference_points, result.reference.shape)
        pictures["reference"] = _dotted(_part(result.reference, around), result.reference_points, around)
        pictures["warped"] = result.warped
        pictures["confidence"] = confidence_picture(result.confidence)
    return {name: pictures[name] for name in STAGES if name in pictures}


def confidence_picture(confidence: np.ndarray) -> np.ndarray:
    """Confidence ``(H, W)`` in [0, 1] as RGB ``uint8`` ``(H, W, 3)``: read like a mask, black = 0 and white = 1."""
    grey = np.round(255 * confidence).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def face_window(result: RepaintResult) -> Window:
    """A square around face and mask, moved and cut to lie inside the photo."""
    points = np.concatenate([result.landmarks_before, result.landmarks])
    if result.mask.any():
        ys, xs = np.flatnonzero(result.mask.any(1)), np.flatnonzero(result.mask.any(0))
        points = np.concatenate([points, [[xs[0], ys[0]], [xs[-1] + 1, ys[-1] + 1]]])
    return window_around(points, result.photo.shape)


def window_around(points: np.ndarray, shape: tuple[int, ...]) -> Window:
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


def shrunk(image: np.ndarray, scale: float) -> np.ndarray:
    """``image`` averaged over areas to ``scale`` times its size; as it is where that would enlarge it."""
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _part(image: np.ndarray, window: Window) -> np.ndarray:
    """The window, shrunk to :data:`LONGEST`; a mask becomes ``float32``, the share of each pixel that it covers."""
    left, top, right, bottom = window
    part = image[top:bottom, left:right]
    part = part.astype(np.float32) if part.dtype == np.bool_ else part
    return shrunk(part, LONGEST / max(part.shape[:2]))


def _tinted(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    share = 0.5 * mask[..., None]
    return np.round(image * (1 - share) + np.float32(MASK_COLOUR) * share).astype(np.uint8)


def _dotted(image: np.ndarray, points: np.ndarray, window: Window) -> np.ndarray:
    canvas = image.copy()
    corner, size = np.array(window[:2]), np.array(window[2:]) - window[:2]
    at = (points - corner) * (canvas.shape[1::-1] / size) - 0.5
    radius, bits = max(1.0, max(canvas.shape) / 130), 4
    for colour, extra in (((20, 20, 20), 1.0), (POINT_COLOUR, 0.0)):
        for x, y in np.round(at * 2**bits).astype(int).tolist():
            cv2.circle(canvas, (x, y), round((radius + extra) * 2**bits), colour, -1, cv2.LINE_AA, bits)
    return canvas
