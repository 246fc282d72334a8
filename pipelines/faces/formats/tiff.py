"""TIFF files: which of their pages is the photo, and pixels that Pillow misreads.

Directories are read here without the data of their tags (TIFF 6.0, section 2; BigTIFF), because a few numbers are
wanted and a file that claims too much must not be believed. Pillow decodes the pixels. Grey of more than 8 bits and
floats, which it inverts, swaps or refuses by turns, are OpenCV's.
"""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, Literal

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

from pipelines.errors import ImageUnreadable
from pipelines.faces.formats.kinds import DAMAGED, RAW
from pipelines.faces.formats.pieces import Pieces
from pipelines.faces.pixels.depth import Scale

MAGIC = (b"II*\0", b"MM\0*", b"II+\0")
"""How a TIFF file begins: byte order, and 42, or 43 for a BigTIFF. Pillow misreads BigTIFF of the other byte order."""

# Planes of 16 bits that lie one after another come out wrong unless libtiff reads them.
TiffImagePlugin.READ_LIBTIFF = True

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS = 254, 255, 256, 257, 258
_COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANES = 259, 262, 277, 284
_SUB_DIRECTORIES, _SAMPLE_FORMAT, _PROFILE, _DNG_VERSION = 330, 339, 34675, 50706
_REDUCED_OR_MASK = 0b101  # bits of NewSubfileType; the bit between them says page of a document
_REDUCED = 2  # of the older SubfileType
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _MASK = 0, 1, 2, 4  # of PhotometricInterpretation
_MOSAICS = {32803, 34892}  # of the same tag, in raw files: colour filter array, linear raw
_RAW_CODES = {32767, 34713, 65000, 65535}  # of Compression: Sony, Nikon, Kodak, Pentax
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3  # of SampleFormat
_APART = 2  # of PlanarConfiguration: all reds first, then all greens

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
# type of a tag -> bytes of a value; letter of the struct module
_MAX_VALUES = 64  # values of a tag that are looked at
_MAX_DIRECTORIES = 64


