"""What every recipe does, on the smallest one: what the jobs' own recipes test on the way is not repeated here."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from pipelines.errors import OptionInvalid
from pipelines.layers import discriminator
from pipelines.training import losses
from pipelines.training.augment import step_generator
from pipelines.training.data import FaceSet
from pipelines.training.loop import make_fabric
from pipelines.training.recipe import GeneratorOptions, GeneratorRecipe, hole_error

pytestmark = pytest.mark.slow

SIZE = 32


@dataclass(frozen=True)
class Options(GeneratorOptions):
    configurations: ClassVar = {"paper": {"bias": True}, "small": {"bias": False}}
    size: int = field(default=SIZE, metadata={"help": "side"})
    loss_network: str = field(default="squeezenet", metadata={"help": "network"})
    pixel: float = field(default=1.0, metadata={"help": "weight of the only loss"})

    def cell(self) -> int:
        return 8

    def loss_weights(self) -> dict[str, float]:
        names = ("pixel", "perceptual", "style", "lpips", "adversarial")
        return {name: getattr(self, name) for name in names}


class Recipe(GeneratorRecipe):
    """One convolution learns to give pictures back, another tells them apart."""

    network_key = "toy"

    def network(self):
        return nn.Conv2d(3, 3, 3, padding=1, **Options.configurations[self.options.network])

    def first_discriminator(self):
        return nn.Conv2d(3, 1, 3)

    def rate(self, step):
        return 0.5**step

    def batch(self, step):
        images = self.faces.images[self.indices(step, self.options.batch)].float() / 127.5 - 1
        return self.own_part(images, torch.zeros(self.options.batch, 1, SIZE, SIZE))

    def losses(self, image, hole):
        drawn = self.generate(image)
        return {"pixel": (drawn - image).abs().mean()} | self.deep_losses(drawn, image, torch.ones_like(hole)), drawn

    def validate(self, network, part):
        image = self.validation.images[part].float() / 127.5 - 1
        drawn = network(image)
        return [image, drawn], {"difference": (drawn - image).abs().mean((1, 2, 3))}


def faces(count: int) -> FaceSet:
    random = step_generator(0, 0)
    images = torch.randint(0, 256, (count, 3, SIZE, SIZE), generator=random, dtype=torch.uint8)
    return FaceSet(tuple(map(str, range(count))), images, torch.rand(count, 478, 2, generator=random))


@pytest.fixture(scope="module")
def fabric():
    return make_fabric("cpu", "32-true", 1, 1)


@pytest.fixture
def build(fabric):
    """``build(**changes) -> recipe`` on five faces, and eleven to validate."""
    plain = Options(batch=4, lr=1e-2, perceptual=0.0, style=0.0)
    return lambda **changes: Recipe(replace(plain, **changes), fabric, faces(5), faces(11))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"network": "huge"}, "--network must be one of paper, small."),
        ({"gan": "other"}, "--gan must be one of least-squares, hinge."),
        ({"loss_network": "other"}, "--loss-network must be one of vgg19, vgg16, alexnet, squeezenet."),
        ({"batch": 0}, "--batch must be 1 or more."),
        ({"discriminator_width": 0}, "--discriminator-width must be 1 or more."),
        ({"size": 36}, "--size must be a multiple of 8, 32 or more."),
        ({"size": 24}, "--size must be a multiple of 8, 32 or more."),
    ],
)
def test_options_out_of_range(changes, sentence):
    with pytest.raises(OptionInvalid) as error:
        Options(**changes)
    assert str(error.value) == sentence


def test_hole_error_is_the_mean_difference_inside_of_255():
    image, composite = torch.full((2, 3, 4, 4), -1.0), torch.full((2, 3, 4, 4), 1.0)
    composite[1, :, 0] = -0.6
    hole = torch.zeros(2, 1, 4, 4)
    hole[0, :, 2:], hole[1, :, 0] = 1, 1
    assert hole_error(composite, image, hole).tolist() == pytest.approx([255, 0.4 * 127.5])


@pytest.mark.parametrize("count", [2, 5, 12])
def test_every_epoch_is_a_permutation_however_large_the_batch(build, count):
    recipe = build()
    shown = torch.cat([recipe.indices(step, count) for step in range(5)])
    whole = shown[: len(shown) // 5 * 5].view(-1, 5)
    assert torch.equal(whole.sort(1).values, torch.arange(5).expand_as(whole))
    assert torch.equal(recipe.indices(3, count), build().indices(3, count))
    assert not torch.equal(shown[:10], torch.cat([build(seed=1).indices(step, 5) for step in range(2)])[: len(shown)])


def test_rates_warm_up_and_follow_the_recipe(build):
    recipe = build(warm_up=2, lr=0.8, discriminator_lr=0.25)
    found = []
    for step in range(4):
        recipe.set_rates(step)
        found.append((recipe.adam_g.param_groups[0]["lr"], recipe.adam_d.param_groups[0]["lr"]))
    assert found == [pytest.approx((rate, rate / 4)) for rate in (0.4, 0.4, 0.2, 0.1)]


def test_optimizers_are_those_of_the_options(build):
    recipe = build(beta1=0.3, beta2=0.7)
    assert {adam.param_groups[0]["betas"] for adam in (recipe.adam_g, recipe.adam_d)} == {(0.3, 0.7)}


def test_weights_weigh_the_losses(build):
    def gradient(**changes) -> torch.Tensor:
        recipe = build(**changes)
        recipe.adam_g.step = lambda: None
        recipe.step(0)
        return recipe.generator.weight.grad

    alone, twice = gradient(adversarial=0.0), gradient(adversarial=0.0, pixel=2.0)
    assert torch.allclose(twice, 2 * alone, atol=1e-6)
    adversarial = gradient(pixel=0.0, adversarial=1.0)
    assert torch.allclose(gradient(adversarial=0.5), alone + 0.5 * adversarial, atol=1e-5)


class PatchRecipe(Recipe):
    """As :class:`Recipe`, with a discriminator under spectral norm."""

    def first_discriminator(self):
        return discriminator.PatchDiscriminator(3, 8)


@pytest.mark.parametrize("gan", ["hinge", "least-squares"])
def test_steps_are_those_of_a_plain_loop(fabric, monkeypatch, gan):
    """PyTorch's own spectral norm, Adam a tensor at a time, the sum and the average as their formulas say."""
    options = Options(batch=4, lr=2e-3, gan=gan, adversarial=0.3, perceptual=0.02, style=5.0, lpips=0.5, warm_up=3)
    recipe = PatchRecipe(options, fabric, faces(5), faces(2))
    monkeypatch.setattr(discriminator, "spectral_norm", spectral_norm)
    generator, judge = recipe.network(), recipe.first_discriminator()
    generator.load_state_dict(recipe.generator.state_dict())
    judge.load_state_dict(recipe.discriminator.state_dict())
    networks = generator, judge
    adams = [torch.optim.Adam(network.parameters(), betas=(0.0, 0.9), foreach=False) for network in networks]
    average = {name: value.clone() for name, value in generator.state_dict().items()}
    judged, drew = losses.ADVERSARIAL[gan]
    for step in range(8):
        for adam in adams:
            adam.param_groups[0]["lr"] = 2e-3 * min(1, (step + 1) / 3) * 0.5**step
        image, hole = recipe.batch(step)
        drawn = generator(image)
        found = {"pixel": (drawn - image).abs().mean()}
        found |= recipe.deep_losses(drawn, image, torch.ones_like(hole))
        wrong = judged(judge(image), judge(drawn.detach()))
        adams[1].zero_grad()
        wrong.backward()
        adams[1].step()
        found["adversarial"] = drew(judge(drawn))
        adams[0].zero_grad()
        sum(options.loss_weights()[name] * value for name, value in found.items()).backward()
        adams[0].step()
        for name, value in generator.state_dict().items():
            average[name].lerp_(value, 1 - min(0.999, (1 + step) / (10 + step)))
        figures = recipe.step(step)
        expected = {name: value.item() for name, value in (found | {"discriminator": wrong}).items()}
        assert {name: value.item() for name, value in figures.items()} == pytest.approx(expected, rel=1e-4, abs=1e-6)
    for network, own in zip(networks, (recipe.generator, recipe.discriminator), strict=True):
        assert all(
            torch.allclose(value, own.state_dict()[name], 1e-3, 1e-5) for name, value in network.state_dict().items()
        )
    assert all(torch.allclose(value, recipe.average.shadow[name], 1e-4, 1e-6) for name, value in average.items())


