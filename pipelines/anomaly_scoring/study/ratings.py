"""Human ratings of a cohort, read from a CSV file, and which photo each row is for.

The first row names the columns. ``name`` is a photo's file name or its stem. ``patient`` and ``time`` (``before`` or
``after``), where they are there, tell which photos are a pair. A photo's rating is the mean of its filled cells in the
columns of raters: ``rating``, and every other column that holds numbers. Passed over are columns without a name, as
pandas writes its index, columns of words, and those that are known to be no ratings (:data:`NO_RATINGS`, and any id or
age).
"""

import codecs
import csv
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from pipelines.anomaly_scoring.scoring.figures import FIGURES
from pipelines.errors import DataUnreadable
from pipelines.exports.tables import plain
from pipelines.files import composed
from pipelines.languages.translation import _, ngettext

TIMES = ("before", "after")
"""The two photos of a patient, before and after surgery."""

NO_RATINGS = frozenset({
    *FIGURES, "rank", "seconds", "index", "no", "no.", "nr", "nr.", "number", "row", "#", "sex", "gender",
    "date", "year", "case", "photo_pixels_sha256",
})  # fmt: skip
"""Columns of numbers that nobody has rated, in small letters: our own tables', counts, and facts of a patient."""

NAMELESS = _("a column without a name")
"""Stands for one in :attr:`Ratings.passed_over`."""

_FACTS = {"id", "age"}  # words that make a column such a fact, as in PatientID and age_months

_DELIMITERS = ",;\t"
_WORDS = ("name", "patient", "time")  # columns that say which photo a row is for
_UNNAMED = re.compile(r"(unnamed: \d+)?")  # what pandas calls the column that it found without a name
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # of a column's name; PatientID holds two
_MOST_NAMED = 6  # columns in a sentence
_LONGEST = 40  # letters of a column's name in a sentence

# How workbooks begin: they are what people have, and no text.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


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


@dataclass(frozen=True)
class Ratings:
    """A file of ratings.

    Attributes:
        rows: one a photo.
        raters: names of the columns that are averaged, as they are written.
        passed_over: names of the others that hold something.
    """

    rows: tuple[Rating, ...]
    raters: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()


