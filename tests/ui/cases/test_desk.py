"""The desk as a case file and back: all of it, or nothing; and one page's is not another's."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from pipelines import Case, PhiltrumError, open_case, save_case
from pipelines.cases.contents import CaseFile, CasePhoto, Entry
from pipelines.exports.tables import of_case
from pipelines.faces.landmarks import find_faces
from pipelines.faces.masks import suggest_mask
from pipelines.results import CleftInpaintingResult
from tests.pipelines.cases.same import same
from tests.pipelines.exports.made_results import make_result
from ui.cases.desk import clear_desk, components, entries_of, inputs, open_desk
from ui.parts.editor import add_base
from ui.pictures.masks import editor_size, layer_url
from ui.server.engine import Engine
from ui.server.sessions import PhotoGone, Session, Sessions
from ui.session.runs import MOST, Told
from ui.tabs.cleft_inpainting import CleftInpaintingTab

CASE = Case("P07", date="2026-11-27")


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path)


@pytest.fixture
def tab(sessions: Sessions) -> CleftInpaintingTab:
    made = CleftInpaintingTab(Engine(pipelines={}), sessions)
    with gr.Blocks():
        made.build(gr.HTML())
    return made


def result_of(photo: np.ndarray) -> CleftInpaintingResult:
    """A result of the photo, made without running anything."""
    made = make_result(*photo.shape[:2])
    points = find_faces(photo)[0].points
    return replace(made, photo=photo, image=photo.copy(), landmarks_before=points, landmarks=points, faces=1)


def filled(tab: CleftInpaintingTab, session: Session, photo: np.ndarray) -> list[Any]:
    """A desk with a photo, a suggested mask and a result; gives what the page sends when it is saved."""
    work = session.work(tab.key)
    faces = find_faces(photo)
    kept = work.take_photo(photo, faces, editor_size(photo.shape))
    mask = suggest_mask(faces[0], photo.shape[:2], "lips")
    told = add_base(kept, mask, "", {"face": 0, "extent": "lips"})
    settings = {"grow": 2.5, "feather": 4.0, "seed": 3, "extent": "lips"}
    masks = {"photo": kept.bases[told["key"]]}
    work.take_result(of_case(result_of(photo), CASE), work.start(), settings, masks, Told("lips", "", 1.0))
    value = {"photo": kept.key, "base": told["key"], "layer": layer_url(kept.bases[told["key"]].layer)}
    given = {"grow": 2.5, "feather": 4.0, "seed": 3, "shown": ["mask"], "extent": "lips"}
    return [value, *(given[name] for name in tab.kept_settings)]


def test_a_desk_comes_back_as_it_was(tab, sessions, astronaut, tmp_path):
    session, other = sessions.get("one"), sessions.get("two")
    values = filled(tab, session, astronaut)
    session.work(tab.key).choose_run(next(iter(session.work(tab.key).runs)).key)
    entries = [*entries_of(tab, session.work(tab.key), values)]
    assert [len(entry.results) for entry in entries] == [1, 0], "the result, then what lies on the desk"
    save_case(tmp_path / "a.philtrum", CASE, entries)
    opened = open_case(tmp_path / "a.philtrum")
    updates, unknown = open_desk([tab], other, opened)
    assert len(updates) == len(components(tab)) and unknown == 0 and other.case == CASE and other.others == ()
    work = other.work(tab.key)
    photo = work.photos["photo"]
    assert same(photo.pixels, astronaut) and same(photo.faces[0].mesh, find_faces(astronaut)[0].mesh)
    (base,) = photo.bases.values()
    assert base.made_by == {"face": 0, "extent": "lips"} and base.mask.any()
    assert same(work.outcome.result, of_case(result_of(astronaut), CASE))
    by_component = dict(zip(map(id, components(tab)), updates, strict=True))
    assert [by_component[id(tab.kept_settings[name])] for name in ("grow", "seed", "shown")] == [2.5, 3, ["mask"]]
    (run,) = work.runs
    assert run.chosen and run.outcome is work.outcome and run.desk.settings["grow"] == 2.5
    assert run.desk.photos["photo"] is photo, "one photo, of result and desk"
    now = [{"photo": photo.key, "base": None, "layer": layer_url(base.layer)}, *updates_of(tab)]
    again = [*entries_of(tab, work, now)]
    for one, other_entry in zip(again, entries, strict=True):
        assert same(one.photos["photo"].mask, other_entry.photos["photo"].mask) and one.chosen == other_entry.chosen


def test_every_result_of_the_strip_is_saved_and_comes_back(tab, sessions, astronaut, tmp_path):
    session, other = sessions.get("one"), sessions.get("two")
    values = filled(tab, session, astronaut)
    filled(tab, session, np.ascontiguousarray(astronaut[:, ::-1]))
    work = session.work(tab.key)
    first, _ = work.runs
    work.show_run(first.key)
    save_case(tmp_path / "a.philtrum", CASE, entries_of(tab, work, [None, *values[1:]]))
    open_desk([tab], other, open_case(tmp_path / "a.philtrum"))
    mirrored, shown = other.work(tab.key).runs
    assert same(mirrored.load()[0].result.photo, np.ascontiguousarray(astronaut[:, ::-1]))
    assert other.work(tab.key).outcome is shown.outcome and same(shown.outcome.result.photo, astronaut)


def updates_of(tab: CleftInpaintingTab) -> list[Any]:
    return [component.value for component in tab.kept_settings.values()]


def test_opening_leaves_nothing_of_the_case_before(tab, sessions, astronaut):
    session = sessions.get("one")
    filled(tab, session, astronaut)
    session.case, folder = CASE, session.work(tab.key).outcome.folder
    other = Entry(job="cleft-inpainting", photos={"photo": CasePhoto(pixels=astronaut[:, ::-1].copy())})
    open_desk([tab], session, CaseFile(Case("P08"), (other,)))
    work = session.work(tab.key)
    assert work.outcome is None and session.case == Case("P08") and not folder.exists()
    assert same(work.photos["photo"].pixels, astronaut[:, ::-1].copy()) and work.stop.is_set()
    clear_desk([tab], session)
    assert work.photos == {} and session.case is None


def test_a_file_that_cannot_be_shown_leaves_the_desk_as_it_was(tab, sessions, astronaut, monkeypatch):
    session = sessions.get("one")
    filled(tab, session, astronaut)
    work = session.work(tab.key)
    before = work.outcome, work.photos["photo"]
    two = Entry(job="cleft-inpainting", results=(make_result(), make_result()))
    with pytest.raises(PhiltrumError, match="more results of one run"):
        open_desk([tab], session, CaseFile(Case("P08"), (two,)))
    monkeypatch.setattr(tab, "show", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_desk([tab], session, CaseFile(Case("P08"), (Entry.of(make_result()),)))
    assert (work.outcome, work.photos["photo"]) == before and session.case is None
    assert [path for path in session.folder.iterdir() if path != work.outcome.folder] == []


def test_what_no_tab_shows_is_kept_and_settings_that_do_not_fit_are_counted(tab, sessions):
    session = sessions.get("one")
    hostile = {"grow": 1e9, "extent": "<script>", "seed": 4, "unheard-of": 1}
    first, second = Entry.of(make_result()), replace(Entry.of(make_result()), settings=hostile)
    scored = Entry(job="anomaly-scoring")
    _, unknown = open_desk([tab], session, CaseFile(CASE, (first, scored, second)))
    assert unknown == 2 and session.others == (scored,) and len(session.work(tab.key).runs) == 2
    many = tuple(Entry.of(make_result()) for _ in range(MOST + 2))
    open_desk([tab], session, CaseFile(CASE, many))
    assert session.others == many[:2] and len(session.work(tab.key).runs) == MOST


def test_a_photo_that_the_server_forgot_is_not_left_out_in_silence(tab, sessions, astronaut):
    session = sessions.get("one")
    values = filled(tab, session, astronaut)
    with pytest.raises(PhotoGone):
        [*entries_of(tab, sessions.get("new").work(tab.key), values)]
    assert len(values) == len(inputs(tab))
    assert [*entries_of(tab, sessions.get("new").work(tab.key), [None, *values[1:]])] == []


def test_a_page_that_is_closed_keeps_neither_case_nor_files(tab, sessions, astronaut):
    session = sessions.get("one")
    filled(tab, session, astronaut)
    session.case, session.others = CASE, (Entry.of(make_result()),)
    request = SimpleNamespace(session_hash="one")
    assert tab.case(request) == CASE
    sessions.close("one")
    assert session.case is None and session.others == () and not session.folder.exists()
    assert tab.case(request) is None
