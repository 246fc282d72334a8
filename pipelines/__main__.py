"""The command line: ``python -m pipelines COMMAND``.

Exit status: 0 all done; 1 some of it failed; 2 nothing could run, and one sentence on standard error says why; 130
stopped by Ctrl-C.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence

from pipelines import __version__
from pipelines.commands import console
from pipelines.errors import PhiltrumError
from pipelines.threads import wait_passively

COMMANDS = {
    "cleft-inpainting": ("cleft_inpainting", "predict the non-cleft face in a photo, or in every photo of a folder"),
    "mask-removal": ("mask_removal", "draw the face without its mask in a photo, or in every photo of a folder"),
    "anomaly-scoring": ("anomaly_scoring", "score how far a face is from its normalized version, or each of a folder"),
    "study": ("study", "score a cohort of photos, and compare the scores with ratings and surgery"),
    "weights": ("weights", "list, verify, get or import network weights"),
    "doctor": ("doctor", "check this installation and run a self-test"),
    "prepare": ("prepare", "make a set of faces one that training starts from in seconds"),
    "train": ("train", "train a job's network"),
    "tune": ("tune", "search a recipe's hyper-parameters"),
    "lists": ("lists", "split a folder of photos into train.txt, val.txt and test.txt"),
}
"""Command → module in :mod:`pipelines.commands`, and what it does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: the words after ``python -m pipelines``; those of the process where None.

    Returns:
        The exit status.
    """
    wait_passively()
    console.settle()
    status = 1
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        console.finish()
    except OSError:  # whoever read the output has seen enough, or there is no room for it
        console.abandon()
        return status or 1
    return status


def _run(words: Sequence[str]) -> int:
    """Runs a command and says what went wrong.

    Raises:
        OSError: nobody reads what is said.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pipelines",
        description="Philtrum: face-photo jobs for craniofacial research.",
        epilog="Research use only. Not a diagnostic device.",
    )
    parser.add_argument("--version", action="version", version=f"Philtrum {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run: Callable[[argparse.Namespace], int] | None = None
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if words[:1] == [name]:  # only the one that is asked for is imported
            chosen = importlib.import_module(f"pipelines.commands.{module}")
            chosen.add_arguments(command)
            run = chosen.run
    try:
        args = parser.parse_args(words)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    assert run is not None  # argparse has refused every other command
    try:
        return run(args)
    except PhiltrumError as error:
        console.complain(str(error))
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:
        console.complain(f"A file could not be read or written: {(error.strerror or 'unknown reason').lower()}.")
        return 2
    except KeyboardInterrupt:
        console.complain("Stopped.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
