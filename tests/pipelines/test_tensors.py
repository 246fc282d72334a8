"""Pictures go to a network and come back as they were."""

import numpy as np
import torch

from pipelines import devices
from pipelines.tensors import ask, to_network, to_pixels


def test_pictures_go_to_a_network_and_back():
    device = devices.choose("cpu", "float32")
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    tensor = to_network(picture, device)
    assert tensor.shape == (1, 3, 8, 8) and tensor.dtype == torch.float32
    assert tensor.min() >= -1 and tensor.max() <= 1
    assert np.array_equal(to_pixels(tensor), picture)
    hole = picture[..., 0] > 127
    assert np.array_equal(to_network(hole, device)[0, 0].numpy(), hole.astype(np.float32))
    assert to_pixels(torch.full((1, 3, 2, 2), 1.2)).max() == 255  # half precision may pass the end


def test_a_network_is_asked_with_pictures_and_without_gradients():
    device = devices.choose("cpu", "bfloat16")
    weight = torch.ones(1, requires_grad=True)

    def predict(image, hole, missing):
        assert missing is None and not torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")
        return (image * weight).sum() + hole.sum()

    answer = ask(predict, (np.full((2, 2, 3), 255, np.uint8), np.eye(2, dtype=bool), None), device)
    assert answer == 12 + 2 and not answer.requires_grad
