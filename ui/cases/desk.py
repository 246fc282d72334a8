"""The desk: what all tabs hold, as entries of a case file, and back. Either all of a file comes onto it, or nothing."""

import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from pipelines.cases.contents import CaseFile, CasePhoto, Entry, Setting, reference_key
from pipelines.errors import CaseFileInvalid
from pipelines.faces.landmarks import find_faces
from pipelines.faces.masks import EXTENTS
from pipelines.languages.translation import _
from pipelines.results import AnomalyScoringResult
from ui.cases.settings import fitting, standing
from ui.parts.runs import show_runs
from ui.pictures.masks import Base, editor_size, is_untouched, photo_mask, read_layer
from ui.server.sessions import Session, Work
from ui.session.kept import Outcome, Photo
from ui.session.runs import MOST, Desk, Runs, Told
from ui.tabs.base import ResultTab

_Known = dict[tuple[int, int], Photo]
"""Photos of a case file that were met, by their array and chosen face: entries of one photo share it."""


@dataclass
class Prepared:
    """A tab with its entries, ready to be put in the place of what it holds.

    Attributes:
        tab: which.
        work: what it holds.
        photos, more, masks, settings: of what lies on the desk, as :class:`~ui.session.runs.Desk` has them.
        kept: as for :meth:`ui.server.sessions.Work.replace`.
        unknown: how many settings do not fit this page.
        updates: of :func:`components`, but for the strip.
    """

    tab: ResultTab
    work: Work
    photos: dict[str, Photo] = field(default_factory=dict)
    more: dict[str, Photo] = field(default_factory=dict)
    masks: dict[str, Base] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    kept: list[tuple[Outcome[Any], Desk, Told, bool]] = field(default_factory=list)
    unknown: int = 0
    updates: list[Any] = field(default_factory=list)

    def forget(self) -> None:
        """Removes the folders that were made for it."""
        for outcome, *_more in self.kept:
            shutil.rmtree(outcome.folder, ignore_errors=True)

    def draw(self) -> None:
        """Makes the updates: whatever cannot be shown says so before anything is replaced."""
        tab = self.tab
        laid = tab.lay_out(self.photos, self.more, self.masks, self.settings)
        outcome, desk = self.kept[-1][:2] if self.kept else (None, None)
        if outcome is None or desk is None or desk.photos["photo"] is not self.photos.get("photo"):
            self.updates = [*laid, *tab.cleared()]
            return
        given = {name: standing(component) for name, component in tab.kept_settings.items()} | self.settings
        self.updates = [*laid, *tab.show(outcome, given, len(self.more))]

    def put(self) -> list[Any]:
        """Puts it in its place, and gives updates of :func:`components`."""
        self.work.replace(self.photos, self.more, self.kept)
        return [*self.updates, show_runs(self.work.runs, self.work.runs.of(self.work.outcome))]


@dataclass(frozen=True)
class Made:
    """Every result of a page, as often as it is gone through; each is in memory while it is looked at.

    Attributes:
        others: entries that no tab shows.
        runs: of each tab, with its job.
    """

    others: tuple[Entry, ...]
    runs: Sequence[tuple[str, Runs]]

    def __iter__(self) -> Iterator[Entry]:
        yield from self.others
        for job, runs in self.runs:
            for run in runs:
                yield Entry(job=job, results=run.load()[0].results, chosen=run.chosen)


def components(tab: ResultTab) -> list[gr.components.Component]:
    """What a case changes of a tab: fields for photos, settings, what shows a result, and the strip of results."""
    return [*tab.desk, *tab.results, tab.strip]


def inputs(tab: ResultTab) -> list[gr.components.Component]:
    """What :func:`entries_of` takes the values of."""
    return [*(one.editor for one in tab.fields.values()), *tab.kept_settings.values()]


