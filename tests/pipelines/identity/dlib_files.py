"""Files as dlib writes them: a small face recognition network of random numbers."""

from pathlib import Path

import numpy as np

WIDTHS, BLOCKS, DIMENSIONS = (4, 6), (1, 2), 5
"""Of the small network, as :class:`pipelines.identity.network.FaceRecognition` takes them."""


def integer(value: int) -> bytes:
    size = max(1, (abs(value).bit_length() + 7) // 8) if value else 1
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def integers(*values: int) -> bytes:
    return b"".join(map(integer, values))


def real(value: float) -> bytes:
    """A float: mantissa of 24 bits and exponent of two."""
    mantissa, exponent = np.frexp(np.float32(value))
    return integers(int(mantissa * 2**24), int(exponent) - 24)


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def tensor(values: np.ndarray, sides: tuple[int, int, int, int]) -> bytes:
    return integers(2, *sides) + values.astype("<f4").tobytes()


EMPTY = tensor(np.empty(0), (0, 0, 0, 0))
TRAINED = b"110" + 3 * EMPTY
RATES = 4 * real(1.0)


class DlibNetwork:
    """The network's own numbers before they are put into our layers, and its file."""

    def __init__(self, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.convolutions: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self.layers: list[bytes] = []

        def convolution(inputs: int, outputs: int, side: int, stride: int) -> None:
            weights = random.normal(0, 0.2, (outputs, inputs, side, side)).astype(np.float32)
            biases, factors, shifts = random.normal(0, 0.5, (3, outputs)).astype(np.float32)
            self.convolutions.append((weights, biases, factors, shifts))
            held = np.concatenate([weights.ravel(), biases])
            padding = 0 if stride == 2 else side // 2
            shape = integers(outputs, side, side, stride, stride, padding, padding)
            parts = integers(1, *weights.shape) + integers(1, 1, outputs, 1, 1)
            self._add("con_4", tensor(held, (held.size, 1, 1, 1)), shape, parts, RATES)
            both = np.concatenate([factors, shifts])
            self._add("affine_", tensor(both, (both.size, 1, 1, 1)), 2 * integers(1, 1, outputs, 1, 1), integer(0))

        convolution(3, WIDTHS[0], 7, 2)
        self._add("relu_")
        self._add("max_pool_2", integers(3, 3, 2, 2, 0, 0))
        inputs = WIDTHS[0]
        for stage, (width, count) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
            for number in range(count):
                halving = stage > 0 and number == 0
                convolution(inputs, width, 3, 2 if halving else 1)
                self._add("relu_")
                convolution(width, width, 3, 1)
                if halving:
                    self._add("avg_pool_2", integers(2, 2, 2, 2, 0, 0))
                self._add("add_prev_")
                self._add("relu_")
                inputs = width
        self._add("avg_pool_2", integers(0, 0, 1, 1, 0, 0))
        self.head = random.normal(0, 0.3, (inputs, DIMENSIONS)).astype(np.float32)
        self._add("fc_2", integers(DIMENSIONS, inputs), tensor(self.head, (inputs, DIMENSIONS, 1, 1)),
                  integers(1, inputs, DIMENSIONS, 1, 1), integers(1, 0, 0, 0, 0), integer(1), RATES)  # fmt: skip

    def _add(self, name: str, *parts: bytes) -> None:
        self.layers.append(text(name) + b"".join(parts) + TRAINED)

    def content(self) -> bytes:
        """The file: the versions of layers and tags, the layers, and a number behind the first of them."""
        versions = integers(*(2, 1) * (len(self.layers) - 1), 3)
        picture = text("input_rgb_image_sized") + b"".join(map(real, (122.782, 117.001, 104.298))) + integers(150, 150)
        loss = integer(1) + text("loss_metric_2") + real(0.04) + real(0.6)
        return loss + versions + picture + self.layers[0] + integer(1) + b"".join(self.layers[1:])

    def write(self, path: Path) -> Path:
        path.write_bytes(self.content())
        return path
