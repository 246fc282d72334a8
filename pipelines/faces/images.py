"""Reading photos and masks from anywhere, and writing them without loss.

Every way in ends as an upright RGB ``uint8`` array (a photo) or a ``bool`` array (a mask). A file is opened only as one
of :data:`FORMATS`, its size is checked from the header before a pixel is decoded, and half a picture is an error. What
is written carries pixels only: no EXIF, no position, no colour profile.
"""

import os
from io import BytesIO
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from pipelines.errors import ImageTooLarge, ImageTooSmall, ImageUnreadable, MaskMismatch
from pipelines.files import write_atomic

MAX_PIXELS = 120_000_000
"""Most pixels of a picture. A 100-megapixel camera fits; a file made to fill the memory does not."""

MIN_SIDE = 32
"""Fewest pixels on a side of a photo; a smaller one holds no face that could be found."""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
"""Formats that a file may have, as Pillow names them; JPEG includes MPO, the JPEG with a preview or a depth map."""

# Pillow's own guard against decompression bombs warns and raises by this bound, so that it agrees with ours.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
Image.init()  # Pillow knows most of FORMATS only after this

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"}

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # EXIF orientation -> what makes the picture upright

_NOT_A_PICTURE = "This file is not a picture that can be read; save it as JPEG or PNG and choose it again."
_DAMAGED = "This picture is damaged or incomplete; copy it again from its source, or save it anew as JPEG or PNG."

_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 3, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)

Source = str | os.PathLike | bytes | BinaryIO
"""A file's path, its content, or a stream opened for reading bytes."""


def read_image(source: Source) -> np.ndarray:
    """Reads a photo.

    EXIF orientation is applied. Transparency is laid over white, CMYK becomes RGB without a colour profile, 16-bit
    values are scaled to 8 bits, and of an animation or a document with several pages the first is taken.

    Args:
        source: path, bytes or binary stream.

    Returns:
        RGB ``uint8`` ``(H, W, 3)``, values 0-255, contiguous and writable.

    Raises:
        ImageUnreadable: it is no picture, is damaged or incomplete, or is of another format.
        ImageTooLarge: it has more than :data:`MAX_PIXELS` pixels.
        ImageTooSmall: a side has fewer than :data:`MIN_SIDE` pixels.
    """
    image = _open(source, least=MIN_SIDE)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.new("RGB", layer.size, "white")
        image.paste(layer, mask=layer.getchannel("A"))
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def read_mask(source: Source, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Reads a mask: white = repaint.

    A pixel is True where its luminance (ITU-R BT.601) is above 127; transparency counts as black.

    Args:
        source: path, bytes or binary stream.
        shape: the photo's height and width, if the mask has to match it.

    Returns:
        ``bool`` ``(H, W)``.

    Raises:
        ImageUnreadable: as in :func:`read_image`.
        ImageTooLarge: as in :func:`read_image`.
        MaskMismatch: the mask is not of ``shape``.
    """
    image = _open(source, least=1)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.new("RGB", layer.size, "black")
        image.paste(layer, mask=layer.getchannel("A"))
    mask = np.array(image.convert("L")) > 127
    if shape is not None and mask.shape != tuple(shape):
        raise MaskMismatch(
            f"The mask is {mask.shape[1]} × {mask.shape[0]} pixels and the photo {shape[1]} × {shape[0]}; "
            "give a mask of the photo's size."
        )
    return mask


def encode_png(array: np.ndarray) -> bytes:
    """PNG file of an RGB picture, a grey one or a mask: lossless, pixels only.

    Args:
        array: ``uint8`` ``(H, W, 3)`` or ``(H, W)``, or ``bool`` ``(H, W)`` (True becomes white).

    Raises:
        ValueError: the array is none of these.
    """
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise ValueError("expected uint8 (H, W, 3) or (H, W), or bool (H, W)")
    if array.ndim == 3:
        array = cv2.cvtColor(array, cv2.COLOR_RGB2BGR)
    # Run-length coding of the filtered rows: on photos as small as deflate at level 6, and five times as fast.
    encoded, data = cv2.imencode(".png", np.ascontiguousarray(array), _PNG)
    if not encoded:
        raise ValueError("the array cannot be written as PNG")
    return data.tobytes()


def write_png(path: str | os.PathLike, array: np.ndarray) -> None:
    """Writes :func:`encode_png` of ``array`` to ``path``: the file is there whole, or as it was before.

    Raises:
        OSError: the folder does not exist or cannot be written to.
        ValueError: as in :func:`encode_png`.
    """
    write_atomic(path, encode_png(array))


def _open(source: Source, least: int) -> Image.Image:
    """The first frame, decoded and upright, with 8 bits a channel."""
    if isinstance(source, str | os.PathLike):
        try:
            with open(source, "rb") as file:
                return _decode(file, least)
        except OSError as error:
            raise ImageUnreadable("The file cannot be opened; check that it exists and can be read.") from error
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(BytesIO(source), least)
    return _decode(source if source.seekable() else BytesIO(source.read()), least)


def _decode(file: BinaryIO, least: int) -> Image.Image:
    start = file.tell()
    head = file.read(12)
    file.seek(start)
    if head[4:8] == b"ftyp" and head[8:12].lower() in _HEIF_BRANDS:
        raise ImageUnreadable("HEIC and AVIF pictures cannot be read; convert the photo to JPEG and choose it again.")
    try:
        image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(_too_large()) from error
    except Exception as error:  # whatever a decoder stumbles over, the file is no picture
        raise ImageUnreadable(_NOT_A_PICTURE) from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(_too_large())
    if min(width, height) < least:
        raise ImageTooSmall(
            f"The picture is {width} × {height} pixels; use one with at least {least} pixels on each side."
        )
    try:
        image.load()
        image = _to_eight_bits(image)
        turn = _TURNS.get(_orientation(image))
        return image if turn is None else image.transpose(turn)
    except Exception as error:
        raise ImageUnreadable(_DAMAGED) from error


def _too_large() -> str:
    return f"The picture has more than {MAX_PIXELS // 1_000_000} megapixels; save a smaller copy and choose that."


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # broken EXIF says nothing about the pixels: take them as they lie
        return 1


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Grey pictures of 16 or 32 bits or of floats, scaled; Pillow's own conversion would clip them at 255."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image).astype(np.float32)
    if image.mode.startswith("I;16"):
        white = 65535.0
    else:  # the file does not say what white is: the smallest usual range that holds the values
        peak = float(values.max())
        white = next((top for top in (1.0, 255.0, 65535.0) if peak <= top and (top > 1 or image.mode == "F")), peak)
    scaled = Image.fromarray(np.clip(values * (255 / white) + 0.5, 0, 255).astype(np.uint8))
    scaled.getexif()[0x0112] = _orientation(image)
    return scaled
