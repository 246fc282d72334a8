import pytest
import torch
from torch.nn import functional as F

from pipelines.layers.blocks.attention import ShortLongTermAttention, attend

C, SIDE = 16, 8


@pytest.fixture
def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    hole = torch.zeros(2, 1, SIDE, SIDE)
    hole[:, :, 2:6, 3:7] = 1
    return torch.randn(2, C, SIDE, SIDE), torch.randn(2, C, SIDE, SIDE), hole


def branches(layer: ShortLongTermAttention, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the two branches give to the joining convolution."""
    seen = []
    handle = layer.join.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    layer(*inputs)
    handle.remove()
    return seen[0][:, :C], seen[0][:, C:]


@pytest.mark.parametrize("pool", [1, 2, 4])
def test_keeps_the_shape(pool, inputs):
    assert ShortLongTermAttention(C, pool)(*inputs).shape == (2, C, SIDE, SIDE)


def test_begins_without_attention(inputs):
    x, earlier, hole = inputs
    short, long = branches(ShortLongTermAttention(C), *inputs)
    assert torch.equal(short, x)
    assert torch.equal(long, earlier * (1 - hole))


@pytest.mark.parametrize("pool", [1, 2])
def test_attends_as_the_formula_says(pool, inputs):
    x, earlier, hole = inputs
    layer = ShortLongTermAttention(C, pool)
    with torch.no_grad():
        layer.short_gain.fill_(0.7)
        layer.long_gain.fill_(0.9)
    query = layer.project(x)
    key = F.avg_pool2d(query, pool)
    score = torch.einsum("nchw,ncij->nhwij", query, key) / query.shape[1] ** 0.5
    weight = score.flatten(3).softmax(3).view_as(score)
    assert weight.amax() > 1.5 / score[0, 0, 0].numel(), "attention must not be uniform for this test to say anything"

    def attend(values: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nhwij,ncij->nchw", weight, F.avg_pool2d(values, pool))

    short, long = branches(layer, *inputs)
    assert torch.allclose(short, x + 0.7 * attend(x), atol=1e-5)
    assert torch.allclose(long, earlier * (1 - hole) + 0.9 * attend(earlier) * hole, atol=1e-5)


def test_long_term_branch_keeps_what_is_known_and_fills_the_hole(inputs):
    _, earlier, hole = inputs
    layer = ShortLongTermAttention(C)
    torch.nn.init.ones_(layer.long_gain)
    _, long = branches(layer, *inputs)
    inside = hole.expand_as(long).bool()
    assert torch.equal(long[~inside], earlier[~inside])
    # A weighted mean of all positions: less spread than they have, and not the hole's own features.
    assert long[inside].std() < 0.8 * earlier.std()
    assert (long[inside] - earlier[inside]).abs().mean() > 0.1


def test_every_parameter_learns(inputs):
    layer = ShortLongTermAttention(C)
    torch.nn.init.constant_(layer.short_gain, 0.1)
    torch.nn.init.constant_(layer.long_gain, 0.1)
    layer(*inputs).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_gains_learn_from_nothing(inputs):
    layer = ShortLongTermAttention(C)
    layer(*inputs).square().sum().backward()
    assert layer.short_gain.grad.abs().item() > 0
    assert layer.long_gain.grad.abs().item() > 0


@pytest.mark.parametrize(("width", "values"), [(3, 7), (7, 3), (5, 5)])
def test_attention_of_any_widths_is_its_formula_and_so_is_its_gradient(width, values):
    torch.manual_seed(1)
    inputs = [torch.randn(2, *shape, requires_grad=True) for shape in ((6, width), (4, width), (4, values))]
    query, key, value = inputs
    expected = (query @ key.transpose(1, 2) / width**0.5).softmax(2) @ value
    found = attend(query, key, value)
    assert found.shape == (2, 6, values) and torch.allclose(found, expected, atol=1e-6)
    weights = torch.randn_like(expected)
    grads = [torch.autograd.grad((weights * one).sum(), inputs) for one in (found, expected)]
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(*grads, strict=True))