def entries_of(tab: ResultTab, work: Work, values: Sequence[Any]) -> Iterator[Entry]:
    """What a tab holds: an entry for each result, that which is shown last, and then what lies on the desk.

    Args:
        tab: which.
        work: what it holds.
        values: of :func:`inputs`.

    Raises:
        PhotoGone: a photo that the page shows is no longer here.
    """
    fields, settings = values[: len(tab.fields)], values[len(tab.fields) :]
    masks: dict[str, Base] = {}
    for (what, one), value in zip(tab.fields.items(), fields, strict=True):
        if isinstance(value, dict) and value.get("photo"):
            photo = work.photo_of(value["photo"], what)  # says what to do where it was forgotten
            base = _painted(photo, value) if one.painted else None
            masks |= {} if base is None else {what: base}
    now = work.runs.of(work.outcome)
    for run in sorted(work.runs, key=lambda run: (run is now, run.number)):
        outcome, desk = run.load()
        saved = _saved(tab, desk.photos, desk.more, desk.masks)
        given = {name: _plain(value) for name, value in desk.settings.items()}
        yield Entry(job=tab.job, photos=saved, settings=given, results=outcome.results, chosen=run.chosen)
    if work.photos:
        given = {name: _plain(value) for name, value in zip(tab.kept_settings, settings, strict=True)}
        yield Entry(job=tab.job, photos=_saved(tab, work.photos, work.more, masks), settings=given)


def open_desk(tabs: Sequence[ResultTab], session: Session, opened: CaseFile) -> tuple[list[Any], int]:
    """Puts what a case file holds onto the desk, in the place of all that is there.

    Of a job's entries the last says what lies on the desk; those with results come into its strip, and the last of them
    is shown if it is of the photo on the desk. Entries that no strip has room for stay with the session, and are saved
    again.

    Returns:
        Updates of the tabs' :func:`components`, and how many settings do not fit this page.

    Raises:
        PhiltrumError: something in the file cannot be shown; the desk is as it was.
    """
    prepared: list[Prepared] = []
    others = [entry for entry in opened.entries if entry.job not in {tab.job for tab in tabs}]
    try:
        for tab in tabs:
            entries = [entry for entry in opened.entries if entry.job == tab.job]
            with_results = [entry for entry in entries if entry.results]
            others += with_results[:-MOST]
            prepared.append(_prepare(tab, session.work(tab.key), with_results[-MOST:], entries[-1:]))
    except BaseException:
        for one in prepared:
            one.forget()
        raise
    session.case = opened.case if opened.case != type(opened.case)() else None
    session.others, session.desk = tuple(others), session.desk + 1
    return [update for one in prepared for update in one.put()], sum(one.unknown for one in prepared)


def clear_desk(tabs: Sequence[ResultTab], session: Session) -> list[Any]:
    """Forgets photos, masks, results and the case; settings stay. Gives updates of the tabs' :func:`components`."""
    session.case, session.others, session.desk = None, (), session.desk + 1
    prepared = [Prepared(tab, session.work(tab.key)) for tab in tabs]
    for one in prepared:
        one.draw()
    return [update for one in prepared for update in one.put()]


# --- one tab --------------------------------------------------------------------------------------------------------


def _prepare(tab: ResultTab, work: Work, entries: Sequence[Entry], on_desk: Sequence[Entry]) -> Prepared:
    """A tab with entries that have results, and with the one that lies on the desk, if there is one."""
    prepared, known = Prepared(tab, work), _Known()
    try:
        for entry in entries:
            _check(tab, entry)
            desk, _more = _desk(tab, entry, known)
            if "photo" not in desk.photos:
                raise CaseFileInvalid(_("A result in this case file lacks its photo, so nothing of it was opened."))
            made: Any = entry.results if isinstance(entry.results[0], AnomalyScoringResult) else entry.results[-1]
            outcome = Outcome(made, work.lasting_folder())
            prepared.kept.append((outcome, desk, tab.told(outcome, desk.masks, desk.settings), entry.chosen))
        for entry in on_desk:
            desk, prepared.unknown = _desk(tab, entry, known)
            prepared.photos, prepared.more = desk.photos, desk.more
            prepared.masks, prepared.settings = desk.masks, desk.settings
        prepared.draw()
    except BaseException:
        prepared.forget()
        raise
    return prepared


