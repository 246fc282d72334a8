"""The first pages of a report of several results: whose they are, and each of them in short."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from pipelines import __version__
from pipelines.cases.case import Case
from pipelines.exports.pages.layout import Card
from pipelines.exports.pages.sheet import (
    FOOT,
    GAP,
    GREY,
    HEIGHT,
    INK,
    INNER,
    MARGIN,
    WIDTH,
    cut,
    foot,
    image,
    lines,
    new_sheet,
    put,
    rule,
    wide,
)
from pipelines.languages.translation import _, ngettext

_TITLE, _TITLE_LINES = 17, 3  # points, and lines of a case's name
_NOTES, _NOTE_LINES = 8.5, 22
_COLUMNS = 2
_CARD = (INNER - (_COLUMNS - 1) * GAP) / _COLUMNS
_PICTURE = 1.3
_PITCH = _PICTURE + 0.2  # from one row of cards to the next
_LINE = 0.142
_NAMES = 0.62  # share of a card's text that a fact's name may take


@dataclass(frozen=True, eq=False)
class Listed:
    """A card of an overview.

    Attributes:
        card: the result in short.
        chosen: whether a person chose it as the case's result for its photo.
    """

    card: Card
    chosen: bool = False


def overview(case: Case, listed: Sequence[Listed]) -> list[Figure]:
    """The pages, drawn: the case, then the cards, each with the page of its result.

    Args:
        case: whose they are.
        listed: the cards; each result has one page behind these.
    """
    figure = new_sheet()
    top = _heading(figure, case, len(listed))
    sheets, beginnings = [figure], [top]
    room = _rows(top)
    while room * _COLUMNS < len(listed):
        figure = new_sheet()
        top = _continued(figure, case)
        sheets.append(figure)
        beginnings.append(top)
        room += _rows(top)
    left = list(enumerate(listed, len(sheets) + 1))
    for figure, top in zip(sheets, beginnings, strict=True):
        here, left = left[: _rows(top) * _COLUMNS], left[_rows(top) * _COLUMNS :]
        for number, (page, one) in enumerate(here):
            row, column = divmod(number, _COLUMNS)
            _card(figure, one, page, MARGIN + column * (_CARD + GAP), top + row * _PITCH)
        foot(figure, f"Philtrum {__version__} · {_('case report')}")
    return sheets


def _rows(top: float) -> int:
    """Rows of cards between a place and the footer."""
    return int((HEIGHT - FOOT - 0.05 - top) / _PITCH)


def _heading(figure: Figure, case: Case, count: int) -> float:
    put(figure, MARGIN, 0.62, _("Case report"), 10, weight="bold", color=GREY)
    put(figure, WIDTH - MARGIN, 0.62, f"Philtrum {__version__}", 10, ha="right", color=GREY)
    y = 0.66
    for line in lines(case.name, _TITLE, INNER, _TITLE_LINES, "bold") or [_("Case without a name")]:
        y += 0.3
        put(figure, MARGIN, y, line, _TITLE, weight="bold")
    results = ngettext("{count} result", "{count} results", count).format(count=count)
    said = " · ".join(filter(None, [case.heading, results]))
    put(figure, MARGIN, y + 0.24, said, 9, color=GREY)
    y += 0.38
    rule(figure, y, colour=INK, weight=1.1)
    notes = lines(case.notes, _NOTES, INNER, _NOTE_LINES)
    for number, line in enumerate(notes):
        y += 0.22 if number == 0 else 0.17
        put(figure, MARGIN, y, line, _NOTES)
    return y + 0.2


def _continued(figure: Figure, case: Case) -> float:
    put(figure, MARGIN, 0.62, cut(case.name or _("Case without a name"), 10.5, INNER, "bold"), 10.5, weight="bold")
    rule(figure, 0.74, colour=INK, weight=1.1)
    return 0.94


def _card(figure: Figure, listed: Listed, page: int, x: float, y: float) -> None:
    card = listed.card
    axes, (left, top, right, bottom) = image(figure, card.picture, x, y, _PICTURE, _PICTURE)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    begin, width = x + _PICTURE + 0.12, _CARD - _PICTURE - 0.12
    put(figure, x + _CARD, y + 0.11, _("page {number}").format(number=page), 7.2, ha="right", color=GREY)
    title = f"{card.title} ★" if listed.chosen else card.title
    put(figure, begin, y + 0.11, cut(title, 8.5, width - 0.45, "bold"), 8.5, weight="bold")
    for number, (name, value) in enumerate(card.facts, 1):
        line = y + 0.14 + _LINE * number
        if line > y + _PICTURE:
            break
        put(figure, begin, line, cut(f"{name}:", 6.8, _NAMES * width), 6.8, color=GREY)
        put(figure, x + _CARD, line, _value(name, value, width), 6.8, ha="right")


def _value(name: str, value: str, width: float) -> str:
    """A fact's value, cut to what its name leaves."""
    return cut(value, 6.8, width - min(wide(f"{name}:", 6.8), _NAMES * width) - 0.08)
