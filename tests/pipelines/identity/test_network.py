import pytest
import torch

from pipelines.identity.network import FaceRecognition


@pytest.fixture(scope="module")
def network() -> FaceRecognition:
    torch.manual_seed(0)
    return FaceRecognition().eval()


def test_it_is_dlibs_network(network):
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(convolutions) == 29
    assert sum(value.numel() for value in network.state_dict().values()) == 5_607_488  # those of dlib's file


@torch.inference_mode()
def test_each_picture_has_an_embedding_of_its_own(network):
    pictures = 255 * torch.rand(3, 3, 150, 150)
    together = network(pictures)
    assert together.shape == (3, 128)
    for picture, expected in zip(pictures, together, strict=True):
        torch.testing.assert_close(network(picture[None])[0], expected, rtol=1e-3, atol=1e-5)


@torch.inference_mode()
def test_colours_are_counted_from_the_mean_face(network):
    mean = torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1).expand(1, 3, 150, 150)
    network.stem.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    seen: list[torch.Tensor] = []
    network(mean)
    network(mean + 64)
    torch.testing.assert_close(seen[0], torch.zeros(1, 3, 150, 150), rtol=0, atol=1e-6)
    torch.testing.assert_close(seen[1], torch.full((1, 3, 150, 150), 0.25), rtol=0, atol=1e-6)
