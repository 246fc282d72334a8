import pytest
import torch
from torch.nn import functional as F

from pipelines.layers.blocks.gated import GatedConv2d


def close_gate(layer: GatedConv2d, bias: float) -> None:
    """Makes the gate a constant, whatever comes in."""
    outputs = layer.conv.out_channels // 2
    with torch.no_grad():
        layer.conv.weight[outputs:] = 0
        layer.conv.bias[outputs:] = bias


@pytest.mark.parametrize(
    ("arguments", "side"),
    [
        ({"kernel": 3}, 16),
        ({"kernel": 5}, 16),
        ({"kernel": 4, "stride": 2}, 8),
        ({"kernel": 3, "stride": 2}, 8),
        ({"kernel": 3, "upsample": True}, 32),
    ],
)
def test_output_size_follows_stride_and_upsampling(arguments, side):
    layer = GatedConv2d(5, 7, **arguments)
    assert layer(torch.randn(2, 5, 16, 16)).shape == (2, 7, side, side)


def test_closed_gate_hides_the_features():
    torch.manual_seed(0)
    layer = GatedConv2d(3, 4)
    close_gate(layer, -200.0)
    x = torch.randn(2, 3, 8, 8)
    closed = layer(x)
    with torch.no_grad():
        layer.conv.weight[:4] = 0
        layer.conv.bias[:4] = 0
    assert torch.equal(closed, layer(x))


def test_open_gate_is_a_plain_convolution():
    torch.manual_seed(0)
    layer = GatedConv2d(3, 4)
    close_gate(layer, 200.0)
    x = torch.randn(2, 3, 8, 8)
    plain = F.conv2d(x, layer.conv.weight[:4], layer.conv.bias[:4], padding=1)
    assert torch.allclose(layer(x), F.relu(F.instance_norm(plain)), atol=1e-5)


def test_gate_is_chosen_at_each_place():
    torch.manual_seed(0)
    layer = GatedConv2d(2, 1, kernel=1)
    layer.norm = torch.nn.Identity()
    with torch.no_grad():  # the feature is channel 0, the gate is channel 1
        layer.conv.weight.copy_(torch.eye(2)[:, :, None, None])
        layer.conv.bias.zero_()
    x = torch.ones(1, 2, 4, 4)
    x[:, 1, :, :2], x[:, 1, :, 2:] = 50.0, -50.0
    out = layer(x)
    assert torch.allclose(out[..., :2], torch.ones(1, 1, 4, 2))
    assert torch.allclose(out[..., 2:], torch.zeros(1, 1, 4, 2), atol=1e-6)
