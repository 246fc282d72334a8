"""The command line that recipes share: arguments of data, place and length, and every option of the recipe."""

import argparse
import math
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from pipelines.models import places
from pipelines.training.data import load_faces
from pipelines.training.loop import PRECISIONS, Schedule, make_fabric, train
from pipelines.training.recipe import AdversarialRecipe, RecipeOptions
from pipelines.training.sets.face_set import FaceSet
from pipelines.training.sets.prepared import made_with

VALIDATION_FACES = 64
"""How many faces show how a run goes, unless a recipe needs more."""

Announce = Callable[[float, str], None]
AnyOptions = TypeVar("AnyOptions", bound=RecipeOptions)


def add_arguments(parser: argparse.ArgumentParser, options: type[RecipeOptions], steps: int) -> None:
    """Adds a recipe's arguments.

    Args:
        parser: gets them.
        options: the recipe's options, each an argument with its default.
        steps: default length of a run, the paper's.
    """
    parser.add_argument("--steps", type=int, default=steps, help="length of the run (default %(default)s, the paper's)")
    parser.add_argument("--devices", type=int, default=1, help="processes a node; under torchrun, its own number")
    parser.add_argument("--nodes", type=int, default=1, help="nodes; under torchrun, its own number")
    parser.add_argument("--compile", action="store_true", help="compile the networks")
    parser.add_argument("--tensorboard", action="store_true", help="write TensorBoard events beside log.csv")
    parser.add_argument("--checkpoint-every", type=int, default=500, help="steps")
    parser.add_argument("--sample-every", type=int, default=500, help="steps")
    add_data_arguments(parser, options)


def add_data_arguments(parser: argparse.ArgumentParser, options: type[RecipeOptions]) -> None:
    """Adds what training and tuning share: data, place of work, and the recipe's options."""
    parser.add_argument("--data", required=True, help="folder of shards, of photos, or a prepared set")
    parser.add_argument("--out", required=True, help="folder of the run; the same command resumes it")
    parser.add_argument("--loss-weights", help="folder of the loss network's weights (default: the weights folder)")
    parser.add_argument("--start", help="weights to start from (.safetensors), or another run's last.ckpt")
    parser.add_argument("--cache", default=".data", help="folder of the landmark cache")
    parser.add_argument("--most", type=int, help="use only the first so many pictures")
    parser.add_argument(
        "--softest", type=float, metavar="DB", help="leave out pictures with a higher detail_psnr in the set's tables"
    )
    parser.add_argument("--cover", type=float, help="leave out pictures with a lower cover in the set's tables")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="bf16-mixed", help="Fabric's name (default %(default)s)"
    )
    for option in fields(options):
        flag = "--" + option.name.replace("_", "-")
        text = f"{option.metadata['help']} (default %(default)s)"
        kind = {"type": type(option.default)} if option.type is not bool else {"action": argparse.BooleanOptionalAction}
        parser.add_argument(flag, default=option.default, help=text, **kind)


def options_of(args: argparse.Namespace, options: type[AnyOptions]) -> AnyOptions:
    """The options among parsed arguments.

    Raises:
        OptionInvalid: one is out of its range.
    """
    return options(**{option.name: getattr(args, option.name) for option in fields(options)})


def loss_weights_folder(args: argparse.Namespace) -> Path:
    """Where the loss network's weights lie."""
    return Path(args.loss_weights) if args.loss_weights else places.folder()


def load_sets(
    args: argparse.Namespace,
    options: RecipeOptions,
    progress: Announce | None = None,
    validation: int = VALIDATION_FACES,
) -> tuple[FaceSet, FaceSet]:
    """The training set, and so many of the first validation faces.

    Raises:
        DataUnreadable: see :func:`pipelines.training.data.load_faces`.
    """
    place = {"size": options.size, "cache": args.cache, "cover": args.cover}
    faces = load_faces(args.data, "train", **place, most=args.most, softest=args.softest, progress=progress)
    return faces, load_faces(args.data, "val", **place, most=validation)


def run(
    args: argparse.Namespace,
    job: str,
    options: RecipeOptions,
    recipe: Callable[..., AdversarialRecipe[Any]],
    progress: Announce | None = None,
    validation: int = VALIDATION_FACES,
) -> bool:
    """Trains as the arguments of :func:`add_arguments` say.

    Args:
        args: parsed arguments.
        job: the job's name on the command line.
        options: of :func:`options_of`.
        recipe: the recipe's class, or a partial of it.
        progress: told what happens before the first step.
        validation: how many of the first validation faces the recipe gets.

    Returns:
        Whether the run reached its last step.

    Raises:
        DataUnreadable, WeightsMissing, WeightsCorrupt, OptionInvalid, DeviceUnavailable: see their sentences.
    """
    schedule = Schedule(
        args.steps,
        options.batch,
        checkpoint_every=args.checkpoint_every,
        sample_every=args.sample_every,
        tensorboard=args.tensorboard,
    )
    fabric = make_fabric(args.device, args.precision, args.devices, args.nodes)
    with fabric.rank_zero_first():  # the first process fills the landmark cache
        faces, shown = load_sets(args, options, progress, validation)
    trained = recipe(
        options,
        fabric,
        faces,
        shown,
        loss_weights=loss_weights_folder(args),
        start=args.start,
        compile=args.compile,
        command=command_line(args, job, options),
    )
    return train(fabric, trained, schedule, args.out, asdict(options))


def command_line(args: argparse.Namespace, job: str, options: RecipeOptions) -> str:
    """The command that repeats a run: what differs from the defaults, without folders."""
    parts = [f"python -m pipelines train {job}", f"--steps {args.steps}", f"--precision {args.precision}"]
    made = made_with(args.data)  # a prepared set has already left out what is not asked for again
    for name in ("softest", "cover"):
        asked = getattr(args, name)
        if (value := made.get(name) if asked is None else asked) is not None:
            parts.append(f"--{name} {value:g}")
    for option in fields(options):
        value, default = getattr(options, option.name), getattr(type(options), option.name)
        same = math.isclose(value, default) if isinstance(value, float) else value == default
        flag = option.name.replace("_", "-")
        if not same:
            parts.append(
                {True: f"--{flag}", False: f"--no-{flag}"}[value] if option.type is bool else f"--{flag} {value}"
            )
    return " ".join(parts)
