"""Several people at once: the campaign's judgement, on an app in this process."""

import json

import pytest

from benchmarks import crowd
from benchmarks.crowd import LOST, RIGHT, WRONG, Outcome, Person, as_markdown, main
from pipelines.jobs import CLEFT_INPAINTING
from tests.ui.apps import free_port
from ui.server.engine import Engine
from ui.shell import build, serving


class Here:
    """In place of :class:`benchmarks.crowd.App`: the app in this process, with one job."""

    memory = 5 * 2**20

    def __init__(self):
        engine = Engine("cpu")
        engine.load(CLEFT_INPAINTING)
        engine.ready.set()
        self._page = build(engine)
        self._page.launch(**serving("127.0.0.1", free_port(), False, None), prevent_thread_lock=True)
        self.address = self._page.local_url

    def close(self):
        self._page.close()


@pytest.fixture
def one_job(monkeypatch):
    monkeypatch.setattr(crowd, "App", Here)
    monkeypatch.setattr(crowd, "JOBS", {"cleft_inpainting": {"extent": "lips"}})


@pytest.mark.slow
def test_everybody_gets_the_own_answer_whoever_leaves(one_job, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(crowd, "_LEAVES", 2)
    monkeypatch.setattr(crowd, "_RETURNS", 3)
    assert main(["--people", "3", "--runs", "3", "--out", str(tmp_path / "out")]) == 0
    facts = json.loads((tmp_path / "out" / "crowd.json").read_text())
    assert facts["runs"] == {RIGHT: 9} and facts["people"] == 3
    assert (facts["left"], facts["returned"]) == (3, 3)
    assert set(facts["memory"]) == {5 * 2**20} and facts["longest"] <= facts["seconds"]
    assert "| Right, and the person's own | 9 |" in capsys.readouterr().out


@pytest.mark.slow
def test_an_answer_of_another_photo_and_none_are_told(one_job, tmp_path):
    here = Here()
    one, other = (Person(number, here.address, tmp_path) for number in (0, 1))
    for person in (one, other):
        person.learn()
    assert one.expected != other.expected and one.hash != other.hash
    assert one.run("cleft_inpainting", "a") == RIGHT
    one.expected = other.expected
    assert one.run("cleft_inpainting", "a") == WRONG
    one.leave()
    other.hash = one.hash
    assert other.run("cleft_inpainting", "b") == WRONG
    here.close()
    other.leave()
    assert other.run("cleft_inpainting", "b") == LOST


def test_what_was_wrong_or_lost_stands_in_the_table():
    outcome = Outcome(memory=[2**20, 3 * 2**20], seconds=7.4, longest=2.25)
    outcome.runs.update([RIGHT, RIGHT, WRONG, LOST])
    lines = as_markdown(outcome, 2).splitlines()
    for line in ("| Runs | 4 |", "| Wrong, or another's | 1 |", "| Lost | 1 |", "| Longest wait, s | 2.2 |"):
        assert line in lines
