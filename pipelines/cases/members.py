"""Arrays as members of a case file: pictures and masks as PNG, which people can look at, and all else as NPY."""

from io import BytesIO
from typing import Any

import cv2
import numpy as np

from pipelines.arrays import Numbers
from pipelines.cases.codec import wrong
from pipelines.faces.images import encode_png

_PNG_BEGIN = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_DTYPES = ("uint8", "bool", "float32", "float64")

KINDS = (".png", ".npy")


def write_array(array: Numbers) -> tuple[str, bytes]:
    """Ending of the name, and content.

    Args:
        array: ``uint8``, ``bool``, ``float32`` or ``float64``, of one to three dimensions.

    Raises:
        TypeError: it is none of these.
    """
    if array.dtype.name not in _DTYPES:
        raise TypeError(f"{array.dtype} has no place in a case file")
    if array.size and _is_picture(array.dtype.name, list(array.shape)):
        return ".png", encode_png(array)
    buffer = BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return ".npy", buffer.getvalue()


def described(array: Numbers) -> dict[str, Any]:
    """What the file says of the array, so that its size is known before it is decoded."""
    return {"dtype": array.dtype.name, "shape": list(array.shape)}


def bytes_of(said: dict[str, Any]) -> int:
    """Bytes that the array takes in memory.

    Args:
        said: as :func:`described`, of a file that nobody has checked.

    Raises:
        CaseFileInvalid: it describes no array.
    """
    shape, dtype = said.get("shape"), said.get("dtype")
    if dtype not in _DTYPES or not isinstance(shape, list) or not 1 <= len(shape) <= 3:
        raise wrong()
    if not all(type(side) is int and 0 <= side < 2**20 for side in shape):
        raise wrong()
    size = np.dtype(dtype).itemsize
    for side in shape:
        size *= side
    return size


def read_array(data: bytes, said: dict[str, Any]) -> Numbers:
    """The array, which is what was said of it.

    Args:
        data: of the member; its hash is right, and nothing else of it was checked.
        said: as :func:`described`; :func:`bytes_of` has accepted it.

    Raises:
        CaseFileInvalid: it is another one, or none.
    """
    shape, dtype = tuple(said["shape"]), said["dtype"]
    try:
        return _picture(data, shape, dtype) if data.startswith(_PNG_BEGIN) else _numbers(data, shape, dtype)
    except (ValueError, EOFError, SyntaxError, cv2.error):
        raise wrong() from None


def _is_picture(dtype: str, shape: list[int]) -> bool:
    return (dtype == "uint8" and len(shape) == 3 and shape[2] == 3) or (dtype in ("uint8", "bool") and len(shape) == 2)


def _picture(data: bytes, shape: tuple[int, ...], dtype: str) -> Numbers:
    # The header is looked at before a pixel is decoded: a forged size cannot fill the memory.
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    kind = bytes((8, 2 if len(shape) == 3 else 0, 0, 0, 0))  # bits, colours, and three times the usual
    if not _is_picture(dtype, list(shape)) or (height, width) != shape[:2] or data[24:29] != kind:
        raise wrong()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint8 or picture.shape != shape:
        raise wrong()
    if dtype == "bool":
        return picture > 127
    return picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _numbers(data: bytes, shape: tuple[int, ...], dtype: str) -> Numbers:
    buffer = BytesIO(data)
    if np.lib.format.read_magic(buffer) != (1, 0):
        raise wrong()
    found, fortran, kind = np.lib.format.read_array_header_1_0(buffer)
    count = int(np.prod(shape, dtype=np.int64))
    at = buffer.tell()
    if found != shape or fortran or kind != np.dtype(dtype) or len(data) - at != count * kind.itemsize:
        raise wrong()
    return np.frombuffer(data, kind, count, at).reshape(shape).copy()
