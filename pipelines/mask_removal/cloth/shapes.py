"""Shapes in a crop: discs, what is near a mask, and the way of a mask into the photo. Lengths in pixels."""

import cv2
import numpy as np

from pipelines.arrays import Mask, Pixels
from pipelines.faces.alignment import Alignment, centred

_SOFT = 1.0  # px of the crop, standard deviation


def disc(radius: float) -> Pixels:
    """A kernel of at least 3 × 3."""
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def dilated(mask: Mask | Pixels, radius: float) -> Mask:
    """``bool`` ``(H, W)``."""
    return cv2.dilate(mask.astype(np.uint8), disc(radius)).astype(bool)


def touched(mask: Mask) -> Mask:
    """The mask and its neighbours, ``bool`` ``(H, W)``."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def closed(mask: Mask | Pixels, radius: float) -> Mask:
    """``bool`` ``(H, W)``."""
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, disc(radius)).astype(bool)


def opened(mask: Mask | Pixels, radius: float) -> Mask:
    """``bool`` ``(H, W)``."""
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc(radius)).astype(bool)


def to_photo(mask: Mask, alignment: Alignment) -> Mask:
    """A mask of the crop at the photo's size; only the part of the photo that it lies in is computed.

    Args:
        mask: ``bool`` ``(S, S)``.
        alignment: of the crop.

    Returns:
        ``bool`` ``(H, W)``.
    """
    height, width = alignment.photo_shape
    result = np.zeros((height, width), bool)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return result
    (top, bottom), (left, right) = ((one[0] - 2, one[-1] + 3) for one in (rows, columns))
    corners = alignment.to_photo(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]))
    left, top = np.clip(np.floor(corners.min(0)).astype(int), 0, (width, height))
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int), 0, (width, height))
    if right <= left or bottom <= top:
        return result
    matrix = alignment.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ (left, top)
    # Blurred before it is enlarged, so that the border becomes a curve and not stairs.
    soft = cv2.GaussianBlur(mask.astype(np.uint8) * 255, (0, 0), _SOFT)
    window = cv2.warpAffine(
        soft, centred(matrix), (int(right - left), int(bottom - top)), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    result[top:bottom, left:right] = window > 127
    return result
