"""Whose turn it is: one job at a time, told in words to those who wait, and no long one holds up the short ones.

A job of a second need not wait for one of minutes: at its reports of progress a long job lets a short one pass that
waits, and goes on where it was. So that it gets somewhere, it works for a while between two that pass.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipelines.languages.translation import _, ngettext
from pipelines.progress import Progress
from ui.server.time_left import duration

WAITING = _("waiting for")
"""Stands in what a job's progress is told while others have their turn, and in nothing else that it is told."""

_POLL = 0.2  # seconds between two looks at whether a waiting job was stopped
_BETWEEN = 1.0  # seconds that a long job works between two short ones that pass
_PATIENCE = 60.0  # seconds after which a long job waits no longer behind short ones that came later
_GUESS = {False: 5.0, True: 60.0}  # seconds of a short and of a long job of a kind that has not run yet
_SURE = 0.05  # share of the work before which its speed says nothing

_numbers = itertools.count()


@dataclass(eq=False)
class Turn:
    """A job that runs or waits.

    Attributes:
        kind: jobs of one kind take about the same time.
        long: whether it lets others pass.
        came: when.
        number: of the order in which jobs came.
        worked: seconds of work before the present stretch.
        begun: when that began.
        fraction: how much is done, 0-1.
        paused: whether it let another pass and waits to go on.
    """

    kind: str
    long: bool
    came: float = field(default_factory=time.monotonic)
    number: int = field(default_factory=lambda: next(_numbers))
    worked: float = 0.0
    begun: float = 0.0
    fraction: float = 0.0
    paused: bool = False

    def order(self) -> tuple[int, int]:
        """Who is next: whoever let another pass, then in the order of coming, short jobs first."""
        late = self.long and time.monotonic() - self.came < _PATIENCE
        return (0 if self.paused else 2 if late else 1), self.number


class Turns:
    """Gives one job at a time its turn."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: Turn | None = None
        self._waiting: list[Turn] = []
        self._seconds: dict[str, float] = {}

    @contextmanager
    def turn(self, kind: str, long: bool, progress: Progress) -> Iterator[Progress]:
        """Waits for the turn, and holds it.

        Args:
            kind: see :class:`Turn`.
            long: likewise.
            progress: is told how long there is to wait; what it raises ends the waiting.

        Yields:
            The progress that the job shall report to.
        """
        mine = Turn(kind, long)
        self._wait(mine, lambda words: progress(0.0, words))

        def report(fraction: float, text: str) -> None:
            mine.fraction = fraction
            progress(fraction, text)
            if long and self._let_pass(mine):
                self._wait(
                    mine, lambda words: progress(fraction, _("paused, {words}").format(words=words)), joined=True
                )

        try:
            yield report
        finally:
            self._leave(mine)

    def state(self) -> str | None:
        """What runs and waits, for people; None where nothing does."""
        with self._changed:
            waiting = len(self._waiting)
            if self._running is None and not waiting:
                return None
        if not waiting:
            return _("Busy: one job runs")
        said = ngettext("Busy: one job runs, {count} waits", "Busy: one job runs, {count} wait", waiting)
        return said.format(count=waiting)

    def _wait(self, mine: Turn, tell: Callable[[str], None], joined: bool = False) -> None:
        with self._changed:
            if not joined:
                self._waiting.append(mine)
            self._grant()
        try:
            while True:
                with self._changed:
                    if self._running is mine:
                        return
                    words = self._words(mine)
                tell(words)
                with self._changed:
                    self._changed.wait_for(lambda: self._running is mine, _POLL)
        except BaseException:
            self._leave(mine)
            raise

    def _grant(self, to: Turn | None = None) -> None:
        if self._running is None and self._waiting:
            self._running = to or min(self._waiting, key=Turn.order)
            self._waiting.remove(self._running)
            self._running.begun, self._running.paused = time.monotonic(), False
            self._changed.notify_all()

    def _let_pass(self, mine: Turn) -> bool:
        with self._changed:
            short = min((one for one in self._waiting if not one.long), key=Turn.order, default=None)
            now = time.monotonic()
            if short is None or now - mine.begun < _BETWEEN:
                return False
            mine.worked, mine.paused = mine.worked + now - mine.begun, True
            self._running = None
            self._waiting.append(mine)
            self._grant(short)
            return True

    def _leave(self, mine: Turn) -> None:
        with self._changed:
            if mine in self._waiting:
                self._waiting.remove(mine)
            if self._running is mine:
                if mine.fraction >= 1:  # it came to its end: how long that took is worth knowing
                    self._seconds[mine.kind] = mine.worked + time.monotonic() - mine.begun
                self._running = None
                self._grant()

    def _words(self, mine: Turn) -> str:
        """ "one other job, about 60 s"."""
        ahead = [one for one in self._waiting if one.order() < mine.order()]
        if self._running is not None:
            ahead.append(self._running)
        # A long job that a short one waits for lets it pass.
        seconds = sum(_BETWEEN if one.long and not mine.long else self._left(one) for one in ahead)
        others = _("one other job")
        if len(ahead) > 1:
            others = ngettext("{count} other job", "{count} other jobs", len(ahead)).format(count=len(ahead))
        return _("{waiting} {others}, about {duration}").format(
            waiting=WAITING, others=others, duration=duration(seconds)
        )

    def _left(self, one: Turn) -> float:
        """Seconds that a job still takes: by its own speed, or as long as those of its kind."""
        spent = one.worked + (time.monotonic() - one.begun if one is self._running else 0)
        if one.fraction > _SURE:
            return spent * (1 - one.fraction) / one.fraction
        return max(1.0, self._seconds.get(one.kind, _GUESS[one.long]) - spent)
