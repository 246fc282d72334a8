import torch

from pipelines.training.augment import step_generator
from pipelines.training.views import views


def given(count: int = 64, size: int = 32):
    random = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, size, size, generator=random) * 2 - 1
    holes = torch.zeros(count, 1, size, size)
    holes[:, :, 14:20, 14:20] = 1
    angle = torch.linspace(0, 2 * torch.pi, 33)[:-1]
    faces = (0.3 * torch.stack([torch.cos(angle), torch.sin(angle)], 1) + 0.5).expand(count, 32, 2)
    return images, holes, faces


def test_the_face_alone():
    images, holes, faces = given()
    truth, drawn, shown = views(images, holes, faces, step_generator(0, 0), whole=0.0, walls=1.0)
    assert torch.equal(truth, images)
    assert torch.equal(drawn, holes)
    known = (shown == images).all(1)
    assert known[:, 10, 16].all() and known[:, 16, 9].all()
    assert not known[:, 0].any() and not known[:, :, -1].any()
    shares = known.float().mean((1, 2))
    assert shares.std() > 0.003, "the margin varies"


def test_the_whole_picture_before_other_walls():
    images, holes, faces = given()
    truth, _, shown = views(images, holes, faces, step_generator(0, 0), whole=1.0, walls=1.0)
    assert torch.equal(truth, shown)
    assert torch.equal(truth[:, :, 14:18, 10:12], images[:, :, 14:18, 10:12])
    corners = truth[:, :, 0]
    plain = (corners.std(2) < 1e-6).all(1)
    assert 0.3 < plain.float().mean() < 0.7
    assert torch.equal(corners[~plain], images.roll(1, 0)[:, :, 0][~plain])
    for share in (0.0, 0.4):
        kept = (views(images, holes, faces, step_generator(0, 0), whole=1.0, walls=share)[0] == images).all((1, 2, 3))
        assert abs(kept.float().mean() - (1 - share)) < 0.2


def test_a_hole_that_lies_mostly_beyond_the_face_is_shown_with_its_surroundings():
    images, holes, faces = given()
    holes[:32] = 0
    holes[:32, :, :, :6] = 1
    _, drawn, shown = views(images, holes, faces, step_generator(0, 0), whole=0.0, walls=0.0)
    assert torch.equal(shown[:32], images[:32]) and torch.equal(drawn[:32], holes[:32])
    assert not (shown[32:] == images[32:]).all((1, 2, 3)).any()
