"""What recipes share: two networks that train against each other, average, resume, sample and export.

:class:`AdversarialRecipe` is what every recipe has, :class:`GeneratorRecipe` what networks that repaint have. A job's
``train.py`` says what is its own: networks, batches, losses, sample columns.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import save
from torch import Tensor, nn

from pipelines.errors import OptionInvalid, WeightsCorrupt, WeightsMissing
from pipelines.files import write_atomic
from pipelines.models.checkpoints import read_tensors
from pipelines.training import losses
from pipelines.training.ahead import Ahead
from pipelines.training.augment import step_generator
from pipelines.training.loop import Ema, read_checkpoint
from pipelines.training.sets.face_set import FaceSet

VALIDATION_L1 = "validation_l1"
"""Logged figure: mean absolute difference inside the hole, of 255."""

FRESH = "finish."
"""Prefix of the parameters that weights to start from may lack, because without training they change nothing."""

_SHEET_FACES = 8


class RecipeOptions(ABC):
    """What shapes a run: a frozen dataclass, whose fields are arguments of the command line, each with a ``help``."""

    configurations: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Named arguments of the job's network."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    network: str
    size: int
    batch: int
    seed: int

    def architecture(self) -> dict[str, Any]:
        """The arguments that the run's network is built with."""
        return dict(self.configurations[self.network])

    def check_choice(self, name: str, choices: Any) -> None:
        """Raises OptionInvalid unless the option ``name`` is one of ``choices``."""
        if getattr(self, name) not in choices:
            raise OptionInvalid(f"--{name.replace('_', '-')} must be one of {', '.join(choices)}.")

    def check_positive(self, *names: str) -> None:
        """Raises OptionInvalid unless the options are 1 or more."""
        for name in names:
            if getattr(self, name) < 1:
                raise OptionInvalid(f"--{name.replace('_', '-')} must be 1 or more.")

    def check_share(self, *names: str) -> None:
        """Raises OptionInvalid unless the options are numbers from 0 to 1."""
        for name in names:
            if not 0 <= getattr(self, name) <= 1:
                raise OptionInvalid(f"--{name.replace('_', '-')} must be a number from 0 to 1.")


@dataclass(frozen=True)
class GeneratorOptions(RecipeOptions):
    """What shapes every run of a network that repaints; a recipe adds its own options, and the defaults of its paper.

    With ``mirrored`` the average that is used is also what is trained: where a network draws the halves of a mouth at
    different heights, their average is blurred, and every loss sees it.

    Raises:
        OptionInvalid: a name does not exist, or a number is out of its range.
    """

    network: str = field(default="paper", metadata={"help": "named network"})
    size: int = field(default=256, metadata={"help": "side of the crops in pixels"})
    batch: int = field(default=4, metadata={"help": "pictures a step, over all processes"})
    lr: float = field(default=1e-4, metadata={"help": "learning rate"})
    warm_up: int = field(default=0, metadata={"help": "steps over which the learning rate rises from 0"})
    discriminator_lr: float = field(default=1.0, metadata={"help": "the discriminator's rate, as a factor on --lr"})
    beta1: float = field(default=0.0, metadata={"help": "Adam's first decay rate"})
    beta2: float = field(default=0.9, metadata={"help": "Adam's second decay rate"})
    perceptual: float = field(default=0.1, metadata={"help": "weight of the perceptual loss"})
    style: float = field(default=250.0, metadata={"help": "weight of the style loss"})
    lpips: float = field(default=0.0, metadata={"help": "weight of the LPIPS loss (ours)"})
    adversarial: float = field(default=0.01, metadata={"help": "weight of the adversarial loss"})
    adversarial_from: int = field(default=0, metadata={"help": "first step with the adversarial loss"})
    gan: losses.Gan = field(default="least-squares", metadata={"help": "least-squares or hinge"})
    total_variation: float = field(default=0.1, metadata={"help": "weight of the total-variation loss"})
    mirrored: bool = field(default=False, metadata={"help": "train the average over picture and mirror image (ours)"})
    loss_network: losses.LossNetworkName = field(
        default="vgg19", metadata={"help": f"one of {', '.join(losses.LOSS_NETWORKS)}"}
    )
    discriminator_width: int = field(default=64, metadata={"help": "channels of the discriminator's first layer"})
    ema: float = field(default=0.999, metadata={"help": "decay of the weights' moving average"})
    seed: int = field(default=0, metadata={"help": "seed of all randomness"})

    def __post_init__(self) -> None:
        for name, choices in (
            ("network", self.configurations),
            ("gan", losses.ADVERSARIAL),
            ("loss_network", losses.LOSS_NETWORKS),
        ):
            self.check_choice(name, choices)
        self.check_positive("batch", "discriminator_width")
        cell = self.cell()
        if self.size < 32 or self.size % cell:
            raise OptionInvalid(f"--size must be a multiple of {cell}, 32 or more.")

    @abstractmethod
    def cell(self) -> int:
        """What the side of a crop must be a multiple of."""

    @abstractmethod
    def loss_weights(self) -> dict[str, float]:
        """Name → weight of every loss of the generator."""


