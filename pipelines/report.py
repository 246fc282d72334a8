"""One A4 page of a result, drawn with matplotlib's object interface: no global state, so threads may draw at once."""

import textwrap
from io import BytesIO

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipelines import __version__
from pipelines.faces.measurements import Measurement
from pipelines.results import CleftInpaintingResult
from pipelines.tables import FEATURES, NOTICE, mask_share, show

_WIDTH, _HEIGHT = 8.27, 11.69  # in, A4
_MARGIN = 0.62
_INNER = _WIDTH - 2 * _MARGIN
_GAP = 0.2
_DPI = 220  # of pictures on the page; more only makes the file large

_INK, _GREY, _RULE, _BAND = "#16202a", "#5b6670", "#c9d1d8", "#f2f5f7"
_MASK, _POINTS = "#00a0ff", "#ffd21e"

_CLOSED = ("eye, image left", "eye, image right", "outer lips", "inner lips")
_FACE_WINDOW = 1.35  # of the landmarks' box: brow to chin with some forehead

Window = tuple[int, int, int, int]
"""Part of a photo: left, top, right, bottom in pixels."""


def render(result: CleftInpaintingResult, kind: str = "pdf", dpi: int = 110) -> bytes:
    """The page as a file.

    Args:
        result: what to show.
        kind: ``"pdf"``, or ``"png"`` to look at it.
        dpi: resolution of a PNG.

    Returns:
        The file; the same result gives the same bytes, without date, user or host.
    """
    figure = _page(result)
    buffer = BytesIO()
    if kind == "pdf":
        about = {
            "Title": "Cleft inpainting: predicted non-cleft face",
            "Subject": NOTICE,
            "Creator": f"Philtrum {__version__}",
            "CreationDate": None,
        }
        figure.savefig(buffer, format="pdf", metadata=about)
    else:
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def _page(result: CleftInpaintingResult) -> Figure:
    figure = Figure(figsize=(_WIDTH, _HEIGHT), facecolor="white")
    FigureCanvasAgg(figure)
    y = _header(figure)
    y = _large_pictures(figure, result, y)
    y = _small_pictures(figure, result, y)
    y = _measurements(figure, result, y)
    _facts(figure, result, y)
    _footer(figure, result)
    return figure


# Everything below is placed in inches from the page's top left corner; each part returns where it ends.


def _text(figure: Figure, x: float, y: float, text: str, size: float, **style) -> None:
    style = {"color": _INK, "va": "baseline", "parse_math": False, **style}
    figure.text(x / _WIDTH, 1 - y / _HEIGHT, text, fontsize=size, **style)


def _rule(figure: Figure, y: float, colour: str = _RULE, width: float = 0.7) -> None:
    x = np.array([_MARGIN, _WIDTH - _MARGIN]) / _WIDTH
    figure.add_artist(Line2D(x, [1 - y / _HEIGHT] * 2, color=colour, linewidth=width, transform=figure.transFigure))


