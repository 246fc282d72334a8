"""How the adaptation of a face generator to a face went: the normalized face and its severity, step by step."""

import math
from collections.abc import Sequence

from pipelines.languages.translation import _
from pipelines.results import AdaptationFrame, AnomalyScoringResult
from ui.parts.scores.facts import signed
from ui.parts.scores.heat_map import photo_names
from ui.pictures import overlay


def adaptation_html(results: Sequence[AnomalyScoringResult] = (), step: float = math.inf) -> str:
    """The normalized face and the severity after some steps of adaptation, and the course of the severity.

    Args:
        results: of one photo or two.
        step: how many steps; the nearest frame is shown.
    """
    named = dict(zip(photo_names(len(results)), results, strict=False))
    shown = {name: result for name, result in named.items() if result.frames}
    if not shown:
        awaited = _("Every kept step of the adaptation appears here.")
        return f'<div class="frames frames-empty"><p>{awaited}</p></div>'
    figures = "".join(_frame(name, result, step, len(results)) for name, result in shown.items())
    return f'<div class="frames">{figures}</div>'


def nearest_frame(frames: Sequence[AdaptationFrame], step: float) -> AdaptationFrame:
    """The frame whose number of steps is nearest to ``step``."""
    return min(frames, key=lambda frame: abs(frame.step - step)) if math.isfinite(step) else frames[-1]


def _frame(name: str, result: AnomalyScoringResult, step: float, count: int) -> str:
    frame = nearest_frame(result.frames, step)
    title = f"<b>{name}</b>, " if count > 1 else ""
    if frame.step:
        alt = _("Normalized face after {count} steps").format(count=frame.step)
        said = _("after {count} steps: severity <b>{severity}</b>")
    else:
        alt, said = _("Normalized face before adaptation"), _("before adaptation: severity <b>{severity}</b>")
    said = said.format(count=frame.step, severity=signed(frame.severity))
    index = _("The anomaly does not reappear within these steps.")
    if result.reappears is not None:
        index = _("The anomaly reappears after <b>{count}</b> steps; the fewer, the milder.")
    return (
        f'<figure><img src="{overlay.jpeg_url(frame.image)}" alt="{alt}"><figcaption>'
        f"<p>{title}{said}</p>{_course(result, frame)}<p>{index.format(count=result.reappears)}</p>"
        "</figcaption></figure>"
    )


def _course(result: AnomalyScoringResult, frame: AdaptationFrame) -> str:
    """A small line of the severity over the steps, with where the picture stands and where the anomaly reappears."""
    frames = result.frames
    last = max(frames[-1].step, 1)
    low, high = min(each.severity for each in frames), max(each.severity for each in frames)
    height = (high - low) or 1.0

    def at(each: AdaptationFrame) -> str:
        return f"{100 * each.step / last:.1f},{36 - 32 * (each.severity - low) / height:.1f}"

    line = " ".join(at(each) for each in frames)
    x, y = at(frame).split(",")
    mark = ""
    if result.reappears is not None:
        there = 100 * result.reappears / last
        mark = f'<line class="course-mark" x1="{there:.1f}" x2="{there:.1f}" y1="2" y2="38"/>'
    said = _("Severity from {first} to {last} over {count} steps").format(
        first=signed(frames[0].severity), last=signed(frames[-1].severity), count=last
    )
    return (
        f'<svg class="course" viewBox="-3 0 106 40" role="img" aria-label="{said}" preserveAspectRatio="none">{mark}'
        f'<polyline points="{line}"/><line class="course-at" x1="{x}" x2="{x}" y1="2" y2="38"/>'
        f'<line class="course-dot" x1="{x}" x2="{x}" y1="{y}" y2="{y}"/></svg>'
    )
