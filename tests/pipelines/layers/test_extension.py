import pytest
import torch

from pipelines.layers.extension import extend


def disc(size: int = 64, radius: float = 20) -> torch.Tensor:
    at = torch.arange(size) - (size - 1) / 2
    return ((at[:, None] ** 2 + at**2) < radius**2).float()[None, None]


def test_known_pixels_stay_and_nothing_else_is_looked_at():
    image, other = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    known = disc().expand(2, 1, 64, 64)
    found = extend(image, known)
    inside = known.expand_as(image) == 1
    assert torch.equal(found[inside], image[inside])
    assert torch.equal(found, extend(torch.where(inside, image, other), known))


def test_one_colour_fills_the_picture():
    image = torch.tensor([0.2, -0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 48, 48)
    known = torch.zeros(1, 1, 48, 48)
    known[..., 20:23, 5:9] = 1
    assert torch.allclose(extend(image, known), image, atol=1e-5)


def test_each_side_goes_on_in_its_own_colour():
    image = torch.ones(1, 1, 64, 64)
    image[..., :32] = -1
    found = extend(image, disc())[0, 0]
    assert (found[:, 0] < -0.2).all() and (found[:, -1] > 0.2).all()
    assert found[32, 4] < -0.9 and found[32, -5] > 0.9
    assert found.abs().max() <= 1


def test_a_mirrored_picture_is_continued_mirrored():
    image, known = torch.rand(1, 3, 64, 64), (torch.rand(1, 1, 64, 64) > 0.7).float()
    assert torch.allclose(extend(image.flip(3), known.flip(3)), extend(image, known).flip(3), atol=1e-6)


@pytest.mark.parametrize("size", [1, 3, 24, 40, 64])
def test_any_size_and_nothing_known(size):
    image = torch.rand(1, 3, size, size)
    found = extend(image, torch.zeros(1, 1, size, size))
    assert found.shape == image.shape
    assert not found.any()
