"""What the server keeps for each open page, and how it forgets it.

Photos, masks and results live here, in memory and in a folder of their own, never in a component: the browser gets a
small copy to paint on, and files to download. All of it goes when the page is closed, or when nobody touched it for an
hour.
"""

import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.arrays import Pixels
from pipelines.cases.case import Case
from pipelines.cases.contents import Entry
from pipelines.errors import Cancelled, PhiltrumError
from pipelines.faces.points import Face
from pipelines.languages.translation import _
from ui.pictures.masks import Base
from ui.session.kept import Outcome, Photo, Result
from ui.session.runs import Desk, Run, Runs, Told

IDLE = 3600.0
"""Seconds after which an untouched session is forgotten; the same as the age in Blocks(delete_cache=...)."""

MOST = 64
"""Sessions kept at once; the one that was untouched for longest goes first."""

FOLDERS = 8
"""Folders of results that a tab keeps: its page needs one, and programs that use the API fetch theirs at once."""


_GONE = {
    "photo": _("There is no photo yet, or it was forgotten after an hour; choose a photo first."),
    "reference": _(
        "There is no reference photo yet, or it was forgotten after an hour; choose one, or take “Without reference”."
    ),
    "second": _("There is no second photo yet, or it was forgotten after an hour; choose one, or take “One photo”."),
}


_REPLACED = _("Another photo or face was chosen meanwhile; press Run again.")


class PhotoGone(PhiltrumError):
    """The page's photo is no longer on the server."""


