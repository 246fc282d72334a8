"""``train JOB``: a job's recipe, whose arguments the recipe itself names."""

import argparse
import importlib
import os

from pipelines.commands import console

RECIPES = {
    "cleft-inpainting": "pipelines.cleft_inpainting.train",
    "mask-removal": "pipelines.mask_removal.train",
    "stylegan2": "pipelines.stylegan.train",
}
"""Job → module with ``add_arguments(parser)`` and ``run(args, progress) -> whether the last step was reached``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds a sub-command for each job."""
    jobs = parser.add_subparsers(dest="job", metavar="JOB", required=True)
    for job, module in RECIPES.items():
        importlib.import_module(module).add_arguments(jobs.add_parser(job, help=f"the recipe of {job}"))


def run(args: argparse.Namespace) -> int:
    """Trains: 0 the run reached its last step, 1 it was stopped and can be resumed.

    Raises:
        PhiltrumError: the data, the loss network or an option does not fit.
    """
    recipe = importlib.import_module(RECIPES[args.job])
    finished = recipe.run(args, _announce)
    if not finished:
        console.complain("Stopped; the same command resumes the run.")
    return 0 if finished else 1


def _announce(fraction: float, text: str) -> None:
    """What happens before the first step, when the recipe's own bar begins; under torchrun one process speaks."""
    if os.environ.get("RANK", "0") == "0":
        console.complain(f"{text}, {100 * fraction:.0f} %")
