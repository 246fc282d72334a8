"""A sheet of A4 drawn with matplotlib's object interface: no global state, so threads may draw at once.

Everything is placed in inches from the sheet's top left corner.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from pipelines import __version__
from pipelines.exports.pages.layout import Picture
from pipelines.exports.pictures import Window, for_print
from pipelines.exports.tables import NOTICE
from pipelines.languages.translation import _

WIDTH, HEIGHT = 8.27, 11.69  # in, A4
MARGIN = 0.62
INNER = WIDTH - 2 * MARGIN
GAP = 0.2
FOOT = 0.68
"""What the footer takes."""

INK, GREY, RULE, BAND = "#16202a", "#5b6670", "#c9d1d8", "#f2f5f7"

_HINTED = 1.05  # by how much wider text may be where letters are fitted to pixels, as in a picture of the page


def new_sheet() -> Figure:
    """An empty sheet."""
    figure = Figure(figsize=(WIDTH, HEIGHT), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def put(figure: Figure, x: float, y: float, text: str, size: float, **given: Any) -> None:
    """Writes a text whose baseline begins at a place."""
    style = {"color": INK, "va": "baseline", "parse_math": False, **given}
    figure.text(x / WIDTH, 1 - y / HEIGHT, text, fontsize=size, **style)


def rule(
    figure: Figure, y: float, *, x: float = MARGIN, length: float = INNER, colour: str = RULE, weight: float = 0.7
) -> None:
    """Draws a line, from margin to margin where nothing else is said."""
    ends = np.array([x, x + length]) / WIDTH
    figure.add_artist(Line2D(ends, [1 - y / HEIGHT] * 2, color=colour, linewidth=weight, transform=figure.transFigure))


def place(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    """Axes without lines whose top left corner lies at a place."""
    axes = figure.add_axes((x / WIDTH, 1 - (y + height) / HEIGHT, width / WIDTH, height / HEIGHT))
    axes.set_axis_off()
    return axes


def image(figure: Figure, picture: Picture, x: float, y: float, width: float, height: float) -> tuple[Axes, Window]:
    """Draws a picture as large as a cell allows, at the cell's top left, with its own proportions.

    The axes' units are pixels of the whole image, of which the window is seen.
    """
    left, top, right, bottom = window = shown_part(picture)
    scale = min(width / (right - left), height / (bottom - top))  # inches a pixel
    axes = place(figure, x, y, (right - left) * scale, (bottom - top) * scale)
    shown = for_print(picture.image[top:bottom, left:right], scale)
    # "none" puts the pixels into the PDF as they are; the extent's y runs down, as in the photo.
    axes.imshow(shown, extent=(left, right, bottom, top), aspect="auto", interpolation="none")
    return axes, window


def shown_part(picture: Picture) -> Window:
    """The part of a picture that is shown."""
    height, width = picture.image.shape[:2]
    return picture.window or (0, 0, width, height)


def foot(figure: Figure, made: str) -> None:
    """Writes the footer: what every page says, and what made this one."""
    rule(figure, HEIGHT - FOOT)
    put(figure, MARGIN, HEIGHT - 0.5, _(NOTICE), 8.5, weight="bold")
    put(figure, MARGIN, HEIGHT - 0.35, made, 7, color=GREY)


def number(figure: Figure, page: int, pages: int) -> None:
    """Writes which page it is into the footer."""
    put(
        figure,
        WIDTH - MARGIN,
        HEIGHT - 0.5,
        _("Page {number} of {count}").format(number=page, count=pages),
        8.5,
        ha="right",
        color=GREY,
    )


def about(subject: str) -> dict[str, str | None]:
    """What a PDF says of itself: neither date nor user."""
    return {"Title": subject, "Subject": _(NOTICE), "Creator": f"Philtrum {__version__}", "CreationDate": None}


# --- text that fits -------------------------------------------------------------------------------------------------


def wide(text: str, size: float, weight: str = "normal") -> float:
    """Inches that a text takes at most."""
    font = FontProperties(size=size, weight=weight)
    return _HINTED * float(text_to_path.get_text_width_height_descent(text, font, False)[0]) / 72


def fitted(text: str, size: float, width: float, weight: str = "normal") -> float:
    """The size of letters, ``size`` or less, in which a text takes no more than a width."""
    return size * min(1.0, width / max(wide(text, size, weight), 1e-6))


def cut(text: str, size: float, width: float, weight: str = "normal") -> str:
    """A text in one line, which ends in … where it is wider."""
    if wide(text, size, weight) <= width:
        return text
    low, high = 0, len(text)  # so many letters fit
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wide(f"{text[:middle]}…", size, weight) <= width else (low, middle)
    return f"{text[:low].rstrip()}…"


def lines(text: str, size: float, width: float, most: int, weight: str = "normal") -> list[str]:
    """A text in lines of a width; where there are more than ``most`` the last one ends in ….

    Lines are divided between words, and inside a word that is wider than a line.
    """
    found: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            joined = f"{line} {word}".lstrip()
            if wide(joined, size, weight) <= width:
                line = joined
                continue
            found += [line] if line else []
            *whole, line = _pieces(word, size, width, weight)
            found += whole
        found += [line] if line else []
    if len(found) <= most:
        return found
    return [*found[: most - 1], cut(f"{found[most - 1]}…", size, width, weight)]


def _pieces(word: str, size: float, width: float, weight: str) -> list[str]:
    pieces = [""]
    for letter in word:
        if wide(pieces[-1] + letter, size, weight) <= width or not pieces[-1]:
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces
