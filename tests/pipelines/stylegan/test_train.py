"""The recipe of the face generator, on one face and networks that train in no time."""

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
from safetensors.torch import load_file
from torch import nn

from pipelines.__main__ import main
from pipelines.errors import OptionInvalid
from pipelines.jobs import STYLEGAN2
from pipelines.stylegan import train
from pipelines.stylegan.ada import draw_colours
from pipelines.stylegan.stylegan2 import Discriminator, Generator
from pipelines.stylegan.train import CONFIGURATIONS, HalfLife, Options, StyleGAN2Recipe
from pipelines.training.augment import step_generator
from pipelines.training.command import command_line, options_of
from pipelines.training.data import FaceSet
from pipelines.training.loop import Schedule, make_fabric
from pipelines.training.loop import train as run_loop

SIZE = 16
TINY = {
    "resolution": SIZE,
    "z_dim": 12,
    "w_dim": 10,
    "channel_base": 128,
    "channel_max": 16,
    "mapping_layers": 2,
}


@pytest.fixture(autouse=True)
def tiny(monkeypatch) -> str:
    """Name of a network that trains in no time."""
    monkeypatch.setitem(CONFIGURATIONS, "tiny", TINY)
    return "tiny"


@pytest.fixture
def options(tiny) -> Options:
    """A small run with everything in it within a few steps."""
    return Options(network=tiny, batch=4, r1_interval=2, path_interval=3, ada_images=200, ada_target=0.0)


@pytest.fixture(scope="module")
def fabric():
    return make_fabric("cpu", "32-true", 1, 1)


@pytest.fixture(scope="module")
def small_faces(toy_faces) -> tuple[FaceSet, FaceSet]:
    """The toy faces at 16 px."""
    return tuple(
        replace(faces, images=nn.functional.avg_pool2d(faces.images.float(), 64 // SIZE).round().byte())
        for faces in toy_faces
    )


@pytest.fixture
def build(options, fabric, small_faces):
    """``build(**changes) -> recipe`` of :func:`options`, some of them changed."""

    def build(features=None, start=None, command="", **changes) -> StyleGAN2Recipe:
        changed = replace(options, **changes)
        return StyleGAN2Recipe(changed, fabric, *small_faces, features=features, start=start, command=command)

    return build


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    parser.format_help()  # a stray % in a text would raise
    return parser.parse_args(["--data", "faces", "--out", "run", *words])


def leaves(state, name: str = "") -> dict:
    """Name → value of everything in nested dictionaries and lists."""
    if isinstance(state, dict | list | tuple):
        items = state.items() if isinstance(state, dict) else enumerate(state)
        return {key: value for at, part in items for key, value in leaves(part, f"{name}.{at}").items()}
    return {name: state}


def same(one, other) -> bool:
    one, other = leaves(one), leaves(other)
    pairs = ((one[name], other[name]) for name in one)
    return one.keys() == other.keys() and all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in pairs
    )


# --- options --------------------------------------------------------------------------------------------------------


def test_defaults_are_the_papers():
    options = options_of(parse(), Options)
    assert options == Options()
    assert (options.network, options.size, options.batch, options.lr) == ("paper", 256, 32, 2e-3)
    assert (options.beta1, options.beta2, options.r1_interval, options.path_interval) == (0, 0.99, 16, 4)
    assert (options.path_weight, options.path_decay, options.mixing, options.ema) == (2, 0.01, 0.9, 10_000)
    assert (options.ada, options.ada_target, options.ada_images, options.ada_interval) == ("bgc", 0.6, 500_000, 4)
    assert parse().steps * options.batch == 25_000_000
    assert options.r1_weight == pytest.approx(0.0002 * 256**2 / 32)
    assert replace(options, gamma=3.0).r1_weight == 3


def test_named_networks_are_what_they_say():
    def taken(arguments: dict) -> tuple[int, int]:
        with torch.device("meta"):
            networks = (
                Generator(**arguments),
                Discriminator(
                    **{
                        key: value
                        for key, value in arguments.items()
                        if key in ("resolution", "channel_base", "channel_max")
                    }
                ),
            )
        return tuple(sum(value.numel() for value in network.state_dict().values()) for network in networks)

    paper, compact, small = (CONFIGURATIONS[name] for name in ("paper", "compact", "small"))
    assert taken(paper) == taken({"resolution": 256, "channel_base": 32768, "channel_max": 512, "mapping_layers": 8})
    assert compact["resolution"] == 128
    assert 2 * taken(compact)[0] < 16 * 2**20 - 100_000, "fp16 bytes, and the header"
    assert small["resolution"] == 64
    assert max(taken(small)) < 4e6


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"network": "huge"}, "--network must be one of paper, compact, small"),
        ({"batch": 0}, "--batch must be 1 or more"),
        ({"r1_interval": 0}, "--r1-interval must be 1 or more"),
        ({"ema": 0}, "--ema must be 1 or more"),
        ({"ema_ramp": 0.0}, "--ema-ramp must be more than 0"),
        ({"mixing": 1.5}, "--mixing must be a share"),
        ({"path_decay": -0.1}, "--path-decay must be a share"),
        ({"gamma": -1.0}, "--gamma and --path-weight must be 0 or more"),
        ({"ada": "xyz"}, "letters b, g, c"),
    ],
)
def test_options_out_of_range(changes, sentence):
    with pytest.raises(OptionInvalid, match=sentence):
        Options(**changes)


