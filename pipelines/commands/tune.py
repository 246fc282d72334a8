"""``tune JOB``: a recipe's hyper-parameters, one at a time, by short runs."""

import argparse
import importlib
from dataclasses import asdict

from pipelines.commands import console

SEARCHES = {"cleft-inpainting": "pipelines.cleft_inpainting.tune"}
"""Job → module with ``add_arguments(parser)`` and ``run(args, progress) -> the best options``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds a sub-command for each job."""
    jobs = parser.add_subparsers(dest="job", metavar="JOB", required=True)
    for job, module in SEARCHES.items():
        importlib.import_module(module).add_arguments(jobs.add_parser(job, help=f"the search of {job}"))


def run(args: argparse.Namespace) -> int:
    """Searches and shows the best options.

    Raises:
        PhiltrumError: the data, the loss network or an option does not fit.
    """
    with console.progress_bar() as progress:
        best = importlib.import_module(SEARCHES[args.job]).run(args, progress)
    console.table([("option", "best value"), *((name, str(value)) for name, value in asdict(best).items())])
    return 0
