"""Dilated residual block: a wide receptive field without losing resolution."""

from torch import Tensor, nn
from torch.nn import functional as F


class DilatedResidualBlock(nn.Module):
    """Two 3 x 3 convolutions, the first dilated, with instance norm, added to the input.

    Source: INCLG section 2.1, after Nazeri et al. 2019.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        # The norms take the mean out again, so the convolutions need no bias.
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, channels, H, W)`` → the same shape."""
        return x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
