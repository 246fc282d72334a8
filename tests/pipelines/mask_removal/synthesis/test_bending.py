import pytest
import torch

from pipelines.mask_removal.synthesis.bending import expression, lens
from pipelines.training.augment import step_generator

SIDE = 64
MIDDLE, EDGE = slice(28, 36), slice(0, 6)


@pytest.fixture
def points() -> torch.Tensor:
    """Two hundred upright faces, ``(200, 68, 2)``: what is asked for lies where it does on a face."""
    points = torch.full((1, 68, 2), 0.5)
    places = {0: (0.2, 0.4), 16: (0.8, 0.4), 48: (0.38, 0.65), 54: (0.62, 0.65), 57: (0.5, 0.7), 8: (0.5, 0.85)}
    for index, place in places.items():
        points[0, index] = torch.tensor(place)
    return points.repeat(200, 1, 1)


@pytest.mark.parametrize("bend", [lens, expression])
def test_as_many_faces_are_bent_as_asked(points, bend):
    field = bend(points, SIDE, step_generator(0, 0), share=0.3)
    assert field.shape == (200, 2, SIDE, SIDE)
    assert (field.abs().amax((1, 2, 3)) > 0).float().mean().item() == pytest.approx(0.3, abs=0.1)
    assert torch.equal(field, bend(points, SIDE, step_generator(0, 0), share=0.3))
    assert field.abs().max() < 0.08, "a face is bent, not another face"
    assert not bend(points, SIDE, step_generator(0, 0), share=0.0).any()


def test_a_lens_enlarges_or_reduces_the_middle_and_leaves_the_frame(points):
    field = lens(points, SIDE, step_generator(0, 0), share=1.0)
    stretch = field[:, 0].diff(dim=2)[:, MIDDLE, MIDDLE].mean((1, 2)) * SIDE
    assert stretch.min() < -0.05 and stretch.max() > 0.05 and stretch.mean().abs() < 0.02
    assert torch.allclose(stretch, field[:, 1].diff(dim=1)[:, MIDDLE, MIDDLE].mean((1, 2)) * SIDE, atol=0.02)
    assert field[:, :, EDGE, EDGE].abs().max() < 0.01
    centre = points[0].mean(0) * SIDE
    assert field[:, :, int(centre[1]), int(centre[0])].abs().max() < 0.003


def test_an_expression_moves_mouth_and_chin_alone(points):
    field = expression(points, SIDE, step_generator(0, 0), share=1.0)
    assert field[:, :, :20].abs().max() < 0.005, "eyes and brows stay"
    left, right = (field[:, :, int(0.65 * SIDE), int(x * SIDE)] for x in (0.38, 0.62))
    chin = field[:, 1, int(0.78 * SIDE), SIDE // 2]
    for moved in (left[:, 0], left[:, 1], right[:, 0], right[:, 1], chin):
        assert moved.min() < -0.008 and moved.max() > 0.008
    assert torch.corrcoef(torch.stack([left[:, 0], right[:, 0]]))[0, 1] < -0.5, "corners go apart or together"
    assert torch.corrcoef(torch.stack([left[:, 1], right[:, 1]]))[0, 1] > 0.5, "and up or down together"


def test_what_a_pixel_shows_has_left_it(points, monkeypatch):
    """A jaw that is lowered: the chin's pixel comes from above."""
    from pipelines.mask_removal.synthesis import bending

    monkeypatch.setattr(bending, "uniform", lambda shape, low, high, generator: torch.full(shape, high))
    field = expression(points[:1], SIDE, step_generator(0, 0), share=1.0)
    assert field[0, 1, int(0.8 * SIDE), SIDE // 2] < -0.01
    assert field[0, 0, int(0.65 * SIDE), int(0.38 * SIDE)] > 0.005, "the left corner goes left"
