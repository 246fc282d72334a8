import pytest
import torch

from pipelines.mask_removal.synthesis.lighting import side_lit, slopes
from pipelines.training.augment import step_generator

SIDE = 64


@pytest.fixture
def points() -> torch.Tensor:
    """One upright face, ``(1, 68, 2)``, from (0.2, 0.3) to (0.8, 0.9)."""
    points = torch.full((1, 68, 2), 0.5)
    for index, place in {0: (0.2, 0.4), 16: (0.8, 0.4), 19: (0.35, 0.3), 8: (0.5, 0.9), 27: (0.5, 0.4)}.items():
        points[0, index] = torch.tensor(place)
    points[0, 33] = torch.tensor((0.5, 0.62))
    return points


def test_a_face_falls_away_to_all_sides_and_its_nose_stands_out(points):
    right, down = (values[0] for values in slopes(points, SIDE))
    middle = SIDE // 2
    row = int(0.75 * SIDE)
    assert right[row, 16] > 0.2 > -0.2 > right[row, 48], "it rises to the middle and falls again"
    assert down[22, middle] > 0 > down[54, middle]
    nose = int(0.58 * SIDE)
    assert right[nose, middle - 4] > right[row, middle - 4] + 0.5
    assert right[nose, middle + 4] < right[row, middle + 4] - 0.5


def test_one_half_of_a_face_is_darker(points):
    grey, faces = torch.zeros(200, 3, SIDE, SIDE), points.repeat(200, 1, 1)
    lit = side_lit(grey, faces, step_generator(0, 0), share=1.0)
    rows = slice(int(0.7 * SIDE), int(0.8 * SIDE))
    left, right = lit[:, 0, rows, 16:28].mean((1, 2)), lit[:, 0, rows, 36:48].mean((1, 2))
    assert ((left - right).abs() > 0.1).float().mean() > 0.95
    assert 0.35 < (left > right).float().mean() < 0.65
    assert torch.allclose(lit[:, 0], lit[:, 2], atol=1e-6), "light has no colour here"
    assert lit.mean().abs() < 0.15, "and a face is as bright as before on the whole"


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_as_many_faces_are_lit_as_asked(points, share):
    grey, faces = torch.zeros(200, 3, SIDE, SIDE), points.repeat(200, 1, 1)
    lit = side_lit(grey, faces, step_generator(0, 0), share=share)
    assert (lit != 0).flatten(1).any(1).float().mean().item() == pytest.approx(share, abs=0.1 if share else 0)
    assert torch.equal(lit, side_lit(grey, faces, step_generator(0, 0), share=share))
