"""NVIDIA's network pickles, read as plain data: nothing that a file names is imported, nothing that it brings is run.

A pickle is a program. Here the names in it stay names, the few of them that stand in this module's table are answered
by functions of this module, and everything else is refused. No claim of a file makes more memory than it has bytes.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from math import prod
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.storage import TypedStorage

from pipelines.arrays import Numbers
from pipelines.errors import WeightsCorrupt

_UNREADABLE = (
    "This file is damaged or holds more than networks, so it was not opened; "
    "get it again from where the networks were published."
)
_NUMBERS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"f2", "f4", "f8", "b1"}
_KEY = str | int
_DIMENSIONS = 8  # most that an array may have


@dataclass
class Record:
    """An object of a class that was not imported: what was stored with it."""

    attributes: dict[str, Any] = field(default_factory=dict)


def read_pickle(path: str | Path) -> Any:
    """What a pickle of NVIDIA's StyleGAN repositories holds.

    Understood are numbers, texts, containers, NumPy arrays of numbers, PyTorch tensors, and networks of
    ``dnnlib.tflib.network`` and of ``torch_utils.persistence``, which become a :class:`Record`. Their source code,
    which they carry and NVIDIA's readers run, is dropped.

    Args:
        path: a file that ``pickle.dump`` wrote, with any protocol.

    Raises:
        WeightsCorrupt: the file is damaged, names anything else, or claims more than it holds.
        OSError: the file cannot be opened.
    """
    with open(path, "rb") as file:
        try:
            # Read through a map, a claimed length ends where the file does.
            with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
                return _Unpickler(content).load()
        except Exception as error:  # a damaged pickle may raise anything
            raise WeightsCorrupt(_UNREADABLE) from error


class _Refused(Exception):
    """The file asks for something that no network needs."""


class _Name(NamedTuple):
    """What the file calls a class or a function."""

    module: str
    name: str


@dataclass
class _Kind:
    """The type of an array's elements."""

    code: str
    order: str = "="

    def dtype(self) -> np.dtype:
        return np.dtype(self.order + self.code)


