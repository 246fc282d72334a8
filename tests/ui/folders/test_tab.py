"""A folder of photos without a page: the table while it runs, cancel and go on, what is of other settings, privacy."""

import logging
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.cases.case import Case
from tests.ui.folders.stub import FACELESS, OTHER, PAGE, View


def test_one_odd_photo_stops_no_other_and_the_table_says_why(view: View, toasts: list[str]):
    view.drop("a.jpg", "c.jpg")
    view.drop("b.jpg", level=FACELESS)
    told = view.run()
    assert view.states() == {"a.jpg": "done", "c.jpg": "done", "b.jpg": "failed"}
    assert view.row("b.jpg").error == "No face was found in this photo; choose one from the front."
    seen = [{row["name"]: row["state"] for row in update[0].props["rows"]} for update in told]
    assert {"a.jpg": "running"}.items() <= seen[0].items() or seen[0]["a.jpg"] == "done"
    assert told[-1][0].props["running"] is False and told[0][0].props["running"] is True
    assert toasts == []


def test_cancel_keeps_what_is_done_and_the_next_run_goes_on(view: View, toasts: list[str]):
    view.drop("a.jpg", "b.jpg", "c.jpg")
    view.stub.permits = threading.Semaphore(1)
    view.tab.begin(PAGE)
    run = view.tab.work_on(PAGE, *view.values())
    for update in run:
        if [row["state"] for row in update[0].props["rows"]] == ["done", "running", "waiting"]:
            view.tab.halt(PAGE)
    assert view.states() == {"a.jpg": "done", "b.jpg": "waiting", "c.jpg": "waiting"}
    assert "What is done is kept" in toasts[-1]
    first = view.row("a.jpg").made
    zipped, table = view.files()
    assert zipped.is_file() and table.is_file()
    view.stub.permits = None
    view.run()
    assert set(view.states().values()) == {"done"} and view.row("a.jpg").made is first
    # What was stopped may have begun once more, and nothing else was done twice.
    assert len(view.stub.calls) <= 4


def test_a_result_that_comes_after_cancel_is_not_taken(view: View, toasts: list[str]):
    view.drop("a.jpg")
    view.stub.permits = threading.Semaphore(0)
    view.tab.begin(PAGE)
    run = view.tab.work_on(PAGE, *view.values())
    next(run)
    view.tab.halt(PAGE)
    list(run)
    view.stub.permits.release()
    for thread in threading.enumerate():
        if thread.name == "folder":
            thread.join(30)
    row = view.row("a.jpg")
    assert row.made is None and row.running is None and not [*row.folder.rglob("*.png")]


def test_another_setting_makes_rows_stale_and_the_former_one_makes_them_done_again(view: View):
    view.drop("a.jpg", "b.jpg")
    view.run()
    assert set(view.states(seed=3).values()) == {"stale"} and set(view.states().values()) == {"done"}
    view.run(seed=3)
    assert set(view.states(seed=3).values()) == {"done"} and [call["seed"] for call in view.stub.calls] == [0, 0, 3, 3]


def test_a_region_counts_only_for_photos_without_a_mask(view: View):
    view.drop("a.jpg", "b.jpg")
    mask = np.zeros((96, 72, 3), np.uint8)
    mask[60:70, 20:40] = 255
    view.drop("a.png", what="mask", picture=mask)
    view.run()
    assert view.states(extent="lips") == {"a.jpg": "done", "b.jpg": "stale"}
    given, suggested = view.stub.calls
    assert given["mask"].sum() == 200 and given["extent"] is None
    assert suggested["mask"] is None and suggested["extent"] == "lips-to-nose"
    assert view.row("a.jpg").made.cells[0] == "from a file" and view.row("b.jpg").made.cells[0] == "lips to nose"


def test_a_mask_that_comes_later_makes_its_photo_stale_and_one_without_a_photo_is_said(view: View):
    view.drop("a.jpg", "b.jpg")
    view.run()
    said = view.drop("b.png", "zoe.png", what="mask", level=200)[1]
    assert view.states() == {"a.jpg": "done", "b.jpg": "stale"}
    assert "2 photos, 2 masks" in said and "1 mask with no photo’s name: zoe.png." in said


def test_several_masks_of_one_photo_are_that_photos_error(view: View):
    view.drop("a.jpg", "b.jpg")
    view.drop("a.png", "a.bmp", what="mask")
    view.run()
    assert view.states() == {"a.jpg": "failed", "b.jpg": "done"}
    assert view.row("a.jpg").error.startswith("Several masks have this photo's name")


def test_one_photo_is_run_again_and_no_other(view: View):
    view.drop("a.jpg", "b.jpg")
    view.run()
    first, before = view.row("a.jpg").made, view.row("b.jpg").made
    view.tab.begin_one(SimpleNamespace(key=view.row("a.jpg").key), PAGE)
    list(view.tab.work_on(PAGE, *view.values()))
    assert view.row("a.jpg").made is not first and view.row("b.jpg").made is before
    assert not first.folder.exists(), "what was made before is gone"


