import argparse
import json
import os
import shlex
import signal
from dataclasses import asdict, fields, replace

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pipelines.__main__ import main
from pipelines.cleft_inpainting import train
from pipelines.cleft_inpainting.network import CONFIGURATIONS, INCLG, Inpainting, predict
from pipelines.cleft_inpainting.train import CleftInpaintingRecipe, Options
from pipelines.errors import OptionInvalid, WeightsCorrupt, WeightsMissing
from pipelines.training.augment import points_68
from pipelines.training.command import command_line, options_of
from pipelines.training.loop import Schedule, make_fabric
from pipelines.training.loop import train as run_loop
from pipelines.training.recipe import VALIDATION_L1, export

pytestmark = pytest.mark.slow

SIZE = 64


@pytest.fixture
def options(tiny) -> Options:
    """A small run with every loss."""
    return Options(
        network=tiny,
        size=SIZE,
        batch=2,
        lr=1e-3,
        style=10.0,
        lpips=1.0,
        adversarial=0.1,
        loss_network="squeezenet",
        discriminator_width=8,
    )


@pytest.fixture(scope="module")
def fabric():
    return make_fabric("cpu", "32-true", 1, 1)


@pytest.fixture
def build(options, fabric, toy_faces):
    """``build(**changes) -> recipe`` of :func:`options`, some of them changed."""

    def build(start=None, command="", **changes) -> CleftInpaintingRecipe:
        return CleftInpaintingRecipe(replace(options, **changes), fabric, *toy_faces, start=start, command=command)

    return build


def copies(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return parser.parse_args(["--data", "faces", "--out", "run", *words])


def test_defaults_are_the_papers_and_its_codes():
    options = options_of(parse(), Options)
    assert options == Options()
    assert (options.network, options.size, options.batch, options.gan) == ("paper", 256, 4, "least-squares")
    assert (options.lr, options.lr_decay, options.lr_every) == (2.92e-4, 0.78, 20_000)
    assert (options.discriminator_lr, options.beta1, options.beta2) == (0.1, 0.0, 0.9)
    assert parse().steps == 130_000
    assert options.loss_weights() == {
        "pixel": 1,
        "perceptual": 0.1,
        "style": 250,
        "lpips": 0,
        "adversarial": 0.01,
        "total_variation": 0.1,
        "landmark": 4.6e-4,
    }
    assert options.loss_network == "vgg19"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"network": "huge"}, "--network must be one of paper, medium, medium-joined, medium-finish, compact"),
        ({"gan": "wasserstein"}, "--gan must be one of least-squares, hinge"),
        ({"loss_network": "resnet"}, "--loss-network must be one of vgg19"),
        ({"batch": 0}, "--batch must be 1 or more"),
        ({"lr_every": 0}, "--lr-every must be 1 or more"),
        ({"size": 100, "network": "compact"}, "--size must be a multiple of 8"),
        ({"size": 16}, "32 or more"),
        ({"irregular": 1.2}, "--irregular must be a number from 0 to 1"),
        ({"pieces": 40.0}, "--pieces must be a number from 0 to 1"),
        ({"surroundings": -0.1}, "--surroundings must be a number from 0 to 1"),
        ({"walls": 2.0}, "--walls must be a number from 0 to 1"),
        ({"balance": 1.5}, "--balance must be a number from 0 to 1"),
        ({"pieces": float("nan")}, "--pieces must be a number from 0 to 1"),
        ({"extents": "1,2"}, "--extents needs 3 numbers"),
        ({"extents": "1,2,x"}, "--extents needs 3 numbers"),
        ({"extents": "0,0,0"}, "not all of them 0"),
        ({"extents": "1,-1,1"}, "0 or more"),
        ({"extents": "1,nan,1"}, "0 or more"),
    ],
)
def test_options_out_of_range(changes, sentence):
    with pytest.raises(OptionInvalid, match=sentence):
        Options(**changes)


def test_the_recorded_command_repeats_the_options():
    words = "--network compact --lr 5e-4 --style 0 --gan hinge --extents 1,0,1 --seed 3 --steps 70 --precision 32-true"
    args = parse(*words.split(), "--start", "secret.safetensors", "--loss-weights", "private")
    command = command_line(args, "cleft-inpainting", options_of(args, Options))
    head, rest = shlex.split(command)[:5], shlex.split(command)[5:]
    assert head[:5] == ["python", "-m", "pipelines", "train", "cleft-inpainting"]
    again = parse(*rest)
    assert options_of(again, Options) == options_of(args, Options)
    assert (again.steps, again.precision) == (70, "32-true")
    assert "--batch" not in command
    assert not any(word in command for word in ("faces", "run", "secret", "private"))