class _Unpickler(pickle._Unpickler):
    """Python's unpickler, its every way to a call or a name led through this module's tables.

    It is the one written in Python, since that in C cannot be kept from calling what lies on its stack, and makes its
    memo as long as a file says.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = pickle._Unpickler.dispatch.copy()
    # What it is written with, and typeshed does not tell of.
    stack: list[Any]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]

    def find_class(self, module: str, name: str) -> _Name:
        found = _Name(module, name)
        if found != _ARRAY and found not in _MAKERS:
            raise _Refused(found)
        return found

    def get_extension(self, code: int) -> None:
        raise _Refused("extension")

    def _instantiate(self, klass: Any, args: Any) -> None:
        raise _Refused("instance of protocol 0")

    def load_reduce(self) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        self.append(_made(name, arguments))

    def load_newobj_ex(self) -> None:
        raise _Refused("object with keywords")

    def load_build(self) -> None:
        state = self.stack.pop()
        _fill(self.stack[-1], state)

    def load_bytearray8(self) -> None:
        size = int.from_bytes(self.read(8), "little")
        self.append(bytearray(self.read(size)))

    # What an operation fills is of the type that it is for: a tensor's own methods of these names compute.
    def load_append(self) -> None:
        item = self.stack.pop()
        _of(list, self.stack[-1]).append(item)

    def load_appends(self) -> None:
        items = self.pop_mark()
        _of(list, self.stack[-1]).extend(items)

    def load_additems(self) -> None:
        items = self.pop_mark()
        _of(set, self.stack[-1]).update(_keys(items))

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _of(dict, self.stack[-1])[_of(_KEY, key)] = value

    def load_setitems(self) -> None:
        items = self.pop_mark()
        _of(dict, self.stack[-1]).update(zip(_keys(items[::2]), items[1::2], strict=True))

    dispatch |= {
        pickle.REDUCE[0]: load_reduce,
        pickle.NEWOBJ[0]: load_reduce,
        pickle.NEWOBJ_EX[0]: load_newobj_ex,
        pickle.BUILD[0]: load_build,
        pickle.BYTEARRAY8[0]: load_bytearray8,
        pickle.APPEND[0]: load_append,
        pickle.APPENDS[0]: load_appends,
        pickle.ADDITEMS[0]: load_additems,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
    }


def _of(kind: Any, made: Any) -> Any:
    if not isinstance(made, kind):
        raise _Refused(kind)
    return made


def _keys(items: list) -> list:
    """``items``, once they are known to be texts and numbers: a nested tuple may take for ever to hash."""
    return [_of(_KEY, item) for item in items]


def _made(name: Any, arguments: Any) -> Any:
    return _MAKERS[_of(_Name, name)](*_of(tuple, arguments))


def _fill(made: Any, state: Any) -> None:
    """Gives an object what the file says of it, after it was made."""
    if isinstance(made, Record) and isinstance(state, dict):
        made.attributes.update(state)
    elif isinstance(made, _Kind):
        made.order = {"<": "<", ">": ">", "|": "=", "=": "="}[state[1]]
    elif isinstance(made, np.ndarray):
        _, shape, kind, fortran, content = state
        made.__setstate__((1, shape, _checked(content, kind, shape), bool(fortran), content))
    elif not isinstance(made, dict):  # attributes of a dictionary say nothing of networks
        raise _Refused("state")


def _checked(content: Any, kind: Any, shape: Any) -> np.dtype:
    """The type of an array, once its size is known to be that of its content."""
    dtype = kind.dtype()
    if _count(shape) * dtype.itemsize != len(_of(bytes | bytearray, content)):
        raise _Refused("size of an array")
    return dtype


def _count(shape: Any) -> int:
    """How many elements an array of that shape has."""
    if not isinstance(shape, tuple) or len(shape) > _DIMENSIONS:
        raise _Refused("shape")
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise _Refused("shape")
    return prod(shape)


def _dictionary() -> dict:
    return {}


def _set(items: list) -> set:
    return set(_keys(_of(list, items)))


def _persistent(meta: dict) -> Record:
    return Record(dict(meta["state"]))


def _kind(code: str, *_: Any) -> _Kind:
    if code not in _NUMBERS:
        raise _Refused("type of an array")
    return _Kind(code)


def _empty_array(*_: Any) -> Numbers:
    return np.empty(0, np.int8)


def _scalar(kind: _Kind, content: bytes) -> float | int | bool:
    return np.frombuffer(content, kind.dtype()).item()


def _array(content: bytes | bytearray, kind: _Kind, shape: tuple[int, ...], order: Literal["C", "F"]) -> Numbers:
    return np.frombuffer(content, _checked(content, kind, shape)).reshape(shape, order=order)


def _encoded(text: str, encoding: str) -> bytes:
    """What protocols below 3 call for bytes; one encoding only, because others unpack archives."""
    if encoding != "latin1":
        raise _Refused("encoding")
    return text.encode("latin1")


def _storage(content: bytes) -> Tensor:
    """A tensor's memory, flat, from what ``torch.save`` wrote of it before its files were archives."""
    if content.startswith(b"PK"):  # an archive may unpack to any size
        raise _Refused("archive")
    storage = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    if not isinstance(storage, TypedStorage):
        raise _Refused("storage")
    return torch.empty(0, dtype=storage.dtype).set_(storage)


def _tensor(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    if _count(size) > storage.numel():  # a stride of 0 would repeat what is there
        raise _Refused("size of a tensor")
    return storage.as_strided(size, stride, offset)


def _parameter(tensor: Tensor, *_: Any) -> Tensor:
    return tensor


_ARRAY = _Name("numpy", "ndarray")  # named, never called

_MAKERS: dict[_Name, Callable] = {
    _Name("collections", "OrderedDict"): _dictionary,
    _Name("dnnlib.util", "EasyDict"): _dictionary,
    _Name("dnnlib.tflib.network", "Network"): Record,
    _Name("torch_utils.persistence", "_reconstruct_persistent_obj"): _persistent,
    _Name("builtins", "set"): _set,
    _Name("__builtin__", "set"): _set,
    _Name("_codecs", "encode"): _encoded,
    _Name("numpy", "dtype"): _kind,
    _Name("numpy.core.multiarray", "_reconstruct"): _empty_array,
    _Name("numpy._core.multiarray", "_reconstruct"): _empty_array,
    _Name("numpy.core.multiarray", "scalar"): _scalar,
    _Name("numpy._core.multiarray", "scalar"): _scalar,
    _Name("numpy.core.numeric", "_frombuffer"): _array,
    _Name("numpy._core.numeric", "_frombuffer"): _array,
    _Name("torch.storage", "_load_from_bytes"): _storage,
    _Name("torch._utils", "_rebuild_tensor_v2"): _tensor,
    _Name("torch._utils", "_rebuild_parameter"): _parameter,
}
