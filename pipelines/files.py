"""Files: whole or not there, their hashes, and when two names are one."""

import errno
import hashlib
import os
import secrets
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def composed(name: str) -> str:
    """A name in the one form (Unicode's NFC) in which names are compared: systems write one letter in two ways."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """:func:`composed` without case, which on many file systems does not tell names apart.

    >>> folded("Jos\N{LATIN SMALL LETTER E WITH ACUTE}.PNG") == folded("jose\N{COMBINING ACUTE ACCENT}.png")
    True
    """
    return composed(composed(name).casefold())


def shipped(package: Path, name: str) -> Path:
    """A folder of data that comes with a package: inside it where it is installed, beside it in a checkout.

    Args:
        package: the package's own folder.
        name: the folder's name in both places.
    """
    inside = package.resolve() / name
    return inside if inside.is_dir() else inside.parents[1] / name


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes ``data`` to ``path`` in one step: a reader sees the old file or the new one, never a part.

    The bytes go to a hidden file beside ``path`` first, which is removed again where anything fails.

    Raises:
        OSError: the folder is missing, cannot be written to, or is full; or a folder lies at ``path``.
    """
    write_all_atomic({Path(path): data})


def write_all_atomic(files: dict[Path, bytes]) -> None:
    """Writes several files; none of them changes before all of them lie on the disk.

    Where one cannot be put into its place all the same, those that are new go again.

    Raises:
        OSError: as :func:`write_atomic`.
    """
    if any(path.is_dir() for path in files):
        raise IsADirectoryError(errno.EISDIR, "A folder of that name is in the way")
    parts = {path: _part(path) for path in files}
    made: list[Path] = []
    try:
        for path, data in files.items():
            parts[path].write_bytes(data)
        for path, part in parts.items():
            new = not os.path.lexists(path)
            os.replace(part, path)
            if new:
                made.append(path)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def stream_atomic(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Lets ``write`` fill a file of any size, which lies at ``path`` once it is whole.

    Raises:
        OSError: as :func:`write_atomic`.
    """
    part = _part(path)
    try:
        with part.open("wb") as file:
            write(file)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def copy_atomic(source: Path, target: Path) -> None:
    """Copies a file of any size in one step.

    Raises:
        OSError: ``source`` cannot be read, or as :func:`write_atomic`.
    """
    part = _part(target)
    try:
        shutil.copyfile(source, part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file as 64 hex digits, read in pieces.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _part(path: Path) -> Path:
    """A hidden name beside ``path`` that nobody else has; short, because ``path`` may have the longest that fits."""
    return path.with_name(f".{secrets.token_hex(8)}.part")
