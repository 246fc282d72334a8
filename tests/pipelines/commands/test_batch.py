"""The work on each photo of a folder: what fails is a row, and the run goes on. The work itself is a toy."""

import argparse
import csv
from pathlib import Path

import pytest

from pipelines.commands.batch import run_photos
from pipelines.commands.outputs import Outputs
from pipelines.errors import OptionInvalid
from pipelines.exports.summary import PhotoTable
from pipelines.files import write_all_atomic
from tests.pipelines.commands.written import assert_one_sentence, names

TABLE = PhotoTable("table.csv", ("photo", "status", "error", "seconds"), status=True)
ENDINGS = ("png", "json")


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    folder = tmp_path / "photos"
    folder.mkdir()
    files = [folder / f"{name}.jpg" for name in ("anna", "ben", "cleo")]
    for file in files:
        file.write_bytes(b"photo")
    return files


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "table.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["photo"]: row for row in csv.DictReader(file)}


def run(photos: list[Path], out: Path, left=(), single: bool = False, before=lambda photo: None, table=TABLE) -> int:
    """Writes two files a photo; ``before`` comes first."""
    outputs = Outputs(out, photos, ENDINGS, [table.file], {})

    def work(photo, stem, progress):
        before(photo)
        outputs.check_files(stem)
        out.mkdir(parents=True, exist_ok=True)
        write_all_atomic({out / f"{stem}.{ending}": b"whole" for ending in ENDINGS})
        return {"status": "done", "error": ""}

    args = argparse.Namespace(image=photos[0] if single else photos[0].parent)
    return run_photos(work, photos, args, table, outputs, left)


def test_a_folder_in_a_results_place_is_that_photos_row(photos, tmp_path, capsys):
    out = tmp_path / "out"
    (out / "ben.json").mkdir(parents=True)
    assert run(photos, out) == 1
    found = rows(out)
    assert [row["status"] for row in found.values()] == ["done", "failed", "done"]
    assert found["ben.jpg"]["error"] == "Its files could not be written: a folder of that name is in the way."
    assert names(out) == ["anna.json", "anna.png", "ben.json", "cleo.json", "cleo.png", "table.csv"]
    assert capsys.readouterr().out == "3 photos: 2 done, 1 failed.\n"


def test_a_name_that_is_too_long_is_that_photos_row(photos, tmp_path):
    long = photos[1].rename(photos[1].with_name("b" * 251 + ".jpg"))
    out = tmp_path / "out"
    assert run([photos[0], long, photos[2]], out) == 1
    assert rows(out)[long.name]["error"] == "Its files could not be written: file name too long."
    assert names(out) == ["anna.json", "anna.png", "cleo.json", "cleo.png", "table.csv"]


def test_a_disk_that_is_full_for_a_while_is_a_row_and_leaves_no_halves(photos, tmp_path, monkeypatch):
    real, written = Path.write_bytes, []

    def full_at_the_second(path, data):
        written.append(data)
        if written.count(b"whole") == 4 and data == b"whole":
            real(path, data[:2])
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full_at_the_second)
    out = tmp_path / "out"
    assert run(photos, out) == 1
    assert rows(out)["ben.jpg"]["error"] == "Its files could not be written: no space left on device."
    assert names(out) == ["anna.json", "anna.png", "cleo.json", "cleo.png", "table.csv"]


def test_a_link_that_came_while_the_run_went_on_is_that_photos_row(photos, tmp_path):
    out = tmp_path / "out"
    outputs = Outputs(out, photos, ENDINGS, [TABLE.file], {"a photo": photos[0].parent})

    def work(photo, stem, progress):
        if photo == photos[1]:
            (out / "ben.png").symlink_to(photos[0])
        outputs.check_files(stem)
        return {"status": "done", "error": ""}

    assert run_photos(work, photos, argparse.Namespace(image=photos[0].parent), TABLE, outputs, []) == 1
    assert rows(out)["ben.jpg"]["error"].startswith("A result would overwrite a photo, by its name or through a link")
    assert photos[0].read_bytes() == b"photo"


def test_a_table_that_cannot_be_written_for_a_while_stops_nothing(photos, tmp_path, monkeypatch):
    """As while a spreadsheet has it open."""
    out = tmp_path / "out"
    locked = []

    def lock(photo):
        if photo == photos[1]:
            locked.append((out / "table.csv").rename(out / "away.csv"))
            (out / "table.csv").mkdir()
        elif locked:
            (out / "table.csv").rmdir()

    assert run(photos, out, before=lock) == 0
    assert [row["status"] for row in rows(out).values()] == ["done"] * 3


def test_a_table_that_cannot_be_written_in_the_end_is_said(photos, tmp_path):
    out = tmp_path / "out"

    def lock(photo):
        if photo == photos[2]:
            (out / "table.csv").unlink()
            (out / "table.csv").mkdir()

    with pytest.raises(IsADirectoryError):
        run(photos, out, before=lock)
    assert "cleo.png" in names(out)


def test_a_folder_that_cannot_be_written_to_is_said_before_any_work(photos, tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    worked = []
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        run(photos, tmp_path / "out", before=worked.append)
    assert worked == [] and names(tmp_path / "out") == []


def test_what_was_passed_over_is_rows_and_one_sentence(photos, tmp_path, capsys):
    left = [("notes.txt", "This file is no picture."), ("masks/zoe.png", "No photo has this name.")]
    assert run(photos, tmp_path / "out", left) == 0, "no photo has failed"
    said, trouble = capsys.readouterr()
    assert said == "3 photos: 3 done, 0 failed.\n"
    assert trouble == "table.csv in the output folder says which files were passed over, and why.\n"
    found = rows(tmp_path / "out")
    assert list(found) == [*(photo.name for photo in photos), "notes.txt", "masks/zoe.png"]
    assert (found["notes.txt"]["status"], found["notes.txt"]["error"]) == ("skipped", "This file is no picture.")

    def broken(photo):
        raise OptionInvalid("It cannot be.")

    assert run(photos, tmp_path / "out", left, before=broken) == 2
    trouble = capsys.readouterr().err
    assert_one_sentence(trouble)
    assert "says which photos failed and which files were passed over, and why." in trouble


def test_a_table_without_a_status_has_sentences_alone(photos, tmp_path):
    table = PhotoTable("table.csv", ("photo", "error"))
    run(photos[:1], tmp_path / "out", [("notes.txt", "This file is no picture.")], table=table)
    assert rows(tmp_path / "out")["notes.txt"]["error"] == "This file is no picture."
    assert table.row("a", "failed", "Why.") == {"photo": "a", "error": "Why."}


def test_a_single_photo_whose_files_cannot_be_written_leaves_nothing(photos, tmp_path):
    out = tmp_path / "out"
    (out / "anna.json").mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match="A folder of that name is in the way"):
        run(photos[:1], out, single=True)
    assert names(out) == ["anna.json"]


def test_names_that_a_spreadsheet_would_run_are_text_in_the_table(photos, tmp_path):
    photo = photos[0].rename(photos[0].with_name("=1+1.jpg"))
    assert run([photo], tmp_path / "out", [("@x.txt", "No.")]) == 0
    assert list(rows(tmp_path / "out")) == ["'=1+1.jpg", "'@x.txt"]
