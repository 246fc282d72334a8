"""A result in numbers and words: JSON, CSV, and how a value is written for people.

Nothing here holds a file name, a date, or anything of the person, the machine or the photo's metadata.
"""

import csv
import json
import math
from io import StringIO
from typing import Any

from pipelines import __version__
from pipelines.faces.measurements import Measurement
from pipelines.results import CleftInpaintingResult

NOTICE = "Research use only. Not a diagnostic device. Generated content."
"""Stands in every export."""

_FEATURES = (
    ("jaw line", 17),
    ("brow, image left", 5),
    ("brow, image right", 5),
    ("nose bridge", 4),
    ("nose base", 5),
    ("eye, image left", 6),
    ("eye, image right", 6),
    ("outer lips", 12),
    ("inner lips", 8),
)
FEATURES = tuple(feature for feature, count in _FEATURES for _ in range(count))
"""Which feature each of the 68 landmarks belongs to."""


def result_dict(result: CleftInpaintingResult) -> dict[str, Any]:
    """Everything about a result but its pictures, ready for JSON.

    ``face`` counts from 1, the largest. Landmarks are in pixels of the photo: x to the right, y down, the centre of the
    top left pixel at (0.5, 0.5). A measurement that cannot be taken is None.
    """
    height, width = result.photo.shape[:2]
    before = result.landmarks_before.tolist()
    return {
        "job": "cleft-inpainting",
        "notice": NOTICE,
        "version": __version__,
        "weights": [{"name": used.name, "sha256": used.sha256} for used in result.weights],
        "device": result.device,
        "seed": result.seed,
        "photo": {"width": width, "height": height},
        "face": result.face + 1,
        "faces": result.faces,
        "mask": {
            "source": "given" if result.extent is None else "suggested",
            "extent": result.extent,
            "pixels": int(result.mask.sum()),
            "share": round(mask_share(result), 6),
        },
        "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
        "measurements": [
            {
                "key": one.key,
                "label": one.label,
                "unit": one.unit,
                "before": _number(one.value),
                "after": _number(other.value),
                "formula": one.formula,
                "meaning": one.meaning,
            }
            for one, other in zip(result.measurements_before, result.measurements, strict=True)
        ],
        "landmarks": [
            {
                "index": index,
                "feature": feature,
                "before": [round(value, 2) for value in before[index]],
                "predicted": [round(value, 2) for value in point],
            }
            for index, (feature, point) in enumerate(zip(FEATURES, result.landmarks.tolist(), strict=True))
        ],
    }


def result_json(result: CleftInpaintingResult) -> str:
    """:func:`result_dict` as JSON text."""
    return json.dumps(result_dict(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def landmarks_csv(result: CleftInpaintingResult) -> str:
    """One row a landmark: index, feature, x and y found in the photo, x and y predicted, in pixels of the photo."""
    rows = [("index", "feature", "x_before", "y_before", "x_predicted", "y_predicted")]
    points = zip(FEATURES, result.landmarks_before.tolist(), result.landmarks.tolist(), strict=True)
    for index, (feature, before, after) in enumerate(points):
        rows.append((index, feature, *(f"{value:.2f}" for value in (*before, *after))))
    return to_csv(rows)


def measurements_csv(result: CleftInpaintingResult) -> str:
    """One row a measurement: key, label, value in the photo, value in the prediction, unit, formula."""
    rows = [("key", "label", "before", "after", "unit", "formula")]
    for one, other in zip(result.measurements_before, result.measurements, strict=True):
        rows.append((one.key, one.label, cell(one.value), cell(other.value), one.unit, one.formula))
    return to_csv(rows)


def mask_share(result: CleftInpaintingResult) -> float:
    """Share of the photo that is repainted, 0-1."""
    return float(result.mask.mean())


def show(measurement: Measurement) -> str:
    """A measurement for people: degrees with one decimal, ratios with three; a dash where it cannot be taken."""
    if not math.isfinite(measurement.value):
        return "–"
    # z: what rounds to zero has no sign
    text = f"{measurement.value:z.1f}{measurement.unit}" if measurement.unit else f"{measurement.value:z.3f}"
    return text.replace("-", "−")


def cell(value: float) -> str:
    """A number for a CSV cell: four decimals; empty where it is none."""
    return f"{value:.4f}" if math.isfinite(value) else ""


def to_csv(rows: list[tuple]) -> str:
    """Rows as CSV text, the header first."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def csv_bytes(text: str) -> bytes:
    """CSV as UTF-8 with a byte-order mark, without which spreadsheets show ° and umlauts wrongly."""
    return text.encode("utf-8-sig")


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
