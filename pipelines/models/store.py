"""The weights store: the manifest's entries, and files that are fetched and checked.

Where the weights folder is, :mod:`pipelines.models.places` says. A file's size and SHA-256 are compared with the
manifest's. What is in the files is :mod:`pipelines.models.loading`'s, so this module needs no PyTorch; writing them is
:mod:`pipelines.models.registering`'s.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.errors import WeightsCorrupt, WeightsMissing, WeightsUnknown
from pipelines.files import sha256_of, write_atomic
from pipelines.jobs import CLEFT_INPAINTING
from pipelines.languages.translation import _
from pipelines.models import manifest
from pipelines.models.downloads import discard, download
from pipelines.models.manifest import Entry, WeightsFile
from pipelines.models.places import folder

_RECORD = "downloads.json"  # hashes of first downloads, beside the files; each machine's own


_record_lock = threading.Lock()


def manifest_path() -> Path:
    """The manifest's file, whether it is there or not."""
    return folder() / "manifest.toml"


def entries() -> dict[str, Entry]:
    """Every entry of the manifest, in its order.

    Raises:
        WeightsCorrupt: the manifest is broken; the sentence says where.
    """
    record = _read_record()
    tables = manifest.read_tables(manifest_path())
    return {name: _with_record(manifest.parse(name, table), record) for name, table in tables.items()}


def find(name: str | None = None, *, job: str = CLEFT_INPAINTING) -> Entry:
    """The entry called ``name``, or the default of ``job`` where ``name`` is None.

    Raises:
        WeightsUnknown: there is none.
        WeightsCorrupt: the manifest is broken.
    """
    known = entries()
    if name is None:
        found = next((entry for entry in known.values() if entry.job == job and entry.default), None)
        if found is None:
            raise WeightsUnknown(_("The weights manifest names no weights for this job; restore the weights folder."))
        return found
    if name not in known:
        raise WeightsUnknown(
            _("There are no weights of that name; known are {choices}.").format(choices=", ".join(known) or "none")
        )
    return known[name]


def paths(entry: Entry) -> tuple[Path, ...]:
    """Where the entry's files lie, whether they are there or not."""
    return tuple(folder() / file.name for file in entry.files)


def verify(name: str) -> Entry:
    """Compares the files of ``name`` with their sizes and SHA-256.

    Returns:
        The entry.

    Raises:
        WeightsUnknown: the manifest has no such entry.
        WeightsMissing: a file is not there.
        WeightsCorrupt: a file differs, cannot be read, or has no hash to compare it with.
    """
    entry = find(name)
    return replace(entry, files=tuple(_checked(entry, file) for file in entry.files))


def fetch(name: str, progress: Callable[[float, str], None] | None = None) -> Entry:
    """Downloads the files of ``name`` that are not there yet, and checks them.

    A broken download goes on where it stopped. Where the manifest has no hash, eight hex digits in the file's name
    are checked instead; the whole hash of the first download is recorded beside the file and checked from then on.

    Args:
        name: an entry with a url.
        progress: called with the fraction of the present file and a text.

    Returns:
        The entry with the hashes found.

    Raises:
        WeightsUnknown: there is no such entry.
        WeightsMissing: the entry has no url, or the download failed.
        WeightsCorrupt: the download differs from its hash; it was thrown away.
        OSError: the weights folder cannot be written.
    """
    entry = find(name)
    for file, path in zip(entry.files, paths(entry), strict=True):
        try:
            _checked(entry, file)
            continue
        except (WeightsMissing, WeightsCorrupt):
            if not file.url:
                raise
        part = path.with_name(f"{path.name}.part")
        download(file.url, part, hash_known=bool(file.sha256 or file.hash_start), progress=progress)
        digest, size = sha256_of(part), part.stat().st_size
        if not _agrees(file, digest, size):
            discard(part)
            raise WeightsCorrupt(
                _("The download of “{name}” differs from its SHA-256 and was thrown away; try again.").format(name=name)
            )
        if not file.sha256:
            _write_record(file, digest, size)
        os.replace(part, path)
        discard(part)
    return verify(name)


def _checked(entry: Entry, file: WeightsFile) -> WeightsFile:
    """``file`` with the hash that was found.

    Raises:
        WeightsMissing, WeightsCorrupt: as :func:`verify`.
    """
    path = folder() / file.name
    again = (
        _("run python -m pipelines weights get {name}").format(name=entry.name)
        if file.url
        else _("restore the weights folder")
    )
    if not path.is_file():
        raise WeightsMissing(
            _("The weights “{name}” are not on this machine; {again}.").format(name=entry.name, again=again)
        )
    if not file.sha256 and not file.hash_start:
        raise WeightsCorrupt(
            _("No SHA-256 of the weights “{name}” was recorded; {again}.").format(name=entry.name, again=again)
        )
    try:
        size = path.stat().st_size
        digest = sha256_of(path) if file.bytes in (None, size) else ""
    except OSError as error:
        raise WeightsCorrupt(
            _("The weights “{name}” cannot be read; check the folder's permissions.").format(name=entry.name)
        ) from error
    if not _agrees(file, digest, size):
        raise WeightsCorrupt(
            _("The weights “{name}” differ from their SHA-256; {again}.").format(name=entry.name, again=again)
        )
    return replace(file, sha256=digest, bytes=size)


def _agrees(file: WeightsFile, digest: str, size: int) -> bool:
    if file.sha256:
        return digest == file.sha256 and file.bytes in (None, size)
    return digest.startswith(file.hash_start)


def _read_record() -> dict[str, dict[str, Any]]:
    try:
        record = json.loads((folder() / _RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise WeightsCorrupt(
            _(
                "The record of downloads ({record} in the weights folder) is broken; remove it and get "
                "the weights again."
            ).format(record=_RECORD)
        ) from error
    return record if isinstance(record, dict) else {}


def _write_record(file: WeightsFile, digest: str, size: int) -> None:
    with _record_lock:
        record = {**_read_record(), file.name: {"url": file.url, "sha256": digest, "bytes": size}}
        write_atomic(folder() / _RECORD, f"{json.dumps(record, indent=2, sort_keys=True)}\n".encode())


def _with_record(entry: Entry, record: Mapping[str, Mapping[str, Any]]) -> Entry:
    """The entry with hashes of first downloads where the manifest has none."""

    def known(file: WeightsFile) -> WeightsFile:
        found = record.get(file.name, {})
        if file.sha256 or not file.url or found.get("url") != file.url:
            return file
        return replace(file, sha256=found.get("sha256"), bytes=found.get("bytes"))

    return replace(entry, files=tuple(map(known, entry.files)))
