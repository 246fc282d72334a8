"""The report of a case: one PDF with the case and every result in short, and then a page of each."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pipelines.cases.case import Case
from pipelines.cases.contents import AnyResult, Entry, job_of
from pipelines.errors import CaseEmpty
from pipelines.exports.interface import exports_of, pairs_of
from pipelines.exports.pages.layout import Card, Page, Picture
from pipelines.exports.pictures import shrunk
from pipelines.exports.tables import of_case
from pipelines.files import stream_atomic
from pipelines.jobs import JOBS
from pipelines.languages.translation import _

_THUMBNAIL = 400
"""Longer side in pixels of a picture in the overview: 320 an inch."""


class _Group(NamedTuple):
    """Results that have one page together.

    Attributes:
        place: number of their entry, and of the group in it.
        job: what gave them.
        results: one; or two, before and after surgery.
        chosen: whether a person chose them as the case's result for their photo.
    """

    place: tuple[int, int]
    job: str
    results: tuple[AnyResult, ...]
    chosen: bool

    def card(self) -> Card:
        """Them in short."""
        return (exports_of if len(self.results) == 1 else pairs_of)(self.job).card(*self.results)

    def page(self) -> Page:
        """What stands on their page."""
        return (exports_of if len(self.results) == 1 else pairs_of)(self.job).page(*self.results)


@dataclass(frozen=True, eq=False)
class _Sheet:
    """A page of the report, without the results that it is of.

    Attributes:
        place, chosen: of its group.
        card: the group in short.
        photo: the job, and the hash of the photo.
    """

    place: tuple[int, int]
    chosen: bool
    card: Card
    photo: tuple[str, str]

    @classmethod
    def of(cls, group: _Group) -> "_Sheet":
        card = group.card()
        return cls(group.place, group.chosen, _small(card), (group.job, group.results[0].photo_sha256))


def save_report(path: str | os.PathLike[str], case: Case, entries: Iterable[Entry | AnyResult]) -> None:
    """Writes the report of a case as PDF, in one step: the case with an overview of its results, and a page of each.

    Two results of one entry are before and after surgery, and have one page. Of a photo of which a result was chosen
    for the case, only that one is in the report.

    Args:
        path: where to; its name usually ends in ``.pdf``.
        case: whose it is; every result in the report belongs to it, whatever case it had.
        entries: what was made, as :func:`~pipelines.cases.reading.open_case` gives it, or results alone. They are gone
            through twice, and none is held longer than its page is drawn: a collection that loads them each time need
            not have all in memory.

    Raises:
        CaseEmpty: none of the entries has a result.
        OptionInvalid: two results of one entry do not compare.
        OSError: the file cannot be written.
    """
    kept = tuple(entries) if isinstance(entries, Iterator) else entries
    sheets = _reported([_Sheet.of(group) for group in _groups(case, kept)])
    if not sheets:
        raise CaseEmpty(_("This case has no result yet, so there is nothing to report; run a job first."))
    stream_atomic(Path(path), lambda file: _write(file, case, kept, sheets))


def _write(file: BinaryIO, case: Case, entries: Iterable[Entry | AnyResult], sheets: Sequence[_Sheet]) -> None:
    from matplotlib.backends.backend_pdf import PdfPages  # here, because it takes a second

    from pipelines.exports.pages.overview import Listed, overview
    from pipelines.exports.pages.page import draw_page
    from pipelines.exports.pages.sheet import about, number

    first = overview(case, [Listed(one.card, one.chosen) for one in sheets])
    pages = len(first) + len(sheets)
    wanted = {one.place for one in sheets}
    drawn = (draw_page(group.page(), case) for group in _groups(case, entries) if group.place in wanted)
    with PdfPages(file, metadata=about(_("Case report"))) as pdf:
        for page, figure in enumerate(chain(first, drawn), 1):
            number(figure, page, pages)
            pdf.savefig(figure)


def _groups(case: Case, entries: Iterable[Entry | AnyResult]) -> Iterator[_Group]:
    for number, each in enumerate(entries):
        entry = each if isinstance(each, Entry) else Entry(job=job_of(each), results=(each,))
        results = tuple(of_case(one, case) for one in entry.results)
        paired = len(results) == 2 and JOBS[entry.job].pairs is not None
        for place, group in enumerate([results] if paired else [(one,) for one in results]):
            yield _Group((number, place), entry.job, group, entry.chosen)


def _reported(sheets: Sequence[_Sheet]) -> list[_Sheet]:
    """Those that are in the report: of a photo of which one was chosen, that one."""
    settled = {one.photo for one in sheets if one.chosen}
    return [one for one in sheets if one.chosen or one.photo not in settled]


def _small(card: Card) -> Card:
    """The card with a picture of its own, so that it holds no photo."""
    left, top, right, bottom = card.picture.window or (0, 0, *card.picture.image.shape[1::-1])
    part = card.picture.image[top:bottom, left:right]
    picture = Picture(title=card.picture.title, image=shrunk(part.copy(), _THUMBNAIL / max(part.shape[:2])))
    return replace(card, picture=picture)
