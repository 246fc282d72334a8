"""What a scored face becomes on disk: pictures, the raw map, its facts, one page to print, and all of it in one ZIP.

Nothing written here holds a file name, a date, or anything of the photo's metadata, and the same result always gives
the same bytes.
"""

import json
import textwrap
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from pipelines import __version__
from pipelines.anomaly_scoring.choices import GROUP_NAMES, MAPS, NORMALIZER_NAMES, REGION_NAMES
from pipelines.anomaly_scoring.drawing.colouring import ASYMMETRY_SCALE, LOCAL_SCALE, SCALES, Scale
from pipelines.anomaly_scoring.drawing.maps import map_picture, shown_map
from pipelines.anomaly_scoring.scoring.local import ASYMMETRY_PEAK, LOCAL_PEAK
from pipelines.exports.bundles import zip_files
from pipelines.exports.page import Facts, Page, Picture, write_page
from pipelines.exports.tables import (
    cell,
    csv_bytes,
    landmark_facts,
    measurement_facts,
    origin,
    photo_columns,
    photo_facts,
    signed,
    to_csv,
)
from pipelines.faces.images import encode_png
from pipelines.files import write_all_atomic
from pipelines.results import AnomalyScoringResult, Finding, Percentile

_LINES = 40, 54  # letters of a fact that fit beside the left and the right column's names


def scoring_dict(result: AnomalyScoringResult) -> dict[str, Any]:
    """Everything about a result but its pictures, ready for JSON.

    ``face`` counts from 1, the largest. Landmarks are in pixels of the photo: x to the right, y down, the centre of the
    top left pixel at (0.5, 0.5).
    """
    score, basis = result.score, result.basis
    return {
        **origin(result, "anomaly-scoring"),
        "local": None
        if result.local is None
        else _finding_facts(result.local, "local_severity", LOCAL_PEAK, LOCAL_SCALE),
        "asymmetry": _finding_facts(result.asymmetry, "asymmetry", ASYMMETRY_PEAK, ASYMMETRY_SCALE),
        "score": {
            "severity": round(score.severity, 6),
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


def scoring_json(result: AnomalyScoringResult) -> str:
    """:func:`scoring_dict` as JSON text."""
    return json.dumps(scoring_dict(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def measurements_csv(result: AnomalyScoringResult) -> str:
    """One row a measurement: key, label, value, unit, formula, the case's name and the hash of the photo's pixels."""
    whose = photo_columns(result)
    rows = [("key", "label", "value", "unit", "formula", *whose)]
    rows += [
        (one.key, one.label, cell(one.value), one.unit, one.formula, *whose.values()) for one in result.measurements
    ]
    return to_csv(rows)


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
            found[picture] = encode_png(map_picture(result, name))
            found[numbers] = raw_map(shown.values)
    return found | {"json": scoring_json(result).encode()}


def bundle(result: AnomalyScoringResult) -> bytes:
    """Everything in one ZIP: ``face.png``, ``normalized.png``; ``local``, ``asymmetry`` and ``heatmap``, each as
    ``.png`` and ``.npy``; ``score.json``, ``measurements.csv``, ``report.pdf``.
    """
    names = {"npy": "heatmap.npy", "json": "score.json"}
    return zip_files(
        {
            "face.png": encode_png(result.crop),
            **{names.get(ending, ending): content for ending, content in files(result).items()},
            "measurements.csv": csv_bytes(measurements_csv(result)),
            "report.pdf": report(result),
        }
    )


def write_scoring(result: AnomalyScoringResult, folder: str | Path, stem: str) -> dict[str, Path]:
    """Writes ``STEM.ENDING`` of each of :func:`files` into ``folder``.

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
    """One A4 page, ``"pdf"`` or ``"png"`` of ``dpi``: pictures, figures, measurements, and what made it."""
    maps = {name: map_picture(result, name) for name in MAPS}
    page = Page(
        title="Anomaly scoring",
        subtitle="What does not fit a face, and how far it is from its normalized version, which is generated.",
        subject="Anomaly scoring: maps and figures",
        large=(
            Picture(title="Aligned face", image=result.crop),
            Picture(title="Normalized face", image=result.normalized),
        ),
        small=[
            tuple(Picture(title=MAPS[name], image=picture) for name, picture in maps.items() if picture is not None)
        ],
        measurements=tuple((one,) for one in result.measurements),
        facts=((0.8, wrapped(_score_facts(result), _LINES[0])), (0.82, wrapped(_made(result), _LINES[1]))),
        footer=f"Philtrum {__version__} · "
        + ", ".join(f"{one.name} {one.sha256}" for one in result.weights)
        + f" · seed {result.seed} · {result.device}",
    )
    return write_page(page, kind, dpi)


def wrapped(facts: Facts, letters: int) -> Facts:
    """Facts whose values take as many lines as they need, of so many letters at most."""
    return tuple(
        (name if number == 0 else "", line)
        for name, value in facts
        for number, line in enumerate(textwrap.wrap(value, letters))
    )


def _score_facts(result: AnomalyScoringResult) -> Facts:
    score = result.score
    rows, columns = result.photo.shape[:2]
    formula = "S of equation 6" if score.formula == "equation" else "−ln of the map's mean"
    facts = []
    if result.local is not None:
        facts.append(("Local severity", f"{result.local.value:.1f} grey levels{_among(result.local.percentile)}"))
    facts += [
        ("Asymmetry", f"{result.asymmetry.value:.1f} % of light{_among(result.asymmetry.percentile)}"),
        ("Severity", signed(f"{score.severity:z.3f}") + _among(result.percentile)),
        ("Normality", signed(f"{score.normality:z.3f}") + f", {formula}"),
    ]
    percentiles = [one.percentile for one in (result.local, result.asymmetry) if one is not None] + [result.percentile]
    if (known := next((one for one in percentiles if one is not None), None)) is not None:
        facts.append(
            ("Compared to", f"{known.faces:,} open-set faces" + GROUP_NAMES.get(known.group, f", {known.group}"))
        )
    facts += [
        ("Region", f"{REGION_NAMES[result.basis.region]}, {score.pixels:,} px"),
        ("Photo", f"{columns} × {rows} px, face {result.face + 1} of {result.faces}"),
        *photo_facts(result),
    ]
    return tuple(facts)


def _among(percentile: Percentile | None) -> str:
    return "" if percentile is None else f", above {percentile.value:.0f} %"


def _made(result: AnomalyScoringResult) -> Facts:
    basis = result.basis
    facts = [
        ("Normalizer", NORMALIZER_NAMES[basis.normalizer]),
        (
            "Heat map",
            SCALES[result.score.kind, result.score.colour].label + (", eroded" if result.score.erosion else ""),
        ),
    ]
    if basis.conditions:
        facts.append(("With", basis.conditions))
    if result.score.kind == "lpips":
        facts.append(("Network", basis.perceptual))
    if result.reappears is not None:
        facts.append(("Reappears", f"after {result.reappears} steps of adaptation"))
    for number, used in enumerate(result.weights):
        facts.append(("" if number else "Weights", f"{used.name}, SHA-256 {used.sha256}"))
    facts.append(("Computed on", f"{result.device}, in {sum(result.seconds.values()):.1f} s"))
    return tuple(facts)
