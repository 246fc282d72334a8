"""The desk: what all tabs hold, as entries of a case file, and back. Either all of a file comes onto it, or nothing."""

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from pipelines.cases.contents import CaseFile, CasePhoto, Entry, Setting, reference_key
from pipelines.errors import CaseFileInvalid
from pipelines.faces.landmarks import find_faces
from pipelines.faces.masks import EXTENTS
from pipelines.results import AnomalyScoringResult
from ui.cases.settings import fitting, standing
from ui.parts.editor import add_base, answer, more_props
from ui.pictures.masks import editor_size, is_untouched, photo_mask, read_layer
from ui.server.sessions import Outcome, Photo, Session, Work
from ui.tabs.base import ResultTab
from ui.tabs.repainting import face_choice

_SAID = "The mask of the case."


@dataclass
class Prepared:
    """A tab with an entry, ready to be put in the place of what it holds.

    Attributes:
        work: the tab's.
        photos, more, outcome: as :class:`~ui.server.sessions.Work` has them.
        updates: of the tab's :func:`components`.
        unknown: how many settings do not fit this page.
    """

    work: Work
    photos: dict[str, Photo]
    more: dict[str, Photo]
    outcome: Outcome[Any] | None
    updates: list[Any]
    unknown: int


def components(tab: ResultTab) -> list[gr.components.Component]:
    """What a case changes of a tab: its fields for photos, its settings, and what shows a result."""
    fields = [part for field in tab.fields.values() for part in (field.editor, field.face)]
    more = [] if tab.more_photos is None else [tab.more_photos]
    return [*fields, *more, *tab.kept_settings.values(), *tab.results]


def inputs(tab: ResultTab) -> list[gr.components.Component]:
    """What :func:`entry_of` takes the values of."""
    return [*(field.editor for field in tab.fields.values()), *tab.kept_settings.values()]


def entry_of(tab: ResultTab, work: Work, values: Sequence[Any]) -> Entry | None:
    """What a tab holds; None where it holds neither photo nor result.

    Args:
        tab: which.
        work: what it holds.
        values: of :func:`inputs`.

    Raises:
        PhotoGone: a photo that the page shows is no longer here.
    """
    fields, settings = values[: len(tab.fields)], values[len(tab.fields) :]
    photos = {}
    for (what, field), value in zip(tab.fields.items(), fields, strict=True):
        if isinstance(value, dict) and value.get("photo"):
            work.photo_of(value["photo"], what)  # says what to do where it was forgotten
        if (photo := work.photos.get(what)) is not None:
            photos[what] = _saved(photo, value if field.painted else None)
    photos |= {reference_key(number): _saved(photo, None) for number, photo in enumerate(work.more.values(), 2)}
    outcome = work.outcome
    if not photos and outcome is None:
        return None
    named = {name: _plain(value) for name, value in zip(tab.kept_settings, settings, strict=True)}
    return Entry(job=tab.job, photos=photos, settings=named, results=() if outcome is None else outcome.results)


def open_desk(tabs: Sequence[ResultTab], session: Session, opened: CaseFile) -> tuple[list[Any], int]:
    """Puts what a case file holds onto the desk, in the place of all that is there.

    Of several entries of one job the last is shown; the others stay with the session, and are saved again.

    Returns:
        Updates of the tabs' :func:`components`, and how many settings do not fit this page.

    Raises:
        PhiltrumError: something in the file cannot be shown; the desk is as it was.
    """
    shown = {entry.job: entry for entry in opened.entries}
    prepared: list[Prepared] = []
    try:
        for tab in tabs:
            prepared.append(_prepare(tab, session.work(tab.key), shown.pop(tab.job, None)))
    except BaseException:
        for one in prepared:
            _forget(one.outcome)
        raise
    for one in prepared:
        one.work.replace(one.photos, one.more, one.outcome)
    visible = {tab.job for tab in tabs}
    last = {entry.job: entry for entry in opened.entries if entry.job in visible}
    session.case = opened.case if opened.case != type(opened.case)() else None
    session.others = tuple(entry for entry in opened.entries if entry is not last.get(entry.job))
    return [update for one in prepared for update in one.updates], sum(one.unknown for one in prepared)


def clear_desk(tabs: Sequence[ResultTab], session: Session) -> list[Any]:
    """Forgets photos, masks, results and the case; settings stay. Gives updates of the tabs' :func:`components`."""
    updates = []
    for tab in tabs:
        session.work(tab.key).replace({}, {}, None)
        settings = [gr.skip()] * len(tab.kept_settings)
        updates += [*_fields(tab, {}, {}, {}), *_more(tab, {}), *settings, *tab.cleared()]
    session.case, session.others = None, ()
    return updates


