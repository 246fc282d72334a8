import torch

from pipelines.cleft_inpainting.network import INCLG
from pipelines.layers.view import blend, narrowed

TINY = {"width": 8, "blocks": 1, "landmark_width": 16, "fold": 2}


def region(size: int = 64, radius: float = 22) -> torch.Tensor:
    at = torch.arange(size) - (size - 1) / 2
    return ((at[:, None] ** 2 + at**2) < radius**2).float()[None, None]


def patch(rows: slice, columns: slice, size: int = 64) -> torch.Tensor:
    hole = torch.zeros(1, 1, size, size)
    hole[..., rows, columns] = 1
    return hole


def faces_alone() -> INCLG:
    torch.manual_seed(0)
    return INCLG(**TINY, view="face").eval()


def test_only_the_face_is_shown():
    image, face, hole = torch.rand(1, 3, 64, 64), region(), patch(slice(30, 60), slice(25, 35))
    seen, inside = narrowed(image, hole, face)
    assert torch.equal(inside, hole * face)
    known = ((face - inside) == 1).expand_as(image)
    assert torch.equal(seen[known], image[known])
    other = torch.where((face == 1).expand_as(image), image, torch.rand_like(image))
    assert torch.equal(narrowed(other, hole, face)[0], seen)


def test_no_surroundings_change_what_is_drawn():
    network, face, hole = faces_alone(), region(), patch(slice(35, 45), slice(25, 40))
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        drawn = network.predict(image, hole, face)
        for wall in (-1.0, 0.0, 1.0):
            other = network.predict(image * face + wall * (1 - face), hole, face)
            assert torch.equal(drawn.image, other.image)
            assert torch.equal(drawn.landmarks, other.landmarks)
        plain = INCLG(**TINY).eval()
        plain.load_state_dict(network.state_dict())
        changed = plain.predict(image * face + (1 - face), hole, face).image
        assert not torch.allclose(plain.predict(image, hole, face).image, changed, atol=1e-3)


def test_a_hole_beyond_the_face_is_drawn_from_all_that_is_around_it():
    network, face, image = faces_alone(), region(), torch.rand(2, 3, 64, 64)
    holes = torch.cat([patch(slice(28, 64), slice(20, 44)), patch(slice(28, 36), slice(28, 36))])
    faces = face.expand(2, 1, 64, 64)
    dark = image * face - (1 - face)
    with torch.no_grad():
        drawn, other = (network.predict(one, holes, faces).image for one in (image, dark))
    assert not torch.allclose(drawn[0, :, 62:], other[0, :, 62:], atol=1e-3), "what is below the chin is seen"
    assert torch.equal(drawn[0, :, 30:34, 30:34], other[0, :, 30:34, 30:34]), "the lips do not see it"
    assert torch.equal(drawn[1], other[1]), "a hole within the face needs no second look"


def test_two_looks_meet_without_a_step():
    near, far = torch.ones(1, 3, 64, 64), -torch.ones(1, 3, 64, 64)
    face, hole = region(), torch.ones(1, 1, 64, 64)
    found = blend(near, far, hole, face)
    assert found[0, 0, 32, 32] == 1 and found[0, 0, 0, 0] == -1
    assert found.diff(dim=3).abs().max() < 0.8
    assert (found[(face == 0).expand_as(found)] < 0.1).all()
    assert torch.equal(blend(near, far, hole * face, face), near)
