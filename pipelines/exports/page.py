"""One A4 page drawn with matplotlib's object interface: no global state, so threads may draw at once.

What stands on it is a :class:`~pipelines.exports.layout.Page`. Everything is placed in inches from the page's top left
corner, and each part returns where it ends.
"""

import textwrap
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipelines import __version__
from pipelines.arrays import Mask, Points
from pipelines.cases.case import Case
from pipelines.exports.layout import Facts, Page, Picture
from pipelines.exports.pictures import MASK_COLOUR, POINT_COLOUR, Window, shrunk
from pipelines.exports.tables import FEATURES, NOTICE, show, signed
from pipelines.results import Measurement

_WIDTH, _HEIGHT = 8.27, 11.69  # in, A4
_MARGIN = 0.62
_INNER = _WIDTH - 2 * _MARGIN
_GAP = 0.2
_SMALL = 2.1  # height of small pictures, where all facts have room below them
_FOOT = 0.68  # what the footer takes
_NAME = 48  # letters of a case's name in a line
_DPI = 220  # of pictures on the page; more only makes the file large

_INK, _GREY, _RULE, _BAND = "#16202a", "#5b6670", "#c9d1d8", "#f2f5f7"
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
    figure = _draw(page)
    if case is not None:
        _case(figure, case)
    buffer = BytesIO()
    if kind == "pdf":
        about = {"Title": page.subject, "Subject": NOTICE, "Creator": f"Philtrum {__version__}", "CreationDate": None}
        figure.savefig(buffer, format="pdf", metadata=about)
    else:
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def _draw(page: Page) -> Figure:
    figure, end = _drawn(page, _SMALL)
    missing = end - (_HEIGHT - _FOOT - 0.08)
    if missing <= 0 or not page.small:
        return figure
    return _drawn(page, _SMALL - missing / len(page.small))[0]


def _drawn(page: Page, small: float) -> tuple[Figure, float]:
    """The page with small pictures of a height, and where its facts end."""
    figure = Figure(figsize=(_WIDTH, _HEIGHT), facecolor="white")
    FigureCanvasAgg(figure)
    y = _header(figure, page)
    width = (_INNER - _GAP) / 2
    y = _row(figure, page.large, y, 0.31, width, width, 10)
    for pictures in page.small:
        y = _row(figure, pictures, y, 0.3, (_INNER - 2 * _GAP) / 3, small, 8.5)
    if page.measurements:
        y = _measurements(figure, page.measurements, y)
    end = _facts(figure, page.facts, y)
    _footer(figure, page.footer)
    return figure, end


def _text(figure: Figure, x: float, y: float, text: str, size: float, **given: Any) -> None:
    style = {"color": _INK, "va": "baseline", "parse_math": False, **given}
    figure.text(x / _WIDTH, 1 - y / _HEIGHT, text, fontsize=size, **style)


def _rule(figure: Figure, y: float, colour: str = _RULE, width: float = 0.7) -> None:
    x = np.array([_MARGIN, _WIDTH - _MARGIN]) / _WIDTH
    figure.add_artist(Line2D(x, [1 - y / _HEIGHT] * 2, color=colour, linewidth=width, transform=figure.transFigure))