def test_batches_repeat_with_seed_and_step(build):
    recipe, again, other = build(), build(), build(seed=1)
    image, points, hole, shown = recipe.batch(5)
    assert image.shape == (2, 3, SIZE, SIZE) and image.abs().max() <= 1
    assert points.shape == (2, 68, 2) and ((points > -0.2) & (points < 1.2)).all()
    assert hole.shape == (2, 1, SIZE, SIZE) and set(hole.unique().tolist()) == {0.0, 1.0}
    assert shown is image or torch.equal(shown, image)
    assert all(torch.equal(a, b) for a, b in zip(recipe.batch(5), again.batch(5), strict=True))
    assert not torch.equal(image, recipe.batch(6)[0])
    assert not torch.equal(image, other.batch(5)[0])


def test_a_network_of_faces_is_shown_faces(build, monkeypatch):
    monkeypatch.setitem(CONFIGURATIONS, "tiny", {**CONFIGURATIONS["tiny"], "view": "joined"})
    recipe = build(surroundings=0.0, walls=0.0, irregular=0.0, extents="1,0,0")
    image, _, hole, shown = recipe.batch(3)
    outside = hole == 0
    assert 0.2 < (image != shown)[outside.expand_as(image)].float().mean() < 0.95
    whole = build(surroundings=1.0, walls=0.0, irregular=0.0, extents="1,0,0").batch(3)
    assert torch.equal(whole[0], whole[3])
    assert torch.equal(whole[0], image), "the truth is the same photo"


def test_rare_faces_are_shown_more_often(build, monkeypatch):
    rare = {"tone": np.array([0, 1, 1, 1, 1, 1])}
    monkeypatch.setattr(train, "groups", lambda faces: {"tone": rare["tone"][: len(faces)]})
    recipe = build(balance=1.0)
    shown = torch.cat([recipe.indices(step, 2) for step in range(50)])
    assert (shown == 0).float().mean() > 1.5 / len(recipe.faces)
    plain = build()
    assert plain.epoch.tolist() == list(range(len(plain.faces)))


def test_pieces_hide_less_than_outlines(build):
    def hidden(pieces: float) -> float:
        recipe = build(pieces=pieces, irregular=0.0)
        return sum(recipe.batch(step)[2].mean().item() for step in range(20))

    assert hidden(1.0) < 0.8 * hidden(0.0)


def test_every_epoch_shows_every_face_once(build):
    recipe = build(batch=4)  # of six faces: epochs end inside batches
    shown = torch.cat([recipe.indices(step, 4) for step in range(9)]).view(6, 6)
    assert torch.equal(shown.sort(1).values, torch.arange(6).repeat(6, 1))
    assert len({tuple(epoch.tolist()) for epoch in shown}) > 1


def test_a_step_trains_both_networks(build):
    recipe = build()
    generator, discriminator = copies(recipe.generator), copies(recipe.discriminator)
    figures = recipe.step(0)
    wanted = {"pixel", "landmark", "total_variation", "perceptual", "style", "lpips", "adversarial", "discriminator"}
    assert set(figures) == wanted
    assert all(torch.isfinite(value) and not value.requires_grad for value in figures.values())
    for before, network in ((generator, recipe.generator), (discriminator, recipe.discriminator)):
        moved = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
        assert len(moved) > 0.8 * len(before)
        assert all(p.requires_grad for p in network.parameters())


def test_the_discriminator_learns_from_its_own_loss_only(build):
    recipe = build()
    passes = []
    first = next(recipe.discriminator.parameters())
    first.register_hook(lambda gradient: passes.append(gradient))
    recipe.step(0)
    recipe.step(1)
    assert len(passes) == 2


def test_adversarial_loss_waits_for_its_step(build):
    recipe = build(adversarial_from=1)
    before = copies(recipe.discriminator)
    assert "adversarial" not in recipe.step(0)
    assert all(torch.equal(value, before[name]) for name, value in recipe.discriminator.named_parameters())
    assert {"adversarial", "discriminator"} <= set(recipe.step(1))


def test_losses_of_weight_zero_cost_nothing(build):
    found, _ = (recipe := build(style=0.0, lpips=0.0)).losses(*recipe.batch(0))
    assert set(found) == {"pixel", "landmark", "total_variation", "perceptual"}
    recipe = build(style=0.0, lpips=0.0, perceptual=0.0)
    recipe.loss_network = None  # a call would raise
    found, composite = recipe.losses(*(batch := recipe.batch(0)))
    assert set(found) == {"pixel", "landmark", "total_variation"}
    image, _, hole, _ = batch
    known = (hole == 0).expand_as(image)
    assert torch.equal(composite[known], image[known]), "what is known is not repainted"


