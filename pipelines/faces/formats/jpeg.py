"""JPEG files: freed of what is not the picture and could be a trap, and read where they lack only their end marker.

Card readers and recovered files often end a few bytes early. libjpeg fills whatever is missing with grey and says so
only in a warning that Pillow does not hand on. So such a file is decoded several times, each time with other bits after
its last byte. If nothing is missing they come after the last pixel and change nothing; if anything is, they become
pixels.
"""

import io
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

import numpy as np
from PIL import Image

from pipelines.errors import ImageUnreadable
from pipelines.faces.formats import tiff
from pipelines.faces.formats.kinds import DAMAGED
from pipelines.faces.formats.pieces import Pieces

SIGNATURE = b"\xff\xd8\xff"

_MAX_WORK = 2 * 10**9
"""Most pixels times scans. Cameras write 1 scan and programs about 10; empty ones cost 14 bytes, and seconds each."""

_END = b"\xff\xd9"
_FILLERS = tuple(bytes([value]) * 64 for value in (0xAA, 0x55, 0xFE, 0x93))  # no 0xFF, which begins a marker

_SEGMENT = re.compile(rb"\xff(?:(\xd9)|([^\0\x01\xd0-\xd9\xff])(..))", re.DOTALL)  # the end; a marker, and its length
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # tables and an extension lie between them
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_START_OF_SCAN, _END_OF_IMAGE, _APP1, _APP2 = 0xDA, 0xD9, 0xE1, 0xE2
_EXIF, _OTHERS = b"Exif\0\0", b"MPF\0"
_COMPONENTS = 4  # most of a scan


def essentials(file: BinaryIO) -> BinaryIO:
    """The JPEG file up to its end marker, without its list of other pictures, and without EXIF that claims too much.

    Args:
        file: a JPEG file, at its beginning; it has to stay open while the returned one is read.

    Raises:
        ImageUnreadable: it has more scans than any program writes, which would take minutes.
    """
    data = file.read()
    exif, others = [], []  # where these segments lie
    pixels = scans = 0
    end = len(data)
    for marker, start, body in _segments(data):
        span = range(start, start + 4 + len(body))
        if marker == _END_OF_IMAGE:
            end = start + len(_END)
        elif marker in _START_OF_FRAME:
            pixels = max(pixels, int.from_bytes(body[1:3], "big") * int.from_bytes(body[3:5], "big"))
        elif marker == _START_OF_SCAN:
            scans += 1
        elif marker == _APP1 and body.startswith(_EXIF):
            exif.append(span)
        elif marker == _APP2 and body.startswith(_OTHERS):
            others.append(span)
    if pixels * scans > _MAX_WORK:
        raise ImageUnreadable(DAMAGED)
    try:  # a long EXIF is cut into several segments, and Pillow joins them
        tiff.check(b"".join(data[span.start + 4 + len(_EXIF) : span.stop] for span in exif))
    except ImageUnreadable:
        others += exif
    kept, at = [], 0
    for span in sorted(others, key=lambda span: span.start):
        kept.append(range(at, span.start))
        at = span.stop
    return io.BufferedReader(Pieces(file, [*kept, range(at, end)]))


def without_end(data: bytes) -> Image.Image | None:
    """The picture of a JPEG file in which nothing but the end marker is missing, or None.

    Args:
        data: the file.
    """
    data = data.rstrip(b"\xff")  # the first byte of the marker, where only the second is missing
    if not _has_every_scan(data):
        return None
    # If a restart marker comes next, filler is decoded only after that very marker.
    restarts = re.findall(rb"\xff([\xd0-\xd7])", data)
    restart = bytes([0xFF, 0xD0 + ((restarts[-1][0] + 1) % 8 if restarts else 0)])
    seen = set()
    for filler in (*(filler + restart + filler for filler in _FILLERS), b""):
        try:
            image = Image.open(BytesIO(data + filler + _END), formats=("JPEG",))
            image.load()
        except Exception:  # more is wrong than a missing marker
            return None
        seen.add(zlib.crc32(np.ascontiguousarray(image).data))
        if len(seen) > 1:
            return None
    return image


def _has_every_scan(data: bytes) -> bool:
    """Whether there is a scan for each bit of each coefficient (ITU-T T.81, B.2, G.1); what they hold is not read."""
    progressive, components = False, set()
    missing: dict[int, dict[int, int]] = defaultdict(dict)  # component -> coefficient -> low bits that still miss
    for marker, start, body in _segments(data):
        if marker == _END_OF_IMAGE or len(body) < int.from_bytes(data[start + 2 : start + 4], "big") - 2:
            return False
        if marker in _START_OF_FRAME:
            progressive = marker in _PROGRESSIVE
            components = set(body[6::3])
        elif marker == _START_OF_SCAN:
            first, last, bits = body[-3], min(body[-2], 63), body[-1] & 15
            for component in body[1:-3:2][:_COMPONENTS]:
                coefficients = range(first, last + 1) if progressive else range(64)
                missing[component].update(dict.fromkeys(coefficients, bits if progressive else 0))
    return bool(components) and all(
        len(missing[component]) >= 64 and not any(missing[component].values()) for component in components
    )


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Marker, position and content of each segment of a JPEG file, up to the marker of its end."""
    at = len(SIGNATURE) - 1
    while match := _SEGMENT.search(data, at):
        if match[1]:
            yield _END_OF_IMAGE, match.start(), b""
            return
        at = match.start() + 2 + max(2, int.from_bytes(match[3], "big"))
        yield match[2][0], match.start(), data[match.start() + 4 : at]
