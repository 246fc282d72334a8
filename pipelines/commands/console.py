"""All that the command line says: results on standard output; trouble and progress on standard error."""

import codecs
import io
import logging
import os
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from pipelines.languages.translation import _

_PLAIN = {
    "“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-", "−": "-", "×": "x", "·": "*", "→": "->",
    "≤": "<=", "≥": ">=", "°": " deg", "ρ": "rho", "★": "*", "\u200e": "",
}  # fmt: skip
"""How signs that we write look where the console has only ASCII."""


def settle() -> None:
    """Makes the process's console ours, before anything is said: libraries are silent, and no sign is too much for it.

    Libraries warn of what a person at the console can do nothing about; what goes wrong they raise, and their errors
    are still logged. ``python -W`` and PYTHONWARNINGS bring the warnings back.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if logging.lastResort:
        logging.lastResort.setLevel(logging.ERROR)
    codecs.register_error(_plain.__name__, _plain)
    for stream in _streams():
        stream.reconfigure(errors=_plain.__name__)


def say(text: str) -> None:
    """One line of result."""
    print(text, flush=True)


def complain(text: str) -> None:
    """One sentence about what went wrong."""
    print(text, file=sys.stderr, flush=True)


def finish() -> None:
    """Writes what is still kept back.

    Raises:
        OSError: nobody reads it any more, or the disk is full.
    """
    for stream in _streams():
        stream.flush()


def abandon() -> None:
    """Gives up what cannot be written, so that the interpreter does not try again when it ends, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in _streams():
        with suppress(OSError):
            stream.flush()
            continue
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def table(rows: Sequence[Sequence[str]]) -> None:
    """Rows with aligned columns; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def progress_bar(total: int = 1, unit: str = "") -> Iterator[Callable[[float, str], None]]:
    """A bar on standard error while it is a terminal; nothing where it is a file or a pipe.

    Args:
        total: what 100 % is.
        unit: what is counted, as in ``"photo"``.

    Yields:
        ``progress(done, text)``, ``done`` from 0 to ``total``.
    """
    from tqdm import tqdm

    shape = "{desc} {percentage:3.0f}%|{bar}| {elapsed} < {remaining}{postfix}"
    with tqdm(total=total, bar_format=shape, disable=None, leave=False, file=sys.stderr) as bar:

        def progress(done: float, text: str) -> None:
            bar.set_description_str(f"{text:<20.20}", refresh=False)
            if unit:
                bar.set_postfix_str(
                    _("{number} of {count} photos done").format(number=int(done), count=total), refresh=False
                )
            bar.n = done
            bar.refresh()  # at once: tqdm's own pace would leave the last stage on screen while the next one works

        yield progress


def _streams() -> list[io.TextIOWrapper]:
    """Standard output and error, as far as they are open files; a closed one is None, and a notebook has its own."""
    return [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, io.TextIOWrapper)]


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What is written of signs that the console's encoding lacks: their likeness in ASCII, or a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = []
    for sign in error.object[error.start : error.end]:
        letters = "".join(one for one in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(one))
        found.append(_PLAIN.get(sign, letters if letters.isascii() else "?"))
    return "".join(found), error.end
