"""Any result in numbers and words: JSON, CSV, and how a value is written for people.

Nothing here holds a file name, or anything of the machine or the photo's metadata; of the person only what was typed
for the case. The SHA-256 of the photo's decoded pixels says which photo a table is of.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pipelines import __version__
from pipelines.arrays import Points
from pipelines.cases.case import Case, typed_case
from pipelines.languages.numbers import in_signs
from pipelines.languages.translation import N_, _
from pipelines.results import Measurement, PhotoResult

_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet would run: the last four are the wide signs of East Asian keyboards."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

NOTICE = N_("Research use only. Not a diagnostic device. Generated content.")
"""Stands in every export."""

Result = TypeVar("Result", bound=PhotoResult)

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


def origin(result: PhotoResult, job: str) -> dict[str, Any]:
    """What every job's JSON begins with: what made the result, and of which face of what photo."""
    height, width = result.photo.shape[:2]
    return {
        "job": job,
        **case_facts(result.case),
        "notice": NOTICE,
        "version": __version__,
        "weights": [{"name": used.name, "sha256": used.sha256} for used in result.weights],
        "device": result.device,
        "seed": result.seed,
        "photo": {"width": width, "height": height, "pixels_sha256": result.photo_sha256},
        "face": result.face + 1,
        "faces": result.faces,
    }


def json_text(facts: Mapping[str, Any]) -> str:
    """Facts as a file of JSON."""
    return json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def measurement_facts(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Measurements of one photo, ready for JSON; one that cannot be taken is None."""
    return [
        {
            "key": one.key,
            "label": one.label,
            "unit": one.unit,
            "value": json_number(one.value),
            "formula": one.formula,
            "meaning": one.meaning,
        }
        for one in measurements
    ]


def landmark_facts(landmarks: Points) -> list[dict[str, Any]]:
    """68 landmarks ``(68, 2)`` of one photo, ready for JSON: index, feature, place in pixels of the photo."""
    return [
        {"index": index, "feature": feature, "point": json_point(point)}
        for index, (feature, point) in enumerate(zip(FEATURES, landmarks, strict=True))
    ]


def of_case(result: Result, case: Case | str | None) -> Result:
    """The result with its case.

    Args:
        result: what a job gave back.
        case: whose it is, or what people typed for its name; a case of which nothing is said is none.

    Raises:
        CaseInvalid: the name is none.
    """
    whose = typed_case(case) if isinstance(case, str) else case
    return replace(result, case=None if whose == Case() else whose)


def case_facts(case: Case | None) -> dict[str, str | None]:
    """A case in every table and JSON file. Without one its name alone, which is None."""
    if case is None:
        return {"case": None}
    side = "" if case.side == "unknown" else case.side
    said = {"case": case.name, "case_date": case.date, "case_side": side, "case_notes": case.notes}
    return {name: value or None for name, value in said.items()}


def facts_of_case(facts: Mapping[str, Any], case: Case | None) -> dict[str, Any]:
    """Facts that were made ready for JSON, as those of another case: :func:`case_facts` stands where it stood."""
    whose, others = case_facts(case), case_facts(Case("-")).keys()
    kept = {name: value for name, value in facts.items() if name not in others}
    at = [*facts].index("case")
    return {name: kept[name] for name in [*facts][:at]} | whose | kept


def photo_columns(result: PhotoResult) -> dict[str, str | None]:
    """Columns of a table that say whose it is: the case and the SHA-256 of the photo's decoded pixels."""
    return {**case_facts(result.case), "photo_pixels_sha256": result.photo_sha256}


def photo_facts(result: PhotoResult) -> tuple[tuple[str, str], ...]:
    """Which photo it is, on a page to print, which has the case itself.

    The hash's first 16 digits are enough to tell photos apart.
    """
    return ((_("Its pixels"), _("SHA-256 {photo_sha256}…").format(photo_sha256=result.photo_sha256[:16])),)


def footer(result: PhotoResult) -> str:
    """What made a result, in a line at the foot of a page."""
    used = ", ".join(f"{one.name} {one.sha256}" for one in result.weights)
    return f"Philtrum {__version__} · {used} · {_('seed {seed}').format(seed=result.seed)} · {result.device}"


def show(measurement: Measurement) -> str:
    """A measurement for people: degrees with one decimal, ratios with three; a dash where it cannot be taken."""
    if not math.isfinite(measurement.value):
        return "–"
    # z: what rounds to zero has no sign
    return signed(f"{measurement.value:z.1f}{measurement.unit}" if measurement.unit else f"{measurement.value:z.3f}")


def show_change(before: Measurement, after: Measurement) -> str:
    """How far a measurement went, for people, as :func:`show`; a dash where it cannot be taken."""
    difference = after.value - before.value
    if not math.isfinite(difference):
        return "–"
    return signed(f"{difference:+z.1f}{before.unit}" if before.unit else f"{difference:+z.3f}")


def signed(number: str) -> str:
    """A number for people: with a true minus sign."""
    return in_signs(number).replace("-", "−")


def cell(value: float) -> str:
    """A number for a CSV cell: four decimals; empty where it is none."""
    return f"{value:.4f}" if math.isfinite(value) else ""


def to_csv(rows: list[tuple[Any, ...]]) -> str:
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


def json_number(value: float) -> float | None:
    """A number for JSON: six decimals; None where it is none."""
    return round(value, 6) if math.isfinite(value) else None


def json_point(point: Points) -> list[float]:
    """A point ``(2,)`` for JSON: hundredths of a pixel."""
    return [round(value, 2) for value in point.tolist()]
