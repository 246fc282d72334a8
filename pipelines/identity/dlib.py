"""Reads the face recognition network that dlib publishes, from dlib's own file format, without dlib.

The file, ``dlib_face_recognition_resnet_model_v1.dat``, is a stream of numbers, texts and tensors; nothing in it is
code. A whole number is a byte with its length and sign, then its bytes, lowest first. A float is two of them, mantissa
and exponent of two. A text is its length and its bytes. A tensor is its version, four sides and its ``float32``. First
come the versions of all layers, the last layer's first; then the layers, the first layer first, each by its name.

Source: D. E. King's dlib, its serialization (``dlib/serialize.h``) and its networks (``dlib/dnn``).
"""

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipelines.arrays import Floats
from pipelines.errors import OptionInvalid, WeightsCorrupt
from pipelines.languages.translation import _

_DAMAGED = _("This file is damaged, or holds no face recognition network of dlib's; get it again.")

_TAG, _LAYER, _FIRST = 1, 2, 3  # versions: of a tag, which holds nothing; of a layer; of the layer on the picture
_FOUND_IN = {
    "con_4": "tiiiiiiiaaffff",  # parameters; count, height and width of the filters, strides, padding; parts; rates
    "affine_": "taai",
    "relu_": "",
    "max_pool_2": "iiiiii",
    "avg_pool_2": "iiiiii",
    "add_prev_": "",
    "fc_2": "iitaaiffff",  # outputs and inputs; parameters; parts; whether there are biases; rates
}
"""Name of a layer -> what it holds: t a tensor, i a whole number, a the shape of a part of the tensor, f a float."""

_CONVOLUTION = "con_4 affine_ "
_BLOCK = f"{_CONVOLUTION}relu_ {_CONVOLUTION}(avg_pool_2 )?add_prev_ relu_ "
_NETWORK = re.compile(f"{_CONVOLUTION}relu_ max_pool_2 ({_BLOCK})+avg_pool_2 fc_2")


def read_face_recognition(source: str | Path) -> dict[str, Tensor]:
    """The weights of dlib's network by the names of :class:`pipelines.identity.network.FaceRecognition`.

    A convolution of dlib's is followed by a scale and a shift of its channels; ours has them in its own weights.

    Args:
        source: the file.

    Returns:
        ``float32`` tensors on the CPU.

    Raises:
        OptionInvalid: the file cannot be read.
        WeightsCorrupt: it is damaged, or holds another network.
    """
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        raise OptionInvalid(_("The checkpoint cannot be read; check its path.")) from error
    try:
        return _named(_Stream(content).layers())
    except (ValueError, IndexError) as error:  # what does not end, or is not of the shape that it says
        raise WeightsCorrupt(_DAMAGED) from error


@dataclass(frozen=True)
class _Layer:
    """A layer: its name, and its whole numbers and parameters as the file gives them."""

    name: str
    numbers: tuple[int, ...]
    parameters: Floats


def _named(layers: list[_Layer]) -> dict[str, Tensor]:
    if not _NETWORK.fullmatch(" ".join(layer.name for layer in layers)):
        raise ValueError("another network")
    convolutions, scales = ([layer for layer in layers if layer.name == name] for name in ("con_4", "affine_"))
    blocks = [f"blocks.{number}.{half}" for number in range(len(convolutions) // 2) for half in ("first", "second")]
    tensors: dict[str, Floats] = {}
    for name, convolution, scale in zip(["stem", *blocks], convolutions, scales, strict=True):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = _scaled(convolution, scale)
    outputs, inputs = layers[-1].numbers[:2]
    tensors["head.weight"] = layers[-1].parameters.reshape(inputs, outputs).T
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()}


def _scaled(convolution: _Layer, scale: _Layer) -> tuple[Floats, Floats]:
    """Weights and biases of a convolution with the scale and the shift after it."""
    count, height, width = convolution.numbers[:3]
    weights, biases = np.split(convolution.parameters, [-count])
    factors, shifts = scale.parameters.reshape(2, count)
    return weights.reshape(count, -1, height, width) * factors[:, None, None, None], biases * factors + shifts


class _Stream:
    """The bytes of a file, read once from the front; ``ValueError`` or ``IndexError`` where they are something else."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def layers(self) -> list[_Layer]:
        """The layers of a network, the first one first."""
        _expect(self._integer() == 1 and self._text() == "loss_metric_2")
        self._floats(2)  # margin and threshold of the loss
        following = 0
        while (version := self._integer()) != _FIRST:
            _expect(version in (_TAG, _LAYER))
            following += version == _LAYER
        _expect(self._text() == "input_rgb_image_sized")
        self._floats(3)  # mean colour
        self._integers(2)  # sides of the picture
        first = self._layer()
        self._integer()  # how many samples a picture becomes
        layers = [first, *(self._layer() for _turn in range(following))]
        _expect(self._at == len(self._content))
        return layers

    def _layer(self) -> _Layer:
        name = self._text()
        _expect(name in _FOUND_IN)
        numbers, parameters = [], np.empty(0, np.float32)
        for kind in _FOUND_IN[name]:
            if kind == "i":
                numbers.append(self._integer())
            elif kind == "t":
                parameters = self._tensor()
            elif kind == "a":
                self._integers(5)
            else:
                self._floats(1)
        self._take(3)  # flags of training
        for _turn in range(3):  # gradients and the last output, empty
            self._tensor()
        return _Layer(name, tuple(numbers), parameters)

    def _take(self, count: int) -> bytes:
        _expect(count <= len(self._content) - self._at)
        self._at += count
        return self._content[self._at - count : self._at]

    def _integer(self) -> int:
        (head,) = self._take(1)
        value = int.from_bytes(self._take(head & 0x0F), "little")
        return -value if head & 0x80 else value

    def _integers(self, count: int) -> tuple[int, ...]:
        return tuple(self._integer() for _turn in range(count))

    def _floats(self, count: int) -> None:
        self._integers(2 * count)

    def _text(self) -> str:
        return self._take(self._integer()).decode("ascii")

    def _tensor(self) -> Floats:
        _expect(self._integer() == 2)
        sides = self._integers(4)
        _expect(min(sides) >= 0)
        return np.frombuffer(self._take(4 * prod(sides)), "<f4")


def _expect(true: bool) -> None:
    if not true:
        raise ValueError("not what dlib writes here")
