import pytest
import torch
from torch import nn

from pipelines.layers.discriminator import MarkovianDiscriminator, PatchDiscriminator


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96), (128, 64)])
def test_one_score_a_patch(height, width):
    scores = PatchDiscriminator(3, 4)(torch.randn(2, 3, height, width))
    assert scores.shape == (2, 1, height // 8 - 2, width // 8 - 2)


def test_depth_and_width_are_the_papers():
    convolutions = [m for m in PatchDiscriminator().modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64, 128, 256, 512, 1]
    assert all(c.kernel_size == (4, 4) for c in convolutions)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [PatchDiscriminator, MarkovianDiscriminator])
def test_spectral_norm_stays_at_one(kind):
    torch.manual_seed(0)
    discriminator = kind(3, 8)
    convolutions = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        for convolution in convolutions:
            convolution.parametrizations.weight.original.mul_(20)
    image = torch.randn(1, 3, 24, 24)
    with torch.no_grad():
        for _ in range(30):
            discriminator(image)
    for convolution in convolutions:
        assert torch.linalg.matrix_norm(convolution.parametrizations.weight.original.flatten(1), 2) > 5
        assert torch.linalg.matrix_norm(convolution.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)


def test_a_score_sees_its_patch_only():
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(3, 8).eval()
    image = torch.randn(1, 3, 128, 128, requires_grad=True)
    discriminator(image)[0, 0, 7, 7].backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert len(rows) == 70  # the 70 x 70 patch of Isola et al.


@pytest.mark.parametrize(("height", "width"), [(64, 64), (128, 192)])
def test_markovian_scores_are_features_of_places(height, width):
    discriminator = MarkovianDiscriminator(4, 4)
    assert discriminator(torch.randn(2, 4, height, width)).shape == (2, 16, height // 64, width // 64)
    assert isinstance(discriminator.layers[-1], nn.Conv2d), "scores are raw"


@pytest.mark.slow
def test_markovian_depth_and_width_are_the_papers():
    convolutions = [m for m in MarkovianDiscriminator().modules() if isinstance(m, nn.Conv2d)]
    assert [c.in_channels for c in convolutions] == [4, 64, 128, 256, 256, 256]
    assert [c.out_channels for c in convolutions] == [64, 128, 256, 256, 256, 256]
    assert all(c.kernel_size == (5, 5) and c.stride == (2, 2) for c in convolutions)


@pytest.mark.slow
def test_a_markovian_score_sees_nearly_the_whole_picture_and_its_mask():
    torch.manual_seed(0)
    discriminator = MarkovianDiscriminator(4, 4).eval()
    image = torch.randn(1, 4, 512, 512, requires_grad=True)
    discriminator(image)[0, :, 4, 4].sum().backward()
    seen = image.grad.abs().sum((0, 3)) > 0
    assert seen.any(1).all(), "the mask is seen too"
    rows = seen.any(0).nonzero().flatten()
    # 1 + 4 * (1 + 2 + 4 + 8 + 16 + 32) pixels, around the pixel that the strides lead to
    assert (rows.min(), rows.max()) == (4 * 64 - 126, 4 * 64 + 126)
