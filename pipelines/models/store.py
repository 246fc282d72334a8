"""The weights store: the manifest's entries, checked files, and the cache of loaded networks.

The weights folder is ``weights/`` of the repository; the environment variable ``PHILTRUM_WEIGHTS`` names another.
Every file is compared with its size and SHA-256 before it is opened. Networks are read from safetensors only.
"""

import importlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from pipelines.errors import OptionInvalid, WeightsCorrupt, WeightsMissing, WeightsUnknown
from pipelines.files import copy_atomic, sha256_of, write_atomic
from pipelines.models import manifest
from pipelines.models.checkpoints import read_tensors
from pipelines.models.downloads import discard, download
from pipelines.models.manifest import Entry, WeightsFile

NETWORKS = {
    "inclg": "pipelines.cleft_inpainting.network:INCLG",
    "mask-removal": "pipelines.mask_removal.network:MaskRemovalNetwork",
    "stylegan2": "pipelines.stylegan.stylegan2:Generator",
    "stylegan2-discriminator": "pipelines.stylegan.stylegan2:Discriminator",
}
"""Manifest key → class. As text, so that the store lies below the jobs and imports none before it is needed."""

CACHED = 4
"""Loaded networks that are kept; the one unused for longest goes first."""

SHARD_BYTES = 16 * 2**20
"""Most bytes of tensors in one file; larger weights become several."""

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
_manifest_lock = threading.RLock()


def folder() -> Path:
    """The weights folder."""
    return Path(os.environ.get("PHILTRUM_WEIGHTS") or Path(__file__).resolve().parents[2] / "weights")


def entries() -> dict[str, Entry]:
    """Every entry of the manifest, in its order.

    Raises:
        WeightsCorrupt: the manifest is broken; the sentence says where.
    """
    record = _read_record()
    tables = manifest.read_tables(_manifest_path())
    return {name: _with_record(manifest.parse(name, table), record) for name, table in tables.items()}


def find(name: str | None = None, *, job: str = "cleft-inpainting") -> Entry:
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
    job: str = "cleft-inpainting",
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
            network = _network(entry, _tensors(entry)).to(device, dtype)
            if device.type == "cuda":
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
            _models[key] = LoadedModel(entry.name, network, entry, entry.sha256)
        _models.move_to_end(key)
        return _models[key]


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


def register(name: str, files: str | Path | Sequence[str | Path], **metadata: Any) -> Entry:
    """Writes or replaces the manifest's entry ``name``; SHA-256 and sizes are computed here.

    Files from elsewhere are copied into the weights folder as ``NAME.safetensors`` or ``NAME-1-of-3.safetensors``. What
    the old entry said is kept only while the files stay the same, so figures never outlive the weights they are of.

    Args:
        name: letters, digits, - and _.
        files: one safetensors file, or the shards.
        **metadata: other keys of the manifest (see :mod:`pipelines.models.manifest`); ``default=True`` takes the place
            of the job's default so far.

    Raises:
        OptionInvalid: the name is no name.
        WeightsCorrupt: a file is no safetensors, or the entry would break the manifest's rules.
        OSError: a file cannot be read or written.
    """
    if not manifest.NAME.fullmatch(name):
        raise OptionInvalid("Weights are named with letters, digits, - and _, at most 64 of them.")
    sources = [Path(files)] if isinstance(files, str | Path) else [Path(file) for file in files]
    for source in sources:
        _check_safetensors(source)
    targets = [folder() / shard for shard in _shard_names(name, len(sources))]
    with _manifest_lock:
        known = manifest.read_tables(_manifest_path())
        hashes, sizes = [sha256_of(source) for source in sources], [source.stat().st_size for source in sources]
        described: dict[str, Any] = {
            "file": [target.name for target in targets],
            "sha256": hashes,
            "bytes": sizes,
        }
        if len(sources) == 1:
            described = {key: values[0] for key, values in described.items()}
        old = known.get(name, {})
        table = {**(old if old.get("sha256") == described["sha256"] else {}), **metadata, **described}
        manifest.parse(name, table)
        folder().mkdir(parents=True, exist_ok=True)
        for source, target in zip(sources, targets, strict=True):
            if source.resolve() != target.resolve():
                copy_atomic(source, target)
        _write_table(known, name, table)
    return find(name)


def annotate(name: str, **metadata: Any) -> Entry:
    """Adds to the entry ``name``, as in ``annotate("cleft-inpainting", figures={...})``; tables are merged.

    Raises:
        WeightsUnknown: there is no such entry.
        WeightsCorrupt: the entry would break the manifest's rules.
    """
    with _manifest_lock:
        find(name)
        known = manifest.read_tables(_manifest_path())
        table = _merged(known[name], metadata)
        manifest.parse(name, table)
        _write_table(known, name, table)
    return find(name)


