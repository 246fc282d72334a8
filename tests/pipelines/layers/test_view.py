import pytest
import torch

from pipelines.cleft_inpainting.network import INCLG, predict
from pipelines.layers.finish import without_grid
from pipelines.layers.view import blend, joined, narrowed

TINY = {"width": 8, "blocks": 1, "landmark_width": 16, "fold": 2}


def region(size: int = 64, radius: float = 22) -> torch.Tensor:
    at = torch.arange(size) - (size - 1) / 2
    return ((at[:, None] ** 2 + at**2) < radius**2).float()[None, None]


def patch(rows: slice, columns: slice, size: int = 64) -> torch.Tensor:
    hole = torch.zeros(1, 1, size, size)
    hole[..., rows, columns] = 1
    return hole


def joining() -> INCLG:
    torch.manual_seed(0)
    return INCLG(**TINY, view="joined").eval()


def test_only_the_face_is_shown():
    image, face, hole = torch.rand(1, 3, 64, 64), region(), patch(slice(30, 60), slice(25, 35))
    seen, inside = narrowed(image, hole, face)
    assert torch.equal(inside, hole * face)
    known = ((face - inside) == 1).expand_as(image)
    assert torch.equal(seen[known], image[known])
    other = torch.where((face == 1).expand_as(image), image, torch.rand_like(image))
    assert torch.equal(narrowed(other, hole, face)[0], seen)


@pytest.mark.slow
def test_no_surroundings_change_what_the_face_alone_is_drawn_from():
    network, face, hole = joining(), region(), patch(slice(35, 45), slice(25, 40))
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    inside = hole.expand_as(image) == 1
    with torch.no_grad():
        drawn = network(*narrowed(image, hole, face))
        for wall in (-1.0, 0.0, 1.0):
            other = network(*narrowed(image * face + wall * (1 - face), hole, face))
            assert torch.equal(drawn.image, other.image)
            assert torch.equal(drawn.landmarks, other.landmarks)
        plain = INCLG(**TINY).eval()
        plain.load_state_dict(network.state_dict())
        moved = {}
        for name, one in (("joined", network), ("crop", plain)):
            change = one.predict(image, hole, face).image - one.predict(image * face + (1 - face), hole, face).image
            moved[name] = change[inside].view(3, -1).mean(1).abs().max()
    assert moved["crop"] > 1e-3
    assert moved["joined"] < moved["crop"] / 5, "detail may move, the colour must not"


@pytest.mark.slow
def test_a_hole_beyond_the_face_is_drawn_from_all_that_is_around_it():
    network, face, image = joining(), region(), torch.rand(1, 3, 64, 64)
    hole = patch(slice(28, 64), slice(20, 44))
    dark = image * face - (1 - face)
    with torch.no_grad():
        drawn, other = (network.predict(one, hole, face).image for one in (image, dark))
        far, dark_far = (predict(network, one, hole).image for one in (image, dark))
    below = (slice(None), slice(None), slice(62, 64), slice(20, 44))
    assert not torch.allclose(drawn[below], other[below], atol=1e-3), "what is below the chin is seen"
    assert torch.allclose(
        (drawn - other)[below], (far - dark_far)[below], atol=0.3 * (far - dark_far)[below].abs().max()
    )


def test_a_single_look_is_at_the_face_alone_where_two_are_joined_and_at_the_picture_otherwise():
    network, image, face = joining(), torch.rand(1, 3, 64, 64) * 2 - 1, region()
    hole = patch(slice(35, 45), slice(25, 40))
    plain = INCLG(**TINY).eval()
    plain.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(network.look(image, hole, face).image, network(*narrowed(image, hole, face)).image)
        assert torch.equal(plain.look(image, hole, face).image, network(image, hole).image)


def test_without_a_face_there_is_one_look():
    network, image, hole = joining(), torch.rand(1, 3, 64, 64) * 2 - 1, patch(slice(35, 45), slice(25, 40))
    with torch.no_grad():
        assert torch.equal(network.predict(image, hole).image, predict(network, image, hole).image)


def test_where_all_is_face_both_looks_are_one():
    network, image, hole = joining(), torch.rand(1, 3, 64, 64) * 2 - 1, patch(slice(35, 45), slice(25, 40))
    with torch.no_grad():
        found, alone = network.predict(image, hole, torch.ones_like(hole)), predict(network, image, hole)
    assert torch.allclose(found.image, alone.image, atol=1e-5)
    assert torch.allclose(found.landmarks, alone.landmarks, atol=1e-6)


def test_colours_are_of_the_look_at_the_face_and_detail_is_of_both():
    hole = patch(slice(30, 200), slice(40, 220), 256)
    rows, columns = torch.meshgrid(torch.arange(256), torch.arange(256), indexing="ij")
    board = ((rows + columns) % 2 * 2.0 - 1).expand(1, 3, 256, 256)
    inside = hole.expand_as(board) == 1
    tinted = joined(torch.zeros_like(board), torch.full_like(board, 0.5), hole)
    assert tinted[inside].abs().max() < 1e-5, "an even tint goes wholly, at the hole's border as in its middle"
    detail = joined(torch.zeros_like(board), board, hole)
    assert torch.allclose(detail[..., 60:160, 70:190], 0.4 * board[..., 60:160, 70:190], atol=1e-3)
    detail = joined(board, torch.zeros_like(board), hole)
    assert torch.allclose(detail[..., 60:160, 70:190], 0.6 * board[..., 60:160, 70:190], atol=1e-3)
    assert torch.allclose(joined(board, board, hole), board, atol=1e-6)


def test_nothing_outside_the_hole_colours_the_joined_picture():
    hole, near, far = patch(slice(30, 50), slice(20, 45)), torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    other = torch.where(hole.expand_as(near) == 1, near, torch.rand_like(near))
    inside = hole.expand_as(near) == 1
    assert torch.allclose(joined(near, far, hole)[inside], joined(other, far, hole)[inside], atol=1e-6)
    empty = joined(near, far, torch.zeros_like(hole))
    assert torch.isfinite(empty).all()


def test_two_looks_meet_without_a_step():
    near, far = torch.ones(1, 3, 64, 64), -torch.ones(1, 3, 64, 64)
    face, hole = region(), torch.ones(1, 1, 64, 64)
    found = blend(near, far, hole, face)
    assert found[0, 0, 32, 32] == 1 and found[0, 0, 0, 0] == -1
    assert found.diff(dim=3).abs().max() < 0.8
    assert (found[(face == 0).expand_as(found)] < 0.1).all()
    assert torch.equal(blend(near, far, hole * face, face), near)


@pytest.mark.slow
def test_the_grid_is_weaker_in_what_is_used_and_as_it_was_in_what_is_trained():
    torch.manual_seed(0)
    plain, quiet = INCLG(**TINY).eval(), INCLG(**TINY, grid_stop=0.5).eval()
    quiet.load_state_dict(plain.state_dict())
    image, hole, face = torch.rand(1, 3, 64, 64), patch(slice(30, 50), slice(20, 45)), region()
    with torch.no_grad():
        assert torch.equal(plain(image, hole).image, quiet(image, hole).image)
        drawn, less = (network.predict(image, hole, face).image for network in (plain, quiet))
    assert torch.equal(less, without_grid(drawn, 0.5))
    assert not torch.equal(less, drawn)