def test_a_run_from_before_the_fused_optimizer_goes_on_with_it(build):
    first, second = build(), build()
    first.step(0)
    state = deepcopy(first.state())
    for name in ("adam_g", "adam_d"):
        state[name]["param_groups"] = [{**group, "fused": None} for group in state[name]["param_groups"]]
    second.restore(state)
    assert all(adam.param_groups[0]["fused"] for adam in (second.adam_g, second.adam_d))
    first.step(1)
    second.step(1)
    assert torch.equal(first.generator.weight, second.generator.weight)


def test_a_step_is_the_same_whether_its_batch_was_made_ahead(build):
    ahead, alone = build(), build()
    for step in range(3):
        figures = ahead.step(step), alone.train_on(alone.batch(step), step)
        assert all(torch.equal(figures[0][name], figures[1][name]) for name in figures[0])


def test_by_default_pictures_alone_are_judged(build):
    recipe = build()
    batch = recipe.batch(0)
    composite = torch.zeros_like(batch[0])
    real, fake = recipe.judged(batch, composite)
    assert real is batch[0] and fake is composite


def test_features_already_known_are_not_found_again(build):
    recipe = build(perceptual=1.0, style=1.0)
    image, drawn, everywhere = torch.rand(2, 3, SIZE, SIZE), torch.rand(2, 3, SIZE, SIZE), torch.ones(2, 1, SIZE, SIZE)
    passes = []
    recipe.loss_network.register_forward_hook(lambda *_: passes.append(1))
    found = recipe.deep_losses(drawn, image, everywhere)
    assert set(found) == {"perceptual", "style"} and len(passes) == 2
    known = recipe.deep_losses(drawn, image, everywhere, recipe.features(image))
    assert len(passes) == 4
    assert all(torch.equal(found[name], known[name]) for name in found)


