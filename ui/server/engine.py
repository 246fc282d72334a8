"""The pipelines behind the tabs: loaded once in the background, run by one person at a time."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.arrays import Mask, Pixels
from pipelines.errors import Cancelled, PhiltrumError
from pipelines.jobs import JOBS, resolve
from pipelines.languages.translation import _
from pipelines.models import manifest, store
from pipelines.progress import Progress
from pipelines.results import AnomalyScoringResult, RepaintResult
from ui.server.turns import Turns

if TYPE_CHECKING:  # it imports PyTorch, and the page is served before
    from pipelines.devices import Precision

GPU: dict[str, Any] = {"concurrency_id": "gpu", "concurrency_limit": 16}
"""Of every event that computes. :class:`~ui.server.turns.Turns` runs one at a time; gradio lets more in, so that
whoever waits is told for what, in words."""


class Pipeline(Protocol):
    """What a tab runs; see ``pipeline.py`` of each job, and :mod:`ui.server.scorers`."""

    def __call__(
        self,
        photo: Pixels,
        *,
        mask: Mask | None = None,
        face: int = 0,
        seed: int = 0,
        progress: Progress | None = None,
        **own: Any,
    ) -> RepaintResult | AnomalyScoringResult: ...


def jobs_that_work() -> tuple[str, ...]:
    """Jobs with a tab, in its order: those that need no weights or whose default weights the manifest names, and those
    that are offered always.

    Looks into the manifest's tables themselves, so that one broken entry keeps no other job from being offered.

    Raises:
        WeightsCorrupt: the manifest is no TOML.
    """
    tables = manifest.read_tables(store.manifest_path()).values()
    named = {table.get("job") for table in tables if table.get("default")}
    return tuple(
        name for name, job in JOBS.items() if job.tab and (job.always or job.weights is None or job.weights in named)
    )


class Engine:
    """Loads each job's pipeline when first asked and keeps it.

    Importing PyTorch and MediaPipe takes seconds, so the page is served first and :meth:`warm_up` loads them behind it.

    Args:
        device: as in ``pipelines.devices.choose``.
        precision: as in ``pipelines.devices.choose``.
        pipelines: pipelines to use instead of the real ones, by job.

    Attributes:
        jobs: what can be run, in the order of the tabs.
        ready: set once loading has ended, well or badly.
    """

    def __init__(
        self,
        device: str = "auto",
        precision: "Precision" = "auto",
        *,
        pipelines: Mapping[str, Pipeline] | None = None,
    ):
        self.ready = threading.Event()
        self.jobs = jobs_that_work() if pipelines is None else tuple(pipelines)
        self._device, self._precision = device, precision
        self._pipelines = dict(pipelines or {})
        self._problems: dict[str, str] = {}
        self._loading, self._turns = threading.Lock(), Turns()

    def warm_up(self) -> threading.Thread:
        """Loads every pipeline and runs it once on a public-domain portrait, in the background."""
        thread = threading.Thread(target=self._warm_up, name="warm-up", daemon=True)
        thread.start()
        return thread

    def load(self, job: str) -> Pipeline:
        """The pipeline of a job, loaded if need be.

        Raises:
            PhiltrumError: the device does not exist, or the weights are missing or damaged.
        """
        with self._loading:
            if job not in self._pipelines:
                row = JOBS[job]
                make = resolve(row.served or row.pipeline)
                self._pipelines[job] = make(device=self._device, precision=self._precision)
            return self._pipelines[job]

    def run(self, job: str, photo: Pixels, *, progress: Progress | None = None, **options: Any) -> Any:
        """Runs a job's pipeline when it is its turn.

        A run that was stopped may still be at work until its next report of progress; a new one waits for it, so that
        two never compute at once. While it waits it reports, and so can be stopped too.
        """
        from pipelines.devices import give_memory_back

        pipeline, slow = self.load(job), JOBS[job].is_slow(options)
        with self._turns.turn(f"{job}, slow" if slow else job, slow, progress or _silent) as report:
            try:
                return pipeline(photo, progress=report, **options)
            finally:
                give_memory_back()

    def status(self) -> dict[str, str]:
        """What the status line says: ``state``, ``device``, ``weights`` and ``memory``, each for people."""
        from pipelines import devices

        facts = {"state": next(iter(self._problems.values()), None) or self._turns.state() or _("Ready")}
        try:
            device = devices.choose(self._device, self._precision)
            facts |= {"device": device.label, "memory": device.memory()}
            entries = [store.find(job=job) for name in self.jobs if (job := JOBS[name].weights)]
            labels = dict.fromkeys(f"{entry.name} {(entry.sha256 or '')[:12]}" for entry in entries)
            facts["weights"] = ", ".join(labels)
        except PhiltrumError as error:
            facts["state"] = str(error)
        return facts

    def _warm_up(self) -> None:
        for job in self.jobs:
            try:
                from skimage.data import astronaut

                self.run(job, astronaut(), **JOBS[job].warm_up)
            except PhiltrumError as error:
                self._problems[job] = str(error)  # the same sentence meets whoever presses Run
            except Exception as error:  # a page that explains is better than none
                self._problems[job] = _("The network could not be loaded ({name}).").format(name=type(error).__name__)
        self.ready.set()


def _silent(fraction: float, text: str) -> None:
    """Progress that nobody looks at."""


def stoppable(stop: threading.Event, progress: Progress) -> Progress:
    """``progress`` that ends the run with :class:`~pipelines.errors.Cancelled` once ``stop`` is set."""

    def report(fraction: float, text: str) -> None:
        if stop.is_set():
            raise Cancelled(_("The run was stopped."))
        progress(fraction, text)

    return report