class Work:
    """What one tab of an open page was given and has made.

    Args:
        folder: where it may make folders of its own.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.photos: dict[str, Photo] = {}
        """The photo and, where the job takes one, the reference or the second photo, by what they are."""
        self.more: dict[str, Photo] = {}
        """Further references by their keys, in the order that they were added in."""
        self.outcome: Outcome[Any] | None = None
        """What is shown."""
        self.runs = Runs()
        """What can be shown again; what is shown is among them, where its tab keeps results."""
        self.many: Any = None
        """The cohort or the folder that was given, of a tab that takes many photos."""
        self.stop = threading.Event()
        """Stops the run that is under way; every run has its own."""
        self.gone = threading.Event()
        """Set once the page, or the program that uses the API, is no longer there."""
        self._folders: deque[Path] = deque()
        self._changing = threading.Lock()  # whoever replaces a photo and whoever hands in a result take turns

    def take_photo(self, pixels: Pixels, faces: list[Face], size: tuple[int, int], what: str = "photo") -> Photo:
        """Replaces the photo, the reference or the second photo; what was made of the former one is no longer shown."""
        photo = Photo(secrets.token_urlsafe(8), pixels, faces, size)
        with self._changing:
            self.photos[what] = photo
            self._forget_result()
        return photo

    def photo_of(self, key: str | None, what: str = "photo", face: int | None = None) -> Photo:
        """The photo, the reference or the second photo of that name.

        Args:
            key: its name.
            what: which of the photos it is.
            face: the face that is meant; None where that does not matter.

        Raises:
            PhotoGone: the tab holds none, or another one; or another face of it was chosen.
        """
        photo = self.photos.get(what)
        if photo is None or not key:
            raise PhotoGone(_GONE[what])
        if key != photo.key or face not in (None, photo.face):
            raise PhotoGone(_REPLACED)
        return photo

    def add_reference(self, pixels: Pixels, faces: list[Face], size: tuple[int, int]) -> None:
        """Adds a further reference; what was made without it is no longer shown."""
        photo = Photo(secrets.token_urlsafe(8), pixels, faces, size)
        with self._changing:
            self.more[photo.key] = photo
            self._forget_result()

    def remove_references(self, *keys: str) -> None:
        """Removes further references, those that are still there; what was made with them is no longer shown."""
        with self._changing:
            for key in keys:
                self.more.pop(key, None)
            self._forget_result()

    def more_of(self, keys: Sequence[str] | None) -> list[Photo]:
        """The further references.

        Args:
            keys: those that the page shows.

        Raises:
            PhotoGone: the tab holds others.
        """
        if list(self.more) != list(keys or ()):
            raise PhotoGone(_REPLACED)
        return [*self.more.values()]

    def start(self) -> threading.Event:
        """Stops any run of this tab and gives the event that will stop the next.

        A run asks for it first, and for its photos then: so a photo that is replaced in between is noticed.
        """
        with self._changing:
            self.stop.set()
            self.stop = threading.Event()
            return self.stop

    def take_result(
        self,
        result: Result,
        stop: threading.Event,
        settings: dict[str, Any],
        masks: dict[str, Base],
        told: Told,
        *,
        shown: bool = True,
    ) -> Outcome[Result]:
        """Keeps a result among the runs.

        Args:
            result: what was made of the photos that are here.
            stop: of the run that made it, as :meth:`start` gave it.
            settings, masks: with which it was made (:class:`ui.session.runs.Desk`).
            told: what the strip tells of it.
            shown: whether it replaces the result that is shown.

        Raises:
            Cancelled: the run was stopped, as when another photo was chosen meanwhile, or the page was closed.
        """
        with self._changing:
            if stop.is_set():
                raise Cancelled(_("The run was stopped."))
            outcome = Outcome(result, self.lasting_folder())
            self.runs.add(outcome, Desk(dict(self.photos), dict(self.more), settings, masks), told)
            if shown:
                self._show(outcome)
            else:
                self.runs.park(outcome)
        return outcome

    def show_run(self, key: str) -> tuple[Run, Desk]:
        """Lays a run's photos out again and shows its result; what runs at this moment is stopped.

        Raises:
            RunGone: it is not kept.
        """
        with self._changing:
            run = self.runs.find(key)
            outcome, desk = run.load()
            self.stop.set()
            self._show(outcome)
            run.outcome, run.desk = outcome, desk
            self.photos, self.more = dict(desk.photos), dict(desk.more)
            desk.turn_faces()
        return run, desk

    def choose_run(self, key: str) -> None:
        """Makes a run the case's result for its photo, or takes that back.

        Raises:
            RunGone: it is not kept.
        """
        with self._changing:
            self.runs.choose(key)

    def remove_run(self, key: str) -> None:
        """Forgets a run; where its result is shown, that too."""
        with self._changing:
            run = self.runs.of(self.outcome)
            if run is not None and run.key == key:
                self.outcome = None
            self.runs.remove(key)

    def _show(self, outcome: Outcome | None) -> None:
        """Shows another outcome, or none; the former one moves into its file."""
        previous, self.outcome = self.outcome, outcome
        if previous is not None and previous is not outcome:
            self.runs.park(previous)

    def replace(
        self, photos: dict[str, Photo], more: dict[str, Photo], kept: Sequence[tuple[Outcome[Any], Desk, Told, bool]]
    ) -> None:
        """Puts other photos and results in the place of all that is here; a run that goes on is stopped.

        Args:
            photos: as :attr:`photos`.
            more: as :attr:`more`.
            kept: results, what each was made with, what is told of it and whether it was chosen; the last is shown
                where it was made of ``photos``.
        """
        with self._changing:
            self.stop.set()
            self.outcome = None
            self.runs.clear()
            for outcome, desk, told, chosen in kept:
                self.runs.add(outcome, desk, told).chosen = chosen
                self._show(outcome)
            self.photos, self.more = photos, more
            if self.outcome is not None and kept[-1][1].photos["photo"] is not photos.get("photo"):
                self._show(None)

    def choose_face(self, photo: Photo, face: int) -> None:
        """Turns to another face of a photo; what was made of the former one is no longer shown."""
        with self._changing:
            photo.face = face
            self._forget_result()

    def _forget_result(self) -> None:
        self.stop.set()
        self._show(None)

    def lasting_folder(self) -> Path:
        """An empty folder that stays until the page is closed.

        Raises:
            Cancelled: the page was closed while its run went on; nothing may be written for it any more.
        """
        folder = self.folder / secrets.token_urlsafe(8)
        folder.mkdir(parents=True, mode=0o700)
        if self.gone.is_set():  # looked at last, so that closing either sees the folder or is seen here
            shutil.rmtree(self.folder, ignore_errors=True)
            raise Cancelled(_("The page was closed."))
        return folder

    def new_folder(self) -> Path:
        """An empty folder. Of :data:`FOLDERS` and more, the oldest goes.

        Raises:
            Cancelled: as :meth:`lasting_folder`.
        """
        folder = self.lasting_folder()
        self._folders.append(folder)
        while len(self._folders) > FOLDERS:
            shutil.rmtree(self._folders.popleft(), ignore_errors=True)
        return folder

    def close(self) -> None:
        """Stops the run and forgets photos, result and files."""
        self.gone.set()
        self.stop.set()
        self.photos.clear()
        self.more.clear()
        self.outcome = self.many = None
        self.runs.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


class Session:
    """One open page.

    Args:
        cache: the folder in which the session makes its own.

    Attributes:
        case: whose desk it is, or None.
        others: entries of the case file that was opened which no tab shows; they are saved again with the rest.
        desk: counts the desks: a new case and one that was opened begin another.
    """

    def __init__(self, cache: Path):
        self.folder = cache / f"session-{secrets.token_urlsafe(16)}"
        self.touched = time.monotonic()
        self.case: Case | None = None
        self.others: tuple[Entry, ...] = ()
        self.desk = 0
        self._works: dict[str, Work] = {}
        self._closed = False
        self._lock = threading.Lock()

    def work(self, job: str) -> Work:
        """What the tab of a job holds."""
        with self._lock:
            work = self._works.setdefault(job, Work(self.folder))
            if self._closed:
                work.close()
            return work

    def close(self) -> None:
        """Closes every tab."""
        with self._lock:
            self._closed = True
            self.case, self.others = None, ()
            for work in self._works.values():
                work.close()


class Sessions:
    """All open pages, by gradio's session hash. Thread-safe."""

    def __init__(self, cache: str | Path):
        self._cache = Path(cache)
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, key: str | None) -> Session:
        """The session of a page; a new one where there is none. Forgets the ones that nobody touched for long."""
        with self._lock:
            session = self._sessions.setdefault(key or "", Session(self._cache))
            session.touched = time.monotonic()
            closed = self._outdated()
        for other in closed:
            other.close()
        return session

    def close(self, key: str | None) -> None:
        """Forgets a page."""
        with self._lock:
            session = self._sessions.pop(key or "", None)
        if session is not None:
            session.close()

    def _outdated(self) -> list[Session]:
        oldest_first = sorted(self._sessions.items(), key=lambda item: item[1].touched)
        limit = time.monotonic() - IDLE
        drop = [key for key, session in oldest_first if session.touched < limit]
        drop += [key for key, _ in oldest_first[: max(0, len(oldest_first) - MOST)] if key not in drop]
        return [self._sessions.pop(key) for key in drop]
