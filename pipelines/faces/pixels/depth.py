"""Pixels of more than 8 bits, scaled to 8."""

from typing import Protocol

import numpy as np

from pipelines.arrays import Numbers, Pixels


class Scale(Protocol):
    """:func:`eight_bits`, or :func:`binary` for a mask."""

    def __call__(self, samples: Numbers, *, white_is_zero: bool = False) -> Pixels: ...


_RANGES = (255.0, 65535.0)  # what white usually is where the file does not say
_ROWS = 64  # at a time, so that the floats in between stay small


def eight_bits(samples: Numbers, *, white_is_zero: bool = False) -> Pixels:
    """Scales pixels so that white becomes 255.

    White is the largest number of 16 bits. Files of floats and of other numbers do not say what it is: then it is the
    smallest usual range that holds every finite value, which is 1 (floats only), 255, 65535 or the largest value.

    Args:
        samples: numbers of any real type, ``(H, W)`` or ``(H, W, C)``; bytes come back as they are.
        white_is_zero: whether 0 means white.

    Returns:
        ``uint8`` of the same shape, values 0-255. What is beyond black or white becomes that; NaN becomes black.
    """
    if samples.dtype == np.uint8:
        levels: Pixels = np.subtract(255, samples) if white_is_zero else samples
        return levels
    white = _white(samples)
    scaled = np.empty(samples.shape, np.uint8)
    for top in range(0, len(samples), _ROWS):
        with np.errstate(invalid="ignore"):  # some NaN are signalling ones
            rows = samples[top : top + _ROWS].astype(np.float64) * (255 / white)
        if white_is_zero:
            rows = 255 - rows
        np.nan_to_num(rows, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
        scaled[top : top + _ROWS] = np.clip(rows + 0.5, 0, 255)
    return scaled


def binary(samples: Numbers, *, white_is_zero: bool = False) -> Pixels:
    """Scales pixels as :func:`eight_bits`, but of two values, of which one is 0, makes the other 255.

    Programs that outline things in pictures write 0 and 1 into numbers of 16 bits: 1 would become 0.
    """
    if samples.dtype.kind in "ui" and samples.dtype.itemsize > 1:
        peak, least = samples.max(), samples.min()
        if least == 0 < peak and not np.any((samples != 0) & (samples != peak)):
            return np.where((samples == 0) == white_is_zero, np.uint8(255), np.uint8(0))
    return eight_bits(samples, white_is_zero=white_is_zero)


def _white(samples: Numbers) -> float:
    if samples.dtype.kind in "ui" and samples.dtype.itemsize == 2:
        return float(np.iinfo(samples.dtype).max)
    peak = 0.0
    for top in range(0, len(samples), _ROWS):
        rows = samples[top : top + _ROWS]
        peak = max(peak, float(rows.max(initial=0, where=np.isfinite(rows))))
    ranges = (1.0, *_RANGES) if samples.dtype.kind == "f" else _RANGES
    return next((top for top in ranges if peak <= top), peak)
