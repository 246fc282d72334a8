"""Frechet distance between two sets of pictures, on AlexNet's features.

This is not FID: FID is defined on Inception's features, and its numbers are on another scale. The two must not be
compared.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchvision.models import alexnet

from pipelines.errors import WeightsCorrupt
from pipelines.languages.translation import _
from pipelines.metrics.backbones import read_backbone

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, on intensities in [0, 1]


class AlexNetFeatures(nn.Module):
    """The mean over the picture of AlexNet's last convolutional features, ``(N, 256)``.

    Takes pictures ``(N, 3, H, W)`` in [-1, 1].

    Args:
        folder: folder of backbone files; None looks in the usual places.

    Raises:
        WeightsMissing: AlexNet's file is not on this machine.
        WeightsCorrupt: it does not hold AlexNet's weights.
    """

    num_features = 256
    mean: Tensor
    deviation: Tensor

    def __init__(self, folder: str | Path | None = None) -> None:
        super().__init__()
        state = read_backbone("alex", folder)
        with torch.device("meta"):  # without drawing 61 million random weights first
            self.features = alexnet(weights=None).features[:-1]  # less the last max-pool: the mean pools
        try:
            self.features.load_state_dict({key.split(".", 1)[1]: value for key, value in state.items()}, assign=True)
        except RuntimeError as error:
            raise WeightsCorrupt(
                _("The file of the loss network 'alex' holds another network; fetch or copy it again.")
            ) from error
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1))
        self.requires_grad_(False)
        self.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        return self.features(((pictures + 1) / 2 - self.mean) / self.deviation).mean((2, 3))


class FrechetDistance:
    """Frechet distance between the Gaussians fitted to two sets of features; add pictures in batches, then compute.

    ‖µ1 − µ2‖² + tr(Σ1 + Σ2 − 2 (Σ1 Σ2)^½), the sums in float64. It falls with the number of pictures, so compare sets
    of equal size only.

    Args:
        features: module that makes ``(N, F)`` features of a batch and has ``num_features`` = F; usually
            :class:`AlexNetFeatures`.
    """

    def __init__(self, features: nn.Module) -> None:
        self._metric = FrechetInceptionDistance(features, normalize=True)

    @torch.no_grad()
    def add(self, pictures: Tensor, *, real: bool) -> None:
        """Adds a batch of pictures to the real set or to the drawn one."""
        self._metric.update(pictures, real=real)

    def compute(self) -> float:
        """The distance, at least 0, lower is better; needs two pictures or more in each set."""
        return max(0.0, float(self._metric.compute()))  # rounding can carry equal sets below zero
