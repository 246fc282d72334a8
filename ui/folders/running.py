"""The run over a folder's photos: one after the other, each kept as soon as it is there, whatever becomes of others.

It works in a thread of its own, so that the page can be told of every step and a stopped run shows at once what it has.
"""

import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.cases.case import Case
from pipelines.errors import Cancelled, PhiltrumError
from pipelines.exports.bundles import write
from pipelines.exports.interface import exports_of
from pipelines.exports.summary import sentence
from pipelines.exports.tables import of_case
from pipelines.faces.images import read_image
from ui.folders.base import FolderJob
from ui.parts.widgets import explain
from ui.server.engine import Engine, stoppable
from ui.server.sessions import Work
from ui.server.time_left import time_left
from ui.session.folders import Folder, Made, Row

STEM = "result"
"""What a photo's files are called until they are downloaded."""

_LOOK, _LEAST = 0.5, 0.2  # seconds between two times that the page is told, at most and at least


class FolderRun:
    """A run.

    Args:
        job: what is done with each photo.
        engine: runs the pipeline.
        folder: the photos.
        settings: of the job.
        case: whose photos they are.
        stop: stops it.
        work: of the page's view.
    """

    def __init__(
        self,
        job: FolderJob,
        engine: Engine,
        folder: Folder,
        settings: Mapping[str, Any],
        case: Case | None,
        stop: threading.Event,
        work: Work,
    ) -> None:
        self.job, self.engine, self.folder = job, engine, folder
        self.settings, self.case, self.stop = dict(settings), case, stop
        self.told = ""
        self._work_of, self._news = work, threading.Event()

    def over(self, rows: Sequence[Row]) -> Iterator[None]:
        """Works on the photos; yields when there is something new to tell, and when it is over or stopped.

        Args:
            rows: of the photos, in the order of work.
        """
        worker = threading.Thread(target=self._work, args=(rows,), name="folder", daemon=True)
        worker.start()
        while worker.is_alive() and not self.stop.is_set():
            self._news.wait(_LOOK)
            time.sleep(_LEAST)
            self._news.clear()
            yield
        self.folder.halt()  # what is still at work ends at its next report, and gives nothing any more
        yield

    def _work(self, rows: Sequence[Row]) -> None:
        start = time.monotonic()
        for number, row in enumerate(rows):
            self.told = time_left(number / len(rows), time.monotonic() - start)
            try:
                self._one(row)
            except Cancelled:
                if self.stop.is_set():
                    return
            self._news.set()

    def _one(self, row: Row) -> None:
        """Works on a photo, and keeps what was made, or why that failed.

        Raises:
            Cancelled: the run was stopped, or the photo was removed meanwhile.
        """
        by = self.job.wanted(row, self.folder, self.settings)
        place = row.folder / secrets.token_urlsafe(8)
        self.folder.begin(row, self.stop)
        self._news.set()
        try:
            place.mkdir(parents=True, mode=0o700)
            self.folder.take(row, self._made(row, by, place), self.stop)
        except Cancelled:
            shutil.rmtree(place, ignore_errors=True)
            if self._work_of.gone.is_set():  # the page was closed, and its folder may have been made again
                shutil.rmtree(self._work_of.folder, ignore_errors=True)
            raise
        except Exception as error:  # one odd photo must not cost the others their results
            shutil.rmtree(place, ignore_errors=True)
            if not isinstance(error, PhiltrumError | OSError):
                explain(error)  # to the log, without names
            self.folder.fail(row, sentence(error), by, self.stop)

    def _made(self, row: Row, by: str, place: Any) -> Made:
        start = time.perf_counter()

        def report(fraction: float, text: str) -> None:
            self.folder.tell(row, fraction, text, self.stop)
            self._news.set()

        pixels = read_image(row.path)
        given = self.job.given(pixels, row, self.folder, self.settings)
        drawn = self.engine.run(self.job.job, pixels, progress=stoppable(self.stop, report), **given.options)
        result = of_case(drawn, self.case)
        exports = exports_of(self.job.job)
        files = write(exports, result, place, STEM)
        self.job.keep(result, place)
        says = exports.row(result, given.references)
        return Made(by, time.perf_counter() - start, says, self.job.cells(result, given), place, files)
