"""``train JOB``: a job's recipe, whose arguments the recipe itself names."""

import argparse
import os

from pipelines.commands import console
from pipelines.jobs import JOBS, resolve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds a sub-command for each job."""
    jobs = parser.add_subparsers(dest="job", metavar="JOB", required=True)
    for name, job in JOBS.items():
        if job.recipe:
            resolve(job.recipe).add_arguments(jobs.add_parser(name, help=f"the recipe of {name}"))


def run(args: argparse.Namespace) -> int:
    """Trains: 0 the run reached its last step, 1 it was stopped and can be resumed.

    Raises:
        PhiltrumError: the data, the loss network or an option does not fit.
    """
    finished = resolve(JOBS[args.job].recipe).run(args, _announce)
    if not finished:
        console.complain("Stopped; the same command resumes the run.")
    return 0 if finished else 1


def _announce(fraction: float, text: str) -> None:
    """What happens before the first step, when the recipe's own bar begins; under torchrun one process speaks."""
    if os.environ.get("RANK", "0") == "0":
        console.complain(f"{text}, {100 * fraction:.0f} %")
