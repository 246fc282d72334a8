import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipelines.faces.masks import EXTENTS, GROUPS, suggest_mask
from pipelines.faces.points import MESH_TO_68, Face
from pipelines.training.augment import (
    MIRROR_68,
    augment,
    blurred,
    draw_holes,
    fill_pieces,
    fill_polygons,
    grown,
    irregular_bank,
    jitter_polygons,
    pixel_centres,
    points_68,
    shrunken,
    some,
    step_generator,
    transform_colours,
)
from pipelines.training.sets.outlines import outlines

pytestmark = pytest.mark.slow

SIZE = 64


def random_polygon(seed: int, vertices: int) -> np.ndarray:
    """A star-shaped, mostly concave polygon around the middle, as fractions of the side."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, vertices))
    radius = rng.uniform(0.15, 0.45, vertices)
    return 0.5 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


def by_opencv(polygon: np.ndarray, size: int) -> np.ndarray:
    """Filled 16 times larger and sampled at pixel centres, because OpenCV also paints the border's pixels."""
    factor = 16
    canvas = np.zeros((size * factor, size * factor), np.uint8)
    cv2.fillPoly(canvas, [np.round(polygon * size * factor - 0.5).astype(np.int32)], 1)
    return canvas[factor // 2 :: factor, factor // 2 :: factor] > 0


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


@given(st.integers(0, 10_000), st.integers(3, 32))
def test_polygons_are_filled_as_opencv_fills_them(seed, vertices):
    polygon = random_polygon(seed, vertices)
    reference = by_opencv(polygon, SIZE)
    filled = fill_polygons(torch.from_numpy(polygon)[None], SIZE)
    assert filled.shape == (1, 1, SIZE, SIZE)
    assert set(filled.unique().tolist()) <= {0.0, 1.0}
    if reference.sum() > 100:
        assert overlap(filled[0, 0].bool().numpy(), reference) > 0.97


def test_concave_polygon_keeps_its_notch():
    notch = torch.tensor([[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.5, 0.3], [0.1, 0.9]]])
    filled = fill_polygons(notch, 100)[0, 0]
    assert filled[80, 50] == 0
    assert filled[20, 50] == 1
    assert filled[80, 12] == 1
    assert filled.mean().item() == pytest.approx(0.64 - 0.8 * 0.6 / 2, abs=0.01)


def test_each_sample_gets_its_own_polygon():
    square = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.5, 0.5], [0.0, 0.5]])
    filled = fill_polygons(torch.stack([square, square + 0.5]), 8)
    assert filled[0, 0, :4, :4].all() and filled[0].sum() == 16
    assert filled[1, 0, 4:, 4:].all() and filled[1].sum() == 16


def test_polygon_outside_the_picture_is_empty():
    assert fill_polygons(torch.tensor([[[1.1, 1.1], [1.4, 1.1], [1.2, 1.5]]]), 16).sum() == 0


def test_mirror_is_its_own_inverse():
    order = np.array(MIRROR_68)
    assert sorted(order) == list(range(68))
    assert np.array_equal(order[order], np.arange(68))


def test_mirror_exchanges_left_and_right_features():
    order = list(MIRROR_68)
    assert order[0] == 16 and order[8] == 8  # jaw, chin
    assert set(order[17:22]) == set(range(22, 27))  # brows
    assert order[27:31] == [27, 28, 29, 30]  # bridge of the nose
    assert order[31] == 35 and order[33] == 33
    assert set(order[36:42]) == set(range(42, 48))  # eyes
    assert order[36] == 45 and order[39] == 42  # outer with outer, inner with inner corner
    assert order[48] == 54 and order[51] == 51 and order[57] == 57  # corners and middle of the lips
    assert order[60] == 64 and order[62] == 62 and order[66] == 66


def test_mirrored_face_has_the_mirrored_points(face, astronaut):
    """FaceMesh on the mirrored photo finds each point where the table says."""
    from pipelines.faces.landmarks import find_face

    mirrored = find_face(np.ascontiguousarray(astronaut[:, ::-1]))
    expected = face.points[list(MIRROR_68)] * [-1, 1] + [astronaut.shape[1], 0]
    distance = np.linalg.norm(mirrored.points - expected, axis=1) / face.eye_distance
    assert distance.max() < 0.1
    assert np.linalg.norm(mirrored.points - (face.points * [-1, 1] + [astronaut.shape[1], 0]), axis=1).mean() > 20


