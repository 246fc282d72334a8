"""What a scored face becomes on disk; see :class:`pipelines.exports.interface.JobExports`."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from io import BytesIO
from typing import Any

import cv2
import numpy as np

from pipelines.anomaly_scoring.choices import (
    ASYMMETRY_PEAK,
    GROUP_NAMES,
    LOCAL_PEAK,
    MAPS,
    NORMALIZER_NAMES,
    REGION_NAMES,
    MapName,
    conditions_text,
)
from pipelines.anomaly_scoring.drawing.aligned import aligned, close_up
from pipelines.anomaly_scoring.drawing.colouring import (
    ASYMMETRY_SCALE,
    LOCAL_SCALE,
    SCALES,
    Scale,
)
from pipelines.anomaly_scoring.drawing.maps import (
    OPACITY,
    PRINT_SIDE,
    Shown,
    around,
    map_overlay,
    map_picture,
    print_overlay,
    severity_of_100,
    shown_map,
)
from pipelines.anomaly_scoring.scoring.figures import FIGURES, figure_cells, figures_of
from pipelines.exports.pages.layout import Bar, Card, Facts, Page, Picture, Row, Table, wrapped
from pipelines.exports.summary import PhotoTable
from pipelines.exports.tables import (
    cell,
    csv_bytes,
    footer,
    json_text,
    landmark_facts,
    measurement_facts,
    origin,
    photo_columns,
    photo_facts,
    show,
    signed,
    to_csv,
)
from pipelines.faces.images import encode_png
from pipelines.jobs import ANOMALY_SCORING
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _
from pipelines.results import AnomalyScoringResult, Finding, Percentile

__all__ = [
    "COLUMNS", "ENDINGS", "OPACITY", "STAGES", "TABLE", "Scale", "Shown", "around", "card", "contents", "facts",
    "figure_cells", "figures_of", "files", "map_overlay", "page", "row", "severity_of_100", "shown_map",
    "stage_pictures",
]  # fmt: skip
"""What every job exports, and maps as pictures, which the page shows as well."""

ENDINGS: tuple[str, ...] = (
    "normalized.png", "local.png", "local.npy", "asymmetry.png", "asymmetry.npy", "heatmap.png", "npy", "json",
)  # fmt: skip

STAGES: tuple[str, ...] = ()

COLUMNS = FIGURES
"""Names of the figures in tables, in their order."""

TABLE = PhotoTable("scores.csv", ("name", *COLUMNS, "region", "normalizer", "seconds", "error"))

_LINES = 40, 54  # letters of a fact that fit beside the left and the right column's names


def facts(result: AnomalyScoringResult) -> dict[str, Any]:
    """Everything about a result but its pictures, ready for JSON.

    ``face`` counts from 1, the largest. Landmarks are in pixels of the photo: x to the right, y down, the centre of the
    top left pixel at (0.5, 0.5).
    """
    score, basis = result.score, result.basis
    return {
        **origin(result, ANOMALY_SCORING),
        "local": None
        if result.local is None
        else _finding_facts(result.local, "local_severity", LOCAL_PEAK, LOCAL_SCALE),
        "asymmetry": _finding_facts(result.asymmetry, "asymmetry", ASYMMETRY_PEAK, ASYMMETRY_SCALE),
        "score": {
            "severity": round(score.severity, 6),
            "severity_of_100": round(severity_of_100(result), 2),
            "normality": round(score.normality, 6),
            "formula": score.formula,
            "pixels": score.pixels,
            **_percentile_facts(result.percentile),
        },
        "normalizer": basis.normalizer,
        "conditions": basis.conditions,
        "region": basis.region,
        "map": {
            "kind": score.kind,
            "colour": score.colour,
            "erosion": score.erosion,
            "label": SCALES[score.kind, score.colour].label,
            "side": result.heat.shape[0],
        },
        "perceptual_network": basis.perceptual,
        "basis": asdict(basis),
        "adaptation": {
            "frames": [{"step": one.step, "severity": round(one.severity, 6)} for one in result.frames],
            "reappears_at_step": result.reappears,
        },
        "inversion_losses": [round(loss, 6) for loss in result.losses],
        "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
        "measurements": measurement_facts(result.measurements),
        "landmarks": landmark_facts(result.landmarks),
    }


def _finding_facts(finding: Finding, name: str, percentile: float, scale: Scale) -> dict[str, Any]:
    return {
        name: round(finding.value, 6),
        "unit": scale.label,
        "statistic": f"percentile {percentile:g} of the map over the region",
        "pixels": int(finding.area.sum()),
        **_percentile_facts(finding.percentile),
    }


def _percentile_facts(percentile: Percentile | None) -> dict[str, Any]:
    return {
        "percentile": None if percentile is None else round(percentile.value, 2),
        "percentile_faces": None if percentile is None else percentile.faces,
        "percentile_group": None if percentile is None else percentile.group,
    }


def measurements_csv(result: AnomalyScoringResult) -> str:
    """One row a measurement: key, label, value, unit, formula, the case's name and the hash of the photo's pixels."""
    whose = photo_columns(result)
    rows: list[tuple[Any, ...]] = [("key", "label", "value", "unit", "formula", *whose)]
    rows += [
        (one.key, one.label, cell(one.value), one.unit, one.formula, *whose.values()) for one in result.measurements
    ]
    return to_csv(rows)


def columns(result: AnomalyScoringResult) -> dict[str, str]:
    """The figures as cells of a table, by :data:`COLUMNS`; empty without a value."""
    return figure_cells(figures_of(result))


def row(result: AnomalyScoringResult, references: Sequence[str] = ()) -> dict[str, Any]:
    """A photo's row of the table: every figure, the region and the normalizer."""
    made = {"region": result.basis.region, "normalizer": result.basis.normalizer}
    return columns(result) | made | photo_columns(result)


