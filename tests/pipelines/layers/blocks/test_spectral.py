import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from pipelines.layers.blocks.spectral import spectral_norm


def pair() -> tuple[nn.Conv2d, nn.Conv2d]:
    """The same convolution under PyTorch's spectral norm and under ours."""
    made = []
    for norm in (parametrizations.spectral_norm, spectral_norm):
        torch.manual_seed(0)
        made.append(norm(nn.Conv2d(3, 8, 4, bias=False).double()))
    return tuple(made)


def gradient(conv: nn.Conv2d, image: torch.Tensor) -> torch.Tensor:
    """Of a loss of two passes, whose estimates differ; each has its own."""
    conv.zero_grad()
    (conv(image).square().mean() + conv(image.flip(0)).sum()).backward()
    return conv.parametrizations.weight.original.grad


def test_it_starts_as_pytorchs_and_its_tensors_are_called_alike():
    theirs, ours = pair()
    assert theirs.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in theirs.state_dict().items())


def test_passes_gradients_and_estimates_are_pytorchs():
    theirs, ours = pair()
    image = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    for _ in range(3):
        assert torch.allclose(gradient(theirs, image), gradient(ours, image), rtol=1e-10, atol=1e-12)
        for conv in (theirs, ours):
            with torch.no_grad():
                weight = conv.parametrizations.weight.original
                weight -= 0.1 * weight.grad
    for name, value in theirs.state_dict().items():
        assert torch.allclose(value, ours.state_dict()[name], rtol=1e-10), name
    assert torch.allclose(theirs.eval()(image), ours.eval()(image), rtol=1e-10)
    before = ours.parametrizations.weight[0]._u.clone()
    ours(image)
    assert torch.equal(before, ours.parametrizations.weight[0]._u), "nothing is estimated when it is only used"


@pytest.mark.parametrize("training", [True, False])
def test_half_precision_does_not_reach_the_estimates(training):
    _, ours = pair()
    ours.float().train(training)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        answer = ours(torch.randn(2, 3, 9, 9))
    answer.sum().backward()
    assert answer.dtype == torch.bfloat16
    assert ours.parametrizations.weight.original.grad.dtype == ours.parametrizations.weight[0]._u.dtype == torch.float32
