"""dlib's face recognition network: from a picture of an aligned face to 128 numbers that stay near for one person.

A residual network of 29 layers: He et al. 2016, "Deep residual learning for image recognition", with a few layers
removed and half of the filters. Source: D. E. King, dlib's ``dnn_face_recognition_ex.cpp``; the weights are his.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

_MEAN = (122.782, 117.001, 104.298)  # red, green and blue that dlib takes off a picture
_SCALE = 256.0  # and what it divides by


class FaceRecognition(nn.Module):
    """The network.

    Args:
        widths: channels of each stage, never fewer than before; every stage but the first halves the features in its
            first block.
        blocks: residual blocks of each stage.
        dimensions: length of an embedding.
    """

    mean: Tensor

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 256, 256),
        blocks: Sequence[int] = (3, 4, 3, 3, 1),
        dimensions: int = 128,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.stem = nn.Conv2d(3, widths[0], 7, stride=2)
        self.blocks = nn.Sequential()
        inputs = widths[0]
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            for number in range(count):
                self.blocks.append(_Block(inputs, width, halving=stage > 0 and number == 0))
                inputs = width
        self.head = nn.Linear(inputs, dimensions, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """The embeddings.

        Args:
            image: ``(N, 3, 150, 150)``, RGB in [0, 255].

        Returns:
            ``(N, dimensions)``, not of length 1.
        """
        features = functional.relu(self.stem((image - self.mean) / _SCALE))
        features = self.blocks(functional.max_pool2d(features, 3, stride=2))
        embeddings: Tensor = self.head(features.mean((2, 3)))
        return embeddings


class _Block(nn.Module):
    """Two convolutions beside the features as they are, or beside their means of two by two.

    Where the two differ in size, dlib continues the smaller with zeros: means have fewer channels, and of an even side
    one row and column more.
    """

    def __init__(self, inputs: int, outputs: int, *, halving: bool) -> None:
        super().__init__()
        self.halving = halving
        stride, padding = (2, 0) if halving else (1, 1)
        self.first = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=padding)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        changed = self.second(functional.relu(self.first(features)))
        if not self.halving:
            return functional.relu(changed + features)
        kept = functional.avg_pool2d(features, 2)
        channels, rows, columns = (a - b for a, b in zip(changed.shape[1:], kept.shape[1:], strict=True))
        kept = functional.pad(kept, (0, 0, 0, 0, 0, channels))
        return functional.relu(functional.pad(changed, (0, -columns, 0, -rows)) + kept)
