"""The seam of a repainted region: how much colour and texture step across its border, against untouched skin."""

from typing import NamedTuple

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000

from pipelines.arrays import Floats, Mask, Pixels
from pipelines.errors import OptionInvalid
from pipelines.languages.translation import _

_STRIP = 0.04  # eye distances, width of a strip
_ALONG = 0.06  # eye distances along the border over which a strip is averaged: standard deviation of a Gaussian
_FINE = 0.02  # eye distances: texture is what a Gaussian blur of this standard deviation takes away
_LEAST = 1.5, 1.5, 0.8  # pixels: the same three are no smaller
_MOVED = 0.0, 0.02, 0.04  # eye distances from the hole at which the two strips are laid beside it
_SKIN = 0.8  # share of a strip about a place of the border that must be skin
_FEWEST = 10  # places; fewer tell nothing


class Step(NamedTuple):
    """What changes across a border, as a mean of absolute differences along it; NaN where too little of it is on skin.

    Attributes:
        colour: of mean colours on either side, CIEDE2000.
        texture: of the standard deviations of fine lightness on either side, CIELAB L*.
    """

    colour: float
    texture: float


class Seam(NamedTuple):
    """Steps across a border in multiples of those of untouched skin: 1 = no seam, less is smoother than skin is.

    Attributes:
        colour: of colour.
        texture: of texture.
    """

    colour: float
    texture: float


class _Strips(NamedTuple):
    """Two strips that face each other, and the places between them at which they are compared; ``bool`` ``(H, W)``."""

    inner: Mask
    outer: Mask
    places: Mask


def seam(image: Pixels, alpha: Floats, skin: Mask, eye_distance: float, untouched: Pixels | None = None) -> Seam:
    """How much more colour and texture step across the border of a hole than they do on skin that nobody touched.

    A strip of 4 % of the eye distance just inside the blend (``alpha`` = 1) is compared with one as wide just outside
    (``alpha`` = 0), place by place along the border, as :func:`step` does. That is divided by the same of untouched
    skin: at the same place of ``untouched`` where the face is known without its mask or before it was repainted, else
    between two strips of that width and distance beside the hole, a mean over three places up to 4 % of the eye
    distance away.

    Args:
        image: RGB ``uint8`` ``(H, W, 3)``, the repainted photo.
        alpha: ``float32`` ``(H, W)`` in [0, 1], the blend; 1 = repainted.
        skin: ``bool`` ``(H, W)``, where there is skin, repainted or not. Only there is compared: hair, eyes, cloth and
            background step anyway.
        eye_distance: in pixels of the photo.
        untouched: RGB ``uint8`` ``(H, W, 3)``, the true face; None looks beside the hole.

    Returns:
        Multiples of untouched skin, 0 or more, of no unit; NaN where the border hardly runs over skin.

    Raises:
        OptionInvalid: the pictures are of different sizes, or the eye distance is not above 0.
    """
    found = step(image, alpha, skin, eye_distance)
    own = beside(image, alpha, skin, eye_distance) if untouched is None else step(untouched, alpha, skin, eye_distance)
    return Seam(*(one / other if other > 0 else np.nan for one, other in zip(found, own, strict=True)))


def step(picture: Pixels, alpha: Floats, skin: Mask, eye_distance: float) -> Step:
    """How much colour and texture change from just inside a hole to just outside.

    Colour is averaged over either strip by a Gaussian along the border (standard deviation: 6 % of the eye distance)
    and compared by CIEDE2000. Texture is the standard deviation, over the same Gaussian, of the lightness L* less its
    blur within the strip by 2 % of the eye distance. Both are means of absolute differences over the places of the
    border about which four fifths of either strip are skin.

    Args:
        picture: RGB ``uint8`` ``(H, W, 3)``.
        alpha, skin, eye_distance: as for :func:`seam`.

    Raises:
        OptionInvalid: as for :func:`seam`.
    """
    box = _checked(picture, alpha, skin, eye_distance)
    return _across(picture[box], skin[box], eye_distance, [_facing(alpha[box], eye_distance)])


def beside(picture: Pixels, alpha: Floats, skin: Mask, eye_distance: float) -> Step:
    """As :func:`step`, between two strips that both lie outside the hole, one behind the other; a mean over three
    distances from it.
    """
    box = _checked(picture, alpha, skin, eye_distance)
    return _across(picture[box], skin[box], eye_distance, _moved(alpha[box], eye_distance))


