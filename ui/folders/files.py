"""What a folder view gives in the end: a table of all photos, and every photo's files with it in a ZIP.

Both are written to the disk piece by piece: no more than one file is in memory.
"""

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from pipelines.cases.case import Case, named
from pipelines.exports.bundles import add_member
from pipelines.exports.interface import exports_of
from pipelines.exports.names import output_stems, unused
from pipelines.exports.summary import table_bytes
from pipelines.exports.tables import facts_of_case, json_text
from pipelines.files import stream_atomic, write_atomic
from pipelines.languages.translation import _
from ui.folders.base import FolderJob
from ui.session.folders import Folder, Row

ZIP = "everything.zip"
"""What the ZIP is called, after the case's name."""

_NOT_RUN = _("It was not run yet.")
_STALE = _("Its result is of other settings or another mask; run it again.")


def write_folder_files(
    job: FolderJob, folder: Folder, wanted: Callable[[Row], str], case: Case | None, place: Path
) -> tuple[Path, Path]:
    """Writes the ZIP and the table, whose names begin with the case's.

    Args:
        job: what was done with the photos.
        folder: the photos.
        wanted: what a photo's result would hang on now; results of anything else are not among the files.
        case: whose they are.
        place: an empty folder.

    Returns:
        Paths of both.

    Raises:
        OSError: they cannot be written.
    """
    exports = exports_of(job.job)
    with folder.lock:
        rows = [(row, row.made, folder.state_of(row, wanted(row))) for row in folder.rows.values()]
        stems = output_stems([row.name for row, *_ in rows], exports.ENDINGS)
        left = [(name, unused(what)) for what in job.takes for name in folder.unused(what)]
    table, lines = exports.TABLE, []
    done: list[tuple[str, dict[str, Path]]] = []
    for (row, made, state), stem in zip(rows, stems, strict=True):
        whole = named(case, stem)
        if made is not None and state == "done":
            lines.append(table.done(row.name, made.seconds, whole, facts_of_case(made.says, case)))
            done.append((whole, made.files))
        elif state == "failed":
            lines.append(table.row(row.name, "failed", row.error))
        else:
            lines.append(table.row(row.name, "skipped", _STALE if made is not None else _NOT_RUN))
    lines += [table.row(name, "skipped", why) for name, why in left]
    csv, zipped = place / named(case, table.file), place / named(case, ZIP)
    write_atomic(csv, table_bytes(table, lines))
    stream_atomic(zipped, lambda file: _zip(file, csv, _members(done, case)))
    return zipped, csv


def _members(done: list[tuple[str, dict[str, Path]]], case: Case | None) -> Iterator[tuple[str, bytes]]:
    """Name → content of each photo's files, of the case that they are downloaded for."""
    for stem, files in done:
        for ending, path in files.items():
            data = path.read_bytes()
            if ending == "json":
                data = json_text(facts_of_case(json.loads(data), case)).encode()
            yield f"{stem}.{ending}", data


def _zip(file: BinaryIO, csv: Path, members: Iterator[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        add_member(archive, csv.name, csv.read_bytes())
        for name, data in members:
            add_member(archive, name, data)
