"""The results of one tab of an open page, each with what it was made with, so that its desk can be laid out again.

The one that is shown lies in memory, the others in files of the session's folder, which go with it: a dozen results of
large photos would fill a server's memory, and a dozen people's much more.
"""

import pickle
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import PhiltrumError
from pipelines.languages.translation import _
from ui.pictures.masks import Base
from ui.session.kept import Outcome, Photo

MOST = 12
"""Results that a tab keeps; of those that were not chosen the oldest goes first."""

_FILE = "run.pickle"


class RunGone(PhiltrumError):
    """The session no longer keeps the result."""


@dataclass(frozen=True)
class Desk:
    """What a result was made with.

    Attributes:
        photos: by what they are (:attr:`ui.server.sessions.Work.photos`).
        more: further references by their keys.
        settings: of the page, by the names that its tab gives them (:attr:`ui.tabs.base.ResultTab.kept_settings`).
        masks: of the photos, by what these are.
        faces: which face of each photo was chosen, by the photos' keys.
    """

    photos: dict[str, Photo]
    more: dict[str, Photo]
    settings: dict[str, Any]
    masks: dict[str, Base] = field(default_factory=dict)
    faces: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        faces = {photo.key: photo.face for photo in (*self.photos.values(), *self.more.values())}
        object.__setattr__(self, "faces", faces)

    def turn_faces(self) -> None:
        """Turns the photos to the faces that were chosen then."""
        for photo in (*self.photos.values(), *self.more.values()):
            photo.face = self.faces[photo.key]


@dataclass(frozen=True)
class Told:
    """What the strip of results tells of one.

    Attributes:
        said: what it was made with, in a few words.
        thumbnail: data URL of a small picture of it.
        seconds: that it took.
    """

    said: str
    thumbnail: str
    seconds: float


@dataclass
class Run:
    """A result of the session.

    Attributes:
        number: counts the tab's results, from 1.
        told: what is told of it.
        folder: where its files lie.
        photo: key of the photo that it is of.
        outcome, desk: what was made, and with what; None while they lie in a file.
        chosen: whether it is the case's result for this photo.
        key: unguessable name.
    """

    number: int
    told: Told
    folder: Path
    photo: str
    outcome: Outcome | None
    desk: Desk | None
    chosen: bool = False
    key: str = field(default_factory=lambda: secrets.token_urlsafe(8))

    def park(self) -> None:
        """Moves what was made from memory into a file.

        Raises:
            OSError: it cannot be written; what was made stays in memory.
        """
        if self.outcome is not None:
            # Read again by nobody but this process, from a folder that only its user may open.
            data = pickle.dumps((self.outcome, self.desk), protocol=pickle.HIGHEST_PROTOCOL)
            (self.folder / _FILE).write_bytes(data)
            self.outcome = self.desk = None

    def load(self) -> tuple[Outcome, Desk]:
        """What was made and with what, from memory or from the file; where it lies does not change.

        Raises:
            RunGone: the page was closed meanwhile.
        """
        if self.outcome is not None and self.desk is not None:
            return self.outcome, self.desk
        try:
            outcome, desk = pickle.loads((self.folder / _FILE).read_bytes())
        except FileNotFoundError:
            raise RunGone(_GONE) from None
        return outcome, desk


_GONE = _("This result is no longer kept; run it again.")


class Runs:
    """Results in the order in which they were made. Whoever changes them holds the tab's lock."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._made = 0

    def __iter__(self) -> Iterator[Run]:
        return iter([*self._runs.values()])

    def __len__(self) -> int:
        return len(self._runs)

    def add(self, outcome: Outcome, desk: Desk, told: Told) -> Run:
        """Adds a result; beyond :data:`MOST` another one goes."""
        self._made += 1
        run = Run(self._made, told, outcome.folder, desk.photos["photo"].key, outcome, desk)
        self._runs[run.key] = run
        if len(self._runs) > MOST:
            earlier = [one for one in self if one is not run]
            self.remove(min(earlier, key=lambda one: (one.chosen, one.number)).key)
        return run

    def find(self, key: str | None) -> Run:
        """The result of that name.

        Raises:
            RunGone: it is not kept.
        """
        if key not in self._runs:
            raise RunGone(_GONE)
        return self._runs[key]

    def of(self, outcome: Outcome | None) -> Run | None:
        """The run that an outcome in memory is of."""
        return next((run for run in self if outcome is not None and run.outcome is outcome), None)

    def choose(self, key: str) -> None:
        """Makes a result the case's for its photo, or takes that back."""
        run = self.find(key)
        wanted = not run.chosen
        for one in self:
            if one.photo == run.photo:
                one.chosen = False
        run.chosen = wanted

    def park(self, outcome: Outcome) -> None:
        """Moves an outcome into its run's file; a run whose file cannot be written is removed."""
        run = self.of(outcome)
        if run is None:
            return
        try:
            run.park()
        except OSError:
            self.remove(run.key)

    def remove(self, key: str) -> None:
        """Removes a result and its files."""
        run = self._runs.pop(key, None)
        if run is not None:
            shutil.rmtree(run.folder, ignore_errors=True)

    def clear(self) -> None:
        """Removes all; the next is the first again."""
        for key in [*self._runs]:
            self.remove(key)
        self._made = 0