def test_points_68_are_the_faces(face):
    meshes = torch.from_numpy(face.mesh)[None].repeat(2, 1, 1)
    assert torch.equal(points_68(meshes)[1], torch.from_numpy(face.points))
    assert len(MESH_TO_68) == 68


def test_outlines_are_those_of_the_suggested_masks(face):
    meshes = torch.from_numpy(face.mesh)[None] / 512
    drawn = outlines(meshes)
    assert drawn.shape == (1, len(EXTENTS), 32, 2)
    for index, extent in enumerate(EXTENTS):
        filled = fill_polygons(drawn[:, index], 512)[0, 0].bool().numpy()
        suggested = suggest_mask(Face(face.mesh), (512, 512), extent)
        assert overlap(filled, suggested) > 0.93


@pytest.fixture(scope="module")
def bank() -> torch.Tensor:
    return irregular_bank(SIZE, 6, 0)


def test_irregular_masks_have_the_shares_of_their_groups(bank):
    assert bank.shape == (18, SIZE, SIZE)
    assert bank.dtype == torch.uint8
    for group, (low, high) in enumerate(GROUPS):
        shares = bank[6 * group : 6 * group + 6].float().mean((1, 2))
        assert (shares >= max(low, 0.01)).all()
        assert (shares <= high).all()


def test_irregular_masks_repeat_with_the_seed(bank):
    assert torch.equal(bank, irregular_bank(SIZE, 6, 0))
    assert not torch.equal(bank, irregular_bank(SIZE, 6, 1))


def polygons(count: int) -> torch.Tensor:
    """Three squares of one, two and three tenths of the side."""
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    squares = torch.stack([0.5 + corners * half for half in (0.05, 0.1, 0.15)])
    return squares.repeat(count, 1, 1, 1)


@pytest.mark.parametrize("irregular", [0.0, 0.5, 1.0])
def test_holes_are_never_empty(irregular, bank):
    tiny = polygons(64) * 0.02 + torch.tensor([1.2, 0.0])  # off the picture
    for step in range(5):
        holes = draw_holes(tiny, bank, SIZE, step_generator(0, step), irregular=irregular, extents=(1.0, 2.0, 1.0))
        assert holes.shape == (64, 1, SIZE, SIZE)
        assert set(holes.unique().tolist()) == {0.0, 1.0}
        assert (holes.sum((1, 2, 3)) > 0).all()


def test_holes_mix_strokes_and_outlines_as_asked(bank):
    def share_of_strokes(irregular: float) -> float:
        blank = torch.ones_like(bank)  # a stroke mask that is recognized: it covers all
        found = [
            draw_holes(polygons(64), blank, SIZE, step_generator(1, step), irregular=irregular, extents=(1.0, 2.0, 1.0))
            for step in range(8)
        ]
        return (torch.cat(found).mean((1, 2, 3)) == 1).float().mean().item()

    assert share_of_strokes(0.0) == 0
    assert share_of_strokes(1.0) == 1
    assert share_of_strokes(0.3) == pytest.approx(0.3, abs=0.06)


def test_extents_come_as_often_as_asked(bank):
    def mean_share(extents: tuple[float, float, float]) -> float:
        holes = draw_holes(polygons(256), bank, SIZE, step_generator(2, 0), irregular=0.0, extents=extents)
        return holes.mean().item()

    small, large, mixed = mean_share((1.0, 0.0, 0.0)), mean_share((0.0, 0.0, 1.0)), mean_share((1.0, 0.0, 1.0))
    assert large > 5 * small
    assert mixed == pytest.approx((small + large) / 2, rel=0.15)


def test_pieces_come_as_often_as_asked(bank):
    """Pieces hide less than the whole square, so the mean of the holes tells how many of them are pieces."""

    def shares(pieces: float) -> torch.Tensor:
        squares, random = polygons(400), step_generator(3, 0)
        extents = (0.0, 0.0, 1.0)
        holes = draw_holes(squares, bank, SIZE, random, irregular=0.0, extents=extents, pieces=pieces)
        return holes.mean((1, 2, 3))

    whole, half, every = shares(0.0), shares(0.5), shares(1.0)
    assert every.mean() < 0.7 * whole.mean()
    assert half.mean().item() == pytest.approx((whole.mean() + every.mean()).item() / 2, rel=0.1)