def save(name: str, tensors: Mapping[str, Tensor], *, half: bool = True, **metadata: Any) -> Entry:
    """Writes tensors as safetensors into the weights folder and registers them.

    Args:
        name: as for :func:`register`.
        tensors: a state dict. More than :data:`SHARD_BYTES` become several files.
        half: store floating-point tensors as float16.
        **metadata: as for :func:`register`; ``job``, ``network`` and ``licence`` are needed.

    Raises:
        OptionInvalid, WeightsCorrupt, OSError: as :func:`register`; or the tensors do not fit the network.
    """
    stored = {key: _stored(value, half) for key, value in tensors.items()}
    groups = _shards(stored)
    targets = [folder() / shard for shard in _shard_names(name, len(groups))]
    digest_free = {"file": [target.name for target in targets], "sha256": ["0" * 64] * len(targets)}
    # Everything that can be wrong is found before a byte is written.
    entry = manifest.parse(name, {**metadata, **digest_free, "bytes": [1] * len(targets)})
    _network(entry, stored)
    folder().mkdir(parents=True, exist_ok=True)
    for target, group in zip(targets, groups, strict=True):
        write_atomic(target, to_safetensors(group, {"format": "pt"}))
    return register(name, targets, **metadata)


def import_checkpoint(
    source: str | Path,
    name: str,
    *,
    job: str,
    network: str,
    licence: str,
    architecture: Mapping[str, Any] | None = None,
    key: str | None = None,
    half: bool = False,
    replace_existing: bool = False,
    **metadata: Any,
) -> Entry:
    """Converts a foreign checkpoint to safetensors, once, and registers it. Code in the checkpoint is never run.

    Args:
        source: ``.pt``, ``.pth``, ``.pkl`` or ``.safetensors``.
        name: what the weights shall be called.
        job: the job that they are for.
        network: key of :data:`NETWORKS`.
        licence: what may be done with them.
        architecture: arguments of the network's class.
        key: which set of tensors, where the checkpoint holds several.
        half: store float16.
        replace_existing: whether weights of that name may be replaced.
        **metadata: as for :func:`register`.

    Raises:
        OptionInvalid: the name is taken, or an argument is wrong.
        WeightsCorrupt: the checkpoint is damaged, holds more than tensors, or does not fit the network.
    """
    if name in entries() and not replace_existing:
        raise OptionInvalid("There are weights of that name already; choose another name.")
    described = {"job": job, "network": network, "licence": licence, "architecture": dict(architecture or {})}
    return save(name, read_tensors(source, key), half=half, **described, **metadata)


def _manifest_path() -> Path:
    return folder() / "manifest.toml"


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


def _network(entry: Entry, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The entry's network in float32 on the CPU, filled with ``tensors``."""
    if entry.network not in NETWORKS:
        raise WeightsCorrupt(f"The weights “{entry.name}” are for a network that this version does not have.")
    module, _, name = NETWORKS[entry.network].partition(":")
    build: Callable[..., nn.Module] = getattr(importlib.import_module(module), name)
    misfit = WeightsCorrupt(f"The weights “{entry.name}” do not fit the network and architecture of their entry.")
    try:
        with torch.random.fork_rng(
            devices=[]
        ):  # initial values are drawn and thrown away; a run's seed must not notice
            network = build(**entry.architecture)
        network.load_state_dict(tensors, strict=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise misfit from error
    return network.eval().requires_grad_(False)


def _check_safetensors(path: Path) -> None:
    try:
        with safe_open(path, framework="pt") as file:
            count = len(file.keys())
    except SafetensorError as error:
        raise WeightsCorrupt("The file to register is no safetensors file.") from error
    if not count:
        raise WeightsCorrupt("The file to register holds no tensors.")


def _stored(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu()
    # A copy: safetensors refuses tensors that share their memory.
    return (value.half() if half and value.is_floating_point() else value).clone(memory_format=torch.contiguous_format)


def _shards(tensors: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    groups: list[dict[str, Tensor]] = [{}]
    room = SHARD_BYTES
    for name, value in tensors.items():
        size = value.numel() * value.element_size()
        if groups[-1] and size > room:
            groups.append({})
            room = SHARD_BYTES
        groups[-1][name] = value
        room -= size
    return groups


def _shard_names(name: str, count: int) -> list[str]:
    if count == 1:
        return [f"{name}.safetensors"]
    return [f"{name}-{number}-of-{count}.safetensors" for number in range(1, count + 1)]


def _write_table(known: dict[str, dict[str, Any]], name: str, table: dict[str, Any]) -> None:
    if table.get("default"):
        for other, kept in known.items():
            if other != name and kept.get("job") == table.get("job"):
                kept.pop("default", None)
    known[name] = table
    manifest.write_tables(_manifest_path(), known)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for key, value in new.items():
        inner = isinstance(value, Mapping) and isinstance(both.get(key), Mapping)
        both[key] = _merged(both[key], value) if inner else value
    return both


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
    with _manifest_lock:
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
