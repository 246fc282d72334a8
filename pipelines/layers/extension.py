"""Known pixels continued over unknown ones, smoothly and whatever their shape."""

import torch
from torch import Tensor
from torch.nn import functional as F


@torch.no_grad()
def extend(image: Tensor, known: Tensor) -> Tensor:
    """Continues the known pixels of pictures over the rest.

    Colours are averaged into ever coarser pictures, each cell from what is known of it, and come back where nothing
    finer is known. Source: Gortler et al., "The Lumigraph" (1996), section 3.4.2 (pull-push).

    Args:
        image: ``(N, C, H, W)``; unknown pixels are not looked at.
        known: ``(N, 1, H, W)``, 1 = known.

    Returns:
        ``(N, C, H, W)``, known pixels as they were; zeros where a picture has none.
    """
    colour, weight = image * known, known
    levels = []
    while min(colour.shape[2:]) % 2 == 0:
        levels.append((colour, weight))
        share = F.avg_pool2d(weight, 2)
        colour = F.avg_pool2d(colour * weight, 2) / share.clamp_min(1e-6)
        # A cell counts as known from a quarter on: else the far side of a face would shine through its near edge.
        weight = (4 * share).clamp_max(1)
    total = weight.sum((2, 3), keepdim=True).clamp_min(1e-6)
    mean = (colour * weight).sum((2, 3), keepdim=True) / total
    found = colour * weight + mean * (1 - weight)
    for colour, weight in reversed(levels):
        wide = F.interpolate(found, scale_factor=2, mode="bilinear", align_corners=False)
        found = colour * weight + wide * (1 - weight)
    return found
