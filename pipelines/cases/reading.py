"""Reads a case file, which anybody may have made or altered: all of it is checked, or nothing of it is opened.

Nothing is unpacked to the disk. A member is read only up to the size that it claims, and an array is decoded only
once its size in memory is known and there is room for it.
"""

import hashlib
import json
import os
import re
import stat
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from pipelines.arrays import Numbers
from pipelines.cases.case import Case
from pipelines.cases.codec import decode, wrong
from pipelines.cases.contents import CaseFile, CasePhoto, Entry, Setting, check_result, result_class
from pipelines.cases.members import bytes_of, read_array
from pipelines.cases.writing import FORMAT, FORMAT_VERSION, INDEX, MOST_BYTES, MOST_INDEX, MOST_MEMBERS
from pipelines.errors import CaseFileInvalid, CaseFileTooLarge, CaseInvalid
from pipelines.exports.tables import of_case
from pipelines.jobs import JOBS
from pipelines.languages.translation import _

_PART = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*")
"""What members are called: no path that leads out of the file, in no system's words."""

_LONGEST_NAME = 200
_BEGIN, _END, _END_64 = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x07"
_END_BYTES, _END_64_BYTES = 22, 20
_PLAIN_BITS = 0x800  # names in UTF-8: the only flag that we set

NO_CASE = _("This is no case file; choose one that Philtrum saved, whose name ends in .philtrum.")
CUT_OFF = _("This case file is cut off or has something behind its end; copy it again from where it was saved.")
FOREIGN = _("This case file holds what Philtrum never saves, so nothing of it was opened; use another copy of it.")
ALTERED = _("This case file was altered or damaged after it was saved, so nothing of it was opened; use another copy.")
LOCKED = _("This case file is encrypted; save it again without a password.")
NEWER = _("This case file was saved by a newer Philtrum; update Philtrum to open it.")
TOO_LARGE = _("This case file holds more than {most_bytes} GB, so nothing of it was opened.").format(
    most_bytes=MOST_BYTES // 2**30
)


_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
)
"""What reading a broken ZIP raises."""


def open_case(source: str | os.PathLike[str] | bytes) -> CaseFile:
    """What a case file holds.

    Args:
        source: its path or its content.

    Raises:
        CaseFileInvalid: it is none, is damaged, altered or encrypted, or a newer Philtrum saved it.
        CaseFileTooLarge: it holds more than :data:`~pipelines.cases.writing.MOST_BYTES`.
        OSError: there is no such file, or it cannot be read.
    """
    if isinstance(source, bytes):
        return _read(BytesIO(source))
    with Path(source).open("rb") as file:
        return _read(file)


def _read(file: BinaryIO) -> CaseFile:
    count = _check_end(file)
    try:
        with zipfile.ZipFile(file) as archive:
            infos = _checked(archive, count)
            index = _index(archive, infos)
            arrays = _arrays(archive, infos, index)
    except _BROKEN:
        raise CaseFileInvalid(ALTERED) from None
    return _contents(index, arrays)


def _check_end(file: BinaryIO) -> int:
    """How many members the file's end speaks of, which is all that is read of a ZIP before its list of them."""
    size = file.seek(0, os.SEEK_END)
    if size > MOST_BYTES:
        raise CaseFileTooLarge(TOO_LARGE)
    file.seek(0)
    if file.read(4) != _BEGIN:
        raise CaseFileInvalid(NO_CASE)
    file.seek(max(0, size - _END_BYTES - _END_64_BYTES))
    end = file.read()
    last = end[-_END_BYTES:]
    if last[:4] != _END or end[:4] == _END_64:
        raise CaseFileInvalid(CUT_OFF)
    count, length, at = (int.from_bytes(last[a:b], "little") for a, b in ((10, 12), (12, 16), (16, 20)))
    if last[20:] != b"\0\0" or at + length + _END_BYTES != size:
        raise CaseFileInvalid(CUT_OFF)
    if count > MOST_MEMBERS:
        raise CaseFileTooLarge(TOO_LARGE)
    if length > count * (_LONGEST_NAME + 46):  # 46 bytes of each entry of the list beside its name
        raise CaseFileInvalid(FOREIGN)
    return count


