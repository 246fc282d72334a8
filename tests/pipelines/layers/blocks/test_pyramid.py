import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from pipelines.layers.blocks.pyramid import PyramidDilationBlock

SIDE = 17
MIDDLE = SIDE // 2


def pyramid(channels: int, dilations: tuple[int, ...]) -> PyramidDilationBlock:
    """A block whose norms have learnt something."""
    torch.manual_seed(0)
    block = PyramidDilationBlock(channels, dilations)
    for norm in (block.norm1, block.norm2):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(norm.bias, -0.5, 0.5)
    return block


def by_scipy(block: PyramidDilationBlock, x: np.ndarray, dilations: tuple[int, ...]) -> np.ndarray:
    """The block on one sample, ``(C, H, W)``: kernels with holes in them, correlated one channel with another."""

    def norm(layer: torch.nn.InstanceNorm2d, values: np.ndarray) -> np.ndarray:
        mean, variance = values.mean((1, 2), keepdims=True), values.var((1, 2), keepdims=True)
        weight, bias = (part.detach().numpy()[:, None, None] for part in (layer.weight, layer.bias))
        return (values - mean) / np.sqrt(variance + layer.eps) * weight + bias

    seen = []
    for branch, dilation in zip(block.branches, dilations, strict=True):
        for filters in branch.weight.detach().numpy():
            total = np.zeros(x.shape[1:])
            for channel, kernel in zip(x, filters, strict=True):
                wide = np.zeros((2 * dilation + 1, 2 * dilation + 1))
                wide[::dilation, ::dilation] = kernel
                total += correlate2d(channel, wide, mode="same")
            seen.append(total)
    joined = np.tensordot(
        block.join.weight.detach().numpy()[:, :, 0, 0], np.maximum(norm(block.norm1, np.stack(seen)), 0), 1
    )
    return x + norm(block.norm2, joined)


@pytest.mark.parametrize("dilations", [(1, 2, 4, 8), (1, 3)])
def test_is_dilated_kernels_side_by_side(dilations):
    block = pyramid(8, dilations)
    x = torch.randn(2, 8, SIDE, SIDE)
    found = block(x).detach().numpy()
    assert found.shape == x.shape
    for sample in range(2):
        assert np.allclose(found[sample], by_scipy(block, x[sample].numpy().astype(float), dilations), atol=1e-4)


def test_keeps_its_input_where_it_adds_nothing():
    block = pyramid(8, (1, 2))
    torch.nn.init.zeros_(block.norm2.weight)
    torch.nn.init.zeros_(block.norm2.bias)
    x = torch.randn(2, 8, 16, 16)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("dilations", [(1,), (1, 2, 4, 8), (2, 5)])
def test_sees_near_and_far_at_once_as_its_dilations_say(dilations):
    block = pyramid(len(dilations) * 2, dilations)
    block.norm1 = block.norm2 = torch.nn.Identity()  # a norm looks at the whole picture
    for branch in block.branches:
        branch.weight.data.abs_()  # nothing is lost in the ReLU
    block.join.weight.data.abs_()
    x = torch.rand(1, len(dilations) * 2, SIDE, SIDE, requires_grad=True)
    block(x)[0, :, MIDDLE, MIDDLE].sum().backward()
    seen = {(int(row) - MIDDLE, int(column) - MIDDLE) for row, column in x.grad[0].abs().sum(0).nonzero()}
    assert seen == {(d * row, d * column) for d in dilations for row in (-1, 0, 1) for column in (-1, 0, 1)}


def test_channels_are_shared_out_among_the_branches():
    block = PyramidDilationBlock(32, (1, 2, 3, 4, 6, 8, 12, 16))
    assert [branch.out_channels for branch in block.branches] == [4] * 8
    assert [branch.dilation for branch in block.branches] == [(d, d) for d in (1, 2, 3, 4, 6, 8, 12, 16)]
    assert block(torch.randn(1, 32, 8, 8)).shape == (1, 32, 8, 8), "dilations may reach past the picture"
