"""Files that are whole or not there, and their hashes."""

import hashlib
import os
import shutil
from pathlib import Path


def write_atomic(path: str | Path, data: bytes) -> None:
    """Writes ``data`` to ``path`` in one step: a reader sees the old file or the new one, never a part.

    The bytes go to a hidden file beside ``path`` first, which is removed again where anything fails.

    Raises:
        OSError: the folder is missing, cannot be written to, or is full.
    """
    write_all_atomic({Path(path): data})


def write_all_atomic(files: dict[Path, bytes]) -> None:
    """Writes several files; none of them changes before all of them lie on the disk.

    Raises:
        OSError: as :func:`write_atomic`.
    """
    parts = {path: _part(path) for path in files}
    try:
        for path, data in files.items():
            parts[path].write_bytes(data)
        for path, part in parts.items():
            os.replace(part, path)
    finally:
        for part in parts.values():
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
    return path.with_name(f".{path.name}.{os.getpid()}.part")
