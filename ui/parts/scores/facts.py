"""A scored face in words: how far it stands out, every figure with its meaning, and how two photos compare."""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pipelines.anomaly_scoring.choices import ASYMMETRY_PEAK, GROUP_NAMES, LOCAL_PEAK, conditions_text
from pipelines.anomaly_scoring.exports import severity_of_100
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _
from pipelines.results import AnomalyScoringResult, Percentile
from ui.parts.scores.heat_map import photo_names

REGIONS = {
    "mouth-nose": _("Mouth and nose"),
    "upper-lip": _("Upper lip and nostril sill"),
    "face": _("Whole face"),
    "painted": _("Painted"),
}
KINDS = {"pse": _("Squared error"), "ssim": "SSIM", "lpips": "LPIPS"}
COLOURS = {"ycbcr": "YCbCr", "rgb": "RGB"}
NORMALIZERS = {"inpainting": _("Fast repainting"), "stylegan2": "StyleGAN2"}
GROUPS = {
    "all": _("All faces"),
    "clinic": _("Like a clinic's photo"),
    "0-8": _("0 to 8 years"),
    "9-17": _("9 to 17 years"),
    "18 and older": _("18 and older"),
}
FORMULAS = {"equation": _("Equation 6"), "text": _("Mean of the map")}
"""What the choices are called on the screen."""

_FORMULAS = {"equation": "S = −ln(√(Σ h) / N)", "text": "S = −ln(Σ h / N)"}

_HIGH, _USUAL = 95, 75
"""Percentiles from which something stands out, and below which nothing does. Laboratories put one-sided limits at 95,
beyond which is 1 in 20 of the healthy; and what three quarters of all faces stay below is usual."""

_CLEAR_LOCAL = 8
"""Grey levels by which two local severities differ clearly: about half a step of the simulator's severity, which is 17
on the first 80 validation faces."""

_CLEAR = 0.05  # of the paper's severity; a judgement, until a benchmark says by how much one face's score varies

_PLACES = {
    "mouth-nose": _("on lips or nose"),
    "upper-lip": _("on the upper lip or nostril sill"),
    "face": _("in the face"),
    "painted": _("in the painted region"),
}
_PARTLY = {"face": _PLACES["mouth-nose"], "painted": _("where the painted region lies on lips or nose")}
"""The same where only part of the region was searched."""

_OF_100 = _(
    "0 is a face like its normalized version, 100 one whose map has its top colour all over the region; the number "
    "beside it is the paper's, on a logarithm."
)

_OFF = _("The painted region lies off lips and nose, where nothing is searched, so there is no local severity.")


class _Figure(NamedTuple):
    """A figure of a face: what it is called, its value with its unit, where it lies, its formula, and what it means."""

    name: str
    value: str
    percentile: Percentile | None
    formula: str
    meaning: str


def verdict_html(results: Sequence[AnomalyScoringResult] = ()) -> str:
    """What to read first: how far each photo stands out and, of two, how they compare."""
    if not results:
        awaited = _("How far the face stands out among faces without a cleft appears here.")
        return f'<div class="verdict verdict-empty"><p>{awaited}</p></div>'
    said = f'<p class="scores-difference">{difference(*results)}</p>' if len(results) == 2 else ""
    leads = "".join(
        f"<section>{f'<h3>{name}</h3>' if len(results) > 1 else ''}{lead_html(result)}</section>"
        for name, result in zip(photo_names(len(results)), results, strict=True)
    )
    return f'<div class="verdict" data-count="{len(results)}" data-said>{said}{leads}</div>'


def scores_html(results: Sequence[AnomalyScoringResult] = ()) -> str:
    """The figures of each photo, and how they are computed."""
    if not results:
        awaited = _("Local severity, asymmetry, severity and normality appear here.")
        return f'<div class="scores scores-empty"><p>{awaited}</p></div>'
    names = photo_names(len(results))
    cards = "".join(_card(name, result, len(results)) for name, result in zip(names, results, strict=True))
    meaning = f'<p class="score-meaning"><b>{_("Severity from 0 to 100:")}</b> {_OF_100}</p>'
    return f'<div class="scores" data-count="{len(results)}">{cards}{meaning}{_computed(results[0])}</div>'


def signed(value: float) -> str:
    """A score with two digits and a true minus."""
    return figure(value, "z.2f").replace("-", "−")


# --- sentences ------------------------------------------------------------------------------------------------------


