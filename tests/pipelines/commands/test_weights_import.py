"""``weights import`` of a foreign StyleGAN2 file: generator and discriminator come into the manifest, ready to load."""

import pytest
import torch

from pipelines.__main__ import main
from pipelines.models import loading, store
from pipelines.stylegan.foreign.legacy import read_stylegan2
from tests.pipelines.stylegan.foreign.foreign_networks import (
    CommonNetwork,
    PyTorchNetwork,
    TensorFlowNetwork,
    write_common,
    write_pytorch,
    write_tensorflow,
)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    loading.clear()
    yield
    loading.clear()


def common(folder, *discriminator):
    return write_common(folder / "faces.pt", CommonNetwork("G"), *(CommonNetwork("D", seed=1) for _ in discriminator))


def pytorch(folder, *discriminator):
    return write_pytorch(folder / "faces.pkl", PyTorchNetwork("G"), *(PyTorchNetwork("D") for _ in discriminator))


def tensorflow(folder, *discriminator):
    return write_tensorflow(
        folder / "faces.pkl", TensorFlowNetwork("G"), *(TensorFlowNetwork("D") for _ in discriminator)
    )


@pytest.fixture
def foreign(tmp_path):
    return common(tmp_path, "with")


def imported(foreign, *more: str) -> int:
    return main(["weights", "import", str(foreign), "faces", "--licence", "x", "--network", "stylegan2", *more])


@pytest.mark.parametrize("write", [common, pytorch, tensorflow])
def test_both_networks_come_in_and_are_the_same(weights, tmp_path, capsys, write):
    foreign = write(tmp_path, "with discriminator")
    assert imported(foreign, "--default") == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["faces-discriminator", "faces"]
    generator = loading.load(job="face-generator")
    assert generator.entry.details["alignment"] == "ffhq"
    critic = loading.load(job="face-discriminator")
    read = read_stylegan2(foreign)
    for model, expected in ((generator, read.generator_state), (critic, read.discriminator_state)):
        assert all(torch.equal(value, expected[name]) for name, value in model.network.state_dict().items())
    assert critic.network.resolution == generator.network.synthesis.resolution


@pytest.mark.parametrize("write", [common, pytorch, tensorflow])
def test_a_generator_comes_in_alone(weights, tmp_path, capsys, write):
    assert imported(write(tmp_path)) == 0
    assert list(store.entries()) == ["faces"]


def test_the_projects_crop_can_be_named(weights, foreign):
    assert imported(foreign, "--alignment", "philtrum") == 0
    assert store.find("faces").details["alignment"] == "philtrum"


def test_a_taken_name_and_another_file_are_refused(weights, foreign, tmp_path, capsys):
    assert imported(foreign) == 0
    capsys.readouterr()
    assert imported(foreign) == 2
    assert capsys.readouterr().err == "There are weights of that name already; choose another name.\n"
    other = tmp_path / "other.pt"
    torch.save({"weight": torch.zeros(3)}, other)
    assert main(["weights", "import", str(other), "b", "--licence", "x", "--network", "stylegan2"]) == 2
    assert "StyleGAN2" in capsys.readouterr().err and "b" not in store.entries()


def test_a_network_that_draws_by_label_is_refused_with_its_discriminator(weights, tmp_path, capsys):
    labelled = write_pytorch(tmp_path / "faces.pkl", PyTorchNetwork("G", 3), PyTorchNetwork("D", 3))
    assert imported(labelled) == 2
    assert capsys.readouterr() == ("", "This generator draws faces by label; choose one without labels.\n")
    assert store.entries() == {}
