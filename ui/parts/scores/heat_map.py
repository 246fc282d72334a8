"""The maps of a scored face on the screen: over the part of the face around the region, as strong as the person likes,
beside the one fixed colour bar of the map that is chosen."""

import html
from collections.abc import Sequence

import numpy as np

from pipelines.anomaly_scoring.choices import MAPS, MapName
from pipelines.anomaly_scoring.exports import Scale, Shown, colour_heat_map, map_overlay, shown_map
from pipelines.arrays import Pixels
from pipelines.faces.points import Face
from pipelines.metrics.landmark_error import SUBSETS
from pipelines.results import AnomalyScoringResult
from ui.pictures import overlay

OPACITY = 60
"""Opacity that the slider starts at, in per cent."""

_FIRST: MapName = next(iter(MAPS))
_STOPS = 64  # pixels of the bar's strip; the browser blends between them
_NONE = "Nothing is searched here: the painted region lies off lips and nose."
_PARTS = {
    "the cheek or jaw": [*range(17)],
    "the brows": [*range(17, 27)],
    "the nose": [*range(27, 31)],
    "the nostrils": [*range(31, 36)],
    "the eyes": [*range(36, 48)],
    "the upper lip": [*range(48, 55), *range(60, 65)],
    "the lower lip": [*range(55, 60), *range(65, 68)],
}  # of the 68 points
_MIDDLE = 0.08  # eye distances from the midline that still count as the middle


def heat_maps_html(
    results: Sequence[AnomalyScoringResult] = (), opacity: float = OPACITY, name: MapName = _FIRST
) -> str:
    """A map over the faces, side by side, and its colour bar.

    Args:
        results: of one photo or two; none before the first run.
        opacity: of the colours, in per cent.
        name: which map, of :data:`MAPS`.
    """
    if not results:
        return (
            '<div class="heat heat-empty"><p>The map appears here: where the face has what does not fit it, in colours '
            "that mean the same on every photo.</p></div>"
        )
    figures, scales = [], []
    for photo, result in zip(photo_names(len(results)), results, strict=True):
        caption = f"<figcaption>{photo}</figcaption>" if len(results) > 1 else ""
        shown = shown_map(result, name)
        if shown is None:
            figures.append(f'<figure><p class="heat-none">{_NONE}</p>{caption}</figure>')
            continue
        scales.append(shown.scale)
        url = overlay.jpeg_url(map_overlay(result, shown, opacity / 100))
        said = html.escape(f"{MAPS[name]}, {photo.lower()}: {_peak(result, shown)}")
        figures.append(f'<figure><img src="{url}" alt="{said}">{caption}</figure>')
    bar = _bar(scales[0]) if scales else ""
    return f'<div class="heat" data-count="{len(results)}">{"".join(figures)}{bar}</div>'


def first_map(result: AnomalyScoringResult) -> Pixels:
    """The map that is shown first over the face, RGB ``uint8``; the face alone where nothing was searched."""
    shown = shown_map(result, _FIRST)
    return result.crop if shown is None else map_overlay(result, shown, OPACITY / 100)


def photo_names(count: int) -> tuple[str, ...]:
    """What the photos are called."""
    return ("Before surgery", "After surgery") if count == 2 else ("Photo",)


def _bar(scale: Scale) -> str:
    """The scale as a strip with values beside it: text, so that it is read aloud and suits light and dark."""
    values = scale.at(np.linspace(1, 0, _STOPS))
    strip = ", ".join("rgb({} {} {})".format(*colour) for colour in colour_heat_map(values[:, None], scale)[:, 0])
    ticks = "".join(
        f'<li style="bottom:{100 * share:.0f}%">{"≥ " if share == 1 else ""}{value}</li>'
        for share, value in scale.ticks.items()
    )
    return (
        f'<div class="heat-bar" role="group" aria-label="Colour scale: {html.escape(scale.label)}">'
        f'<i style="background:linear-gradient({strip})"></i><ul>{ticks}</ul><p>{html.escape(scale.label)}</p></div>'
    )


def _peak(result: AnomalyScoringResult, shown: Shown) -> str:
    """Where a map is highest inside its region: the nearest part of the face, and the side of the picture."""
    face = Face(result.mesh)
    inside = np.where(shown.area, shown.values, -np.inf)
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    away = np.linalg.norm(face.points - (column + 0.5, row + 0.5), axis=1)
    part = min(_PARTS, key=lambda part: away[_PARTS[part]].min())
    aside = (column + 0.5 - face.points[list(SUBSETS["mouth-nose"]), 0].mean()) / face.eye_distance
    side = "in the middle" if abs(aside) < _MIDDLE else f"on the {'left' if aside < 0 else 'right'} of the picture"
    return f"highest at {part}, {side}."
