"""A file made of stretches of another, so that a part can be left out or replaced without a copy of the rest."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Pieces(io.RawIOBase):
    """Reads ``pieces`` as one file.

    Args:
        file: the file that ranges point into; it is read as this one is, and stays open.
        pieces: what follows on what: bytes, or the range of positions of a stretch of ``file``.
    """

    def __init__(self, file: BinaryIO, pieces: Sequence[bytes | range]):
        self._file, self._pieces = file, [piece for piece in pieces if len(piece)]
        self._ends = list(accumulate(map(len, self._pieces)))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        into = memoryview(buffer)
        number = bisect_right(self._ends, self._at)
        if number == len(self._pieces):
            return 0
        piece = self._pieces[number]
        start = self._at - self._ends[number] + len(piece)
        rest = piece[start : start + len(into)]
        if isinstance(rest, range):
            self._file.seek(rest.start)
            rest = self._file.read(len(rest))
        into[: len(rest)] = rest
        self._at += len(rest)
        return len(rest)
