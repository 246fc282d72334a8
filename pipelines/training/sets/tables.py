"""Tables that lie beside a set's pictures: ``SPLIT.csv``, a row a picture, with the column ``name``."""

import csv
import math
from pathlib import Path


def read_column(table: Path, column: str, *, gaps: bool = False) -> dict[str, float]:
    """Name of a picture → its number in a column.

    Args:
        table: the file.
        column: the column's name.
        gaps: whether empty cells are allowed; they are not a number.

    Raises:
        OSError: the table cannot be read.
        ValueError: it is no table, has no such column, or no number in it.
    """
    with table.open(newline="", encoding="utf-8") as file:
        try:
            rows = csv.DictReader(file)
            return {row["name"]: math.nan if gaps and not row[column] else float(row[column]) for row in rows}
        except (csv.Error, KeyError, TypeError) as error:  # a row that is too short has None in its last columns
            raise ValueError(f"no column {column}") from error
