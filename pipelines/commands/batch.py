"""One photo, or every photo of a folder: which files, what belongs to them, what results are called, the summary.

Jobs on photos differ in what they do with a photo; the rest of such a command is here.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.commands import console
from pipelines.errors import OptionInvalid, PhiltrumError

# HEIC and AVIF cannot be read, but a photo that is passed over in silence is worse than one with a sentence.
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm",
            ".heic", ".heif", ".avif")  # fmt: skip
"""Files of a folder that are taken for pictures."""

SUMMARY = "summary.csv"

Progress = Callable[[float, str], None]

Repaint = Callable[[Path, Progress], tuple[Any, dict[str, Any]]]
"""What a job does with a photo: its result (:mod:`pipelines.results`), and what the summary tells of this job alone."""

Work = Callable[[Path, str, Progress], dict[str, Any]]
"""What a job does with a photo, given what its files are called: writes them, and gives its row of the table."""


@dataclass(frozen=True)
class Table:
    """The table of a run.

    Attributes:
        file: its name in the output folder.
        columns: the first ones, in order; the first of them holds the photo's name. What else rows hold comes after.
        failed: what else the row of a photo holds that failed, beside its error.
    """

    file: str
    columns: tuple[str, ...]
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The column with the photo's name."""
        return self.columns[0]


class Companions:
    """Pictures that belong to photos: one file for all of them, or a folder in which each is looked for by its stem.

    Args:
        source: the file or folder.
        what: what they are, as in ``"mask"``.

    Raises:
        OptionInvalid: it does not exist.
    """

    def __init__(self, source: Path, what: str) -> None:
        if not source.is_dir() and not source.is_file():
            raise OptionInvalid(f"The {what} or folder of {what}s does not exist; check its path.")
        self.what = what
        self.is_folder = source.is_dir()
        self.files = pictures_in(source) if self.is_folder else [source]

    def of(self, photo: Path) -> Path | None:
        """The one file, or that of the folder whose stem is the photo's whole name, else the photo's stem, else None.

        Raises:
            OptionInvalid: there are several of them.
        """
        if not self.is_folder:
            return self.files[0]
        found = [file for file in self.files if file.stem == photo.name] or [
            file for file in self.files if file.stem == photo.stem
        ]
        if len(found) > 1:
            raise OptionInvalid(f"The folder of {self.what}s holds several with this photo's name; leave one there.")
        return found[0] if found else None

    def needed_for(self, photo: Path) -> Path:
        """:meth:`of`, which must be there.

        Raises:
            OptionInvalid: there is none, or several of them.
        """
        found = self.of(photo)
        if found is None:
            raise OptionInvalid(f"The folder of {self.what}s holds none with this photo's name.")
        return found


def photos_in(source: Path) -> list[Path]:
    """The photo, or those of the folder.

    Raises:
        OptionInvalid: there is none.
    """
    if source.is_dir():
        photos = pictures_in(source)
        if not photos:
            raise OptionInvalid("The folder holds no pictures; folders inside it are not looked into.")
        return photos
    if not source.is_file():
        raise OptionInvalid("The photo or folder does not exist; check its path.")
    return [source]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their names; hidden files are no pictures."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(path for path in found if path.is_file())


def check_output(out: Path, sources: Sequence[Path | None]) -> None:
    """Results never fall on what a person gave: its folders cannot be the output folder.

    Raises:
        OptionInvalid: one of them is, or a file is in the output folder's place.
    """
    if out.exists() and not out.is_dir():
        raise OptionInvalid("The output must be a folder; a file of that name is in its place.")
    for source in sources:
        if source is not None and (source if source.is_dir() else source.parent).resolve() == out.resolve():
            raise OptionInvalid(
                "The output folder holds the pictures that were given; choose another, so that none is overwritten."
            )


def output_stems(photos: Sequence[Path], parts: Sequence[str] = ()) -> dict[Path, str]:
    """What each photo's files are called: its stem, or its whole name where another photo has the same stem.

    Case does not tell names apart, because on many file systems it does not.

    Args:
        photos: the photos.
        parts: a photo also writes ``STEM.PART`` of each of them; these names fall on nobody else's either.
    """

    def names(stem: str) -> set[str]:
        return {stem.casefold(), *(f"{stem}.{part}".casefold() for part in parts)}

    count = Counter(photo.stem.casefold() for photo in photos)
    stems: dict[Path, str] = {}
    # Stems that nobody shares come first: a.jpg.jpg keeps "a.jpg", and the pair of a.jpg and a.png makes way for it.
    taken: set[str] = set()
    for photo in sorted(photos, key=lambda photo: count[photo.stem.casefold()] > 1):
        wanted = photo.stem if count[photo.stem.casefold()] == 1 else photo.name
        stem, number = wanted, 2
        while names(stem) & taken:
            stem, number = f"{wanted}-{number}", number + 1
        taken |= names(stem)
        stems[photo] = stem
    return stems


def run_batch(repaint: Repaint, photos: Sequence[Path], args: argparse.Namespace, *, stages: bool = False) -> int:
    """Repaints the photos and writes what comes of them into ``args.out``, with :data:`SUMMARY` as the table.

    Args:
        repaint: what is done with a photo.
        photos: which.
        args: the command's arguments ``image`` and ``out``.
        stages: whether pictures of the stages are written too.

    Returns, Raises: as :func:`run_photos`.
    """
    from pipelines.exports import write_result
    from pipelines.pictures import STAGES
    from pipelines.tables import mask_share

    def work(photo: Path, stem: str, progress: Progress) -> dict[str, Any]:
        result, more = repaint(photo, progress)
        picture, _ = write_result(result, args.out, stem, stages=stages)
        return {
            "result": picture.name,
            "status": "done",
            "error": "",
            "faces": result.faces,
            "face": result.face + 1,
            "mask_share": f"{mask_share(result):.4f}",
            **more,
        }

    table = Table(SUMMARY, ("photo", "result", "status", "error", "seconds"), {"status": "failed"})
    return run_photos(work, photos, args, table, STAGES if stages else ())


def run_photos(
    work: Work, photos: Sequence[Path], args: argparse.Namespace, table: Table, parts: Sequence[str] = ()
) -> int:
    """Does a job's work on every photo and writes the table after each of them.

    A single photo whose name was given fails with its own error and leaves nothing; in a folder it is a row.

    Args:
        work: writes a photo's files and gives its row of the table.
        photos: which.
        args: the command's arguments ``image`` and ``out``.
        table: what the table is like.
        parts: see :func:`output_stems`.

    Returns:
        The exit status: 0 every photo worked, 1 some did, 2 none did, 130 stopped by Ctrl-C.

    Raises:
        PhiltrumError: the single photo's.
        OSError: the output folder cannot be written to.
    """
    if args.image.is_dir():
        return _folder(work, photos, args.out, table, parts)
    with console.progress_bar() as progress:
        row = _one(work, photos[0], photos[0].stem, table, progress)
    _write_table(args.out, table, [row])
    console.say(f"Done in {row['seconds']} s.")
    return 0


def _folder(work: Work, photos: Sequence[Path], out: Path, table: Table, parts: Sequence[str]) -> int:
    rows: list[dict[str, Any]] = []
    failed = 0
    stems = output_stems(photos, parts)
    try:
        with console.progress_bar(len(photos), "photo") as progress:
            for number, photo in enumerate(photos):

                def within(fraction: float, text: str, number: int = number) -> None:
                    progress(number + fraction, text)

                try:
                    row = _one(work, photo, stems[photo], table, within)
                except OSError:
                    raise
                except Exception as error:  # one odd photo must not cost the others their results
                    row, failed = {table.name: photo.name, **table.failed, "error": _sentence(error)}, failed + 1
                rows.append(row)
                _write_table(out, table, rows)  # after each photo, so that a stopped run has its table too
    except KeyboardInterrupt:
        console.complain(f"Stopped after {len(rows)} of {len(photos)} photos; what is written is whole.")
        return 130
    done = len(rows) - failed
    console.say(f"{len(rows)} photo{'' if len(rows) == 1 else 's'}: {done} done, {failed} failed.")
    if failed:
        console.complain(f"{table.file} in the output folder says which photos failed, and why.")
    return 0 if not failed else 1 if done else 2


def _one(work: Work, photo: Path, stem: str, table: Table, progress: Progress) -> dict[str, Any]:
    """Does the work on a photo; gives its row of the table."""
    start = time.perf_counter()
    progress(0.0, "reading")
    row = work(photo, stem, progress)
    return {table.name: photo.name, "seconds": f"{time.perf_counter() - start:.2f}", **row}


def _sentence(error: Exception) -> str:
    return (
        str(error) if isinstance(error, PhiltrumError) else f"Something unexpected went wrong ({type(error).__name__})."
    )


def _write_table(out: Path, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    from pipelines.files import write_atomic
    from pipelines.tables import csv_bytes, to_csv

    columns = list(dict.fromkeys([*table.columns, *(key for row in rows for key in row)]))
    text = to_csv([tuple(columns), *(tuple(row.get(column, "") for column in columns) for row in rows)])
    out.mkdir(parents=True, exist_ok=True)
    # Names that are no UTF-8 become readable ones with a replacement sign rather than an error.
    write_atomic(out / table.file, csv_bytes(text.encode("utf-8", "replace").decode()))
