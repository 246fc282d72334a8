"""One A4 page of a job: what stands on it is a :class:`~pipelines.exports.pages.layout.Page`.

Everything is placed in inches from the page's top left corner, and each part returns where it ends.
"""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines import __version__
from pipelines.arrays import Mask, Pixels, Points
from pipelines.cases.case import Case
from pipelines.exports.pages.layout import Bar, Facts, Page, Picture, Table
from pipelines.exports.pages.sheet import (
    BAND,
    FOOT,
    GAP,
    GREY,
    HEIGHT,
    INK,
    INNER,
    MARGIN,
    WIDTH,
    about,
    fitted,
    foot,
    image,
    lines,
    new_sheet,
    place,
    put,
    rule,
    shown_part,
    wide,
)
from pipelines.exports.pictures import MASK_COLOUR, POINT_COLOUR, Window, shrunk
from pipelines.exports.tables import FEATURES
from pipelines.languages.translation import _

_LARGE = (INNER - GAP) / 2  # width of large pictures, and their height at most
_SMALL = (INNER - 2 * GAP) / 3
_BAR = 0.76  # width of a bar beside maps
_MAP = (INNER - 2 * GAP - _BAR) / 2
_TALLEST = 3.4  # height of small pictures and maps at most
_LEAST = 0.6
_INDENT = 0.08  # of a table's text
_LINE = 0.155  # from one fact to the next
_SECOND = 3.1  # where the second column of facts begins
_NOTE_LINES = 3
_NAME = 10.5, 8.5  # points of a case's name, and of a long one

_MASK, _POINTS = (tuple(value / 255 for value in colour) for colour in (MASK_COLOUR, POINT_COLOUR))

_CLOSED = ("eye, image left", "eye, image right", "outer lips", "inner lips")


def write_page(page: Page, kind: str = "pdf", dpi: int = 110, case: Case | None = None) -> bytes:
    """The page as a file; the same page gives the same bytes, without date, user or host.

    Args:
        page: what stands on it.
        kind: ``"pdf"``, or ``"png"`` to look at it.
        dpi: resolution of a PNG.
        case: whose it is, which stands above the heading.
    """
    figure = draw_page(page, case)
    buffer = BytesIO()
    if kind == "pdf":
        figure.savefig(buffer, format="pdf", metadata=about(page.subject))
    else:
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def draw_page(page: Page, case: Case | None = None) -> Figure:
    """The page, drawn; see :func:`write_page`."""
    case = case or Case()
    figure, end = _drawn(page, case, _TALLEST)
    missing = end - (HEIGHT - FOOT - 0.08)
    if missing <= 0 or not (page.small or page.maps):
        return figure
    return _drawn(page, case, _fitting(page, missing))[0]


def _fitting(page: Page, missing: float) -> float:
    """The height of maps and small pictures at most with which they take so many inches less than at their tallest."""
    cells = [(pictures, _SMALL) for pictures in page.small] + ([(page.maps, _MAP)] if page.maps else [])

    def total(height: float) -> float:
        return sum(max(min(height, width / _proportion(each)) for each in row) for row, width in cells)

    room, low, high = total(_TALLEST) - missing, _LEAST, _TALLEST
    for _try in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) <= room else (low, middle)
    return low


def _proportion(picture: Picture) -> float:
    """Width over height of what is shown."""
    left, top, right, bottom = shown_part(picture)
    return (right - left) / (bottom - top)


def _drawn(page: Page, case: Case, tall: float) -> tuple[Figure, float]:
    """The page with maps and small pictures of a height at most, and where its last line ends."""
    figure = new_sheet()
    _case(figure, case)
    y = _header(figure, page)
    y = _row(figure, page.large, y, 0.31, _LARGE, _LARGE, 10)
    if page.maps:
        y = _maps(figure, page, y, tall)
    for pictures in page.small:
        y = _row(figure, pictures, y, 0.3, _SMALL, tall, 8.5)
    if page.tables:
        y = _tables(figure, page.tables, y)
    end = _notes(figure, case, _indent(*page.facts[0]), _facts(figure, page.facts, y))
    foot(figure, page.footer)
    return figure, end


def _header(figure: Figure, page: Page) -> float:
    put(figure, MARGIN, 0.88, page.title, 19, weight="bold")
    put(figure, MARGIN, 1.11, page.subtitle, fitted(page.subtitle, 9, INNER), color=GREY)
    put(figure, WIDTH - MARGIN, 0.88, f"Philtrum {__version__}", 10, ha="right", color=GREY)
    rule(figure, 1.24, colour=INK, weight=1.1)
    return 1.24