def _checked(archive: zipfile.ZipFile, count: int) -> dict[str, zipfile.ZipInfo]:
    """The members by name, none of which was read yet."""
    infos = {info.orig_filename: info for info in archive.infolist()}
    if len(infos) != count or len(archive.infolist()) != count or INDEX not in infos:
        raise CaseFileInvalid(FOREIGN if INDEX in infos else NO_CASE)
    for name, info in infos.items():
        if info.flag_bits & 0x41:  # the second bit says strong encryption
            raise CaseFileInvalid(LOCKED)
        kind = stat.S_IFMT(info.external_attr >> 16)
        methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if info.flag_bits & ~_PLAIN_BITS or kind not in (0, stat.S_IFREG) or info.compress_type not in methods:
            raise CaseFileInvalid(FOREIGN)
        if not _PART.fullmatch(name) or len(name) > _LONGEST_NAME or info.extra or info.comment:
            raise CaseFileInvalid(FOREIGN)
    if infos[INDEX].file_size > MOST_INDEX or sum(info.file_size for info in infos.values()) > MOST_BYTES:
        raise CaseFileTooLarge(TOO_LARGE)
    return infos


def _index(archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo]) -> dict[str, Any]:
    """What ``case.json`` says, of this version of the format."""
    try:
        index = json.loads(_member(archive, infos[INDEX]).decode(), parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise wrong() from None
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise CaseFileInvalid(NO_CASE)
    version = index.get("format_version")
    if type(version) is not int or version < 1:
        raise wrong()
    if version > FORMAT_VERSION:
        raise CaseFileInvalid(NEWER)
    if index.keys() != {"format", "format_version", "version", "case", "entries", "members"}:
        raise wrong()
    members = index["members"]
    if not isinstance(members, dict) or not all(isinstance(said, dict) for said in members.values()):
        raise wrong()
    if members.keys() != infos.keys() - {INDEX}:
        raise CaseFileInvalid(FOREIGN)
    return index


def _arrays(archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo], index: dict[str, Any]) -> dict[str, Numbers]:
    """The arrays by the names of their members. Every member is read, whether it is an array or not."""
    members = index["members"]
    held = {name: bytes_of(said) for name, said in members.items() if "dtype" in said}
    if sum(held.values()) > MOST_BYTES:
        raise CaseFileTooLarge(TOO_LARGE)
    arrays = {}
    for name, said in members.items():
        if said.get("bytes") != infos[name].file_size:
            raise CaseFileInvalid(ALTERED)
        data = _member(archive, infos[name])
        if said.get("sha256") != hashlib.sha256(data).hexdigest():
            raise CaseFileInvalid(ALTERED)
        if name in held:
            arrays[name] = read_array(data, said)
    return arrays


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The member's content, which is no longer than it claims."""
    with archive.open(info) as file:
        data = file.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise CaseFileInvalid(ALTERED)
    return data


def _contents(index: dict[str, Any], arrays: dict[str, Numbers]) -> CaseFile:
    def get(name: Any) -> Numbers:
        if not isinstance(name, str) or name not in arrays:
            raise wrong()
        return arrays[name]

    try:
        case = decode(index["case"], Case, get)
    except CaseInvalid:
        raise wrong() from None
    if not isinstance(index["entries"], list):
        raise wrong()
    try:
        return CaseFile(case, tuple(_entry(tree, case, get) for tree in index["entries"]))
    except (RecursionError, OverflowError, ValueError, TypeError, AttributeError):
        raise wrong() from None


def _entry(tree: Any, case: Case, get: Any) -> Entry:
    if not isinstance(tree, dict) or tree.keys() != {"job", "photos", "settings", "results", "chosen"}:
        raise wrong()
    job, results = tree["job"], tree["results"]
    if not isinstance(job, str) or not isinstance(results, list) or not isinstance(tree["chosen"], bool):
        raise wrong()
    kind = result_class(job)
    if job not in JOBS:
        raise wrong()
    made = [of_case(decode(one, kind, get), case) for one in results]
    for result in made:
        check_result(result)
    photos = decode(tree["photos"], dict[str, CasePhoto], get)
    if not all(_PART.fullmatch(key) and "/" not in key for key in photos):
        raise wrong()
    settings = decode(tree["settings"], dict[str, Setting], get)
    return Entry(job=job, photos=photos, settings=settings, results=tuple(made), chosen=tree["chosen"])


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice")
    return found
