"""Self-attention over all positions of a feature map."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.layers.blocks.attention import attend


class SelfAttention(nn.Module):
    """Adds to every position what similar positions hold.

    Keys and values are max-pooled over 2 x 2 cells, which quarters the cost. Source: Zhang et al. 2019 (SAGAN),
    section 3; the gain starts at 0, so a fresh layer changes nothing. Unlike there, similarities are divided by the
    root of the query's channels (Vaswani et al. 2017, section 3.2.1).

    Args:
        channels: of the input.
        normalized: layer norms keep queries and keys from growing (Dehghani et al. 2023, section 2.1): similarities
            of thousands make an attention of one position, whose gradient is no number in fused kernels.
    """

    def __init__(self, channels: int, normalized: bool = False) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, max(8, channels // 8), 1)
        self.key = nn.Conv2d(channels, max(8, channels // 8), 1)
        self.value = nn.Conv2d(channels, channels // 2, 1)
        self.out = nn.Conv2d(channels // 2, channels, 1)
        self.gain = nn.Parameter(torch.zeros(1))
        width = self.query.out_channels
        self.norm_query, self.norm_key = (nn.LayerNorm(width) if normalized else nn.Identity() for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)``, H and W even → the same shape."""
        n, _, h, w = x.shape
        query = self.query(x).flatten(2).transpose(1, 2)
        key, value = (F.max_pool2d(conv(x), 2).flatten(2).transpose(1, 2) for conv in (self.key, self.value))
        found = attend(self.norm_query(query), self.norm_key(key), value)
        return x + self.gain * self.out(found.transpose(1, 2).reshape(n, -1, h, w))
