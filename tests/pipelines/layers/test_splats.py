import pytest
import torch

from pipelines.layers.splats import landmark_maps


@pytest.mark.parametrize(("column", "row", "size"), [(3, 20, 32), (100, 7, 128)])
def test_peak_of_height_one_at_the_landmarks_pixel(column, row, size):
    points = torch.tensor([[[(column + 0.5) / size, (row + 0.5) / size]]])
    splat = landmark_maps(points, size)
    assert splat.shape == (1, 1, size, size)
    assert divmod(splat[0, 0].argmax().item(), size) == (row, column)
    assert splat.max().item() == pytest.approx(1, abs=1e-6)
    assert splat.min() >= 0


def test_each_landmark_has_its_own_map():
    points = torch.rand(2, 68, 2) * 0.8 + 0.1
    splats = landmark_maps(points, 64)
    assert splats.shape == (2, 68, 64, 64)
    peak = splats.flatten(2).argmax(2)
    found = torch.stack([peak % 64, peak // 64], 2)
    assert torch.equal(found, (points * 64).floor().long())


def test_falls_off_as_a_gaussian_of_the_given_width():
    size, sigma = 64, 4 / 64
    centre = torch.tensor([[[(32 + 0.5) / size, (32 + 0.5) / size]]])
    splat = landmark_maps(centre, size, sigma)[0, 0]
    assert splat[32, 36].item() == pytest.approx(torch.exp(torch.tensor(-0.5)).item(), rel=1e-4)
    assert splat[28, 36].item() == pytest.approx(torch.exp(torch.tensor(-1.0)).item(), rel=1e-4)


def test_gradient_pulls_the_landmark_to_where_it_is_wanted():
    points = torch.tensor([[[(10 + 0.5) / 32, (10 + 0.5) / 32]]], requires_grad=True)
    landmark_maps(points, 32, 1.5 / 32)[0, 0, 10, 11].backward()  # more light one pixel to the right
    x, y = points.grad[0, 0].tolist()
    assert x > 1
    assert abs(y) < 1e-4 * x
    points.grad = None
    landmark_maps(points, 32, 1.5 / 32)[0, 0, 9, 10].backward()  # one pixel above
    x, y = points.grad[0, 0].tolist()
    assert y < -1
    assert abs(x) < 1e-4 * -y


def test_a_landmark_outside_draws_nothing():
    assert landmark_maps(torch.tensor([[[1.5, 0.5]]]), 32).max() == 0