def raw_map(values: np.ndarray) -> bytes:
    """A map as a NumPy file, ``float32`` ``(S, S)``."""
    buffer = BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def files(result: AnomalyScoringResult) -> dict[str, bytes]:
    """Ending of the name → content of everything that the command line writes of one photo: the normalized face; each
    map as a picture and in numbers (``heatmap.png`` and ``npy`` are the paper's); all figures.
    """
    found = {"normalized.png": encode_png(result.normalized)}
    for name in MAPS:
        if (shown := shown_map(result, name)) is not None:
            picture, numbers = ("heatmap.png", "npy") if name == "heat" else (f"{name}.png", f"{name}.npy")
            drawn = map_picture(result, name)
            assert drawn is not None, "what can be shown can be drawn"
            found[picture] = encode_png(drawn)
            found[numbers] = raw_map(shown.values)
    return found | {"json": json_text(facts(result)).encode()}


def contents(result: AnomalyScoringResult) -> dict[str, bytes]:
    """``face.png``, ``normalized.png``; ``local``, ``asymmetry`` and ``heatmap``, each as ``.png`` and ``.npy``;
    ``score.json`` and ``measurements.csv``.
    """
    names = {"npy": "heatmap.npy", "json": "score.json"}
    return {
        "face.png": encode_png(result.crop),
        **{names.get(ending, ending): content for ending, content in files(result).items()},
        "measurements.csv": csv_bytes(measurements_csv(result)),
    }


def stage_pictures(result: AnomalyScoringResult) -> dict[str, np.ndarray]:
    """None: the job shows no stages."""
    return {}


def page(result: AnomalyScoringResult) -> Page:
    """The face and what does not fit it, the normalized face and the other maps, the measurements, and the figures
    with what made them.
    """
    first, *others = (_printed(result, name) for name in MAPS if shown_map(result, name) is not None)
    part = close_up([result])
    normalized = cv2.resize(result.normalized[part], (PRINT_SIDE, PRINT_SIDE), interpolation=cv2.INTER_CUBIC)
    return Page(
        title=_("Anomaly scoring"),
        subtitle=_("What does not fit a face, and how far it is from its normalized version, which is generated."),
        subject=_("Anomaly scoring: maps and figures"),
        large=(Picture(title=_("Aligned face"), image=aligned(result, PRINT_SIDE, part)), first),
        small=[(Picture(title=_("Normalized face"), image=normalized), *others)],
        tables=(_scores(result), _measurements(result)),
        facts=((0.8, wrapped(_given(result), _LINES[0])), (0.82, wrapped(made_facts([result]), _LINES[1]))),
        footer=footer(result),
    )


def card(result: AnomalyScoringResult) -> Card:
    """The first map, the figures, and what they depend on."""
    local, asymmetry, basis = result.local, result.asymmetry, result.basis
    figures = () if local is None else ((_("Local severity"), figure(local.value, ".1f") + _among(local.percentile)),)
    name = next(name for name in MAPS if shown_map(result, name) is not None)
    return Card(
        title=_("Anomaly scoring"),
        picture=replace(_printed(result, name), bar=None),
        facts=(
            *figures,
            (_("Asymmetry"), f"{figure(asymmetry.value, '.1f')} %{_among(asymmetry.percentile)}"),
            (_("Severity"), signed(f"{result.score.severity:z.3f}") + _among(result.percentile)),
            (_("Severity from 0 to 100"), figure(severity_of_100(result), ".1f")),
            (_("Region"), REGION_NAMES[basis.region]),
            (_("Normalizer"), basis.normalizer),
            (_("Seed"), str(result.seed)),
        ),
    )


