"""Heat maps on the screen: over the face, as strong as the person likes, beside the one fixed colour bar."""

import html
from collections.abc import Sequence

import numpy as np

from pipelines.results import AnomalyScoringResult, Score
from ui import overlay

OPACITY = 60
"""Opacity that the slider starts at, in per cent."""

_STOPS = 64  # pixels of the bar's strip; the browser blends between them


def heat_maps_html(results: Sequence[AnomalyScoringResult] = (), opacity: float = OPACITY) -> str:
    """The maps over the faces, side by side, and the colour bar.

    Args:
        results: of one photo or two; none before the first run.
        opacity: of the colours, in per cent.
    """
    if not results:
        return (
            '<div class="heat heat-empty"><p>The heat map appears here: where the face differs from its normalized '
            "version, in colours that mean the same on every photo.</p></div>"
        )
    from pipelines.anomaly_scoring.colouring import SCALES  # here: it imports matplotlib
    from pipelines.anomaly_scoring.colouring import overlay as lay_over

    names = photo_names(len(results))
    pictures = []
    for name, result in zip(names, results, strict=True):
        scale = SCALES[result.score.kind, result.score.colour]
        picture = lay_over(result.crop, result.heat, scale, opacity / 100, result.area)
        said = f"Heat map of the {name.lower()}: {_hottest(result)}"
        caption = f"<figcaption>{name}</figcaption>" if len(results) > 1 else ""
        pictures.append(f'<figure><img src="{overlay.jpeg_url(picture)}" alt="{html.escape(said)}">{caption}</figure>')
    return f'<div class="heat" data-count="{len(results)}">{"".join(pictures)}{_bar(results[0].score)}</div>'


def photo_names(count: int) -> tuple[str, ...]:
    """What the photos are called."""
    return ("Before surgery", "After surgery") if count == 2 else ("Photo",)


def _bar(score: Score) -> str:
    """The scale as a strip with values beside it: text, so that it is read aloud and suits light and dark."""
    from pipelines.anomaly_scoring.colouring import SCALES, colour_heat_map

    scale = SCALES[score.kind, score.colour]
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


def _hottest(result: AnomalyScoringResult) -> str:
    inside = np.where(result.area, result.heat, -np.inf)
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    down = ("upper", "middle", "lower")[min(2, 3 * int(row) // inside.shape[0])]
    across = ("left", "middle", "right")[min(2, 3 * int(column) // inside.shape[1])]
    return f"it differs most in the {down} {across} of the picture."