def lead_html(result: AnomalyScoringResult) -> str:
    """The one sentence to read: where the local severity lies among faces without a cleft, with a mark on a line; the
    figure and why, where there is no percentile; the asymmetry, where there is no local severity.
    """
    place, local, track = _place(result), result.local, ""
    if local is None:
        said = _("<b>Left and right differ by up to {share} % of light</b> {place}.")
        said = f"{said.format(share=figure(result.asymmetry.value, '.0f'), place=place)} {_OFF}"
    elif local.percentile is None:
        how = _("No percentile: no open-set faces were scored with these settings.")
        if result.basis.region == "painted":
            how = _("No percentile: no open-set faces were scored over what is painted.")
        said = _("<b>Local severity {levels} grey levels</b> {place}.")
        said = f"{said.format(levels=figure(local.value, '.0f'), place=place)} {how}"
    else:
        said = f"{_standing(local.percentile, place)} ({_compared(local.percentile)})."
        left = f"left:{local.percentile.value:.1f}%"
        track = f'<div class="score-track" aria-hidden="true"><i style="{left}"></i></div>'
    return f'<p class="score-lead">{said}</p>{track}'


def difference(before: AnomalyScoringResult, after: AnomalyScoringResult) -> str:
    """How two photos compare: by the local severity where both have one, then by the paper's severity, as HTML. Numbers
    are those on the screen.
    """
    moves = []
    if before.local and after.local:
        levels = round(before.local.value), round(after.local.value)
        percentiles = before.local.percentile, after.local.percentile
        moves.append(_moved(_MOVES["local"], levels, _CLEAR_LOCAL, str, percentiles))
    scores = round(before.score.severity, 2), round(after.score.severity, 2)
    moves.append(_moved(_MOVES["paper"], scores, _CLEAR, signed, (before.percentile, after.percentile)))
    verdict = {
        -1: _("Closer to normal after surgery:"),
        0: _("Hardly any difference:"),
        1: _("Farther from normal after surgery:"),
    }
    said = f"<b>{verdict[moves[0][0]]}</b> {'; '.join(clause for _, clause in moves)}."
    if "painted" in (before.basis.region, after.basis.region):
        said += " " + _("A painted region is measured on each photo by itself: paint the same part on both.")
    return said


def _standing(percentile: Percentile, place: str) -> str:
    fewer = _fewer_of_100(percentile)
    if fewer >= _HIGH:
        said = _("<b>Something {place} stands out more than in {fewer} of 100</b> faces without a cleft")
    elif fewer >= _USUAL:
        said = _("<b>Something {place} stands out a little:</b> more than in {fewer} of 100 faces without a cleft")
    else:
        said = _(
            "<b>Nothing {place} stands out more than usual:</b> in {others} of 100 faces without a cleft something "
            "stands out more"
        )
    return said.format(place=place, fewer=fewer, others=100 - fewer)


def _fewer_of_100(percentile: Percentile) -> int:
    """The percentile as it is said, 1 to 99: no number of faces tells 0 or 100 of 100 for sure."""
    return min(99, max(1, round(percentile.value)))


def _compared(percentile: Percentile) -> str:
    """How many faces of which group."""
    group = GROUP_NAMES.get(percentile.group, f", {GROUPS.get(percentile.group, percentile.group)}")
    return html.escape(_("compared with {count} faces{group}").format(count=figure(percentile.faces, ","), group=group))


def _place(result: AnomalyScoringResult) -> str:
    """Where the local severity was taken, or the asymmetry where there is none."""
    partly = result.local is not None and result.local.area.sum() < result.area.sum()
    return (_PLACES | _PARTLY if partly else _PLACES)[result.basis.region]


_MOVES = {
    "local": {
        -1: _("local severity fell from {before} to {after}"),
        0: _("local severity hardly changed, from {before} to {after}"),
        1: _("local severity rose from {before} to {after}"),
    },
    "paper": {
        -1: _("the paper's severity fell from {before} to {after}"),
        0: _("the paper's severity hardly changed, from {before} to {after}"),
        1: _("the paper's severity rose from {before} to {after}"),
    },
}
"""What is said of a figure that went down, hardly moved, or went up."""


def _moved(
    sentences: Mapping[int, str],
    values: tuple[float, float],
    clear: float,
    show: Callable[[float], str],
    percentiles: tuple[Percentile | None, Percentile | None],
) -> tuple[int, str]:
    """Which way a figure went, -1 down, 0 hardly, 1 up, and a clause that says so."""
    change = round(values[1] - values[0], 2)
    way = 0 if abs(change) < clear else int(math.copysign(1, change))
    said = sentences[way].format(before=show(values[0]), after=show(values[1]))
    before, after = percentiles
    if before is not None and after is not None:
        change_of = _("(percentile {before} → {after})")
        said += " " + change_of.format(before=_fewer_of_100(before), after=_fewer_of_100(after))
    return way, said


