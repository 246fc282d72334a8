"""Spatial pyramid dilation: one residual block that looks near and far at once."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PyramidDilationBlock(nn.Module):
    """Parallel 3 x 3 convolutions of growing dilation, concatenated, joined by 1 x 1, added to the input.

    Source: Lumetti et al., section 4.3.2 and figure 3, after Li et al. 2020 (DeepGIN), section 3.2.

    Args:
        channels: of input and output, a multiple of the number of branches.
        dilations: one branch each.
    """

    def __init__(self, channels: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        each = channels // len(dilations)
        # The norms take the mean out again, so the convolutions need no bias.
        self.branches = nn.ModuleList(
            nn.Conv2d(channels, each, 3, padding=d, dilation=d, bias=False) for d in dilations
        )
        self.norm1 = nn.InstanceNorm2d(channels, affine=True)
        self.join = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, channels, H, W)`` → the same shape."""
        seen = torch.cat([branch(x) for branch in self.branches], 1)
        return x + self.norm2(self.join(F.relu(self.norm1(seen))))
