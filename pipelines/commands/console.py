"""All that the command line says: results on standard output; trouble and progress on standard error."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


def say(text: str) -> None:
    """One line of result."""
    print(text, flush=True)


def complain(text: str) -> None:
    """One sentence about what went wrong."""
    print(text, file=sys.stderr, flush=True)


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
                bar.set_postfix_str(f"{int(done)} of {total} {unit}s done", refresh=False)
            bar.n = done
            bar.refresh()  # at once: tqdm's own pace would leave the last stage on screen while the next one works

        yield progress