# --- figures --------------------------------------------------------------------------------------------------------


def _card(name: str, result: AnomalyScoringResult, count: int) -> str:
    title = f"<h3>{name}</h3>" if count > 1 else ""
    figures = "".join(
        _fact(one.name, one.value, f"{one.meaning} {one.formula}", one.percentile) for one in _figures(result)
    )
    region = f"{REGIONS[result.basis.region]}, {figure(result.score.pixels, ',')} px"
    figures += _fact(_("Region"), region, _("N, the pixels of the aligned face that count."))
    return f'<section class="score">{title}<dl>{figures}</dl>{_scale_of_100(result)}</section>'


def _scale_of_100(result: AnomalyScoringResult) -> str:
    """The severity on a line from 0 to 100."""
    left = f"left:{severity_of_100(result):.1f}%"
    return (
        f'<div class="score-of-100" aria-hidden="true">{_("Severity 0")}'
        f'<div class="score-track"><i style="{left}"></i></div>100</div>'
    )


def _fact(name: str, value: str, title: str, percentile: Percentile | None = None) -> str:
    among = (
        ""
        if percentile is None
        else f"<span>{_('percentile {number}').format(number=_fewer_of_100(percentile))}</span>"
    )
    return f'<div title="{html.escape(title)}"><dt>{name}</dt><dd>{value}{among}</dd></div>'


def _figures(result: AnomalyScoringResult) -> tuple[_Figure, ...]:
    local, asymmetry, score = result.local, result.asymmetry, result.score
    formula = _FORMULAS[score.formula]
    return (
        _Figure(
            _("Local severity"),
            _("none") if local is None else _("{levels} grey levels").format(levels=figure(local.value, ".0f")),
            None if local is None else local.percentile,
            _(
                "Percentile {peak} of r · w / u over the region: r is by how much the face is unlike what is drawn in "
                "its place, w rises from ½ where both sides agree towards 1 where they do not, and u is the root of "
                "the face's usual misfit times its exposure, 1 of a common face."
            ).format(peak=figure(LOCAL_PEAK, "g")),
            _("How strongly the part stands out that fits the face least; higher is farther from normal.")
            if local is not None
            else _OFF,
        ),
        _Figure(
            _("Asymmetry"),
            _("{share} % of light").format(share=figure(asymmetry.value, ".0f")),
            asymmetry.percentile,
            _(
                "Percentile {peak} of |ln l − ln l′| over the region: l is a pixel's light and l′ that of its mirror "
                "image, without what changes slowly, as light from one side does."
            ).format(peak=figure(ASYMMETRY_PEAK, "g")),
            _("How unlike left and right are where they differ most; what is alike on both sides is not seen."),
        ),
        _Figure(
            _("Severity"),
            _("{severity} <small>· {share} of 100</small>").format(
                severity=signed(score.severity), share=figure(severity_of_100(result), ".0f")
            ),
            result.percentile,
            _(
                "−S with {formula}: h is the map of face against normalized face and N the number of the "
                "region's pixels."
            ).format(formula=formula),
            _(
                "The paper's: all differences from the normalized face together; higher is farther from normal. "
                "No unit."
            ),
        ),
        _Figure(
            _("Normality"),
            signed(score.normality),
            None,
            formula,
            _("The paper's S, which is −severity; higher is closer to normal, as in people's ratings. No unit."),
        ),
    )


def _computed(result: AnomalyScoringResult) -> str:
    score, basis = result.score, result.basis
    parts = [
        NORMALIZERS[basis.normalizer] + (f" ({conditions_text(basis.conditions)})" if basis.conditions else ""),
        basis.perceptual or "" if score.kind == "lpips" else KINDS[score.kind],
        COLOURS[score.colour],
        _("eroded") if score.erosion else _("not eroded"),
        figure(sum(result.seconds.values()), ".1f") + " s",
    ]
    listed = "".join(
        f"<p><b>{one.name}</b> {html.escape(one.meaning)} <span>{html.escape(one.formula)}</span></p>"
        for one in _figures(result)
    )
    how = _("How it is computed: {parts}").format(parts=html.escape(" · ".join(parts)))
    meaning = _(
        "Per cent of open-set faces with a lower figure by the same settings. Nobody looked for clefts among them; "
        "they are as rare there as among people."
    )
    comparing = _(
        "Figures compare only where region, normalizer and its settings are the same; severity and normality only "
        "where map, colour space, erosion and formula are the same too."
    )
    return (
        f'<details class="score-how"><summary>{how}</summary>{listed}<p><b>{_("Percentile")}</b> {meaning}</p>'
        f"<p>{comparing}</p></details>"
    )
