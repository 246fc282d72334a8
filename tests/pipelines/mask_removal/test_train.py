import argparse
import json
import math
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

from pipelines.__main__ import main
from pipelines.errors import DataUnreadable, OptionInvalid, WeightsUnknown
from pipelines.faces.points import MIRROR_68
from pipelines.jobs import MASK_REMOVAL
from pipelines.mask_removal import train
from pipelines.mask_removal.network import CONFIGURATIONS, MaskRemoval, MaskRemovalNetwork, predict
from pipelines.mask_removal.synthesis.silhouettes import read_silhouettes
from pipelines.mask_removal.train import MaskRemovalRecipe, Options
from pipelines.training import losses
from pipelines.training.augment import step_generator
from pipelines.training.command import command_line, options_of
from pipelines.training.loop import Schedule, make_fabric
from pipelines.training.loop import train as run_loop
from pipelines.training.recipe import VALIDATION_L1

pytestmark = pytest.mark.slow

SIZE = 64
MOUTH = slice(48, 68)


@pytest.fixture
def options(tiny) -> Options:
    """A small run with every loss."""
    return Options(
        network=tiny,
        size=SIZE,
        batch=4,
        lr=1e-3,
        style=10.0,
        lpips=1.0,
        loss_network="squeezenet",
        discriminator_width=8,
    )


@pytest.fixture(scope="module")
def fabric():
    return make_fabric("cpu", "32-true", 1, 1)


@pytest.fixture
def build(options, fabric, toy_faces):
    """``build(**changes) -> recipe`` of :func:`options`, some of them changed."""

    def build(start=None, command="", silhouettes=None, **changes) -> MaskRemovalRecipe:
        changed = replace(options, **changes)
        return MaskRemovalRecipe(changed, fabric, *toy_faces, silhouettes=silhouettes, start=start, command=command)

    return build


@pytest.fixture
def light(build):
    """As :func:`build`, without the losses that take time."""

    def light(**changes) -> MaskRemovalRecipe:
        return build(**{"perceptual": 0.0, "style": 0.0, "lpips": 0.0, **changes})

    return light


def copies(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return parser.parse_args(["--data", "faces", "--out", "run", *words])


# --- options --------------------------------------------------------------------------------------------------------


def test_defaults_are_the_papers_and_its_codes():
    args = parse()
    options = options_of(args, Options)
    assert options == Options()
    assert args.mask_templates is None
    assert (options.network, options.size, options.gan, options.initialization) == ("paper", 256, "hinge", "kaiming")
    assert options.loss_network == "vgg19"
    assert (options.lr, options.lr * options.discriminator_lr, options.beta1) == (1e-4, 4e-4, 0.5)
    assert args.steps == options.lr_constant + options.lr_fall
    # Ten epochs of FFHQ's 70,000 photos and five more; half of a batch are photos.
    assert options.lr_constant * options.batch / 2 == pytest.approx(10 * 70_000, rel=1e-4)
    assert options.lr_fall * options.batch / 2 == pytest.approx(5 * 70_000, rel=1e-4)
    assert (options.temperature, options.hole, options.raw, options.hue) == (0.1, 1, 1, 180)
    assert options.loss_weights() == {
        "reconstruction": 1,
        "coarse": 1,
        "perceptual": 0.05,
        "style": 40,
        "lpips": 0,
        "adversarial": 0.1,
        "total_variation": 1,
        "contrastive": 1,
        "identity": 0,
    }
    assert options.draft == "" and not any(asdict(options.day()).values())
    assert not any((options.below_nose, options.spill, options.shadow, options.straps))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"network": "huge"}, "--network must be one of paper, medium, compact"),
        ({"initialization": "zeros"}, "--initialization must be one of kaiming, normal, xavier, orthogonal"),
        ({"gan": "wasserstein"}, "--gan must be one of least-squares, hinge"),
        ({"loss_network": "resnet"}, "--loss-network must be one of vgg19"),
        ({"batch": 0}, "--batch must be 1 or more"),
        ({"batch": 5}, "--batch must be even"),
        ({"lr_constant": 0}, "--lr-constant must be 1 or more"),
        ({"lr_fall": 0}, "--lr-fall must be 1 or more"),
        ({"draft_share": 1.1}, "--draft-share must be a number from 0 to 1"),
        ({"spill": 1.1}, "--spill must be a number from 0 to 1"),
        ({"side_light": -0.1}, "--side-light must be a number from 0 to 1"),
        ({"coarse_width": 9}, "--coarse-width must be a multiple of 2, 0 or more"),
        ({"blocks": -1}, "--blocks must be 0 or more"),
        ({"size": 48}, "--size must be a multiple of 32"),
        ({"size": 0}, "32 or more"),
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
    parser.format_help()  # a stray % in a text would raise


