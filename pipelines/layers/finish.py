"""The last layer at full resolution: takes out the grid that unfolding leaves, and sharpens beside the photo."""

from functools import cache
from math import comb

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.layers.filters import filtered

_TAPS = 16  # one less than the filter's length


class Finish(nn.Module):
    """Two convolutions that see the picture and the photo, added to the picture, then :func:`without_grid`.

    Its last convolution starts at zero: a fresh layer adds nothing to a network that was trained without it.

    Args:
        inputs: channels of what is given beside the picture.
        width: channels between the convolutions.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.see = nn.Conv2d(3 + inputs, width, 3, padding=1)
        self.add = nn.Conv2d(width, 3, 3, padding=1)
        for values in self.add.parameters():
            nn.init.zeros_(values)

    def forward(self, painted: Tensor, given: Tensor) -> Tensor:
        """``(N, 3, H, W)`` and ``(N, inputs, H, W)`` → ``(N, 3, H, W)`` float32."""
        seen = torch.cat([painted, given], 1)
        return without_grid(painted + self.add(F.relu(self.see(seen))).float())


def without_grid(image: Tensor, share: float = 1.0) -> Tensor:
    """The picture without what alternates from pixel to pixel over many pixels, or with less of it.

    Where channels are unfolded into pixels (:func:`torch.nn.functional.pixel_shuffle`, 2 x 2), each of the four has
    weights of its own, and what they differ by shows as dots and lines of two pixels' period (Odena et al. 2016,
    "Deconvolution and Checkerboard Artifacts"). Three narrow stop bands, about the highest frequency of rows, of
    columns and of both, take it out; what changes within some eight pixels, as detail does, passes.

    Args:
        image: ``(N, C, H, W)`` float32, H and W more than 8.
        share: how much of it is taken out, 0-1. Photos have some of their own.
    """
    with torch.autocast(image.device.type, enabled=False):
        low, both = _taps(image.device)
        # "both" along rows and columns passes the picture's low band and the three stop bands; less the low band alone.
        return image - share * (filtered(image, both) - filtered(image, low))


@cache
def _taps(device: torch.device) -> tuple[Tensor, Tensor]:
    """The low-pass filter, and that which also passes the highest frequency; brought to a device once."""
    with torch.inference_mode(False):  # else a pass without gradients, if it came first, would spoil them for one with
        low = torch.tensor([comb(_TAPS, k) / 2**_TAPS for k in range(_TAPS + 1)])
        return low.to(device), (low * (2 - 2 * (torch.arange(_TAPS + 1) % 2))).to(device)
