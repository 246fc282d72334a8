import cv2
import numpy as np
import pytest
import skimage.data
import torch

from pipelines.mask_removal.synthesis import references
from pipelines.mask_removal.synthesis.references import OtherDay, face_ovals, self_references
from pipelines.training.augment import points_68, step_generator

pytestmark = pytest.mark.slow

SIDE = 64
MESH_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176,
             149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip


@pytest.fixture(scope="module")
def crop(face) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """The astronaut's aligned crop, ``(3, 64, 64)`` in [-1, 1], its 68 points, and its whole mesh in fractions."""
    from pipelines.faces.alignment import align

    photo = skimage.data.astronaut()
    alignment = align(photo, face, 256)
    mesh = (alignment.to_crop(face.mesh) / 256).astype(np.float32)
    small = cv2.resize(alignment.crop(photo), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    image = torch.from_numpy(small).permute(2, 0, 1).float() / 127.5 - 1
    return image, points_68(torch.from_numpy(mesh)[None])[0], mesh


@pytest.fixture
def still(monkeypatch) -> None:
    """References of the same sharpness, in the same light, from the same side."""
    monkeypatch.setattr(references, "_softened", lambda images, generator: images)
    monkeypatch.setattr(references, "_relit", lambda images, generator: images)
    monkeypatch.setattr(references, "_MIRRORED", 0.0)


def places(count: int) -> torch.Tensor:
    """Pictures whose first two channels say where a pixel lies, from -1 to 1."""
    centres = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x, y, torch.zeros_like(x)]).repeat(count, 1, 1, 1)


