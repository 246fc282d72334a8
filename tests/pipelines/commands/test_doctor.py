"""``python -m pipelines doctor``."""

import importlib.metadata
import platform
import shutil

import numpy as np
import pytest

from pipelines import __version__, devices
from pipelines.anomaly_scoring.scoring import scale
from pipelines.cleft_inpainting.pipeline import CleftInpainting
from pipelines.commands import doctor
from pipelines.commands.drawn_face import drawn_face, drawn_masked_face
from pipelines.faces.landmarks import find_faces
from pipelines.mask_removal.pipeline import MaskRemoval
from pipelines.models import loading, places, store

SCALE = "reference scale of scores"
CLEFT, REMOVAL = "self-test, cleft inpainting", "self-test, mask removal"


def lines_of(said: str) -> dict[str, tuple[str, str]]:
    """What → (ok or !!, what was found)."""
    lines = said.splitlines()
    at = lines[0].index("found")
    return {line[4:at].strip(): (line[:2], line[at:]) for line in lines[1:] if line[:2] in ("ok", "!!")}


@pytest.fixture
def enough_memory(monkeypatch):
    monkeypatch.setattr(devices, "free_memory", lambda: int(8e9))


@pytest.mark.slow
@pytest.mark.usefixtures("weights", "enough_memory")
def test_a_healthy_installation(run):
    status, said, trouble = run("doctor", "--device", "cpu", "--precision", "float32")
    assert (status, trouble) == (0, "")
    assert said.endswith("Everything works.\n")
    found = lines_of(said)
    assert {well for well, _ in found.values()} == {"ok"}
    assert found["Philtrum"][1] == __version__
    assert found["Python"][1].startswith(platform.python_version())
    for package in doctor.PACKAGES:
        assert found[package][1] == importlib.metadata.version(package)
    assert found["device"][1] == "CPU, float32"
    assert found["free memory"][1] == "8.0 GB"
    assert found["weights small"][1] == f"whole, SHA-256 {store.find('small').sha256[:12]}"
    assert found[SCALE][1] == "none, so no score has a percentile"
    assert found[CLEFT][1].startswith("a drawn face, repainted in ")
    assert found[REMOVAL][1] == "it has no weights yet"


def test_the_reference_scale(run, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "SHIPPED", weights.resolve())  # as where the folder is Philtrum's own
    status, said, _ = run("doctor", "--device", "tpu")
    missing = "The reference scale of scores is not on this machine; restore the weights folder."
    assert status == 1 and lines_of(said)[SCALE] == ("!!", missing)
    shutil.copytree(weights, tmp_path / "weights")
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    key = scale.Key(figure="local", normalizer="inpainting", weights="x", region="face", version=2)
    (tmp_path / "weights" / scale.FILE).write_bytes(scale.encode({key: np.arange(40.0)}))
    assert lines_of(run("doctor", "--device", "tpu")[1])[SCALE] == ("ok", "whole, scales: 1")


@pytest.mark.slow
@pytest.mark.usefixtures("both_weights", "enough_memory")
def test_both_jobs(run, monkeypatch):
    status, said, trouble = run("doctor", "--device", "cpu", "--precision", "float32")
    assert (status, trouble) == (0, "")
    found = lines_of(said)
    assert found[CLEFT][1].startswith("a drawn face, repainted in ")
    assert found[REMOVAL][1].startswith("a drawn mask, found and removed in ")
    real = MaskRemoval.__call__

    def careless(self, photo, *, reference):
        result = real(self, photo, reference=reference)
        result.image[:] = photo
        return result

    monkeypatch.setattr(MaskRemoval, "__call__", careless)
    status, said, _ = run("doctor", "--device", "cpu", "--precision", "float32")
    assert status == 1
    well, text = lines_of(said)[REMOVAL]
    assert well == "!!" and text.endswith("but nothing was painted")


@pytest.mark.slow
@pytest.mark.usefixtures("enough_memory")
def test_damaged_weights_of_one_job_leave_the_other_alone(run, both_weights, tmp_path, monkeypatch):
    shutil.copytree(both_weights, tmp_path / "weights")
    (tmp_path / "weights" / "small-removal.safetensors").write_bytes(b"?")
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    status, said, _ = run("doctor", "--device", "cpu")
    assert status == 1
    found = lines_of(said)
    assert found[CLEFT][0] == "ok"
    assert found[REMOVAL] == ("!!", found["weights small-removal"][1])


@pytest.mark.usefixtures("enough_memory")
def test_no_weights(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    loading.clear()
    status, said, trouble = run("doctor")
    assert (status, trouble) == (1, "Lines marked !! need attention.\n")
    assert lines_of(said)[CLEFT] == (
        "!!",
        "The weights manifest names no weights for this job; restore the weights folder.",
    )


@pytest.mark.usefixtures("weights")
def test_each_trouble_is_a_line_and_the_rest_is_still_looked_at(run, weights, monkeypatch):
    real = importlib.metadata.version

    def without_gradio(name):
        if name == "gradio":
            raise importlib.metadata.PackageNotFoundError
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", without_gradio)
    monkeypatch.setattr(devices, "free_memory", lambda: int(5e8))
    status, said, _ = run("doctor", "--device", "tpu")
    assert status == 1
    found = lines_of(said)
    assert found["gradio"] == ("!!", "not installed; run make run, or pip install -r requirements.txt")
    assert found["device"][0] == "!!" and found["device"][1].startswith("The device must be one of")
    assert found["free memory"] == ("!!", "0.5 GB; close other programs")
    assert found["weights small"][0] == "ok"
    assert found[CLEFT][0] == "!!"
    assert found["torch"][0] == "ok"


@pytest.mark.slow
@pytest.mark.usefixtures("weights", "enough_memory")
def test_a_self_test_that_breaks_its_promises(run, monkeypatch):
    real = CleftInpainting.__call__

    def careless(self, photo):
        result = real(self, photo)
        result.image[0, 0] ^= 1
        result.landmarks[0, 0] = float("nan")
        return result

    monkeypatch.setattr(CleftInpainting, "__call__", careless)
    status, said, _ = run("doctor", "--device", "cpu")
    assert status == 1
    well, text = lines_of(said)[CLEFT]
    assert well == "!!" and text.endswith("but pixels outside the mask changed, landmarks are no numbers")

    def broken(self, photo):
        raise RuntimeError("a library is missing")

    monkeypatch.setattr(CleftInpainting, "__call__", broken)
    assert lines_of(run("doctor")[1])[CLEFT] == ("!!", "RuntimeError: a library is missing")


@pytest.mark.slow
@pytest.mark.parametrize("size", [192, 512, 1500])
@pytest.mark.parametrize("draw", [drawn_face, drawn_masked_face])
def test_the_drawn_face_is_found_with_and_without_its_mask(draw, size):
    faces = find_faces(draw(size))
    assert len(faces) == 1
    left, right = faces[0].eyes / size
    assert abs(left[0] + right[0] - 1) < 0.03 and 0.18 < right[0] - left[0] < 0.25
    assert abs(left[1] - 0.465) < 0.03
