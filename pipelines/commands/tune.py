"""``tune JOB``: a recipe's hyper-parameters, one at a time, by short runs."""

import argparse
from dataclasses import asdict

from pipelines.commands import console
from pipelines.jobs import JOBS, resolve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds a sub-command for each job."""
    jobs = parser.add_subparsers(dest="job", metavar="JOB", required=True)
    for job, module in _searches().items():
        resolve(module).add_arguments(jobs.add_parser(job, help=f"the search of {job}"))


def run(args: argparse.Namespace) -> int:
    """Searches and shows the best options.

    Raises:
        PhiltrumError: the data, the loss network or an option does not fit.
    """
    with console.progress_bar() as progress:
        best = resolve(_searches()[args.job]).run(args, progress)
    console.table([("option", "best value"), *((name, str(value)) for name, value in asdict(best).items())])
    return 0


def _searches() -> dict[str, str]:
    """Job → module of the search of its recipe's options."""
    return {name: job.search for name, job in JOBS.items() if job.search}