class Directory:
    """One directory of a TIFF file.

    Args:
        file: the file.
        head: its first 4 bytes, of :data:`MAGIC`.
        start: where the directory begins.

    Raises:
        ImageUnreadable: it reaches past the file's end, or its tags together claim more bytes than the file has.
    """

    def __init__(self, file: BinaryIO, head: bytes, start: int):
        self.file, self.start = file, start
        self.head, self.order, self.big = head, "<" if head[:2] == b"II" else ">", head == MAGIC[2]
        self._tags: dict[int, tuple[int, int, bytes]] = {}  # of a tag that comes twice, libtiff takes the first
        size = file.seek(0, io.SEEK_END)
        file.seek(start)
        count = self._number("Q" if self.big else "H")
        entry = struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))
        entries = file.read(count * entry.size) if count * entry.size <= size else b""
        self.next = self._number("Q" if self.big else "I")
        for tag, kind, number, value in entry.iter_unpack(entries):
            self._tags.setdefault(tag, (kind, number, value))
            size -= number * _SIZES.get(kind, 1)
        if size < 0:
            raise ImageUnreadable(DAMAGED)

    def _number(self, letter: str) -> int:
        """The number at the file's position."""
        data = self.file.read(struct.calcsize(self.order + letter))
        try:
            number: int = struct.unpack(self.order + letter, data)[0]
        except struct.error as error:
            raise ImageUnreadable(DAMAGED) from error
        return number

    def data(self, tag: int) -> bytes:
        """A tag's bytes; none where it is missing."""
        kind, number, value = self._tags.get(tag, (0, 0, b""))
        length = number * _SIZES.get(kind, 1)
        if length <= len(value):
            return value[:length]
        self.file.seek(int.from_bytes(value, "little" if self.order == "<" else "big"))
        return self.file.read(length)

    def values(self, tag: int, *default: int) -> tuple[int, ...]:
        """A tag's whole numbers, :data:`_MAX_VALUES` at most; ``default`` where it has none."""
        kind = self._tags.get(tag, (0,))[0]
        if kind not in _INTEGERS:
            return default
        data = self.data(tag)
        count = min(len(data) // _SIZES[kind], _MAX_VALUES)
        return struct.unpack_from(f"{self.order}{count}{_INTEGERS[kind]}", data) or default

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, 0 where the directory does not say."""
        return self.values(_WIDTH, 0)[0], self.values(_HEIGHT, 0)[0]

    @property
    def photometric(self) -> int:
        """What the numbers of a pixel mean; the specification demands it, and libtiff and Pillow take 0 without it."""
        return self.values(_PHOTOMETRIC, 0)[0]

    @property
    def is_raw(self) -> bool:
        """Whether it is of a camera's raw file: a DNG's, or one with a sensor's mosaic."""
        is_mosaic = self.photometric in _MOSAICS or self.values(_COMPRESSION, 1)[0] in _RAW_CODES
        return is_mosaic or bool(self.data(_DNG_VERSION))

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture of its own: no smaller copy of another, and no mask."""
        return (
            min(self.size) > 0
            and not self.values(_NEW_SUBFILE_TYPE, 0)[0] & _REDUCED_OR_MASK
            and self.values(_SUBFILE_TYPE, 0)[0] != _REDUCED
            and self.photometric != _MASK
        )

    @property
    def is_deep(self) -> bool:
        """Whether :func:`decode_deep` is to decode it: grey of 10 to 16 bits, floats."""
        bits, kind = self.values(_BITS, 1)[0], self.values(_SAMPLE_FORMAT, 1)[0]
        samples, photometric = self.values(_SAMPLES, 1)[0], self.photometric
        grey = samples == 1 and photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
        if kind == _FLOAT:
            together = self.values(_PLANES, 1)[0] != _APART  # OpenCV mixes up floats that are not
            return bits in (32, 64) and (grey or (samples >= 3 and photometric == _RGB and together))
        return kind in (_UNSIGNED, _SIGNED) and bits in (10, 12, 14, 16) and grey

    @property
    def is_unsigned_32(self) -> bool:
        """Whether it holds whole numbers of 32 bits without a sign."""
        return self.values(_BITS, 1)[0] == 32 and self.values(_SAMPLE_FORMAT, 1)[0] == _UNSIGNED

    def alone(self) -> BinaryIO:
        """The file with this directory as its first."""
        head = self.head + struct.pack(self.order + ("HHQ" if self.big else "I"), *self.big * (8, 0), self.start)
        self.file.seek(0)
        if self.file.read(len(head)) == head:
            self.file.seek(0)
            return self.file
        return io.BufferedReader(Pieces(self.file, [head, range(len(head), self.file.seek(0, io.SEEK_END))]))


def check(exif: bytes) -> None:
    """Checks that EXIF data, which is a TIFF file without pixels, claims no more than it has; Pillow would believe it.

    Raises:
        ImageUnreadable: it does, or is no EXIF data.
    """
    while exif.startswith(b"Exif\0\0"):  # Pillow takes off as many as there are
        exif = exif[6:]
    if exif[:4] not in (b"", *MAGIC):
        raise ImageUnreadable(DAMAGED)
    if exif:
        next(_directories(io.BytesIO(exif)))


def photo(file: BinaryIO) -> Directory:
    """The directory of the photo: the first that is a picture of its own, or the first where none is.

    Previews come first in many files, and some have the picture below the preview (SubIFDs).

    Args:
        file: a TIFF file.

    Raises:
        ImageUnreadable: it is a camera's raw file, or the directory is damaged.
    """
    directories = list(_directories(file))
    if any(directory.is_raw for directory in directories):
        raise ImageUnreadable(RAW)
    chosen = next((directory for directory in directories if directory.is_picture), directories[0])
    if min(chosen.size) <= 0:
        raise ImageUnreadable(DAMAGED)
    return chosen


def decode_deep(directory: Directory, scale: Scale) -> Image.Image:
    """The pixels of a directory that :attr:`Directory.is_deep`, upright, scaled to 8 bits, with its colour profile.

    Args:
        directory: which.
        scale: a function of :mod:`pipelines.faces.pixels.depth`.

    Raises:
        ImageUnreadable: they are damaged or incomplete.
    """
    level = cv2.setLogLevel(0)  # what is wrong with a file is said once, by the error
    try:
        samples = cv2.imdecode(np.frombuffer(directory.alone().read(), np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        cv2.setLogLevel(level)
    if samples is None:
        raise ImageUnreadable(DAMAGED)
    if samples.ndim == 3:
        samples = samples[..., 2::-1]  # OpenCV's order is blue, green, red, alpha
    image = Image.fromarray(scale(samples, white_is_zero=directory.photometric == _WHITE_IS_ZERO))
    image.info["icc_profile"] = directory.data(_PROFILE)
    return image


def _directories(file: BinaryIO) -> Iterator[Directory]:
    """Every directory, those below a page right after it; behind a damaged one there is nothing to be found."""
    head = file.read(4)
    big = head == MAGIC[2]
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    file.seek(8 if big else 4)
    waiting = [int.from_bytes(file.read(8 if big else 4), order)]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_DIRECTORIES:
        start = waiting.pop()
        if start in seen or (start == 0 and seen):
            continue
        try:
            directory = Directory(file, head, start)
        except (ImageUnreadable, OverflowError):
            if not seen:
                raise
            continue
        seen.add(start)
        waiting += [directory.next, *reversed(directory.values(_SUB_DIRECTORIES))]
        yield directory
