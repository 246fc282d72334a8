import numpy as np
import pytest
import torch

from pipelines.cleft_inpainting.network import CONFIGURATIONS, INCLG, LANDMARKS

pytestmark = pytest.mark.slow

SIDE = 64
TINY = {"width": 8, "blocks": 2, "landmark_width": 16}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def mean_face() -> torch.Tensor:
    angle = torch.arange(LANDMARKS) / LANDMARKS * 2 * torch.pi
    return 0.5 + 0.3 * torch.stack([angle.cos(), angle.sin()], 1)


def photos(count: int, side: int = SIDE) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures and holes, another hole in each."""
    hole = torch.zeros(count, 1, side, side)
    for index in range(count):
        hole[index, :, side // 2 :, 8 + 5 * index : 40] = 1
    return torch.rand(count, 3, side, side) * 2 - 1, hole


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_named_configurations_draw_faces_and_landmarks(name):
    with torch.no_grad():
        output = INCLG(**CONFIGURATIONS[name]).eval()(*photos(1))
    assert output.image.shape == (1, 3, SIDE, SIDE)
    assert output.image.abs().max() <= 1
    assert output.image.std() > 0.01
    assert output.landmarks.shape == (1, LANDMARKS, 2)
    assert output.image.dtype == output.landmarks.dtype == torch.float32
    assert torch.isfinite(output.image).all()
    assert torch.isfinite(output.landmarks).all()


def test_defaults_are_the_papers():
    with torch.device("meta"):
        default = INCLG()
        paper, *others = (INCLG(**architecture) for architecture in CONFIGURATIONS.values())
    shapes = {name: value.shape for name, value in paper.state_dict().items()}
    assert {name: value.shape for name, value in default.state_dict().items()} == shapes
    assert sum(p.numel() for p in paper.parameters()) == 12_064_590
    assert list(CONFIGURATIONS) == ["paper", "medium", "medium-joined", "medium-finish", "compact"]
    for small in others:
        assert sum(p.numel() for p in small.parameters()) * 2 < 16 * 2**20  # the file, in fp16


def test_parameter_names_are_those_of_the_shipped_files():
    with torch.device("meta"):
        names = set(INCLG(**TINY).state_dict())
    convolutions = {"encode1", "encode2", "encode3", "decode1", "decode2"}
    expected = {f"{c}.{part}.{kind}" for c in convolutions for part in ("conv", "norm") for kind in ("weight", "bias")}
    joins = ("share", "fuse1", "fuse2", "fuse3", "paint", "attention.project", "attention.join")
    expected |= {f"{join}.{kind}" for join in joins for kind in ("weight", "bias")}
    expected |= {f"residual.{b}.conv{i}.weight" for b in (0, 1) for i in (1, 2)}
    expected |= {f"residual.{b}.norm{i}.{kind}" for b in (0, 1) for i in (1, 2) for kind in ("weight", "bias")}
    heads = ("narrow1.0", "narrow2.0", "wide.0", "wide.2", "gather", "image", "head.1")
    expected |= {f"landmarks.{head}.{kind}" for head in heads for kind in ("weight", "bias")}
    expected |= {"landmarks.gamma", "landmarks.wide.1.weight", "attention.short_gain", "attention.long_gain"}
    assert names == expected


@pytest.mark.parametrize("fold", [1, 2])
def test_samples_of_a_batch_do_not_see_each_other(fold):
    network = INCLG(**TINY, fold=fold).eval()
    image, hole = photos(3)
    with torch.no_grad():
        together = network(image, hole)
        for index in range(3):
            alone = network(image[index : index + 1], hole[index : index + 1])
            assert torch.allclose(alone.image, together.image[index : index + 1], atol=1e-5)
            assert torch.allclose(alone.landmarks, together.landmarks[index : index + 1], atol=1e-5)


@pytest.mark.parametrize("fold", [1, 2])
def test_what_lies_under_the_hole_is_not_looked_at(fold):
    network = INCLG(**TINY, fold=fold).eval()
    for parameter in (network.attention.short_gain, network.attention.long_gain, network.landmarks.gamma):
        torch.nn.init.constant_(parameter, 0.5)
    image, hole = photos(2)
    under = torch.where(hole.bool(), torch.rand_like(image) * 2 - 1, image)
    around = torch.where(hole.bool(), image, -image)
    with torch.no_grad():
        first, second, third = network(image, hole), network(under, hole), network(around, hole)
    assert torch.equal(first.image, second.image)
    assert torch.equal(first.landmarks, second.landmarks)
    assert not torch.allclose(first.image, third.image, atol=1e-3)


def test_hole_may_be_boolean_and_cover_all_or_nothing():
    network = INCLG(**TINY).eval()
    image, hole = photos(1)
    with torch.no_grad():
        assert torch.equal(network(image, hole.bool()).image, network(image, hole).image)
        for edge in (torch.zeros_like(hole), torch.ones_like(hole)):
            assert torch.isfinite(network(image, edge).image).all()


def test_every_parameter_learns():
    network = INCLG(**TINY)
    network.landmarks.start_at(mean_face())
    image, hole = photos(2)
    optimizer = torch.optim.SGD(network.parameters(), 1e-3)

    def silent() -> set[str]:
        optimizer.zero_grad()
        output = network(image, hole)
        loss = (output.image - image).abs().mean() + (output.landmarks - 0.3).square().mean()
        loss.backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
        return {name for name, parameter in network.named_parameters() if not parameter.grad.any()}

    # Gains that start at 0 let nothing pass to what lies before them until they have moved.
    behind_gains = {"attention.project.weight", "attention.project.bias", "landmarks.image.weight"}
    assert silent() == behind_gains | {"landmarks.image.bias"}
    optimizer.step()
    assert silent() == set()


def test_picture_teaches_the_landmarks():
    network = INCLG(**TINY)
    network.landmarks.start_at(mean_face())
    image, hole = photos(1)
    ((network(image, hole).image - image).abs() * hole).sum().backward()
    assert network.landmarks.head[-1].weight.grad.abs().max() > 0
    moved = network.landmarks.head[-1].bias.grad.view(LANDMARKS, 2)
    assert (moved.abs() > 0).all(), "every landmark's splat passes a gradient"


def test_start_at_begins_with_the_mean_face():
    network = INCLG(**TINY)
    image, hole = photos(2)
    with torch.no_grad():
        before = (network(image, hole).landmarks - mean_face()).abs().mean()
        network.landmarks.start_at(mean_face())
        after = (network(image, hole).landmarks - mean_face()).abs().max()
    assert after < 0.05 < before


def test_bfloat16_agrees_with_float32():
    network = INCLG(**TINY).eval()
    network.landmarks.start_at(mean_face())
    image, hole = photos(2)
    with torch.no_grad():
        exact = network(image, hole)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = network(image, hole)
    assert rounded.image.dtype == rounded.landmarks.dtype == torch.float32
    assert not torch.equal(rounded.image, exact.image), "autocast was not in effect"
    assert (rounded.image - exact.image).abs().mean() < 0.02
    assert (rounded.landmarks - exact.landmarks).abs().max() < 0.01


def test_pixels_of_a_fold_start_alike():
    network = INCLG(**TINY, fold=2)
    with torch.no_grad():
        image = network(*photos(1)).image
    # Unfolded from one value each, or a fresh network would paint a checkerboard.
    assert torch.allclose(image[..., ::2, ::2], image[..., 1::2, 1::2], atol=1e-6)
    assert not torch.allclose(image[..., ::2, :-2:2], image[..., ::2, 2::2], atol=1e-3)


@pytest.mark.parametrize("size", [32, 96])
def test_works_at_other_sizes(size):
    image, hole = photos(1, size)
    with torch.no_grad():
        output = INCLG(**TINY, fold=2, attention_pool=2)(image, hole)
    assert output.image.shape == image.shape
    assert np.isfinite(output.landmarks.numpy()).all()


def test_prediction_of_the_mirror_image_is_the_mirrored_prediction():
    from pipelines.cleft_inpainting.network import predict
    from pipelines.faces.points import MIRROR_68

    torch.manual_seed(0)
    network = INCLG(width=8, blocks=1, landmark_width=16, fold=2).eval()
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 30:50, 12:40] = 1
    with torch.inference_mode():
        plain, mirrored = predict(network, image, hole), predict(network, image.flip(3), hole.flip(3))
        alone, flipped = network(image, hole), network(image.flip(3), hole.flip(3))
    assert not torch.allclose(alone.image, flipped.image.flip(3), atol=1e-3)
    assert torch.allclose(plain.image, mirrored.image.flip(3), atol=1e-6)
    assert torch.allclose(plain.image, (alone.image + flipped.image.flip(3)) / 2, atol=1e-5)
    assert torch.allclose(plain.landmarks[0, 0, 0], 1 - mirrored.landmarks[0, MIRROR_68[0], 0], atol=1e-6)
    assert torch.allclose(plain.landmarks[0, 0, 1], mirrored.landmarks[0, MIRROR_68[0], 1], atol=1e-6)


@pytest.mark.parametrize("view", ["crop", "joined"])
def test_a_seed_draws_another_face_that_favours_no_side(view):
    network, (image, hole) = INCLG(**TINY, view=view).eval(), photos(1)
    face = torch.ones_like(hole)
    flipped = [one.flip(3) for one in (image, hole, face)]
    with torch.inference_mode():
        own, none, one, same, other = (network.predict(image, hole, face, seed=s).image for s in (0, 0, 1, 1, 2))
        mirrored = network.predict(*flipped, seed=1).image
    assert torch.equal(own, none) and torch.equal(one, same)
    assert not torch.allclose(own, one, atol=1e-3) and not torch.allclose(one, other, atol=1e-3)
    assert torch.allclose(one, mirrored.flip(3), atol=1e-5)


def test_gains_are_never_negative_and_one_on_average():
    network = INCLG(**TINY)
    assert network.gains(0) is None
    gains = torch.cat([network.gains(seed) for seed in range(1, 200)])
    assert gains.shape[1:] == (4 * TINY["width"], 1, 1)
    assert gains.min() >= 0 and gains.mean().item() == pytest.approx(1, abs=0.03)
