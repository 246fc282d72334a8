"""Frozen dataclasses as JSON whose arrays lie beside it, and back: a value is read only as what its type says."""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from pipelines.arrays import Numbers
from pipelines.errors import CaseFileInvalid
from pipelines.languages.translation import _

Put = Callable[[str, Numbers], str]
"""Is given what an array is and the array, keeps it, and says by which name."""

Get = Callable[[str], Numbers]
"""The array of that name."""

_ARRAY = "array"
_NO_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}  # JSON has none of them


def encode(value: Any, what: str, put: Put) -> Any:
    """A value ready for JSON.

    Args:
        value: a dataclass, tuple, list, mapping, text, number, array or None.
        what: what it is, in words with slashes; arrays are kept under it.
        put: keeps an array.
    """
    if isinstance(value, np.ndarray):
        return {_ARRAY: put(what, value)}
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: encode(getattr(value, one.name), f"{what}/{one.name}", put) for one in fields(value)}
    if isinstance(value, Mapping):
        return {key: encode(one, f"{what}/{key}", put) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [encode(one, f"{what}-{number}", put) for number, one in enumerate(value, 1)]
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if np.isfinite(number) else str(number).replace("inf", "Infinity").replace("nan", "NaN")
    if isinstance(value, np.integer):
        return int(value)
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a case file")


def decode(tree: Any, hint: Any, get: Get) -> Any:
    """What :func:`encode` made, as a type says it.

    Args:
        tree: of JSON.
        hint: the type.
        get: gives an array.

    Raises:
        CaseFileInvalid: it is nothing of that type.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        return _one_of(tree, arguments, get)
    if hint is type(None) and tree is None:
        return None
    if origin is Literal and isinstance(tree, str) and tree in arguments:
        return tree
    if origin is np.ndarray and isinstance(tree, dict) and tree.keys() == {_ARRAY}:
        return _array(get(tree[_ARRAY]), arguments[1])
    if origin in (tuple, list) and isinstance(tree, list):
        return origin(decode(one, arguments[0], get) for one in tree)
    if (origin is Mapping or origin is dict) and isinstance(tree, dict):
        return {key: decode(one, arguments[1], get) for key, one in tree.items()}
    if is_dataclass(hint) and isinstance(tree, dict):
        return _dataclass(tree, hint, get)
    return _plain(tree, hint)


def wrong() -> CaseFileInvalid:
    """What is raised where something is not what it should be."""
    return CaseFileInvalid(
        _("This case file is damaged: what it says of itself cannot be read. Use another copy of it.")
    )


def _plain(tree: Any, hint: Any) -> Any:
    if hint is float:
        if isinstance(tree, str) and tree in _NO_NUMBERS:
            return _NO_NUMBERS[tree]
        if isinstance(tree, int | float) and not isinstance(tree, bool):
            return float(tree)
    elif hint in (str, bool, int) and type(tree) is hint:
        return tree
    raise wrong()


def _one_of(tree: Any, hints: tuple[Any, ...], get: Get) -> Any:
    """The first that fits; numbers that are whole stay so."""
    exact = [hint for hint in hints if isinstance(hint, type) and type(tree) is hint]
    for hint in (*exact, *hints):
        try:
            return decode(tree, hint, get)
        except CaseFileInvalid:
            continue
    raise wrong()


def _array(array: Numbers, dtype: Any) -> Numbers:
    (kind,) = get_args(dtype)
    kind = get_origin(kind) or kind
    fits = array.ndim == 3 and array.shape[2] == 3 if issubclass(kind, np.uint8) else array.ndim == 2
    if not fits or not issubclass(array.dtype.type, kind):
        raise wrong()
    return array


def _dataclass(tree: dict[str, Any], hint: Any, get: Get) -> Any:
    hints = get_type_hints(hint)
    known = {one.name: one for one in fields(hint)}
    needed = {name for name, one in known.items() if one.default is MISSING and one.default_factory is MISSING}
    if tree.keys() - known.keys() or needed - tree.keys():
        raise wrong()
    return hint(**{name: decode(one, hints[name], get) for name, one in tree.items()})
