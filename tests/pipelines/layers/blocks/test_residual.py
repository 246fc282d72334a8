import pytest
import torch

from pipelines.layers.blocks.residual import DilatedResidualBlock


def test_keeps_its_input_where_it_adds_nothing():
    torch.manual_seed(0)
    block = DilatedResidualBlock(6, 2)
    torch.nn.init.zeros_(block.norm2.weight)
    x = torch.randn(2, 6, 16, 16)
    assert torch.equal(block(x), x)


def test_adds_to_its_input():
    torch.manual_seed(0)
    block = DilatedResidualBlock(6, 2)
    x = torch.randn(2, 6, 16, 16)
    added = block(x) - x
    assert added.shape == x.shape
    assert torch.allclose(added.mean((2, 3)), torch.zeros(2, 6), atol=1e-5)  # the last norm takes the mean out
    assert added.std() > 0.5


@pytest.mark.parametrize("dilation", [1, 2, 4, 8])
def test_sees_as_far_as_its_dilation_says(dilation):
    torch.manual_seed(0)
    block = DilatedResidualBlock(3, dilation)
    block.norm1 = block.norm2 = torch.nn.Identity()  # a norm looks at the whole picture
    block.conv1.weight.data.abs_()  # nothing is lost in the ReLU
    x = torch.rand(1, 3, 33, 33, requires_grad=True)
    block(x)[0, :, 16, 16].sum().backward()
    columns = x.grad.abs().sum((0, 1, 2)).nonzero().flatten() - 16
    assert columns.min() == -(dilation + 1)
    assert columns.max() == dilation + 1