def repeated(crop, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    return crop[0].repeat(count, 1, 1, 1), crop[1].repeat(count, 1, 1)


def test_face_oval_is_that_of_the_mesh_without_the_upper_forehead(crop):
    _, points, mesh = crop
    oval = face_ovals(points[None], 256)
    assert oval.shape == (1, 1, 256, 256)
    assert set(oval.unique().tolist()) == {0.0, 1.0}
    found = oval[0, 0].numpy() > 0
    canvas = np.zeros((256, 256), np.uint8)
    cv2.fillPoly(canvas, [np.round(mesh[list(MESH_OVAL)] * 256).astype(np.int32)], 1)
    whole = canvas > 0
    assert (found & whole).sum() / found.sum() > 0.98
    missing = np.argwhere(whole & ~found)
    assert found.sum() / whole.sum() > 0.8
    assert np.median(missing[:, 0]) < points[17:27, 1].min() * 256, "what is missing lies above the brows"
    at = (points[17:].numpy() * 256).astype(int)
    assert found[at[:, 1], at[:, 0]].all(), "brows, eyes, nose and mouth lie inside"


def test_each_face_gets_its_own_oval(crop):
    points = torch.stack([crop[1], crop[1] * 0.5])
    ovals = face_ovals(points, SIDE)
    assert torch.equal(ovals[:1], face_ovals(points[:1], SIDE))
    assert ovals[1].mean() == pytest.approx(ovals[0].mean().item() / 4, rel=0.1)


def test_references_have_the_range_of_pictures_and_repeat(crop):
    images, points = repeated(crop, 16)
    warped, confidence = self_references(images, points, step_generator(0, 0), share=0.5)
    assert warped.shape == images.shape and warped.abs().max() <= 1
    assert confidence.shape == (16, 1, SIDE, SIDE)
    assert confidence.min() >= 0 and confidence.max() <= 1
    again = self_references(images, points, step_generator(0, 0), share=0.5)
    assert torch.equal(warped, again[0]) and torch.equal(confidence, again[1])
    assert not torch.equal(warped, self_references(images, points, step_generator(0, 1), share=0.5)[0])
    assert not torch.allclose(warped[0], warped[1], atol=0.01), "each face's reference differs"


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_as_many_faces_have_a_reference_as_asked(crop, share):
    images, points = repeated(crop, 300)
    _, confidence = self_references(images[..., ::4, ::4], points, step_generator(0, 0), share=share)
    found = (confidence.amax((1, 2, 3)) > 0).float().mean().item()
    assert found == pytest.approx(share, abs=0.08 if 0 < share < 1 else 0)


@pytest.mark.usefixtures("still")
def test_faces_lie_nearly_but_not_quite_where_they_should(crop):
    images, points = places(200), repeated(crop, 200)[1]
    warped, _ = self_references(images, points, step_generator(0, 0), share=1.0)
    inside = slice(12, -12)  # away from the border, whose pixels are repeated outward
    shift = (warped - images)[:, :2, inside, inside] / 2  # fractions of the side
    distance = shift.norm(dim=1).mean((1, 2))
    assert distance.min() < 0.004, "some references fit"
    assert 0.015 < distance.max() < 0.1
    assert shift.mean().abs() < 0.003, "no direction is preferred"
    across, down = shift.diff(dim=3)[:, :, :-1] * SIDE, shift.diff(dim=2)[..., :-1] * SIDE
    turned_over = (1 + across[:, 0]) * (1 + down[:, 1]) - across[:, 1] * down[:, 0] <= 0
    assert not turned_over.any(), "a warp bends the face and does not fold it"


def test_only_folding_shifts_are_weakened():
    at = torch.linspace(0, 2 * torch.pi, SIDE)
    gentle = torch.stack([torch.sin(at).expand(SIDE, SIDE), torch.cos(at)[:, None].expand(SIDE, SIDE)]) / 20
    both = references._unfolded(torch.stack([gentle, 10 * gentle]))
    assert torch.equal(both[0], gentle)
    weakened = both[1] / (10 * gentle)
    assert weakened.nanmean() < 0.5 and torch.allclose(weakened[1], weakened[1, 0, 0].expand(SIDE, SIDE), atol=1e-4)
    across, down = both[1].diff(dim=2)[:, :-1] * SIDE, both[1].diff(dim=1)[..., :-1] * SIDE
    assert ((1 + across[0]) * (1 + down[1]) - across[1] * down[0]).min() > 0


def test_some_references_are_the_mirrored_face(crop, monkeypatch):
    monkeypatch.setattr(references, "_relit", lambda images, generator: images)
    warped, _ = self_references(places(400), repeated(crop, 400)[1], step_generator(0, 0), share=1.0)
    slope = warped[:, 0, :, 40].mean(1) - warped[:, 0, :, 24].mean(1)
    mirrored = slope < 0
    assert mirrored.float().mean().item() == pytest.approx(0.25, abs=0.07)
    assert (slope.abs() > 0.3).all()


def test_light_differs_in_strength_colour_and_direction(crop):
    grey = torch.zeros(300, 3, SIDE, SIDE)
    lit, _ = self_references(grey, repeated(crop, 300)[1], step_generator(0, 0), share=1.0)
    mean = lit.mean((2, 3))
    strength, colour = mean.mean(1), (mean - mean.mean(1, keepdim=True)).abs().amax(1)
    assert strength.min() < -0.12 and strength.max() > 0.12
    assert strength.mean().abs() < 0.05
    assert 0.03 < colour.max() < 0.12
    along = [lit.mean((1, axis)) for axis in (2, 3)]  # columns, rows
    slopes = [values[:, -1] - values[:, 0] for values in along]
    for slope in slopes:
        assert slope.min() < -0.2 and slope.max() > 0.2
    assert np.corrcoef(*(slope.numpy() for slope in slopes))[0, 1] == pytest.approx(0, abs=0.15)


def test_half_of_the_references_are_softer(crop, monkeypatch):
    monkeypatch.setattr(references, "_relit", lambda images, generator: images)
    monkeypatch.setattr(references, "_SHIFTS", ())
    noise = torch.rand(1, 3, SIDE, SIDE, generator=step_generator(5, 0)).repeat(200, 1, 1, 1) * 2 - 1
    warped, _ = self_references(noise, repeated(crop, 200)[1], step_generator(0, 0), share=1.0)
    detail = warped.diff(dim=3).abs().mean((1, 2, 3))
    whole = noise[0].diff(dim=2).abs().mean()
    assert ((detail > 0.95 * whole) | (detail < 0.8 * whole)).all()
    assert (detail < 0.8 * whole).float().mean().item() == pytest.approx(0.5, abs=0.1)


def test_confidence_ends_at_the_faces_border(crop, monkeypatch):
    monkeypatch.setattr(references, "_FADED", 0.0)
    images, points = repeated(crop, 2)
    _, confidence = self_references(images, points, step_generator(0, 0), share=1.0)
    oval = face_ovals(points, SIDE)[0, 0].numpy().astype(np.uint8)
    inner, outer = cv2.erode(oval, np.ones((5, 5))), cv2.dilate(oval, np.ones((5, 5)))  # 3 % of the side both ways
    for one in confidence[:, 0].numpy():
        assert np.allclose(one[inner > 0], 1, atol=1e-6)
        assert (one[outer == 0] == 0).all()
        border = one[(outer > 0) & (inner == 0)]
        assert len(np.unique(border.round(3))) > 5


def test_some_references_were_seen_from_one_side_only(crop):
    points = repeated(crop, 300)[1]
    _, confidence = self_references(places(300), points, step_generator(0, 0), share=1.0)
    oval = face_ovals(points[:1], SIDE)[0, 0]
    inner = torch.from_numpy(cv2.erode(oval.numpy(), np.ones((5, 5)))) > 0
    seen = confidence[:, 0][:, inner]
    faded = seen.min(1).values < 0.5
    assert 0.35 < faded.float().mean() < 0.55  # half of them, of which a few end beside the face
    columns = inner.nonzero()[:, 1]
    left = torch.stack([one[columns < 26].mean() for one in seen[faded]])
    right = torch.stack([one[columns > 38].mean() for one in seen[faded]])
    assert 0.3 < (left > right).float().mean() < 0.7, "either side is lost"
    assert ((left - right).abs() > 0.1).float().mean() > 0.9, "and one side more than the other"


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("what", ["lens", "expression", "side_light", "makeup", "beard", "aged"])
def test_each_part_of_another_day_is_in_the_asked_share(crop, monkeypatch, what):
    monkeypatch.setattr(references, "_SHIFTS", ())
    points = repeated(crop, 100)[1]
    # Faces of different lips and chins: what is lent shows.
    images = (crop[0] * torch.linspace(0.5, 1, 100).view(-1, 1, 1, 1)).clone()
    images[::2, :, 40:] *= 0.5
    plain, _ = self_references(images, points, step_generator(0, 0), share=1.0)
    changed, confidence = self_references(images, points, step_generator(0, 0), share=1.0, day=OtherDay(**{what: 0.4}))
    touched = ((changed - plain).abs() * (confidence > 0)).amax((1, 2, 3)) > 0.02
    assert touched.float().mean().item() == pytest.approx(0.4, abs=0.15)
    assert changed.abs().max() <= 1


def test_without_another_day_no_random_number_is_spent(crop):
    """A recorded command makes the batches that it made before."""
    images, points = repeated(crop, 4)
    generators = [step_generator(0, 0) for _ in range(2)]
    for generator, day in zip(generators, ({}, {"day": OtherDay()}), strict=True):
        self_references(images, points, generator, share=1.0, **day)
    assert torch.equal(*(torch.rand(3, generator=generator) for generator in generators))


def test_bent_references_do_not_fold(crop, monkeypatch):
    monkeypatch.setattr(references, "_softened", lambda images, generator: images)
    monkeypatch.setattr(references, "_relit", lambda images, generator: images)
    monkeypatch.setattr(references, "_MIRRORED", 0.0)
    everything = OtherDay(lens=1.0, expression=1.0)
    images, points = places(200), repeated(crop, 200)[1]
    warped, _ = self_references(images, points, step_generator(0, 0), share=1.0, day=everything)
    at = warped[:, :2, 12:-12, 12:-12] / 2 * SIDE
    across, down = at.diff(dim=3)[:, :, :-1], at.diff(dim=2)[..., :-1]
    assert (across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]).min() > 0
