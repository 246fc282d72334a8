"""Photos without colour, or of one hue (sepia): what is drawn into them gets their tone.

A network that learned from colour photos draws red lips into a grey face. In a photo of one hue the colour of a pixel
follows from its luminance alone; that curve is read from the photo, and everything drawn is put onto it.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.arrays import Floats, Mask, Numbers, Pixels

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601, as scores count it
_BIN = 8  # grey levels of luminance over which a colour is averaged
_BLUR = 3.0  # crop px of 256: JPEG stores chroma coarsely, and film and sensors add noise of all hues
_QUANTILE = 0.75  # of the pixels whose colour must follow: a pen mark or a coloured page beside the photo may differ
_OFF = 2.6
"""Grey levels from the curve. Of the 1,000 validation faces, none of them of one hue, the nearest lies 2.72 off; the
same faces in sepia lie 2.5 off at most as JPEG of quality 85 or with noise, and in the middle 2.2 at quality 40."""
_FEWEST = 500  # pixels to tell by


@dataclass(frozen=True, eq=False)
class Tone:
    """The colours of a photo, if they are of one hue.

    Attributes:
        shift: ``float32`` ``(256, 3)``, what each channel differs from a pixel's luminance, by that luminance; None for
            a photo in colour.
    """

    shift: Floats | None

    def __call__(self, picture: Numbers) -> Numbers:
        """The picture in these colours, its luminance kept.

        Args:
            picture: RGB ``(..., 3)`` in grey levels, 0 to 255: ``uint8`` or ``float32``.

        Returns:
            An array of the same shape and type; the picture itself where the photo is in colour.
        """
        if self.shift is None:
            return picture
        luminance: Floats = picture.astype(np.float32) @ _LUMINANCE
        level = np.clip(np.round(luminance), 0, 255).astype(np.uint8)
        if picture.dtype == np.uint8:
            toned: Pixels = np.clip(np.round(np.arange(256)[:, None] + self.shift), 0, 255).astype(np.uint8)
            return toned[level]
        shifted: Numbers = (luminance[..., None] + self.shift[level]).astype(picture.dtype)
        return shifted


IN_COLOUR = Tone(None)
"""The tone of a photo in colour."""


def find_tone(crop: Pixels, known: Mask | None = None) -> Tone:
    """The tone of a photo; one that changes nothing where the photo is in colour.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, the aligned face.
        known: ``bool`` ``(S, S)``, the pixels to tell by; None for all.
    """
    seen = np.ones(crop.shape[:2], bool) if known is None else known
    if seen.sum() < _FEWEST:
        seen = np.ones_like(seen)
    exact = crop[seen]
    if (exact == exact[:, :1]).all():
        return Tone(np.zeros((256, 3), np.float32))
    colours = cv2.GaussianBlur(crop.astype(np.float32), (0, 0), _BLUR * crop.shape[0] / 256)[seen]
    luminance = colours @ _LUMINANCE
    chroma = colours - luminance[:, None]
    bins = np.clip(luminance // _BIN, 0, 255 // _BIN).astype(int)
    filled = np.unique(bins)
    middle = np.stack([np.median(chroma[bins == one], axis=0) for one in filled])
    at = (filled + 0.5) * _BIN
    off = np.linalg.norm(chroma - middle[np.searchsorted(filled, bins)], axis=1)
    if np.quantile(off, _QUANTILE) > _OFF:
        return IN_COLOUR
    return Tone(np.stack([np.interp(np.arange(256), at, channel) for channel in middle.T], 1).astype(np.float32))
