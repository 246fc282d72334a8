"""How the built-in weights came to be: the training recipe of cleft inpainting.

Source: INCLG, algorithm 1 and section 2.2; the loss weights are those of its published code (METHODS). Defaults are
the paper's; what a shipped file was trained with stands as a command in ``weights/manifest.toml``.
"""

import argparse
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import save
from torch import Tensor

from pipelines import store
from pipelines.checkpoints import read_tensors
from pipelines.cleft_inpainting.network import CONFIGURATIONS, INCLG
from pipelines.errors import OptionInvalid, WeightsCorrupt, WeightsMissing
from pipelines.faces.masks import EXTENTS
from pipelines.files import write_atomic
from pipelines.layers.discriminator import PatchDiscriminator
from pipelines.training import losses
from pipelines.training.augment import (
    augment,
    draw_holes,
    irregular_bank,
    outlines,
    points_68,
    step_generator,
)
from pipelines.training.data import FaceSet, load_faces
from pipelines.training.loop import PRECISIONS, Ema, Schedule, make_fabric, read_checkpoint, train

VALIDATION_L1 = "validation_l1"
"""Logged figure: mean absolute difference inside the hole, of 255."""

VALIDATION_LANDMARK = "validation_landmark"
"""Logged figure: mean distance of the predicted landmarks, in pixels of the crop."""

_SHEET_FACES = 8
_VALIDATION_FACES = 64


@dataclass(frozen=True)
class Options:
    """Everything that shapes a run. Defaults: the paper and its published code.

    Raises:
        OptionInvalid: a name does not exist, or a number is out of its range.
    """

    network: str = field(default="paper", metadata={"help": "named network: paper or compact"})
    size: int = field(default=256, metadata={"help": "side of the crops in pixels"})
    batch: int = field(default=4, metadata={"help": "pictures a step, over all processes"})
    lr: float = field(default=2.92e-4, metadata={"help": "learning rate"})
    lr_decay: float = field(default=0.78, metadata={"help": "factor on the learning rate every --lr-every steps"})
    lr_every: int = field(default=20_000, metadata={"help": "steps between two decays"})
    warm_up: int = field(default=0, metadata={"help": "steps over which the learning rate rises from 0"})
    discriminator_lr: float = field(default=0.1, metadata={"help": "the discriminator's rate, as a factor on --lr"})
    beta1: float = field(default=0.0, metadata={"help": "Adam's first decay rate"})
    beta2: float = field(default=0.9, metadata={"help": "Adam's second decay rate"})
    pixel: float = field(default=1.0, metadata={"help": "weight of the L1 loss"})
    perceptual: float = field(default=0.1, metadata={"help": "weight of the perceptual loss"})
    style: float = field(default=250.0, metadata={"help": "weight of the style loss"})
    lpips: float = field(default=0.0, metadata={"help": "weight of the LPIPS loss (ours)"})
    adversarial: float = field(default=0.01, metadata={"help": "weight of the adversarial loss"})
    adversarial_from: int = field(default=0, metadata={"help": "first step with the adversarial loss"})
    gan: str = field(default="least-squares", metadata={"help": "least-squares or hinge"})
    total_variation: float = field(default=0.1, metadata={"help": "weight of the total-variation loss"})
    landmark: float = field(default=4.6e-4, metadata={"help": "weight of the landmark loss"})
    loss_network: str = field(default="vgg19", metadata={"help": "vgg19, alexnet or squeezenet"})
    discriminator_width: int = field(default=64, metadata={"help": "channels of the discriminator's first layer"})
    irregular: float = field(default=0.5, metadata={"help": "share of irregular masks"})
    extents: str = field(default="1,2,1", metadata={"help": f"relative frequency of the outlines {', '.join(EXTENTS)}"})
    ema: float = field(default=0.999, metadata={"help": "decay of the weights' moving average"})
    seed: int = field(default=0, metadata={"help": "seed of all randomness"})

    def __post_init__(self) -> None:
        for name, choices in (
            ("network", CONFIGURATIONS),
            ("gan", losses.ADVERSARIAL),
            ("loss_network", losses.LOSS_NETWORKS),
        ):
            if getattr(self, name) not in choices:
                raise OptionInvalid(f"--{name.replace('_', '-')} must be one of {', '.join(choices)}.")
        for name in ("batch", "lr_every", "discriminator_width"):
            if getattr(self, name) < 1:
                raise OptionInvalid(f"--{name.replace('_', '-')} must be 1 or more.")
        architecture = CONFIGURATIONS[self.network]
        cell = 4 * architecture.get("fold", 1) * architecture.get("attention_pool", 1)
        if self.size < 32 or self.size % cell:
            raise OptionInvalid(f"--size must be a multiple of {cell}, 32 or more.")
        self.outline_frequencies()

    def outline_frequencies(self) -> tuple[float, ...]:
        """Relative frequency of each of :data:`pipelines.faces.masks.EXTENTS`."""
        try:
            numbers = tuple(float(part) for part in self.extents.split(","))
        except ValueError:
            numbers = ()
        if len(numbers) != len(EXTENTS) or min(numbers) < 0 or not 0 < sum(numbers) < math.inf:
            raise OptionInvalid(f"--extents needs {len(EXTENTS)} numbers of 0 or more, not all of them 0.")
        return numbers

    def loss_weights(self) -> dict[str, float]:
        """Name → weight of every loss of the generator."""
        names = ("pixel", "perceptual", "style", "lpips", "adversarial", "total_variation", "landmark")
        return {name: getattr(self, name) for name in names}


