"""What a likeness means: who is compared with whom, and what is made of it."""

import io
import json
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import likeness
from benchmarks.likeness import NONE, OTHER, OTHERS, OWN, QUANTILES, SAME, STRANGE, Photo, Row, compared, main, results
from pipelines.errors import ReferenceUnusable
from pipelines.faces.images import encode_png


class Corner:
    """An embedder that knows only the colour of a photo's first pixel."""

    model = SimpleNamespace(name="corner", sha256="0" * 64)

    def embed(self, photo: np.ndarray, points: np.ndarray) -> np.ndarray:
        colour = photo[0, 0].astype(float)
        return colour / np.linalg.norm(colour)

    def similarity(self, photo, points, other, other_points) -> float:
        return float(self.embed(photo, points) @ self.embed(other, other_points))


def photo(*colour: int) -> Photo:
    return Photo(np.full((4, 4, 3), colour, np.uint8), 0, np.zeros((68, 2), np.float32))


PEOPLE = [(photo(200, 0, 0), photo(100, 0, 0)), (photo(0, 90, 0), photo(0, 80, 0)), (photo(9, 9, 0), photo(0, 0, 7))]


def test_one_persons_photos_are_a_pair_and_all_others_are_two_people():
    same, others = compared(PEOPLE, Corner())
    assert same == pytest.approx([1, 1, 0])
    half = 0.5**0.5
    assert others == pytest.approx([0, 0, 0, 0, half, half])


def test_results_are_compared_with_the_own_reference_and_a_strangers():
    asked = []

    def job(pixels, *, extent, face, reference=None, reference_face=0):
        if reference is not None and reference[0, 0, 2]:
            raise ReferenceUnusable("turned away")
        asked.append((int(pixels[0, 0].argmax()), None if reference is None else int(reference[0, 0].argmax())))
        image = pixels if reference is None else reference
        return SimpleNamespace(image=image, landmarks=None, identity=None if reference is None else 0.5)

    found = results([*PEOPLE[:2], PEOPLE[2]], job, Corner())
    # The second person's stranger is the third, whose reference is refused; so is the third person's own.
    assert found[OWN] == pytest.approx([0.5]) and found[STRANGE] == pytest.approx([0.5])
    assert found[NONE] == pytest.approx([1]) and len(found[OTHER]) == 1
    assert asked[:3] == [(0, None), (0, 0), (0, 1)]


def test_a_row_holds_quantiles():
    row = Row.of("corner", SAME, np.arange(1001.0))
    assert row.pairs == 1001 and row.quantiles == pytest.approx([1000 * share for share in QUANTILES])


@pytest.fixture
def data(tmp_path, astronaut):
    """Two people who are one woman in four lights."""
    with tarfile.open(tmp_path / "pairs.tar", "w") as archive:
        for number, gain in enumerate((1.0, 0.9, 0.8, 0.7)):
            content = encode_png((astronaut * gain).astype(np.uint8))
            member = tarfile.TarInfo(f"pair-{number // 2:03d}-{'ab'[number % 2]}.jpg")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return tmp_path


@pytest.mark.slow
def test_the_command_writes_table_and_figures(data, monkeypatch, capsys):
    monkeypatch.setattr(likeness, "FaceEmbedder", Corner)
    assert main(["--data", str(data), "--out", str(data / "out")]) == 0
    facts = json.loads((data / "out" / "likeness.json").read_text())
    assert facts["people"] == 2 and [row["what"] for row in facts["rows"]] == [SAME, OTHERS]
    assert [row["pairs"] for row in facts["rows"]] == [2, 2] and 0 <= facts["auroc"]["corner"] <= 1
    assert "AUROC of corner" in capsys.readouterr().out
    assert main(["--data", str(data), "--most", "1", "--out", str(data / "out")]) == 2
    assert "fewer than two people" in capsys.readouterr().err


def test_a_folder_without_pairs_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(likeness, "FaceEmbedder", Corner)
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "archive of photo pairs is missing" in capsys.readouterr().err and not (tmp_path / "out").exists()
