"""Human ratings of a cohort, read from a CSV file, and which photo each row is for.

The first row names the columns. ``name`` is a photo's file name or its stem. ``patient`` and ``time`` (``before`` or
``after``), where they are there, tell which photos are a pair. Every other column is a rater, ``rating`` among them; a
photo's rating is the mean of its cells that are filled.
"""

import csv
import math
import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from pipelines.errors import DataUnreadable

TIMES = ("before", "after")
"""The two photos of a patient, before and after surgery."""

_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Rating:
    """A row of the ratings.

    Attributes:
        row: its number in the file, the row of column names being 1.
        name: file name or stem of the photo.
        value: mean over the raters, or None where nobody rated it.
        patient: who it is, or empty.
        time: one of :data:`TIMES`, or empty.
    """

    row: int
    name: str
    value: float | None
    patient: str = ""
    time: str = ""


def read_ratings(path: str | os.PathLike) -> tuple[Rating, ...]:
    """Reads a file of ratings: UTF-8, columns divided by commas, semicolons or tabs; empty rows are passed over.

    Raises:
        DataUnreadable: it cannot be read as such a table; the sentence says in which row.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataUnreadable("The ratings cannot be opened; check the path of the CSV file.") from error
    except UnicodeDecodeError as error:
        raise DataUnreadable("The ratings are not UTF-8 text; save the table as CSV (UTF-8).") from error
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    try:
        rows = list(csv.reader(StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise DataUnreadable("The ratings are not a CSV table; save them as CSV (UTF-8) from a spreadsheet.") from error
    columns = [column.strip().casefold() for column in rows[0]] if rows else []
    if columns.count("name") != 1:
        raise DataUnreadable("The ratings need a first row of column names, one of them called name; add it.")
    return tuple(
        _rating(number, columns, row, delimiter)
        for number, row in enumerate(rows[1:], 2)
        if any(cell.strip() for cell in row)
    )


def match(ratings: Sequence[Rating], photos: Sequence[Path]) -> tuple[dict[Path, Rating], tuple[int, ...]]:
    """Which photo each row is for: the one of that file name, else the one of that stem.

    Names are compared as Unicode says (NFC), because file systems and spreadsheets write one letter in two ways.

    Returns:
        Photo → its row, and the numbers of the rows that fit no photo.

    Raises:
        DataUnreadable: a row fits several photos, or two rows fit one.
    """
    by_name, by_stem = _index(photos, lambda photo: photo.name), _index(photos, lambda photo: photo.stem)
    matched: dict[Path, Rating] = {}
    unmatched = []
    for rating in ratings:
        wanted = unicodedata.normalize("NFC", rating.name)
        found = by_name.get(wanted) or by_stem.get(wanted, [])
        if len(found) > 1:
            raise DataUnreadable(
                f"Row {rating.row} of the ratings fits {len(found)} photos; write the whole file name, with its ending."
            )
        if not found:
            unmatched.append(rating.row)
        elif (other := matched.setdefault(found[0], rating)) is not rating:
            raise DataUnreadable(
                f"Rows {other.row} and {rating.row} of the ratings are for one photo; leave one of them."
            )
    return matched, tuple(unmatched)


def patient_of(photo: Path, rating: Rating | None) -> tuple[str, str] | None:
    """Patient and time of a photo: its row's, else those in its name, ``PATIENT_before.EXT``; None where neither says.

    Args:
        photo: the file.
        rating: its row.
    """
    if rating is not None and rating.patient and rating.time:
        return rating.patient, rating.time
    patient, _, time = photo.stem.rpartition("_")
    return (patient, time.casefold()) if patient and time.casefold() in TIMES else None


def _rating(number: int, columns: Sequence[str], row: Sequence[str], delimiter: str) -> Rating:
    if len(row) > len(columns) and any(cell.strip() for cell in row[len(columns) :]):
        raise DataUnreadable(f"Row {number} of the ratings has more cells than there are columns; mend that row.")
    cells = [(column, cell.strip()) for column, cell in zip(columns, row, strict=False)]
    facts: Mapping[str, str] = dict(cells)
    if not facts.get("name"):
        raise DataUnreadable(f"Row {number} of the ratings names no photo; fill in its name.")
    time = facts.get("time", "").casefold()
    if time and time not in TIMES:
        raise DataUnreadable(f"The time in row {number} of the ratings must be before or after; write one of them.")
    values = [
        _number(cell, number, place, delimiter)
        for place, (column, cell) in enumerate(cells, 1)
        if column not in ("name", "patient", "time") and cell
    ]
    mean = math.fsum(values) / len(values) if values else None
    return Rating(number, facts["name"], mean, facts.get("patient", ""), time)


def _number(cell: str, row: int, column: int, delimiter: str) -> float:
    try:
        value = float(cell if delimiter == "," else cell.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataUnreadable(
            f"Row {row}, column {column} of the ratings holds no number; write one, leave the cell empty, or take the "
            "column out where it is no rater's."
        )
    return value


def _index(photos: Sequence[Path], name: Callable[[Path], str]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for photo in photos:
        found.setdefault(unicodedata.normalize("NFC", name(photo)), []).append(photo)
    return found