def _check(tab: ResultTab, entry: Entry) -> None:
    """Whether the tab can show the entry's results.

    Raises:
        CaseFileInvalid: there are more than it has photos for.
    """
    if len(entry.results) > max(1, sum(one.painted for one in tab.fields.values())):
        raise CaseFileInvalid(_("This case file holds more results of one run than the page can show."))


def _desk(tab: ResultTab, entry: Entry, known: _Known) -> tuple[Desk, int]:
    """What an entry was made with, and how many of its settings do not fit this page."""
    photos = {what: _photo(entry.photos[what], known) for what in tab.fields if what in entry.photos}
    more = [] if tab.more_photos is None else [_photo(saved, known) for saved in _further(entry)]
    if not all(photo.faces for photo in more):
        raise CaseFileInvalid(_("A reference in this case file shows no face, so nothing of it was opened."))
    masks = {
        what: Base.of(saved.mask, photos[what].size, _known(saved.made_by))
        for what, saved in entry.photos.items()
        if what in photos and saved.mask is not None and saved.mask.any()
    }
    named = {name: entry.settings[name] for name in tab.kept_settings if name in entry.settings}
    fit = {
        name: value
        for name, value in named.items()
        if fitting(tab.kept_settings[name], value, tab.offered_values(name))
    }
    return Desk(photos, {photo.key: photo for photo in more}, fit, masks), len(named) - len(fit)


# --- one photo ------------------------------------------------------------------------------------------------------


def _painted(photo: Photo, value: Mapping[str, Any]) -> Base | None:
    """The mask that a field shows; None where it shows none."""
    layer = None if value.get("layer") is None else read_layer(value["layer"], photo.size)
    base = photo.bases.get(value.get("base") or "")
    mask = photo_mask(layer, base, photo.pixels.shape[:2])
    if not mask.any():
        return None
    return Base.of(mask, photo.size, base.made_by if base is not None and is_untouched(layer, base) else None)


def _saved(
    tab: ResultTab, photos: Mapping[str, Photo], more: Mapping[str, Photo], masks: Mapping[str, Base]
) -> dict[str, CasePhoto]:
    """Photos and their masks as a case file has them."""
    saved = {}
    for what, photo in photos.items():
        mask = masks.get(what) if what in tab.fields else None
        saved[what] = _case_photo(photo, mask)
    return saved | {reference_key(number): _case_photo(photo, None) for number, photo in enumerate(more.values(), 2)}


def _case_photo(photo: Photo, mask: Base | None) -> CasePhoto:
    return CasePhoto(
        pixels=photo.pixels,
        faces=tuple(photo.faces),
        face=photo.face,
        mask=None if mask is None else mask.mask,
        made_by=None if mask is None else mask.made_by,
    )


def _photo(saved: CasePhoto, known: _Known) -> Photo:
    """The photo; the same one for entries that share it."""
    key = id(saved.pixels), saved.face
    if key not in known:
        faces = [*saved.faces] or find_faces(saved.pixels)
        size = editor_size(saved.pixels.shape)
        face = saved.face if saved.face < len(faces) else 0
        known[key] = Photo(secrets.token_urlsafe(8), saved.pixels, faces, size, face=face)
    return known[key]


def _further(entry: Entry) -> list[CasePhoto]:
    """Further references, in the order of their numbers."""
    names = [reference_key(number) for number in range(2, len(entry.photos) + 2)]
    return [entry.photos[name] for name in names if name in entry.photos]


def _known(made_by: Mapping[str, Setting] | None) -> dict[str, Any] | None:
    """How a job itself makes a mask, as a file says it; None where that says anything else."""
    if made_by is None or type(made_by.get("face")) is not int:
        return None
    if made_by.keys() == {"face", "extent"} and made_by["extent"] in (None, *EXTENTS):
        return dict(made_by)
    if made_by.keys() == {"face", "region"} and isinstance(made_by["region"], str):
        return dict(made_by)
    return None


def _plain(value: Any) -> Setting:
    return [str(one) for one in value] if isinstance(value, list | tuple) else value
