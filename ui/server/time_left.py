"""How long a run still takes, said beside what it does."""

import math
import time
from collections.abc import Callable

from pipelines.languages.translation import _
from pipelines.progress import Progress

_SURE = 2.0  # seconds before which nothing is said: the first steps load networks
_LEAST = 0.05  # share of the work before which nothing is said


def with_time_left(progress: Progress, clock: Callable[[], float] = time.monotonic) -> Progress:
    """``progress`` whose text ends with the time left, as in "adapting 31/50, about 12 s left".

    The time is what the rest takes at the mean speed so far.

    Args:
        progress: is told a fraction, 0-1, and a text.
        clock: gives seconds.
    """
    start = clock()

    def report(fraction: float, text: str) -> None:
        left = time_left(fraction, clock() - start)
        progress(fraction, f"{text}, {left}" if left else text)

    return report


def time_left(share: float, spent: float) -> str:
    """``"about 12 s left"`` at the mean speed so far; empty where it is too early to say, and where all is done.

    Args:
        share: of the work that is done, 0-1.
        spent: seconds that it took.
    """
    if spent < _SURE or not _LEAST <= share < 1:
        return ""
    return _("about {duration} left").format(duration=duration(spent / share * (1 - share)))


def duration(seconds: float) -> str:
    """Seconds for people: "12 s", "3 min"."""
    seconds = max(1, math.ceil(seconds))
    return f"{seconds} s" if seconds < 100 else f"{math.ceil(seconds / 60)} min"


def part_of(progress: Progress, number: int, count: int, name: str = "") -> Progress:
    """``progress`` of one of several runs that follow one another.

    Args:
        progress: of all of them.
        number: which run, from 0.
        count: how many there are.
        name: begins the text, where it says anything.
    """
    begin = f"{name}: " if name else ""
    return lambda fraction, text: progress((number + fraction) / count, begin + text)
