"""Short+long-term attention: the hole looks at the rest of the face, and at what the encoder saw there."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ShortLongTermAttention(nn.Module):
    """Attention over all positions, applied to the present features and to an earlier layer's.

    The short-term branch adds attended present features; the long-term branch fills the hole of the earlier
    features with attended ones and leaves the rest as it is. A 1 x 1 convolution joins both. Source: Zheng et al.
    2019 (PIC), section 3.3, which INCLG section 2.1 follows.

    Args:
        channels: of both inputs.
        pool: keys and values are averaged over ``pool`` x ``pool`` cells. 1 is the paper's; 2 quarters the cost.
    """

    def __init__(self, channels: int, pool: int = 1) -> None:
        super().__init__()
        self.pool = pool
        self.project = nn.Conv2d(channels, max(8, channels // 4), 1)  # query and key are one projection, as in PIC
        self.short_gain = nn.Parameter(torch.zeros(1))
        self.long_gain = nn.Parameter(torch.zeros(1))
        self.join = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor, earlier: Tensor, hole: Tensor) -> Tensor:
        """Attends.

        Args:
            x: present features ``(N, C, H, W)``.
            earlier: the encoder's features, same shape.
            hole: ``(N, 1, H, W)``, 1 = hole.

        Returns:
            ``(N, C, H, W)``.
        """
        n, c, h, w = x.shape
        projected = self.project(x)
        values = torch.cat([x, earlier], 1)
        keys = projected
        if self.pool > 1:
            keys, values = F.avg_pool2d(keys, self.pool), F.avg_pool2d(values, self.pool)
        attended = attend(_tokens(projected), _tokens(keys), _tokens(values))
        attended = attended.transpose(1, 2).reshape(n, 2 * c, h, w)
        short = x + self.short_gain * attended[:, :c]
        long = earlier * (1 - hole) + self.long_gain * attended[:, c:] * hole
        return self.join(torch.cat([short, long], 1))


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017, equation 1), fused by PyTorch whatever the widths.

    Its fused kernels want queries, keys and values of one width, laid out row by row. Narrower ones are widened by
    zeros, which change no product; the scale stays that of the queries' own width.

    Args:
        query: ``(N, L, D)``.
        key: ``(N, M, D)``.
        value: ``(N, M, V)``.

    Returns:
        ``(N, L, V)``.
    """
    widest = max(query.shape[2], value.shape[2])
    q, k, v = (F.pad(one, (0, widest - one.shape[2]))[:, None].contiguous() for one in (query, key, value))
    found = F.scaled_dot_product_attention(q, k, v, scale=query.shape[2] ** -0.5)
    return found[:, 0, :, : value.shape[2]]


def _tokens(x: Tensor) -> Tensor:
    """``(N, C, H, W)`` → ``(N, H W, C)``."""
    return x.flatten(2).transpose(1, 2)
