"""Pictures on their way to a network and back."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from pipelines.devices import Device

Answer = TypeVar("Answer")


def to_network(picture: np.ndarray, device: Device) -> Tensor:
    """A crop for a network: ``uint8`` ``(S, S, 3)`` → ``(1, 3, S, S)`` in [-1, 1]; a mask or map ``(S, S)`` →
    ``(1, 1, S, S)`` in [0, 1]; both float32 on the device.
    """
    tensor = torch.from_numpy(picture).to(device.torch_device)
    if tensor.ndim == 2:
        return tensor[None, None].float()
    return (tensor.permute(2, 0, 1)[None].float() / 127.5 - 1).to(memory_format=device.memory_format)


def to_pixels(image: Tensor) -> np.ndarray:
    """A network's picture, ``(1, 3, S, S)`` in [-1, 1] → ``uint8`` ``(S, S, 3)``."""
    pixels = ((image[0].float().permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255)
    return pixels.to(torch.uint8).cpu().numpy()


@torch.inference_mode()
def ask(predict: Callable[..., Answer], pictures: Iterable[np.ndarray | None], device: Device) -> Answer:
    """A network's answer to pictures, without gradients and in the device's precision.

    Args:
        predict: takes the pictures as :func:`to_network` makes them.
        pictures: crops, masks and maps of one size; None stays None.
        device: where the network lies.
    """
    given = [None if picture is None else to_network(picture, device) for picture in pictures]
    with device.autocast():
        return predict(*given)
