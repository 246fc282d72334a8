"""How the built-in faces came to be: the training recipe of the face generator.

Source: Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN" (StyleGAN2), section 3 and appendix
B; the augmentation, the average and the heuristic of R1's weight from Karras et al. 2020, "Training generative
adversarial networks with limited data" (ADA), appendix C. Defaults are theirs; what a shipped file was trained with
stands as a command in ``weights/manifest.toml``.

Unlike theirs, a step draws its faces once, for the discriminator's update and for the generator's.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.errors import OptionInvalid
from pipelines.jobs import STYLEGAN2
from pipelines.stylegan.ada import GROUPS, AdaptiveAugment
from pipelines.stylegan.stylegan2 import Discriminator, Generator
from pipelines.training import command
from pipelines.training.augment import step_generator
from pipelines.training.loop import Ema
from pipelines.training.recipe import AdversarialRecipe, RecipeOptions, adam, export, write_sheet
from pipelines.training.sets.face_set import FaceSet

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "paper": {"resolution": 256},
    "compact": {"resolution": 128, "z_dim": 256, "w_dim": 256, "channel_base": 16384, "channel_max": 256},
    "small": {
        "resolution": 64,
        "z_dim": 256,
        "w_dim": 256,
        "channel_base": 2048,
        "channel_max": 256,
        "mapping_layers": 4,
    },
}
"""Named arguments of the generator. ``paper`` is configuration F at 256 px; ``compact`` takes less than 16 MiB in
float16; ``small`` is what two processor cores can train."""

VALIDATION_FRECHET = "validation_frechet"
"""Logged figure: Frechet distance between as many drawn faces as there are validation faces and these, on AlexNet's
features (see :mod:`pipelines.metrics.frechet`)."""

_VALIDATION_FACES = 1000
_PATH_SHARE = 2  # the path lengths are those of a batch's half, to save memory
_SHEET_COLUMNS, _SHEET_ROWS = 8, 4
_TRUNCATIONS = (0.7, 1.0)  # of the sample sheet, one below the other, of the same latents


@dataclass(frozen=True)
class Options(RecipeOptions):
    """Everything that shapes a run. Defaults: the papers.

    Raises:
        OptionInvalid: a name does not exist, or a number is out of its range.
    """

    configurations: ClassVar[Mapping[str, Mapping[str, Any]]] = CONFIGURATIONS

    network: str = field(default="paper", metadata={"help": f"named network: one of {', '.join(CONFIGURATIONS)}"})
    batch: int = field(default=32, metadata={"help": "photos a step, over all processes; as many faces are drawn"})
    lr: float = field(default=2e-3, metadata={"help": "learning rate"})
    beta1: float = field(default=0.0, metadata={"help": "Adam's first decay rate"})
    beta2: float = field(default=0.99, metadata={"help": "Adam's second decay rate"})
    gamma: float = field(default=0.0, metadata={"help": "weight of R1; 0: 0.0002 x side^2 / batch, as ADA's authors"})
    r1_interval: int = field(default=16, metadata={"help": "steps between two of R1"})
    path_weight: float = field(default=2.0, metadata={"help": "weight of the path length regularization; 0: none"})
    path_interval: int = field(default=4, metadata={"help": "steps between two of the path length regularization"})
    path_decay: float = field(default=0.01, metadata={"help": "how fast the mean path length follows"})
    mixing: float = field(default=0.9, metadata={"help": "share of faces with the styles of two latents"})
    ema: int = field(default=10_000, metadata={"help": "half-life of the weights' moving average, in photos shown"})
    ema_ramp: float = field(default=0.05, metadata={"help": "most of it, as a share of the photos shown so far"})
    ada: str = field(
        default="".join(GROUPS),
        metadata={"help": "augmentation: letters of b (blit), g (geometry), c (colour), or none"},
    )
    ada_target: float = field(default=0.6, metadata={"help": "mean sign of the scores of photos that is aimed at"})
    ada_images: int = field(default=500_000, metadata={"help": "photos over which its probability goes from 0 to 1"})
    ada_interval: int = field(default=4, metadata={"help": "steps between two changes of its probability"})
    mirrored: bool = field(default=True, metadata={"help": "mirror half of the photos"})
    seed: int = field(default=0, metadata={"help": "seed of all randomness"})

    def __post_init__(self) -> None:
        self.check_choice("network", self.configurations)
        self.check_positive("batch", "r1_interval", "path_interval", "ada_interval", "ada_images", "ema")
        for name in ("path_decay", "mixing", "ema_ramp"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionInvalid(f"--{name.replace('_', '-')} must be a share, from 0 to 1.")
        if self.ema_ramp == 0:
            raise OptionInvalid("--ema-ramp must be more than 0.")
        if self.gamma < 0 or self.path_weight < 0:
            raise OptionInvalid("--gamma and --path-weight must be 0 or more.")
        self.augmentation()

    @property
    def size(self) -> int:  # type: ignore[override]  # options are frozen: nobody writes to it
        """Side of the pictures in pixels."""
        return self.configurations[self.network]["resolution"]

    @property
    def r1_weight(self) -> float:
        """Weight of R1 (ADA, appendix C: heuristic of the "auto" configuration)."""
        return self.gamma or 0.0002 * self.size**2 / self.batch

    def augmentation(self) -> AdaptiveAugment:
        """What the discriminator sees pictures through, as it starts."""
        groups = "" if self.ada == "none" else self.ada
        return AdaptiveAugment(groups, self.ada_target, self.ada_images, self.ada_interval)


class StyleGAN2Recipe(AdversarialRecipe[Generator]):
    """Networks, losses and regularizations of a run.

    Gradients are averaged over the processes here, not by a wrapper, whose hooks do not bear second derivatives.

    Args:
        options, fabric, faces, validation, start, command: as for
            :class:`~pipelines.training.recipe.AdversarialRecipe`.
        features: of :class:`~pipelines.metrics.frechet.FrechetDistance`; None gives no validation figure.
        compile: compiles both networks with ``torch.compile``, but for the regularizations.
    """

    network_key = "stylegan2"
    options: Options
    discriminator: Discriminator

    def __init__(
        self,
        options: Options,
        fabric: Fabric,
        faces: FaceSet,
        validation: FaceSet,
        *,
        features: nn.Module | None = None,
        start: str | Path | None = None,
        compile: bool = False,
        command: str = "",
    ) -> None:
        super().__init__(options, fabric, faces, validation, start=start, command=command)
        for network in (self.generator, self.discriminator):
            # torch's stubs lack the layout
            network.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        path_interval = options.path_interval if options.path_weight else 0
        self.adam_g = self.adam(self.generator, path_interval)
        self.adam_d = self.adam(self.discriminator, options.r1_interval)
        self.average = HalfLife(self.generator, 0.5 ** (options.batch / options.ema), options.ema_ramp)
        self.augment = options.augmentation()
        self.path_mean = torch.zeros((), device=fabric.device)
        self.r1 = torch.zeros((), device=fabric.device)  # the last, for the log
        self.features = features and features.to(fabric.device)
        self.synthesize: Callable[..., Tensor] = self.generator.synthesis
        self.discriminate: Callable[..., Tensor] = self.discriminator
        if compile:
            self.synthesize, self.discriminate = torch.compile(self.synthesize), torch.compile(self.discriminate)

    def network(self) -> Generator:
        """The generator with the run's architecture."""
        return Generator(**CONFIGURATIONS[self.options.network])

    def first_discriminator(self) -> Discriminator:
        """The discriminator with the run's architecture."""
        return Discriminator(**self.discriminator_architecture())

    def discriminator_architecture(self) -> dict[str, Any]:
        """Named arguments of the discriminator: those that both networks have."""
        shared = ("resolution", "channel_base", "channel_max")
        return {name: value for name, value in CONFIGURATIONS[self.options.network].items() if name in shared}

    def adam(self, network: nn.Module, interval: int) -> torch.optim.Adam:
        """A network's optimizer: that of ``interval`` steps and one of a regularization (StyleGAN2, appendix B)."""
        options = self.options
        share = interval / (interval + 1) if interval else 1.0
        return adam(network, options.lr * share, options.beta1**share, options.beta2**share)

    # --- a step -----------------------------------------------------------------------------------------------------

    def step(self, step: int) -> Mapping[str, Tensor]:
        """Trains the discriminator, then the generator, on one batch."""
        options, random = self.options, step_generator(self.options.seed, step)
        images = self.batch(step, random)
        latents = self.own_part(*self.latents(options.batch, random))
        noise = self.noise_generator(step)
        with self.fabric.autocast():
            fakes = self.synthesize(self.styles(*latents), generator=noise)

        found = self.discriminator_losses(images, fakes.detach(), random)
        self.update(self.adam_d, found["discriminator"])
        if step % options.r1_interval == 0:
            penalty = self.gradient_penalty(images, random)
            self.update(self.adam_d, penalty * (options.r1_weight / 2 * options.r1_interval))
            self.r1.copy_(self.mean(penalty.detach()))

        self.discriminator.requires_grad_(False)
        with self.fabric.autocast():
            scores = self.discriminate(self.augment(fakes, random))
        found["generator"] = F.softplus(-scores.float()).mean()
        self.update(self.adam_g, found["generator"])
        self.discriminator.requires_grad_(True)
        if options.path_weight and step % options.path_interval == 0:
            first, second, crossing = (part[: -(-len(part) // _PATH_SHARE)] for part in latents)
            lengths = self.path_lengths(first, second, crossing, noise)
            self.update(self.adam_g, self.path_penalty(lengths) * (options.path_weight * options.path_interval))
        self.generator.mapping.w_avg.copy_(self.mean(self.generator.mapping.w_avg))
        self.average.update(step)
        self.augment.update(self.mean(found["sign"]), options.batch)
        found |= {"r1": self.r1, "path_length": self.path_mean, "augmentation": torch.tensor(self.augment.p)}
        return {name: value.detach().clone() for name, value in found.items()}

    def batch(self, step: int, random: torch.Generator) -> Tensor:
        """This process' part of the photos of ``step``, ``(n, 3, S, S)`` in [-1, 1]."""
        count = self.options.batch
        images = self.faces.images[self.indices(step, count)].float() / 127.5 - 1
        if self.options.mirrored:
            mirror = torch.rand(count, 1, 1, 1, generator=random) < 0.5
            images = torch.where(mirror.to(images.device), images.flip(3), images)
        return self.own_part(images)[0]

    def latents(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Two latents a face, each ``(count, z_dim)``, and how many layers have the first one's style, ``(count,)``."""
        first, second = torch.randn(2, count, self.generator.z_dim, generator=random)
        layers = self.generator.num_ws
        crossing = torch.randint(1, layers, (count,), generator=random)
        mixed = torch.rand(count, generator=random) < self.options.mixing
        return first, second, torch.where(mixed, crossing, layers)

    def styles(self, first: Tensor, second: Tensor, crossing: Tensor) -> Tensor:
        """Mixed styles ``(n, num_ws, w_dim)`` of :meth:`latents`; only the first latents enter the average of w."""
        mapping = self.generator.mapping
        layer = torch.arange(self.generator.num_ws, device=first.device)
        own = (layer < crossing[:, None])[..., None]
        return torch.where(own, mapping(first), mapping(second, track_average=False))

    def noise_generator(self, step: int) -> torch.Generator:
        """Source of the synthesis network's noise, of this process and step, on the device."""
        own = step * self.fabric.world_size + self.fabric.global_rank
        return torch.Generator(self.fabric.device).manual_seed((self.options.seed + 2) * 1_000_003 + own)

    def discriminator_losses(self, images: Tensor, fakes: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        """The logistic loss of augmented photos and fakes; the mean sign of the photos' scores."""
        with self.fabric.autocast():
            real = self.discriminate(self.augment(images, random)).float()
            fake = self.discriminate(self.augment(fakes, random)).float()
        return {
            "discriminator": F.softplus(-real).mean() + F.softplus(fake).mean(),
            "sign": real.detach().sign().mean(),
        }

    def gradient_penalty(self, images: Tensor, random: torch.Generator) -> Tensor:
        """R1: mean squared norm of the scores' gradient with respect to the photos (Mescheder et al. 2018, eq. 9)."""
        images = images.detach().requires_grad_()
        with self.fabric.autocast():
            scores = self.discriminator(self.augment(images, random))
        (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
        return gradient.float().square().sum((1, 2, 3)).mean()

    def path_lengths(self, first: Tensor, second: Tensor, crossing: Tensor, noise: torch.Generator) -> Tensor:
        """How far pictures of random pixels move with w, ``(n,)`` (StyleGAN2, section 3.2 and appendix B)."""
        with self.fabric.autocast():
            ws = self.styles(first, second, crossing)
            fakes = self.generator.synthesis(ws, generator=noise)
        direction = torch.randn(fakes.shape, generator=noise, device=fakes.device) / sqrt(
            fakes.shape[2] * fakes.shape[3]
        )
        (gradient,) = torch.autograd.grad((fakes * direction).sum(), ws, create_graph=True)
        return gradient.float().square().sum(2).mean(1).sqrt()

    def path_penalty(self, lengths: Tensor) -> Tensor:
        """Mean squared distance of the lengths from their running mean, which they move first."""
        moved = self.path_mean.lerp(self.mean(lengths.detach().mean()), self.options.path_decay)
        self.path_mean.copy_(moved)
        return (lengths - moved).square().mean()

    # --- what every step needs --------------------------------------------------------------------------------------

    def update(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        """Takes one step down the loss, whose gradients are averaged over the processes."""
        optimizer.zero_grad()
        loss.backward()
        if self.fabric.world_size > 1:
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
            averaged = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
            for gradient, part in zip(gradients, averaged.split([g.numel() for g in gradients]), strict=True):
                gradient.copy_(part.view_as(gradient))
        optimizer.step()

    def mean(self, value: Tensor) -> Tensor:
        """The mean over the processes."""
        if self.fabric.world_size == 1:
            return value
        mean = self.fabric.all_reduce(value, reduce_op="mean")
        assert isinstance(mean, Tensor)
        return mean

    def state(self) -> dict[str, Any]:
        """See :class:`pipelines.training.loop.Recipe`."""
        return super().state() | {
            "path_mean": self.path_mean,
            "r1": self.r1,
            "augmentation": self.augment.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`pipelines.training.loop.Recipe`."""
        super().restore(state)
        self.path_mean.copy_(state["path_mean"])
        self.r1.copy_(state["r1"])
        self.augment.restore(state["augmentation"])

    @torch.no_grad()
    def sample(self, step: int, folder: Path) -> Mapping[str, float]:
        """Writes ``samples-STEP.png`` (truncated above, whole below), ``weights.safetensors`` (the averaged generator)
        and ``discriminator.safetensors``, both fp16; returns validation figures.
        """
        averaged, random = self.averaged(), step_generator(self.options.seed, -1)

        def draw(count: int, truncation: float) -> Tensor:
            z = torch.randn(count, averaged.z_dim, generator=random).to(self.fabric.device)
            with self.fabric.autocast():
                return averaged(z, truncation_psi=truncation, noise_mode="const").clamp(-1, 1)

        rows = []
        for truncation in _TRUNCATIONS:
            random.manual_seed(self.options.seed)
            rows += [draw(_SHEET_COLUMNS, truncation) for _ in range(_SHEET_ROWS)]
        write_sheet(torch.stack(rows), step, folder)
        self.export_average(step, folder)
        architecture, file = self.discriminator_architecture(), folder / "discriminator.safetensors"
        export(self.discriminator.state_dict(), "stylegan2-discriminator", architecture, step, self.command, file)
        if self.features is None:
            return {}
        from pipelines.metrics.frechet import FrechetDistance  # here, because its library takes seconds to load

        distance = FrechetDistance(self.features)
        for images in self.validation.images.split(self.options.batch):
            distance.add((images.float() / 127.5 - 1).to(self.fabric.device), real=True)
            distance.add(draw(len(images), 1.0), real=False)
        return {VALIDATION_FRECHET: distance.compute()}


class HalfLife(Ema):
    """An average that forgets half in a time that is short at first (ADA, appendix C).

    Args:
        module: what is averaged.
        decay: of a step, at last.
        ramp: most of the half-life, as a share of the steps so far.
    """

    def __init__(self, module: nn.Module, decay: float, ramp: float) -> None:
        super().__init__(module, decay)
        self.ramp = ramp

    def decay_at(self, step: int) -> float:
        """The decay of a step."""
        return min(self.decay, 0.5 ** (1 / (self.ramp * (step + 1))))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the recipe's arguments."""
    command.add_arguments(parser, Options, steps=25_000_000 // 32)


def run(args: argparse.Namespace, progress: Callable[[float, str], None] | None = None) -> bool:
    """Trains as the arguments say; see :func:`pipelines.training.command.run`.

    The validation figure needs ``--loss-weights``, a folder with AlexNet's weights.
    """

    def recipe(*given: Any, loss_weights: Path, **named: Any) -> StyleGAN2Recipe:
        features = None
        if args.loss_weights:
            from pipelines.metrics.frechet import AlexNetFeatures

            features = AlexNetFeatures(loss_weights)
        return StyleGAN2Recipe(*given, features=features, **named)

    return command.run(args, STYLEGAN2, command.options_of(args, Options), recipe, progress, _VALIDATION_FACES)