def test_the_recorded_command_repeats_the_options():
    words = "--network compact --hue 30 --style 0 --initialization xavier --references 0.25 --steps 70 --batch 8 "
    words += "--draft cleft-inpainting --width 40 --spill 0.5 --beard 0.2 --loss-network vgg16 --identity 0.5"
    args = parse(*words.split(), "--mask-templates", "private")
    command = command_line(args, MASK_REMOVAL, options_of(args, Options))
    assert shlex.split(command)[:5] == ["python", "-m", "pipelines", "train", "mask-removal"]
    again = parse(*shlex.split(command)[5:])
    assert options_of(again, Options) == options_of(args, Options)
    assert again.steps == 70
    assert "private" not in command


def test_learning_rates_are_constant_then_fall_linearly(light):
    recipe = light(lr=1e-3, lr_constant=10, lr_fall=20, discriminator_lr=4.0)

    def rates(step: int) -> tuple[float, float]:
        recipe.set_rates(step)
        return recipe.adam_g.param_groups[0]["lr"], recipe.adam_d.param_groups[0]["lr"]

    assert rates(0) == rates(10) == pytest.approx((1e-3, 4e-3))
    falling = [rates(step)[0] for step in range(10, 30)]
    assert np.allclose(np.diff(falling), -1e-3 / 20)
    assert rates(29) == pytest.approx((5e-5, 2e-4))
    assert rates(30) == rates(1000) == pytest.approx((1e-5, 4e-5))


# --- batches --------------------------------------------------------------------------------------------------------


def test_batches_repeat_with_seed_and_step(light):
    recipe, again, other = light(), light(), light(seed=1)
    image, hole, reference, confidence, shown, points = recipe.batch(5)
    assert torch.equal(shown, image) and points.shape == (4, 68, 2)
    assert image.shape == reference.shape == (4, 3, SIZE, SIZE)
    assert image.abs().max() <= 1 and reference.abs().max() <= 1
    assert hole.shape == confidence.shape == (4, 1, SIZE, SIZE)
    assert set(hole.unique().tolist()) == {0.0, 1.0}
    assert confidence.min() >= 0 and confidence.max() <= 1
    assert all(torch.equal(a, b) for a, b in zip(recipe.batch(5), again.batch(5), strict=True))
    for index in range(2):
        assert not torch.equal(recipe.batch(5)[index], recipe.batch(6)[index])
        assert not torch.equal(recipe.batch(5)[index], other.batch(5)[index])


def affine_error(wanted: torch.Tensor, found: torch.Tensor) -> float:
    """How far ``found`` is from the best linear change of ``wanted``'s colours, where nothing was cut off."""
    inside = (found.abs() < 0.999).all(0)
    assert inside.float().mean() > 0.1
    colours = np.column_stack([wanted[:, inside].T.numpy(), np.ones(int(inside.sum()))])
    target = found[:, inside].T.numpy()
    fit, *_ = np.linalg.lstsq(colours, target, rcond=None)
    return float(np.sqrt(np.mean((colours @ fit - target) ** 2)) / target.std())


def test_rows_alternate_between_a_photo_and_the_same_photo_transformed(light):
    recipe = light(batch=8, references=0.0)
    image = recipe.batch(3)[0]
    for photo, transformed in zip(image[0::2], image[1::2], strict=True):
        assert affine_error(photo.flip(2), transformed) < 1e-3
        assert affine_error(photo, transformed) > 0.05
        assert (photo.flip(2) - transformed).abs().mean() > 0.02, "its colours are others"
    assert affine_error(image[2].flip(2), image[1]) > 0.05, "other rows hold other pictures"


def test_landmarks_and_outlines_are_mirrored_with_the_photo(light, monkeypatch):
    recipe, seen = light(batch=8), {}

    def holes(polygons, points, random):
        seen.update(polygons=polygons, points=points)
        return MaskRemovalRecipe.holes(recipe, polygons, points, random)

    monkeypatch.setattr(recipe, "holes", holes)
    hole = recipe.batch(2)[1]
    points, polygons = seen["points"], seen["polygons"]
    mirrored = torch.stack([1 - points[0::2, :, 0], points[0::2, :, 1]], 2)
    assert torch.allclose(points[1::2], mirrored[:, list(MIRROR_68)], atol=1e-6)
    assert (points[1::2] - points[0::2]).abs().max() < 0.3, "each landmark keeps its side of the face"
    assert torch.allclose(polygons[1::2, ..., 0], 1 - polygons[0::2, ..., 0], atol=1e-6)
    assert torch.equal(polygons[1::2, ..., 1], polygons[0::2, ..., 1])
    at = (points[:, MOUTH] * SIZE).long().clamp(0, SIZE - 1)
    covered = torch.stack([hole[row, 0, at[row, :, 1], at[row, :, 0]] for row in range(8)])
    assert covered.mean() > 0.95, "holes hide the mouth of their own row"


