"""Adaptation: a copy comes nearer to the picture, the network and the latent stay, frames are kept by a rule."""

import numpy as np
import pytest
import torch

from pipelines import devices
from pipelines.anomaly_scoring.choices import MOST_ADAPTATION_STEPS
from pipelines.anomaly_scoring.normalizers.adaptation import adapt, kept_steps
from pipelines.stylegan.likeness import choose_likeness
from pipelines.stylegan.projection import Projection
from pipelines.stylegan.stylegan2 import SynthesisNetwork

pytestmark = pytest.mark.slow

CPU = devices.choose("cpu", "float32")


@pytest.fixture(scope="module")
def network() -> SynthesisNetwork:
    torch.manual_seed(0)
    network = SynthesisNetwork(8, resolution=16, channel_base=128, channel_max=16).eval().requires_grad_(False)
    for name, parameter in network.named_parameters():
        if name.endswith("noise_strength"):
            parameter.fill_(0.1)
    return network


@pytest.fixture(scope="module")
def projection(network) -> Projection:
    random = torch.Generator().manual_seed(1)
    noise = {name: torch.randn(shape, generator=random) for name, shape in network.noise_shapes().items()}
    return Projection(torch.randn(1, 8, generator=random), noise, ())


@pytest.fixture(scope="module")
def target() -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
    return torch.stack([x, y, x * y])[None]


def run(network, projection, target, keep, **options):
    distance = choose_likeness("pyramid", options.get("device", CPU)).to(target)
    return adapt(network, projection, target, distance, options.pop("device", CPU), keep=keep, **options)


def error(frame: np.ndarray, target: torch.Tensor) -> float:
    wanted = ((target[0].permute(1, 2, 0) + 1) * 127.5).numpy()
    return float(np.square(frame - wanted).mean())


def test_the_picture_comes_nearer_step_by_step(network, projection, target):
    frames = run(network, projection, target, [0, 20, 40, 60])
    errors = [error(image, target) for _, image in frames]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.9 * errors[0]
    assert [step for step, _ in frames] == [0, 20, 40, 60]
    assert all(image.dtype == np.uint8 and image.shape == (16, 16, 3) for _, image in frames)


def test_the_first_frame_is_the_inversion(network, projection, target):
    with torch.no_grad():
        drawn = ((projection.draw(network)[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy()
    for keep in ([0], [0, 2]):
        assert np.array_equal(run(network, projection, target, keep)[0][1], drawn)


def test_the_network_and_the_latent_stay_as_they_are(network, projection, target):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    w, noise = projection.w.clone(), {name: values.clone() for name, values in projection.noise.items()}
    run(network, projection, target, [5])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in network.parameters())
    assert torch.equal(projection.w, w) and projection.w.grad is None
    assert all(torch.equal(values, noise[name]) for name, values in projection.noise.items())


def test_what_is_kept_does_not_change_the_steps(network, projection, target):
    few, many = (dict(run(network, projection, target, keep)) for keep in ([4], range(7)))
    assert np.array_equal(few[4], many[4])
    assert not np.array_equal(many[4], many[0])


def test_each_step_is_announced_and_can_stop_the_run(network, projection, target):
    steps = []
    run(network, projection, target, [3], announce=steps.append)
    assert steps == [0, 1, 2]
    before = {name: value.clone() for name, value in network.state_dict().items()}

    def stop(step: int) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(network, projection, target, [3], announce=stop)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_bfloat16_comes_nearer_too(network, projection, target):
    frames = run(network, projection, target, [0, 40], device=devices.choose("cpu", "bfloat16"))
    assert error(frames[1][1], target) < 0.95 * error(frames[0][1], target)


def test_at_most_about_fifty_frames_are_kept():
    assert kept_steps(0, 0) == [0]
    assert kept_steps(50, 50) == list(range(51))
    assert kept_steps(51, 51) == [*range(0, 51, 2), 51]
    assert kept_steps(500, 50) == list(range(0, 501, 10))
    assert kept_steps(500, 37) == sorted([*range(0, 501, 10), 37])
    lasts = range(MOST_ADAPTATION_STEPS + 1)
    assert max(len(kept_steps(last, shown)) for last in lasts for shown in (0, last // 3, last)) <= 53