def test_pieces_lie_in_their_outline_and_everywhere_in_it():
    squares = polygons(600)[:, 2]
    copies = shrunken(squares, step_generator(4, 0))
    assert copies.shape == (600, 3, 4, 2)
    assert (copies > 0.5 - 0.15 - 1e-5).all() and (copies < 0.5 + 0.15 + 1e-5).all()
    sides = (copies[:, :, 1] - copies[:, :, 0]).norm(dim=-1) / 0.3
    assert 0.3 <= sides.min() < 0.33 and 0.67 < sides.max() <= 0.7 + 1e-5
    middle = copies.mean(2).flatten(0, 1)
    for side in (middle < 0.5).unbind(1):
        assert side.float().mean().item() == pytest.approx(0.5, abs=0.06)


def test_hidden_are_one_to_three_pieces():
    """Of a long strip the pieces are small, so that they can be counted."""
    strip = torch.tensor([[0.02, 0.45], [0.98, 0.45], [0.98, 0.55], [0.02, 0.55]]).repeat(300, 1, 1)
    holes = fill_pieces(strip, 128, step_generator(5, 0))
    assert holes.shape == (300, 1, 128, 128) and set(holes.unique().tolist()) == {0.0, 1.0}
    counts = [cv2.connectedComponents(hole[0].byte().numpy())[0] - 1 for hole in holes]
    assert min(counts) == 1 and 1 < max(counts) <= 3


def test_jitter_keeps_outlines_near_their_place():
    before = polygons(200)[:, 2]
    after = jitter_polygons(before, step_generator(0, 0))
    centres = after.mean(1) - before.mean(1)
    assert centres.abs().max() < 0.1
    size = (after - after.mean(1, keepdim=True)).norm(dim=2).mean(1) / (before - 0.5).norm(dim=2).mean(1)
    assert 0.5 < size.min() < 0.95
    assert 1.2 < size.max() < 2


def test_jittered_outlines_do_not_tell_how_far_a_mouth_was_open():
    """Outlines of one width whose lower half hangs by how far the mouth is open."""
    angle = torch.linspace(0, 2 * torch.pi, 33)[:-1]
    circle = 0.1 * torch.stack([torch.cos(angle), torch.sin(angle)], 1).repeat(400, 1, 1)
    opening = torch.linspace(0, 0.3, 400)
    hanging = circle * torch.where(circle[..., 1:] > 0, torch.tensor([1.0, 1.0]) + opening.view(-1, 1, 1), 1.0)
    after = jitter_polygons(hanging + 0.5, step_generator(1, 0))
    width, height = ((after.amax(1) - after.amin(1)) / 0.2).unbind(1)
    below = after[:, 1:16, 1].amax(1) - after.mean((1, 2))
    for told in (height, height / width, below):
        assert torch.corrcoef(torch.stack([opening, told]))[0, 1] < 0.45


def test_grown_outlines_lie_outside_by_the_margin():
    angle = torch.linspace(0, 2 * torch.pi, 33)[:-1]
    circle = 0.3 * torch.stack([torch.cos(angle), torch.sin(angle)], 1)[None] + torch.tensor([0.4, 0.6])
    wider = grown(circle, 0.1)
    radius = (wider - wider.mean(1, keepdim=True)).norm(dim=2)
    assert torch.allclose(radius, torch.full_like(radius, 0.3 * (1 + 0.1 / 1.26)), atol=1e-4)
    assert torch.allclose(grown(circle, torch.zeros(1, 1, 1)), circle)