def test_training_lowers_the_losses_of_a_batch(build):
    recipe = build(adversarial=0.0, lr=1e-3, landmark=0.01)
    batch = recipe.batch(0)
    recipe.batch = lambda step: batch
    figures = [recipe.step(step) for step in range(25)]
    assert figures[-1]["pixel"] < 0.8 * figures[0]["pixel"]
    # So fast a step overshoots now and then, and rounding says when.
    assert sum(figure["landmark"] for figure in figures[-5:]) / 5 < 0.9 * figures[0]["landmark"]


def test_learning_rates_rise_and_decay(build):
    recipe = build(warm_up=4, lr=1e-3, lr_decay=0.5, lr_every=10, discriminator_lr=0.2)

    def rates(step: int) -> tuple[float, float]:
        recipe.set_rates(step)
        return recipe.adam_g.param_groups[0]["lr"], recipe.adam_d.param_groups[0]["lr"]

    assert rates(0) == pytest.approx((2.5e-4, 5e-5))
    assert rates(3) == pytest.approx((1e-3, 2e-4))
    assert rates(9) == pytest.approx((1e-3, 2e-4))
    assert rates(10) == pytest.approx((5e-4, 1e-4))
    assert rates(25) == pytest.approx((2.5e-4, 5e-5))


def test_a_stopped_run_ends_with_the_same_weights(build, fabric, tmp_path, options):
    def run(recipe: CleftInpaintingRecipe, folder: str) -> bool:
        return run_loop(fabric, recipe, Schedule(5, 2), tmp_path / folder, asdict(options))

    whole, first, second = build(), build(), build()
    assert run(whole, "whole")
    plain = first.step

    def stopping(step: int):
        figures = plain(step)
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return figures

    first.step = stopping
    assert not run(first, "parts")
    assert run(second, "parts")
    for name in ("generator", "discriminator"):
        states = getattr(whole, name).state_dict(), getattr(second, name).state_dict()
        assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
        assert not all(torch.equal(value, getattr(first, name).state_dict()[key]) for key, value in states[0].items())
    assert all(torch.equal(value, second.average.shadow[key]) for key, value in whole.average.shadow.items())
    files = [load_file(tmp_path / folder / "weights.safetensors") for folder in ("whole", "parts")]
    assert all(torch.equal(value, files[1][key]) for key, value in files[0].items())


def test_samples_are_a_sheet_weights_and_figures(build, tmp_path):
    recipe = build(command="python -m pipelines train cleft-inpainting --seed 0")
    recipe.step(0)
    figures = recipe.sample(1, tmp_path)
    assert set(figures) == {VALIDATION_L1, train.VALIDATION_LANDMARK}
    sheet = cv2.imread(str(tmp_path / "samples-0000001.png"))
    assert sheet.shape == (3 * SIZE, 4 * SIZE, 3)  # three faces; given, composite, drawn, true
    rows = sheet.reshape(3, SIZE, 4, SIZE, 3).transpose(0, 2, 1, 3, 4).astype(int)
    truth = recipe.validation.images.permute(0, 2, 3, 1).numpy()[..., ::-1].astype(int)
    assert np.abs(rows[:, 3] - truth).max() <= 1
    given_equals_truth = (np.abs(rows[:, 0] - rows[:, 3]) <= 1).all(3)
    assert 0.2 < given_equals_truth.mean() < 1, "part of the picture is hidden"
    known = given_equals_truth & (rows[:, 0] != 128).any(3)
    assert (np.abs(rows[:, 1] - rows[:, 3])[known] <= 1).all(), "the composite keeps what is known"
    assert recipe.sample(1, tmp_path) == figures
    state = load_file(tmp_path / "weights.safetensors")
    assert all(torch.equal(value, recipe.average.shadow[name].half()) for name, value in state.items())


