"""The benchmark of grids, with patterns of known amplitude."""

import json

import numpy as np
import pytest

from benchmarks import grid
from benchmarks.grid import PATTERNS, TOTAL, compared, energy, main, measure
from benchmarks.holes import cut_holes
from benchmarks.methods import Filled, Method
from pipelines.training.data import FaceSet

ROWS, COLUMNS = np.indices((64, 64))
INSIDE = np.zeros((64, 64), bool)
INSIDE[12:52, 12:52] = True


def pattern(name, shape=(64, 64)):
    across, down = PATTERNS[name]
    rows, columns = np.indices(shape)
    return (1 - 2 * ((across * columns + down * rows) % 2))[..., None]


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_of_amplitude_a_has_an_energy_of_its_square(name):
    found = energy(np.full((64, 64, 3), 120.0) + 3 * pattern(name), INSIDE)
    expected = [9.0 * (other == name) for other in PATTERNS]
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize(
    ("wave", "most"),
    [
        (2 * np.pi * COLUMNS / 3, 2e-3),  # hair
        (2 * np.pi * (COLUMNS + ROWS) / 8, 1e-4),
        (2 * np.pi * ROWS / 40, 1e-4),  # shading
    ],
)
def test_detail_and_shading_are_no_grid(wave, most):
    assert (energy(120 + np.sin(wave)[..., None].repeat(3, 2), INSIDE) < most).all()


def test_what_lies_outside_is_not_seen():
    picture = np.full((64, 64, 3), 120.0)
    picture[:, :2] += 50 * pattern("dots")[:, :2]
    assert (energy(picture, INSIDE) < 1e-2).all()
    assert np.isnan(energy(picture, np.zeros((64, 64), bool))).all()


@pytest.fixture
def grainy(faces) -> FaceSet:
    """The faces with some grain, so that they have energy of their own at every frequency."""
    grain = np.random.default_rng(0).normal(0, 4, faces.images.shape)
    images = np.clip(faces.images.numpy() + grain, 20, 235).astype(np.uint8)
    return FaceSet(faces.names, faces.images.new_tensor(images), faces.meshes)


def dotted(crops, masks):
    drawn = np.clip(crops + 2 * pattern("dots", crops.shape[1:3]), 0, 255).astype(np.uint8)
    return Filled(np.where(masks[..., None], drawn, crops))


def test_who_draws_the_truth_has_the_photos_energy_and_who_draws_dots_more(grainy):
    holes = cut_holes(grainy, "lips-to-nose", 0)
    drawn, own = measure(Method("same", lambda crops, masks: Filled(crops)), grainy, holes)
    assert drawn.shape == own.shape == (4, 3) and np.array_equal(drawn, own) and (own > 0).all()
    assert {row["ratio_of_medians"] for row in compared(drawn, own).values()} == {1.0}
    drawn, own = measure(Method("dotted", dotted), grainy, holes)
    rows = compared(drawn, own)
    assert rows["upright lines"]["ratio_of_means"] == pytest.approx(1, abs=0.01)
    assert rows["dots"]["drawn_mean"] - rows["dots"]["photo_mean"] == pytest.approx(4, rel=0.1)
    assert rows[TOTAL]["drawn_mean"] == pytest.approx(sum(rows[name]["drawn_mean"] for name in PATTERNS))


def test_the_command_writes_a_row_for_each(grainy, checkpoint, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(grid, "load_faces", lambda root, split, *, cache, most: grainy)
    monkeypatch.setattr(grid, "network_method", lambda network, device: Method("ours", dotted, {"weights": "dotted"}))
    words = ("--data", "faces", "--checkpoint", str(checkpoint), "--device", "cpu", "--out", str(tmp_path / "out"))
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "in 4 holes, mask *lips-to-nose*, weights dotted" in said and "| dots |" in said
    facts = json.loads((tmp_path / "out" / "grid.json").read_text())
    assert list(facts["rows"]) == [*PATTERNS, TOTAL] and facts["rows"]["dots"]["ratio_of_medians"] > 5
    monkeypatch.setattr(grid, "cut_holes", lambda faces, extent, seed: np.zeros((4, 256, 256), bool))
    assert main((*words[:-1], str(tmp_path / "none"))) == 2
    assert (
        capsys.readouterr().err == ("No hole is wide enough to be measured; use another extent or other photos.\n")
        and not (tmp_path / "none").exists()
    )
