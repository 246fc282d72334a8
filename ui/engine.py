"""The pipeline behind a tab: loaded once in the background, run by one person at a time."""

import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np

from pipelines.errors import Cancelled, PhiltrumError
from pipelines.results import CleftInpaintingResult

JOB = "cleft-inpainting"

Progress = Callable[[float, str], None]

_POLL = 0.2  # seconds between two looks at whether a waiting run was stopped


class Pipeline(Protocol):
    """What the tab runs: see ``pipelines.cleft_inpainting.pipeline.CleftInpainting``."""

    def __call__(
        self,
        photo: np.ndarray,
        mask: np.ndarray | None = None,
        *,
        extent: str = "philtrum",
        face: int = 0,
        grow: float = 0.0,
        feather: float | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> CleftInpaintingResult: ...


class Engine:
    """Loads the pipeline when first asked and keeps it.

    Importing PyTorch and MediaPipe takes seconds, so the page is served first and :meth:`warm_up` loads them behind it.

    Args:
        device: as in ``pipelines.devices.choose``.
        precision: as in ``pipelines.devices.choose``.
        pipeline: a pipeline to use instead of the real one.
    """

    def __init__(self, device: str = "auto", precision: str = "auto", pipeline: Pipeline | None = None):
        self.ready = threading.Event()
        """Set once loading has ended, well or badly."""
        self._device, self._precision = device, precision
        self._pipeline = pipeline
        self._problem = ""
        self._loading, self._running = threading.Lock(), threading.Lock()

    def warm_up(self) -> threading.Thread:
        """Loads the pipeline and runs it once on a public-domain portrait, in the background."""
        thread = threading.Thread(target=self._warm_up, name="warm-up", daemon=True)
        thread.start()
        return thread

    def load(self) -> Pipeline:
        """The pipeline, loaded if need be.

        Raises:
            PhiltrumError: the device does not exist, or the weights are missing or damaged.
        """
        with self._loading:
            if self._pipeline is None:
                from pipelines.cleft_inpainting.pipeline import CleftInpainting

                self._pipeline = CleftInpainting(device=self._device, precision=self._precision)
            return self._pipeline

    def run(
        self, photo: np.ndarray, mask: np.ndarray | None, *, progress: Progress | None = None, **options
    ) -> CleftInpaintingResult:
        """Runs the pipeline, after whoever runs it now.

        A run that was stopped may still be at work until its next report of progress; a new one waits for it here, so
        that two never share the processor's memory. While it waits it reports, and so can be stopped too.
        """
        pipeline = self.load()
        while not self._running.acquire(timeout=_POLL):
            if progress is not None:
                progress(0.0, "waiting for another run to end")
        try:
            return pipeline(photo, mask, progress=progress, **options)
        finally:
            self._running.release()

    def status(self) -> dict[str, str]:
        """What the status line says: ``state``, ``device``, ``weights`` and ``memory``, each for people."""
        from pipelines import devices, store

        facts = {"state": self._problem or "Ready"}
        try:
            device = devices.choose(self._device, self._precision)
            facts |= {"device": device.label, "memory": device.memory()}
            entry = store.find(job=JOB)
            facts["weights"] = f"{entry.name} {(entry.sha256 or '')[:12]}"
        except PhiltrumError as error:
            facts["state"] = str(error)
        return facts

    def _warm_up(self) -> None:
        try:
            from skimage.data import astronaut

            self.run(astronaut(), None, extent="philtrum")
        except PhiltrumError as error:
            self._problem = str(error)  # the same sentence meets whoever presses Run
        except Exception as error:  # a page that explains is better than none
            self._problem = f"The network could not be loaded ({type(error).__name__})."
        finally:
            self.ready.set()


def stoppable(stop: threading.Event, progress: Progress) -> Progress:
    """``progress`` that ends the run with :class:`~pipelines.errors.Cancelled` once ``stop`` is set."""

    def report(fraction: float, text: str) -> None:
        if stop.is_set():
            raise Cancelled("The run was stopped.")
        progress(fraction, text)

    return report
