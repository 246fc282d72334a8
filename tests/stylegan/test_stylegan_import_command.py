"""``weights import`` of a foreign StyleGAN2 file: generator and discriminator come into the manifest, ready to load."""

import pytest
import torch
from foreign_networks import CommonNetwork, write_common

from pipelines import store
from pipelines.__main__ import main
from pipelines.stylegan.legacy import read_stylegan2


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    store.clear()
    yield
    store.clear()


@pytest.fixture
def foreign(tmp_path):
    return write_common(tmp_path / "faces.pt", CommonNetwork("G"), CommonNetwork("D", seed=1))


def imported(foreign, *more: str) -> int:
    return main(["weights", "import", str(foreign), "faces", "--licence", "x", "--network", "stylegan2", *more])


def test_both_networks_come_in_and_draw_the_same(weights, foreign, capsys):
    assert imported(foreign, "--default") == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["faces-discriminator", "faces"]
    generator = store.load(job="face-generator")
    assert generator.entry.details["alignment"] == "ffhq"
    expected = read_stylegan2(foreign).generator_state
    assert all(torch.equal(value, expected[name]) for name, value in generator.network.state_dict().items())
    assert store.load(job="face-discriminator").network.resolution == generator.network.synthesis.resolution


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
