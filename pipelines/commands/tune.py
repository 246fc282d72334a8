"""``tune JOB``: a recipe's hyper-parameters, one at a time, by short runs."""

import argparse
from dataclasses import asdict

from pipelines.commands import console
from pipelines.jobs import JOBS, resolve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds a sub-command for each job."""
    jobs = parser.add_subparsers(dest="job", metavar="JOB", required=True)
    for name, job in JOBS.items():
        if job.search:
            resolve(job.search).add_arguments(jobs.add_parser(name, help=f"the search of {name}"))


def run(args: argparse.Namespace) -> int:
    """Searches and shows the best options.

    Raises:
        PhiltrumError: the data, the loss network or an option does not fit.
    """
    with console.progress_bar() as progress:
        best = resolve(JOBS[args.job].search).run(args, progress)
    console.table([("option", "best value"), *((name, str(value)) for name, value in asdict(best).items())])
    return 0
