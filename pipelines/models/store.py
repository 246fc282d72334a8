"""The weights store: the manifest's entries, checked files, and the cache of loaded networks.

Where the weights folder is, :mod:`pipelines.models.places` says. Every file is compared with its size and SHA-256
before it is opened. Networks are read from safetensors only. Writing them is :mod:`pipelines.models.registering`'s.
"""

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pipelines.errors import WeightsCorrupt, WeightsMissing, WeightsUnknown
from pipelines.files import sha256_of, write_atomic
from pipelines.jobs import CLEFT_INPAINTING, networks, resolve
from pipelines.models import manifest
from pipelines.models.downloads import discard, download
from pipelines.models.manifest import Entry, WeightsFile
from pipelines.models.places import folder

CACHED = 4
"""Loaded networks that are kept; the one unused for longest goes first."""

_RECORD = "downloads.json"  # hashes of first downloads, beside the files; each machine's own


Network = TypeVar("Network")


@dataclass(frozen=True)
class LoadedModel(Generic[Network]):
    """A network ready to run.

    Attributes:
        name: the weights' name.
        network: in evaluation mode, without gradients. Shared by everyone who loads it: to train or adapt it, deep-copy
            it first.
        entry: what the manifest says.
        sha256: 64 hex digits.
    """

    name: str
    network: Network
    entry: Entry
    sha256: str


_models: OrderedDict[tuple[str, str, torch.dtype, str], LoadedModel[Any]] = OrderedDict()
_models_lock = threading.RLock()
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
            raise WeightsUnknown("The weights manifest names no weights for this job; restore the weights folder.")
        return found
    if name not in known:
        raise WeightsUnknown(f"There are no weights of that name; known are {', '.join(known) or 'none'}.")
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


def load(
    name: str | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    *,
    job: str = CLEFT_INPAINTING,
) -> LoadedModel[Any]:
    """A job's network with its weights; the same object for everyone who asks for the same.

    Args:
        name: weights of the manifest; None takes the job's default.
        device: where the network shall lie.
        dtype: floating-point type of its parameters, whatever the file stores.
        job: the job that asks.

    Raises:
        WeightsUnknown: there are no such weights, or they belong to another job.
        WeightsMissing: a file is not there.
        WeightsCorrupt: a file differs from its hash, or does not fit the network.
    """
    device = torch.device(device)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", torch.cuda.current_device())
    # The next caller may need gradients through what this one loads.
    with _models_lock, torch.inference_mode(False):
        entry = find(name, job=job)
        if entry.job != job:
            raise WeightsUnknown(f"The weights “{entry.name}” belong to another job; leave the name out.")
        key = (entry.name, str(device), dtype, entry.sha256)
        if key not in _models:
            # Room first: two networks of a GPU's size need not lie there at once.
            while len(_models) >= CACHED:
                _models.popitem(last=False)
            entry = verify(entry.name)
            network = build(entry, _tensors(entry)).to(device, dtype)
            if device.type == "cuda":
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
            _models[key] = LoadedModel(entry.name, network, entry, entry.sha256)
        _models.move_to_end(key)
        return _models[key]


def build(entry: Entry, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The entry's network in float32 on the CPU, filled with ``tensors``, ready to run.

    Raises:
        WeightsCorrupt: this version has no such network, or the tensors do not fit it.
    """
    network = networks().get(entry.network)
    if network is None:
        raise WeightsCorrupt(f"The weights “{entry.name}” are for a network that this version does not have.")
    builder = resolve(network.built_by)
    try:
        # Initial values are drawn and thrown away; a run's seed must not notice.
        with torch.random.fork_rng(devices=[]):
            built: nn.Module = builder(**entry.architecture)
        built.load_state_dict(tensors, strict=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise WeightsCorrupt(
            f"The weights “{entry.name}” do not fit the network and architecture of their entry."
        ) from error
    return built.eval().requires_grad_(False)


def clear() -> None:
    """Forgets every loaded network, so that its memory can be used again."""
    with _models_lock:
        _models.clear()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


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
            raise WeightsCorrupt(f"The download of “{name}” differs from its SHA-256 and was thrown away; try again.")
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
    again = f"run python -m pipelines weights get {entry.name}" if file.url else "restore the weights folder"
    if not path.is_file():
        raise WeightsMissing(f"The weights “{entry.name}” are not on this machine; {again}.")
    if not file.sha256 and not file.hash_start:
        raise WeightsCorrupt(f"No SHA-256 of the weights “{entry.name}” was recorded; {again}.")
    try:
        size = path.stat().st_size
        digest = sha256_of(path) if file.bytes in (None, size) else ""
    except OSError as error:
        raise WeightsCorrupt(f"The weights “{entry.name}” cannot be read; check the folder's permissions.") from error
    if not _agrees(file, digest, size):
        raise WeightsCorrupt(f"The weights “{entry.name}” differ from their SHA-256; {again}.")
    return replace(file, sha256=digest, bytes=size)


def _agrees(file: WeightsFile, digest: str, size: int) -> bool:
    if file.sha256:
        return digest == file.sha256 and file.bytes in (None, size)
    return digest.startswith(file.hash_start)


def _tensors(entry: Entry) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for path in paths(entry):
        try:
            shard = load_file(path, device="cpu")
        except (SafetensorError, OSError) as error:
            raise WeightsCorrupt(f"The weights “{entry.name}” are no readable safetensors file.") from error
        if shard.keys() & tensors.keys():
            raise WeightsCorrupt(f"Two files of the weights “{entry.name}” hold the same tensor.")
        tensors.update(shard)
    return tensors


def _read_record() -> dict[str, dict[str, Any]]:
    try:
        record = json.loads((folder() / _RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise WeightsCorrupt(
            f"The record of downloads ({_RECORD} in the weights folder) is broken; remove it and get the weights again."
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
