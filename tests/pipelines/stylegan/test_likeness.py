"""Distances: LPIPS as its own package computes it, the others by hand; gradients; which is chosen."""

import pytest
import torch
from torch.nn import functional as F

from pipelines import devices
from pipelines.errors import OptionInvalid, WeightsMissing, WeightsUnknown
from pipelines.jobs import FACE_DISCRIMINATOR
from pipelines.metrics.backbones import VARIABLE
from pipelines.metrics.perceptual import LPIPS
from pipelines.models import loading, registering
from pipelines.stylegan.likeness import automatic_order, choose_likeness
from pipelines.stylegan.ops import fir_filter, upsample2d
from pipelines.stylegan.stylegan2 import Discriminator

CPU = devices.choose("cpu", "float32")
SMALL = {"resolution": 16, "channel_base": 128, "channel_max": 16}


@pytest.fixture(autouse=True)
def nothing_here(tmp_path, monkeypatch):
    """A machine without any weights."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    loading.clear()
    yield
    loading.clear()


@pytest.fixture
def squeeze(loss_folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(loss_folder))


@pytest.fixture
def discriminator(nothing_here) -> Discriminator:
    torch.manual_seed(1)
    network = Discriminator(**SMALL)
    about = {"job": FACE_DISCRIMINATOR, "network": "stylegan2-discriminator", "licence": "none", "default": True}
    registering.save("critic", network.state_dict(), half=False, architecture=SMALL, **about)
    return network.eval().requires_grad_(False)


def pictures(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    target = F.interpolate(torch.randn(1, 3, 8, 8, generator=random), size=side, mode="bicubic").clamp(-1, 1)
    return (target + 0.2 * torch.randn(target.shape, generator=random)).clamp(-1, 1), target


@pytest.mark.slow
def test_lpips_is_that_of_the_package(squeeze, loss_folder):
    image, target = pictures(256)
    distance = choose_likeness("squeeze", CPU).to(target)
    torch.testing.assert_close(distance(image), LPIPS("squeeze", loss_folder)(image, target)[0])
    assert distance(target) == 0


@pytest.mark.slow
def test_large_pictures_are_averaged_and_small_ones_enlarged(squeeze):
    image, target = pictures(256)
    like = choose_likeness("squeeze", CPU)
    plain = like.to(target)(image)
    doubled = [picture.repeat_interleave(2, 2).repeat_interleave(2, 3) for picture in (image, target)]
    torch.testing.assert_close(like.to(doubled[1])(doubled[0]), plain)
    image, target = pictures(64)
    enlarged = [F.interpolate(picture, size=256, mode="bilinear") for picture in (image, target)]
    assert torch.equal(like.to(target)(image), like.to(enlarged[1])(enlarged[0]))


def test_the_discriminators_features_by_hand(discriminator):
    image, target = pictures(16)
    expected, a, b = 0.0, image, target
    for side in (16, 8):
        block = discriminator.get_submodule(f"b{side}")
        a, b = block(a), block(b)
        expected += (F.normalize(a) - F.normalize(b)).square().sum(1).mean()
    like = choose_likeness("discriminator", CPU)
    torch.testing.assert_close(like.to(target)(image), expected)
    assert [used.name for used in like.weights] == ["critic"]
    large = image.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.isfinite(like.to(large)(large.flip(2))), "pictures of another size are brought to the discriminator's"


def test_the_pyramid_counts_every_octave_alike():
    like = choose_likeness("pyramid", CPU)
    target = torch.zeros(1, 3, 32, 32)
    assert float(like.to(target)(target + 0.5)) == pytest.approx(0.25), "brightness is in the coarsest level alone"
    distances = []
    for side in (4, 8, 16, 32):
        noise = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(side))
        while noise.shape[-1] < 32:
            noise = upsample2d(noise, fir_filter())
        distances.append(float(like.to(target)(noise / noise.square().mean().sqrt())))
    assert max(distances) < 2.5 * min(distances)


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["squeeze", "discriminator", "pyramid"])
def test_gradients_reach_the_picture_alone(squeeze, discriminator, choice):
    image, target = pictures(16 if choice == "discriminator" else 64)
    distance = choose_likeness(choice, CPU).to(target)
    image.requires_grad_()
    distance(image).backward()
    assert torch.isfinite(image.grad).all()
    assert (image.grad != 0).float().mean() > 0.9, "every pixel counts"
    assert not target.requires_grad
    step = image.detach() - 1e-3 * image.grad / image.grad.abs().max()
    assert distance(step) < distance(image)


@pytest.mark.slow
def test_pictures_without_a_feature_have_gradients(squeeze):
    """A layer in which nothing is active has length 0, whose derivative in the package is no number."""
    like = choose_likeness("squeeze", CPU)
    image = torch.full((1, 3, 128, 128), -0.03, requires_grad=True)
    like.to(pictures(128)[1])(image).backward()
    assert torch.isfinite(image.grad).all()


@pytest.mark.slow
def test_bfloat16_stays_close(squeeze):
    image, target = pictures(128)
    low = devices.choose("cpu", "bfloat16")
    with low.autocast():
        near = choose_likeness("squeeze", low).to(target)(image)
    assert near.dtype == torch.float32
    torch.testing.assert_close(near, choose_likeness("squeeze", CPU).to(target)(image), rtol=0.03, atol=0)


def test_without_any_weights_pixels_are_compared():
    like = choose_likeness("auto", CPU)
    assert like.name == "no network: squared error, Laplacian pyramid"
    assert like.weights == ()


def test_the_discriminator_goes_before_pixels(discriminator):
    assert choose_likeness("auto", CPU).name == "discriminator's features"


def test_lpips_goes_first(squeeze, discriminator):
    like = choose_likeness("auto", CPU)
    assert like.name == "LPIPS, SqueezeNet 1.1"
    assert [used.name for used in like.weights] == ["squeezenet1_1"]
    assert len(like.weights[0].sha256) == 12


@pytest.mark.slow
def test_alexnet_goes_before_squeezenet(shared, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(shared / "weights"))
    assert choose_likeness("auto", CPU).name == "LPIPS, AlexNet"


def test_vgg_waits_on_the_cpu_alone():
    assert automatic_order("cuda") == automatic_order("mps") == ("vgg", "alex", "squeeze", "discriminator")
    assert automatic_order("cpu") == ("alex", "squeeze", "vgg", "discriminator")


def test_what_is_named_and_not_here_is_said():
    for choice in ("vgg", "alex", "squeeze"):
        with pytest.raises(WeightsMissing, match="is not on this machine"):
            choose_likeness(choice, CPU)
    with pytest.raises(WeightsUnknown):
        choose_likeness("discriminator", CPU)
    with pytest.raises(OptionInvalid, match="one of auto, vgg"):
        choose_likeness("resnet", CPU)
