"""What a scored face becomes on disk: pictures, the raw map, its facts, one page to print, and all of it in one ZIP.

Nothing written here holds a file name, a date, or anything of the photo's metadata, and the same result always gives
the same bytes.
"""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipelines import __version__
from pipelines.anomaly_scoring.colouring import SCALES, Scale, colour_bar, colour_heat_map, overlay
from pipelines.anomaly_scoring.scale import EVERYONE
from pipelines.exports import zip_files
from pipelines.faces.images import encode_png
from pipelines.files import write_all_atomic
from pipelines.page import Facts, Page, Picture, write_page
from pipelines.results import AnomalyScoringResult
from pipelines.tables import cell, csv_bytes, landmark_facts, measurement_facts, origin, signed, to_csv

OPACITY = 0.6
"""Share of the colours in the heat map over the face, unless another is asked for."""

_LEAST_SIDE = 512  # pixels of the heat map's picture: a generator of 64 pixels would give a stamp

REGION_NAMES = {"mouth-nose": "mouth and nose", "face": "whole face without the eyes", "painted": "painted region"}
"""Region → what people call it."""

NORMALIZER_NAMES = {"inpainting": "repainting of what does not fit", "stylegan2": "StyleGAN2 with adaptation"}
"""Normalizer → what people call it."""


def scale_of(result: AnomalyScoringResult) -> Scale:
    """The colour scale of the result's map."""
    return SCALES[result.score.kind, result.score.colour]


