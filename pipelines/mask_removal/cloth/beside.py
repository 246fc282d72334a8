"""What of the cloth lies beside a mask that was found: straps that lead to the ears, corners that are in shadow.

Lengths are in eye distances unless they say pixels.
"""

from typing import NamedTuple

import cv2
import numpy as np

from pipelines.arrays import Floats, Integers, Mask, Pixels
from pipelines.mask_removal.cloth.colours import FOLD_LIGHTNESS, distance, foreign, nearest, to_lab
from pipelines.mask_removal.cloth.shapes import closed, dilated, touched

_FIELD = 0.21  # width of what a strap is compared with, more than twice its own
_CONTRAST = 7.0  # by which a strap differs from that
_DARKER = 5.0  # a pale strap is not darker than the skin by more than that: strands of hair are
_GAP = 0.04  # between parts of one strap
_ROOT = 0.08  # and between the mask and its strap
_LENGTH = 0.12  # how far a strap leads away from the mask, at least
_WIDTH = 0.13  # its area over that length, at most
_COARSE = 72.0  # px in an eye distance of a picture in which a median is quick

_FOLD = 12.0  # from the cloth's colours: its corner in shadow
_REACH = 0.2  # within which a corner ends, as no suit or wall of the cloth's colour does
_CORNER = 0.03  # its area, at most


class Surroundings(NamedTuple):
    """Where straps and corners are looked for, in a crop of its own size.

    Attributes:
        drawn: the mask, ``bool`` ``(S, S)``.
        sides: where straps can be, ``bool`` ``(S, S)``.
        inside: what of the crop is the photo, ``bool`` ``(S, S)``.
        unit: pixels of the crop in an eye distance.
    """

    drawn: Mask
    sides: Mask
    inside: Mask
    unit: float

    def finer(self, times: int) -> "Surroundings":
        """The same in a crop so many times as fine."""
        side = times * len(self.drawn)
        drawn, sides, inside = (
            cv2.resize(mask.astype(np.uint8) * 255, (side, side), interpolation=cv2.INTER_LINEAR) > 127
            for mask in (self.drawn, self.sides, self.inside)
        )
        return Surroundings(drawn, sides, inside, self.unit * times)


def find_straps(crop: Pixels, worn: Floats, skin: Floats, among: Surroundings) -> Mask:
    """Lines beside the mask that are paler than what is around them, or of the cloth's colour on skin.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``.
        worn: the cloth's colours, Lab ``(n, 3)``.
        skin: the skin's, ``(3,)``.
        among: where.

    Returns:
        ``bool`` ``(S, S)``.
    """
    found = np.zeros_like(among.drawn)
    rows, columns = (np.flatnonzero(among.sides.any(axis)) for axis in (1, 0))
    if not len(rows):
        return found
    margin = round(_FIELD * among.unit)
    window = tuple(slice(max(0, one[0] - margin), one[-1] + 1 + margin) for one in (rows, columns))
    drawn, sides, inside = (mask[window] for mask in among[:3])
    lines = _lines(crop[window], worn, skin, sides & ~drawn, among.unit)
    away = cv2.distanceTransform((~drawn).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / among.unit
    count, pieces = cv2.connectedComponents(closed(lines, _GAP * among.unit).astype(np.uint8))
    straps = _long(away, pieces, count, among.unit)[pieces]
    roots = closed(straps | drawn, _ROOT * among.unit)
    found[window] = straps | (roots & dilated(straps, _ROOT * among.unit) & inside & ~drawn)
    return found


def find_corners(crop: Pixels, worn: Floats, skin: Floats, among: Surroundings) -> Mask:
    """What of the cloth's colour, lit or in shadow, adjoins the mask and ends near it; arguments as above.

    Returns:
        ``bool`` ``(S, S)``.
    """
    near = dilated(among.drawn, _REACH * among.unit)
    ring = near & among.inside & ~among.drawn
    lab, cloth = to_lab(crop)[ring], np.zeros_like(ring)
    cloth[ring] = foreign(lab, skin) & (nearest(lab, worn, FOLD_LIGHTNESS) < _FOLD)
    count, pieces = cv2.connectedComponents(cloth.astype(np.uint8))
    sizes, joined, ends = (
        np.bincount(pieces[mask], minlength=count) for mask in (near, touched(among.drawn), touched(~near))
    )
    corners = (joined > 0) & (ends == 0) & (sizes < _CORNER * among.unit**2)
    corners[0] = False
    found: Mask = corners[pieces]
    return found


def _lines(crop: Pixels, worn: Floats, skin: Floats, where: Mask, unit: float) -> Mask:
    """What is so narrow that a median over its surroundings does not see it."""
    shrink = max(1, round(unit / _COARSE))  # the median is smooth, and costly in a fine picture
    small = cv2.resize(crop, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA) if shrink > 1 else crop
    field = cv2.medianBlur(small, 2 * round(_FIELD * unit / shrink / 2) + 1)
    around = cv2.resize(to_lab(field), crop.shape[1::-1]) if shrink > 1 else to_lab(field)
    lab, found = to_lab(crop)[where], np.zeros_like(where)
    beside = around[where]
    alike = (nearest(lab, worn) < nearest(beside, worn) - _CONTRAST) & ~foreign(beside, skin)
    paler = (lab[:, 0] > beside[:, 0] + _CONTRAST) & (lab[:, 0] > skin[0] - _DARKER)
    found[where] = foreign(lab, skin) & (alike | paler) & (distance(lab, beside) > _CONTRAST)
    return found


def _long(away: Floats, pieces: Integers, count: int, unit: float) -> Mask:
    """Which pieces begin at the mask, lead away from it, and are narrow: ``bool`` ``(count,)``."""
    at = pieces > 0
    labels, distances = pieces[at], away[at]
    near, far = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(near, labels, distances)
    np.maximum.at(far, labels, distances)
    area, length = np.bincount(labels, minlength=count), np.where(far > near, far - near, 0)
    return (length > _LENGTH) & (near < _ROOT) & (area < _WIDTH * unit**2 * length)