def _axes(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    axes = figure.add_axes((x / _WIDTH, 1 - (y + height) / _HEIGHT, width / _WIDTH, height / _HEIGHT))
    axes.set_axis_off()
    return axes


def _header(figure: Figure, page: Page) -> float:
    _text(figure, _MARGIN, 0.88, page.title, 19, weight="bold")
    _text(figure, _MARGIN, 1.11, page.subtitle, 9, color=_GREY)
    _text(figure, _WIDTH - _MARGIN, 0.88, f"Philtrum {__version__}", 10, ha="right", color=_GREY)
    _rule(figure, 1.24, _INK, 1.1)
    return 1.24


def _case(figure: Figure, case: Case) -> None:
    """The case above the heading: its name, in more than one line where it is long, date and side at the right."""
    lines = textwrap.wrap(case.name, _NAME) or [""]
    for number, line in enumerate(lines):
        _text(figure, _MARGIN, 0.52 - 0.16 * (len(lines) - 1 - number), line, 10.5, weight="bold")
    _text(figure, _WIDTH - _MARGIN, 0.52, case.heading, 9, ha="right", color=_GREY)


def _row(
    figure: Figure, pictures: Sequence[Picture], y: float, above: float, width: float, height: float, size: float
) -> float:
    """Pictures side by side in cells of ``width`` and ``height`` at most, titles of ``size`` points ``above`` them."""
    end = y
    for column, picture in enumerate(pictures):
        x = _MARGIN + column * (width + _GAP)
        _text(figure, x, y + 0.23, picture.title, size, weight="bold")
        bottom = _picture(figure, picture, x, y + above, width, height)
        if picture.scale:
            bottom = _scale(figure, picture.scale, x, bottom, min(width, height))
        end = max(end, bottom)
    return end


def _picture(figure: Figure, picture: Picture, x: float, y: float, width: float, height: float) -> float:
    """Draws a picture as large as the cell allows, at the cell's top left, with its own proportions.

    The axes' units are pixels of the whole image. Returns where the picture ends.
    """
    height_px, width_px = picture.image.shape[:2]
    left, top, right, bottom = window = picture.window or (0, 0, width_px, height_px)
    scale = min(width / (right - left), height / (bottom - top))  # inches a pixel
    axes = _axes(figure, x, y, (right - left) * scale, (bottom - top) * scale)
    shown = shrunk(picture.image[top:bottom, left:right], scale * _DPI)
    # "none" puts the pixels into the PDF as they are; the extent's y runs down, as in the photo.
    axes.imshow(shown, extent=(left, right, bottom, top), aspect="auto", interpolation="none")
    if picture.mask is not None:
        _outline(axes, picture.mask, window)
    if picture.landmarks is not None:
        _chains(axes, picture.landmarks)
        _dots(axes, picture.landmarks, 1.9)
    if picture.points is not None:
        _dots(axes, picture.points, 2.8)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    return y + (bottom - top) * scale


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
    axes.plot(*points.T, "o", color=_POINTS, markersize=size, markeredgecolor=_INK, markeredgewidth=0.3)


def _scale(figure: Figure, meanings: tuple[str, str, str], x: float, y: float, width: float) -> float:
    """A bar from black to white with what its ends and its middle mean."""
    bar = _axes(figure, x, y + 0.07, width, 0.09)
    bar.imshow(np.linspace(0, 1, 256)[None], cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="none")
    frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    bar.plot(*frame.T, transform=bar.transAxes, color=_GREY, linewidth=0.5, clip_on=False)
    for share, meaning, side in zip((0, 0.5, 1), meanings, ("left", "center", "right"), strict=True):
        _text(figure, x + share * width, y + 0.28, meaning, 7.2, ha=side, color=_GREY)
    return y + 0.28


def _measurements(figure: Figure, rows: Sequence[tuple[Measurement, ...]], y: float) -> float:
    # The name starts at the first column, numbers end at the next ones, the meaning starts at the last.
    columns: tuple[float, ...] = (0.08, 2.25, 3.0, 3.6, 3.78)
    titles: tuple[str, ...] = ("Photo", "Prediction", "Change")
    widest = 68
    if len(rows[0]) == 1:
        columns, titles, widest = (0.08, 2.25, 2.43), ("Photo",), 96
    y += 0.36
    _text(figure, _MARGIN, y, "Measurements", 10, weight="bold")
    y += 0.23
    heading = zip(columns, ("Measure", *titles, "What it says"), strict=True)
    for number, (x, title) in enumerate(heading):
        _text(figure, _MARGIN + x, y, title, 7.2, color=_GREY, ha="right" if 0 < number <= len(titles) else "left")
    y += 0.07
    _rule(figure, y)
    for row, values in enumerate(rows):
        before = values[0]
        meaning = textwrap.wrap(before.meaning, widest)
        height = 0.1 + 0.115 * max(2, len(meaning))
        if row % 2 == 0:
            band = _axes(figure, _MARGIN, y, _INNER, height)
            band.axhspan(0, 1, color=_BAND)
            band.set_ylim(0, 1)
        line = y + 0.16
        _text(figure, _MARGIN + columns[0], line, before.label, 8.2)
        cells = [*map(show, values), *([_change(*values)] if len(values) > 1 else [])]
        for x, value in zip(columns[1:-1], cells, strict=True):
            _text(figure, _MARGIN + x, line, value, 8.2, ha="right")
        for number, part in enumerate(meaning):
            _text(figure, _MARGIN + columns[-1], y + 0.135 + 0.115 * number, part, 6.4, color=_GREY)
        y += height
    _rule(figure, y)
    return y


def _change(before: Measurement, after: Measurement) -> str:
    difference = after.value - before.value
    if not np.isfinite(difference):
        return "–"
    return signed(f"{difference:+z.1f}{before.unit}" if before.unit else f"{difference:+z.3f}")


def _facts(figure: Figure, columns: tuple[tuple[float, Facts], tuple[float, Facts]], y: float) -> float:
    end = y
    for x, (indent, facts) in zip((_MARGIN + 0.08, _MARGIN + 3.1), columns, strict=True):
        for number, (name, value) in enumerate(facts):
            line = y + 0.24 + 0.17 * number
            _text(figure, x, line, name, 7.2, color=_GREY)
            _text(figure, x + indent, line, value, 7.2)
            end = max(end, line)
    return end


def _footer(figure: Figure, made: str) -> None:
    _rule(figure, _HEIGHT - _FOOT)
    _text(figure, _MARGIN, _HEIGHT - 0.5, NOTICE, 8.5, weight="bold")
    _text(figure, _MARGIN, _HEIGHT - 0.35, made, 7, color=_GREY)