def heat_map_picture(result: AnomalyScoringResult, opacity: float = OPACITY) -> np.ndarray:
    """The heat map over the aligned face, and the colour bar to its right.

    Args:
        result: what to show.
        opacity: share of the colours, 0-1.

    Returns:
        RGB ``uint8`` ``(T, W, 3)``, T the crop's side, or the multiple of it that reaches 512 pixels.

    Raises:
        OptionInvalid: the opacity is not between 0 and 1.
    """
    scale = scale_of(result)
    times = -(-_LEAST_SIDE // result.crop.shape[0])
    size = (times * result.crop.shape[1], times * result.crop.shape[0])
    face = cv2.resize(result.crop, size, interpolation=cv2.INTER_CUBIC)
    heat = cv2.resize(result.heat, size, interpolation=cv2.INTER_LINEAR)
    area = cv2.resize(result.area.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    return np.hstack([overlay(face, heat, scale, opacity, area), colour_bar(scale, size[1])])


def scoring_dict(result: AnomalyScoringResult) -> dict[str, Any]:
    """Everything about a result but its pictures, ready for JSON.

    ``face`` counts from 1, the largest. Landmarks are in pixels of the photo: x to the right, y down, the centre of the
    top left pixel at (0.5, 0.5).
    """
    score, percentile = result.score, result.percentile
    return {
        **origin(result, "anomaly-scoring"),
        "score": {
            "severity": round(score.severity, 6),
            "normality": round(score.normality, 6),
            "formula": score.formula,
            "pixels": score.pixels,
            "percentile": None if percentile is None else round(percentile.value, 2),
            "percentile_faces": None if percentile is None else percentile.faces,
            "percentile_group": None if percentile is None else percentile.group,
        },
        "normalizer": result.normalizer,
        "conditions": result.conditions,
        "region": result.region,
        "map": {
            "kind": score.kind,
            "colour": score.colour,
            "erosion": score.erosion,
            "label": scale_of(result).label,
            "side": result.heat.shape[0],
        },
        "perceptual_network": result.perceptual,
        "adaptation": {
            "frames": [{"step": one.step, "severity": round(one.severity, 6)} for one in result.frames],
            "reappears_at_step": result.reappears,
        },
        "inversion_losses": [round(loss, 6) for loss in result.losses],
        "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
        "measurements": measurement_facts(result.measurements),
        "landmarks": landmark_facts(result.landmarks),
    }


def scoring_json(result: AnomalyScoringResult) -> str:
    """:func:`scoring_dict` as JSON text."""
    return json.dumps(scoring_dict(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def measurements_csv(result: AnomalyScoringResult) -> str:
    """One row a measurement: key, label, value, unit, formula."""
    rows = [("key", "label", "value", "unit", "formula")]
    rows += [(one.key, one.label, cell(one.value), one.unit, one.formula) for one in result.measurements]
    return to_csv(rows)


def raw_map(result: AnomalyScoringResult) -> bytes:
    """The heat map as a NumPy file, ``float32`` ``(S, S)``."""
    buffer = BytesIO()
    np.save(buffer, result.heat, allow_pickle=False)
    return buffer.getvalue()


def files(result: AnomalyScoringResult) -> dict[str, bytes]:
    """Ending of the name → content of everything that the command line writes of one photo."""
    return {
        "normalized.png": encode_png(result.normalized),
        "heatmap.png": encode_png(heat_map_picture(result)),
        "npy": raw_map(result),
        "json": scoring_json(result).encode(),
    }


def bundle(result: AnomalyScoringResult) -> bytes:
    """Everything in one ZIP: ``face.png``, ``normalized.png``, ``heatmap.png``, ``heatmap.npy``, ``score.json``,
    ``measurements.csv``, ``report.pdf``.
    """
    return zip_files(
        {
            "face.png": encode_png(result.crop),
            "normalized.png": encode_png(result.normalized),
            "heatmap.png": encode_png(heat_map_picture(result)),
            "heatmap.npy": raw_map(result),
            "score.json": scoring_json(result).encode(),
            "measurements.csv": csv_bytes(measurements_csv(result)),
            "report.pdf": report(result),
        }
    )


def write_scoring(result: AnomalyScoringResult, folder: str | Path, stem: str) -> dict[str, Path]:
    """Writes ``STEM.normalized.png``, ``STEM.heatmap.png``, ``STEM.npy`` and ``STEM.json`` into ``folder``.

    None of the files is touched before all of them lie whole on the disk.

    Returns:
        Ending of the name → path.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contents = files(result)
    paths = {ending: folder / f"{stem}.{ending}" for ending in contents}
    write_all_atomic({paths[ending]: content for ending, content in contents.items()})
    return paths


def report(result: AnomalyScoringResult, kind: str = "pdf", dpi: int = 110) -> bytes:
    """One A4 page, ``"pdf"`` or ``"png"`` of ``dpi``: pictures, score, measurements, and what made it."""
    scale = scale_of(result)
    heat = overlay(result.crop, result.heat, scale, OPACITY, result.area)
    page = Page(
        title="Anomaly scoring",
        subtitle="How far a face is from its normalized version, and where. The normalized face is generated.",
        subject="Anomaly scoring: heat map and score",
        large=(
            Picture(title="Aligned face", image=result.crop),
            Picture(title="Normalized face", image=result.normalized),
        ),
        small=[
            (
                Picture(title="Heat map over the region", image=heat, mask=result.area),
                Picture(title="Heat map alone", image=colour_heat_map(result.heat, scale)),
                Picture(title="Scale of both maps", image=colour_bar(scale, 440)),
            )
        ],
        measurements=tuple((one,) for one in result.measurements),
        facts=((0.7, _score_facts(result)), (0.82, _made(result))),
        footer=f"Philtrum {__version__} · "
        + ", ".join(f"{one.name} {one.sha256}" for one in result.weights)
        + f" · seed {result.seed} · {result.device}",
    )
    return write_page(page, kind, dpi)


def _score_facts(result: AnomalyScoringResult) -> Facts:
    score, percentile = result.score, result.percentile
    rows, columns = result.photo.shape[:2]
    formula = "S of equation 6" if score.formula == "equation" else "−ln of the map's mean"
    facts = [
        ("Severity", signed(f"{score.severity:z.3f}") + ", higher is farther from normal"),
        ("Normality", signed(f"{score.normality:z.3f}") + f", {formula}"),
    ]
    if percentile is not None:
        facts.append(("Percentile", f"{percentile.value:.0f} % of {percentile.faces:,} open-set faces differ less"))
        if percentile.group != EVERYONE:
            facts.append(("Compared to", f"faces of the group {percentile.group}"))
    facts += [
        ("Region", f"{REGION_NAMES[result.region]}, {score.pixels:,} pixels"),
        ("Photo", f"{columns} × {rows} pixels, face {result.face + 1} of {result.faces}"),
    ]
    return tuple(facts)


def _made(result: AnomalyScoringResult) -> Facts:
    facts = [
        ("Normalizer", NORMALIZER_NAMES[result.normalizer]),
        ("Heat map", scale_of(result).label + (", eroded" if result.score.erosion else "")),
    ]
    if result.conditions:
        facts.append(("With", result.conditions))
    if result.score.kind == "lpips":
        facts.append(("Network", result.perceptual))
    if result.reappears is not None:
        facts.append(("Reappears", f"after {result.reappears} steps of adaptation"))
    for number, used in enumerate(result.weights):
        facts.append(("" if number else "Weights", f"{used.name}, SHA-256 {used.sha256}"))
    facts.append(("Computed on", f"{result.device}, in {sum(result.seconds.values()):.1f} s"))
    return tuple(facts)
