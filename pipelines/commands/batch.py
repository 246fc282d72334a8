"""One photo, or every photo of a folder: the work on each, what is said of it, and the table.

Jobs on photos differ in what they do with a photo; the rest of such a command is here. Which files they are:
:mod:`pipelines.commands.folder`; what results are called: :mod:`pipelines.commands.outputs`.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.cases.contents import Setting
from pipelines.commands import console
from pipelines.commands.case_options import Keep
from pipelines.commands.folder import LeftOver
from pipelines.commands.outputs import Outputs
from pipelines.exports.bundles import write
from pipelines.exports.interface import exports_of
from pipelines.exports.summary import PhotoTable, sentence, table_bytes
from pipelines.exports.tables import of_case
from pipelines.files import write_atomic
from pipelines.languages.numbers import in_signs
from pipelines.languages.translation import _, ngettext

Progress = Callable[[float, str], None]

Repaint = Callable[[Path, Progress], tuple[Any, Sequence[str], dict[str, Setting]]]
"""What a job does with a photo: its result (:mod:`pipelines.results`), names of the references that it was given, and
what settings a case file keeps."""

Work = Callable[[Path, str, Progress], dict[str, Any]]
"""What a job does with a photo, given what its files are called: writes them, and gives its row of the table."""


def run_batch(
    job: str,
    repaint: Repaint,
    photos: Sequence[Path],
    args: argparse.Namespace,
    outputs: Outputs,
    left: Sequence[LeftOver],
    *,
    keep: Keep,
    stages: bool = False,
) -> int:
    """Repaints the photos and writes what comes of them, with the job's table.

    Args:
        job: its name.
        repaint: what is done with a photo.
        photos, args, outputs, left: as :func:`run_photos`.
        keep: is given each result and what the job says of its settings, for the case file.
        stages: whether pictures of the stages are written too.

    Returns, Raises: as :func:`run_photos`.
    """

    def work(photo: Path, stem: str, progress: Progress) -> dict[str, Any]:
        drawn, references, settings = repaint(photo, progress)
        result = of_case(drawn, args.case)
        outputs.check_files(stem)
        write(exports, result, outputs.folder, stem, stages=stages)
        keep(result, settings)
        return exports.row(result, references)

    exports = exports_of(job)
    return run_photos(work, photos, args, exports.TABLE, outputs, left)


def run_photos(
    work: Work,
    photos: Sequence[Path],
    args: argparse.Namespace,
    table: PhotoTable,
    outputs: Outputs,
    left: Sequence[LeftOver],
) -> int:
    """Does a job's work on every photo and writes the table after each of them.

    A single photo whose name was given fails with its own error and leaves nothing; in a folder it is a row, whether it
    cannot be read or its files cannot be written.

    Args:
        work: writes a photo's files and gives its row of the table.
        photos: which.
        args: the command's argument ``image`` says whether it is a folder.
        table: what the table is like.
        outputs: what the photos' files are called.
        left: files of the folder that no work is done on; they are rows too.

    Returns:
        The exit status: 0 every photo worked, 1 some did, 2 none did, 130 stopped by Ctrl-C.

    Raises:
        PhiltrumError: the single photo's, or the table would overwrite a file that was given.
        OSError: the single photo's files or the table cannot be written.
    """
    if args.image.is_dir():
        return _folder(work, photos, table, outputs, left)
    with console.progress_bar() as progress:
        row = _one(work, photos[0], table, outputs, progress)
    _write_table(outputs, table, [row])
    console.say(_("Done in {seconds} s.").format(seconds=in_signs(row["seconds"])))
    return 0


def _folder(work: Work, photos: Sequence[Path], table: PhotoTable, outputs: Outputs, left: Sequence[LeftOver]) -> int:
    rows: list[dict[str, Any]] = []
    skipped = [table.row(name, "skipped", why) for name, why in left]
    failed = 0
    _write_table(outputs, table, skipped)  # a folder that cannot be written to is said before hours of work
    unwritten: OSError | None = None
    try:
        with console.progress_bar(len(photos), "photo") as progress:
            for number, photo in enumerate(photos):

                def within(fraction: float, text: str, number: int = number) -> None:
                    progress(number + fraction, text)

                try:
                    row = _one(work, photo, table, outputs, within)
                except Exception as error:  # one odd photo must not cost the others their results
                    row, failed = table.row(photo.name, "failed", sentence(error)), failed + 1
                rows.append(row)
                try:
                    _write_table(outputs, table, [*rows, *skipped])  # after each photo, for a run that is stopped
                    unwritten = None
                except OSError as error:  # as while a spreadsheet has it open; the next photo's may succeed
                    unwritten = error
    except KeyboardInterrupt:
        console.complain(
            _("Stopped after {rows} of {photos} photos; what is written is whole.").format(
                rows=len(rows), photos=len(photos)
            )
        )
        return 130
    if unwritten is not None:
        raise unwritten
    done = len(rows) - failed
    said = ngettext(
        "{count} photo: {done} done, {failed} failed.", "{count} photos: {done} done, {failed} failed.", len(rows)
    )
    console.say(said.format(count=len(rows), done=done, failed=failed))
    # What is told may be kept in a log, so the case's name is not in it.
    named = outputs.table(table.file) != table.file
    say_left(f"…-{table.file}" if named else table.file, failed, len(skipped))
    return 0 if not failed else 1 if done else 2


def say_left(table: str, failed: int, skipped: int) -> None:
    """Says where failed photos and files that were passed over stand; nothing where there are none."""
    said = _("{table} in the output folder says which photos failed and which files were passed over, and why.")
    if not skipped:
        said = _("{table} in the output folder says which photos failed, and why.")
    if not failed:
        said = _("{table} in the output folder says which files were passed over, and why.")
    if failed or skipped:
        console.complain(said.format(table=table))


def _one(work: Work, photo: Path, table: PhotoTable, outputs: Outputs, progress: Progress) -> dict[str, Any]:
    """Does the work on a photo; gives its row of the table."""
    start = time.perf_counter()
    progress(0.0, _("reading"))
    stem = outputs.stems[photo]
    says = work(photo, stem, progress)
    return table.done(photo.name, time.perf_counter() - start, stem, says)


def _write_table(outputs: Outputs, table: PhotoTable, rows: Sequence[dict[str, Any]]) -> None:
    outputs.folder.mkdir(parents=True, exist_ok=True)
    outputs.check_tables()
    write_atomic(outputs.folder / outputs.table(table.file), table_bytes(table, rows))
