"""Networks with their weights, as the manifest names them, and the cache of those that were loaded.

Read from safetensors only, and only after :mod:`pipelines.models.store` has compared the files with their hashes.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pipelines.errors import WeightsCorrupt, WeightsUnknown
from pipelines.jobs import CLEFT_INPAINTING, networks, resolve
from pipelines.languages.translation import _
from pipelines.models.manifest import Entry
from pipelines.models.store import find, paths, verify

CACHED = 5
"""Loaded networks that are kept; the one unused for longest goes first."""

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
            raise WeightsUnknown(
                _("The weights “{name}” belong to another job; leave the name out.").format(name=entry.name)
            )
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
        raise WeightsCorrupt(
            _("The weights “{name}” are for a network that this version does not have.").format(name=entry.name)
        )
    builder = resolve(network.built_by)
    try:
        # Initial values are drawn and thrown away; a run's seed must not notice.
        with torch.random.fork_rng(devices=[]):
            built: nn.Module = builder(**entry.architecture)
        built.load_state_dict(tensors, strict=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise WeightsCorrupt(
            _("The weights “{name}” do not fit the network and architecture of their entry.").format(name=entry.name)
        ) from error
    return built.eval().requires_grad_(False)


def clear() -> None:
    """Forgets every loaded network, so that its memory can be used again."""
    with _models_lock:
        _models.clear()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _tensors(entry: Entry) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for path in paths(entry):
        try:
            shard = load_file(path, device="cpu")
        except (SafetensorError, OSError) as error:
            raise WeightsCorrupt(
                _("The weights “{name}” are no readable safetensors file.").format(name=entry.name)
            ) from error
        if shard.keys() & tensors.keys():
            raise WeightsCorrupt(_("Two files of the weights “{name}” hold the same tensor.").format(name=entry.name))
        tensors.update(shard)
    return tensors
