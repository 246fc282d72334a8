"""Whose turn it is: one at a time, in words, and no long job holds up the short ones."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pipelines.errors import Cancelled
from ui.server import turns as module
from ui.server.turns import Turns


class Job(threading.Thread):
    """A job that works until it is told to end, in steps of some milliseconds."""

    def __init__(self, turns: Turns, kind: str = "cleft", long: bool = False):
        super().__init__(daemon=True)
        self.turns, self.kind, self.long = turns, kind, long
        self.said: list[str] = []
        self.begun, self.end, self.stop = threading.Event(), threading.Event(), threading.Event()
        self.steps, self.error = 0, None
        self.start()

    def run(self) -> None:
        def progress(fraction: float, text: str) -> None:
            self.said.append(text)
            if self.stop.is_set():
                raise Cancelled("stopped")

        try:
            with self.turns.turn(self.kind, self.long, progress) as report:
                self.begun.set()
                while not self.end.is_set():
                    report(0.25, "working")
                    self.steps += 1
                    time.sleep(0.005)
                report(1.0, "done")
        except Cancelled as error:
            self.error = error

    def ended(self) -> bool:
        self.end.set()
        self.join(20)
        return not self.is_alive()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    monkeypatch.setattr(module, "_BETWEEN", 0.05)
    return Turns()


def until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


@contextmanager
def never(event: threading.Event) -> Iterator[None]:
    yield
    assert not event.wait(0.3)


def test_whoever_waits_is_told_for_how_many_and_how_long(turns: Turns):
    first = Job(turns)
    assert first.begun.wait(20)
    assert turns.state() == "Busy: one job runs"
    second = Job(turns)
    until(lambda: second.said)
    third = Job(turns)
    until(lambda: third.said)
    assert second.said[0].startswith("waiting for one other job, about ")
    assert third.said[0].startswith("waiting for 2 other jobs, about ") and third.said[0].endswith(" s")
    assert turns.state() == "Busy: one job runs, 2 wait"
    with never(third.begun):
        assert first.ended() and second.begun.wait(20)
    assert second.ended() and third.ended() and turns.state() is None
    assert first.said == ["working"] * first.steps + ["done"], "nobody who need not wait is told so"


def test_how_long_is_what_the_kind_took_before(turns: Turns):
    turns._seconds["slow"] = 60.0
    first = Job(turns, "quick")
    assert first.begun.wait(20)
    waiting = Job(turns, "slow")
    until(lambda: waiting.said)
    last = Job(turns)
    until(lambda: last.said)
    assert last.said[0] == "waiting for 2 other jobs, about 61 s"
    assert all(job.ended() for job in (first, waiting, last))
    assert turns._seconds["quick"] < 20


def test_a_long_job_lets_short_ones_pass_and_goes_on(turns: Turns):
    long = Job(turns, "stylegan2", long=True)
    assert long.begun.wait(20)
    short, other = Job(turns), Job(turns)
    assert short.begun.wait(20), "while the long one is at work"
    assert not other.begun.is_set()
    until(lambda: any("paused, waiting for one other job" in text for text in long.said))
    steps = long.steps
    time.sleep(0.1)
    assert long.steps == steps, "two never compute at once"
    assert short.ended()
    until(lambda: long.steps > steps)
    assert other.begun.wait(20) and other.ended()
    steps = long.steps
    until(lambda: long.steps > steps)
    assert long.ended() and turns.state() is None


def test_a_long_job_gets_somewhere_between_two_that_pass(turns: Turns):
    long = Job(turns, "stylegan2", long=True)
    assert long.begun.wait(20)
    shorts = [Job(turns) for _ in range(4)]
    for job in shorts:
        job.end.set()
    steps = long.steps
    until(lambda: all(not job.is_alive() for job in shorts))
    assert long.steps >= steps + 4
    assert long.ended()


def test_short_jobs_go_before_a_long_one_that_waits_but_not_for_ever(turns: Turns, monkeypatch: pytest.MonkeyPatch):
    first = Job(turns)
    assert first.begun.wait(20)
    long = Job(turns, "stylegan2", long=True)
    until(lambda: long.said)
    short = Job(turns)
    until(lambda: short.said)
    assert short.said[0].startswith("waiting for one other job"), "the long one comes after it"
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    monkeypatch.setattr(module, "_BETWEEN", 60.0)
    assert first.ended() and long.begun.wait(20), "it has waited long enough"
    assert not short.begun.wait(0.3)
    assert long.ended() and short.begun.wait(20) and short.ended()


@pytest.mark.parametrize("long", [False, True])
def test_whoever_is_stopped_while_waiting_or_paused_leaves_the_turn_to_others(turns: Turns, long: bool):
    first = Job(turns, "stylegan2", long=long)
    assert first.begun.wait(20)
    second = Job(turns)
    until(lambda: second.begun.is_set() if long else second.said)
    stopped = first if long else second
    stopped.stop.set()
    stopped.join(20)
    assert isinstance(stopped.error, Cancelled)
    other = second if long else first
    steps = other.steps
    until(lambda: other.steps > steps)
    assert other.ended() and turns.state() is None
    last = Job(turns)
    assert last.begun.wait(20) and last.ended()