def test_validation_figures_are_what_they_say(build, tmp_path, monkeypatch):
    recipe = build()
    truth = points_68(recipe.validation.meshes)
    seen = []

    class Grey(INCLG):
        """Paints grey over white photos and puts every landmark three and four pixels off."""

        def predict(self, image, hole, face):
            assert face.shape == hole.shape and 0 < face.mean() < 1
            seen.append(hole)
            rows = slice(sum(len(h) for h in seen[:-1]), sum(len(h) for h in seen))
            return Inpainting(torch.zeros_like(image), truth[rows] + torch.tensor([3, -4]) / SIZE)

    monkeypatch.setattr(train, "INCLG", Grey)
    recipe.validation = replace(recipe.validation, images=torch.full_like(recipe.validation.images, 255))
    figures = recipe.sample(7, tmp_path)
    assert figures[VALIDATION_L1] == pytest.approx(127.5, rel=1e-4)
    assert figures[train.VALIDATION_LANDMARK] == pytest.approx(5, rel=1e-4)
    assert sum(len(hole) for hole in seen) == 3
    assert all((hole.sum((1, 2, 3)) > 0).all() for hole in seen)


def test_exported_weights_say_what_they_are(options, tmp_path):
    torch.manual_seed(0)
    state = INCLG(**CONFIGURATIONS["tiny"]).state_dict()
    path = tmp_path / "weights.safetensors"
    export(state, "inclg", CONFIGURATIONS["tiny"], 17, "python -m pipelines train cleft-inpainting", path)
    assert [file.name for file in tmp_path.iterdir()] == ["weights.safetensors"]
    with safe_open(path, "pt") as file:
        about = file.metadata()
    assert about["network"] == "inclg"
    assert about["steps"] == "17"
    assert about["command"] == "python -m pipelines train cleft-inpainting"
    network = INCLG(**json.loads(about["architecture"]))
    read = load_file(path)
    assert all(value.dtype == torch.float16 for value in read.values())
    network.load_state_dict(read)  # names and shapes fit
    assert all(torch.equal(read[name], value.half()) for name, value in state.items())
    image, hole = torch.rand(1, 3, SIZE, SIZE), torch.zeros(1, 1, SIZE, SIZE)
    hole[..., 30:50, 20:40] = 1
    original = INCLG(**CONFIGURATIONS["tiny"])
    original.load_state_dict(state)
    with torch.no_grad():
        assert torch.allclose(network(image, hole).image, original(image, hole).image, atol=0.02)


def test_starts_from_given_weights(build, options, tmp_path):
    torch.manual_seed(9)
    state = INCLG(**CONFIGURATIONS["tiny"]).state_dict()
    export(state, "inclg", CONFIGURATIONS["tiny"], 1, "", tmp_path / "start.safetensors")
    recipe = build(start=tmp_path / "start.safetensors")
    assert all(torch.equal(value, state[name].half().float()) for name, value in recipe.generator.state_dict().items())
    assert all(torch.equal(value, recipe.average.shadow[name]) for name, value in recipe.generator.state_dict().items())


def test_a_last_layer_may_be_new_to_the_weights(build, tmp_path, monkeypatch):
    torch.manual_seed(9)
    old = INCLG(**CONFIGURATIONS["tiny"])
    export(old.state_dict(), "inclg", CONFIGURATIONS["tiny"], 1, "", tmp_path / "start.safetensors")
    monkeypatch.setitem(CONFIGURATIONS, "tiny", {**CONFIGURATIONS["tiny"], "finish": 4})
    recipe = build(start=tmp_path / "start.safetensors")
    state = recipe.generator.state_dict()
    assert all(torch.equal(state[name], value.half().float()) for name, value in old.state_dict().items())
    assert not state["finish.add.weight"].any()


def test_starts_from_another_runs_checkpoint_with_its_discriminator(build, fabric, options, tmp_path):
    first = build(adversarial_from=0)
    run_loop(fabric, first, Schedule(2, 2), tmp_path, asdict(options))
    second = build(start=tmp_path / "last.ckpt", seed=1)
    assert all(torch.equal(value, first.average.shadow[name]) for name, value in second.generator.state_dict().items())
    trained = first.discriminator.state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in second.discriminator.state_dict().items())
    assert not second.adam_g.state_dict()["state"]


def test_begins_at_the_mean_face(build):
    recipe = build()
    _, _, hole, shown = recipe.batch(0)
    mean = points_68(recipe.faces.meshes).mean(0)
    assert (recipe.generator(shown, hole).landmarks - mean).abs().max() < 0.1


def test_weights_that_cannot_be_started_from(build, tmp_path):
    with pytest.raises(WeightsMissing, match="--start"):
        build(start=tmp_path / "gone.safetensors")
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsCorrupt, match="another network"):
        build(start=tmp_path / "other.safetensors")
    torch.save({"step": 3}, tmp_path / "other.ckpt")
    with pytest.raises(WeightsCorrupt, match="another network"):
        build(start=tmp_path / "other.ckpt")
    (tmp_path / "damaged.ckpt").write_bytes(b"PK")
    with pytest.raises(WeightsCorrupt, match="no checkpoint"):
        build(start=tmp_path / "damaged.ckpt")


