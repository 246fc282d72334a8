"""The command line: ``python -m pipelines COMMAND``, or ``philtrum COMMAND`` where Philtrum is installed.

Exit status: 0 all done; 1 some of it failed; 2 nothing could run, and one sentence on standard error says why; 130
stopped by Ctrl-C.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines import __version__
from pipelines.commands import console
from pipelines.errors import PhiltrumError
from pipelines.jobs import JOBS, resolve
from pipelines.languages import command_line
from pipelines.languages.translation import N_, OPTION, _, capital, choose, languages
from pipelines.threads import wait_passively

OTHERS = {
    "study": (
        "pipelines.commands.study",
        N_("score a cohort of photos, and compare the scores with ratings and surgery"),
    ),
    "case": ("pipelines.commands.case", N_("show what a case file holds, or take its pictures and results out")),
    "weights": ("pipelines.commands.weights", N_("list, verify, get or import network weights")),
    "doctor": ("pipelines.commands.doctor", N_("check this installation and run a self-test")),
    "prepare": ("pipelines.commands.prepare", N_("make a set of faces one that training starts from in seconds")),
    "train": ("pipelines.commands.train", N_("train a job's network")),
    "tune": ("pipelines.commands.tune", N_("search a recipe's hyper-parameters")),
    "lists": ("pipelines.commands.lists", N_("split a folder of photos into train.txt, val.txt and test.txt")),
}
"""Commands that are no job's own → module, and what it does."""


def commands() -> dict[str, tuple[str, str]]:
    """Command → module, and what it does: the jobs' first."""
    return {name: (job.command, job.help) for name, job in JOBS.items() if job.command} | OTHERS


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: the words after the program's name; those of the process where None.

    Returns:
        The exit status.
    """
    wait_passively()
    console.settle()
    status = 1
    try:
        status = _spoken(list(sys.argv[1:] if argv is None else argv))
        console.finish()
    except OSError:  # whoever read the output has seen enough, or there is no room for it
        console.abandon()
        return status or 1
    return status


def _spoken(words: Sequence[str]) -> int:
    """Runs a command in the language that is asked for, which is settled before the command is imported.

    Raises:
        OSError: nobody reads what is said.
    """
    try:
        rest = choose(words)
        command_line.speak()
    except PhiltrumError as error:
        console.complain(str(error))
        return 2
    return _run(rest)


def _run(words: Sequence[str]) -> int:
    """Runs a command and says what went wrong.

    Raises:
        OSError: nobody reads what is said.
    """
    parser = argparse.ArgumentParser(
        prog="philtrum" if Path(sys.argv[0]).stem == "philtrum" else "python -m pipelines",
        description=_("Philtrum: face-photo jobs for craniofacial research."),
        epilog=_("Research use only. Not a diagnostic device."),
    )
    version = f"Philtrum {__version__}"
    parser.add_argument("--version", action="version", version=version, help=_("say the version and end"))
    parser.add_argument(
        OPTION, metavar="CODE", help=_("language: {codes} (default: en)").format(codes=", ".join(languages()))
    )
    parsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run: Callable[[argparse.Namespace], int] | None = None
    for name, (module, text) in commands().items():
        command = parsers.add_parser(name, help=_(text), description=f"{capital(_(text))}.")
        if words[:1] == [name]:  # only the one that is asked for is imported
            chosen = resolve(module)
            chosen.add_arguments(command)
            run = chosen.run
    try:
        args = parser.parse_args(words)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    assert run is not None  # argparse has refused every other command
    try:
        if hasattr(args, "prepare"):
            args.prepare(args)
        return run(args)
    except PhiltrumError as error:
        console.complain(str(error))
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or _("unknown reason")).lower()
        console.complain(_("A file could not be read or written: {reason}.").format(reason=reason))
        return 2
    except KeyboardInterrupt:
        console.complain(_("Stopped."))
        return 130


if __name__ == "__main__":
    sys.exit(main())
