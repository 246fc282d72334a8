"""The benchmark of fairness and truth: what it measures of mouths, whom it counts where, and what it says of that."""

import json

import numpy as np
import pytest
import torch

from benchmarks import groups
from benchmarks.fairness import LAUGHING, differences, headlines, members, row
from benchmarks.groups import main, measure
from benchmarks.holes import cut_holes
from benchmarks.lips import FIGURES, figures
from benchmarks.methods import Filled, Method
from pipelines.devices import choose
from pipelines.faces.points import MESH_TO_68, Face
from pipelines.metrics.perceptual import LPIPS
from pipelines.training.data import FaceSet
from pipelines.training.sets.balance import TONES

CPU = choose("cpu", "float32")
IDENTITY = Method("ours", lambda crops, masks: Filled(crops))


@pytest.fixture(scope="module")
def perceptual(loss_weights):
    return LPIPS("alex", loss_weights)


def turned(mesh, degrees):
    angle = np.radians(degrees)
    return mesh @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def test_figures_are_of_the_face_and_not_of_the_picture(face):
    found = figures(face)
    assert found.shape == (len(FIGURES),) and (found > 0.05).all(), "the astronaut laughs"
    np.testing.assert_allclose(figures(Face(turned(3 * face.mesh + 20, 25))), found, rtol=1e-4)


@pytest.mark.parametrize(
    ("points", "changed"),
    [
        ((37, 0, 267), {"upper_lip": 1}),
        ((84, 17, 314), {"lower_lip": -1}),
        ((82, 13, 312), {"upper_lip": -1, "opening": 1}),
        ((2,), {"nose": -1}),
    ],
)
def test_a_point_that_moves_up_moves_its_figures(face, points, changed):
    upright = turned(face.mesh, -face.turn)  # so that up is up
    down = Face(upright).eyes[1] - Face(upright).eyes[0]
    upright = turned(upright, -np.degrees(np.arctan2(down[1], down[0])))
    moved = upright.copy()
    moved[list(points), 1] -= 0.02 * face.eye_distance
    if "opening" in changed:
        moved[list(MESH_TO_68[61:64]), 1] = upright[list(MESH_TO_68[61:64]), 1] - 0.02 * face.eye_distance
    change = dict(zip(FIGURES, figures(Face(moved)) - figures(Face(upright)), strict=True))
    for name, amount in change.items():
        assert amount == pytest.approx(0.02 * changed.get(name, 0), abs=1e-3), name


def test_who_draws_the_truth_is_as_true_for_everybody(faces, perceptual):
    values = measure(IDENTITY, faces, cut_holes(faces, "lower-face", 0), perceptual, CPU, batch=3).values
    found = row(values, np.ones(4, bool))
    assert found["faces"] == 4 and found["lost"] == 0 and found["psnr"] is None and found["lpips"] == 0
    for key in (*FIGURES, "opening_share", "upper_lip_share", "lower_lip_share", "lightness"):
        assert found[key] == pytest.approx(0, abs=0.1), key


def test_who_draws_it_darker_is_seen(faces, perceptual):
    def darken(crops, masks):
        return Filled(np.where(masks[..., None], (crops * 0.8).astype(np.uint8), crops))

    values = measure(Method("ours", darken), faces, cut_holes(faces, "lips-to-nose", 0), perceptual, CPU).values
    assert (differences(values)["lightness"] < -5).all() and (values["lpips"] > 0).all()


def test_a_face_that_is_lost_is_counted(faces, perceptual):
    blank = Method("ours", lambda crops, masks: Filled(np.full_like(crops, 127)))
    values = measure(blank, faces, cut_holes(faces, "lips", 0), perceptual, CPU).values
    found = row(values, np.arange(4) < 3)
    assert found["lost"] == found["faces"] == 3 and found["opening"] is None and found["lightness"] is not None
    asked = {one.question: one for one in headlines(values, {"mouth: closed": np.ones(4, bool)})}
    assert asked["Closed lips drawn open, of 100"].figure is None


def test_groups_are_those_of_training_and_the_laughing(faces):
    meshes = faces.meshes.clone()
    inner = list(MESH_TO_68[61:64]), list(MESH_TO_68[65:68])[::-1]
    meshes[1, inner[1]] = meshes[1, inner[0]]
    middle = meshes[2, [61, 291]].mean(0)
    meshes[2, [61, 291]] = middle + 0.7 * (meshes[2, [61, 291]] - middle)
    width = [figures(Face(mesh.numpy()))[FIGURES.index("width")] for mesh in meshes]
    assert width[0] > LAUGHING > width[2]
    inside = members(FaceSet(faces.names, faces.images, meshes, torch.tensor([30.0, 5.0, torch.nan, 40.0])))
    assert inside["all"].all()
    assert inside["mouth: open"].tolist() == [True, False, True, True]
    assert inside["mouth: closed"].tolist() == [False, True, False, False]
    assert inside["mouth: laughing"].tolist() == [True, False, False, True]
    assert inside["age: child"].tolist() == [False, True, False, False]
    for attribute in ("tone: ", "jaw: ", "view: "):
        assert sum(rows.astype(int) for name, rows in inside.items() if name.startswith(attribute)).tolist() == [1] * 4
    assert all(rows.any() for rows in inside.values())


