"""How a run tells where it is, and how long each stage of it took."""

import time
from collections.abc import Callable

from pipelines.languages.translation import _

Progress = Callable[[float, str], None]
"""Called with a fraction, 0-1, and a text before each stage; what it raises stops the run."""


class Stages:
    """Announces each stage and takes its time.

    ``with stage(N_("network"), 0.5): ...`` calls the progress, then adds the seconds to :attr:`seconds`. A stage may be
    entered again, where the work goes to and fro.

    Args:
        progress: is told; None tells nobody.

    Attributes:
        seconds: wall time of each stage so far, in the order in which they were first entered.
    """

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    def __call__(self, name: str, fraction: float) -> "Stages":
        if self._progress:
            self._progress(fraction, _(name))
        self._name = name
        return self

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds[self._name] = self.seconds.get(self._name, 0.0) + time.perf_counter() - self._start

    def done(self) -> None:
        """Reports the end."""
        if self._progress:
            self._progress(1.0, _("done"))


def within(progress: Progress | None, start: float, end: float) -> Progress | None:
    """A part of a run, from one fraction of it to another, that is told as a whole of its own."""
    if progress is None:
        return None
    return lambda fraction, text: progress(start + (end - start) * fraction, text)
