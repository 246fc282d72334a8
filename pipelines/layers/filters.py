"""Filters along rows and columns."""

from torch import Tensor
from torch.nn import functional as F


def filtered(image: Tensor, taps: Tensor) -> Tensor:
    """The picture filtered by the same taps along rows and along columns, mirrored about its border's pixels.

    Mirrored about their edges, what alternates from pixel to pixel would break off there.

    Args:
        image: ``(N, C, H, W)``, H and W more than half the taps.
        taps: ``(K,)``, K odd, of the picture's type.

    Returns:
        ``(N, C, H, W)``.
    """
    channels, reach = image.shape[1], len(taps) // 2
    wide = F.pad(image, (reach, reach, reach, reach), mode="reflect")
    rows = F.conv2d(wide, taps.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(rows, taps.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