def test_references_come_in_the_asked_share(light):
    def share(references: float) -> float:
        recipe = light(batch=32, references=references)
        present = torch.cat([recipe.batch(step)[3].amax((1, 2, 3)) > 0 for step in range(4)])
        return present.float().mean().item()

    assert share(0.0) == 0
    assert share(1.0) == 1
    assert share(0.5) == pytest.approx(0.5, abs=0.15)


def test_references_are_made_of_their_own_rows(light, monkeypatch):
    recipe, seen = light(batch=8), {}

    def references(images, points, random, *, share, day):
        seen.update(images=images, points=points, share=share, day=day)
        return images + 2, torch.ones_like(images[:, :1])

    monkeypatch.setattr(train, "self_references", references)
    image, _, reference, confidence, *_ = recipe.batch(1)
    assert torch.equal(seen["images"], image) and torch.equal(reference, image + 2)
    assert seen["points"].shape == (8, 68, 2) and seen["share"] == 0.5
    assert confidence.all()


def test_holes_are_silhouettes_in_the_asked_share(light, templates, monkeypatch):
    whole = lambda silhouettes, points, size, random: torch.ones(len(points), 1, size, size)  # noqa: E731
    silhouettes = read_silhouettes(templates)

    def share(given, **changes) -> float:
        recipe = light(batch=32, silhouettes=given, **changes)
        return torch.cat([recipe.batch(step)[1].mean((1, 2, 3)) == 1 for step in range(4)]).float().mean().item()

    monkeypatch.setattr(train, "draw_silhouettes", whole)
    assert share(None, templates=1.0) == 0
    assert share(silhouettes, templates=0.0) == 0
    assert share(silhouettes, templates=1.0) == 1
    assert share(silhouettes, templates=0.5) == pytest.approx(0.5, abs=0.15)
    monkeypatch.setattr(train, "draw_silhouettes", lambda *given: torch.zeros_like(whole(*given)))
    hole = light(silhouettes=silhouettes, templates=1.0).batch(0)[1]
    assert (hole.sum((1, 2, 3)) > 50).all(), "a silhouette off the picture leaves the lower face"


def test_drawn_silhouettes_hide_the_mouth(light, templates):
    recipe = light(batch=8, silhouettes=read_silhouettes(templates), templates=1.0)
    points = recipe.points[:4]
    hole = recipe.holes(recipe.outlines[:4], points, step_generator(0, 0))
    plain = light().holes(recipe.outlines[:4], points, step_generator(0, 0))
    assert not torch.equal(hole, plain)
    at = (points[:, MOUTH] * SIZE).long()
    assert all(hole[row, 0, at[row, :, 1], at[row, :, 0]].all() for row in range(4))
    assert (hole.mean((1, 2, 3)) < 0.6).all()


