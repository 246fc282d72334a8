"""Writes a case file: one ZIP of the case, photos, masks, points, settings and results, each with its hash.

``case.json`` says what is in it, and comes last. Every photo is there as pixels, without anything that its file said
beside them, and once, however many entries have it. The same content gives the same bytes.
"""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from pipelines import __version__
from pipelines.arrays import Numbers
from pipelines.cases.case import Case
from pipelines.cases.codec import encode
from pipelines.cases.contents import AnyResult, Entry, job_of
from pipelines.cases.members import bytes_of, described, write_array
from pipelines.errors import CaseFileTooLarge
from pipelines.exports.bundles import add_member
from pipelines.exports.interface import exports_of
from pipelines.exports.tables import json_text, of_case
from pipelines.files import stream_atomic
from pipelines.languages.translation import _

FORMAT, FORMAT_VERSION = "philtrum-case", 1
"""What ``case.json`` calls the format. Whoever changes what is in the file counts the version up."""

INDEX = "case.json"

ENDING = ".philtrum"

MOST_BYTES = 2 * 2**30
"""Most bytes of a case file, and of its arrays in memory."""

MOST_MEMBERS = 20_000

MOST_INDEX = 32 * 2**20
"""Most bytes of ``case.json``."""

_TOO_LARGE = _("The case holds more than {} GB, which is more than a case file takes; save fewer photos in one.")


def save_case(path: str | os.PathLike[str], case: Case, entries: Iterable[Entry | AnyResult] = ()) -> None:
    """Writes a case file, in one step: a reader sees the old file or the new one.

    Args:
        path: where to; its name usually ends in ``.philtrum``.
        case: whose it is; every result in the file belongs to it, whatever case it had.
        entries: what was given and made, or results alone, with which goes their photo and mask.

    Raises:
        CaseFileTooLarge: it holds more than :data:`MOST_BYTES`.
        OSError: the file cannot be written.
    """
    with CaseWriter(case) as writer:
        for entry in entries:
            writer.add(entry)
        writer.finish(path)


class CaseWriter:
    """:func:`save_case` one entry after the other, so that not all need to be in memory; used by ``with``.

    Args:
        case: as there.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self._archive = zipfile.ZipFile(self._file, "w")
        self._members: dict[str, dict[str, Any]] = {}
        self._known: dict[tuple[str, tuple[int, ...], str], str] = {}
        self._entries: list[dict[str, Any]] = []
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()
        self._file.close()

    def add(self, entry: Entry | AnyResult) -> None:
        """Adds an entry, or a result with its photo and mask.

        Raises:
            CaseFileTooLarge: there is no room for it.
        """
        entry = entry if isinstance(entry, Entry) else Entry.of(entry)
        folder = f"{len(self._entries) + 1}-{entry.job}"
        tree: dict[str, Any] = {
            "job": entry.job,
            "photos": encode(entry.photos, folder, self._put),
            "settings": encode(entry.settings, folder, self._put),
            "results": [],
            "chosen": entry.chosen,
        }
        for number, result in enumerate(entry.results, 1):
            assert job_of(result) == entry.job, "an entry's results are its job's"
            what = f"{folder}/result" if len(entry.results) == 1 else f"{folder}/result-{number}"
            numbers = exports_of(entry.job).facts(of_case(result, self._case))
            self._write(f"{what}/numbers.json", json_text(numbers).encode(), {})
            tree["results"].append(encode(of_case(result, None), what, self._put))
        self._entries.append(tree)

    def finish(self, path: str | os.PathLike[str]) -> None:
        """Writes what was added to ``path``, in one step.

        Raises:
            CaseFileTooLarge, OSError: as :func:`save_case`.
        """
        index = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "version": __version__,
            "case": encode(self._case, "case", self._put),
            "entries": self._entries,
            "members": self._members,
        }
        text = json.dumps(index, indent=1, ensure_ascii=False, allow_nan=False).encode()
        if len(text) > MOST_INDEX:
            raise _too_large()
        add_member(self._archive, INDEX, text)
        self._archive.close()
        self._file.seek(0)
        stream_atomic(Path(path), lambda file: shutil.copyfileobj(self._file, file))

    def _put(self, what: str, array: Numbers) -> str:
        """Keeps an array, and gives the name of its member; one that is there already is not kept twice."""
        array = np.ascontiguousarray(array)
        key = array.dtype.name, array.shape, hashlib.sha256(array.data).hexdigest()
        if key not in self._known:
            self._bytes += bytes_of(described(array))
            ending, data = write_array(array)
            self._write(f"{what}{ending}", data, described(array))
            self._known[key] = f"{what}{ending}"
        return self._known[key]

    def _write(self, name: str, data: bytes, said: dict[str, Any]) -> None:
        if max(self._bytes, self._file.tell() + len(data)) > MOST_BYTES or len(self._members) >= MOST_MEMBERS - 1:
            raise _too_large()
        add_member(self._archive, name, data)
        self._members[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), **said}


def _too_large() -> CaseFileTooLarge:
    return CaseFileTooLarge(_TOO_LARGE.format(MOST_BYTES // 2**30))
