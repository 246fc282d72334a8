"""Colours of cloth against those of skin, in CIE Lab (L 0-100, a and b about -128 to 127).

All human skin has a hue between red and yellow, and light changes its lightness most.
"""

import cv2
import numpy as np

from pipelines.arrays import Floats, Integers, Mask, Pixels

LIGHTNESS = 0.6
"""Weight of lightness beside colour: folds and shadows change it most."""

FOLD_LIGHTNESS = 0.35
"""The same within one mask: a fold is the same cloth in shadow."""

_SKIN_DISTANCE = 11.0  # a colour of another hue must differ from the skin by that much
_SKIN_LIKE_DISTANCE = 32.0  # the same for colours that skin can have
_SKIN_HUE = (20.0, 80.0)  # degrees in the plane of a and b
_COLOURED = 8.0  # chroma from which a hue means something
_GREY = 0.5  # of the skin's chroma: what is less coloured is grey, as no lit skin is
_GREY_SKIN = 4.0  # chroma of a skin that is grey itself, as in black-and-white photos
_GREY_DISTANCE = 5.0
_SAME_HUE = 25.0  # degrees: a coloured mask's hem in shadow keeps its hue


def to_lab(picture: Pixels) -> Floats:
    """RGB ``uint8`` ``(H, W, 3)`` in Lab, ``float32``."""
    lab: Floats = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return lab


def to_rgb(colour: Floats) -> Pixels:
    """A colour in Lab, ``(3,)``, in RGB ``uint8`` ``(3,)``."""
    rgb = cv2.cvtColor(np.asarray(colour, np.float32)[None, None], cv2.COLOR_LAB2RGB)[0, 0]
    found: Pixels = np.clip(np.round(rgb * 255), 0, 255).astype(np.uint8)
    return found


def distance(colours: Floats, colour: Floats, lightness: float = LIGHTNESS) -> Floats:
    """Of colours ``(..., 3)`` to one, or each to its own: ``(...)``."""
    off = (colours - colour).astype(np.float32) * np.array((lightness, 1, 1), np.float32)
    found: Floats = np.sqrt(np.einsum("...c,...c->...", off, off))
    return found


def nearest(colours: Floats, those: Floats, lightness: float = LIGHTNESS) -> Floats:
    """Distance of colours ``(..., 3)`` to the nearest of ``(n, 3)``: ``(...)``."""
    found: Floats = np.min([distance(colours, colour, lightness) for colour in those], 0)
    return found


def foreign(colours: Floats, skin: Floats) -> Mask:
    """Which colours ``(..., 3)`` are none of skin of the colour ``skin``."""
    chroma, own = (np.hypot(one[..., 1], one[..., 2]) for one in (colours, skin))
    hue = np.degrees(np.arctan2(colours[..., 2], colours[..., 1]))
    off = distance(colours, skin)
    grey = (chroma < _GREY * own) & (own > _GREY_SKIN) & (off > _GREY_DISTANCE)
    hued = (chroma > _COLOURED) & ((hue < _SKIN_HUE[0]) | (hue > _SKIN_HUE[1])) & (off > _SKIN_DISTANCE)
    return grey | hued | (off > _SKIN_LIKE_DISTANCE)


def same_hue(colours: Floats, colour: Floats) -> Mask:
    """Which colours ``(..., 3)`` have the hue of ``colour``; none where it is grey."""
    (a, b), (own_a, own_b) = (np.moveaxis(one[..., 1:], -1, 0) for one in (colours, colour))
    apart = np.degrees(np.arctan2(a * own_b - b * own_a, a * own_a + b * own_b))
    coloured = (np.hypot(a, b) > _COLOURED) & (np.hypot(own_a, own_b) > _COLOURED)
    return coloured & (np.abs(apart) < _SAME_HUE)


def k_means(values: Floats, clusters: int) -> tuple[Integers, Floats]:
    """Labels ``(N,)`` and centres ``(clusters, C)`` of ``(N, C)``; the same for the same values."""
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.2)
    _, labels, centres = cv2.kmeans(values.astype(np.float32), clusters, None, stop, 3, cv2.KMEANS_PP_CENTERS)
    return labels[:, 0], centres
