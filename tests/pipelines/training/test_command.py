"""The arguments that recipes share; their meaning for a whole run is tested with each recipe's command."""

import argparse
import shlex
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from pipelines.errors import DeviceUnavailable, OptionInvalid
from pipelines.models import places
from pipelines.training import command
from pipelines.training.recipe import GeneratorOptions


@dataclass(frozen=True)
class Options(GeneratorOptions):
    configurations: ClassVar = {"paper": {}}
    size: int = field(default=64, metadata={"help": "side"})
    two_words: float = field(default=0.5, metadata={"help": "a number, 50 %% of something"})
    switch: bool = field(default=False, metadata={"help": "a switch"})
    name: str = field(default="plain", metadata={"help": "a name"})

    def cell(self) -> int:
        return 32

    def loss_weights(self) -> dict[str, float]:
        return {"lpips": self.lpips}


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser, Options, steps=123)
    parser.format_help()  # a stray % in a text would raise
    return parser.parse_args(["--data", "faces", "--out", "run", *words])


def test_every_option_is_an_argument_of_its_type():
    assert command.options_of(parse(), Options) == Options()
    assert parse().steps == 123
    args = parse("--two-words", "0.25", "--switch", "--name", "fancy", "--batch", "6")
    assert command.options_of(args, Options) == Options(two_words=0.25, switch=True, name="fancy", batch=6)
    assert not command.options_of(parse("--switch", "--no-switch"), Options).switch
    with pytest.raises(SystemExit):
        parse("--batch", "2.5")
    with pytest.raises(OptionInvalid, match="--batch"):
        command.options_of(parse("--batch", "0"), Options)


def test_the_recorded_command_holds_what_differs_and_no_folder():
    def recorded(*words: str) -> str:
        args = parse(*words)
        return command.command_line(args, "job", command.options_of(args, Options))

    assert recorded() == "python -m pipelines train job --steps 123 --precision bf16-mixed"
    folders = ("--loss-weights", "a", "--start", "b", "--cache", "c", "--device", "cpu")
    assert recorded(*folders, "--batch", "4") == recorded()
    words = ("--two-words", "0.1", "--switch", "--name", "fancy", "--softest", "40.5", "--steps", "9")
    text = recorded(*words)
    assert text.endswith("--softest 40.5 --two-words 0.1 --switch --name fancy")
    again = parse(*shlex.split(text)[5:])
    assert (again.steps, again.softest) == (9, 40.5)
    assert command.options_of(again, Options) == command.options_of(parse(*words), Options)


def test_loss_weights_lie_in_the_weights_folder_unless_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    assert command.loss_weights_folder(parse()) == places.folder() == tmp_path
    assert str(command.loss_weights_folder(parse("--loss-weights", "other"))) == "other"


def test_most_limits_the_training_set_only(toy_set, toy_cache):
    args = parse("--data", str(toy_set), "--cache", str(toy_cache), "--most", "2")
    training, validation = command.load_sets(args, command.options_of(args, Options))
    assert (len(training), len(validation)) == (2, 3)
    assert training.images.shape[-1] == validation.images.shape[-1] == 64


def test_run_hands_the_arguments_to_recipe_and_loop(toy_set, toy_cache, tmp_path, monkeypatch):
    args = parse(
        *("--data", str(toy_set), "--cache", str(toy_cache), "--out", str(tmp_path / "run"), "--compile"),
        *("--loss-weights", "losses", "--start", "before.ckpt", "--device", "cpu", "--precision", "32-true"),
        *("--steps", "7", "--checkpoint-every", "3", "--sample-every", "5", "--batch", "2", "--tensorboard"),
    )
    options = command.options_of(args, Options)
    seen = {}

    def recipe(*given, **named):
        seen.update(given=given, named=named)
        return "the recipe"

    monkeypatch.setattr(command, "train", lambda *given: seen.update(trained=given) or "the answer")
    assert command.run(args, "job", options, recipe) == "the answer"
    shown, fabric, faces, validation = seen["given"]
    assert shown is options and (len(faces), len(validation)) == (6, 3)
    text = command.command_line(args, "job", options)
    assert {key: str(value) for key, value in seen["named"].items()} == {
        "loss_weights": "losses",
        "start": "before.ckpt",
        "compile": "True",
        "command": text,
    }
    of, trained, schedule, out, settings = seen["trained"]
    assert of is fabric and trained == "the recipe" and out == str(tmp_path / "run")
    assert (schedule.steps, schedule.batch, schedule.checkpoint_every, schedule.sample_every) == (7, 2, 3, 5)
    assert schedule.tensorboard
    assert settings["two_words"] == 0.5 and settings["batch"] == 2


def test_what_cannot_run_is_said_before_the_data_is_read():
    args = parse("--data", "nowhere", "--device", "cuda:99")
    with pytest.raises(DeviceUnavailable):
        command.run(args, "job", command.options_of(args, Options), None)
    args = parse("--data", "nowhere", "--sample-every", "0")
    with pytest.raises(OptionInvalid):
        command.run(args, "job", command.options_of(args, Options), None)