def _case(figure: Figure, case: Case) -> None:
    """The case above the heading: its name, in two lines and smaller where it is long, date and side at the right."""
    room = INNER - (wide(case.heading, 9) + 0.3 if case.heading else 0)
    size = next((size for size in _NAME if len(lines(case.name, size, room, 99, "bold")) <= 2), _NAME[-1])
    for number, line in enumerate(reversed(lines(case.name, size, room, 2, "bold"))):
        put(figure, MARGIN, 0.52 - 0.16 * number, line, size, weight="bold")
    put(figure, WIDTH - MARGIN, 0.52, case.heading, 9, ha="right", color=GREY)


# --- pictures -------------------------------------------------------------------------------------------------------


def _row(
    figure: Figure, pictures: Sequence[Picture], y: float, above: float, width: float, height: float, size: float
) -> float:
    """Pictures side by side in cells of ``width`` and ``height`` at most, titles of ``size`` points ``above`` them."""
    end = y
    for column, picture in enumerate(pictures):
        x = MARGIN + column * (width + GAP)
        put(figure, x, y + 0.23, picture.title, fitted(picture.title, size, width, "bold"), weight="bold")
        bottom, right = _picture(figure, picture, x, y + above, width, height)
        if picture.bar:
            bottom = _bar_below(figure, picture.bar, x, bottom, right - x)
        end = max(end, bottom)
    return end


def _maps(figure: Figure, page: Page, y: float, tall: float) -> float:
    """Both maps as large as there is room, and their one bar to the right of them."""
    end, right, top = y, MARGIN, y + 0.3
    width = max(min(_MAP, tall * _proportion(picture)) for picture in page.maps)
    pitch = min(_LARGE, INNER - _BAR - GAP - width - GAP) + GAP  # below the large pictures, where the bar has room
    for number, picture in enumerate(page.maps):
        x = MARGIN + number * pitch
        put(figure, x, y + 0.23, picture.title, fitted(picture.title, 10, pitch - GAP, "bold"), weight="bold")
        bottom, right = _picture(figure, picture, x, top, _MAP, tall)
        end = max(end, bottom)
    if page.bar is not None:
        _bar_beside(figure, page.bar, right + GAP, top, end - top)
    return end


def _picture(figure: Figure, picture: Picture, x: float, y: float, width: float, height: float) -> tuple[float, float]:
    """Draws a picture with what lies over it. Returns where it ends below and to the right."""
    axes, window = image(figure, picture, x, y, width, height)
    left, top, right, bottom = window
    if picture.mask is not None:
        _outline(axes, picture.mask, window)
    if picture.landmarks is not None:
        _chains(axes, picture.landmarks)
        _dots(axes, picture.landmarks, 1.9)
    if picture.points is not None:
        _dots(axes, picture.points, 2.8)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    scale = min(width / (right - left), height / (bottom - top))
    return y + (bottom - top) * scale, x + (right - left) * scale


def _outline(axes: Axes, mask: Mask, window: Window) -> None:
    left, top, right, bottom = window
    covered = shrunk(mask[top:bottom, left:right].astype(np.float32), 400 / max(right - left, bottom - top))
    if covered.min() < 0.5 < covered.max():
        x = left + (np.arange(covered.shape[1]) + 0.5) * (right - left) / covered.shape[1]
        y = top + (np.arange(covered.shape[0]) + 0.5) * (bottom - top) / covered.shape[0]
        axes.contour(x, y, covered, [0.5], colors="white", linewidths=1.9)
        axes.contour(x, y, covered, [0.5], colors=[_MASK], linewidths=1.1)


def _chains(axes: Axes, landmarks: Points) -> None:
    names = np.array(FEATURES)
    for name in dict.fromkeys(FEATURES):
        line = landmarks[names == name]
        line = np.concatenate([line, line[:1]]) if name in _CLOSED else line
        axes.plot(line[:, 0], line[:, 1], color=_POINTS, linewidth=0.5, alpha=0.9)


def _dots(axes: Axes, points: Points, size: float) -> None:
    axes.plot(*points.T, "o", color=_POINTS, markersize=size, markeredgecolor=INK, markeredgewidth=0.3)


# --- what colours mean ----------------------------------------------------------------------------------------------


def _bar_below(figure: Figure, bar: Bar, x: float, y: float, width: float) -> float:
    """The bar below a picture; what it means stays inside its width, as much of it as has room."""
    _colours(figure, bar.colours[None], x, y + 0.07, width, 0.09)
    taken: list[tuple[float, float]] = []
    for share, meaning in sorted(bar.ticks.items(), key=lambda tick: -abs(tick[0] - 0.5)):  # both ends first
        left = share * (width - (long := wide(meaning, 7.2)))
        if all(left > end + 0.06 or left + long < begin - 0.06 for begin, end in taken):
            put(figure, x + left, y + 0.28, meaning, 7.2, color=GREY)
            taken.append((left, left + long))
    if bar.label:
        put(figure, x, y + 0.41, bar.label, fitted(bar.label, 7.2, width), color=GREY)
    return y + (0.41 if bar.label else 0.28)


