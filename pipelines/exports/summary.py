"""The table of many photos: a row a photo, whether it was done, failed or passed over, and what its result says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import PhiltrumError
from pipelines.exports.tables import csv_bytes, to_csv
from pipelines.languages.translation import _

SUMMARY = "summary.csv"


@dataclass(frozen=True)
class PhotoTable:
    """What a table of photos is like.

    Attributes:
        file: its name.
        columns: the first ones, in order; the first of them holds the photo's name. What else rows hold comes after.
        status: whether a column ``status`` says that a photo is done or failed, or that a file was skipped.
        result: ending of the one file of a photo that a column ``result`` names; None where there is no such column.
    """

    file: str
    columns: tuple[str, ...]
    status: bool = False
    result: str | None = None

    def row(self, name: str, status: str, error: str) -> dict[str, str]:
        """The row of a file that nothing was made of, and the sentence that says why."""
        return {self.columns[0]: name, "error": error} | ({"status": status} if self.status else {})

    def done(self, name: str, seconds: float, stem: str, says: Mapping[str, Any]) -> dict[str, Any]:
        """The row of a photo that was done.

        Args:
            name: of the photo.
            seconds: that it took.
            stem: what its files are called.
            says: what its result says (:meth:`pipelines.exports.interface.JobExports.row`).
        """
        row: dict[str, Any] = {self.columns[0]: name, "seconds": f"{seconds:.2f}"}
        row |= {"result": f"{stem}.{self.result}"} if self.result else {}
        row |= {"status": "done", "error": ""} if self.status else {}
        return {**row, **says}


REPAINTED = PhotoTable(SUMMARY, ("photo", "result", "status", "error", "seconds"), status=True, result="png")
"""Of jobs that repaint part of a face."""


def table_bytes(table: PhotoTable, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The table as CSV for spreadsheets."""
    columns = list(dict.fromkeys([*table.columns, *(key for row in rows for key in row)]))
    text = to_csv([tuple(columns), *(tuple(row.get(column, "") for column in columns) for row in rows)])
    # Names that are no UTF-8 become readable ones with a replacement sign rather than an error.
    return csv_bytes(text.encode("utf-8", "replace").decode())


def sentence(error: Exception) -> str:
    """Why nothing was made of a photo, in one sentence without names of files."""
    if isinstance(error, PhiltrumError):
        return str(error)
    if isinstance(error, OSError):
        reason = (error.strerror or _("unknown reason")).lower()
        return _("Its files could not be written: {reason}.").format(reason=reason)
    return _("Something unexpected went wrong ({name}).").format(name=type(error).__name__)