class CleftInpaintingRecipe:
    """Networks, optimizers and losses of a run; :meth:`step` is algorithm 1's loop body.

    Args:
        options: what shapes the run.
        fabric: where it runs.
        faces: the training set.
        validation: faces of the sample sheets and validation figures.
        loss_weights: folder of the loss network's weights; None leaves it random, for tests.
        start: a weights file to start from, or another run's ``last.ckpt``, which brings its discriminator too.
        compile: compiles the generator with ``torch.compile``.
        command: recorded in the exported weights.

    Raises:
        OptionInvalid: the batch cannot be shared out among the processes, or LPIPS has no such loss network.
        WeightsMissing, WeightsCorrupt: the loss network's or the starting weights.
    """

    def __init__(
        self,
        options: Options,
        fabric: Fabric,
        faces: FaceSet,
        validation: FaceSet,
        *,
        loss_weights: str | Path | None = None,
        start: str | Path | None = None,
        compile: bool = False,
        command: str = "",
    ) -> None:
        if options.batch % fabric.world_size:
            raise OptionInvalid("The batch must be a multiple of the number of processes.")
        self.options, self.fabric, self.command = options, fabric, command
        self.faces = faces.to(fabric.device) if _fits(faces, fabric.device) else faces
        self.validation = validation
        torch.manual_seed(options.seed)
        self.generator = INCLG(**CONFIGURATIONS[options.network])
        self.generator.landmarks.start_at(points_68(faces.meshes).mean(0).cpu())
        self.discriminator = PatchDiscriminator(3, options.discriminator_width)
        if start is not None:
            _start_from(self.generator, self.discriminator, Path(start))
        self.loss_network = losses.LossNetwork(options.loss_network, loss_weights).to(fabric.device)
        self.lpips = losses.LPIPSHead(self.loss_network).to(fabric.device) if options.lpips else None
        self.discriminator_loss, self.generator_loss = losses.ADVERSARIAL[options.gan]

        self.generator.to(memory_format=torch.channels_last)
        betas = (options.beta1, options.beta2)
        adam_g = torch.optim.Adam(self.generator.parameters(), options.lr, betas)
        adam_d = torch.optim.Adam(self.discriminator.parameters(), options.lr * options.discriminator_lr, betas)
        compiled = torch.compile(self.generator) if compile else self.generator
        self.generate, self.adam_g = fabric.setup(compiled, adam_g)
        self.discriminate, self.adam_d = fabric.setup(self.discriminator, adam_d)
        self.average = Ema(self.generator, options.ema)

        self.outlines = outlines(faces.meshes).to(self.faces.images.device)
        self.points = points_68(faces.meshes).to(self.faces.images.device)
        self.bank = irregular_bank(options.size, 300, options.seed).to(self.faces.images.device)
        self.extents = options.outline_frequencies()

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """This process' part of the batch of ``step``: images, landmarks, holes."""
        options, fabric = self.options, self.fabric
        random = step_generator(options.seed, step)
        index = self._indices(step)
        images, points, polygons = augment(self.faces.images[index], self.points[index], self.outlines[index], random)
        holes = draw_holes(polygons, self.bank, options.size, random, irregular=options.irregular, extents=self.extents)
        # Every process draws the whole batch and keeps its part: the gradients' mean is that of one process.
        part = options.batch // fabric.world_size
        mine = slice(fabric.global_rank * part, (fabric.global_rank + 1) * part)
        channels_last = {"memory_format": torch.channels_last}
        return (
            images[mine].to(fabric.device).contiguous(**channels_last),
            points[mine].to(fabric.device),
            holes[mine].to(fabric.device),
        )

    def losses(self, image: Tensor, points: Tensor, hole: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The generator's losses but the adversarial one, unweighted, and its composite picture."""
        output = self.generate(image, hole)
        composite = image * (1 - hole) + output.image * hole
        found = {
            "pixel": losses.pixel_loss(output.image, image, hole),
            "landmark": losses.landmark_loss(output.landmarks, points, self.options.size),
            "total_variation": losses.total_variation(composite),
        }
        weights = self.options.loss_weights()
        if weights["perceptual"] or weights["style"] or weights["lpips"]:
            with torch.no_grad():
                wanted = self.loss_network(image)
            drawn = self.loss_network(composite)
            if weights["perceptual"]:
                found["perceptual"] = self.loss_network.perceptual(drawn, wanted)
            if weights["style"]:
                found["style"] = self.loss_network.style(drawn, wanted, hole)
            if self.lpips:
                found["lpips"] = self.lpips(drawn, wanted)
        return found, composite

    def step(self, step: int) -> Mapping[str, Tensor]:
        """Trains the discriminator, then the generator, on one batch (algorithm 1, lines 4-10)."""
        self._set_rates(step)
        image, points, hole = self.batch(step)
        with self.fabric.autocast():
            found, composite = self.losses(image, points, hole)
        extra = {}
        if self.options.adversarial and step >= self.options.adversarial_from:
            with self.fabric.autocast():
                wrong = self.discriminator_loss(self.discriminate(image), self.discriminate(composite.detach()))
            self.adam_d.zero_grad()
            self.fabric.backward(wrong)
            self.adam_d.step()
            extra["discriminator"] = wrong
            # Past the wrapper and frozen: here the discriminator's own gradients are neither wanted nor exchanged.
            self.discriminator.requires_grad_(False)
            with self.fabric.autocast():
                found["adversarial"] = self.generator_loss(self.discriminator(composite).float())
        weights = self.options.loss_weights()
        self.adam_g.zero_grad()
        self.fabric.backward(sum(weights[name] * value for name, value in found.items()))
        self.adam_g.step()
        self.discriminator.requires_grad_(True)
        self.average.update(self.generator, step)
        return {name: value.detach() for name, value in (found | extra).items()}

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
        self.adam_g.load_state_dict(state["adam_g"])
        self.adam_d.load_state_dict(state["adam_d"])
        for name, value in state["average"].items():
            self.average.shadow[name].copy_(value)

    @torch.no_grad()
    def sample(self, step: int, folder: Path) -> Mapping[str, float]:
        """Writes ``samples-STEP.png`` and ``weights.safetensors`` (the average, fp16); returns validation figures."""
        from pipelines.faces.images import write_png  # reads and writes photos; not needed to train

        averaged = INCLG(**CONFIGURATIONS[self.options.network]).to(self.fabric.device).eval()
        averaged.load_state_dict(self.average.shadow)
        faces = self.validation
        random = step_generator(self.options.seed, -1)
        holes = draw_holes(
            outlines(faces.meshes),
            self.bank.cpu(),
            self.options.size,
            random,
            irregular=0.25,
            extents=self.extents,
        )
        rows, hole_error, landmark_error = [], [], []
        for part in torch.arange(len(faces)).split(self.options.batch):
            image = (faces.images[part].float() / 127.5 - 1).to(self.fabric.device)
            hole = holes[part].to(self.fabric.device)
            with self.fabric.autocast():
                output = averaged(image, hole)
            composite = image * (1 - hole) + output.image * hole
            inside = hole.sum((1, 2, 3)) * 3
            hole_error.append(((composite - image).abs() * 127.5).sum((1, 2, 3)) / inside)
            truth = points_68(faces.meshes[part]).to(output.landmarks)
            landmark_error.append(((output.landmarks - truth) * self.options.size).norm(dim=2).mean(1))
            if len(rows) < _SHEET_FACES:
                rows.append(torch.stack([image * (1 - hole), composite, output.image, image], 1))
        sheet = torch.cat(rows)[:_SHEET_FACES]
        pixels = ((sheet.float().clamp(-1, 1) + 1) * 127.5).round().byte().cpu().numpy()
        n, columns, _, side, _ = pixels.shape
        picture = pixels.transpose(0, 3, 1, 4, 2).reshape(n * side, columns * side, 3)
        write_png(folder / f"samples-{step:07d}.png", np.ascontiguousarray(picture))
        export(self.average.shadow, self.options, step, self.command, folder / "weights.safetensors")
        return {
            VALIDATION_L1: torch.cat(hole_error).mean().item(),
            VALIDATION_LANDMARK: torch.cat(landmark_error).mean().item(),
        }

    def _indices(self, step: int) -> Tensor:
        """Faces of a step: every epoch is a permutation of its own, and goes on where the last step ended."""
        n, batch = len(self.faces), self.options.batch
        index = torch.empty(batch, dtype=torch.long)
        for row in range(batch):
            epoch, place = divmod(step * batch + row, n)
            if row == 0 or place == 0:
                order = torch.randperm(n, generator=step_generator(self.options.seed + 1, epoch))
            index[row] = order[place]
        return index.to(self.faces.images.device)

    def _set_rates(self, step: int) -> None:
        options = self.options
        rate = options.lr * options.lr_decay ** (step // options.lr_every)
        if step < options.warm_up:
            rate *= (step + 1) / options.warm_up
        for optimizer, factor in ((self.adam_g, 1.0), (self.adam_d, options.discriminator_lr)):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor


def export(state: Mapping[str, Tensor], options: Options, steps: int, command: str, path: Path) -> None:
    """Writes weights as fp16 safetensors whose header says architecture, steps and command."""
    half = {name: value.detach().half().contiguous().cpu() for name, value in state.items()}
    metadata = {
        "network": "inclg",
        "architecture": json.dumps(CONFIGURATIONS[options.network]),
        "steps": str(steps),
        "command": command,
    }
    write_atomic(path, save(half, metadata))


def _start_from(generator: INCLG, discriminator: PatchDiscriminator, path: Path) -> None:
    if not path.is_file():
        raise WeightsMissing("The weights to start from do not exist; check the path given to --start.")
    try:
        if path.suffix == ".ckpt":
            recipe = read_checkpoint(path)["recipe"]
            generator.load_state_dict(recipe["average"])
            # An untrained discriminator would first push a trained generator the wrong way.
            discriminator.load_state_dict(recipe["discriminator"])
        else:
            generator.load_state_dict(read_tensors(path))
    except (RuntimeError, KeyError) as error:
        raise WeightsCorrupt(
            "The weights to start from belong to another network; give --network the one that they were trained as."
        ) from error


def _fits(faces: FaceSet, device: torch.device) -> bool:
    """Whether the whole set may lie on the device: at most half of its free memory."""
    return device.type != "cuda" or faces.nbytes < torch.cuda.mem_get_info(device)[0] / 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the recipe's arguments."""
    parser.add_argument(
        "--steps", type=int, default=130_000, help="length of the run (default %(default)s, the paper's)"
    )
    parser.add_argument("--devices", type=int, default=1, help="processes a node; under torchrun, its own number")
    parser.add_argument("--nodes", type=int, default=1, help="nodes; under torchrun, its own number")
    parser.add_argument("--compile", action="store_true", help="compile the generator")
    parser.add_argument("--tensorboard", action="store_true", help="write TensorBoard events beside log.csv")
    parser.add_argument("--checkpoint-every", type=int, default=500, help="steps")
    parser.add_argument("--sample-every", type=int, default=500, help="steps")
    add_data_arguments(parser)


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what training and tuning share: data, place of work, and :class:`Options`."""
    parser.add_argument("--data", required=True, help="folder of shards, or of photos")
    parser.add_argument("--out", required=True, help="folder of the run; the same command resumes it")
    parser.add_argument("--loss-weights", help="folder of the loss network's weights (default: the weights folder)")
    parser.add_argument("--start", help="weights to start from (.safetensors), or a run's last.ckpt")
    parser.add_argument("--cache", default=".data", help="folder of the landmark cache")
    parser.add_argument("--most", type=int, help="use only the first so many pictures")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="bf16-mixed", help="Fabric's name (default %(default)s)"
    )
    for option in fields(Options):
        flag = "--" + option.name.replace("_", "-")
        text = f"{option.metadata['help']} (default %(default)s)"
        parser.add_argument(flag, type=type(option.default), default=option.default, help=text)


def options_of(args: argparse.Namespace) -> Options:
    """The options among parsed arguments."""
    return Options(**{option.name: getattr(args, option.name) for option in fields(Options)})


def loss_weights_folder(args: argparse.Namespace) -> Path:
    """Where the loss network's weights lie."""
    return Path(args.loss_weights) if args.loss_weights else store.folder()


def load_sets(
    args: argparse.Namespace, options: Options, progress: Callable[[float, str], None] | None = None
) -> tuple[FaceSet, FaceSet]:
    """The training set, and the validation faces of the sample sheets.

    Raises:
        DataUnreadable: see :func:`pipelines.training.data.load_faces`.
    """
    faces = load_faces(args.data, "train", size=options.size, cache=args.cache, most=args.most, progress=progress)
    return faces, load_faces(args.data, "val", size=options.size, cache=args.cache, most=_VALIDATION_FACES)


def run(args: argparse.Namespace, progress: Callable[[float, str], None] | None = None) -> bool:
    """Trains as the arguments of :func:`add_arguments` say.

    Returns:
        Whether the run reached its last step.

    Raises:
        DataUnreadable, WeightsMissing, WeightsCorrupt, OptionInvalid, DeviceUnavailable: see their sentences.
    """
    options = options_of(args)
    schedule = Schedule(
        args.steps,
        options.batch,
        checkpoint_every=args.checkpoint_every,
        sample_every=args.sample_every,
        tensorboard=args.tensorboard,
    )
    fabric = make_fabric(args.device, args.precision, args.devices, args.nodes)
    with fabric.rank_zero_first():  # the first process fills the landmark cache
        faces, validation = load_sets(args, options, progress)
    recipe = CleftInpaintingRecipe(
        options,
        fabric,
        faces,
        validation,
        loss_weights=loss_weights_folder(args),
        start=args.start,
        compile=args.compile,
        command=command_line(args, options),
    )
    return train(fabric, recipe, schedule, args.out, asdict(options))


def command_line(args: argparse.Namespace, options: Options) -> str:
    """The command that repeats a run: what differs from the defaults, without folders."""
    parts = ["python -m pipelines train cleft-inpainting", f"--steps {args.steps}", f"--precision {args.precision}"]
    for option in fields(Options):
        value = getattr(options, option.name)
        same = math.isclose(value, option.default) if isinstance(value, float) else value == option.default
        if not same:
            parts.append(f"--{option.name.replace('_', '-')} {value}")
    return " ".join(parts)
