"""A result in numbers and words: JSON, CSV, and how a value is written for people.

Nothing here holds a file name, a date, or anything of the machine or the photo's metadata; of the person only the
case's name, where one was given. The SHA-256 of the photo's decoded pixels says which photo a table is of.
"""

import json
import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from pipelines import __version__
from pipelines.results import (
    AnomalyScoringResult,
    CleftInpaintingResult,
    MaskRemovalResult,
    Measurement,
    RepaintResult,
    pixels_sha256,
)

_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet would run: the last four are the wide signs of East Asian keyboards."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

NOTICE = "Research use only. Not a diagnostic device. Generated content."
"""Stands in every export."""

Result = TypeVar("Result", RepaintResult, AnomalyScoringResult)

_MOST_LETTERS, _LINE = 80, 40  # of a case's name, and of one of its lines on a page

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

    ``case`` is the name that people gave it, or None. ``pixels_sha256`` is taken over a photo's decoded pixels (RGB, 8
    bits, row by row, upright, sRGB), not over its file. ``face`` counts from 1, the largest. Landmarks are in pixels of
    the photo: x to the right, y down, the centre of the top left pixel at (0.5, 0.5). Of a cleft inpainting they are
    ``before``, found in the photo, and ``predicted``; of a mask removal ``guessed_under_mask``, which nobody sees, and
    ``found_in_result``. ``measurements`` are only there where the job takes some; one that cannot be taken is None.
    ``reference`` is there in a mask removal, None without one; its control points are in pixels of the reference.
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
        "case": result.case,
        "notice": NOTICE,
        "version": __version__,
        "weights": [{"name": used.name, "sha256": used.sha256} for used in result.weights],
        "device": result.device,
        "seed": result.seed,
        "photo": {"width": width, "height": height, "pixels_sha256": result.photo_sha256},
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
    photo, and what :func:`photo_columns` says.
    """
    _, names = _JOBS[type(result)]
    whose = photo_columns(result)
    rows = [("index", "feature", *(f"{axis}_{name}" for name in names for axis in "xy"), *whose)]
    points = zip(FEATURES, result.landmarks_before.tolist(), result.landmarks.tolist(), strict=True)
    for index, (feature, first, second) in enumerate(points):
        rows.append((index, feature, *(f"{value:.2f}" for value in (*first, *second)), *whose.values()))
    return to_csv(rows)


def measurements_csv(result: RepaintResult) -> str:
    """One row a measurement: key, label, value in the photo, value in the result, unit, formula, and what
    :func:`photo_columns` says.

    The heading alone where the job takes none.
    """
    whose = photo_columns(result)
    rows = [("key", "label", "before", "after", "unit", "formula", *whose)]
    for one, other in zip(result.measurements_before, result.measurements, strict=True):
        rows.append((one.key, one.label, cell(one.value), cell(other.value), one.unit, one.formula, *whose.values()))
    return to_csv(rows)


def case_name(text: str | None) -> str | None:
    """A case's name as it stands in files: one line of at most 80 letters, no control signs; None where it is empty.

    >>> case_name("  P 07,\\n before ")
    'P 07, before'
    """
    letters = "".join(letter if letter.isprintable() else " " for letter in text or "")
    return " ".join(letters.split())[:_MOST_LETTERS].strip() or None


def of_case(result: Result, case: str | None) -> Result:
    """The result with its case's name."""
    return replace(result, case=case_name(case))


def photo_columns(result: RepaintResult | AnomalyScoringResult) -> dict[str, str | None]:
    """Columns of a table that say whose it is: the case's name and the SHA-256 of the photo's decoded pixels."""
    return {"case": result.case, "photo_pixels_sha256": result.photo_sha256}


def photo_facts(result: RepaintResult | AnomalyScoringResult) -> tuple[tuple[str, str], ...]:
    """The same on a page to print: the hash's first 16 digits are enough to tell photos apart."""
    lines = textwrap.wrap(result.case or "", _LINE, break_long_words=True)
    case = [("" if number else "Case", line) for number, line in enumerate(lines)]
    return (*case, ("Its pixels", f"SHA-256 {result.photo_sha256[:16]}…"))


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
    """Rows as CSV text, the header first.

    A text that a spreadsheet would run as a formula, as a file name that begins with ``=``, is written behind an
    apostrophe, which makes it text there; :func:`plain` takes it off again. Numbers stay as they are.

    >>> print(to_csv([("photo", "change"), ("=1+1.png", -0.5), ("anna, 2.png", None)]), end="")
    photo,change
    '=1+1.png,-0.5
    "anna, 2.png",
    >>> plain("'=1+1.png")
    '=1+1.png'
    """
    return "".join(",".join(_csv_cell("" if value is None else str(value)) for value in row) + "\n" for row in rows)


def plain(cell: str) -> str:
    """A cell of :func:`to_csv` as it was given."""
    return cell[1:] if cell.startswith("'") and _runs(cell.lstrip("'")) else cell


def csv_bytes(text: str) -> bytes:
    """CSV as UTF-8 with a byte-order mark, without which spreadsheets show ° and umlauts wrongly."""
    return text.encode("utf-8-sig")


def _csv_cell(text: str) -> str:
    # What begins with apostrophes before a formula gets one more, so that no two texts become one.
    text = f"'{text}" if _runs(text.lstrip("'")) else text
    # Quoted by hand: csv.writer leaves a carriage return open. Semicolons and tabs divide cells in other countries.
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',;\t\r\n"') else text


def _runs(text: str) -> bool:
    """Whether a spreadsheet would take a cell for a formula."""
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None


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
        "pixels_sha256": pixels_sha256(result.reference),
        "yaw_degrees": round(result.reference_yaw, 2),
        "control_points": [_point(point) for point in result.reference_points],
        "identity_similarity": None if result.identity is None else round(result.identity, 4),
        "mean_confidence_in_hole": round(mean_confidence(result), 4),
    }