def _checked(picture: Pixels, alpha: Floats, skin: Mask, eye_distance: float) -> tuple[slice, slice]:
    """Rows and columns beyond which nothing is looked at."""
    if not picture.shape[:2] == alpha.shape == skin.shape or not eye_distance > 0:
        raise OptionInvalid(_("Picture, blend and skin must be of one size, and the eye distance above 0."))
    left, top, width, height = cv2.boundingRect((alpha > 0).view(np.uint8))
    reach = int(np.ceil(eye_distance * (2 * _STRIP + max(_MOVED) + 3 * _ALONG) + 8))
    return slice(max(0, top - reach), top + height + reach), slice(max(0, left - reach), left + width + reach)


def _facing(alpha: Floats, eye_distance: float) -> _Strips:
    """The strips on either side of the border."""
    width = max(_STRIP * eye_distance, _LEAST[0])
    inside, outside, half = alpha >= 1, alpha == 0, alpha > 0.5
    return _Strips(inside & (_away(inside) <= width), outside & (_away(outside) <= width), half & (_away(half) < 1.5))


def _moved(alpha: Floats, eye_distance: float) -> list[_Strips]:
    """Strips as wide and as far apart, beside the hole."""
    width = max(_STRIP * eye_distance, _LEAST[0])
    outside = alpha == 0
    away = _away(outside)
    rim = outside & (away < 1.5)
    between = float(np.median(_away(alpha < 1)[rim])) - 1 if rim.any() else 0.0  # the blend's own width
    starts = [share * eye_distance for share in _MOVED]
    return [
        _Strips(
            outside & (away > start) & (away <= start + width),
            outside & (away > start + width + between) & (away <= start + 2 * width + between),
            outside & (np.abs(away - start - width - between / 2) < 0.75),
        )
        for start in starts
    ]


def _across(picture: Pixels, skin: Mask, eye_distance: float, pairs: list[_Strips]) -> Step:
    """The steps between pairs of strips, a mean over the pairs."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    found = []
    for inner, outer, places in pairs:
        (one, full), (other, full_too) = (_strip(lab, strip, strip & skin, eye_distance) for strip in (inner, outer))
        at = places & full & full_too
        if at.sum() >= _FEWEST:
            colour = deltaE_ciede2000(one[at, :3], other[at, :3])
            texture = np.sqrt(one[at, 3]) - np.sqrt(other[at, 3])
            found.append((colour.mean(), np.abs(texture).mean()))
    return Step(*map(float, np.mean(found, 0))) if found else Step(np.nan, np.nan)


def _strip(lab: Floats, strip: Mask, skin: Mask, eye_distance: float) -> tuple[Floats, Mask]:
    """Mean colour and mean square of fine lightness of a strip's ``skin`` about each pixel, ``(H, W, 4)``, and where
    there is enough of it.
    """
    weight = skin.astype(np.float32)
    light = lab[..., 0]
    # Only the strip itself is blurred: no edge beside it is texture of it.
    fine = light - _mean(light, weight, max(_FINE * eye_distance, _LEAST[2]))
    along = max(_ALONG * eye_distance, _LEAST[1])
    whole = cv2.GaussianBlur(strip.astype(np.float32), (0, 0), along)
    enough = (whole > 1e-3) & (cv2.GaussianBlur(weight, (0, 0), along) > _SKIN * whole)
    return _mean(np.dstack([lab, fine**2]), weight, along), enough


def _mean(values: Floats, weight: Floats, deviation: float) -> Floats:
    """Weighted mean about each pixel of values ``(H, W)`` or ``(H, W, C)``, by a Gaussian."""
    total = np.maximum(cv2.GaussianBlur(weight, (0, 0), deviation), 1e-6)
    weight, total = (one.reshape(one.shape + (1,) * (values.ndim - 2)) for one in (weight, total))
    mean: Floats = cv2.GaussianBlur(values * weight, (0, 0), deviation) / total
    return mean


def _away(mask: Mask) -> Floats:
    """Distance of each True pixel to the nearest False one, in pixels; 0 where it is False."""
    distance: Floats = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance
