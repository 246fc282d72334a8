"""The projector: which w, and which noise, make a generator draw the picture most like a given one.

Source: Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN", section 5 and appendix D; algorithm
1 of Hayajneh et al. 2022. Where these are silent or differ, the constants are those of NVIDIA's published projector.
One w serves all layers (the space W, not W+): a freer search would draw the anomaly too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import cos, pi

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.devices import Device
from pipelines.stylegan.likeness import Distance
from pipelines.stylegan.stylegan2 import Generator, MappingNetwork, SynthesisNetwork

Announce = Callable[[int], None]
"""Called before each step with the number of steps done; what it raises stops the run."""

_RATE = 0.1
_RAMP_UP, _RAMP_DOWN = 0.05, 0.25  # of the steps
_NOISE_IN_W = 0.05  # standard deviations of w
_NOISE_ENDS = 0.75  # of the steps
_REGULARIZATION = 1e5
_COARSEST = 8  # px a side of the last level at which a noise map must look like noise
_SAMPLES, _BATCH = 10_000, 1000
_FIRST_SCALE = 2.0**12  # of float16's gradients; PyTorch's own start would lose the first steps to overflow


@dataclass(frozen=True)
class Projection:
    """What the projector found.

    Attributes:
        w: ``(1, w_dim)``.
        noise: name of a noise buffer → map ``(R, R)``.
        losses: perceptual distance at each step, before the step, with the noise that was added to w.
    """

    w: Tensor
    noise: Mapping[str, Tensor]
    losses: tuple[float, ...]

    def draw(self, synthesis: SynthesisNetwork) -> Tensor:
        """The picture ``(1, 3, R, R)`` that a synthesis network draws from it; with or without gradients the same."""
        ws = self.w[:, None].expand(-1, synthesis.num_ws, -1)
        return synthesis(ws, noise_mode="const", noise=self.noise, fused=False)


def project(
    generator: Generator,
    distance: Distance,
    device: Device,
    *,
    steps: int = 1000,
    seed: int = 0,
    announce: Announce | None = None,
) -> Projection:
    """Finds the w and the noise maps whose picture has the least distance.

    The generator is not changed. On the CPU the same arguments give the same answer to the bit.

    Args:
        generator: on the device, without gradients; it draws without a label.
        distance: from the target.
        device: where it runs; pictures are drawn and compared in its precision, everything else in float32.
        steps: of Adam.
        seed: of the noise maps' start and of the noise that is added to w.
        announce: called before each step.
    """
    random = torch.Generator().manual_seed(seed)
    synthesis = generator.synthesis
    mean, deviation = w_statistics(generator.mapping)
    w = mean[None].clone().requires_grad_()
    noise = {
        name: torch.randn(shape, generator=random).to(w.device).requires_grad_()
        for name, shape in synthesis.noise_shapes().items()
    }
    jitter = torch.randn(steps, w.shape[1], generator=random).to(w.device)
    optimizer = torch.optim.Adam([w, *noise.values()])
    scaler = gradient_scaler(synthesis, device)
    losses = []
    for step in range(steps):
        if announce:
            announce(step)
        time = step / steps
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(time)
        shaken = w + jitter[step] * deviation * noise_in_w(time)
        optimizer.zero_grad()
        with torch.enable_grad():
            with device.autocast():
                unlike = distance(Projection(shaken, noise, ()).draw(synthesis))
            loss = unlike + _REGULARIZATION * noise_autocorrelation(noise)
            scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        _renormalize(noise)
        losses.append(unlike.detach())  # read at the end: reading now would make a GPU wait
    history = torch.stack(losses).tolist() if losses else []
    return Projection(w.detach(), {name: values.detach() for name, values in noise.items()}, tuple(history))


@torch.no_grad()
def w_statistics(mapping: MappingNetwork) -> tuple[Tensor, Tensor]:
    """Mean ``(w_dim,)`` and standard deviation ``()`` of w over 10,000 latents from N(0, 1), float32.

    The deviation is the root mean square distance from the mean, all features together. The latents are always the
    same ones: both figures belong to the generator and not to a run.
    """
    random = torch.Generator().manual_seed(0)
    device = next(mapping.parameters()).device
    draws = (torch.randn(_BATCH, mapping.z_dim, generator=random) for _ in range(_SAMPLES // _BATCH))
    ws = torch.cat([mapping(z.to(device), track_average=False)[:, 0].float() for z in draws])
    mean = ws.mean(0)
    return mean, (ws - mean).square().sum(1).mean().sqrt()


def learning_rate(time: float) -> float:
    """The rate at a ``time`` from 0 to 1: a straight line up over the first 5 %, a cosine down over the last 25 %."""
    falling = 0.5 - 0.5 * cos(pi * min(1.0, (1 - time) / _RAMP_DOWN))
    return _RATE * falling * min(1.0, time / _RAMP_UP)


def noise_in_w(time: float) -> float:
    """The noise in w at a ``time`` from 0 to 1, in deviations of w: falls as a square, and is 0 from 75 % on."""
    return _NOISE_IN_W * max(0.0, 1 - time / _NOISE_ENDS) ** 2


def noise_autocorrelation(noise: Mapping[str, Tensor]) -> Tensor:
    """How much the maps differ from white noise: their squared correlation with themselves one pixel off, both ways.

    Summed over the maps and, of each, over its halvings by 2 x 2 means down to 8 px (appendix D; the paper's term
    L_ij). Karras et al. double the mean of four to keep its variance; NVIDIA's later projector does not, nor does this.

    Args:
        noise: maps ``(R, R)``.
    """
    total = torch.zeros((), device=next(iter(noise.values())).device)
    for values in noise.values():
        level = values[None, None]
        while True:
            for axis in (2, 3):
                total = total + (level * level.roll(1, axis)).mean().square()
            if level.shape[-1] <= _COARSEST:
                break
            level = F.avg_pool2d(level, 2)
    return total


def gradient_scaler(network: nn.Module, device: Device) -> torch.amp.GradScaler:
    """Keeps gradients above float16's smallest number where ``device`` computes in it; else it does nothing.

    Args:
        network: what the gradients run through; it lies where the scaler shall count.
        device: whose precision the network runs in.
    """
    kind = next(network.parameters()).device.type
    return torch.amp.GradScaler(kind, init_scale=_FIRST_SCALE, enabled=device.dtype == torch.float16)


@torch.no_grad()
def _renormalize(noise: Mapping[str, Tensor]) -> None:
    """Mean 0 and mean square 1 of every map, in place."""
    for values in noise.values():
        values -= values.mean()
        values *= values.square().mean().rsqrt()