# --- one tab --------------------------------------------------------------------------------------------------------


def _prepare(tab: ResultTab, work: Work, entry: Entry | None) -> Prepared:
    given, updates, unknown = _settings(tab, entry)
    if entry is None:
        return Prepared(work, {}, {}, None, [*_fields(tab, {}, {}, {}), *_more(tab, {}), *updates, *tab.cleared()], 0)
    _check(tab, entry)
    photos = {what: _photo(entry.photos[what]) for what in tab.fields if what in entry.photos}
    more = {} if tab.more_photos is None else {photo.key: photo for photo in map(_photo, _further(entry))}
    if not all(photo.faces for photo in more.values()):
        raise CaseFileInvalid("A reference in this case file shows no face, so nothing of it was opened.")
    outcome = None
    try:
        if entry.results:
            made: Any = entry.results if issubclass(type(entry.results[0]), AnomalyScoringResult) else entry.results[-1]
            outcome = Outcome(made, work.new_folder())
        shown = tab.cleared() if outcome is None else tab.show(outcome, given, len(more))
        updates = [*_fields(tab, photos, entry.photos, given), *_more(tab, more), *updates, *shown]
    except BaseException:
        _forget(outcome)
        raise
    return Prepared(work, photos, more, outcome, updates, unknown)


def _check(tab: ResultTab, entry: Entry) -> None:
    """Whether the tab can show the entry's results.

    Raises:
        CaseFileInvalid: there are more than it has photos for.
    """
    if len(entry.results) > max(1, sum(field.painted for field in tab.fields.values())):
        raise CaseFileInvalid("This case file holds more results of one run than the page can show.")


def _fields(
    tab: ResultTab, photos: Mapping[str, Photo], saved: Mapping[str, CasePhoto], settings: Mapping[str, Any]
) -> list[Any]:
    """Updates of each field and its choice of faces."""
    updates: list[Any] = []
    for what, field in tab.fields.items():
        photo = photos.get(what)
        if photo is None:
            updates += [answer(photo=None, face=0, **({"base": None} if field.painted else {})), face_choice([])]
            continue
        props = tab.field_props(what, photo, settings) | {"face": photo.face}
        mask, made_by = saved[what].mask, saved[what].made_by
        if field.painted and "base" not in props and mask is not None and mask.any():
            props["base"] = add_base(photo, mask, _SAID, _known(made_by))
        updates += [answer(**props), face_choice(photo.faces, photo.face)]
    return updates


def _more(tab: ResultTab, more: Mapping[str, Photo]) -> list[Any]:
    return [] if tab.more_photos is None else [answer(**more_props([*more.values()]))]


def _settings(tab: ResultTab, entry: Entry | None) -> tuple[dict[str, Any], list[Any], int]:
    """Each setting's value, its update, and how many of the entry's do not fit."""
    saved: Mapping[str, Setting] = {} if entry is None else entry.settings
    given, updates, unknown = {}, [], 0
    for name, component in tab.kept_settings.items():
        given[name] = standing(component)
        update: Any = gr.skip()
        if name in saved:
            if fitting(component, saved[name], tab.offered_values(name)):
                given[name] = saved[name]
                update = saved[name]
            else:
                unknown += 1
        updates.append(update)
    return given, updates, unknown


# --- one photo ------------------------------------------------------------------------------------------------------


def _saved(photo: Photo, value: Any) -> CasePhoto:
    """A photo and, of a field with a mask, the mask that it shows."""
    mask, made_by = None, None
    if isinstance(value, dict) and value.get("photo") == photo.key:
        layer = None if value.get("layer") is None else read_layer(value["layer"], photo.size)
        base = photo.bases.get(value.get("base") or "")
        mask = photo_mask(layer, base, photo.pixels.shape[:2])
        made_by = base.made_by if base is not None and is_untouched(layer, base) else None
        mask = mask if mask.any() else None
    return CasePhoto(
        pixels=photo.pixels,
        faces=tuple(photo.faces),
        face=photo.face,
        mask=mask,
        made_by=made_by if mask is not None else None,
    )


def _photo(saved: CasePhoto) -> Photo:
    faces = [*saved.faces] or find_faces(saved.pixels)
    size = editor_size(saved.pixels.shape)
    face = saved.face if saved.face < len(faces) else 0
    return Photo(secrets.token_urlsafe(8), saved.pixels, faces, size, face=face)


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


def _forget(outcome: Outcome[Any] | None) -> None:
    if outcome is not None:
        shutil.rmtree(outcome.folder, ignore_errors=True)
