"""The results that a tab keeps."""

import secrets
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ui.session.kept import Outcome, Photo
from ui.session.runs import MOST, Desk, Run, RunGone, Runs, Told

TOLD = Told("lips", "data:image/jpeg;base64,", 0.5)


def photo(key: str) -> Photo:
    return Photo(key, np.zeros((4, 6, 3), np.uint8), [], (6, 4))


@pytest.fixture
def add(tmp_path: Path):
    """Adds a result of a photo, with a folder of its own."""

    def add(runs: Runs, key: str = "photo") -> Run:
        folder = tmp_path / secrets.token_hex(4)
        folder.mkdir()
        outcome = Outcome(SimpleNamespace(image=np.full((2, 2, 3), 7, np.uint8)), folder)
        return runs.add(outcome, Desk({"photo": photo(key)}, {}, {"grow": 2.0}), TOLD)

    return add


def test_runs_are_numbered_and_found(add):
    runs = Runs()
    first, second = add(runs), add(runs)
    assert [run.number for run in runs] == [1, 2] and first.key != second.key
    assert runs.find(first.key) is first and runs.of(first.outcome) is first and runs.of(None) is None
    for gone in ("other", None):
        with pytest.raises(RunGone):
            runs.find(gone)


def test_a_parked_run_lies_in_its_folder_and_comes_back(add):
    runs = Runs()
    run = add(runs)
    outcome, desk = run.load()
    assert outcome is run.outcome and desk is run.desk, "from memory, where it is there"
    runs.park(outcome)
    assert run.outcome is None and run.desk is None
    again, settings = run.load()
    assert np.array_equal(again.result.image, outcome.result.image) and again.folder == outcome.folder
    assert settings.settings == {"grow": 2.0} and run.outcome is None, "to look at it moves nothing"
    runs.park(outcome)
    (run.folder / "run.pickle").unlink()
    with pytest.raises(RunGone):
        run.load()


def test_a_run_that_cannot_be_written_goes(add, monkeypatch: pytest.MonkeyPatch):
    def full(self: Path, data: bytes) -> int:
        raise OSError("no space left")

    runs = Runs()
    run = add(runs)
    monkeypatch.setattr(Path, "write_bytes", full)
    runs.park(run.outcome)
    assert len(runs) == 0 and not run.folder.exists()


def test_one_run_of_a_photo_is_chosen(add):
    runs = Runs()
    one, two, other = add(runs), add(runs), add(runs, "other")
    for run in (one, two, other):
        runs.choose(run.key)
    assert [run.chosen for run in runs] == [False, True, True]
    runs.choose(two.key)
    assert [run.chosen for run in runs] == [False, False, True]


def test_only_so_many_are_kept_and_chosen_ones_longest(add):
    runs = Runs()
    first = add(runs)
    runs.choose(first.key)
    others = [add(runs) for _ in range(MOST + 1)]
    assert [run.number for run in runs] == [1, *range(4, MOST + 3)]
    assert first.folder.exists() and not others[0].folder.exists() and not others[1].folder.exists()
    for run in runs:
        if run is not first:
            runs.choose(run.key)
    last = add(runs)
    assert last in [*runs], "the newest stays, whatever is chosen"


def test_a_desk_turns_its_photos_to_the_faces_of_then():
    one, two = photo("one"), photo("two")
    one.face = 2
    desk = Desk({"photo": one}, {"two": two}, {})
    one.face, two.face = 0, 3
    desk.turn_faces()
    assert (one.face, two.face) == (2, 0)
