"""The photos of a folder as a session keeps them: what each was given, how far it is, and what was made of it.

Nothing of a photo lies in memory but its name and a few words and numbers: the photo itself, its mask and its results
are files of the session's folder, which go with it.
"""

import hashlib
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipelines.arrays import Mask
from pipelines.cases.case import Case
from pipelines.errors import Cancelled, OptionInvalid, PhiltrumError
from pipelines.exports.names import Companions
from pipelines.faces.alignment import Alignment
from pipelines.faces.images import read_mask, write_png
from pipelines.languages.translation import _
from ui.session.kept import Photo

PHOTOS = "photo"
"""What the photos themselves are called among what was given."""

State = Literal["waiting", "running", "done", "failed", "stale"]
"""How far a photo is: ``"stale"`` is done, but with other settings or another mask than those that are chosen now."""

_SEVERAL = {
    "mask": _("Several masks have this photo's name; remove all, and drop one for each photo."),
    "reference": _("Several references have this photo's name; remove all, and drop one for each photo."),
}
_GONE = _("This photo is no longer among those of the folder; choose another.")


def mask_sha256(mask: Mask) -> str:
    """Tells masks, ``bool`` ``(H, W)``, apart."""
    return hashlib.sha256(np.packbits(mask).tobytes() + repr(mask.shape).encode()).hexdigest()


class RowGone(PhiltrumError):
    """The folder no longer has the photo."""


@dataclass(frozen=True)
class Made:
    """What was made of a photo.

    Attributes:
        by: all that it hangs on, as :meth:`Folder.state_of` compares it.
        seconds: that it took.
        says: its row of the table (:meth:`pipelines.exports.interface.JobExports.row`).
        cells: what the page's table tells of it.
        folder: that all of it lies in, and nothing else.
        files: ending → path of each file that the job writes of a photo.
    """

    by: str
    seconds: float
    says: dict[str, Any]
    cells: tuple[str, ...]
    folder: Path
    files: dict[str, Path]