Network = TypeVar("Network", bound=nn.Module)


class AdversarialRecipe(ABC, Generic[Network]):
    """Two networks that train against each other, their optimizers, and the generator's average.

    Args:
        options: what shapes the run.
        fabric: where it runs.
        faces: the training set.
        validation: faces of the sample sheets and validation figures.
        start: a weights file to start from, or another run's ``last.ckpt``, which brings its discriminator too.
        command: recorded in the exported weights.

    Raises:
        OptionInvalid: the batch cannot be shared out among the processes.
        WeightsMissing, WeightsCorrupt: the starting weights.
    """

    network_key: ClassVar[str]
    """The generator's key in :func:`pipelines.jobs.networks`."""

    adam_g: torch.optim.Optimizer
    adam_d: torch.optim.Optimizer
    average: Ema

    def __init__(
        self,
        options: RecipeOptions,
        fabric: Fabric,
        faces: FaceSet,
        validation: FaceSet,
        *,
        start: str | Path | None = None,
        command: str = "",
    ) -> None:
        if options.batch % fabric.world_size:
            raise OptionInvalid("The batch must be a multiple of the number of processes.")
        self.options, self.fabric, self.command = options, fabric, command
        self.faces = faces.to(fabric.device) if _fits(faces, fabric.device) else faces
        self.validation = validation
        torch.manual_seed(options.seed)
        self.generator = self.first_generator()
        self.discriminator = self.first_discriminator()
        if start is not None:
            _start_from(self.generator, self.discriminator, Path(start))

    @abstractmethod
    def network(self) -> Network:
        """The job's network with the run's architecture."""

    def first_generator(self) -> Network:
        """The network as it starts."""
        return self.network()

    @abstractmethod
    def first_discriminator(self) -> nn.Module:
        """The discriminator as it starts."""

    def own_part(self, *batch: Tensor) -> tuple[Tensor, ...]:
        """This process' part of a whole batch, on its device.

        Every process draws the whole batch and keeps its part: the gradients' mean is that of one process.
        """
        part = self.options.batch // self.fabric.world_size
        mine = slice(self.fabric.global_rank * part, (self.fabric.global_rank + 1) * part)
        return tuple(_placed(tensor[mine], self.fabric.device) for tensor in batch)

    def indices(self, step: int, count: int) -> Tensor:
        """``count`` faces of a step: every epoch is a permutation of its own, and goes on where the last step ended."""
        n = len(self.epoch)
        index = torch.empty(count, dtype=torch.long)
        for row in range(count):
            epoch, place = divmod(step * count + row, n)
            if row == 0 or place == 0:
                order = torch.randperm(n, generator=step_generator(self.options.seed + 1, epoch))
            index[row] = self.epoch[order[place]]
        return index.to(self.faces.images.device)

    @cached_property
    def epoch(self) -> Tensor:
        """The faces that an epoch shows, on the CPU: each once, unless the recipe balances them."""
        return torch.arange(len(self.faces))

    @abstractmethod
    def step(self, step: int) -> Mapping[str, Tensor]:
        """See :class:`pipelines.training.loop.Recipe`."""

    @abstractmethod
    def sample(self, step: int, folder: Path) -> Mapping[str, float]:
        """See :class:`pipelines.training.loop.Recipe`."""

    def state(self) -> dict[str, Any]:
        """See :class:`pipelines.training.loop.Recipe`."""
        return {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "adam_g": self.adam_g.state_dict(),
            "adam_d": self.adam_d.state_dict(),
            "average": self.average.shadow,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`pipelines.training.loop.Recipe`."""
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.adam_g.load_state_dict(_fused(state["adam_g"]))
        self.adam_d.load_state_dict(_fused(state["adam_d"]))
        for name, value in state["average"].items():
            self.average.shadow[name].copy_(value)

    def averaged(self) -> Network:
        """The network with the averaged weights, to be used."""
        network = self.network().to(self.fabric.device).eval()
        network.load_state_dict(self.average.shadow)
        return network

    def export_average(self, step: int, folder: Path) -> None:
        """Writes ``weights.safetensors``: the average, fp16."""
        file = folder / "weights.safetensors"
        export(self.average.shadow, self.network_key, self.options.architecture(), step, self.command, file)


class GeneratorRecipe(AdversarialRecipe[Network]):
    """Networks, optimizers and losses of a run that teaches a network to repaint.

    Args:
        options, fabric, faces, validation, start, command: as for :class:`AdversarialRecipe`.
        loss_weights: folder of the loss network's weights; None leaves it random, for tests.
        compile: compiles generator, discriminator, loss network and LPIPS with ``torch.compile``.

    Raises:
        OptionInvalid: the batch cannot be shared out among the processes, or LPIPS has no such loss network.
        WeightsMissing, WeightsCorrupt: the loss network's or the starting weights.
    """

    options: GeneratorOptions

    def __init__(
        self,
        options: GeneratorOptions,
        fabric: Fabric,
        faces: FaceSet,
        validation: FaceSet,
        *,
        loss_weights: str | Path | None = None,
        start: str | Path | None = None,
        compile: bool = False,
        command: str = "",
    ) -> None:
        super().__init__(options, fabric, faces, validation, start=start, command=command)
        self.loss_network = losses.LossNetwork(options.loss_network, loss_weights).to(fabric.device)
        self.lpips = losses.LPIPSHead(self.loss_network).to(fabric.device) if options.lpips else None
        self.discriminator_loss, self.generator_loss = losses.ADVERSARIAL[options.gan]

        self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        adam_g = adam(self.generator, options.lr, options.beta1, options.beta2)
        adam_d = adam(self.discriminator, options.lr * options.discriminator_lr, options.beta1, options.beta2)
        if compile:  # in place: names of tensors and what is exported stay
            modules: list[nn.Module] = [self.generator, self.discriminator, self.loss_network]
            for module in modules if self.lpips is None else [*modules, self.lpips]:
                module.compile()
        self.generate, self.adam_g = fabric.setup(self.generator, adam_g)
        self.discriminate, self.adam_d = fabric.setup(self.discriminator, adam_d)
        self.average = Ema(self.generator, options.ema)
        self.batches = Ahead(fabric.device)
        self.known_weights: dict[tuple[str, ...], Tensor] = {}

    # --- what a recipe says -----------------------------------------------------------------------------------------

    @abstractmethod
    def rate(self, step: int) -> float:
        """Factor on the learning rate at ``step``, but for the warm-up."""

    @abstractmethod
    def batch(self, step: int) -> tuple[Tensor, ...]:
        """This process' part of the batch of ``step``, the pictures first."""

    @abstractmethod
    def losses(self, *batch: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The generator's losses but the adversarial one, unweighted, and its composite picture."""

    def judged(self, batch: tuple[Tensor, ...], composite: Tensor) -> tuple[Tensor, Tensor]:
        """What the discriminator tells apart: of a photo, and of the composite."""
        return batch[0], composite

    @abstractmethod
    def validate(self, network: Network, part: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Draws validation faces.

        Args:
            network: with the averaged weights.
            part: which validation faces, the same ones with the same holes at every call.

        Returns:
            The columns of the sample sheet, each ``(n, 3, S, S)`` in [-1, 1], and figures, each ``(n,)``.
        """

    # --- what every recipe does -------------------------------------------------------------------------------------

    def step(self, step: int) -> Mapping[str, Tensor]:
        """Trains on one batch, and has the next one made beside it."""
        return self.train_on(self.batches.take(self.batch, step), step)

    def train_on(self, batch: tuple[Tensor, ...], step: int) -> Mapping[str, Tensor]:
        """Trains the discriminator, then the generator, on one batch (INCLG, algorithm 1, lines 4-10)."""
        self.set_rates(step)
        with self.fabric.autocast():
            found, composite = self.losses(*batch)
        extra = {}
        if self.options.adversarial and step >= self.options.adversarial_from:
            real, fake = self.judged(batch, composite)
            with self.fabric.autocast():
                wrong = self.discriminator_loss(self.discriminate(real), self.discriminate(fake.detach()))
            self.adam_d.zero_grad()
            self.fabric.backward(wrong)
            self.adam_d.step()
            extra["discriminator"] = wrong
            # Past the wrapper and frozen: here the discriminator's own gradients are neither wanted nor exchanged.
            self.discriminator.requires_grad_(False)
            with self.fabric.autocast():
                found["adversarial"] = self.generator_loss(self.discriminator(fake).float())
        self.adam_g.zero_grad()
        self.fabric.backward(torch.dot(torch.stack([value.float() for value in found.values()]), self.weights(found)))
        self.adam_g.step()
        self.discriminator.requires_grad_(True)
        self.average.update(step)
        return {name: value.detach() for name, value in (found | extra).items()}

    def weights(self, names: Iterable[str]) -> Tensor:
        """The weights of losses, ``(n,)``; of every collection of them brought to the device once."""
        key = tuple(names)
        if key not in self.known_weights:
            weights = self.options.loss_weights()
            self.known_weights[key] = torch.tensor([weights[name] for name in key], device=self.fabric.device)
        return self.known_weights[key]

    def deep_losses(
        self, output: Tensor, target: Tensor, hole: Tensor, features: Mapping[int, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """The losses on deep features that have a weight: perceptual, style of the hole, LPIPS.

        Args:
            output: ``(N, 3, S, S)`` in [-1, 1].
            target: the photos.
            hole: ``(N, 1, S, S)``, where styles are compared.
            features: the photos' features, where they are known already.
        """
        weights = self.options.loss_weights()
        if not (weights["perceptual"] or weights["style"] or weights["lpips"]):
            return {}
        wanted = self.features(target) if features is None else features
        drawn = self.loss_network(output)
        found = {}
        if weights["perceptual"]:
            found["perceptual"] = self.loss_network.perceptual(drawn, wanted)
        if weights["style"]:
            found["style"] = self.loss_network.style(drawn, wanted, hole)
        if self.lpips:
            found["lpips"] = self.lpips(drawn, wanted)
        return found

    @torch.no_grad()
    def features(self, target: Tensor) -> dict[int, Tensor]:
        """Features of photos, for :meth:`deep_losses`."""
        return self.loss_network(target)

    def set_rates(self, step: int) -> None:
        """Sets both optimizers' learning rates for ``step``."""
        options = self.options
        rate = options.lr * self.rate(step)
        if step < options.warm_up:
            rate *= (step + 1) / options.warm_up
        for optimizer, factor in ((self.adam_g, 1.0), (self.adam_d, options.discriminator_lr)):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor

    @torch.no_grad()
    def sample(self, step: int, folder: Path) -> Mapping[str, float]:
        """Writes ``samples-STEP.png`` and ``weights.safetensors`` (the average, fp16); returns validation figures."""
        averaged = self.averaged()
        rows: list[Tensor] = []
        figures: dict[str, list[Tensor]] = {}
        for part in torch.arange(len(self.validation)).split(self.options.batch):
            columns, found = self.validate(averaged, part)
            for name, value in found.items():
                figures.setdefault(name, []).append(value)
            if sum(map(len, rows)) < _SHEET_FACES:
                rows.append(torch.stack(columns, 1))
        write_sheet(torch.cat(rows)[:_SHEET_FACES], step, folder)
        self.export_average(step, folder)
        return {name: torch.cat(values).mean().item() for name, values in figures.items()}


def adam(network: nn.Module, lr: float, beta1: float, beta2: float) -> torch.optim.Adam:
    """Adam over a network's parameters, all of which move in one launch."""
    return torch.optim.Adam(network.parameters(), lr, (beta1, beta2), fused=True)


def write_sheet(pictures: Tensor, step: int, folder: Path) -> None:
    """Writes ``(rows, columns, 3, S, S)`` in [-1, 1] as one picture, ``samples-STEP.png``."""
    from pipelines.faces.images import write_png  # reads and writes photos; not needed to train

    pixels = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().byte().cpu().numpy()
    rows, columns, _, side, _ = pixels.shape
    sheet = pixels.transpose(0, 3, 1, 4, 2).reshape(rows * side, columns * side, 3)
    write_png(folder / f"samples-{step:07d}.png", np.ascontiguousarray(sheet))


def export(
    state: Mapping[str, Tensor], network: str, architecture: Mapping[str, Any], steps: int, command: str, path: Path
) -> None:
    """Writes weights as fp16 safetensors whose header says network, architecture, steps and command."""
    half = {name: value.detach().half().contiguous().cpu() for name, value in state.items()}
    about = {"network": network, "architecture": json.dumps(architecture), "steps": str(steps), "command": command}
    write_atomic(path, save(half, about))


def hole_error(composite: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """Mean absolute difference inside the hole, of 255, ``(N,)``."""
    inside = hole.sum((1, 2, 3)) * 3
    return ((composite - image).abs() * hole * 127.5).sum((1, 2, 3)) / inside


def _placed(tensor: Tensor, device: torch.device) -> Tensor:
    tensor = tensor.to(device)
    pictures = tensor.ndim == 4 and tensor.shape[1] == 3
    return tensor.contiguous(memory_format=torch.channels_last) if pictures else tensor


def _start_from(generator: nn.Module, discriminator: nn.Module, path: Path) -> None:
    if not path.is_file():
        raise WeightsMissing("The weights to start from do not exist; check the path given to --start.")
    # A layer that at first adds nothing may be new to the network.
    fresh = {key: value for key, value in generator.state_dict().items() if key.startswith(FRESH)}
    try:
        if path.suffix == ".ckpt":
            recipe = read_checkpoint(path)["recipe"]
            generator.load_state_dict(fresh | recipe["average"])
            # An untrained discriminator would first push a trained generator the wrong way.
            discriminator.load_state_dict(recipe["discriminator"])
        else:
            generator.load_state_dict(fresh | read_tensors(path))
    except (RuntimeError, KeyError) as error:
        raise WeightsCorrupt(
            "The weights to start from belong to another network; give --network the one that they were trained as."
        ) from error


def _fused(state: Mapping[str, Any]) -> dict[str, Any]:
    """An optimizer's state, also of a run from before :func:`adam`, as that keeps it."""
    return {**state, "param_groups": [{**group, "fused": True} for group in state["param_groups"]]}


def _fits(faces: FaceSet, device: torch.device) -> bool:
    """Whether the whole set may lie on the device: at most half of its free memory."""
    return device.type != "cuda" or faces.nbytes < torch.cuda.mem_get_info(device)[0] / 2
