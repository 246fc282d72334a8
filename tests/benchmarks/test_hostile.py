"""The hostile campaign: its files, its judgement, and the child that may break."""

import json
import os
import time

import numpy as np
import pytest
from PIL import Image

from benchmarks import hostile
from benchmarks.hostile import READ, REFUSED, Child, drawn, face, main, mutated, through_job, through_readers, written
from pipelines.errors import ImageUnreadable
from pipelines.faces.images import encode_png, read_image
from pipelines.faces.landmarks import find_faces

MEMORY = 3000 * 2**20


def test_every_sound_file_is_read_and_the_face_is_one():
    files = written(drawn())
    assert {"PNG", "JPEG", "WebP", "AVIF", "HEIC", "BMP", "GIF", "PPM", "TIFF"} <= {
        name.split(",")[0] for name in files
    }
    assert {name: through_readers(data) for name, data in files.items()} == dict.fromkeys(files, READ)
    assert len(find_faces(face())) == 1


def test_the_same_numbers_give_the_same_files():
    files = written(drawn())
    made = [mutated(files, number, seed=3) for number in range(200)]
    assert made == [mutated(files, number, seed=3) for number in range(200)]
    assert made != [mutated(files, number, seed=4) for number in range(200)]
    assert sum(data != files[name] for name, _, data in made) > 180
    done = {part for _, mutation, _ in made for part in mutation.split(" and ")}
    assert done == {"bytes flipped", "cut", "stretch doubled", "head swapped", "size lied"}


def test_checksums_can_be_mended():
    data = bytearray(encode_png(drawn()))
    broken = bytearray(data)
    broken[30] ^= 1  # of the header's checksum
    assert through_readers(bytes(broken)) == REFUSED
    assert hostile._with_checksums(broken) == data


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError("no"), "ValueError instead of a sentence"),
        (SystemExit(1), "SystemExit instead of a sentence"),
        (ImageUnreadable("This is one."), REFUSED),
        (ImageUnreadable("this is none"), "no sentence"),
    ],
)
def test_what_a_reader_raises_is_judged(monkeypatch, error, outcome):
    def read(_):
        raise error

    monkeypatch.setattr(hostile, "read_mask", read)
    assert through_readers(encode_png(drawn())) == (READ if outcome == REFUSED else outcome)
    monkeypatch.setattr(hostile, "read_image", read)
    assert through_readers(encode_png(drawn())) == outcome


def test_a_lack_of_memory_is_a_fault_behind_whatever_sentence(monkeypatch):
    def read(_):
        try:
            raise MemoryError
        except MemoryError as error:
            raise ImageUnreadable("It is damaged.") from error

    monkeypatch.setattr(hostile, "read_image", read)
    assert through_readers(b"") == "out of memory"


def test_what_a_job_leaves_is_judged(tmp_path):
    judged = hostile._left_by
    assert judged(2, "It is damaged.", tmp_path / "none") == REFUSED
    assert judged(2, "", tmp_path / "none") == "no sentence"
    (tmp_path / "photo.png").write_bytes(encode_png(drawn()))
    assert judged(2, "It is damaged.", tmp_path) == judged(0, "", tmp_path) == "half a result left"
    (tmp_path / "photo.json").write_text("{}")
    (tmp_path / "summary.csv").write_text("photo\n")
    assert judged(0, "", tmp_path) == READ
    (tmp_path / "photo.json").write_text("{")
    assert judged(0, "", tmp_path) == "half a result left"
    (tmp_path / ".photo.json.part").touch()
    assert judged(0, "", tmp_path) == "a part of a file left"


def answer(item) -> str:
    """The work of a child that may break."""
    if item == "hang":
        time.sleep(600)
    if item == "crash":
        os.abort()
    return READ


def test_a_child_that_breaks_is_begun_anew():
    child = Child(answer, MEMORY, "sound")
    try:
        assert child.run("sound", 5)[0] == READ
        assert child.run("hang", 0.5)[0] == "hang"
        assert child.run("sound", 5)[0] == READ
        assert child.run("crash", 5)[0] == "crash"
        assert child.run("sound", 5)[0] == READ
        assert 2**20 < child.run("sound", 5)[2] < MEMORY
    finally:
        child.close()


def test_a_job_on_sound_and_on_broken_files(weights):
    photo = encode_png(face())
    assert through_job(("cleft-inpainting", "photo", photo)) == READ
    assert through_job(("cleft-inpainting", "photo", photo[:500])) == REFUSED
    mask = np.asarray(Image.fromarray(read_image(photo)).convert("L")) > 255
    assert through_job(("cleft-inpainting", "mask", encode_png(mask))) == REFUSED  # it marks nothing


def test_the_campaign_writes_its_tables(weights, tmp_path, capsys):
    command = ["--files", "62", "--job-files", "4", "--jobs", "cleft-inpainting", "--seconds", "60"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert text.strip() == (tmp_path / "hostile.md").read_text().strip()
    facts = json.loads((tmp_path / "hostile.json").read_text())
    assert sum(sum(row["outcomes"].values()) for row in facts["rows"].values()) == 66
    assert sum(facts["rows"]["cleft-inpainting"]["outcomes"].values()) == 4 and facts["faults"] == []
    assert all(0 < row["peak_bytes"] < MEMORY for row in facts["rows"].values())
    assert "| all | 66 |" in text and not (tmp_path / "faults").exists()


def test_faults_are_kept_and_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(Child, "run", lambda self, item, seconds: ("crash", 1.0, 2**20))
    assert main(["--files", "2", "--job-files", "0", "--out", str(tmp_path)]) == 1
    assert "| all | 2 | 0 | 0 | 2 | 1.00 | 1 |" in capsys.readouterr().out
    kept = sorted(path.read_bytes() for path in (tmp_path / "faults").iterdir())
    assert kept == sorted(mutated(written(drawn()), number, 0)[2] for number in range(2))


def test_without_weights_nothing_is_tried(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "none"))
    assert main(["--files", "1", "--job-files", "1", "--jobs", "cleft-inpainting", "--out", str(tmp_path)]) == 2
    assert "doctor" in capsys.readouterr().err