def test_a_restored_recipe_goes_on_as_the_first(build):
    first, second = build(), build()
    for step in range(2):
        first.step(step)
    second.restore(deepcopy(first.state()))  # as if read from a file
    figures = first.step(2), second.step(2)
    assert all(torch.equal(figures[0][name], figures[1][name]) for name in figures[0])
    assert torch.equal(first.generator.weight, second.generator.weight)
    assert torch.equal(first.average.shadow["weight"], second.average.shadow["weight"])


def test_figures_are_of_all_validation_faces_and_the_sheet_of_eight(build, tmp_path):
    from pipelines.faces.images import read_image

    recipe = build(network="small")
    recipe.step(0)
    figures = recipe.sample(3, tmp_path)
    network = recipe.network()
    network.load_state_dict(recipe.average.shadow)
    with torch.no_grad():
        image = recipe.validation.images.float() / 127.5 - 1
        expected = (network(image) - image).abs().mean().item()
    assert figures == {"difference": pytest.approx(expected, rel=1e-5)}
    sheet = read_image((tmp_path / "samples-0000003.png").read_bytes())
    assert sheet.shape == (8 * SIZE, 2 * SIZE, 3)
    first_column = torch.from_numpy(sheet[:, :SIZE]).view(8, SIZE, SIZE, 3).permute(0, 3, 1, 2)
    assert torch.equal(first_column, recipe.validation.images[:8])
    assert set(load_file(tmp_path / "weights.safetensors")) == {"weight"}
