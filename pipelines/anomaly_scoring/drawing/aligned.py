"""The aligned face with all the pixels that its photo has, where a network's crop has fewer."""

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np

from pipelines.arrays import Floats, Pixels
from pipelines.exports.pictures import window_around
from pipelines.faces.alignment import Alignment
from pipelines.faces.points import Face
from pipelines.results import AnomalyScoringResult

Part: TypeAlias = tuple[slice, slice]
"""Rows and columns of the aligned face: a square."""

_NO_PHOTO = 233, 237, 241
_FITS = 0.03  # of the crop's side: how far apart the points of photo and crop may lie once they are laid over another


def aligned(result: AnomalyScoringResult, side: int, part: Part | None = None) -> Pixels:
    """The aligned face, or a part of it, drawn from the photo.

    Args:
        result: whose face.
        side: of the picture in pixels.
        part: of the aligned face, in pixels of ``result.crop``; all of it where None.

    Returns:
        RGB ``uint8`` ``(side, side, 3)``: what ``result.crop`` shows there, sharper where the photo is, and plain where
        there is no photo. Where the points of photo and crop do not fit together it is the crop, enlarged.
    """
    rows, columns = part or (slice(0, len(result.crop)),) * 2
    similarity = _similarity(result)
    if similarity is None:
        return cv2.resize(result.crop[rows, columns], (side, side), interpolation=cv2.INTER_CUBIC)
    corner = np.array([[0, 0, columns.start], [0, 0, rows.start]])
    matrix = (similarity - corner) * (side / (rows.stop - rows.start))
    height, width = result.photo.shape[:2]
    alignment = Alignment(matrix, side, (height, width))
    picture = alignment.sample(result.photo, cv2.INTER_CUBIC, cv2.BORDER_REFLECT)
    picture[~alignment.crop_mask(np.ones((height, width), bool))] = _NO_PHOTO
    return picture


def close_up(results: Sequence[AnomalyScoringResult]) -> Part:
    """The part of the aligned faces that is nothing but the face, the same of all results.

    Args:
        results: whose crops have one size.
    """
    points = np.concatenate([Face(one.mesh).points for one in results])
    left, top, right, bottom = window_around(points, results[0].crop.shape)
    side = min(right - left, bottom - top)
    return slice(top, top + side), slice(left, left + side)


def _similarity(result: AnomalyScoringResult) -> Floats | None:
    """The similarity that takes the photo's landmarks to the same points of the crop, ``(2, 3)``, by least squares."""
    there, here = (points.astype(np.float64) @ (1, 1j) for points in (result.landmarks, Face(result.mesh).points))
    spread = there - there.mean()
    if not np.abs(spread).any():
        return None
    turn = np.vdot(spread, here - here.mean()) / np.vdot(spread, spread)
    shift = here.mean() - turn * there.mean()
    if turn == 0 or np.abs(turn * there + shift - here).mean() > _FITS * len(result.crop):
        return None
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
