"""Writing weights: files into the weights folder, and their entries into its manifest.

Reading them is :mod:`pipelines.models.store`'s.
"""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from pipelines.errors import OptionInvalid, WeightsCorrupt
from pipelines.files import copy_atomic, sha256_of, write_atomic
from pipelines.jobs import networks, resolve
from pipelines.languages.translation import _
from pipelines.models import loading, manifest, store
from pipelines.models.checkpoints import read_tensors
from pipelines.models.manifest import Entry
from pipelines.models.places import folder

SHARD_BYTES = 16 * 2**20
"""Most bytes of tensors in one file; larger weights become several."""

_manifest_lock = threading.Lock()


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
        raise OptionInvalid(_("Weights are named with letters, digits, - and _, at most 64 of them."))
    sources = [Path(files)] if isinstance(files, str | Path) else [Path(file) for file in files]
    for source in sources:
        _check_safetensors(source)
    targets = [folder() / shard for shard in _shard_names(name, len(sources))]
    with _manifest_lock:
        known = manifest.read_tables(store.manifest_path())
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
    return store.find(name)


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
    loading.build(entry, stored)
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
    **metadata: Any,
) -> Entry:
    """Converts a foreign checkpoint to safetensors, once, and registers it. Code in the checkpoint is never run.

    Args:
        source: ``.pt``, ``.pth``, ``.pkl`` or ``.safetensors``, or what the network's publisher writes
            (:attr:`pipelines.jobs.Network.foreign`).
        name: what the weights shall be called.
        job: the job that they are for.
        network: key of :func:`pipelines.jobs.networks`.
        licence: what may be done with them.
        architecture: arguments of the network's class.
        key: which set of tensors, where the checkpoint holds several.
        half: store float16.
        **metadata: as for :func:`register`.

    Raises:
        OptionInvalid: the name is taken, or an argument is wrong.
        WeightsCorrupt: the checkpoint is damaged, holds more than tensors, or does not fit the network.
    """
    if name in store.entries():
        raise OptionInvalid(_("There are weights of that name already; choose another name."))
    described = {"job": job, "network": network, "licence": licence, "architecture": dict(architecture or {})}
    known = networks().get(network)
    reader = known.foreign.get(Path(source).suffix.lower()) if known else None
    tensors = resolve(reader)(source) if reader else read_tensors(source, key)
    return save(name, tensors, half=half, **described, **metadata)


def _check_safetensors(path: Path) -> None:
    try:
        with safe_open(path, framework="pt") as file:
            count = len(file.keys())
    except SafetensorError as error:
        raise WeightsCorrupt(_("The file to register is no safetensors file.")) from error
    if not count:
        raise WeightsCorrupt(_("The file to register holds no tensors."))


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
    manifest.write_tables(store.manifest_path(), known)
