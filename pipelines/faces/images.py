"""Reading photos and masks from anywhere, and writing them without loss.

Every way in ends as an upright sRGB ``uint8`` array (a photo) or a ``bool`` array (a mask). What is written carries
pixels only: no EXIF, no position, no colour profile. How files are decoded is in :mod:`pipelines.faces.formats`.
"""

import os

import cv2
import numpy as np

from pipelines.arrays import Mask, Pixels, Shape
from pipelines.faces.formats.decoding import Source, as_unreadable, decode
from pipelines.faces.masks import fit
from pipelines.faces.pixels.colour import to_srgb
from pipelines.faces.pixels.depth import binary
from pipelines.faces.pixels.layers import laid_over, pixels
from pipelines.faces.pixels.marks import marked
from pipelines.files import write_atomic

MIN_SIDE = 32
"""Fewest pixels on a side of a photo; a smaller one holds no face that could be found."""

_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 3, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)


def read_image(source: Source) -> Pixels:
    """Reads a photo.

    EXIF orientation is applied, and colours are brought to sRGB by the file's profile; without one they are taken for
    sRGB, and CMYK for plain inks. Transparency is laid over white, but alpha that is 0 everywhere is no alpha. Of more
    than 8 bits the upper ones are kept, NaN is black. Of several pictures in a file the first is taken that is no
    preview of another.

    Args:
        source: path, bytes or binary stream.

    Returns:
        sRGB ``uint8`` ``(H, W, 3)``, values 0-255, contiguous and writable.

    Raises:
        ImageUnreadable: it is no picture, is damaged or incomplete, or is of another format.
        ImageTooLarge: it has more than :data:`pipelines.faces.formats.decoding.MAX_PIXELS` pixels.
        ImageTooSmall: a side has fewer than :data:`MIN_SIDE` pixels.
    """
    image = decode(source, least=MIN_SIDE)
    with as_unreadable():
        return pixels(laid_over("white", to_srgb(image)), "RGB")


def read_mask(source: Source, shape: Shape | None = None) -> Mask:
    """Reads a mask: white = repaint.

    A pixel is True where its luminance (ITU-R BT.601) is above 127, whatever the file's colour profile; transparency
    counts as black, but alpha that is 0 everywhere is no alpha. A mask of two values, as a label map of 0 and 1 or one
    colour painted on nothing, is used as it is meant where that is plain: see :mod:`pipelines.faces.pixels.marks`.

    Args:
        source: path, bytes or binary stream.
        shape: height and width of the photo that the mask is for: one of its proportions is scaled to it
            (:func:`pipelines.faces.masks.fit`).

    Returns:
        ``bool`` ``(H, W)``.

    Raises:
        ImageUnreadable: as in :func:`read_image`.
        ImageTooLarge: as in :func:`read_image`.
        MaskMismatch: the mask has not the proportions of ``shape``.
    """
    image = decode(source, least=1, scale=binary)
    with as_unreadable():
        mask = marked(image)
    return mask if shape is None else fit(mask, shape)


def encode_png(array: Pixels | Mask) -> bytes:
    """PNG file of an RGB picture, a grey one or a mask: lossless, pixels only.

    Args:
        array: ``uint8`` ``(H, W, 3)`` or ``(H, W)``, or ``bool`` ``(H, W)`` (True becomes white).

    Raises:
        ValueError: the array is none of these.
    """
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise ValueError("expected uint8 (H, W, 3) or (H, W), or bool (H, W)")
    if array.ndim == 3:
        array = cv2.cvtColor(array, cv2.COLOR_RGB2BGR)
    # Run-length coding of the filtered rows: on photos as small as deflate at level 6, and five times as fast.
    encoded, data = cv2.imencode(".png", np.ascontiguousarray(array), _PNG)
    if not encoded:
        raise ValueError("the array cannot be written as PNG")
    content: bytes = data.tobytes()
    return content


def write_png(path: str | os.PathLike[str], array: Pixels | Mask) -> None:
    """Writes :func:`encode_png` of ``array`` to ``path``: the file is there whole, or as it was before.

    Raises:
        OSError: the folder does not exist or cannot be written to.
        ValueError: as in :func:`encode_png`.
    """
    write_atomic(path, encode_png(array))
