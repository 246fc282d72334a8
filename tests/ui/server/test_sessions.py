"""What the server keeps of an open page, and that it forgets it."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.errors import Cancelled
from ui.server import sessions as module
from ui.server.sessions import PhotoGone, Sessions, Work
from ui.session.kept import Outcome
from ui.session.runs import RunGone, Told

JOB = "cleft-inpainting"
PIXELS = np.zeros((4, 6, 3), np.uint8)


TOLD = Told("lips", "data:image/jpeg;base64,", 0.5)


def take(work: Work, stop: threading.Event | None = None, **more) -> Outcome:
    """Has a result taken, of a photo that is opened for it where there is none."""
    if "photo" not in work.photos:
        work.take_photo(PIXELS, [], (6, 4))
    return work.take_result(SimpleNamespace(), stop or work.start(), {}, {}, TOLD, **more)


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path)


def test_pages_do_not_see_each_others_photos(sessions: Sessions):
    mine = sessions.get("a").work(JOB).take_photo(PIXELS, [], (6, 4))
    assert sessions.get("a").work(JOB).photo_of(mine.key) is mine
    with pytest.raises(PhotoGone, match="choose a photo first"):
        sessions.get("b").work(JOB).photo_of(mine.key)
    with pytest.raises(PhotoGone):
        sessions.get("a").work(JOB).photo_of(None)


def test_tabs_of_a_page_do_not_see_each_others_work(sessions: Sessions):
    first, second = (sessions.get("a").work(job) for job in ("cleft-inpainting", "mask-removal"))
    mine = first.take_photo(PIXELS, [], (6, 4))
    with pytest.raises(PhotoGone):
        second.photo_of(mine.key)
    assert take(first).folder != take(second).folder
    assert sessions.get("a").work("cleft-inpainting") is first
    assert not first.start().is_set() and not second.stop.is_set(), "a run of one tab leaves the other's alone"


def test_photo_and_reference_are_kept_side_by_side(sessions: Sessions):
    work = sessions.get("a").work("mask-removal")
    photo, reference = (work.take_photo(PIXELS, [], (6, 4), what) for what in ("photo", "reference"))
    assert work.photo_of(photo.key) is photo and work.photo_of(reference.key, "reference") is reference
    with pytest.raises(PhotoGone, match="take “Without reference”"):
        work.photo_of(None, "reference")
    with pytest.raises(PhotoGone, match="press Run again"):
        work.photo_of(photo.key, "reference")
    sessions.close("a")
    assert work.photos == {}


def test_further_references_are_added_removed_and_forgotten(sessions: Sessions):
    work = sessions.get("a").work("mask-removal")
    for _ in range(3):
        work.add_reference(PIXELS, [], (6, 4))
    one, two, three = work.more
    assert work.more_of([one, two, three]) == list(work.more.values())
    work.remove_references(two, "gone")
    assert [photo.key for photo in work.more_of([one, three])] == [one, three]
    for keys in ([one], [three, one], [one, two, three], None):
        with pytest.raises(PhotoGone, match="press Run again"):
            work.more_of(keys)
    sessions.close("a")
    assert work.more == {} and work.more_of(None) == []


@pytest.mark.parametrize(
    "change", [lambda work: work.add_reference(PIXELS, [], (6, 4)), lambda work: work.remove_references("gone")]
)
def test_other_references_clear_the_result_and_drop_a_late_one(sessions: Sessions, change):
    work = sessions.get("a").work(JOB)
    work.take_photo(PIXELS, [], (6, 4))
    stop = work.start()
    take(work, stop)
    change(work)
    assert stop.is_set() and work.outcome is None and len(work.runs) == 1


def test_a_new_photo_replaces_the_old_one(sessions: Sessions):
    session = sessions.get("a").work(JOB)
    old, new = (session.take_photo(PIXELS, [], (6, 4)) for _ in range(2))
    assert old.key != new.key
    with pytest.raises(PhotoGone):
        session.photo_of(old.key)


@pytest.mark.parametrize("what", ["photo", "reference", "second"])
def test_another_photo_clears_the_result_and_drops_a_late_one(sessions: Sessions, what: str):
    work = sessions.get("a").work(JOB)
    work.take_photo(PIXELS, [], (6, 4), what)
    take(work)
    stop = work.start()
    work.take_photo(PIXELS, [], (6, 4), what)
    assert stop.is_set() and work.outcome is None and len(work.runs) == 1
    with pytest.raises(Cancelled):
        take(work, stop)
    assert work.outcome is None and len(work.runs) == 1
    assert take(work) is work.outcome


def test_another_face_clears_the_result_and_a_run_that_waited_for_the_former(sessions: Sessions):
    work = sessions.get("a").work(JOB)
    photo = work.take_photo(PIXELS, [], (6, 4))
    stop = work.start()
    assert work.photo_of(photo.key, face=0) is photo
    work.choose_face(photo, 1)
    assert stop.is_set()
    with pytest.raises(PhotoGone, match="press Run again"):
        work.photo_of(photo.key, face=0)
    assert work.photo_of(photo.key, face=1) is photo


def test_a_new_result_moves_the_one_before_from_memory_into_its_folder(sessions: Sessions):
    session = sessions.get("a").work(JOB)
    first, second = take(session), take(session)
    one, two = session.runs
    assert (one.outcome, two.outcome) == (None, second) and session.outcome is second
    assert [path.name for path in first.folder.iterdir()] == ["run.pickle"] and [*second.folder.iterdir()] == []


def test_a_result_that_is_made_beside_another_is_kept_and_not_shown(sessions: Sessions):
    session = sessions.get("a").work(JOB)
    session.take_photo(PIXELS, [], (6, 4))
    stop = session.start()
    shown, _ = take(session, stop), take(session, stop, shown=False)
    assert session.outcome is shown and [run.outcome is None for run in session.runs] == [False, True]


def test_a_run_is_shown_again_with_its_photos_and_their_faces(sessions: Sessions):
    session = sessions.get("a").work(JOB)
    photo = session.take_photo(PIXELS, [], (6, 4))
    session.add_reference(PIXELS, [], (6, 4))
    session.choose_face(photo, 2)
    first = take(session)
    session.choose_face(photo, 1)
    session.remove_references(*session.more)
    other = session.take_photo(PIXELS + 1, [], (6, 4))
    take(session)
    stop = session.start()
    run, desk = session.show_run(next(iter(session.runs)).key)
    assert stop.is_set(), "what ran for the other photo is stopped"
    assert session.outcome is run.outcome and session.outcome.folder == first.folder
    assert session.photo_of(photo.key, face=2).pixels.max() == 0 and len(session.more) == 1
    assert desk.photos["photo"].key == photo.key
    with pytest.raises(PhotoGone):
        session.photo_of(other.key)
    assert [run.outcome is None for run in session.runs] == [False, True]
    session.show_run(run.key)
    assert session.outcome is run.outcome, "also where it is shown already"


def test_a_run_that_is_removed_is_no_longer_shown(sessions: Sessions):
    session = sessions.get("a").work(JOB)
    first, second = take(session), take(session)
    one, two = session.runs
    session.remove_run(one.key)
    assert session.outcome is second and not first.folder.exists()
    session.remove_run(two.key)
    assert session.outcome is None and len(session.runs) == 0 and not second.folder.exists()
    session.remove_run("gone")
    with pytest.raises(RunGone, match="no longer kept"):
        session.show_run(two.key)
    with pytest.raises(RunGone):
        session.choose_run(two.key)


def test_closing_forgets_photo_result_and_files_and_stops_the_run(sessions: Sessions, tmp_path: Path):
    session = sessions.get("a").work(JOB)
    session.take_photo(PIXELS, [], (6, 4))
    (take(session).folder / "result.png").write_bytes(b"x")
    stop = session.start()
    sessions.close("a")
    assert stop.is_set()
    assert not session.photos and session.outcome is None and len(session.runs) == 0
    assert list(tmp_path.iterdir()) == []
    assert len(sessions) == 0
    sessions.close("a")


def test_nothing_is_written_for_a_closed_page(sessions: Sessions, tmp_path: Path):
    session = sessions.get("a").work(JOB)
    sessions.close("a")
    with pytest.raises(Cancelled):
        take(session)
    assert list(tmp_path.iterdir()) == []


def test_each_run_has_its_own_stop(sessions: Sessions):
    session = sessions.get("a").work(JOB)
    first = session.start()
    second = session.start()
    assert first.is_set() and not second.is_set()


def test_untouched_sessions_go(sessions: Sessions, monkeypatch: pytest.MonkeyPatch):
    folder = take(sessions.get("old").work(JOB)).folder
    now = time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + module.IDLE + 1)
    sessions.get("new")
    assert len(sessions) == 1 and not folder.exists()


def test_only_so_many_sessions_are_kept(sessions: Sessions):
    for number in range(module.MOST + 5):
        sessions.get(str(number))
    assert len(sessions) == module.MOST
    first_kept = sessions.get("5")
    assert first_kept is sessions.get("5") and len(sessions) == module.MOST


def test_only_so_many_folders_are_kept(sessions: Sessions):
    session = sessions.get("program").work(JOB)
    folders = [session.new_folder() for _ in range(module.FOLDERS + 3)]
    assert [folder.exists() for folder in folders] == [False] * 3 + [True] * module.FOLDERS


def test_folders_belong_to_their_user_alone(sessions: Sessions):
    folder = sessions.get("a").work(JOB).new_folder()
    assert folder.stat().st_mode & 0o077 == 0
    assert folder.parent.name.removeprefix("session-") != "a", "the name cannot be guessed from the session"
