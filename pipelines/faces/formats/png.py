"""PNG files reduced to what makes the picture.

A PNG file is a row of chunks. Pillow refuses the whole file for a comment with a wrong checksum or a text that inflates
to more than it likes, though the specification (PNG, third edition, 13.2) lets a decoder go on past any error in a
chunk that it does not need. Here those chunks are left out beforehand; chunks that the picture needs stay, and are
checked.
"""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import BinaryIO

from PIL import PngImagePlugin

from pipelines.errors import ImageUnreadable
from pipelines.faces.formats.kinds import DAMAGED
from pipelines.faces.formats.pieces import Pieces

SIGNATURE = b"\x89PNG\r\n\x1a\n"

MAX_ANCILLARY = 2**24
"""Most bytes of an ancillary chunk, inflated: a large colour profile fits."""

# Pillow inflates a colour profile or a text up to this bound, and raises beyond it.
PngImagePlugin.MAX_TEXT_CHUNK = MAX_ANCILLARY

_MAX_CHUNKS = 2**17  # a file of empty chunks would take minutes
_BLOCK = 2**20

_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_KEPT = {b"tRNS", b"iCCP", b"eXIf", b"tEXt", b"zTXt", b"iTXt"}
_TRANSPARENCY: dict[int | None, Sequence[int]] = {
    0: (2,),
    2: (6,),
    3: range(1, 257),
}  # colour type -> lengths that tRNS may have
_ORIENTATION = (b"XML:com.adobe.xmp", b"Raw profile type exif")  # texts in which Pillow looks for the orientation


def essentials(file: BinaryIO) -> BinaryIO:
    """The PNG file without ancillary chunks that are damaged, too large, or without meaning for the picture.

    Critical chunks, transparency, colour profile and what may hold the orientation stay; of an animation the still
    picture does. The pixels are not copied. Text of the orientation and profile are taken once.

    Args:
        file: a PNG file, at its beginning; it has to stay open while the returned one is read.

    Raises:
        ImageUnreadable: a critical chunk is cut off, fails its checksum (CRC-32) or is unknown.
    """
    pieces: list[bytes | range] = [file.read(len(SIGNATURE))]
    colour_type: int | None = None
    seen: set[bytes] = set()
    for _ in range(_MAX_CHUNKS):
        start = file.tell()
        head = file.read(8)
        if len(head) < 8:  # the end marker is missing: whether pixels are too shows when they are inflated
            break
        length, kind = struct.unpack(">I4s", head)
        if kind[0] & 0x20:  # the bit that makes a chunk ancillary
            data = file.read(length + 4) if kind in _KEPT and kind not in seen and length <= MAX_ANCILLARY else b""
            if len(data) == length + 4 and _sound(kind, data) and _harmless(kind, data[:-4], colour_type):
                seen.add(kind)
                pieces.append(head + data)
            file.seek(start + 12 + length)
            continue
        if kind not in _CRITICAL or not _checked(file, kind, length):
            raise ImageUnreadable(DAMAGED)
        if kind == b"IHDR":
            file.seek(start + 17)
            colour_type = file.read(1)[0] if length == 13 else None
            file.seek(start + 12 + length)
        pieces.append(range(start, start + 12 + length))
        if kind == b"IEND":
            break
    return io.BufferedReader(Pieces(file, pieces))


def _sound(kind: bytes, data: bytes) -> bool:
    return zlib.crc32(data[:-4], zlib.crc32(kind)) == int.from_bytes(data[-4:], "big")


def _checked(file: BinaryIO, kind: bytes, length: int) -> bool:
    """Reads a chunk's data and checksum, in blocks, because a chunk of pixels may be large."""
    crc = zlib.crc32(kind)
    while length:
        block = file.read(min(length, _BLOCK))
        if not block:
            return False
        crc = zlib.crc32(block, crc)
        length -= len(block)
    return file.read(4) == crc.to_bytes(4, "big")


def _inflates(data: bytes) -> bool:
    """Whether zlib data is sound and no larger than :data:`MAX_ANCILLARY`; a bomb is inflated no further than that."""
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(data, MAX_ANCILLARY)
    except zlib.error:
        return False
    return not inflater.unconsumed_tail


def _harmless(kind: bytes, data: bytes, colour_type: int | None) -> bool:
    """Whether Pillow takes this data of a chunk of :data:`_KEPT`; texts only if they may hold the orientation."""
    if kind == b"eXIf":
        return True
    if kind == b"tRNS":
        return len(data) in _TRANSPARENCY.get(colour_type, ())
    name, _, rest = data.partition(b"\0")
    if kind != b"iCCP" and name not in _ORIENTATION:
        return False
    if kind == b"tEXt":
        return True
    if kind == b"iTXt":  # whether it is compressed, how, language, translated name, text
        return rest[:1] == b"\0" or _inflates(rest[2:].split(b"\0", 2)[-1])
    return rest[:1] == b"\0" and _inflates(rest[1:])  # how it is compressed, data
