"""A score in words: severity, normality, percentile, how two photos compare, and how the adaptation went."""

import html
import math
from collections.abc import Sequence

from pipelines.results import AdaptationFrame, AnomalyScoringResult, Percentile
from ui import overlay
from ui.heat_map import photo_names

REGIONS = {"mouth-nose": "Mouth and nose", "upper-lip": "Upper lip", "face": "Whole face", "painted": "Painted"}
KINDS = {"pse": "Squared error", "ssim": "SSIM", "lpips": "LPIPS"}
COLOURS = {"ycbcr": "YCbCr", "rgb": "RGB"}
NORMALIZERS = {"inpainting": "Fast repainting", "stylegan2": "StyleGAN2"}
GROUPS = {"all": "All ages", "0-8": "0 to 8 years", "9-17": "9 to 17 years", "18 and older": "18 and older"}
FORMULAS = {"equation": "Equation 6", "text": "Mean of the map"}
"""What the choices are called on the screen."""

_FORMULAS = {"equation": "S = −ln(√(Σ h) / N)", "text": "S = −ln(Σ h / N)"}
_SEVERITY = "−S, no unit; higher is farther from normal."
_NORMALITY = "S of the formula, no unit; higher is closer to normal."
_CLEAR = 0.05  # of the score; a judgement, until the benchmark says by how much one face's score varies


def signed(value: float, plus: bool = False) -> str:
    """A score with two digits and a true minus."""
    return f"{value:{'+' if plus else ''}z.2f}".replace("-", "−")


def scores_html(results: Sequence[AnomalyScoringResult] = ()) -> str:
    """The score of each photo and, of two, their difference."""
    if not results:
        return '<div class="scores scores-empty"><p>Severity, normality and percentile appear here.</p></div>'
    cards = "".join(
        _card(name, result, len(results)) for name, result in zip(photo_names(len(results)), results, strict=True)
    )
    said = f'<p class="scores-difference" role="status">{difference(*results)}</p>' if len(results) == 2 else ""
    return f'<div class="scores" data-count="{len(results)}">{cards}{said}{_computed(results[0])}</div>'


def difference(before: AnomalyScoringResult, after: AnomalyScoringResult) -> str:
    """One sentence about two scores on one scale, as HTML."""
    first, second = round(before.score.severity, 2), round(after.score.severity, 2)
    change, span = second - first, f"from {signed(first)} to {signed(second)}"
    if abs(change) < _CLEAR:
        said = f"<b>Hardly any difference:</b> severity changed by {signed(change, plus=True)}, {span}"
    elif change < 0:
        said = f"<b>Closer to normal after surgery:</b> severity fell by {signed(-change)}, {span}"
    else:
        said = f"<b>Farther from normal after surgery:</b> severity rose by {signed(change)}, {span}"
    if before.percentile and after.percentile:
        said += f" (percentile {before.percentile.value:.0f} → {after.percentile.value:.0f})"
    if "painted" in (before.basis.region, after.basis.region):
        said += ". A painted region is measured on each photo by itself: paint the same part on both"
    return said + "."


def percentile_html(percentile: Percentile | None) -> str:
    """The percentile as a sentence and a mark on a line; where there is none, why."""
    if percentile is None:
        return '<p class="score-percentile">No percentile: no open-set faces were scored with these settings.</p>'
    group = GROUPS.get(percentile.group, percentile.group)
    faces = f"{percentile.faces:,} open-set faces" + ("" if percentile.group == "all" else f", {group}")
    return (
        f'<p class="score-percentile">More different than <b>{percentile.value:.0f} %</b> of {html.escape(faces)}</p>'
        f'<div class="score-track" aria-hidden="true"><i style="left:{percentile.value:.1f}%"></i></div>'
    )


def _card(name: str, result: AnomalyScoringResult, count: int) -> str:
    score = result.score
    title = f"<h3>{name}</h3>" if count > 1 else ""
    facts = (
        ("Severity", signed(score.severity), _SEVERITY),
        ("Normality", signed(score.normality), _NORMALITY),
        (
            "Region",
            f"{REGIONS[result.basis.region]}, {score.pixels:,} px",
            "N, the pixels of the aligned face that count.",
        ),
    )
    listed = "".join(f'<div title="{meaning}"><dt>{term}</dt><dd>{value}</dd></div>' for term, value, meaning in facts)
    return f'<section class="score">{title}{percentile_html(result.percentile)}<dl>{listed}</dl></section>'


def _computed(result: AnomalyScoringResult) -> str:
    score = result.score
    parts = [
        NORMALIZERS[result.basis.normalizer] + (f" ({result.basis.conditions})" if result.basis.conditions else ""),
        KINDS[score.kind] if score.kind != "lpips" else result.basis.perceptual,
        COLOURS[score.colour],
        "eroded" if score.erosion else "not eroded",
        f"{sum(result.seconds.values()):.1f} s",
    ]
    return (
        f'<details class="score-how"><summary>How it is computed: {html.escape(" · ".join(parts))}</summary><p>'
        f"<span>{_FORMULAS[score.formula]}</span>, with h the heat map and N the pixels of the region; severity is −S. "
        "Scores compare only where map, colour space, erosion, formula, region and normalizer are the same."
        "</p></details>"
    )


def adaptation_html(results: Sequence[AnomalyScoringResult] = (), step: float = math.inf) -> str:
    """The normalized face and the severity after some steps of adaptation, and the course of the severity.

    Args:
        results: of one photo or two.
        step: how many steps; the nearest frame is shown.
    """
    named = dict(zip(photo_names(len(results)), results, strict=False))
    shown = {name: result for name, result in named.items() if result.frames}
    if not shown:
        return '<div class="frames frames-empty"><p>Every kept step of the adaptation appears here.</p></div>'
    figures = "".join(_frame(name, result, step, len(results)) for name, result in shown.items())
    return f'<div class="frames">{figures}</div>'


def nearest_frame(frames: Sequence[AdaptationFrame], step: float) -> AdaptationFrame:
    """The frame whose number of steps is nearest to ``step``."""
    return min(frames, key=lambda frame: abs(frame.step - step)) if math.isfinite(step) else frames[-1]


def _frame(name: str, result: AnomalyScoringResult, step: float, count: int) -> str:
    frame = nearest_frame(result.frames, step)
    said = f"after {frame.step} steps" if frame.step else "before adaptation"
    title = f"<b>{name}</b>, " if count > 1 else ""
    index = (
        f"The anomaly reappears after <b>{result.reappears}</b> steps; the fewer, the milder."
        if result.reappears is not None
        else "The anomaly does not reappear within these steps."
    )
    return (
        f'<figure><img src="{overlay.jpeg_url(frame.image)}" alt="Normalized face {said}"><figcaption>'
        f"<p>{title}{said}: severity <b>{signed(frame.severity)}</b></p>{_course(result, frame)}<p>{index}</p>"
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
    said = f"Severity from {signed(frames[0].severity)} to {signed(frames[-1].severity)} over {last} steps"
    return (
        f'<svg class="course" viewBox="-3 0 106 40" role="img" aria-label="{said}" preserveAspectRatio="none">{mark}'
        f'<polyline points="{line}"/><line class="course-at" x1="{x}" x2="{x}" y1="2" y2="38"/>'
        f'<line class="course-dot" x1="{x}" x2="{x}" y1="{y}" y2="{y}"/></svg>'
    )
