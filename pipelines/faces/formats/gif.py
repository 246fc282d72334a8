"""GIF files reduced to what makes their first picture.

Pillow joins the pieces of a comment one by one, each time copying what it has: ten megabytes of them take a minute.
"""

import io
from typing import BinaryIO

from pipelines.faces.formats.pieces import Pieces

SIGNATURES = (b"GIF87a", b"GIF89a")

_HEADER = 13  # bytes; one of them says whether a palette follows, and how long it is
_FLAGS, _HAS_PALETTE, _PALETTE_SIZE = 10, 0x80, 0x07
_EXTENSION, _CONTROL = b"\x21", b"\xf9"  # the latter says which colour is transparent


def essentials(file: BinaryIO) -> BinaryIO:
    """The GIF file without comments and other extensions before its first picture; its transparent colour stays.

    Args:
        file: a GIF file, at its beginning; it has to stay open while the returned one is read.
    """
    flags = file.read(_HEADER)[_FLAGS]
    at = _HEADER + (3 << (flags & _PALETTE_SIZE) + 1 if flags & _HAS_PALETTE else 0)
    head, control = range(at), range(0)
    file.seek(at)
    while file.read(1) == _EXTENSION:
        is_control = file.read(1) == _CONTROL
        while length := int.from_bytes(file.read(1)):  # 0 ends it, as the file's end does
            file.seek(length, io.SEEK_CUR)
        if is_control:
            control = range(at, file.tell())
        at = file.tell()
    return io.BufferedReader(Pieces(file, [head, control, range(at, file.seek(0, io.SEEK_END))]))