def _printed(result: AnomalyScoringResult, name: MapName) -> Picture:
    """A map that the result has, over its face, with its bar."""
    shown = shown_map(result, name)
    assert shown is not None, "only maps that are there are asked for"
    return Picture(title=MAPS[name], image=print_overlay(result, shown), bar=scale_bar(shown.scale))


def scale_bar(scale: Scale) -> Bar:
    """What the colours of a map mean."""
    ticks = scale.ticks
    return Bar(scale.shades[:, :3], {**ticks, 1.0: f"≥ {ticks[1.0]}"}, scale.said)


def _scores(result: AnomalyScoringResult) -> Table:
    score, asymmetry, local = result.score, result.asymmetry, result.local
    normality = _("Normality, S of equation 6")
    if score.formula != "equation":
        normality = _("Normality, −ln of the map's mean")
    rows = [
        Row(_("Asymmetry, % of light"), (figure(asymmetry.value, ".1f"), _percent(asymmetry.percentile))),
        Row(_("Severity"), (signed(f"{score.severity:z.3f}"), _percent(result.percentile))),
        Row(_("Severity from 0 to 100"), (figure(severity_of_100(result), ".1f"), "")),
        Row(normality, (signed(f"{score.normality:z.3f}"), "")),
    ]
    if local is not None:
        rows.insert(0, Row(_("Local severity, grey levels"), (figure(local.value, ".1f"), _percent(local.percentile))))
    return Table(_("Scores"), (_("Value"), _("Percentile")), tuple(rows))


def _measurements(result: AnomalyScoringResult) -> Table:
    return Table(
        _("Measurements"), (_("Photo"),), tuple(Row(_(one.label), (show(one),)) for one in result.measurements)
    )


def _percent(percentile: Percentile | None) -> str:
    return "–" if percentile is None else f"{percentile.value:.0f}"


def _given(result: AnomalyScoringResult) -> Facts:
    return (
        *compared_facts(result),
        (_("Region"), f"{REGION_NAMES[result.basis.region]}, {figure(result.score.pixels, ',')} px"),
        (_("Photo"), photo_said(result)),
        *photo_facts(result),
    )


def compared_facts(result: AnomalyScoringResult) -> Facts:
    """Which faces the percentiles compare with; none where there is no percentile."""
    percentiles = [one.percentile for one in (result.local, result.asymmetry) if one is not None] + [result.percentile]
    known = next((one for one in percentiles if one is not None), None)
    if known is None:
        return ()
    faces = _("{count} open-set faces").format(count=figure(known.faces, ","))
    return ((_("Compared to"), faces + GROUP_NAMES.get(known.group, f", {known.group}")),)


def photo_said(result: AnomalyScoringResult) -> str:
    """The photo's size, and which of its faces it is."""
    rows, columns = result.photo.shape[:2]
    return _("{width} × {height} px, face {number} of {count}").format(
        width=columns, height=rows, number=result.face + 1, count=result.faces
    )


def _among(percentile: Percentile | None) -> str:
    return "" if percentile is None else _(", above {share} %").format(share=figure(percentile.value, ".0f"))


def made_facts(results: Sequence[AnomalyScoringResult]) -> Facts:
    """What made one result, or several by the same settings."""
    result = results[0]
    basis = result.basis
    facts = [
        (_("Normalizer"), NORMALIZER_NAMES[basis.normalizer]),
        (
            _("Heat map"),
            SCALES[result.score.kind, result.score.colour].said + (_(", eroded") if result.score.erosion else ""),
        ),
    ]
    if basis.conditions:
        facts.append((_("With"), conditions_text(basis.conditions)))
    if result.score.kind == "lpips":
        facts.append((_("Network"), basis.perceptual or _("none")))
    if result.reappears is not None:
        facts.append((_("Reappears"), _("after {count} steps of adaptation").format(count=result.reappears)))
    for number, used in enumerate(result.weights):
        facts.append(("" if number else _("Weights"), f"{used.name}, SHA-256 {used.sha256}"))
    seconds = _(" and ").join(figure(sum(one.seconds.values()), ".1f") for one in results)
    facts.append((_("Computed on"), _("{device}, in {seconds} s").format(device=result.device, seconds=seconds)))
    return tuple(facts)
