"""LPIPS against its definition, written out on torchvision's networks; and where its weights come from."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from skimage.data import astronaut
from torch.nn import functional as F
from torchvision import models

from pipelines.errors import OptionInvalid, WeightsCorrupt, WeightsMissing
from pipelines.metrics import backbones as sources
from pipelines.metrics.perceptual import LPIPS

TAPS = {"alex": (1, 4, 7, 9, 11), "squeeze": (1, 4, 7, 9, 10, 11, 12), "vgg": (3, 8, 15, 22, 29)}
NETWORKS = {"alex": models.alexnet, "squeeze": models.squeezenet1_1, "vgg": models.vgg16}
FILES = {"alex": "alexnet_features.pth", "squeeze": "squeezenet1_1_features.pth", "vgg": "vgg16_features.pth"}


@pytest.fixture(scope="module")
def pictures():
    """A picture and a blurred copy, and another and a noisy copy: ``(2, 3, 96, 96)`` each."""
    photo = torch.from_numpy(astronaut()).permute(2, 0, 1).float() / 127.5 - 1
    target = torch.stack([photo[:, 50:146, 180:276], photo[:, 200:296, 20:116]])
    blurred = F.avg_pool2d(target[:1], 5, 1, 2)
    noise = torch.randn(target[1:].shape, generator=torch.Generator().manual_seed(0))
    return torch.cat([blurred, (target[1:] + 0.2 * noise).clamp(-1, 1)]), target


def by_definition(network, folder, image, target):
    """Zhang et al. 2018, eq. 1: unit-length features, squared differences, linear weights, mean, sum of layers."""
    with torch.device("meta"):
        features = NETWORKS[network](weights=None).eval().features
    state = torch.load(folder / FILES[network], weights_only=True)
    features.load_state_dict({key.removeprefix("features."): value for key, value in state.items()}, assign=True)
    package = Path(find_spec("lpips").origin).parent
    linear = torch.load(package / "weights" / "v0.1" / f"{network}.pth", "cpu", weights_only=True)
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    a, b = ((picture - shift.view(3, 1, 1)) / scale.view(3, 1, 1) for picture in (image, target))
    total = torch.zeros(len(image))
    for index, layer in enumerate(features):
        a, b = layer(a), layer(b)
        if index in TAPS[network]:
            weights = linear[f"lin{TAPS[network].index(index)}.model.1.weight"]
            difference = (F.normalize(a) - F.normalize(b)) ** 2
            total += (difference * weights).sum(1).mean((1, 2))
    return total


@pytest.mark.slow
@pytest.mark.parametrize("network", ["alex", "squeeze"])
def test_lpips_is_its_definition(backbones, pictures, network):
    with torch.no_grad():
        expected = by_definition(network, backbones, *pictures)
    assert (expected > 1e-4).all()
    torch.testing.assert_close(LPIPS(network, backbones)(*pictures), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_lpips_on_vgg_is_its_definition(tmp_path, pictures):
    torch.manual_seed(0)
    with torch.device("meta"):
        features = models.vgg16(weights=None).features
    state = {f"features.{key}": torch.randn(value.shape) * 0.05 for key, value in features.state_dict().items()}
    torch.save(state, tmp_path / "vgg16_features.pth")
    pictures = [batch[..., :32, :32] for batch in pictures]
    with torch.no_grad():
        expected = by_definition("vgg", tmp_path, *pictures)
    torch.testing.assert_close(LPIPS("vgg", tmp_path)(*pictures), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_equal_pictures_have_distance_zero(backbones, pictures):
    assert LPIPS("alex", backbones)(pictures[1], pictures[1]).tolist() == [0, 0]


@pytest.mark.slow
def test_gradients_reach_the_picture_and_not_the_network(backbones, pictures):
    metric = LPIPS("squeeze", backbones)
    image = pictures[0].clone().requires_grad_()
    metric(image, pictures[1]).sum().backward()
    assert image.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in metric.parameters())


@pytest.mark.slow
def test_building_it_leaves_the_random_numbers_alone(backbones):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    LPIPS("alex", backbones)
    assert torch.rand(1) == expected


def test_the_environment_variable_names_the_folder(backbones, monkeypatch, tmp_path):
    monkeypatch.setenv(sources.VARIABLE, str(backbones))
    assert sources.find_backbone("alex").parent == backbones
    with pytest.raises(WeightsMissing):  # an argument goes first
        sources.find_backbone("alex", tmp_path)


def test_the_weights_folder_is_looked_into_last(backbones, monkeypatch):
    monkeypatch.delenv(sources.VARIABLE, raising=False)
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(backbones))
    assert sources.find_backbone("squeeze").parent == backbones


def test_torchvisions_own_file_will_do(backbones, tmp_path):
    state = torch.load(backbones / "alexnet_features.pth", weights_only=True)
    torch.save({**state, "classifier.6.bias": torch.zeros(1000)}, tmp_path / "alexnet-owt-7be5be79.pth")
    assert sources.read_backbone("alex", tmp_path).keys() == state.keys()


def test_missing_weights_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv(sources.VARIABLE, raising=False)
    with pytest.raises(WeightsMissing, match="weights get vgg16, or name the folder"):
        LPIPS("vgg", tmp_path)


def test_damaged_weights_are_said(backbones, tmp_path):
    whole = (backbones / "alexnet_features.pth").read_bytes()
    (tmp_path / "alexnet_features.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsCorrupt, match="damaged"):
        LPIPS("alex", tmp_path)


@pytest.mark.slow
def test_weights_of_another_network_are_said(backbones, tmp_path):
    (tmp_path / "alexnet_features.pth").write_bytes((backbones / "squeezenet1_1_features.pth").read_bytes())
    with pytest.raises(WeightsCorrupt, match="holds another network"):
        LPIPS("alex", tmp_path)


def test_an_unknown_network_is_said(backbones):
    with pytest.raises(OptionInvalid, match="one of alex, squeeze, vgg"):
        LPIPS("resnet", backbones)


def test_the_fingerprint_is_of_the_weights_and_not_of_the_file(backbones, tmp_path):
    state = torch.load(backbones / FILES["alex"], weights_only=True)
    whole = {**dict(reversed(state.items())), "classifier.6.bias": torch.zeros(1000)}
    torch.save(whole, tmp_path / "alexnet-owt-7be5be79.pth")
    found = sources.fingerprint("alex", backbones)
    assert sources.fingerprint("alex", tmp_path) == found and len(found) == 12
    whole["features.0.bias"] = whole["features.0.bias"] + 1e-6
    torch.save(whole, tmp_path / "alexnet-owt-7be5be79.pth")
    assert sources.fingerprint("alex", tmp_path) != found
    with pytest.raises(WeightsMissing):
        sources.fingerprint("vgg", tmp_path)