@dataclass(eq=False)
class Row:
    """A photo of the folder.

    Attributes:
        name: that it has in the folder.
        path: where it lies.
        folder: where what belongs to it lies.
        key: unguessable name.
        running: share that is done, 0-1, of the run that is under way; None where none is.
        doing: what that run does just now.
        made: what was made of it, or None.
        error: why nothing could be made of it; empty where that was not tried, or something was.
        failed_by: what was tried with, as :attr:`Made.by`.
        mask: hash of the mask that was painted for it, which :meth:`read_painted` reads; None without one.
    """

    name: str
    path: Path
    folder: Path
    key: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    running: float | None = None
    doing: str = ""
    made: Made | None = None
    error: str = ""
    failed_by: str = ""
    mask: str | None = None

    def paint(self, mask: Mask) -> None:
        """Keeps a mask, ``bool`` ``(H, W)``, that was painted for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_png(self.folder / "mask.png", mask)
        self.mask = mask_sha256(mask)

    def unpaint(self) -> None:
        """Forgets that mask."""
        (self.folder / "mask.png").unlink(missing_ok=True)
        self.mask = None

    def read_painted(self) -> Mask:
        """The mask that was painted for it, ``bool`` ``(H, W)``."""
        return read_mask(self.folder / "mask.png")

    def forget_result(self) -> None:
        """Removes what was made of it."""
        if self.made is not None:
            shutil.rmtree(self.made.folder, ignore_errors=True)
        self.made, self.error, self.failed_by = None, "", ""


@dataclass(frozen=True, eq=False)
class Painted:
    """The mask that was painted last, to be carried over to the next photo.

    Attributes:
        mask: ``bool`` ``(H, W)``.
        alignment: of the face that it was painted on.
    """

    mask: Mask
    alignment: Alignment


@dataclass(eq=False)
class Edited:
    """The photo that lies in the mask editor.

    Attributes:
        row: which.
        photo: its pixels and faces.
        laid: hash of the mask that was laid under the strokes; None where that was none, or the job's own.
        carried: whether it came from another photo.
        own: what the job's own mask hangs on, where that was laid.
    """

    row: Row
    photo: Photo
    laid: str | None = None
    carried: bool = False
    own: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Written:
    """The files that were written to be downloaded.

    Attributes:
        place: their folder.
        case: that they bear.
        wanted: what the results among them hang on, as :meth:`Folder.state_of` takes it.
    """

    place: Path
    case: Case | None
    wanted: Callable[[Row], str]


class Folder:
    """What a folder view was given and has made. Thread-safe.

    Args:
        place: folder of the session that everything lies in.
        desk: number of the session's desk that it belongs to.
        several: what a photo may have several of, by what it is called.
    """

    def __init__(self, place: Path, desk: int, several: Sequence[str] = ()) -> None:
        self.place, self.desk = place, desk
        self.rows: dict[str, Row] = {}
        self.given: dict[str, dict[str, Path]] = {}
        """Files that were given, by what they are, such as ``"mask"``, and by their names."""
        self.notes: list[str] = []
        """Sentences about names that are not those of the files that were given."""
        self.chosen: str | None = None
        """Key of the photo that is looked at."""
        self.edited: Edited | None = None
        self.painted: Painted | None = None
        self.only: str | None = None
        """Key of the one photo that is to be run; None where all are that are not done."""
        self.written: Written | None = None
        self.lock = threading.RLock()
        self._several = several
        self._companions: dict[str, tuple[int, Companions]] = {}

    # --- what is given ----------------------------------------------------------------------------------------------

    def take_in(self) -> None:
        """Makes a row of each photo that has none yet."""
        with self.lock:
            known = {row.name for row in self.rows.values()}
            for name, path in self.given.get(PHOTOS, {}).items():
                if name not in known:
                    row = Row(name, path, self.place / "rows" / secrets.token_urlsafe(8))
                    self.rows[row.key] = row

    def row(self, key: str | None) -> Row:
        """The row of that key.

        Raises:
            RowGone: there is none.
        """
        row = self.rows.get(key or "")
        if row is None:
            raise RowGone(_GONE)
        return row

    def place_of(self, key: str | None) -> int:
        """Where a row stands, from 1; 0 where it does not."""
        return 1 + list(self.rows).index(key) if key in self.rows else 0

    def names(self) -> list[str]:
        """Names of the photos, in their order."""
        return [row.name for row in self.rows.values()]

    def belonging(self, what: str, row: Row) -> list[Path]:
        """The files of a kind that belong to a photo by its name.

        Raises:
            OptionInvalid: there are several where only one can be used.
        """
        files, companions = self.given.get(what, {}), self._by_name(what)
        found = companions.fitting(row.name)
        if len(found) > 1:
            raise OptionInvalid(_SEVERAL[what])
        if what in self._several:
            found = [*found, *companions.numbered(row.name, self.names())]
        return [files[name] for name in found]

    def unused(self, what: str) -> list[str]:
        """Names of the files of a kind that belong to no photo."""
        return self._by_name(what).unused(self.names(), several=what in self._several)

    def _by_name(self, what: str) -> Companions:
        files = self.given.get(what, {})
        count, companions = self._companions.get(what, (-1, None))
        if companions is None or count != len(files):  # files come, and go all at once
            companions = Companions(files)
            self._companions[what] = len(files), companions
        return companions

    def remove(self, key: str) -> None:
        """Removes a photo and what was made of it."""
        with self.lock:
            row = self.row(key)
            if row.running is not None:
                raise OptionInvalid(_("This photo is at work just now; cancel the run first."))
            keys = list(self.rows)
            at = keys.index(key)
            del self.rows[key]
            self.given[PHOTOS].pop(row.name, None)
            if self.chosen == key:
                left = list(self.rows)
                self.chosen = left[min(at, len(left) - 1)] if left else None
            if self.edited is not None and self.edited.row is row:
                self.edited = None
        row.path.unlink(missing_ok=True)
        shutil.rmtree(row.folder, ignore_errors=True)

    def close(self) -> None:
        """Forgets everything."""
        with self.lock:
            self.rows.clear()
            self.given.clear()
            self.edited = self.painted = self.chosen = None
        shutil.rmtree(self.place, ignore_errors=True)

    # --- how far it is ----------------------------------------------------------------------------------------------

    def state_of(self, row: Row, wanted: str) -> State:
        """How far a photo is.

        Args:
            row: of the photo.
            wanted: all that a result would hang on now.
        """
        if row.running is not None:
            return "running"
        if row.made is not None:
            return "done" if row.made.by == wanted else "stale"
        return "failed" if row.error and row.failed_by == wanted else "waiting"

    def to_do(self, wanted: Callable[[Row], str]) -> list[Row]:
        """What is not done as it is wanted now, in order."""
        with self.lock:
            return [row for row in self.rows.values() if self.state_of(row, wanted(row)) != "done"]

    def begin(self, row: Row, stop: threading.Event) -> None:
        """Says that a photo is at work.

        Raises:
            Cancelled: the run was stopped, or the photo was removed.
        """
        with self.lock:
            self._still(row, stop)
            row.running, row.doing, row.error = 0.0, "", ""

    def tell(self, row: Row, fraction: float, doing: str, stop: threading.Event) -> None:
        """Says how far a photo at work is, and what is done."""
        with self.lock:
            if not stop.is_set() and row.running is not None:
                row.running, row.doing = fraction, doing

    def take(self, row: Row, made: Made, stop: threading.Event) -> None:
        """Takes what was made of a photo, in the place of what was made of it before.

        Raises:
            Cancelled: as :meth:`begin`; what was made before stays.
        """
        with self.lock:
            self._still(row, stop)
            row.forget_result()
            row.made, row.running = made, None

    def fail(self, row: Row, error: str, by: str, stop: threading.Event) -> None:
        """Says why nothing could be made of a photo; what was made of it before goes.

        Raises:
            Cancelled: as :meth:`begin`.
        """
        with self.lock:
            self._still(row, stop)
            row.forget_result()
            row.error, row.failed_by, row.running = error, by, None

    def halt(self) -> None:
        """Nothing is at work any more: what was waits again."""
        with self.lock:
            for row in self.rows.values():
                row.running = None

    def _still(self, row: Row, stop: threading.Event) -> None:
        if stop.is_set() or self.rows.get(row.key) is not row:
            raise Cancelled(_("The run was stopped."))