def read_ratings(path: str | os.PathLike[str]) -> Ratings:
    """Reads a file of ratings; see :func:`parse_ratings`.

    Raises:
        DataUnreadable: it cannot be opened, or as :func:`parse_ratings`.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataUnreadable(_("The ratings cannot be opened; check the path of the CSV file.")) from error
    return parse_ratings(content)


def parse_ratings(content: bytes) -> Ratings:
    """Reads the content of a file of ratings.

    It is UTF-8, UTF-16, or what Excel writes as CSV in western countries (cp1252); its columns are divided by commas,
    semicolons or tabs. Empty rows are passed over.

    Raises:
        DataUnreadable: it cannot be read as such a table; the sentence says in which row.
    """
    text = _decoded(content)
    # What stands in quotes divides nothing.
    heading = next((line for line in re.sub(r'"[^"]*"', "", text).splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=heading.count)
    try:
        # Line ends are left to the reader, which knows those inside quotes.
        table = list(csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise DataUnreadable(
            _("The ratings are not a CSV table; save them as CSV (UTF-8) from a spreadsheet.")
        ) from error
    rows = [(number, row) for number, row in enumerate(table, 1) if any(cell.strip() for cell in row)]
    columns = [column.strip() for column in rows[0][1]] if rows else []
    kinds = [column.casefold() for column in columns]
    if kinds.count("name") != 1:
        raise DataUnreadable(_("The ratings need a first row of column names, one of them called name; add it."))
    raters, others = _raters(columns, [row for _number, row in rows[1:]], delimiter)
    if not raters and not {"patient", "time"} <= set(kinds):
        raise DataUnreadable(_("The ratings hold no column of ratings; name one of them rating."))
    return Ratings(
        rows=tuple(_rating(number, kinds, row, raters, delimiter) for number, row in rows[1:]),
        raters=tuple(columns[place] for place in raters),
        passed_over=tuple(NAMELESS if _UNNAMED.fullmatch(kinds[place]) else columns[place] for place in others),
    )


def match(ratings: Sequence[Rating], photos: Sequence[Path]) -> tuple[dict[Path, Rating], tuple[int, ...]]:
    """Which photo each row is for: the one of that file name, else the one of that stem.

    Names are compared in one form of Unicode, and as :func:`pipelines.exports.tables.to_csv` writes them too.

    Returns:
        Photo → its row, and the numbers of the rows that fit no photo.

    Raises:
        DataUnreadable: a row fits several photos, or two rows fit one.
    """
    by_name, by_stem = _index(photos, lambda photo: photo.name), _index(photos, lambda photo: photo.stem)
    matched: dict[Path, Rating] = {}
    unmatched = []
    for rating in ratings:
        written = composed(rating.name)
        names = dict.fromkeys((plain(written), written))
        found = next((found for names_of in (by_name, by_stem) for name in names if (found := names_of.get(name))), [])
        if len(found) > 1:
            raise DataUnreadable(
                _("Row {row} of the ratings fits {found} photos; write the whole file name, with its ending.").format(
                    row=rating.row, found=len(found)
                )
            )
        if not found:
            unmatched.append(rating.row)
        elif (other := matched.setdefault(found[0], rating)) is not rating:
            raise DataUnreadable(
                _("Rows {row} and {row2} of the ratings are for one photo; leave one of them.").format(
                    row=other.row, row2=rating.row
                )
            )
    return matched, tuple(unmatched)


def patient_of(photo: Path, rating: Rating | None) -> tuple[str, str] | None:
    """Patient and time of a photo: its row's, else those in its name, ``PATIENT_before.EXT``; None where neither says.

    Args:
        photo: the file.
        rating: its row.
    """
    if rating is not None and rating.patient and rating.time:
        return composed(plain(rating.patient)), rating.time
    patient, _line, time = composed(photo.stem).rpartition("_")
    return (patient, time.casefold()) if patient and time.casefold() in TIMES else None


def matched_text(ratings: Ratings, photos: Sequence[Path]) -> str:
    """How many rows fit a photo, as in ``"2 of 3 rows of the ratings fit a photo."``, without names.

    Raises:
        DataUnreadable: as :func:`match`.
    """
    count = len(match(ratings.rows, photos)[0])
    total = len(ratings.rows)
    if total == 1:
        fit = ngettext(
            "{count} of 1 row of the ratings fits a photo.", "{count} of 1 row of the ratings fit a photo.", count
        )
    else:
        fit = ngettext(
            "{count} of {total} rows of the ratings fits a photo.",
            "{count} of {total} rows of the ratings fit a photo.",
            count,
        )
    return fit.format(count=count, total=total)


def columns_text(raters: Sequence[str], passed_over: Sequence[str]) -> str:
    """Which columns are averaged and which passed over, as a sentence."""
    said = _("No column averaged")
    if raters:
        averaged = ngettext("Column averaged: {names}", "Columns averaged: {names}", len(raters))
        said = averaged.format(names=_listed(raters))
    return (
        _("{said}; passed over: {names}.").format(said=said, names=_listed(passed_over)) if passed_over else f"{said}."
    )


def _listed(names: Sequence[str]) -> str:
    shown = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in dict.fromkeys(names)]
    more = _(" and {count} more").format(count=len(shown) - _MOST_NAMED) if len(shown) > _MOST_NAMED else ""
    return ", ".join(shown[:_MOST_NAMED]) + more


def _decoded(content: bytes) -> str:
    if content.startswith(_WORKBOOKS):
        raise DataUnreadable(_("The ratings are a spreadsheet's own file; save them from it as CSV (UTF-8)."))
    # Western text in UTF-16 has a zero in every second byte; a byte-order mark says which.
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in content[:2]:
        encodings = ["utf-16-be" if content[:1] == b"\0" else "utf-16-le"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise DataUnreadable(_("The ratings are not text that can be read; save the table as CSV (UTF-8)."))


def _raters(columns: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str) -> tuple[list[int], list[int]]:
    """Places of the columns that are averaged, and of the others that hold something."""
    raters, others = [], []
    for place, column in enumerate(columns):
        filled = [cell for row in rows if place < len(row) and (cell := row[place].strip())]
        if column.casefold() == "rating":
            raters.append(place)
        elif column.casefold() in _WORDS or not filled:
            continue
        elif _is_no_rater(column) or all(_value(cell, delimiter) is None for cell in filled):
            others.append(place)
        else:
            raters.append(place)
    return raters, others


def _is_no_rater(column: str) -> bool:
    """Whether a column's name says that nobody rated what it holds."""
    kind, words = column.casefold(), {word.lower() for word in _WORD.findall(column)}
    return _UNNAMED.fullmatch(kind) is not None or kind in NO_RATINGS or not words.isdisjoint(_FACTS)


def _rating(number: int, kinds: Sequence[str], row: Sequence[str], raters: Sequence[int], delimiter: str) -> Rating:
    if any(cell.strip() for cell in row[len(kinds) :]):
        raise DataUnreadable(
            _("Row {number} of the ratings has more cells than there are columns; mend that row.").format(number=number)
        )
    cells = [cell.strip() for cell in row]
    facts: Mapping[str, str] = {kind: cell for kind, cell in zip(kinds, cells, strict=False) if kind in _WORDS}
    if not facts.get("name"):
        raise DataUnreadable(_("Row {number} of the ratings names no photo; fill in its name.").format(number=number))
    time = facts.get("time", "").casefold()
    if time and time not in TIMES:
        raise DataUnreadable(
            _("The time in row {number} of the ratings must be before or after; write one of them.").format(
                number=number
            )
        )
    values = []
    for place in raters:
        if place < len(cells) and cells[place]:
            if (value := _value(cells[place], delimiter)) is None:
                raise DataUnreadable(
                    _(
                        "Row {number}, column {place} of the ratings holds no number; write one, leave the cell "
                        "empty, or take the column out where it is no rater's."
                    ).format(number=number, place=place + 1)
                )
            values.append(value)
    mean = math.fsum(values) / len(values) if values else None
    return Rating(number, facts["name"], mean, facts.get("patient", ""), time)


def _value(cell: str, delimiter: str) -> float | None:
    """A cell as a number; None where it is none."""
    try:
        value = float(cell if delimiter == "," else cell.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _index(photos: Sequence[Path], name: Callable[[Path], str]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for photo in photos:
        found.setdefault(composed(name(photo)), []).append(photo)
    return found