def dots(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Black pictures with a white dot at each of 68 points; the polygons' vertices are among these points."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(9), np.arange(9)), 2).reshape(-1, 2)
    chosen = rng.permutation(grid)[:68]
    points = torch.from_numpy((0.18 + chosen * 0.08).astype(np.float32))
    picture = np.zeros((128, 128, 3), np.uint8)
    for x, y in points.numpy() * 128:
        cv2.circle(picture, (int((x - 0.5) * 16), int((y - 0.5) * 16)), 40, (255, 255, 255), -1, cv2.LINE_AA, shift=4)
    images = torch.from_numpy(picture).permute(2, 0, 1).repeat(count, 1, 1, 1)
    return images, points.repeat(count, 1, 1), points[: 3 * 20].view(1, 3, 20, 2).repeat(count, 1, 1, 1)


def test_points_and_polygons_go_where_the_pixels_go():
    images, points, corners = dots(48)
    moved_images, moved_points, moved_corners = augment(images, points, corners, step_generator(0, 0))
    assert moved_images.shape == images.shape
    assert moved_images.dtype == torch.float32
    assert moved_images.abs().max() <= 1
    assert moved_points.shape == points.shape and moved_corners.shape == corners.shape
    background = moved_images.amin((1, 2, 3))
    light = moved_images.amax((1, 2, 3)) - background
    for found in (moved_points, moved_corners.flatten(1, 2)):
        at = torch.nn.functional.grid_sample(moved_images, (found * 2 - 1)[:, None], align_corners=False).mean(1)[:, 0]
        assert ((at - background[:, None]) / light[:, None] > 0.7).all()
    # The dots are a tenth of the spacing wide: half a spacing away it is dark.
    beside = torch.nn.functional.grid_sample(
        moved_images, ((moved_points + 0.04) * 2 - 1)[:, None], align_corners=False
    ).mean(1)[:, 0]
    assert ((beside - background[:, None]) / light[:, None] < 0.1).float().mean() > 0.95


def test_augment_mirrors_and_moves_about_half_of_the_pictures():
    images, points, corners = dots(200)
    _, moved, moved_corners = augment(images, points, corners, step_generator(0, 1))
    flat, moved_flat = corners.flatten(1, 2), moved_corners.flatten(1, 2)
    mirrored = (moved_flat - flat).norm(dim=2).amax(1) > 0.3
    assert 70 < mirrored.sum() < 130
    plain = (moved[~mirrored] - points[~mirrored]).norm(dim=2).amax(1)
    assert 0.3 < (plain == 0).float().mean() < 0.7
    assert plain.max() < 0.2
    swapped = points[mirrored][:, list(MIRROR_68)] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    assert (moved[mirrored] - swapped).norm(dim=2).max() < 0.2


def test_same_step_same_batch(bank):
    def batch(seed: int, step: int) -> list[torch.Tensor]:
        generator = step_generator(seed, step)
        images, points, corners = augment(*dots(4), generator)
        return [images, points, draw_holes(corners, bank, 128 // 2, generator, irregular=0.5, extents=(1.0, 1.0, 1.0))]

    again = zip(batch(0, 7), batch(0, 7), strict=True)
    assert all(torch.equal(one, other) for one, other in again)
    for seed, step in ((0, 8), (0, 9), (0, 1007), (1, 7)):
        assert not any(torch.equal(one, other) for one, other in zip(batch(0, 7), batch(seed, step), strict=True))


def colours(count: int, strength: float = 0.3) -> torch.Tensor:
    """Pictures near grey, whose colours nothing drives out of range; each its own."""
    return (torch.rand(count, 3, 16, 16, generator=step_generator(9, 0)) * 2 - 1) * strength


@pytest.fixture
def turned(monkeypatch):
    """``turned(images, degrees)``: the hue rotated by so much and nothing else changed."""

    def turned(images: torch.Tensor, degrees: float) -> torch.Tensor:
        angle = lambda shape, low, high, generator: torch.full(shape, high)  # noqa: E731
        monkeypatch.setattr("pipelines.training.augment.uniform", angle)
        return transform_colours(images, step_generator(0, 0), hue=degrees, chance=0.0)

    return turned


def test_hue_goes_around_in_a_circle(turned):
    images = colours(4)
    assert torch.allclose(turned(images, 0), images, atol=1e-6)
    assert torch.allclose(turned(images, 360), images, atol=1e-5)
    assert torch.allclose(turned(images, 120), images.roll(1, 1), atol=1e-5), "red becomes green, green blue"
    assert torch.allclose(turned(images, -120), images.roll(2, 1), atol=1e-5)
    assert torch.allclose(turned(turned(images, 50), 70), images.roll(1, 1), atol=1e-5)
    # Half a turn mirrors a colour in its grey.
    assert torch.allclose(turned(images, 180), 2 * images.mean(1, keepdim=True) - images, atol=1e-5)


@pytest.mark.parametrize("degrees", [17.0, 90.0, 180.0])
def test_hue_keeps_grey_and_the_mean_of_the_channels(turned, degrees):
    images = colours(4)
    found = turned(images, degrees)
    assert torch.allclose(found.mean(1), images.mean(1), atol=1e-6)
    saturation = [(picture - picture.mean(1, keepdim=True)).norm(dim=1) for picture in (found, images)]
    assert torch.allclose(*saturation, atol=1e-5)
    grey = images[:, :1].expand(-1, 3, -1, -1)
    assert torch.allclose(turned(grey, degrees), grey, atol=1e-6)


@pytest.mark.parametrize(("hue", "chance"), [(0.0, 0.75), (60.0, 0.0), (180.0, 0.0)])
def test_colours_change_as_often_and_as_much_as_asked(hue, chance):
    """Brightness, contrast and saturation are read off pictures of a few pixels, of which nothing is cut off."""
    # Two pixels, one lighter and one darker than grey by as much, both of one colour.
    images = torch.tensor([[0.07, -0.03], [0.06, -0.04], [0.02, -0.08]]).view(1, 3, 1, 2).repeat(2000, 1, 1, 1)
    found = transform_colours(images, step_generator(1, 0), hue=hue, chance=chance)
    kept = (found.abs() < 1).all((1, 2, 3)).flatten()
    assert kept.float().mean() > 0.98
    before, after = images[kept], found[kept]

    def grey(x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)[:, 0]

    def size(x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean(1, keepdim=True)).flatten(1).norm(dim=1)

    contrast = grey(after).diff(dim=1)[:, 0] / grey(before).diff(dim=1)[:, 0]
    brightness = grey(after).mean(1) / contrast - grey(before).mean(1)
    saturation = size(after) / size(before) / contrast
    for found_values, neutral, octaves, deviation in (
        (brightness, 0.0, False, 0.2),
        (contrast, 1.0, True, 0.5),
        (saturation, 1.0, True, 1.0),
    ):
        changed = (found_values - neutral).abs() > 1e-3
        assert changed.float().mean().item() == pytest.approx(chance, abs=0.04)
        if chance:
            amount = found_values[changed].log2() if octaves else found_values[changed]
            assert amount.std().item() == pytest.approx(deviation, rel=0.1)
            assert amount.mean().abs() < 0.15 * deviation
    first, second = (
        (x - x.mean(1, keepdim=True))[:, :, 0, 0] @ torch.tensor([[2, -1, -1], [0, 3**0.5, -(3**0.5)]]).T
        for x in (before, after)
    )
    angle = torch.atan2(second[:, 1], second[:, 0]) - torch.atan2(first[:, 1], first[:, 0])
    degrees = (torch.rad2deg(angle) + 180) % 360 - 180
    assert degrees.abs().max() <= hue + 0.1
    if hue:  # always turned, evenly to both sides
        assert degrees.abs().mean().item() == pytest.approx(hue / 2, rel=0.08)
        assert degrees.mean().abs() < 0.06 * hue


def test_changed_colours_stay_colours():
    images = colours(64, strength=1.0)
    found = transform_colours(images, step_generator(0, 0), hue=180.0)
    assert found.shape == images.shape and found.dtype == images.dtype
    assert found.abs().max() <= 1 and torch.isfinite(found).all()
    assert torch.equal(found, transform_colours(images, step_generator(0, 0), hue=180.0))
    assert not torch.equal(found, transform_colours(images, step_generator(0, 1), hue=180.0))


def test_some_are_about_a_share():
    drawn = some(1000, 0.3, step_generator(0, 0))
    assert drawn.shape == (1000, 1, 1, 1) and set(drawn.unique().tolist()) == {0.0, 1.0}
    assert drawn.mean().item() == pytest.approx(0.3, abs=0.04)
    assert not some(10, 0.0, step_generator(0, 0)).any() and some(10, 1.0, step_generator(0, 0)).all()


def test_blur_keeps_means_and_reaches_so_far():
    flat = torch.full((1, 2, SIZE, SIZE), 0.7)
    assert torch.allclose(blurred(flat, 0.1), flat), "up to the border"
    dot = torch.zeros(1, 1, SIZE, SIZE)
    dot[..., 32, 32] = 1
    seen = blurred(dot, 0.1)
    assert seen.sum().item() == pytest.approx(1)
    rows = seen[0, 0].any(1).nonzero().flatten()
    assert 32 - rows.min() == rows.max() - 32 == pytest.approx(0.1 * SIZE, abs=1)


def test_pixels_lie_at_their_centres():
    centres = pixel_centres(4, torch.device("cpu"))
    assert centres[0, 3].tolist() == [0.875, 0.125]
