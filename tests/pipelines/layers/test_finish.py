import pytest
import torch

from pipelines.layers.finish import Finish, without_grid


def alternating(*axes: int, size: int = 64) -> torch.Tensor:
    """+1 and -1 in turn along the axes."""
    sign = 1.0 - 2 * (torch.arange(size) % 2)
    picture = torch.ones(1, 1, size, size)
    for axis in axes:
        picture = picture * (sign.view(1, 1, -1, 1) if axis == 2 else sign.view(1, 1, 1, -1))
    return picture


@pytest.mark.parametrize("axes", [(2,), (3,), (2, 3)])
def test_a_grid_of_two_pixels_goes_to_the_border(axes):
    smooth = torch.linspace(-1, 1, 64).view(1, 1, 1, 64).expand(1, 1, 64, 64)
    found = without_grid(smooth + 0.2 * alternating(*axes))
    assert (found - smooth)[..., 8:-8, 8:-8].abs().max() < 1e-5
    assert without_grid(alternating(*axes)).abs().max() < 1e-5


def test_a_part_of_the_grid_goes():
    grid = alternating(2, 3)
    assert torch.allclose(without_grid(grid, 0.2), 0.8 * grid, atol=1e-5)
    assert torch.equal(without_grid(grid, 0.0), grid)


@pytest.mark.slow
def test_edges_lines_and_texture_stay():
    step = torch.zeros(1, 1, 64, 64)
    step[..., 30:] = 1
    assert (without_grid(step) - step).abs().max() < 0.12
    torch.manual_seed(0)
    texture = torch.nn.functional.avg_pool2d(torch.randn(1, 3, 66, 66), 3, 1)
    assert (without_grid(texture) - texture).norm() < 0.2 * texture.norm()


def test_a_fresh_layer_adds_nothing():
    torch.manual_seed(0)
    layer, painted, given = Finish(4, 8), torch.randn(2, 3, 32, 32), torch.randn(2, 4, 32, 32)
    assert torch.equal(layer(painted, given), without_grid(painted))
    layer(painted, given).square().mean().backward()
    assert layer.add.weight.grad.abs().sum() > 0, "nothing would ever be learned"


def test_half_precision_leaves_no_grid():
    layer, painted = Finish(1, 4), alternating(3) * 0.3 + 0.01
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        found = layer(painted.repeat(1, 3, 1, 1), torch.zeros(1, 1, 64, 64))
    assert found.dtype == torch.float32
    assert (found - 0.01).abs().max() < 1e-5
