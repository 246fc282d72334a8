"""The projector: its schedule and its noise term by hand, and that it finds again what the generator drew."""

import numpy as np
import pytest
import torch

from pipelines import devices
from pipelines.stylegan.likeness import choose_likeness
from pipelines.stylegan.projection import (
    gradient_scaler,
    learning_rate,
    noise_autocorrelation,
    noise_in_w,
    project,
    w_statistics,
)
from pipelines.stylegan.stylegan2 import Generator

pytestmark = pytest.mark.slow

CPU = devices.choose("cpu", "float32")
STEPS = 100


def generator(resolution: int = 16) -> Generator:
    """A random generator whose noise shows a little."""
    torch.manual_seed(0)
    size = {"resolution": resolution, "channel_base": 256, "channel_max": 16}
    network = Generator(16, w_dim=16, mapping_layers=2, **size).eval().requires_grad_(False)
    for layer in network.synthesis.modules():
        if hasattr(layer, "noise_strength"):
            layer.noise_strength.fill_(0.05)
    return network


@torch.no_grad()
def drawn(network: Generator, seed: int) -> torch.Tensor:
    """A picture of the generator, with noise of its own, and the truth's part of that noise unknown."""
    z = torch.randn(1, network.z_dim, generator=torch.Generator().manual_seed(seed))
    return network(z, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def network() -> Generator:
    return generator()


@pytest.fixture(scope="module")
def target(network) -> torch.Tensor:
    return drawn(network, 5)


@pytest.fixture(scope="module")
def distance(target):
    return choose_likeness("pyramid", CPU).to(target)


@pytest.fixture(scope="module")
def found(network, distance):
    return project(network, distance, CPU, steps=STEPS, seed=3)


def test_what_the_generator_drew_is_found_again(network, target, found):
    mean = w_statistics(network.mapping)[0].expand(1, network.num_ws, -1)
    with torch.no_grad():
        mean_face = network.synthesis(mean, noise_mode="const")
        image = found.draw(network.synthesis)
    error, reference = ((picture - target).square().mean() for picture in (image, mean_face))
    assert error < 0.1 * reference


def test_the_loss_falls_from_window_to_window(found):
    windows = np.array(found.losses).reshape(5, -1).mean(1)
    assert len(found.losses) == STEPS
    assert (np.diff(windows) < 0).all()
    assert windows[-1] < 0.2 * windows[0]


def test_noise_maps_stay_noise(network, found):
    assert {name: tuple(values.shape) for name, values in found.noise.items()} == network.synthesis.noise_shapes()
    for values in found.noise.values():
        assert abs(float(values.mean())) < 1e-5
        assert float(values.square().mean()) == pytest.approx(1, abs=1e-4)
    fresh = {name: torch.randn_like(values) for name, values in found.noise.items()}
    assert noise_autocorrelation(found.noise) < 0.1 * noise_autocorrelation(fresh)


def test_one_w_serves_all_layers_and_nothing_keeps_gradients(network, found):
    assert found.w.shape == (1, network.w_dim)
    assert not found.w.requires_grad and not any(values.requires_grad for values in found.noise.values())
    with torch.no_grad():
        assert torch.equal(found.draw(network.synthesis), found.draw(network.synthesis))


def test_with_gradients_the_picture_is_the_same(network, found):
    with torch.no_grad():
        plain = found.draw(network.synthesis)
    assert torch.equal(found.draw(network.synthesis), plain)


def test_the_same_seed_gives_the_same_to_the_bit(network, distance):
    one, same, other = (project(network, distance, CPU, steps=4, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.w, same.w) and one.losses == same.losses
    assert all(torch.equal(one.noise[name], same.noise[name]) for name in one.noise)
    assert not torch.equal(one.w, other.w)


def test_neither_the_generator_nor_the_random_state_changes(network, distance):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(9)
    expected = torch.rand(2)
    torch.manual_seed(9)
    project(network, distance, CPU, steps=3)
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in network.parameters())


def test_it_runs_where_gradients_are_off(network, distance, target):
    with torch.no_grad():
        assert (
            project(network, distance, CPU, steps=3, seed=1).losses
            == project(network, distance, CPU, steps=3, seed=1).losses
        )


def test_each_step_is_announced_and_can_stop_the_run(network, distance):
    steps = []
    project(network, distance, CPU, steps=5, announce=steps.append)
    assert steps == [0, 1, 2, 3, 4]

    def stop(step: int) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project(network, distance, CPU, steps=5, announce=stop)


def test_bfloat16_finds_it_too(network, target):
    low = devices.choose("cpu", "bfloat16")
    with low.autocast():
        distance = choose_likeness("pyramid", low).to(target)
    losses = project(network, distance, low, steps=60).losses
    assert np.mean(losses[-10:]) < 0.3 * np.mean(losses[:5])


def test_the_statistics_of_w(network):
    mean, deviation = w_statistics(network.mapping)
    with torch.no_grad():
        ws = network.mapping(torch.randn(20_000, network.z_dim, generator=torch.Generator().manual_seed(77)))[:, 0]
    spread = (ws - ws.mean(0)).norm(dim=1).square().mean().sqrt()
    torch.testing.assert_close(mean, ws.mean(0), atol=0.05 * float(spread), rtol=0)
    assert float(deviation) == pytest.approx(float(spread), rel=0.03)
    assert torch.equal(w_statistics(network.mapping)[0], mean)


def test_the_schedule():
    assert [learning_rate(time) for time in (0, 0.025, 0.05, 0.5, 0.75)] == pytest.approx([0, 0.05, 0.1, 0.1, 0.1])
    assert [learning_rate(time) for time in (0.875, 1)] == pytest.approx([0.05, 0])
    assert [noise_in_w(time) for time in (0, 0.375, 0.75, 0.9)] == pytest.approx([0.05, 0.0125, 0, 0])


def test_the_noise_term_by_hand():
    stripes = torch.tensor([1.0, -1.0]).repeat(4)[None].expand(8, 8)
    assert float(noise_autocorrelation({"a": stripes})) == pytest.approx(2)  # −1 along the rows, 1 along the columns
    blocks = stripes.repeat_interleave(2, 0).repeat_interleave(2, 1)  # 16 px: 0 along the rows; its halving has 2
    assert float(noise_autocorrelation({"a": blocks})) == pytest.approx(1 + 2)
    assert float(noise_autocorrelation({"a": stripes, "b": blocks})) == pytest.approx(5)
    white = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    assert noise_autocorrelation({"a": white}) < 0.05


def test_gradients_are_scaled_in_float16_only():
    half = devices.Device(torch.device("cpu"), torch.float16, "")
    network = torch.nn.Linear(1, 1)
    assert gradient_scaler(network, half).is_enabled()
    assert not gradient_scaler(network, CPU).is_enabled()
    assert not gradient_scaler(network, devices.choose("cpu", "bfloat16")).is_enabled()
