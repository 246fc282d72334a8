"""The faces of the app's examples: drawn again they are the same, and the default pipeline scores them as it should."""

import re
from itertools import combinations

import numpy as np
import pytest

from benchmarks import example_faces
from benchmarks.example_faces import FACES, FOLDER, SIDE
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.faces.images import read_image


@pytest.fixture(scope="module")
def local() -> dict[str, float]:
    """Name → local severity by the default weights."""
    scoring = AnomalyScoring(device="cpu")
    names = ("a", "a-cleft", "b-before", "b-after")
    return {name: scoring(read_image(FOLDER / f"{name}.jpg")).local.value for name in names}


def test_the_folder_holds_every_face_and_nothing_else():
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{name}.jpg" for name in FACES)
    assert all(read_image(FOLDER / f"{name}.jpg").shape == (SIDE, SIDE, 3) for name in FACES)


def person(name: str) -> str:
    """Whom a picture shows: names of pictures of one person differ only after the first hyphen."""
    return name.partition("-")[0]


def test_names_say_which_faces_are_one_persons():
    for one, other in combinations(FACES, 2):
        assert (person(one) == person(other)) == (FACES[one][0] == FACES[other][0])


@pytest.mark.slow
def test_the_command_writes_what_the_folder_holds(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(example_faces, "FOLDER", tmp_path)
    monkeypatch.setattr(example_faces, "FACES", {"b-after": FACES["b-after"]})
    assert example_faces.main([]) == 0
    (width,) = re.fullmatch(r"b-after: (\d+) px from ear to ear\n", capsys.readouterr().out).groups()
    assert int(width) >= 400
    (path,) = tmp_path.iterdir()
    written, kept, bare = (read_image(file).astype(float) for file in (path, FOLDER / path.name, FOLDER / "b.jpg"))
    # Processors round differently, and so the files may differ by a grey level here and there.
    assert np.abs(written - kept).mean() < 0.1
    assert np.abs(written - kept).max() < 20 < np.abs(written - bare).max()


def test_a_cleft_scores_plainly_above_the_face_without_it(local):
    assert local["a-cleft"] > 4 * local["a"]


def test_a_repair_that_left_a_notch_scores_between(local):
    assert local["b-before"] > 3 * local["b-after"]
    assert local["b-after"] > 1.5 * local["a"]
