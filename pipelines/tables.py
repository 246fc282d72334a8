"""A result in numbers and words: JSON, CSV, and how a value is written for people.

Nothing here holds a file name, a date, or anything of the person, the machine or the photo's metadata.
"""

import csv
import json
import math
from collections.abc import Sequence
from io import StringIO
from typing import Any

import numpy as np

from pipelines import __version__
from pipelines.results import AnomalyScoringResult, CleftInpaintingResult, MaskRemovalResult, Measurement, RepaintResult

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

_JOBS: dict[type[RepaintResult], tuple[str, tuple[str, str]]] = {
    CleftInpaintingResult: ("cleft-inpainting", ("before", "predicted")),
    MaskRemovalResult: ("mask-removal", ("guessed_under_mask", "found_in_result")),
}  # a job's name, and what its two sets of landmarks are called


def result_dict(result: RepaintResult) -> dict[str, Any]:
    """Everything about a result but its pictures, ready for JSON.

    ``face`` counts from 1, the largest. Landmarks are in pixels of the photo: x to the right, y down, the centre of the
    top left pixel at (0.5, 0.5). Of a cleft inpainting they are ``before``, found in the photo, and ``predicted``; of a
    mask removal ``guessed_under_mask``, which nobody sees, and ``found_in_result``. ``measurements`` are only there
    where the job takes some; one that cannot be taken is None. ``reference`` is there in a mask removal, None without
    one; its control points are in pixels of the reference.
    """
    job, names = _JOBS[type(result)]
    facts = {
        **origin(result, job),
        "mask": {
            "source": result.mask_source,
            "extent": result.extent,
            "pixels": int(result.mask.sum()),
            "share": round(mask_share(result), 6),
        },
        "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
    }
    if isinstance(result, MaskRemovalResult):
        facts["reference"] = _reference(result)
    if result.measurements:
        facts["measurements"] = [
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
        ]
    pairs = zip(FEATURES, result.landmarks_before, result.landmarks, strict=True)
    facts["landmarks"] = [
        {"index": index, "feature": feature, names[0]: _point(first), names[1]: _point(second)}
        for index, (feature, first, second) in enumerate(pairs)
    ]
    return facts


def origin(result: RepaintResult | AnomalyScoringResult, job: str) -> dict[str, Any]:
    """What every job's JSON begins with: what made the result, and of which face of what photo."""
    height, width = result.photo.shape[:2]
    return {
        "job": job,
        "notice": NOTICE,
        "version": __version__,
        "weights": [{"name": used.name, "sha256": used.sha256} for used in result.weights],
        "device": result.device,
        "seed": result.seed,
        "photo": {"width": width, "height": height},
        "face": result.face + 1,
        "faces": result.faces,
    }


def result_json(result: RepaintResult) -> str:
    """:func:`result_dict` as JSON text."""
    return json.dumps(result_dict(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def measurement_facts(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Measurements of one photo, ready for JSON; one that cannot be taken is None."""
    return [
        {
            "key": one.key,
            "label": one.label,
            "unit": one.unit,
            "value": _number(one.value),
            "formula": one.formula,
            "meaning": one.meaning,
        }
        for one in measurements
    ]


def landmark_facts(landmarks: np.ndarray) -> list[dict[str, Any]]:
    """68 landmarks ``(68, 2)`` of one photo, ready for JSON: index, feature, place in pixels of the photo."""
    return [
        {"index": index, "feature": feature, "point": _point(point)}
        for index, (feature, point) in enumerate(zip(FEATURES, landmarks, strict=True))
    ]


def landmarks_csv(result: RepaintResult) -> str:
    """One row a landmark: index, feature, x and y of both sets of landmarks (see :func:`result_dict`) in pixels of the
    photo.
    """
    _, names = _JOBS[type(result)]
    rows = [("index", "feature", *(f"{axis}_{name}" for name in names for axis in "xy"))]
    points = zip(FEATURES, result.landmarks_before.tolist(), result.landmarks.tolist(), strict=True)
    for index, (feature, first, second) in enumerate(points):
        rows.append((index, feature, *(f"{value:.2f}" for value in (*first, *second))))
    return to_csv(rows)


def measurements_csv(result: RepaintResult) -> str:
    """One row a measurement: key, label, value in the photo, value in the result, unit, formula.

    The heading alone where the job takes none.
    """
    rows = [("key", "label", "before", "after", "unit", "formula")]
    for one, other in zip(result.measurements_before, result.measurements, strict=True):
        rows.append((one.key, one.label, cell(one.value), cell(other.value), one.unit, one.formula))
    return to_csv(rows)


def mask_share(result: RepaintResult) -> float:
    """Share of the photo that is repainted, 0-1."""
    return float(result.mask.mean())


def mean_confidence(result: MaskRemovalResult) -> float | None:
    """Mean confidence, 0-1, in the warped reference over the hole; None without a reference."""
    return None if result.confidence is None else float(result.confidence[result.hole].mean())


def show(measurement: Measurement) -> str:
    """A measurement for people: degrees with one decimal, ratios with three; a dash where it cannot be taken."""
    if not math.isfinite(measurement.value):
        return "–"
    # z: what rounds to zero has no sign
    return signed(f"{measurement.value:z.1f}{measurement.unit}" if measurement.unit else f"{measurement.value:z.3f}")


def signed(number: str) -> str:
    """A number for people: with a true minus sign."""
    return number.replace("-", "−")


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


def _point(point: np.ndarray) -> list[float]:
    return [round(value, 2) for value in point.tolist()]


def _reference(result: MaskRemovalResult) -> dict[str, Any] | None:
    if result.reference is None:
        return None
    height, width = result.reference.shape[:2]
    return {
        "width": width,
        "height": height,
        "yaw_degrees": round(result.reference_yaw, 2),
        "control_points": [_point(point) for point in result.reference_points],
        "identity_similarity": None if result.identity is None else round(result.identity, 4),
        "mean_confidence_in_hole": round(mean_confidence(result), 4),
    }
