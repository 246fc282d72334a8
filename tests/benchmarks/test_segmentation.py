"""The benchmark of finding masks: its numbers, its tables, its errors."""

import csv
import json

import numpy as np
import pytest

from benchmarks import segmentation
from benchmarks.segmentation import METHODS, Found, examine, main, row
from pipelines.faces.images import read_image
from pipelines.faces.points import Face
from pipelines.training.data import FaceSet


@pytest.fixture
def val(faces, monkeypatch):
    """The four faces as the validation split."""

    def load(root, split, *, cache, most):
        assert split == "val"
        return FaceSet(faces.names[:most], faces.images[:most], faces.meshes[:most])

    monkeypatch.setattr(segmentation, "load_faces", load)


def test_what_each_method_finds(astronaut, face, monkeypatch):
    truth = np.zeros(astronaut.shape[:2], bool)
    truth[100:200, 100:200] = True
    half = truth.copy()
    half[:, 150:] = False
    known = {
        "ours": lambda *_: Found(truth, truth),
        "largest": lambda *_: Found(half, half),
        "polygon": lambda *_: None,
    }
    monkeypatch.setattr(segmentation, "METHODS", known)
    found = examine(astronaut, face, truth, truth)
    assert found.iou == {"ours": 1, "largest": 0.5, "polygon": 0}
    assert found.found == {"ours": True, "largest": True, "polygon": False}
    assert found.face and found.share == pytest.approx(100 * 10_000 / truth.size)
    assert found.left["ours"] == 0 and found.left["largest"] == 50 and np.isnan(found.left["polygon"])
    assert np.isnan(examine(astronaut, face, truth).left["ours"]), "without straps nobody knows what is left"
    lost = examine(astronaut, None, truth)
    assert not lost.face and not any(lost.found.values()) and set(lost.iou.values()) == {0}
    bare = examine(astronaut, face, np.zeros_like(truth))
    assert all(np.isnan(value) for value in bare.iou.values()) and bare.found["largest"]


def test_the_worst_tenth_is_of_the_set(astronaut):
    truth = np.ones(astronaut.shape[:2], bool)
    findings = [
        examine(astronaut, None, truth)._replace(iou={"ours": n / 20}, found={"ours": n > 0}) for n in range(20)
    ]
    means = row("labelled", "ours", findings).means
    assert means["iou"] == pytest.approx(np.mean(np.arange(20) / 20))
    assert means["worst_tenth"] == pytest.approx(np.mean([0, 1 / 20]))
    assert means["found"] == pytest.approx(95) and means["lost"] == 20


def test_what_is_found_and_not_whole(astronaut, face, monkeypatch):
    truth = np.zeros(astronaut.shape[:2], bool)
    truth[100:200, 100:200] = True
    most, half = truth.copy(), truth.copy()
    most[:, 196:], half[:, 150:] = False, False
    known = {"ours": lambda *_: Found(most, most), "largest": lambda *_: Found(half, half), "polygon": lambda *_: None}
    monkeypatch.setattr(segmentation, "METHODS", known)
    findings = [examine(astronaut, face, truth, truth)]
    halves = {method: row("hand", method, findings).means["half"] for method in known}
    assert halves == {"ours": 0, "largest": 100, "polygon": 0}


def test_a_face_that_is_found_elsewhere_is_lost(astronaut, face, monkeypatch):
    moved = Face(face.mesh + np.float32([face.eye_distance, 0]))
    monkeypatch.setattr(segmentation, "find_crop_face", lambda _: moved)
    assert segmentation._found_in_place(astronaut, face) is None
    assert segmentation._found_in_place(astronaut, moved) is moved
    monkeypatch.setattr(segmentation, "find_crop_face", lambda _: None)
    assert segmentation._found_in_place(astronaut, face) is None


def run(out, masked, *more):
    return main(["--data", "faces", "--masked", str(masked), "--out", str(out), "--workers", "1", *more])


def test_the_command_writes_every_row(val, templates, tmp_path, capsys):
    assert run(tmp_path / "out", templates, "--faces", "2", "--bare", "3") == 0
    printed = capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "segmentation.json").read_text())
    sets = list(dict.fromkeys(row["set"] for row in report["rows"]))
    worn = [name for name in sets if name.startswith("surgical")]
    others = ["hand", "scarf_nose", "scarf_chin", "shield", "window"]
    assert sets == ["labelled", *worn, *others, "rendered", "seen", "bare"] and "surgical_chequered" in worn
    assert [row["method"] for row in report["rows"]] == list(METHODS) * len(sets)
    counts = {row["set"]: row["photos"] for row in report["rows"]}
    assert counts["labelled"] == 2 and counts["bare"] == 3
    assert counts["rendered"] == sum(counts[name] for name in worn) >= 6
    ours = {row["set"]: row["mean"] for row in report["rows"] if row["method"] == "ours"}
    assert ours["labelled"]["lost"] == 1, "nobody is seen in one of the two"
    assert ours["labelled"]["iou"] == pytest.approx(0.47, abs=0.03)
    assert ours["surgical"]["iou"] > 0.9 and ours["bare"]["iou"] is None and ours["bare"]["found"] == 0
    assert ours["hand"] | {"iou": None, "found": 0, "half": 0} == ours["hand"], "a hand has the colour of the skin"
    for other in ("largest", "polygon"):
        means = {row["set"]: row["mean"] for row in report["rows"] if row["method"] == other}
        assert 0 < means["rendered"]["iou"] < ours["rendered"]["iou"]
    assert (tmp_path / "out" / "segmentation.md").read_text() in printed and "worst tenth" in printed
    with (tmp_path / "out" / "segmentation.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(report["rows"])


def test_the_worst_are_drawn(val, templates, tmp_path):
    assert run(tmp_path, templates, "--faces", "4", "--bare", "1") == 0
    sheet = read_image(tmp_path / "segmentation.png")
    assert sheet.shape == (24 + 10 * 320, 320, 3)  # two labelled photos are no sheet


@pytest.mark.parametrize("folder", ["pairs", "templates"])
def test_what_is_missing_is_said_in_one_sentence(val, templates, tmp_path, capsys, folder):
    (templates / folder).rename(tmp_path / "elsewhere")
    assert run(tmp_path / "out", templates) == 2
    said = capsys.readouterr().err
    assert "name the" in said or "name their folder" in said
    assert "Traceback" not in said and not (tmp_path / "out").exists()
