"""``python -m pipelines train``, ``tune``, ``lists``, ``prepare``: recipes themselves are tested where they live."""

import sys
import types
from dataclasses import dataclass, replace

import pytest

from pipelines.errors import DataUnreadable
from pipelines.jobs import JOBS


@dataclass
class Options:
    lr: float = 0.1
    batch: int = 4


@pytest.fixture
def recipe(monkeypatch):
    """A recipe that only notes what it is asked."""
    module = types.ModuleType("philtrum_test_recipe")
    module.asked = []
    module.answer = True

    def add_arguments(parser):
        parser.add_argument("--data", required=True)
        parser.add_argument("--steps", type=int, default=10)

    def run(args, progress):
        progress(0.5, "finding landmarks")
        module.asked.append((args.data, args.steps))
        if isinstance(module.answer, Exception):
            raise module.answer
        return module.answer

    module.add_arguments, module.run = add_arguments, run
    monkeypatch.setitem(sys.modules, module.__name__, module)
    job = JOBS["cleft-inpainting"]
    monkeypatch.setitem(JOBS, job.name, replace(job, recipe=module.__name__, search=module.__name__))
    return module


def test_train_hands_its_arguments_to_the_recipe(run, recipe):
    words = ("train", "cleft-inpainting", "--data", "faces", "--steps", 7)
    assert run(*words) == (0, "", "finding landmarks, 50 %\n")
    assert recipe.asked == [("faces", 7)]


def test_a_stopped_training_says_how_it_goes_on(run, recipe):
    recipe.answer = False
    status, _, trouble = run("train", "cleft-inpainting", "--data", "faces")
    assert status == 1
    assert trouble.splitlines()[-1] == "Stopped; the same command resumes the run."


def test_under_torchrun_one_process_speaks(run, recipe, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert run("train", "cleft-inpainting", "--data", "faces") == (0, "", "")


@pytest.mark.parametrize("command", ["train", "tune"])
def test_what_a_recipe_cannot_do_is_one_sentence(run, recipe, command):
    recipe.answer = DataUnreadable("The data folder does not exist.")
    status, _, trouble = run(command, "cleft-inpainting", "--data", "faces")
    assert status == 2
    assert trouble.splitlines()[-1] == "The data folder does not exist."


@pytest.mark.parametrize("command", ["train", "tune"])
@pytest.mark.parametrize(
    "words", [[], ["mask-removal"], ["cleft-inpainting"], ["cleft-inpainting", "--data", "d", "--steps", "x"]]
)
def test_bad_arguments(run, recipe, command, words):
    status, _, trouble = run(command, *words)
    assert status == 2 and "usage:" in trouble
    assert recipe.asked == []


def test_tune_shows_the_best_options(run, recipe):
    recipe.answer = Options(lr=0.25)
    status, said, _ = run("tune", "cleft-inpainting", "--data", "faces")
    assert status == 0
    assert [line.split() for line in said.splitlines()] == [["option", "best", "value"], ["lr", "0.25"], ["batch", "4"]]


@pytest.mark.parametrize(("command", "option"), [("train", "--checkpoint-every"), ("tune", "--trials")])
def test_the_real_recipes_can_be_asked_for_help(run, command, option):
    status, said, _ = run(command, "cleft-inpainting", "--help")
    assert status == 0
    assert option in said and "--data" in said and "--landmark" in said


def test_lists(run, tmp_path):
    photos = tmp_path / "photos"
    (photos / "deep").mkdir(parents=True)
    for number in range(20):
        (photos / ("deep" if number % 2 else "") / f"{number}.jpg").write_bytes(b"x")
    words = ("lists", photos, "--out", photos, "--val", 0.1, "--test", 0.2)
    status, said, trouble = run(*words)
    assert (status, trouble) == (0, "")
    assert [line.split() for line in said.splitlines()] == [
        ["split", "photos"],
        ["train", "14"],
        ["val", "2"],
        ["test", "4"],
    ]
    lists = {split: (photos / f"{split}.txt").read_text().splitlines() for split in ("train", "val", "test")}
    assert sorted(name for names in lists.values() for name in names) == sorted(
        str(path.relative_to(photos)) for path in photos.rglob("*.jpg")
    )
    run(*words)
    assert lists["val"] == (photos / "val.txt").read_text().splitlines()
    run(*words, "--seed", 1)
    assert lists["test"] != (photos / "test.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["missing"], "The data folder does not exist."),
        (["empty"], "The data folder holds no pictures."),
        (["empty", "--val", "0.6", "--test", "0.4"], "together less than 1."),
        (["empty", "--val", "-0.1"], "must be 0 or more"),
        (["empty", "--val", "nan"], "must be 0 or more"),
    ],
)
def test_lists_that_cannot_be_made(run, tmp_path, monkeypatch, words, sentence):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    status, said, trouble = run("lists", *words, "--out", "lists")
    assert (status, said) == (2, "")
    assert sentence in trouble and trouble.count("\n") == 1
    assert not (tmp_path / "lists").exists()


@pytest.mark.slow
def test_prepare(run, toy_set, toy_cache, tmp_path):
    words = ("prepare", toy_set, "--out", tmp_path / "set", "--cache", toy_cache, "--size", 64, "--most", 4)
    status, said, trouble = run(*words)
    assert (status, trouble) == (0, "")
    assert [line.split() for line in said.splitlines()] == [["split", "faces"], ["train", "4"], ["val", "3"]]
    status, said, trouble = run("prepare", tmp_path / "set", "--out", tmp_path / "again")
    assert (status, said, trouble) == (2, "", "The data folder is a prepared set already.\n")


@pytest.mark.parametrize("words", [[], ["faces"], ["faces", "--out", "set", "--size", "0"]])
def test_bad_arguments_of_prepare(run, words):
    status, _, trouble = run("prepare", *words)
    assert status == 2 and "usage:" in trouble
