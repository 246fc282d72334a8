import math

import pytest
import torch

from pipelines.layers.blocks.self_attention import SelfAttention


def attention(channels: int, gain: float) -> SelfAttention:
    torch.manual_seed(0)
    layer = SelfAttention(channels)
    torch.nn.init.constant_(layer.gain, gain)
    return layer


def by_loops(layer: SelfAttention, x: torch.Tensor) -> torch.Tensor:
    """Every position of every sample for itself, in float64."""

    def matrix(conv: torch.nn.Conv2d, column: torch.Tensor) -> torch.Tensor:
        return conv.weight.double()[:, :, 0, 0] @ column + conv.bias.double()

    n, _, h, w = x.shape
    result = x.double().clone()
    for sample in range(n):
        picture = x[sample].double()
        keys, values = [], []
        for row in range(0, h, 2):
            for column in range(0, w, 2):
                cell = [picture[:, row + i, column + j] for i in (0, 1) for j in (0, 1)]
                keys.append(torch.stack([matrix(layer.key, place) for place in cell]).amax(0))
                values.append(torch.stack([matrix(layer.value, place) for place in cell]).amax(0))
        for row in range(h):
            for column in range(w):
                query = matrix(layer.query, picture[:, row, column])
                alike = [math.exp(float(query @ key) / len(query) ** 0.5) for key in keys]
                found = sum(share * value for share, value in zip(alike, values, strict=True)) / sum(alike)
                result[sample, :, row, column] += layer.gain.double() * matrix(layer.out, found)
    return result


@pytest.mark.parametrize(("channels", "height", "width"), [(16, 4, 6), (96, 2, 4)])
def test_is_attention_position_by_position(channels, height, width):
    layer = attention(channels, 0.7)
    x = 3 * torch.randn(2, channels, height, width)
    with torch.no_grad():
        found, expected = layer(x), by_loops(layer, x)
    assert found.shape == x.shape
    assert (expected - x).abs().max() > 0.1
    assert torch.allclose(found.double(), expected, atol=1e-5)


def test_a_fresh_layer_changes_nothing_and_learns_its_gain_first():
    torch.manual_seed(0)
    layer = SelfAttention(16)
    x = torch.randn(1, 16, 8, 8)
    assert torch.equal(layer(x), x)
    layer(x).square().sum().backward()
    assert layer.gain.grad.abs() > 0
    assert not layer.out.weight.grad.any()


def test_every_position_sees_the_whole_picture_of_its_own_sample():
    layer = attention(16, 1.0)
    x = torch.randn(2, 16, 8, 8, requires_grad=True)
    layer(x)[0, :, 1, 6].sum().backward()
    cells = torch.nn.functional.max_pool2d(x.grad[0].abs().amax(0)[None], 2)
    assert (cells > 0).all()
    assert not x.grad[1].any()


def test_values_take_half_of_the_channels_and_queries_an_eighth_but_eight_at_least():
    wide, narrow = SelfAttention(128), SelfAttention(16)
    assert (wide.query.out_channels, wide.key.out_channels, wide.value.out_channels) == (16, 16, 64)
    assert (narrow.query.out_channels, narrow.key.out_channels, narrow.value.out_channels) == (8, 8, 8)