def test_every_option_is_an_argument_with_a_text():
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    actions = {action.dest: action for action in parser._actions}
    for option in fields(Options):
        assert actions[option.name].default == option.default
        assert option.metadata["help"] in actions[option.name].help


def test_the_recorded_command_repeats_the_options():
    words = "--network small --gamma 0.2 --ada none --no-mirrored --ema 5000 --steps 70 --cover 0.97"
    args = parse(*words.split())
    command = command_line(args, STYLEGAN2, options_of(args, Options))
    assert shlex.split(command)[:5] == ["python", "-m", "pipelines", "train", "stylegan2"]
    again = parse(*shlex.split(command)[5:])
    assert options_of(again, Options) == options_of(args, Options)
    assert (again.steps, again.cover) == (70, 0.97)
    assert options_of(args, Options).augmentation().groups == ""


def test_optimizers_allow_for_the_steps_of_the_regularizations(build):
    recipe = build(r1_interval=16, path_interval=4, lr=0.01, beta1=0.5, beta2=0.99)
    for optimizer, share in ((recipe.adam_d, 16 / 17), (recipe.adam_g, 4 / 5)):
        (group,) = optimizer.param_groups
        assert group["lr"] == pytest.approx(0.01 * share)
        assert group["betas"] == pytest.approx((0.5**share, 0.99**share))
    (group,) = build(path_weight=0.0, lr=0.01).adam_g.param_groups
    assert (group["lr"], group["betas"]) == (0.01, (0.0, 0.99))


# --- batches --------------------------------------------------------------------------------------------------------


def test_batches_are_photos_some_mirrored(build):
    recipe = build(batch=6)
    photos = recipe.faces.images.float() / 127.5 - 1
    found = {False: 0, True: 0}
    for step in range(8):
        images = recipe.batch(step, step_generator(0, step))
        assert torch.equal(images, recipe.batch(step, step_generator(0, step)))
        order = recipe.indices(step, 6)
        for image, photo in zip(images, photos[order], strict=True):
            mirrored = not torch.equal(image, photo)
            assert not mirrored or torch.equal(image, photo.flip(2))
            found[mirrored] += 1
    assert min(found.values()) > 12
    plain = build(batch=6, mirrored=False)
    assert torch.equal(plain.batch(3, step_generator(0, 3)), photos[plain.indices(3, 6)])


def test_styles_of_two_latents_are_mixed_in_the_asked_share(build):
    recipe = build(mixing=0.75)
    layers = recipe.generator.num_ws
    first, second, crossing = recipe.latents(2000, step_generator(0, 0))
    assert first.shape == second.shape == (2000, TINY["z_dim"])
    assert not torch.equal(first, second)
    assert (crossing < layers).float().mean().item() == pytest.approx(0.75, abs=0.03)
    assert set(crossing.tolist()) == set(range(1, layers + 1))
    crossing = torch.arange(1, layers + 1)
    with torch.no_grad():
        before = recipe.generator.mapping.w_avg.clone()
        styles = recipe.styles(first[:layers], second[:layers], crossing)
        own = recipe.generator.mapping(first[:layers], track_average=False)
        other = recipe.generator.mapping(second[:layers], track_average=False)
    for row in range(layers):
        assert torch.equal(styles[row, : row + 1], own[row, : row + 1])
        assert torch.equal(styles[row, row + 1 :], other[row, row + 1 :])
    expected = 0.995 * before + 0.005 * own[:, 0].mean(0)
    assert torch.allclose(recipe.generator.mapping.w_avg, expected, atol=1e-7), "only the first enter the average"


