"""The bar's events: a report of what is on the page, and no word of the case in any log."""

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from pypdf import PdfReader

from pipelines.faces.landmarks import find_faces
from tests.pipelines.exports.made_results import make_result
from ui.cases import bar as bars
from ui.cases.bar import CaseBar
from ui.pictures.masks import editor_size
from ui.server.engine import Engine
from ui.server.sessions import Sessions
from ui.session.runs import Told
from ui.tabs.cleft_inpainting import CleftInpaintingTab

pytestmark = pytest.mark.slow

REQUEST = SimpleNamespace(session_hash="one")
TYPED = SimpleNamespace(name="Canary Zebedee", date="1987-06-05", side="left", notes="quokka was repaired")


@pytest.fixture
def tab(tmp_path: Path) -> CleftInpaintingTab:
    return CleftInpaintingTab(Engine(pipelines={}), Sessions(tmp_path))


@pytest.fixture
def bar(tab: CleftInpaintingTab) -> CaseBar:
    made = CaseBar(tab.sessions)
    with gr.Blocks():
        made.build()
        tab.build(gr.HTML())
        made.connect([tab])
    return made


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **options: said.append(text))
    return said


def run(tab: CleftInpaintingTab, photo, seed: int) -> str:
    """Keeps a result as a run of the page; gives its key."""
    work = tab.work(REQUEST)
    if not work.photos:
        work.take_photo(photo, find_faces(photo), editor_size(photo.shape))
    made = replace(make_result(*photo.shape[:2]), photo=photo, image=photo.copy(), seed=seed)
    outcome = work.take_result(made, work.start(), {}, {}, Told("lips", "", 1.0))
    return work.runs.of(outcome).key


def test_the_report_holds_every_run_or_the_chosen_one(bar, tab, astronaut):
    for seed in (1, 2, 3):
        key = run(tab, astronaut, seed)
    told = bar.report(TYPED, REQUEST)
    path = Path(told.props["file"]["path"])
    assert told.props["file"]["name"] == path.name == "Canary_Zebedee-report.pdf"
    texts = [" ".join(page.extract_text().split()) for page in PdfReader(path).pages]
    assert [text.partition("seed ")[2].split()[0] for text in texts[1:]] == ["1", "2", "3"]
    assert "Canary Zebedee" in texts[0] and "quokka was repaired" in texts[0]
    tab.work(REQUEST).choose_run(key)
    chosen = Path(bar.report(TYPED, REQUEST).props["file"]["path"])
    assert len(PdfReader(chosen).pages) == 2 and chosen != path
    tab.sessions.close("one")
    assert not path.exists() and not chosen.exists(), "they go with the page"


def test_without_a_result_there_is_no_report(bar, toasts):
    assert "file" not in bar.report(TYPED, REQUEST).props
    assert len(toasts) == 1 and "No report made.</b> This case has no result yet" in toasts[0]


def test_nothing_of_a_case_is_in_a_log(bar, tab, astronaut, toasts, caplog, capfd, monkeypatch):
    caplog.set_level(logging.DEBUG)
    run(tab, astronaut, 1)
    values = [None] * (1 + len(tab.kept_settings))
    bar.take(TYPED, REQUEST)
    saved = bar.save(TYPED, REQUEST, *values)
    assert bar.report(TYPED, REQUEST).props["file"] and saved.props["file"]
    bar.take(SimpleNamespace(**{**vars(TYPED), "date": "quokka"}), REQUEST)

    def broken(*given):
        raise RuntimeError(f"{TYPED.name}, {TYPED.date}, {TYPED.notes}")

    for name in ("save_case", "save_report", "open_case", "typed_case"):
        monkeypatch.setattr(bars, name, broken)
        bar.save(TYPED, REQUEST, *values)
        bar.report(TYPED, REQUEST)
        bar.open(SimpleNamespace(path=None), REQUEST)
        bar.take(TYPED, REQUEST)
    assert "RuntimeError" in caplog.text and len(toasts) > 4, "something was logged"
    captured = capfd.readouterr()
    for word in ("Canary", "Zebedee", TYPED.date, "quokka"):
        assert word not in caplog.text + captured.out + captured.err + "".join(toasts), word
