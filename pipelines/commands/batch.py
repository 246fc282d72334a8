"""One photo, or every photo of a folder: which files, what belongs to them, what results are called, the summary.

Jobs on photos differ in what they do with a photo; the rest of such a command is here.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
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
    """Repaints the photos and writes what comes of them into ``args.out``.

    A single photo whose name was given fails with its own error and leaves nothing; in a folder it is a row.

    Args:
        repaint: what is done with a photo.
        photos: which.
        args: the command's arguments ``image`` and ``out``.
        stages: whether pictures of the stages are written too.

    Returns:
        The exit status: 0 every photo worked, 1 some did, 2 none did, 130 stopped by Ctrl-C.

    Raises:
        PhiltrumError: the single photo's.
        OSError: the output folder cannot be written to.
    """
    if args.image.is_dir():
        return _folder(repaint, photos, args.out, stages)
    with console.progress_bar() as progress:
        row = _one(repaint, photos[0], photos[0].stem, args.out, stages, progress)
    _write_summary(args.out, [row])
    console.say(f"Done in {row['seconds']} s.")
    return 0


def _folder(repaint: Repaint, photos: Sequence[Path], out: Path, stages: bool) -> int:
    from pipelines.pictures import STAGES

    rows: list[dict[str, Any]] = []
    stems = output_stems(photos, STAGES if stages else ())
    try:
        with console.progress_bar(len(photos), "photo") as progress:
            for number, photo in enumerate(photos):

                def within(fraction: float, text: str, number: int = number) -> None:
                    progress(number + fraction, text)

                try:
                    row = _one(repaint, photo, stems[photo], out, stages, within)
                except OSError:
                    raise
                except PhiltrumError as error:
                    row = _failed(photo, str(error))
                except Exception as error:  # one odd photo must not cost the others their results
                    row = _failed(photo, f"Something unexpected went wrong ({type(error).__name__}).")
                rows.append(row)
                _write_summary(out, rows)  # after each photo, so that a stopped run has its table too
    except KeyboardInterrupt:
        console.complain(f"Stopped after {len(rows)} of {len(photos)} photos; what is written is whole.")
        return 130
    done = sum(row["status"] == "done" for row in rows)
    console.say(f"{len(rows)} photo{'' if len(rows) == 1 else 's'}: {done} done, {len(rows) - done} failed.")
    if done < len(rows):
        console.complain(f"{SUMMARY} in the output folder says which photos failed, and why.")
    return 0 if done == len(rows) else 1 if done else 2


def _one(repaint: Repaint, photo: Path, stem: str, out: Path, stages: bool, progress: Progress) -> dict[str, Any]:
    """Repaints a photo and writes its files; gives its row of the summary."""
    from pipelines.exports import write_result
    from pipelines.tables import mask_share

    start = time.perf_counter()
    progress(0.0, "reading")
    result, more = repaint(photo, progress)
    picture, _ = write_result(result, out, stem, stages=stages)
    return {
        "photo": photo.name,
        "result": picture.name,
        "status": "done",
        "error": "",
        "seconds": f"{time.perf_counter() - start:.2f}",
        "faces": result.faces,
        "face": result.face + 1,
        "mask_share": f"{mask_share(result):.4f}",
        **more,
    }


def _failed(photo: Path, sentence: str) -> dict[str, Any]:
    return {"photo": photo.name, "status": "failed", "error": sentence}


def _write_summary(out: Path, rows: Sequence[dict[str, Any]]) -> None:
    from pipelines.files import write_atomic
    from pipelines.tables import csv_bytes, to_csv

    columns = list(
        dict.fromkeys(["photo", "result", "status", "error", "seconds", *(key for row in rows for key in row)])
    )
    text = to_csv([tuple(columns), *(tuple(row.get(column, "") for column in columns) for row in rows)])
    out.mkdir(parents=True, exist_ok=True)
    # Names that are no UTF-8 become readable ones with a replacement sign rather than an error.
    write_atomic(out / SUMMARY, csv_bytes(text.encode("utf-8", "replace").decode()))
