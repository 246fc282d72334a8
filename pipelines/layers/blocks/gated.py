"""Gated convolution: a convolution that learns where its input can be trusted."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GatedConv2d(nn.Module):
    """Features times the sigmoid of a learned gate, then instance norm and ReLU.

    One convolution computes features and gate together. Source: Yu et al. 2019, section 3.1; order of gate,
    norm and activation as in INCLG section 2.1.

    Args:
        inputs, outputs: channels.
        kernel: odd, or even with a stride of 2.
        stride: 1 or 2.
        upsample: doubles the size by nearest neighbour before the convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, upsample: bool = False) -> None:
        super().__init__()
        self.upsample = upsample
        self.conv = nn.Conv2d(inputs, 2 * outputs, kernel, stride, padding=(kernel - 1) // 2)
        self.norm = nn.InstanceNorm2d(outputs, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, H, W)`` → ``(N, outputs, H', W')`` with H' = H, H / stride or 2 H."""
        if self.upsample:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        features, gate = self.conv(x).chunk(2, dim=1)
        return F.relu(self.norm(features * torch.sigmoid(gate)))
