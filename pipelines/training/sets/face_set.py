"""Aligned faces and what is known of them: what training learns from, wherever they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipelines.arrays import Integers


@dataclass(frozen=True)
class FaceSet:
    """Aligned faces in memory, or mapped into it.

    Attributes:
        names: one name a face.
        images: ``uint8`` ``(N, 3, S, S)``, RGB.
        meshes: ``float32`` ``(N, 478, 2)``, FaceMesh points as a fraction of the crop's side (0-1 inside).
        ages: ``float32`` ``(N,)``, years, not a number where unknown; None where the set has no table of them.
        outlines: of :func:`pipelines.training.sets.outlines.all_outlines`, where they are known already.
        groups: of :func:`pipelines.training.sets.balance.groups`, where they are known already.
    """

    names: tuple[str, ...]
    images: Tensor
    meshes: Tensor
    ages: Tensor | None = None
    outlines: Tensor | None = None
    groups: Mapping[str, Integers] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def to(self, device: torch.device | str) -> "FaceSet":
        """The same set on ``device``."""
        return replace(self, images=self.images.to(device), meshes=self.meshes.to(device))

    @property
    def nbytes(self) -> int:
        """Memory that the images take."""
        return self.images.numel()
