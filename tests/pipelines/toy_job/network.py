"""A network of one number: how bright a photo becomes."""

import torch
from torch import Tensor, nn


class Gain(nn.Module):
    """Multiplies light.

    Args:
        start: of the number, before it has learned anything.
    """

    def __init__(self, start: float = 1.0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(start))

    def forward(self, x: Tensor) -> Tensor:
        """Light ``(N, 3, H, W)`` in [0, 1], and what it becomes."""
        return (x * self.gain).clamp(0, 1)


def check(architecture: dict) -> None:
    """Refuses a network that makes photos darker."""
    from pipelines.errors import OptionInvalid

    if architecture.get("start", 1.0) < 1:
        raise OptionInvalid("This network makes photos darker; choose one of gain 1 or more.")
