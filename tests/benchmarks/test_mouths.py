"""The benchmark of closed mouths that are drawn open, with painters whose answer is known."""

import numpy as np
import pytest

from benchmarks import mouths
from benchmarks.methods import Filled, Method
from benchmarks.mouths import GROWN, drawn_open, main
from pipelines.faces.measurements import lip_gap
from pipelines.faces.points import MESH_TO_68, Face
from pipelines.training.data import FaceSet, load_faces


@pytest.fixture
def laughing(toy_set, toy_cache) -> FaceSet:
    """Crops of the astronaut, who laughs."""
    return load_faces(toy_set, "val", cache=toy_cache)


def closed(faces: FaceSet) -> list[Face]:
    """The same faces, said to have closed lips."""
    found = []
    for mesh in faces.meshes.numpy() * faces.images.shape[-1]:
        mesh = mesh.copy()
        mesh[list(MESH_TO_68[65:68])] = mesh[list(MESH_TO_68[63:60:-1])]
        found.append(Face(mesh))
    return found


def test_a_painter_that_leaves_the_laugh_draws_every_mouth_open(laughing):
    crops = [np.ascontiguousarray(one.permute(1, 2, 0).numpy()) for one in laughing.images]
    faces = closed(laughing)
    assert all(lip_gap(face) == 0 for face in faces)
    seen = []

    def fill(pictures, masks):
        seen.append(masks[0].sum())
        return Filled(pictures)

    assert drawn_open(Method("same", fill), crops, faces, "lips", 0.0) == 1.0
    narrow = list(seen)
    drawn_open(Method("same", fill), crops, faces, "lips", 0.1)
    assert all(wide > 1.2 * before for before, wide in zip(narrow, seen[len(narrow) :], strict=True))


@pytest.mark.usefixtures("weights")
def test_the_table_has_a_row_a_mask_and_a_column_a_width(toy_set, toy_cache, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(mouths, "CLOSED", 1.0)  # whoever laughs too
    words = (
        "--data",
        str(toy_set),
        "--cache",
        str(toy_cache),
        "--out",
        str(tmp_path),
        "--device",
        "cpu",
        "--most",
        "2",
    )
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.strip() == (tmp_path / "mouths.md").read_text().strip()
    assert "of 2 held-out faces" in said
    rows = [line for line in said.splitlines() if line.startswith(("| lips |", "| lips-to-nose |", "| lower-face |"))]
    assert len(rows) == 3 and all(row.count("|") == len(GROWN) + 2 for row in rows)


@pytest.mark.usefixtures("weights")
def test_no_closed_mouth_is_one_sentence(toy_set, toy_cache, tmp_path, capsys):
    words = ("--data", str(toy_set), "--cache", str(toy_cache), "--out", str(tmp_path / "out"), "--device", "cpu")
    assert main(words) == 2
    assert "No photo of the data folder shows a face with closed lips" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