def known_values():
    """Eight faces: closed, and open by 0.2; the first two and last two of each are dark and light."""
    opening = np.repeat([0.0, 0.2], 4)
    values = {f"{name}_{which}": np.ones(8) for name in FIGURES for which in ("true", "drawn")}
    values |= {"opening_true": opening, "opening_drawn": np.array([0, 0.04, 0.02, np.nan, 0.1, 0.18, 0.18, 0.2])}
    values["upper_lip_drawn"] = np.array([1.2, 1.2, 0.95, 0.95] * 2)
    values |= {"lpips": np.array([0.04, 0.04, 0.02, 0.02] * 2), "psnr": np.full(8, 30.0)}
    values |= {"lightness_true": np.full(8, 50.0), "lightness_drawn": np.full(8, 51.0)}
    inside = {"mouth: closed": opening == 0, "mouth: open": opening > 0, "tone: dark": values["lpips"] > 0.03}
    return values, inside | {"tone: very light": values["lpips"] < 0.03}


def test_headlines_say_what_was_drawn():
    values, inside = known_values()
    asked = {one.question: one for one in headlines(values, inside)}
    assert len(asked) == 5 + len(TONES)
    opened = asked["Closed lips drawn open, of 100"]
    assert opened.figure == pytest.approx(100 / 3) and opened.low == 0 and opened.high == 100
    ratio = asked["LPIPS of dark and brown skin, times that of light and very light"]
    assert (ratio.figure, ratio.low, ratio.high) == pytest.approx((2, 2, 2))
    assert asked["Upper lip of dark skin, % more than the truth"].figure == pytest.approx(20)
    assert asked["Upper lip of very light skin, % more than the truth"].figure == pytest.approx(-5)
    assert asked["Upper lip of tan skin, % more than the truth"].figure is None
    assert asked["Opening of open mouths, % more than the truth"].figure == pytest.approx(-10)
    alike = asked["Correlation of the drawn opening with the truth"]
    known = np.isfinite(values["opening_drawn"])
    expected = np.corrcoef(values["opening_true"][known], values["opening_drawn"][known])[0, 1]
    assert alike.figure == pytest.approx(expected) and alike.low < alike.figure < alike.high
    assert headlines(values, inside) == list(asked.values()), "the same seed gives the same intervals"


def test_rows_are_means_and_medians_of_shares():
    values, inside = known_values()
    found = row(values, inside["mouth: open"])
    assert found["opening"] == pytest.approx(-3.5) and found["opening_share"] == pytest.approx(-10)
    assert found["upper_lip"] == pytest.approx(7.5) and found["lightness"] == pytest.approx(1)
    closed = row(values, inside["mouth: closed"])
    assert closed["opening"] == pytest.approx(2) and closed["opening_share"] is None and closed["lost"] == 1


@pytest.fixture
def data(faces, monkeypatch):
    monkeypatch.setattr(groups, "load_faces", lambda root, split, *, cache, most: faces)


def run(out, loss_weights, checkpoint, *more):
    given = ("--data", "faces", "--weights-dir", str(loss_weights), "--checkpoint", str(checkpoint), "--out", str(out))
    return main([*given, "--workers", "1", "--device", "cpu", "--precision", "float32", *more])


@pytest.mark.usefixtures("data")
def test_the_command_writes_a_table_a_mask_and_keeps_its_scores(
    loss_weights, checkpoint, tmp_path, capsys, monkeypatch
):
    assert run(tmp_path, loss_weights, checkpoint) == 0
    text = (tmp_path / "groups.md").read_text()
    assert text in capsys.readouterr().out and text.count("| all | 4 |") == 2
    facts = json.loads((tmp_path / "groups.json").read_text())
    assert list(facts["extents"]) == ["lips-to-nose", "lower-face"] and facts["weights"] == "weights"
    assert (tmp_path / "lips-to-nose.png").is_file() and (tmp_path / "lower-face.png").is_file()
    monkeypatch.setattr(groups, "measure", lambda *given: pytest.fail("measured again"))
    assert run(tmp_path, loss_weights, checkpoint) == 0
    assert (tmp_path / "groups.md").read_text() == text


def test_what_is_missing_is_said_in_one_sentence(loss_weights, checkpoint, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(out, loss_weights, checkpoint, "--data", str(tmp_path / "none")) == 2
    assert capsys.readouterr().err == "The data folder does not exist.\n" and not out.exists()