def _axes(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    axes = figure.add_axes((x / _WIDTH, 1 - (y + height) / _HEIGHT, width / _WIDTH, height / _HEIGHT))
    axes.set_axis_off()
    return axes


def _header(figure: Figure) -> float:
    _text(figure, _MARGIN, 0.88, "Cleft inpainting", 19, weight="bold")
    _text(figure, _MARGIN, 1.11, "Predicted non-cleft face with 68 landmarks. The painted part is generated.", 9,
          color=_GREY)  # fmt: skip
    _text(figure, _WIDTH - _MARGIN, 0.88, f"Philtrum {__version__}", 10, ha="right", color=_GREY)
    _rule(figure, 1.24, _INK, 1.1)
    return 1.24


def _large_pictures(figure: Figure, result: CleftInpaintingResult, y: float) -> float:
    width = height = (_INNER - _GAP) / 2
    window = _face_window(result)
    for column, (title, image) in enumerate((("Photo", result.photo), ("Prediction", result.image))):
        x = _MARGIN + column * (width + _GAP)
        _text(figure, x, y + 0.23, title, 10, weight="bold")
        _picture(figure, image, window, x, y + 0.31, width, height)
    return y + 0.31 + height


def _small_pictures(figure: Figure, result: CleftInpaintingResult, y: float) -> float:
    width = (_INNER - 2 * _GAP) / 3
    height = 2.1
    rows, columns = result.photo.shape[:2]
    whole, face = (0, 0, columns, rows), _face_window(result)
    cells = (
        ("Mask and predicted landmarks", result.photo, face),
        ("Whole photo", result.photo, whole),
        ("Whole prediction", result.image, whole),
    )
    for column, (title, image, window) in enumerate(cells):
        x = _MARGIN + column * (width + _GAP)
        _text(figure, x, y + 0.23, title, 8.5, weight="bold")
        axes = _picture(figure, image, window, x, y + 0.3, width, height)
        if window is face:
            _overlay(axes, result, window)
    return y + 0.3 + height


def _picture(
    figure: Figure, image: np.ndarray, window: Window, x: float, y: float, width: float, height: float
) -> Axes:
    """Draws a part of a photo as large as the cell allows, at the cell's top left, with its own proportions.

    The axes' units are pixels of the whole photo.
    """
    left, top, right, bottom = window
    scale = min(width / (right - left), height / (bottom - top))  # inches a pixel
    axes = _axes(figure, x, y, (right - left) * scale, (bottom - top) * scale)
    shown = _shrunk(image[top:bottom, left:right], scale * _DPI)
    # "none" puts the pixels into the PDF as they are; the extent's y runs down, as in the photo.
    axes.imshow(shown, extent=(left, right, bottom, top), aspect="auto", interpolation="none")
    return axes


def _shrunk(image: np.ndarray, scale: float) -> np.ndarray:
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _overlay(axes: Axes, result: CleftInpaintingResult, window: Window) -> None:
    left, top, right, bottom = window
    mask = _shrunk(result.mask[top:bottom, left:right].astype(np.float32), 400 / max(right - left, bottom - top))
    if mask.min() < 0.5 < mask.max():
        x = left + (np.arange(mask.shape[1]) + 0.5) * (right - left) / mask.shape[1]
        y = top + (np.arange(mask.shape[0]) + 0.5) * (bottom - top) / mask.shape[0]
        axes.contour(x, y, mask, [0.5], colors="white", linewidths=1.9)
        axes.contour(x, y, mask, [0.5], colors=_MASK, linewidths=1.1)
    points = result.landmarks
    names = np.array(FEATURES)
    for name in dict.fromkeys(FEATURES):
        line = points[names == name]
        line = np.concatenate([line, line[:1]]) if name in _CLOSED else line
        axes.plot(line[:, 0], line[:, 1], color=_POINTS, linewidth=0.5, alpha=0.9)
    axes.plot(points[:, 0], points[:, 1], "o", color=_POINTS, markersize=1.9, markeredgecolor=_INK, markeredgewidth=0.3)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def _face_window(result: CleftInpaintingResult) -> Window:
    """A square around face and mask, moved and cut to lie inside the photo."""
    rows, columns = result.photo.shape[:2]
    points = np.concatenate([result.landmarks_before, result.landmarks])
    if result.mask.any():
        ys, xs = np.flatnonzero(result.mask.any(1)), np.flatnonzero(result.mask.any(0))
        points = np.concatenate([points, [[xs[0], ys[0]], [xs[-1] + 1, ys[-1] + 1]]])
    low, high = points.min(0), points.max(0)
    centre = (low + high) / 2
    side = max(16, int(_FACE_WINDOW * (high - low).max()))
    centre[1] -= 0.06 * side  # landmarks end at the brows; the forehead belongs to the face
    size = np.minimum(side, (columns, rows))
    corner = np.clip(np.round(centre - size / 2), 0, (columns, rows) - size).astype(int)
    return int(corner[0]), int(corner[1]), int(corner[0] + size[0]), int(corner[1] + size[1])


def _measurements(figure: Figure, result: CleftInpaintingResult, y: float) -> float:
    columns = (0.08, 2.25, 3.0, 3.6, 3.78)  # name; photo, prediction, change end here; meaning
    y += 0.36
    _text(figure, _MARGIN, y, "Measurements", 10, weight="bold")
    y += 0.23
    titles = zip(columns, ("Measure", "Photo", "Prediction", "Change", "What it says"), strict=True)
    for number, (x, title) in enumerate(titles):
        _text(figure, _MARGIN + x, y, title, 7.2, color=_GREY, ha="right" if 0 < number < 4 else "left")
    y += 0.07
    _rule(figure, y)
    for row, (before, after) in enumerate(zip(result.measurements_before, result.measurements, strict=True)):
        meaning = textwrap.wrap(before.meaning, 68)
        height = 0.1 + 0.115 * max(2, len(meaning))
        if row % 2 == 0:
            band = _axes(figure, _MARGIN, y, _INNER, height)
            band.axhspan(0, 1, color=_BAND)
            band.set_ylim(0, 1)
        line = y + 0.16
        _text(figure, _MARGIN + columns[0], line, before.label, 8.2)
        for x, value in zip(columns[1:4], (show(before), show(after), _change(before, after)), strict=True):
            _text(figure, _MARGIN + x, line, value, 8.2, ha="right")
        for number, part in enumerate(meaning):
            _text(figure, _MARGIN + columns[4], y + 0.135 + 0.115 * number, part, 6.4, color=_GREY)
        y += height
    _rule(figure, y)
    return y


def _change(before: Measurement, after: Measurement) -> str:
    difference = after.value - before.value
    if not np.isfinite(difference):
        return "–"
    text = f"{difference:+z.1f}{before.unit}" if before.unit else f"{difference:+z.3f}"
    return text.replace("-", "−")


def _facts(figure: Figure, result: CleftInpaintingResult, y: float) -> None:
    rows, columns = result.photo.shape[:2]
    source = "given" if result.extent is None else f"suggested, {result.extent}"
    seconds = sum(result.seconds.values())
    left = (
        ("Photo", f"{columns} × {rows} pixels, face {result.face + 1} of {result.faces}"),
        ("Mask", f"{source}; {100 * mask_share(result):.1f} % of the photo"),
    )
    right = (
        ("Weights", ", ".join(f"{used.name}, SHA-256 {used.sha256}" for used in result.weights)),
        ("Computed on", f"{result.device}, in {seconds:.1f} s"),
    )
    for x, indent, facts in ((_MARGIN + 0.08, 0.5, left), (_MARGIN + 3.1, 0.82, right)):
        for number, (name, value) in enumerate(facts):
            line = y + 0.24 + 0.17 * number
            _text(figure, x, line, name, 7.2, color=_GREY)
            _text(figure, x + indent, line, value, 7.2)


def _footer(figure: Figure, result: CleftInpaintingResult) -> None:
    _rule(figure, _HEIGHT - 0.68)
    _text(figure, _MARGIN, _HEIGHT - 0.5, NOTICE, 8.5, weight="bold")
    used = ", ".join(f"{one.name} {one.sha256}" for one in result.weights)
    made = f"Philtrum {__version__} · {used} · seed {result.seed} · {result.device}"
    _text(figure, _MARGIN, _HEIGHT - 0.35, made, 7, color=_GREY)
