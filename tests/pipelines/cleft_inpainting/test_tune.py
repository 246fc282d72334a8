import argparse
import csv
import json
import math
from pathlib import Path

import optuna
import pytest

from pipelines.__main__ import main
from pipelines.cleft_inpainting import tune
from pipelines.cleft_inpainting.train import Options
from pipelines.errors import OptionInvalid

pytestmark = pytest.mark.slow


@pytest.fixture
def args(toy_set, toy_cache, loss_folder, tiny, tmp_path) -> argparse.Namespace:
    """Two knobs, two trials each, one step a trial."""
    parser = argparse.ArgumentParser()
    tune.add_arguments(parser)
    return parser.parse_args(
        [
            *("--knobs", "landmark,lr-decay", "--trials", "2", "--steps", "1", "--device", "cpu"),
            *("--data", str(toy_set), "--cache", str(toy_cache), "--loss-weights", str(loss_folder)),
            *("--out", str(tmp_path / "search"), "--network", tiny, "--size", "64", "--batch", "2"),
            *("--loss-network", "squeezenet", "--discriminator-width", "8", "--precision", "32-true"),
        ]
    )


@pytest.fixture
def scored(monkeypatch) -> list[Options]:
    """Replaces the short runs by a formula whose best landmark weight is 1e-2 and best decay 0.6; notes what ran."""
    ran = []

    def score(options, *_) -> float:
        ran.append(options)
        return abs(math.log10(options.landmark) + 2) + abs(options.lr_decay - 0.6)

    monkeypatch.setattr(tune, "_score", score)
    return ran


def rows_of(args: argparse.Namespace) -> list[dict[str, str]]:
    with (Path(args.out) / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_searches_on_real_runs(args):
    progress = []
    best = tune.run(args, lambda fraction, text: progress.append((fraction, text)))
    assert {path.name for path in Path(args.out).iterdir()} == {"trials.db", "trials.csv", "best.json"}
    rows = rows_of(args)
    assert [(row["knob"], row["trial"]) for row in rows] == [
        ("landmark", "0"),
        ("landmark", "1"),
        ("lr_decay", "0"),
        ("lr_decay", "1"),
    ]
    assert all(0 < float(row["validation_l1"]) < 255 for row in rows)
    assert float(rows[0]["value"]) == Options().landmark, "the first trial is where the search starts"
    assert rows[1]["value"] != rows[0]["value"]
    assert Options(**json.loads((Path(args.out) / "best.json").read_text())) == best
    for knob in ("landmark", "lr_decay"):
        tried = [row for row in rows if row["knob"] == knob]
        winner = min(tried, key=lambda row: float(row["validation_l1"]))
        assert getattr(best, knob) == pytest.approx(float(winner["value"]))
    assert best.lr == Options().lr
    shown = [(fraction, text) for fraction, text in progress if "trial" in text]
    assert [text for _, text in shown] == [f"{k}, trial {n} of 2" for k in ("landmark", "lr_decay") for n in (1, 2)]
    assert [fraction for fraction, _ in shown] == [0, 0.25, 0.5, 0.75]


def test_one_knob_at_a_time_the_best_held(args, scored):
    args.trials = 12
    best = tune.run(args)
    assert len(scored) == 24
    assert {options.lr_decay for options in scored[:12]} == {Options().lr_decay}
    assert len({options.landmark for options in scored[:12]}) == 12
    assert {options.landmark for options in scored[12:]} == {best.landmark}
    assert min(scored[:12], key=lambda o: abs(math.log10(o.landmark) + 2)).landmark == best.landmark
    assert abs(best.lr_decay - 0.6) <= abs(Options().lr_decay - 0.6)


def test_finished_trials_are_not_run_again(args, scored):
    best = tune.run(args)
    rows = rows_of(args)
    assert len(scored) == 4
    assert tune.run(args) == best
    assert len(scored) == 4
    assert rows_of(args) == rows


def test_more_trials_continue_a_search(args, scored):
    args.knobs = "landmark"
    tune.run(args)
    args.trials = 5
    tune.run(args)
    assert len(scored) == 5
    assert len({options.landmark for options in scored}) == 5, "a resumed search does not draw its first values again"


def test_a_stopped_search_ends_like_an_uninterrupted_one(args, scored, monkeypatch, tmp_path):
    args.knobs, args.trials = "landmark", 4
    args.out = str(tmp_path / "whole")
    best = tune.run(args)
    values = [options.landmark for options in scored]
    score = tune._score
    args.out = str(tmp_path / "parts")
    for stop_at in (0, 2):
        scored.clear()

        def stopping(options, *rest, stop_at=stop_at):
            if options.landmark == values[stop_at]:
                raise KeyboardInterrupt
            return score(options, *rest)

        monkeypatch.setattr(tune, "_score", stopping)
        with pytest.raises(KeyboardInterrupt):
            tune.run(args)
    monkeypatch.setattr(tune, "_score", score)
    scored.clear()
    assert tune.run(args).landmark == pytest.approx(best.landmark)
    assert [options.landmark for options in scored] == pytest.approx(values[2:])
    assert [float(row["value"]) for row in rows_of(args)] == pytest.approx(values, rel=1e-5)


def test_trials_under_other_settings_do_not_count(args, scored):
    tune.run(args)
    args.steps = 2
    tune.run(args)
    assert len(scored) == 8


def test_a_run_that_ends_in_nan_loses(args, monkeypatch):
    args.knobs = "landmark"
    monkeypatch.setattr(tune, "_score", lambda options, *_: 3.0 if options.landmark == 4.6e-4 else math.nan)
    assert tune.run(args).landmark == 4.6e-4
    assert [row["validation_l1"] for row in rows_of(args)] == ["3", "inf"]


def test_a_start_outside_the_range_is_no_trial(args, scored):
    args.knobs, args.batch = "batch", 3
    best = tune.run(args)
    assert {options.batch for options in scored} <= {1, 2, 4, 8}
    assert best.batch in {1, 2, 4, 8}


def test_every_knob_is_an_option_and_stays_in_its_range():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for name, knob in tune.KNOBS.items():
        default = getattr(Options(), name)
        for _ in range(20):
            value = knob.suggest(study.ask(), name)
            assert knob.covers(value), name
            assert isinstance(value, type(default)), name
        assert not knob.covers(-1)


@pytest.mark.parametrize("knobs", ["network", "landmark,colour", ""])
def test_unknown_knobs_are_refused(args, knobs):
    args.knobs = knobs
    with pytest.raises(OptionInvalid, match="cannot be tuned"):
        tune.run(args)
    assert not Path(args.out).exists()


def test_the_command_refuses_too(args, capsys):
    words = ["--data", args.data, "--out", args.out, "--knobs", "network"]
    assert main(["tune", "cleft-inpainting", *words]) == 2
    assert capsys.readouterr().err.startswith("These options cannot be tuned: network; choose of landmark, lr,")
