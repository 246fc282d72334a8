"""A folder as the session keeps it: how far each photo is, what belongs to it; a stopped run changes nothing."""

import threading
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import Cancelled, OptionInvalid
from ui.session.folders import PHOTOS, Folder, Made, Row, RowGone


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "folder", 0, ["reference"])
    folder.given[PHOTOS] = {name: tmp_path / name for name in ("anna.jpg", "ben.jpg")}
    folder.take_in()
    return folder


def made(row: Row, by: str = "wanted") -> Made:
    place = row.folder / by
    place.mkdir(parents=True)
    return Made(by, 1.0, {}, (), place, {})


def first(folder: Folder) -> Row:
    return next(iter(folder.rows.values()))


def test_a_photo_waits_runs_and_is_done_until_something_else_is_wanted(folder: Folder):
    row, stop = first(folder), threading.Event()
    assert folder.state_of(row, "wanted") == "waiting"
    folder.begin(row, stop)
    folder.tell(row, 0.4, "repainting", stop)
    assert folder.state_of(row, "wanted") == "running" and (row.running, row.doing) == (0.4, "repainting")
    folder.take(row, made(row), stop)
    assert folder.state_of(row, "wanted") == "done" and folder.state_of(row, "other") == "stale"
    assert [one.name for one in folder.to_do(lambda row: "wanted")] == ["ben.jpg"]
    assert len(folder.to_do(lambda row: "other")) == 2


def test_a_failure_counts_for_what_was_tried_and_is_tried_again(folder: Folder):
    row, stop = first(folder), threading.Event()
    folder.begin(row, stop)
    folder.fail(row, "No face.", "wanted", stop)
    assert folder.state_of(row, "wanted") == "failed" and folder.state_of(row, "other") == "waiting"
    assert row in folder.to_do(lambda row: "wanted")


def test_a_stopped_run_takes_nothing_and_what_was_there_stays(folder: Folder):
    row, stop = first(folder), threading.Event()
    folder.begin(row, stop)
    folder.take(row, before := made(row), stop)
    folder.begin(row, stop)
    stop.set()
    for act in (
        lambda: folder.take(row, made(row, "late"), stop),
        lambda: folder.fail(row, "No face.", "late", stop),
        lambda: folder.begin(row, stop),
    ):
        with pytest.raises(Cancelled):
            act()
    folder.halt()
    assert row.made is before and before.folder.exists() and folder.state_of(row, "wanted") == "done"


def test_a_photo_that_was_removed_takes_nothing(folder: Folder):
    row, stop = first(folder), threading.Event()
    folder.remove(row.key)
    with pytest.raises(Cancelled):
        folder.begin(row, stop)
    with pytest.raises(RowGone, match="no longer among those"):
        folder.row(row.key)
    assert folder.names() == ["ben.jpg"]


def test_a_photo_at_work_is_not_removed(folder: Folder):
    row = first(folder)
    folder.begin(row, threading.Event())
    with pytest.raises(OptionInvalid, match="cancel the run first"):
        folder.remove(row.key)


def test_what_belongs_to_a_photo_by_its_name(folder: Folder, tmp_path: Path):
    folder.given["reference"] = {name: tmp_path / name for name in ("anna-2.png", "anna.png", "anna-1.png", "zoe.png")}
    folder.given["mask"] = {name: tmp_path / name for name in ("anna.png", "anna-1.png")}
    row = first(folder)
    assert [path.name for path in folder.belonging("reference", row)] == ["anna.png", "anna-1.png", "anna-2.png"]
    assert [path.name for path in folder.belonging("mask", row)] == ["anna.png"]
    assert folder.unused("reference") == ["zoe.png"] and folder.unused("mask") == ["anna-1.png"]
    folder.given["mask"]["anna.bmp"] = tmp_path / "anna.bmp"
    with pytest.raises(OptionInvalid, match="Several masks have this photo's name"):
        folder.belonging("mask", row)


def test_a_painted_mask_lies_in_a_file(folder: Folder):
    row = first(folder)
    mask = np.zeros((30, 20), bool)
    mask[5:9, 3:12] = True
    row.paint(mask)
    assert np.array_equal(row.read_painted(), mask) and row.mask is not None
    row.unpaint()
    assert row.mask is None and not [*row.folder.iterdir()]
