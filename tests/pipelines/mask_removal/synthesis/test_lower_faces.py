import pytest
import torch

from pipelines.mask_removal.synthesis.lower_faces import lent, most_alike, skin_tones
from pipelines.training.augment import fill_polygons, step_generator

SIDE = 64
LIPS, CHIN, EYES = (slice(42, 45), slice(28, 36)), (slice(50, 54), slice(28, 36)), (slice(10, 24), slice(16, 48))


@pytest.fixture
def points() -> torch.Tensor:
    """One upright face, ``(1, 68, 2)``: jaw, nose base and lips."""
    points = torch.full((1, 68, 2), 0.5)
    angle = torch.linspace(torch.pi, 0, 17)
    points[0, :17] = torch.stack([0.5 + 0.32 * torch.cos(angle), 0.5 + 0.38 * torch.sin(angle)], 1)
    points[0, 31:36] = torch.stack([torch.linspace(0.44, 0.56, 5), torch.full((5,), 0.56)], 1)
    angle = torch.linspace(torch.pi, 3 * torch.pi, 13)[:-1]
    points[0, 48:60] = torch.stack([0.5 + 0.12 * torch.cos(angle), 0.68 + 0.05 * torch.sin(angle)], 1)
    return points


def skins(*levels: float) -> torch.Tensor:
    return torch.stack([torch.full((3, SIDE, SIDE), level) for level in levels])


def test_skin_is_that_of_the_cheeks(points):
    image = skins(0.3)
    image[..., 40:48, 24:40] = -1  # the mouth
    assert torch.allclose(skin_tones(image, points), torch.full((1, 3, 1, 1), 0.3), atol=0.05)


def test_the_most_alike_is_another_face():
    tones = torch.tensor([0.0, 0.1, 0.9, 0.85]).view(4, 1, 1, 1).expand(4, 3, 1, 1)
    assert most_alike(tones).tolist() == [1, 0, 3, 2]
    assert most_alike(tones[:1]).tolist() == [0]


def bearded(points: torch.Tensor) -> torch.Tensor:
    """A bare face, and one of lighter skin with a dark striped beard and dark red lips."""
    images = skins(0.0, 0.2)
    lips = fill_polygons(points[:, 48:60], SIDE)[0, 0] > 0
    images[1, :, 42:58, 14:50] = -0.6
    images[1, :, 42:58:2, 14:50] = -0.8
    images[:, :, lips] = torch.tensor([0.3, -0.2, -0.2])[:, None]
    images[1, :, lips] = torch.tensor([0.4, -0.9, -0.9])[:, None]
    return images


def test_a_beard_is_grown_and_one_is_shaved(points):
    images = bearded(points)
    both = lent(images, points.repeat(2, 1, 1), step_generator(0, 0), makeup=0.0, beard=1.0)
    chin = [(picture[:, *CHIN]).mean().item() for picture in (*images, *both)]
    assert chin[0] == 0 and chin[2] < -0.25, "grown"
    assert chin[3] > chin[1] + 0.35, "shaved"
    texture = both[0, 0, *CHIN].diff(dim=0).abs().mean()
    assert texture > 0.05, "with its texture"
    assert torch.equal(both[:, :, *EYES], images[:, :, *EYES])
    middle = [picture[:, *LIPS].mean((1, 2)) for picture in (images[0], both[0])]
    assert torch.allclose(*middle, atol=0.12), "lips are their own"


def test_lips_are_painted_in_the_others_colours(points):
    images = bearded(points)
    both = lent(images, points.repeat(2, 1, 1), step_generator(0, 0), makeup=1.0, beard=0.0)
    before, after = (pictures[0, :, *LIPS].mean((1, 2)) for pictures in (images, both))
    assert after[1] < before[1] - 0.2 and after[2] < before[2] - 0.2
    assert torch.equal(both[:, :, *EYES], images[:, :, *EYES])
    assert torch.allclose(both[0, :, *CHIN], images[0, :, *CHIN], atol=0.05)


def test_nobody_gets_anothers_complexion(points):
    images = skins(-0.4, 0.4)
    both = lent(images, points.repeat(2, 1, 1), step_generator(0, 0), makeup=1.0, beard=1.0)
    assert (both[0] < -0.25).all() and (both[1] > 0.0).all()


def test_as_many_faces_as_asked_and_a_lone_one_stays(points):
    noise = torch.rand(200, 3, SIDE, SIDE, generator=step_generator(1, 0)) - 0.5
    faces = points.repeat(200, 1, 1)
    changed = lent(noise, faces, step_generator(0, 0), makeup=0.0, beard=0.3) - noise
    assert (changed.abs().amax((1, 2, 3)) > 0.01).float().mean().item() == pytest.approx(0.3, abs=0.1)
    assert torch.equal(changed, lent(noise, faces, step_generator(0, 0), makeup=0.0, beard=0.3) - noise)
    lone = lent(noise[:1], points, step_generator(0, 0), makeup=1.0, beard=1.0)
    assert torch.allclose(lone, noise[:1], atol=0.02)


def test_another_pose_is_moved_onto_the_face(points):
    """A face lends from where its own chin is."""
    images = bearded(points)
    away = points - torch.tensor([0.0, 0.12])
    images[1] = images[1].roll(-round(0.12 * SIDE), 1)
    both = lent(images, torch.cat([points, away]), step_generator(0, 0), makeup=0.0, beard=1.0)
    assert both[0, :, *CHIN].mean() < -0.25


def test_what_lies_beside_the_others_chin_is_not_lent(points):
    """A narrow face lends no wall, and a wide mouth no second corner."""
    images = skins(0.0, 0.0)
    narrow = points.clone()
    narrow[0, :17, 0] = 0.5 + 0.5 * (narrow[0, :17, 0] - 0.5)
    inside = fill_polygons(narrow[:, :17], SIDE)[0, 0] > 0
    images[1, :, ~inside] = 0.9
    wide = narrow.clone()
    wide[0, 48:60, 0] = 0.5 + 1.2 * (wide[0, 48:60, 0] - 0.5)
    images[1, :, fill_polygons(wide[:, 48:60], SIDE)[0, 0] > 0] = -0.9
    both = lent(images, torch.cat([points, wide]), step_generator(0, 0), makeup=0.0, beard=1.0)
    assert both[0].max() < 0.3 and both[0].min() > -0.3
