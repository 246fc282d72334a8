"""Stages are announced and timed, and a part of a run is told as a whole."""

import pytest

from pipelines.progress import Stages, within


def test_stages_are_announced_timed_and_ended():
    said = []
    stage = Stages(lambda fraction, text: said.append((fraction, text)))
    with stage("one", 0.25):
        assert said == [(0.25, "one")]
    with stage("two", 0.5):
        pass
    stage.done()
    assert said == [(0.25, "one"), (0.5, "two"), (1.0, "done")]
    assert list(stage.seconds) == ["one", "two"] and all(seconds >= 0 for seconds in stage.seconds.values())


def test_a_stage_that_is_entered_again_adds_its_seconds(monkeypatch):
    now = iter([0.0, 1.0, 1.0, 3.0, 3.0, 7.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    stage = Stages(None)
    for name in ("one", "two", "one"):
        with stage(name, 0.5):
            pass
    assert stage.seconds == {"one": 5.0, "two": 2.0}


def test_what_the_progress_raises_stops_the_stage():
    def stop(fraction, text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Stages(stop)("one", 0):
        pytest.fail("the stage began")


def test_a_part_of_a_run_is_told_as_a_whole_of_its_own():
    said = []
    part = within(lambda fraction, text: said.append((fraction, text)), 0.2, 0.6)
    part(0.0, "begins")
    part(0.5, "goes on")
    part(1.0, "ends")
    assert said == [(pytest.approx(0.2), "begins"), (pytest.approx(0.4), "goes on"), (pytest.approx(0.6), "ends")]
    assert within(None, 0.2, 0.6) is None
