"""Foreign checkpoints, read without running anything that they carry.

A ``.pt``, ``.pth`` or ``.pkl`` file is a pickle: a program that may call any function. Here the functions that it may
call are counted on two hands, and everything else is refused.
"""

import codecs
import pickle
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from types import FunctionType
from typing import Any, BinaryIO
from zipfile import ZipFile

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from pipelines.errors import OptionInvalid, WeightsCorrupt
from pipelines.languages.translation import _

SUFFIXES = (".safetensors", ".pt", ".pth", ".pkl")

_REFUSED = _(
    "This checkpoint holds more than tensors, so it was not opened; save its state dict alone and import that."
)
_DAMAGED = _("This checkpoint is damaged or of an unknown kind; get it again, or save its state dict as .safetensors.")


def read_tensors(source: str | Path, key: str | None = None) -> dict[str, Tensor]:
    """The tensors of a checkpoint, on the CPU, contiguous, each with memory of its own.

    Understood are ``.safetensors``; ``.pt`` and ``.pth`` of ``torch.save``; ``.pkl`` of plain ``pickle`` that hold
    only dictionaries, NumPy arrays and tensors. A ``module.`` before every name (DistributedDataParallel) is dropped.

    Args:
        source: the file.
        key: which of several sets of tensors, as in ``"params_ema"`` or ``"model.state_dict"``; may be left out where
            there is only one.

    Raises:
        WeightsCorrupt: the file is damaged, or would run code.
        OptionInvalid: the kind is unknown, ``key`` leads nowhere, or the file holds several sets and ``key`` is None.
    """
    tensors = _choose(read_content(source), key)
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}


def read_about(source: str | Path) -> dict[str, str]:
    """What the header of a ``.safetensors`` file says beside its tensors, such as what our recipes write: network,
    architecture, steps and command. Empty of other files, and of damaged ones, which :func:`read_tensors` refuses.
    """
    if Path(source).suffix.lower() != ".safetensors" or not Path(source).is_file():
        return {}
    try:
        with safe_open(source, framework="pt") as file:
            return file.metadata() or {}
    except SafetensorError:
        return {}


def read_content(source: str | Path) -> Any:
    """All that a checkpoint holds: dictionaries, lists, numbers, texts, arrays, tensors, options of a command line.

    Args:
        source: as for :func:`read_tensors`.

    Raises:
        WeightsCorrupt: the file is damaged, or would run code.
        OptionInvalid: the kind is unknown, or there is no such file.
    """
    source = Path(source)
    suffix = source.suffix.lower()
    if suffix not in SUFFIXES:
        raise OptionInvalid(_("A checkpoint must be one of {choices}.").format(choices=", ".join(SUFFIXES)))
    if not source.is_file():
        raise OptionInvalid(_("The checkpoint does not exist; check its path."))
    try:
        if suffix == ".safetensors":
            return load_file(source, device="cpu")
        with source.open("rb") as file:
            archive = file.read(4) == b"PK\3\4"  # what torch.save writes, whatever the file is called
            if archive and sum(entry.file_size for entry in ZipFile(file).infolist()) > source.stat().st_size:
                raise WeightsCorrupt(_DAMAGED)  # torch packs nothing; what unpacks to more is a trap
            file.seek(0)
            return _torch_load(file) if archive or suffix != ".pkl" else _Unpickler(file).load()
    except WeightsCorrupt:
        raise
    except Exception as error:  # a damaged pickle or archive may raise anything
        # torch refuses and stumbles by the same class; only its text tells which.
        refused = any(word in str(error).lower() for word in ("unsupported global", "allowlisted", "torchscript"))
        raise WeightsCorrupt(_REFUSED if refused else _DAMAGED) from error


def _torch_load(file: BinaryIO) -> Any:
    # Many recipes store the options they were called with; the class holds them and does nothing.
    with torch.serialization.safe_globals([Namespace]):
        return torch.load(file, map_location="cpu", weights_only=True)


class _Unpickler(pickle.Unpickler):
    """Builds dictionaries, arrays and tensors; refuses every other name."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        allowed = _ALLOWED.get((module, name))
        if allowed is None:
            raise WeightsCorrupt(_REFUSED)
        # A pickle may set attributes of what it was given; those of a function shall be its own copy's.
        return (lambda *args: allowed(*args)) if isinstance(allowed, FunctionType) else allowed

    def persistent_load(self, pid: Any) -> Any:
        raise WeightsCorrupt(_REFUSED)


def _encode(text: str, encoding: str) -> bytes:
    """What old pickles of bytes call; one encoding only, because others unpack archives."""
    if encoding != "latin1":
        raise WeightsCorrupt(_REFUSED)
    return codecs.encode(text, "latin1")


def _storage(data: bytes) -> Any:
    """Stands in for torch's own function of that place, which would unpickle without an allow-list."""
    return _torch_load(BytesIO(data))


_MULTIARRAY: Any = np.core.multiarray  # NumPy's stubs leave out what pickles name

_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _encode,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _MULTIARRAY._reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _MULTIARRAY._reconstruct,
    ("numpy.core.multiarray", "scalar"): _MULTIARRAY.scalar,
    ("numpy._core.multiarray", "scalar"): _MULTIARRAY.scalar,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    ("torch.storage", "_load_from_bytes"): _storage,
}


def _choose(content: Any, key: str | None) -> dict[str, Tensor]:
    if key:
        for part in key.split("."):
            if not isinstance(content, Mapping) or part not in content:
                raise OptionInvalid(
                    _("The checkpoint has nothing under that key; leave the key out to see which it has.")
                )
            content = content[part]
    found = _tensors(content)
    if found:
        return found
    if not isinstance(content, Mapping):
        raise WeightsCorrupt(_("This checkpoint holds no named tensors."))
    sets = {name: found for name, value in content.items() if (found := _tensors(value))}
    if not sets:
        raise WeightsCorrupt(_("This checkpoint holds no named tensors."))
    if len(sets) > 1:
        names = ", ".join(str(name) for name in sets if str(name).isidentifier())
        raise OptionInvalid(
            _("The checkpoint holds several sets of tensors; choose one with a key: {names}.").format(names=names)
        )
    return next(iter(sets.values()))


def _tensors(content: Any) -> dict[str, Tensor] | None:
    """``content`` as named tensors, or None where it is anything else."""
    if not isinstance(content, Mapping) or not content:
        return None
    tensors = {}
    for name, value in content.items():
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
            value = torch.from_numpy(np.array(value))
        if not isinstance(name, str) or not isinstance(value, Tensor):
            return None
        tensors[name] = value
    return tensors
