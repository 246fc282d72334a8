import pytest
import torch

from pipelines.mask_removal.synthesis import worn
from pipelines.mask_removal.synthesis.worn import straps_beside, surroundings
from pipelines.training.augment import points_68, step_generator

pytestmark = pytest.mark.slow

SIDE = 64


@pytest.fixture(scope="module")
def points(face) -> torch.Tensor:
    """The astronaut's landmarks in the aligned crop, sixty times."""
    import skimage.data

    from pipelines.faces.alignment import align

    mesh = align(skimage.data.astronaut(), face, 256).to_crop(face.mesh) / 256
    return points_68(torch.from_numpy(mesh)[None]).float().repeat(60, 1, 1)


@pytest.fixture
def holes() -> torch.Tensor:
    holes = torch.zeros(60, 1, SIDE, SIDE)
    holes[..., 34:56, 16:48] = 1
    return holes


@pytest.mark.parametrize("what", ["spill", "shadow", "straps"])
def test_shown_around_the_hole_and_not_in_it(points, holes, what):
    shares = {"spill": 0.0, "shadow": 0.0, "straps": 0.0}
    grey = torch.zeros(60, 3, SIDE, SIDE)
    half = surroundings(grey, holes, points, step_generator(0, 0), **{**shares, what: 0.5})
    changed = (half != 0).flatten(1).any(1)
    assert changed.float().mean().item() == pytest.approx(0.5, abs=0.2)
    assert not half[(holes > 0).expand_as(half)].any(), "the target is not touched"
    assert half.abs().max() <= 1
    again = surroundings(grey, holes, points, step_generator(0, 0), **{**shares, what: 0.5})
    assert torch.equal(half, again)
    assert torch.equal(surroundings(grey, holes, points, step_generator(0, 0), **shares), grey)


def test_cheeks_have_the_cloths_colour_near_its_edge(points, holes, monkeypatch):
    blue = torch.tensor([-0.8, -0.2, 0.8]).view(1, 3, 1, 1).expand(60, 3, 1, 1)
    monkeypatch.setattr(worn, "_cloths", lambda n, generator: blue)
    shown = surroundings(
        torch.zeros(60, 3, SIDE, SIDE), holes, points, step_generator(0, 0), spill=1, shadow=0, straps=0
    )
    near, far = shown[:, :, 32, 32], shown[:, :, 8, 32]
    assert (near[:, 2] >= near[:, 0]).all() and near[:, 2].max() > 0.1 and near[:, 0].min() < -0.1
    assert not far.any()
    assert not shown[..., :3].any(), "the wall behind a face is too far away"


def test_shadows_are_dark_and_mostly_below(points, holes):
    shown = surroundings(
        torch.zeros(60, 3, SIDE, SIDE), holes, points, step_generator(0, 0), spill=0, shadow=1, straps=0
    )
    assert shown.max() == 0
    below, above = (-shown[:, 0, row, 24:40].mean() for row in (56, 33))
    assert below > 0.02 and below > above
    assert not shown[:, :, :24].any()


def test_no_shadow_comes_in_at_the_other_border(points):
    holes = torch.zeros(60, 1, SIDE, SIDE)
    holes[..., 40:, :] = 1
    shown = surroundings(
        torch.zeros(60, 3, SIDE, SIDE), holes, points, step_generator(0, 0), spill=0, shadow=1, straps=0
    )
    assert not shown[:, :, :30].any()


def test_straps_run_from_the_mask_to_both_ears(points):
    drawn = straps_beside(points, 256, step_generator(0, 0), share=1.0)
    assert drawn.shape == (60, 1, 256, 256)
    assert drawn.min() == 0 and drawn.max() == 1
    assert 0.002 < drawn.mean() < 0.05, "they are thin"
    jaw = (points[0, [0, 16]] * 256).long()
    for x, _ in jaw:
        columns = drawn[:, 0, :, : x + 1] if x < 128 else drawn[:, 0, :, x:]
        assert (columns.amax((1, 2)) > 0.5).float().mean() > 0.8, "past the jaw"
    mouth = (points[0, 48:68] * 256).long()
    assert drawn[:, 0, mouth[:, 1], mouth[:, 0]].mean() < 0.02
    assert not straps_beside(points, 256, step_generator(0, 0), share=0.0).any()
