"""From a file to its picture: the right one of several, whole, upright, 8 bits a channel.

A file is opened only as what its first bytes say that it is, its size is checked from the header before a pixel is
decoded, and half a picture is an error. Whatever a decoder stumbles over ends as an error with a sentence.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO, TypeAlias

import numpy as np
from PIL import Image

from pipelines.errors import ImageTooLarge, ImageTooSmall, ImageUnreadable, PhiltrumError
from pipelines.faces.formats import gif, heif, jpeg, png, tiff
from pipelines.faces.formats.kinds import DAMAGED, HEAD, NOT_A_PICTURE, refusal
from pipelines.faces.pixels.depth import Scale, eight_bits
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _

MAX_PIXELS = 120_000_000
"""Most pixels of a picture. A 100-megapixel camera fits; a file made to fill the memory does not."""

MAX_SIDE = 65_535
"""Most pixels of a side, as in JPEG. Some decoders make room for 255 rows at a time, whatever a row's length."""

MAX_BYTES = 2**30
"""Most bytes of a file. Every picture of :data:`MAX_PIXELS` fits, with alpha and 16 bits a channel."""

_MAX_TEXT = 2**22
"""Most bytes of a PPM file that writes its numbers as text, of which Pillow reads a megabyte a second."""

_SIMPLE = ("WEBP", "BMP", "PPM")  # formats, as Pillow names them, that need nothing beforehand

# Pillow's own guard against decompression bombs warns and raises by this bound, so that it agrees with ours.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
Image.init()  # Pillow knows most of the formats only after this

_TOO_LARGE = _("The picture has more than {max_pixels} megapixels; save a smaller copy and choose that.").format(
    max_pixels=MAX_PIXELS // 1000000
)