def _bar_beside(figure: Figure, bar: Bar, x: float, y: float, height: float) -> None:
    """The bar beside pictures of a height."""
    _colours(figure, bar.colours[::-1, None], x, y, 0.13, height)
    for share, meaning in bar.ticks.items():
        at = y + (1 - share) * height
        put(figure, x + 0.2, min(max(at + 0.035, y + 0.08), y + height), meaning, 7.2, color=GREY)
    middle = 1 - (y + height / 2) / HEIGHT
    figure.text(
        (x + 0.7) / WIDTH, middle, bar.label, fontsize=7.2, color=GREY, rotation=90, ha="center", va="center",
        parse_math=False,
    )  # fmt: skip


def _colours(figure: Figure, colours: Pixels, x: float, y: float, width: float, height: float) -> None:
    bar = place(figure, x, y, width, height)
    bar.imshow(colours, aspect="auto", interpolation="none")
    frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    bar.plot(*frame.T, transform=bar.transAxes, color=GREY, linewidth=0.5, clip_on=False)


# --- words and numbers ----------------------------------------------------------------------------------------------


def _tables(figure: Figure, tables: Sequence[Table], y: float) -> float:
    if len(tables) == 1:
        # The name starts at the first column, numbers end at the next ones, the note starts at the last.
        cells = (2.25, 3.0, 3.6)[: len(tables[0].columns)]
        return _table(figure, tables[0], MARGIN, INNER, y, cells, cells[-1] + 0.18)
    return max(
        _table(figure, table, MARGIN + number * (_LARGE + GAP), _LARGE, y, (2.13, 2.73, 3.33)[-len(table.columns) :])
        for number, table in enumerate(tables)
    )


def _table(
    figure: Figure, table: Table, x: float, width: float, y: float, cells: Sequence[float], notes: float | None = None
) -> float:
    """A table of a width whose cells end at, and whose notes begin at, so many inches from its left."""
    y += 0.34
    put(figure, x, y, table.title, 10, weight="bold")
    y += 0.2
    put(figure, x + _INDENT, y, _("Measure"), 7.2, color=GREY)
    if notes is not None:
        put(figure, x + notes, y, _("What it says"), 7.2, color=GREY)
    for at, title in zip(cells, table.columns, strict=True):
        put(figure, x + at, y, title, 7.2, color=GREY, ha="right")
    y += 0.07
    rule(figure, y, x=x, length=width)
    for number, row in enumerate(table.rows):
        said = [] if notes is None else lines(row.note, 6.2, width - notes, 4)
        height = 0.095 + 0.115 * max(1, len(said))
        if number % 2 == 0:
            _band(figure, x, y, width, height)
        room = cells[0] - _INDENT - 0.08 - (wide(row.cells[0], 8.2) if row.cells else 0)
        put(figure, x + _INDENT, y + 0.147, row.name, fitted(row.name, 8.2, room))
        for at, cell in zip(cells, row.cells, strict=True):
            put(figure, x + at, y + 0.147, cell, 8.2, ha="right")
        for line, part in enumerate(said):
            put(figure, x + (notes or 0), y + 0.135 + 0.115 * line, part, 6.2, color=GREY)
        y += height
    rule(figure, y, x=x, length=width)
    return y


def _band(figure: Figure, x: float, y: float, width: float, height: float) -> None:
    band = place(figure, x, y, width, height)
    band.axhspan(0, 1, color=BAND)
    band.set_ylim(0, 1)


def _facts(figure: Figure, columns: tuple[tuple[float, Facts], tuple[float, Facts]], y: float) -> float:
    end, starts = y, (_INDENT, _SECOND, INNER)
    for left, right, (least, facts) in zip(starts, starts[1:], columns, strict=False):
        indent = _indent(least, facts)
        for number, (name, value) in enumerate(facts):
            line = y + 0.24 + _LINE * number
            put(figure, MARGIN + left, line, name, 7.2, color=GREY)
            put(figure, MARGIN + left + indent, line, value, fitted(value, 7.2, right - left - indent - _INDENT))
            end = max(end, line)
    return end


def _indent(least: float, facts: Facts) -> float:
    """Inches that the names of facts take: what the page says, or more where the language's words are longer."""
    return max([least, *(wide(name, 7.2) + 0.06 for name, _value in facts)])


def _notes(figure: Figure, case: Case, indent: float, y: float) -> float:
    """The case's notes over the whole width, cut where they are long."""
    x = MARGIN + _INDENT
    for number, line in enumerate(lines(case.notes, 7.2, INNER - indent - 2 * _INDENT, _NOTE_LINES)):
        y += 0.2 if number == 0 else _LINE
        put(figure, x, y, "" if number else _("Notes"), 7.2, color=GREY)
        put(figure, x + indent, y, line, 7.2)
    return y