def test_photos_of_one_name_are_two_and_said(view: View):
    said = view.drop("a.jpg", "a.jpg", "A.jpg")[1]
    assert list(view.states()) == ["a.jpg", "a-2.jpg", "A-3.jpg"]
    assert "a.jpg is a-2.jpg here: a photo of that name was there." in said


def test_the_photo_after_a_removed_one_is_looked_at(view: View):
    view.drop("a.jpg", "b.jpg", "c.jpg")
    view.run()
    row = view.row("b.jpg")
    view.tab.choose(SimpleNamespace(key=row.key), PAGE, *view.values())
    updates = view.tab.remove(SimpleNamespace(key=row.key), PAGE, *view.values())
    assert list(view.states()) == ["a.jpg", "c.jpg"] and "2 of 2" in updates[2] and "c.jpg" in updates[2]
    assert not row.path.exists() and not row.folder.exists()


def test_nothing_to_run_is_a_sentence(view: View, toasts: list[str]):
    view.run()
    assert "The folder has no photos yet" in toasts[0]
    view.drop("a.jpg")
    view.run()
    view.run()
    assert "All photos are done" in toasts[-1]


def test_another_page_sees_nothing_and_a_closed_one_leaves_nothing(view: View, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        view.drop("Jane Doe.jpg")
        view.run()
    assert view.tab.folder(OTHER).rows == {} and "Jane" not in caplog.text
    place = view.folder.place
    assert [*place.rglob("*.png")]
    view.sessions.close(PAGE.session_hash)
    assert not place.exists()


def test_a_page_that_is_closed_while_it_runs_leaves_nothing(view: View):
    view.drop("a.jpg", "b.jpg")
    view.stub.permits = threading.Semaphore(0)
    view.tab.begin(PAGE)
    run = view.tab.work_on(PAGE, *view.values())
    next(run)
    folder = view.sessions.get(PAGE.session_hash).folder
    view.sessions.close(PAGE.session_hash)
    view.stub.permits.release(9)
    list(run)
    for thread in threading.enumerate():
        if thread.name == "folder":
            thread.join(30)
    assert not folder.exists()


def test_a_page_that_works_for_hours_is_not_forgotten(view: View):
    view.drop("a.jpg", "b.jpg")
    session, seen = view.sessions.get(PAGE.session_hash), []
    view.tab.begin(PAGE)
    for _ in view.tab.work_on(PAGE, *view.values()):
        seen.append(session.touched)
        session.touched = 0.0
    assert len(seen) > 2 and all(seen[:-1]), "it is touched at every step of the run; the last one ends it"


def test_a_page_without_photos_has_no_folder_on_the_disk(view: View):
    view.tab.emptied(PAGE)
    view.tab.outdated(PAGE)
    assert not view.sessions.get(PAGE.session_hash).folder.exists()


def test_a_new_case_empties_the_folder(view: View):
    view.drop("a.jpg")
    view.run()
    place, session = view.folder.place, view.sessions.get(PAGE.session_hash)
    assert len(view.folder.rows) == 1
    session.case, session.desk = Case("P02"), session.desk + 1
    updates = view.tab.emptied(PAGE)
    assert len(updates) == len(view.tab.everything) and updates[1].props["rows"] == []
    assert view.folder.rows == {} and not place.exists()


def test_unexpected_errors_are_the_photos_own(view: View, monkeypatch: pytest.MonkeyPatch):
    view.drop("a.jpg", "b.jpg")
    made = view.tab.own.cells
    monkeypatch.setattr(
        view.tab.own, "cells", lambda result, given: 1 / 0 if result.photo[0, 0, 0] == 90 else made(result, given)
    )
    view.run()
    assert view.states() == {"a.jpg": "failed", "b.jpg": "done"}
    assert view.row("a.jpg").error == "Something unexpected went wrong (ZeroDivisionError)."


@pytest.mark.slow
def test_memory_stays_flat_over_forty_photos(view: View):
    """Forty results would be 1 GB."""
    rng = np.random.default_rng(0)
    names = [f"{number:02}.png" for number in range(40)]
    noise = rng.integers(0, 256, (1200, 1600, 3), np.uint8)
    for number, name in enumerate(names):
        view.drop(name, picture=np.roll(noise, number, 0))
    used = {}
    view.tab.begin(PAGE)
    for update in view.tab.work_on(PAGE, *view.values()):
        used[sum(row["state"] == "done" for row in update[0].props["rows"])] = resident()
    assert used[40] - used[min(count for count in used if count >= 5)] < 80, used


def resident() -> float:
    """MB of memory that this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20