def test_a_batch_must_be_shared_out_evenly(build, fabric, monkeypatch):
    monkeypatch.setattr(type(fabric), "world_size", 3)
    with pytest.raises(OptionInvalid, match="multiple of the number of processes"):
        build()


def test_each_process_takes_its_own_part_of_the_batch(build, fabric, monkeypatch):
    recipe = build(batch=4)
    whole = recipe.batch(0)
    monkeypatch.setattr(type(fabric), "world_size", 2)
    parts = []
    for rank in (0, 1):
        monkeypatch.setattr(type(fabric), "global_rank", rank)
        parts.append(recipe.batch(0))
    for index in range(3):
        assert torch.equal(torch.cat([part[index] for part in parts]), whole[index])


@pytest.fixture
def words(toy_set, toy_cache, loss_folder, tiny, tmp_path) -> list[str]:
    """A command that trains two steps on toy data, in bfloat16 as the default is."""
    small = f"--network {tiny} --size {SIZE} --batch 2 --loss-network squeezenet --discriminator-width 8 --style 1"
    return [
        *("train", "cleft-inpainting", "--steps", "2", "--device", "cpu", "--sample-every", "1", "--lpips", "1"),
        *("--data", str(toy_set), "--cache", str(toy_cache), "--loss-weights", str(loss_folder)),
        *("--out", str(tmp_path / "run"), *small.split()),
    ]


def test_the_command_trains_from_end_to_end(words, tmp_path, capsys, toy_faces):
    assert main(words) == 0
    run = tmp_path / "run"
    made = {path.name for path in run.iterdir()}
    assert made == {
        "last.ckpt",
        "log.csv",
        "samples-0000001.png",
        "samples-0000002.png",
        "weights.safetensors",
    }
    log = (run / "log.csv").read_text()
    assert "1," in log and "validation_l1" in log and "discriminator" in log
    with safe_open(run / "weights.safetensors", "pt") as file:
        about = file.metadata()
    assert json.loads(about["architecture"]) == CONFIGURATIONS["tiny"]
    assert str(tmp_path) not in about["command"]
    repeated = parse(*shlex.split(about["command"])[5:])
    given = parse(*words[2:])
    assert options_of(repeated, Options) == options_of(given, Options)
    assert capsys.readouterr().out == ""

    assert main(words) == 0  # finished: nothing more to do
    assert (run / "log.csv").read_text() == log
    assert main([*words, "--seed", "1"]) == 2
    assert "other settings (seed)" in capsys.readouterr().err


def test_the_command_says_what_is_missing(words, tmp_path, capsys, monkeypatch):
    assert main([*words, "--data", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "The data folder does not exist."
    assert main([*words, "--checkpoint-every", "0"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("must be 1 or more.")
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    at = words.index("--loss-weights")
    assert main(words[:at] + words[at + 2 :]) == 2  # the weights folder is where loss networks lie
    assert "python -m pipelines weights get squeezenet1_1" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_every_option_is_an_argument_with_a_text():
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    actions = {action.dest: action for action in parser._actions}
    for option in fields(Options):
        assert actions[option.name].default == option.default
        assert option.metadata["help"] in actions[option.name].help
    parser.format_help()  # a stray % in a text would raise


def test_mirrored_training_trains_what_is_used(build, tmp_path):
    recipe = build(mirrored=True)
    image, points, hole, shown = recipe.batch(0)
    found, composite = recipe.losses(image, points, hole, shown)
    wanted = image * (1 - hole) + predict(recipe.generator, image, hole).image * hole
    assert torch.allclose(composite, wanted, atol=1e-5)
    mirrored = recipe.answer(recipe.generator, image.flip(3), hole.flip(3))
    assert torch.allclose(mirrored.image.flip(3), recipe.answer(recipe.generator, image, hole).image, atol=1e-4)
    assert {"pixel", "landmark"} <= set(found)
    assert set(recipe.sample(1, tmp_path)) == {VALIDATION_L1, train.VALIDATION_LANDMARK}


def test_switches_are_repeated_by_the_recorded_command():
    args = parse("--mirrored")
    command = command_line(args, "cleft-inpainting", options_of(args, Options))
    assert command.endswith(" --mirrored")
    assert options_of(parse(*shlex.split(command)[5:]), Options).mirrored
