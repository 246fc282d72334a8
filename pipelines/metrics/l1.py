"""Mean absolute difference, over the whole picture or inside the hole."""

from torch import Tensor


def l1(image: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean absolute difference of each picture of a batch.

    Args:
        image: ``float`` ``(N, 3, H, W)`` in [-1, 1].
        target: the true pictures, the same shape and range.
        mask: ``(N, 1, H, W)``, 1 or True = hole; the mean is then over the hole's pixels only.

    Returns:
        ``(N,)`` in per cent of the full range of intensities, lower is better; NaN where a mask is empty.

    >>> import torch
    >>> l1(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5))
    tensor([25.])
    """
    difference = (image - target).abs().mean(1, keepdim=True) * 50  # the range is 2 wide
    if mask is None:
        return difference.mean((1, 2, 3))
    mask = mask.to(difference.dtype)
    return (difference * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))