# --- losses ---------------------------------------------------------------------------------------------------------


class Squares(nn.Module):
    """A discriminator whose gradient is known: ``sum(weight * x^2)`` has the gradient ``2 weight x``."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.7))

    def forward(self, x):
        return (self.weight * x.square()).sum((1, 2, 3))[:, None]


def test_r1_is_the_squared_norm_of_the_gradient(build):
    recipe = build()
    images = recipe.batch(0, step_generator(0, 0))
    recipe.discriminator = Squares()
    penalty = recipe.gradient_penalty(images, step_generator(0, 0))
    expected = (4 * 0.7**2 * images.square()).sum((1, 2, 3)).mean()
    assert penalty.item() == pytest.approx(expected.item(), rel=1e-5)
    penalty.backward()
    # Twice differentiable: d/dweight of 4 weight^2 |x|^2.
    assert recipe.discriminator.weight.grad.item() == pytest.approx(2 * penalty.item() / 0.7, rel=1e-5)


@pytest.mark.slow
def test_r1_of_the_discriminator_is_the_slope_of_its_steepest_ascent(build):
    recipe, h = build(), 1e-4
    recipe.discriminator.double()
    images = recipe.batch(0, step_generator(0, 0)).double()
    exact = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(recipe.discriminator(exact).sum(), exact)
    slopes = []
    with torch.no_grad():
        for row in range(len(images)):
            ascent = torch.zeros_like(images)
            ascent[row] = gradient[row] / gradient[row].norm()
            up, down = (recipe.discriminator(images + sign * h * ascent).sum() for sign in (1, -1))
            slopes.append((up - down) / (2 * h))
    penalty = recipe.gradient_penalty(images, step_generator(0, 0))
    assert penalty.item() == pytest.approx(torch.stack(slopes).square().mean().item(), rel=1e-3)


def test_r1_goes_through_the_augmentation(build):
    recipe = build(ada="c")
    images = recipe.batch(0, step_generator(0, 0))
    recipe.discriminator = Squares()
    recipe.augment.p = 1.0
    penalty = recipe.gradient_penalty(images, step_generator(0, 5))
    matrices = draw_colours(len(images), 1.0, step_generator(0, 5))
    factors, offset = matrices[..., :3], matrices[..., 3]
    changed = torch.einsum("nij,njhw->nihw", factors, images) + offset[..., None, None]
    gradient = torch.einsum("nij,nihw->njhw", factors, 2 * 0.7 * changed)
    assert penalty.item() == pytest.approx(gradient.square().sum((1, 2, 3)).mean().item(), rel=1e-4)


@pytest.mark.slow
def test_path_lengths_are_those_of_differences(build):
    recipe, h = build(), 1e-4
    synthesis = recipe.generator.double().synthesis
    for name, parameter in synthesis.named_parameters():
        if name.endswith("noise_strength"):
            nn.init.constant_(parameter, 0.3)
    latents = tuple(part[:2] for part in recipe.latents(4, step_generator(0, 0)))
    lengths = recipe.path_lengths(*latents, recipe.noise_generator(7))

    noise = recipe.noise_generator(7)
    with torch.no_grad():
        ws = recipe.styles(*latents)
        drawn = synthesis(ws, generator=noise)
        direction = torch.randn(drawn.shape, generator=noise) / SIZE
        slopes = torch.zeros_like(ws)  # of each face's product with its direction
        for layer in range(ws.shape[1]):
            for feature in range(ws.shape[2]):
                change = torch.zeros_like(ws)
                change[:, layer, feature] = h
                up, down = (synthesis(ws + sign * change, generator=recipe.noise_generator(7)) for sign in (1, -1))
                slopes[:, layer, feature] = ((up - down) * direction).sum((1, 2, 3)) / (2 * h)
    expected = slopes.square().sum(2).mean(1).sqrt()
    assert lengths.tolist() == pytest.approx(expected.tolist(), rel=1e-4)


def test_path_penalty_is_the_distance_from_the_running_mean(build):
    recipe = build(path_decay=0.1)
    lengths = torch.tensor([1.0, 3.0])
    assert recipe.path_penalty(lengths).item() == pytest.approx((0.8**2 + 2.8**2) / 2)
    assert recipe.path_mean.item() == pytest.approx(0.2)
    recipe.path_penalty(lengths)
    assert recipe.path_mean.item() == pytest.approx(0.2 + 0.1 * 1.8)


def test_losses_are_the_non_saturating_ones(build):
    recipe = build(ada="none")
    real, fake = torch.full((4, 3, SIZE, SIZE), 0.1), torch.full((4, 3, SIZE, SIZE), -0.2)
    recipe.discriminate = lambda images: images.mean((1, 2, 3))[:, None] * 10
    found = recipe.discriminator_losses(real, fake, step_generator(0, 0))
    expected = np.log1p(np.exp(-1.0)) + np.log1p(np.exp(-2.0))
    assert found["discriminator"].item() == pytest.approx(expected, rel=1e-5)
    assert found["sign"].item() == 1
    assert recipe.discriminator_losses(fake, real, step_generator(0, 0))["sign"].item() == -1


@pytest.mark.slow
def test_regularizations_come_at_their_steps_with_their_weights(build, monkeypatch):
    recipe = build(gamma=3.0, r1_interval=2, path_interval=3, path_weight=5.0)
    updates = []
    plain = recipe.update
    monkeypatch.setattr(
        recipe, "update", lambda optimizer, loss: updates.append((optimizer, loss)) or plain(optimizer, loss)
    )
    monkeypatch.setattr(recipe, "gradient_penalty", lambda *_: recipe.discriminator.b4.out.bias.sum() * 0 + 0.25)
    monkeypatch.setattr(recipe, "path_penalty", lambda _: recipe.generator.synthesis.b4.const.sum() * 0 + 0.5)
    for step, (r1, path) in enumerate([(True, True), (False, False), (True, False), (False, True)]):
        updates.clear()
        recipe.step(step)
        wanted = [recipe.adam_d, *[recipe.adam_d] * r1, recipe.adam_g, *[recipe.adam_g] * path]
        assert [optimizer for optimizer, _ in updates] == wanted
        if r1:
            assert updates[1][1].item() == pytest.approx(3 / 2 * 2 * 0.25)
        if path:
            assert updates[-1][1].item() == pytest.approx(5 * 3 * 0.5)
    assert build(path_weight=0.0).step(0).keys() == recipe.step(0).keys()


# --- steps ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_step_trains_both_networks_and_moves_the_averages(build):
    recipe = build()
    networks = {"generator": recipe.generator, "discriminator": recipe.discriminator}
    before = {name: leaves(network.state_dict()) for name, network in networks.items()}
    before = {name: {key: value.clone() for key, value in state.items()} for name, state in before.items()}
    figures = [recipe.step(step) for step in range(4)]
    assert all(torch.isfinite(value) for found in figures for value in found.values())
    for name, network in networks.items():
        still = [key for key, value in leaves(network.state_dict()).items() if torch.equal(value, before[name][key])]
        assert all("resample_filter" in key or "noise_const" in key for key in still), still
        assert all(parameter.requires_grad for parameter in network.parameters())
    assert recipe.average.shadow["mapping.w_avg"].abs().max() > 0
    assert recipe.path_mean > 0 and recipe.r1 > 0
    assert figures[-1]["path_length"] == recipe.path_mean and figures[-1]["r1"] == recipe.r1


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "expected"), [(1.0, 4 * 4 / 200), (-1.0, 0.0)])
def test_augmentation_follows_the_signs_of_photos(build, monkeypatch, sign, expected):
    recipe = build(ada_interval=4)
    monkeypatch.setattr(recipe, "discriminate", lambda images: recipe.discriminator(images) * 0 + sign)
    for step in range(4):
        figures = recipe.step(step)
    assert recipe.augment.p == pytest.approx(expected)
    assert figures["augmentation"].item() == pytest.approx(expected)
    assert figures["sign"].item() == sign


def test_average_has_the_asked_half_life():
    module = nn.Linear(1, 1, bias=False)
    nn.init.ones_(module.weight)
    average = HalfLife(module, 0.5 ** (4 / 100), 0.05)  # of 25 steps, once 500 have passed
    nn.init.zeros_(module.weight)
    for step in range(1000, 1025):
        average.update(step)
    assert average.shadow["weight"].item() == pytest.approx(0.5, rel=1e-4)
    assert average.decay_at(0) < 1e-5, "the first step is forgotten at once"
    assert average.decay_at(99) == pytest.approx(0.5 ** (1 / 5))


@pytest.mark.slow
def test_it_learns_the_photos_colour(build):
    recipe = build(batch=8, lr=0.01, ada="none", path_weight=0.0)
    colour = torch.tensor([200, 40, 90], dtype=torch.uint8).view(1, 3, 1, 1)
    recipe.faces = replace(recipe.faces, images=colour.expand(6, 3, SIZE, SIZE).contiguous())

    def distance() -> float:
        with torch.no_grad():
            drawn = recipe.averaged()(torch.randn(32, TINY["z_dim"], generator=step_generator(1, 1)))
        return (drawn - (colour.float() / 127.5 - 1)).mean((2, 3)).abs().mean().item()

    recipe.step(0)
    before = distance()
    for step in range(1, 120):
        recipe.step(step)
    assert distance() < 0.5 * before


@pytest.mark.slow
def test_a_stopped_run_ends_in_the_same_state(build, fabric, tmp_path, options):
    def run(recipe: StyleGAN2Recipe, folder: str) -> bool:
        return run_loop(fabric, recipe, Schedule(7, 4), tmp_path / folder, asdict(options))

    whole, first, second = build(), build(), build()
    assert run(whole, "whole")
    plain = first.step

    def stopping(step: int):
        figures = plain(step)
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return figures

    first.step = stopping
    assert not run(first, "parts")
    assert first.augment.signs, "it stops between two changes of the augmentation"
    assert run(second, "parts")
    assert same(whole.state(), second.state())
    assert not same(whole.state(), first.state())
    assert whole.augment.p > 0, "augmentation took part"


@pytest.mark.slow
def test_a_run_starts_from_weights_or_from_another_run(build, fabric, tmp_path, options):
    recipe = build()
    run_loop(fabric, recipe, Schedule(2, 4), tmp_path, asdict(options))
    again = build(start=tmp_path / "last.ckpt", seed=5)
    assert same(again.generator.state_dict(), recipe.average.shadow)
    assert same(again.discriminator.state_dict(), recipe.discriminator.state_dict())
    again = build(start=tmp_path / "weights.safetensors", seed=5)
    half = {name: value.half().float() for name, value in recipe.average.shadow.items()}
    assert same(again.generator.state_dict(), half)


# --- what a run leaves ----------------------------------------------------------------------------------------------


class Means(nn.Module):
    """Features of a picture: its mean colours."""

    num_features = 3

    def forward(self, pictures):
        return pictures.mean((2, 3))


@pytest.mark.slow
def test_sample_sheet_and_weights(build, tmp_path):
    recipe = build(command="python -m pipelines train stylegan2")
    for step in range(6):
        recipe.step(step)
    assert recipe.sample(17, tmp_path) == {}, "no features, no figure"
    sheet = cv2.imread(str(tmp_path / "samples-0000017.png"))[..., ::-1]
    assert sheet.shape == (8 * SIZE, 8 * SIZE, 3)
    with safe_open(tmp_path / "weights.safetensors", "pt") as file:
        about = file.metadata()
    assert (about["network"], about["steps"]) == ("stylegan2", "17")
    assert about["command"] == "python -m pipelines train stylegan2"
    state = load_file(tmp_path / "weights.safetensors")
    assert all(torch.equal(value, recipe.average.shadow[name].half()) for name, value in state.items())
    network = Generator(**json.loads(about["architecture"])).eval()
    network.load_state_dict(state)  # names and shapes fit, noise and average among them

    z = torch.randn(8, TINY["z_dim"], generator=torch.Generator().manual_seed(recipe.options.seed))
    for row, truncation in ((0, 0.7), (4, 1.0)):
        with torch.no_grad():
            drawn = network(z, truncation_psi=truncation, noise_mode="const").clamp(-1, 1)
        shown = sheet[row * SIZE : (row + 1) * SIZE].reshape(SIZE, 8, SIZE, 3).transpose(1, 3, 0, 2)
        assert np.abs((drawn.numpy() + 1) * 127.5 - shown).max() < 3
    assert np.abs(sheet[: 4 * SIZE].astype(int) - sheet[4 * SIZE :]).mean() > 0.1, "truncation shows"

    with safe_open(tmp_path / "discriminator.safetensors", "pt") as file:
        about = file.metadata()
    assert about["network"] == "stylegan2-discriminator"
    judge = Discriminator(**json.loads(about["architecture"]))
    judge.load_state_dict(load_file(tmp_path / "discriminator.safetensors"))


@pytest.mark.slow
def test_sampling_changes_nothing_and_repeats(build, tmp_path):
    recipe = build(features=Means(), batch=2)  # three validation faces: one stays for a batch of its own
    recipe.step(0)
    before = {name: value.clone() for name, value in leaves(recipe.state()).items() if isinstance(value, torch.Tensor)}
    figures = recipe.sample(1, tmp_path)
    assert recipe.sample(1, tmp_path) == figures
    after = leaves(recipe.state())
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_validation_figure_is_the_distance_of_drawn_faces_from_the_validation_faces(build, tmp_path, monkeypatch):
    recipe = build(features=Means(), batch=2)
    images = recipe.validation.images.float() / 127.5 - 1
    taken = [images]

    class Copying(Generator):
        """Draws the validation faces, or them shifted."""

        def forward(self, z, **_):
            return taken[0][: len(z)] if len(z) <= 2 else taken[0][:1].expand(len(z), -1, -1, -1)

    monkeypatch.setattr(train, "Generator", Copying)
    white = torch.full_like(images, 0.5)
    recipe.validation = replace(recipe.validation, images=((white + 1) * 127.5).round().byte())
    taken[0] = white
    near = recipe.sample(1, tmp_path)[train.VALIDATION_FRECHET]
    taken[0] = white - 1
    far = recipe.sample(1, tmp_path)[train.VALIDATION_FRECHET]
    assert near == pytest.approx(0, abs=1e-3)
    assert far == pytest.approx(3, rel=0.02), "three mean colours, each 1 away, no spread"


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_trains_from_end_to_end(toy_set, toy_cache, tiny, tmp_path, capsys):
    words = [
        *("train", "stylegan2", "--steps", "2", "--device", "cpu", "--sample-every", "1", "--network", tiny),
        *("--data", str(toy_set), "--cache", str(toy_cache), "--batch", "4", "--out", str(tmp_path / "run")),
    ]
    assert main(words) == 0
    run = tmp_path / "run"
    assert {path.name for path in run.iterdir()} == {
        *("last.ckpt", "log.csv", "samples-0000001.png", "samples-0000002.png"),
        *("weights.safetensors", "discriminator.safetensors"),
    }
    log = (run / "log.csv").read_text()
    for name in ("discriminator", "generator", "sign", "r1", "path_length", "augmentation"):
        assert f",{name}," in log
    with safe_open(run / "weights.safetensors", "pt") as file:
        about = file.metadata()
    assert json.loads(about["architecture"]) == TINY
    assert str(tmp_path) not in about["command"]
    assert options_of(parse(*shlex.split(about["command"])[5:]), Options) == options_of(parse(*words[2:]), Options)
    assert capsys.readouterr().out == ""

    assert main(words) == 0  # finished: nothing more to do
    assert (run / "log.csv").read_text() == log
    assert main([*words, "--ema", "7"]) == 2
    assert "other settings (ema)" in capsys.readouterr().err
    assert main([*words, "--loss-weights", str(tmp_path), "--out", str(tmp_path / "other")]) == 2
    assert "loss network alexnet is not on this machine" in capsys.readouterr().err