def test_holes_are_widened_as_the_pipeline_widens_them(light, monkeypatch):
    drawn = torch.zeros(1, 1, SIZE, SIZE)
    drawn[..., 30:34, 30:34] = 1
    monkeypatch.setattr(train, "fill_polygons", lambda *_: drawn)
    recipe = light()
    widths = set()
    for step in range(20):
        hole = recipe.holes(recipe.outlines[:1], recipe.points[:1], step_generator(0, step))
        rows, columns = (hole[0, 0].any(axis).nonzero().flatten() for axis in (0, 1))
        assert len(rows) == len(columns) and rows.min() + rows.max() == 63
        widths.add((len(rows) - 4) // 2)
    assert widths == {0, 1, 2}  # up to 3.5 % of the side


@pytest.mark.parametrize("processes", [2, 4])
def test_each_process_takes_whole_pairs(light, fabric, monkeypatch, processes):
    recipe = light(batch=8, spill=1.0)
    whole = recipe.batch(0)
    monkeypatch.setattr(type(fabric), "world_size", processes)
    light(batch=8)  # is not refused
    parts = []
    for rank in range(processes):
        monkeypatch.setattr(type(fabric), "global_rank", rank)
        parts.append(recipe.batch(0))
        image = parts[-1][0]
        assert len(image) == 8 // processes
        for photo, transformed in zip(image[0::2], image[1::2], strict=True):
            assert affine_error(photo.flip(2), transformed) < 1e-3
    for index in range(6):
        assert torch.equal(torch.cat([part[index] for part in parts]), whole[index])


@pytest.mark.parametrize(("batch", "processes"), [(4, 4), (6, 2), (8, 3)])
def test_pairs_are_not_torn_apart_by_processes(light, fabric, monkeypatch, batch, processes):
    monkeypatch.setattr(type(fabric), "world_size", processes)
    with pytest.raises(OptionInvalid, match="multiple of twice the number of processes"):
        light(batch=batch)


def test_what_a_mask_does_to_the_photo_is_shown_and_not_drawn(light):
    plain, recipe = light(batch=8), light(batch=8, spill=1.0, shadow=1.0, straps=1.0)
    image, hole, _, _, shown, _ = batch = recipe.batch(0)
    assert torch.equal(image, plain.batch(0)[0]) and torch.equal(hole, plain.batch(0)[1])
    changed = (shown != image).any(1, keepdim=True)
    assert changed.flatten(1).any(1).all() and not (changed & (hole > 0)).any()
    given = []
    recipe.generate = lambda picture, *_: given.append(picture) or MaskRemoval(picture, picture, torch.ones(8, 4))
    found, composite = recipe.losses(*batch)
    assert torch.equal(given[0], shown)
    assert torch.equal(composite, torch.where(hole > 0, shown, image)), "the truth around the hole is the clean photo"
    assert found["reconstruction"] > 0


def test_masks_below_the_nose_are_for_training_alone(light):
    low, plain = light(batch=8, below_nose=1.0), light(batch=8)
    holes = [recipe.batch(0)[1] for recipe in (low, plain)]
    assert (holes[0] <= holes[1]).all() and holes[0].sum() < 0.9 * holes[1].sum()
    assert torch.equal(low.validation_inputs[0], plain.validation_inputs[0])


def test_references_of_another_day(light):
    options = {"lens": 0.1, "expression": 0.2, "side_light": 0.3, "makeup": 0.4, "beard": 0.5, "aged": 0.6}
    recipe = light(**options)
    assert asdict(recipe.options.day()) == options
    plain = light()
    assert not torch.equal(recipe.batch(0)[2], plain.batch(0)[2])
    assert torch.equal(recipe.validation_inputs[1], plain.validation_inputs[1]), "validated as ever"


# --- drafts ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def start(untrained) -> str:
    """Weights of the tiny network, beside an inpainter called ``drafts`` in the weights folder."""
    return str(untrained / "small.safetensors")


def test_drafts_are_those_of_use(light, start):
    from pipelines.models import loading

    recipe = light(start=start, draft="drafts", spill=1.0)
    *_, shown, _, draft = batch = recipe.batch(3)
    assert len(batch) == 7 and draft.shape == shown.shape and not draft.requires_grad
    assert torch.equal(draft, recipe.batch(3)[6])
    inpainter, seen = loading.load("drafts").network, []
    assert recipe.inpainter is inpainter and not inpainter.training
    assert not any(parameter.requires_grad for parameter in inpainter.parameters())

    predict = type(inpainter).predict
    inpainter.predict = lambda *given: seen.append(given) or predict(inpainter, *given)
    recipe.batch(3)
    del inpainter.predict
    ((image, hole, face),) = seen
    assert torch.equal(image, shown), "the inpainter sees what the network sees"
    assert torch.equal(hole, batch[1]) and 0.15 < face.mean() < 0.8
    assert torch.equal(recipe.batch(3)[1], light().batch(3)[1]), "drafts change no other choice"


@pytest.mark.parametrize("mirrored", [False, True])
def test_drafts_train_the_refinement_network_alone(light, start, mirrored, tmp_path):
    from pipelines.models import loading

    recipe = light(start=start, draft="drafts", mirrored=mirrored)
    inpainter = copies(loading.load("drafts").network)
    before = copies(recipe.generator)
    figures = [recipe.step(step) for step in range(2)][-1]
    assert "coarse" not in figures and "reconstruction" in figures
    coarse, refined = (copies(part) for part in (recipe.generator.coarse, recipe.generator.refine))
    assert all(torch.equal(value, before[f"coarse.{name}"]) for name, value in coarse.items())
    moved = [name for name, value in refined.items() if not torch.equal(value, before[f"refine.{name}"])]
    assert len(moved) > 0.5 * len(refined)
    assert all(parameter.grad is None for parameter in recipe.generator.coarse.parameters())
    assert all(torch.equal(inpainter[name], value) for name, value in copies(recipe.inpainter).items())

    assert set(recipe.sample(2, tmp_path)) == {VALIDATION_L1, train.VALIDATION_REFERENCE_L1}
    sheet = cv2.imread(str(tmp_path / "samples-0000002.png"))[..., ::-1]
    column = sheet.reshape(3, SIZE, 6, SIZE, 3)[:, :, 1].astype(int)
    hole = recipe.validation_inputs[0][:, 0].numpy() > 0
    draft = ((recipe.validation_drafts[0].clamp(-1, 1) + 1) * 127.5).round().permute(0, 2, 3, 1).numpy()
    assert np.abs(column - draft)[hole].max() <= 1, "the second column shows the drafts"
    exported = load_file(tmp_path / "weights.safetensors")
    given = load_file(start)
    assert all(torch.equal(value, given[name]) for name, value in exported.items() if name.startswith("coarse."))


def test_what_was_trained_on_drafts_is_loaded_as_mask_removal(light, start, tmp_path):
    from pipelines.mask_removal.painting import Painter
    from pipelines.models import loading, registering

    recipe = light(start=start, draft="drafts")
    recipe.step(0)
    recipe.sample(1, tmp_path)
    about = {"licence": "none", "job": MASK_REMOVAL, "network": "mask-removal"}
    architecture = CONFIGURATIONS[recipe.options.network]
    registering.import_checkpoint(tmp_path / "weights.safetensors", "mine", architecture=architecture, **about)
    painter = Painter(loading.load("mine", job=MASK_REMOVAL).network, loading.load("drafts").network)
    image, hole, reference, confidence = recipe.batch(0)[:4]
    face = torch.ones_like(hole)
    with torch.no_grad():
        drawn = painter.guided(painter.alone(image, hole, face), image, hole, reference, confidence, face)
    assert torch.isfinite(drawn.image).all()


@pytest.mark.parametrize("mirrored", [False, True])
def test_drafts_of_a_share_leave_the_rest_to_the_coarse_network(light, start, mirrored):
    recipe = light(draft="drafts", draft_share=0.5, mirrored=mirrored)  # nothing to start from is needed
    image, hole, reference, confidence, shown, _, draft = batch = recipe.batch(3)
    assert len(image) == 4 and len(draft) == 2
    assert torch.equal(draft, light(start=start, draft="drafts").batch(3)[6][:2])
    with torch.no_grad():
        answer = recipe.answer(recipe.generator, shown, hole, reference, confidence, draft)
        for rows, more in ((slice(2), (draft,)), (slice(2, 4), ())):
            given = (value[rows] for value in (shown, hole, reference, confidence))
            alone = recipe.answer(recipe.generator, *given, *more)
            for whole, part in zip(answer, alone, strict=True):
                assert torch.allclose(whole[rows], part, atol=1e-5)
        found, _ = recipe.losses(*batch)
        coarse = losses.reconstruction_loss(answer.coarse[2:], image[2:], hole[2:], recipe.options.hole)
        assert found["coarse"].item() == pytest.approx(coarse.item(), rel=1e-4)
    before = copies(recipe.generator.coarse)
    recipe.step(3)
    moved = [name for name, value in copies(recipe.generator.coarse).items() if not torch.equal(value, before[name])]
    assert len(moved) > 0.8 * len(before)


def test_a_share_of_no_picture_needs_no_inpainter(light):
    recipe = light(draft="nobody", draft_share=0.0)
    assert recipe.inpainter is None and len(recipe.batch(0)) == 6


def test_drafts_need_weights_whose_coarse_network_stays(light, untrained):
    with pytest.raises(OptionInvalid, match=r"--draft trains the refinement network alone.*--draft-share"):
        light(draft="drafts")


@pytest.mark.parametrize("name", ["nobody", "small"])
def test_drafts_of_what_is_no_inpainter(light, start, name):
    with pytest.raises(WeightsUnknown):
        light(start=start, draft=name)


# --- the network's size ---------------------------------------------------------------------------------------------


def test_sizes_override_the_named_networks(light, tiny, tmp_path):
    recipe = light(coarse_width=10, width=12, coarse_blocks=2, blocks=3)
    wanted = {"coarse_width": 10, "width": 12, "coarse_blocks": 2, "blocks": 3, "fold": 2}
    assert recipe.options.architecture() == wanted
    assert CONFIGURATIONS[tiny] != wanted
    assert light(width=12).options.architecture() == {**CONFIGURATIONS[tiny], "width": 12}
    recipe.sample(1, tmp_path)
    with safe_open(tmp_path / "weights.safetensors", "pt") as file:
        assert json.loads(file.metadata()["architecture"]) == wanted
    MaskRemovalNetwork(**wanted).load_state_dict(load_file(tmp_path / "weights.safetensors"))


# --- losses ---------------------------------------------------------------------------------------------------------


def test_a_step_trains_both_networks(build):
    recipe = build()
    for attention in ("attention64", "attention32", "attention16"):
        torch.nn.init.constant_(getattr(recipe.generator.refine, attention).gain, 0.1)
    generator, discriminator = copies(recipe.generator), copies(recipe.discriminator)
    figures = recipe.step(0)
    weighted = {"reconstruction", "coarse", "perceptual", "style", "lpips", "total_variation", "contrastive"}
    assert set(figures) == weighted | {"adversarial", "discriminator"}
    assert all(torch.isfinite(value) and not value.requires_grad for value in figures.values())
    for before, network in ((generator, recipe.generator), (discriminator, recipe.discriminator)):
        moved = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
        assert len(moved) > 0.8 * len(before)
        assert all(p.requires_grad for p in network.parameters())


def test_losses_of_weight_zero_cost_nothing(build):
    recipe = build(style=0.0, lpips=0.0, contrastive=0.0)
    assert set(recipe.losses(*recipe.batch(0))[0]) == {"reconstruction", "coarse", "total_variation", "perceptual"}
    recipe = build(style=0.0, lpips=0.0, perceptual=0.0, contrastive=0.0, adversarial=0.0)
    recipe.loss_network = recipe.discriminate = None  # a call would raise
    found, composite = recipe.losses(*(batch := recipe.batch(0)))
    assert set(found) == {"reconstruction", "coarse", "total_variation"}
    image, hole = batch[:2]
    known = (hole == 0).expand_as(image)
    assert torch.equal(composite[known], image[known]), "what is known is not repainted"
    assert set(recipe.step(0)) == set(found)


def test_losses_are_those_of_their_pictures(build):
    recipe = build(raw=0.5, hole=3.0)
    image, hole, *hint = (batch := recipe.batch(0))[:4]
    with torch.no_grad():
        found, composite = recipe.losses(*batch)
        output = recipe.generator(image, hole, *hint)
        inside, outside = (region.expand_as(image).bool() for region in (hole, 1 - hole))
        for name, picture in (("reconstruction", output.image), ("coarse", output.coarse)):
            rows = [
                3 * (picture[row] - image[row])[inside[row]].abs().mean()
                + (picture[row] - image[row])[outside[row]].abs().mean()
                for row in range(4)
            ]
            assert found[name].item() == pytest.approx(torch.stack(rows).mean().item(), rel=1e-4)
        assert torch.equal(composite, torch.where(inside, output.image, image))
        photo, drawn, whole = (recipe.loss_network(picture) for picture in (image, composite, output.image))
        everywhere = torch.ones_like(hole)
        for name, loss in (
            ("perceptual", recipe.loss_network.perceptual),
            ("style", lambda one, other: recipe.loss_network.style(one, other, everywhere)),
            ("lpips", recipe.lpips),
        ):
            expected = loss(drawn, photo) + 0.5 * loss(whole, photo)
            assert found[name].item() == pytest.approx(expected.item(), rel=1e-4), name


def test_the_identity_loss_sees_the_photos_alone(light):
    recipe = light(identity=2.0)
    assert recipe.options.loss_weights()["identity"] == 2
    seen = []
    identity = recipe.identity
    recipe.identity = lambda *given: seen.append(given) or identity(*given)
    found, composite = recipe.losses(*(batch := recipe.batch(0)))
    assert 0 < found["identity"].item() < 1 and found["identity"].requires_grad
    for value, whole in zip(seen[0], (composite, batch[0], batch[5]), strict=True):
        assert torch.equal(value, whole[0::2])
    assert "identity" in recipe.step(0)
    assert light().identity is None


@pytest.mark.parametrize(("raw", "passes"), [(0.0, 2), (1.0, 3)])
def test_photos_features_are_found_once(build, raw, passes):
    recipe = build(raw=raw)
    seen = []
    recipe.loss_network.register_forward_hook(lambda *_: seen.append(torch.is_grad_enabled()))
    recipe.losses(*recipe.batch(0))
    assert seen == [False] + [True] * (passes - 1)


def test_mirrored_training_trains_what_is_used(light, tmp_path):
    recipe = light(mirrored=True)
    image, hole, *reference = (batch := recipe.batch(0))[:4]
    _, composite = recipe.losses(*batch)
    wanted = image * (1 - hole) + predict(recipe.generator, image, hole, *reference).image * hole
    assert torch.allclose(composite, wanted, atol=1e-5)
    flipped = recipe.answer(recipe.generator, *(one.flip(3) for one in (image, hole, *reference)))
    assert torch.allclose(
        flipped.image.flip(3), recipe.answer(recipe.generator, image, hole, *reference).image, atol=1e-4
    )
    assert set(recipe.sample(1, tmp_path)) == {VALIDATION_L1, train.VALIDATION_REFERENCE_L1}


def test_the_contrastive_loss_tells_a_photo_from_the_others_of_its_batch(light):
    recipe = light(batch=8, contrastive=1.0, temperature=0.1)
    batch = recipe.batch(0)

    def loss(embedding: torch.Tensor) -> float:
        recipe.generate = lambda image, *_: MaskRemoval(image, image, embedding)
        return recipe.losses(*batch)[0]["contrastive"].item()

    own = torch.eye(4).repeat_interleave(2, 0)  # a photo and its transformed one alike, all others unlike
    assert loss(own) == pytest.approx(math.log(1 + 3 * math.exp(-10)), abs=1e-6)
    assert loss(torch.ones(8, 4)) == pytest.approx(math.log(4))
    others = torch.stack([torch.eye(4), torch.eye(4).roll(1, 0)], 1).flatten(0, 1)  # alike to a neighbour's
    assert loss(others) == pytest.approx(10 + math.log(1 + 3 * math.exp(-10)), abs=1e-4)


def test_the_discriminator_sees_picture_and_hole(light, monkeypatch):
    recipe = light()
    batch = recipe.batch(0)
    monkeypatch.setattr(recipe, "batch", lambda step: batch)
    judged = []
    recipe.discriminator.register_forward_pre_hook(lambda _, arguments: judged.append(arguments[0].clone()))
    recipe.step(0)
    image, hole = batch[:2]
    assert len(judged) == 3  # photo and composite for itself, the composite once more for the generator
    assert all(torch.equal(seen[:, 3:], hole) for seen in judged)
    assert torch.equal(judged[0][:, :3], image)
    known = (hole == 0).expand_as(image)
    for seen in judged[1:]:
        assert torch.equal(seen[:, :3][known], image[known])
        assert not torch.allclose(seen[:, :3], image, atol=0.01)
    assert not judged[1].requires_grad and judged[2].requires_grad


def test_training_lowers_the_losses_of_a_batch(light):
    recipe = light(adversarial=0.0, lr=3e-3, initialization="xavier", contrastive=0.3)
    batch = recipe.batch(0)
    recipe.batch = lambda step: batch
    figures = [recipe.step(step) for step in range(25)]
    for name in ("reconstruction", "coarse", "contrastive"):
        assert figures[-1][name] < 0.8 * figures[0][name], name


def test_networks_start_as_the_option_says(light):
    paint = light(initialization="normal").generator.refine.attention16.value.weight
    assert paint.std().item() == pytest.approx(0.02, rel=0.1)
    assert light(initialization="xavier").generator.refine.attention16.value.weight.std() > 0.05


# --- samples, export, resume ----------------------------------------------------------------------------------------


def test_samples_are_a_sheet_weights_and_figures(light, tmp_path, templates):
    recipe = light(command="python -m pipelines train mask-removal", silhouettes=read_silhouettes(templates))
    given = recipe.silhouettes
    recipe.step(0)
    figures = recipe.sample(1, tmp_path)
    assert set(figures) == {VALIDATION_L1, train.VALIDATION_REFERENCE_L1}
    assert recipe.silhouettes is given
    sheet = cv2.imread(str(tmp_path / "samples-0000001.png"))
    assert sheet.shape == (3 * SIZE, 6 * SIZE, 3)  # three faces
    rows = sheet[..., ::-1].reshape(3, SIZE, 6, SIZE, 3).transpose(2, 0, 1, 3, 4).astype(int)
    known, coarse, without, reference, with_reference, truth = rows
    assert np.abs(truth - recipe.validation.images.permute(0, 2, 3, 1).numpy()).max() <= 1
    hole = recipe.validation_inputs[0][:, 0].numpy() > 0
    assert 0.05 < hole.mean() < 0.6
    assert (np.abs(known[hole] - 127.5) < 1).all(), "the hole is grey"
    for picture in (known, coarse, without, with_reference):
        assert np.abs(picture - truth)[~hole].max() <= 1, "what is known is kept"
    assert np.abs(coarse - without)[hole].mean() > 1
    assert np.abs(without - with_reference)[hole].mean() > 0.01, "the reference changes what is drawn"
    confidence = recipe.validation_inputs[2][:, 0].numpy()
    assert (confidence.max((1, 2)) > 0.5).all(), "every validation face has a reference"
    assert (np.abs(reference[confidence == 0] - 127.5) < 1).all()
    assert recipe.sample(1, tmp_path) == figures
    state = load_file(tmp_path / "weights.safetensors")
    assert all(torch.equal(value, recipe.average.shadow[name].half()) for name, value in state.items())


def test_validation_figures_are_what_they_say(light, tmp_path, monkeypatch):
    recipe = light(batch=2)  # three faces: one stays for a batch of its own
    calls = []

    class Grey(MaskRemovalNetwork):
        """Paints grey over white photos, and light grey where there is a reference."""

        def forward(self, image, hole, reference, confidence):
            calls.append((hole.sum(), confidence.sum()))
            shade = 0.5 * float(confidence.any())
            return MaskRemoval(image, torch.full_like(image, shade), torch.zeros(len(image), 8))

    monkeypatch.setattr(train, "MaskRemovalNetwork", Grey)
    recipe.validation = replace(recipe.validation, images=torch.full_like(recipe.validation.images, 255))
    figures = recipe.sample(7, tmp_path)
    assert figures[VALIDATION_L1] == pytest.approx(127.5, rel=1e-4)
    assert figures[train.VALIDATION_REFERENCE_L1] == pytest.approx(127.5 / 2, rel=1e-4)
    assert [bool(confidence) for _, confidence in calls] == [False, True, False, True]
    assert all(hole > 0 for hole, _ in calls)


def test_exported_weights_say_what_they_are(light, tmp_path):
    recipe = light(command="python -m pipelines train mask-removal")
    recipe.step(0)
    recipe.sample(17, tmp_path)
    path = tmp_path / "weights.safetensors"
    with safe_open(path, "pt") as file:
        about = file.metadata()
    assert about["network"] == "mask-removal"
    assert about["steps"] == "17"
    assert about["command"] == "python -m pipelines train mask-removal"
    read = load_file(path)
    assert all(value.dtype == torch.float16 for value in read.values())
    network, original = MaskRemovalNetwork(**json.loads(about["architecture"])), recipe.network()
    network.load_state_dict(read)  # names and shapes fit
    original.load_state_dict(recipe.average.shadow)
    with torch.no_grad():
        pair = [net.eval()(*recipe.batch(0)[:4]).image for net in (network, original)]
    assert torch.allclose(*pair, atol=0.03)


def test_a_stopped_run_ends_with_the_same_weights(build, fabric, tmp_path, options):
    def run(recipe: MaskRemovalRecipe, folder: str) -> bool:
        return run_loop(fabric, recipe, Schedule(4, 4), tmp_path / folder, asdict(options))

    whole, first, second = build(), build(), build()
    assert run(whole, "whole")
    plain = first.step

    def stopping(step: int):
        figures = plain(step)
        if step == 1:
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


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def words(toy_set, toy_cache, loss_folder, templates, tiny, tmp_path) -> list[str]:
    """A command that trains two steps on toy data, in bfloat16 as the default is."""
    small = f"--network {tiny} --size {SIZE} --batch 4 --loss-network squeezenet --discriminator-width 8 --style 1"
    return [
        *("train", "mask-removal", "--steps", "2", "--device", "cpu", "--sample-every", "1", "--lpips", "1"),
        *("--data", str(toy_set), "--cache", str(toy_cache), "--loss-weights", str(loss_folder)),
        *("--mask-templates", str(templates), "--out", str(tmp_path / "run"), *small.split()),
    ]


def test_the_command_trains_from_end_to_end(words, tmp_path, capsys, templates, monkeypatch):
    worn = []
    draw = train.draw_silhouettes
    monkeypatch.setattr(train, "draw_silhouettes", lambda given, *rest: worn.append(given.shapes) or draw(given, *rest))
    assert main(words) == 0
    assert worn and all(torch.equal(shapes, read_silhouettes(templates).shapes) for shapes in worn)
    run = tmp_path / "run"
    made = {path.name for path in run.iterdir()}
    assert made == {"last.ckpt", "log.csv", "samples-0000001.png", "samples-0000002.png", "weights.safetensors"}
    log = (run / "log.csv").read_text()
    assert "validation_reference_l1" in log and "contrastive" in log and "discriminator" in log
    with safe_open(run / "weights.safetensors", "pt") as file:
        about = file.metadata()
    assert json.loads(about["architecture"]) == CONFIGURATIONS["tiny"]
    assert str(tmp_path) not in about["command"] and str(templates) not in about["command"]
    assert options_of(parse(*shlex.split(about["command"])[5:]), Options) == options_of(parse(*words[2:]), Options)
    assert capsys.readouterr().out == ""

    assert main(words) == 0  # finished: nothing more to do
    assert (run / "log.csv").read_text() == log
    assert main([*words, "--references", "0.1"]) == 2
    assert "other settings (references)" in capsys.readouterr().err


def test_mask_templates_that_show_no_masks(words, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    cv2.imwrite(str(folder / "no-alpha.png"), np.full((80, 80, 3), 200, np.uint8))
    (folder / "damaged.png").write_bytes(b"no picture")
    for place in (folder, tmp_path / "nowhere"):
        assert main([*words, "--mask-templates", str(place)]) == 2
        assert "mask templates" in capsys.readouterr().err.splitlines()[-1]
        with pytest.raises(DataUnreadable):
            train.run(parse("--mask-templates", str(place)))
    assert not (tmp_path / "run").exists()


def test_an_odd_batch_is_refused_before_anything_is_read(words, tmp_path, capsys):
    assert main([*words, "--batch", "3", "--data", str(tmp_path / "nowhere")]) == 2
    assert "--batch must be even" in capsys.readouterr().err.splitlines()[-1]