_TIFF = _(
    "This TIFF file is damaged or incomplete, or of a kind that cannot be read; save the photo as PNG, or as TIFF with "
    "8 or 16 bits a channel."
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # EXIF orientation -> what makes the picture upright

Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
"""A file's path, its content, or a stream opened for reading bytes."""


def decode(source: Source, least: int, scale: Scale = eight_bits) -> Image.Image:
    """Decodes a picture.

    EXIF orientation is applied, values of more than 8 bits are scaled to 8. Of an animation the first frame is taken,
    of a HEIF file the primary image, of a TIFF file the first page that is no preview of another (see
    :func:`tiff.photo`).

    Args:
        source: path, bytes or binary stream.
        least: fewest pixels that a side may have.
        scale: brings values of more than 8 bits to 8.

    Returns:
        A loaded picture of any of Pillow's modes with 8 bits a channel or fewer; colour profile and transparency, where
        the file has them, are in ``info`` as Pillow leaves them.

    Raises:
        ImageUnreadable: it is no picture, is damaged or incomplete, or is of another format.
        ImageTooLarge: it has more than :data:`MAX_PIXELS` pixels, :data:`MAX_SIDE` on a side, or :data:`MAX_BYTES`.
        ImageTooSmall: a side has fewer than ``least`` pixels.
    """
    if isinstance(source, str | os.PathLike):
        try:
            with open(source, "rb") as file:
                return _decode(file, least, scale)
        except OSError as error:
            raise ImageUnreadable(_("The file cannot be opened; check that it exists and can be read.")) from error
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(BytesIO(source), least, scale)
    if not source.seekable() or source.tell():
        source = BytesIO(source.read(MAX_BYTES + 1))
    return _decode(source, least, scale)


@contextmanager
def as_unreadable() -> Iterator[None]:
    """Turns whatever is raised inside into :class:`ImageUnreadable`; our own errors pass."""
    try:
        yield
    except PhiltrumError:
        raise
    except Exception as error:  # decoders raise nearly anything; in each case the file is at fault
        raise ImageUnreadable(DAMAGED) from error


def _decode(file: BinaryIO, least: int, scale: Scale) -> Image.Image:
    if file.seek(0, os.SEEK_END) > MAX_BYTES:
        raise ImageTooLarge(
            _("The file has more than {max_bytes} GB; save a smaller copy and choose that.").format(
                max_bytes=MAX_BYTES // 2**30
            )
        )
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    if sentence := refusal(head):
        raise ImageUnreadable(sentence)
    with as_unreadable():
        if head[:4] in tiff.MAGIC:
            page = tiff.photo(file)
            _check_size(page.size, least)
            if page.is_deep:
                return tiff.decode_deep(page, scale)
            image = _loaded(page.alone(), ("TIFF",), least)
            # Pillow takes 32 bits for signed ones.
            return _upright(image, scale, np.uint32 if page.is_unsigned_32 else None)
        if head.startswith(jpeg.SIGNATURE):
            image = _loaded_jpeg(jpeg.essentials(file), least)
        elif head.startswith(png.SIGNATURE):
            image = _loaded(png.essentials(file), ("PNG",), least)
        elif head.startswith(gif.SIGNATURES):
            image = _loaded(gif.essentials(file), ("GIF",), least)
        elif formats := heif.formats(head):
            if "AVIF" in formats:
                heif.check(file)
            image = _loaded(file, formats, least)
        elif re.match(rb"P[123]\s", head) and file.seek(0, os.SEEK_END) > _MAX_TEXT:
            raise ImageTooLarge(
                _("This picture is text of more than {max_text} MB; save it as PNG instead.").format(
                    max_text=_MAX_TEXT // 2**20
                )
            )
        else:
            image = _loaded(file, _SIMPLE, least)
        return _upright(image, scale)


def _opened(file: BinaryIO, formats: tuple[str, ...], least: int) -> Image.Image:
    """The picture's header, which is within the bounds."""
    file.seek(0)
    try:
        image = Image.open(file, formats=formats)
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(_TOO_LARGE) from error
    except Exception as error:  # whatever a decoder stumbles over, the file is no picture
        raise ImageUnreadable({_SIMPLE: NOT_A_PICTURE, ("TIFF",): _TIFF}.get(formats, DAMAGED)) from error
    _check_size(image.size, least)
    return image


def _loaded(file: BinaryIO, formats: tuple[str, ...], least: int) -> Image.Image:
    image = _opened(file, formats, least)
    image.load()
    return image


def _loaded_jpeg(file: BinaryIO, least: int) -> Image.Image:
    image = _opened(file, ("JPEG",), least)
    try:
        image.load()
        return image
    except Exception:
        file.seek(0)
        whole = jpeg.without_end(file.read())
        if whole is None:
            raise
        return whole


def _check_size(size: tuple[int, int], least: int) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(_TOO_LARGE)
    if max(size) > MAX_SIDE:
        raise ImageTooLarge(
            _("The picture has more than {max_side} pixels on a side; cut it to what shows the face.").format(
                max_side=figure(MAX_SIDE, ",")
            )
        )
    if min(size) < least:
        raise ImageTooSmall(
            _("The picture is {width} × {height} pixels; use one with at least {least} pixels on each side.").format(
                width=width, height=height, least=least
            )
        )


def _upright(image: Image.Image, scale: Scale, kind: type | None = None) -> Image.Image:
    """The picture turned as its EXIF says, with 8 bits a channel.

    Args:
        image: the loaded picture.
        scale: see :func:`decode`.
        kind: what its values are where that is not what Pillow takes them for.
    """
    turn = _TURNS.get(_orientation(image))
    if image.mode.startswith(("I", "F")):
        profile, samples = image.info.get("icc_profile"), np.asarray(image)
        image = Image.fromarray(scale(samples if kind is None else samples.view(kind)))
        image.info["icc_profile"] = profile
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    try:
        text = image.info.get("Raw profile type exif", "")  # of PNG: two lines, then hexadecimal digits
        if exif := image.info.get("exif") or bytes.fromhex("".join(text.split("\n")[3:])):
            tiff.check(exif.removeprefix(b"Exif\0\0"))
        orientation: int = image.getexif().get(0x0112, 1)
        return orientation
    except Exception:  # broken EXIF says nothing about the pixels: take them as they lie
        return 1
