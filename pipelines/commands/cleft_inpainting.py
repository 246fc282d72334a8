"""``cleft-inpainting``: one photo, or every photo of a folder.

What is written into ``--out``: ``STEM.png``, the result at the photo's size; ``STEM.json``, landmarks, measurements,
timings and weights; ``summary.csv``, a row a photo. Where two photos of a folder would write the same file (``a.jpg``
and ``a.png``), the results of both carry the photo's whole name (``a.jpg.png`` and ``a.png.png``); ``summary.csv``
says which result is whose.
"""

import argparse
import math
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
"""Files of a folder that are taken for photos or masks."""

SUMMARY = "summary.csv"

Progress = Callable[[float, str], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    from pipelines.faces.masks import EXTENTS

    parser.epilog = (
        "Writes DIR/STEM.png, DIR/STEM.json and DIR/summary.csv. Photos of one stem keep their whole names: a.jpg and "
        "a.png give a.jpg.png and a.png.png. Exit status: 0 all done, 1 some photos failed, 2 nothing could run."
    )
    parser.add_argument("image", metavar="IMAGE|FOLDER", type=Path, help="a photo, or a folder of photos")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for the results")
    region = parser.add_mutually_exclusive_group()
    region.add_argument(
        "--mask", metavar="FILE|FOLDER", type=Path,
        help="what to repaint: white = repaint; a folder of masks is matched by file stem",
    )  # fmt: skip
    region.add_argument(
        "--auto", choices=EXTENTS, default="philtrum",
        help="suggest the mask from the landmarks (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--face", metavar="N", type=_count, default=1, help="which face, 1 = the largest (default)")
    parser.add_argument(
        "--grow", metavar="PX", type=_number, default=0.0, help="widen the mask by so many pixels; negative narrows it"
    )
    parser.add_argument(
        "--feather", metavar="PX", type=_width, help="width of the soft edge (default 4 %% of the eye distance)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default %(default)s)")
    parser.add_argument("--precision", default="auto", help="auto, float32, bfloat16 or float16 (default %(default)s)")
    parser.add_argument("--weights", metavar="NAME", help="weights of the manifest (default: the job's own)")
    parser.add_argument("--seed", metavar="N", type=_seed, default=0, help="seed of all randomness (default 0)")


def run(args: argparse.Namespace) -> int:
    """Runs the command: 0 every photo worked, 1 some did, 2 none did.

    Raises:
        PhiltrumError: nothing could run. Of a single photo its own error, and nothing was written.
        OSError: the output folder cannot be written to.
    """
    photos, masks = _photos(args.image), _files(args.mask) if args.mask else None
    _check_output(args.out, [args.image, args.mask])

    from pipelines import store
    from pipelines.cleft_inpainting.pipeline import CleftInpainting

    job = CleftInpainting(args.weights, args.device, args.precision)
    store.load(args.weights, job.device.torch_device)  # what is wrong with the weights is wrong for every photo
    if args.image.is_dir():
        return _folder(job, photos, masks, args)
    return _single(job, photos[0], masks, args)


def _single(job: Any, photo: Path, masks: Sequence[Path] | None, args: argparse.Namespace) -> int:
    with console.progress_bar() as progress:
        row = _repaint(job, photo, photo.stem, masks, args, progress)
    _write_summary(args.out, [row])
    console.say(f"Done in {row['seconds']} s.")
    return 0


def _folder(job: Any, photos: Sequence[Path], masks: Sequence[Path] | None, args: argparse.Namespace) -> int:
    rows: list[dict[str, Any]] = []
    stems = output_stems(photos)
    try:
        with console.progress_bar(len(photos), "photo") as progress:
            for number, photo in enumerate(photos):

                def within(fraction: float, text: str, number: int = number) -> None:
                    progress(number + fraction, text)

                try:
                    row = _repaint(job, photo, stems[photo], masks, args, within)
                except OSError:
                    raise
                except PhiltrumError as error:
                    row = _failed(photo, str(error))
                except Exception as error:  # one odd photo must not cost the others their results
                    row = _failed(photo, f"Something unexpected went wrong ({type(error).__name__}).")
                rows.append(row)
                _write_summary(args.out, rows)  # after each photo, so that a stopped run has its table too
    except KeyboardInterrupt:
        console.complain(f"Stopped after {len(rows)} of {len(photos)} photos; what is written is whole.")
        return 130
    done = sum(row["status"] == "done" for row in rows)
    console.say(f"{len(rows)} photo{'' if len(rows) == 1 else 's'}: {done} done, {len(rows) - done} failed.")
    if done < len(rows):
        console.complain(f"{SUMMARY} in the output folder says which photos failed, and why.")
    return 0 if done == len(rows) else 1 if done else 2


def _repaint(
    job: Any, photo: Path, stem: str, masks: Sequence[Path] | None, args: argparse.Namespace, progress: Progress
) -> dict[str, Any]:
    """Repaints a photo and writes its files; gives its row of the summary."""
    from pipelines.exports import write_result
    from pipelines.faces.images import read_image, read_mask
    from pipelines.tables import cell, mask_share

    start = time.perf_counter()
    progress(0.0, "reading")
    pixels = read_image(photo)
    mask = read_mask(_mask_of(photo, masks, args.mask), pixels.shape[:2]) if masks is not None else None
    result = job(
        pixels,
        mask,
        extent=args.auto,
        face=args.face - 1,
        grow=args.grow,
        feather=args.feather,
        seed=args.seed,
        progress=progress,
    )
    picture, _ = write_result(result, args.out, stem)
    row: dict[str, Any] = {
        "photo": photo.name,
        "result": picture.name,
        "status": "done",
        "error": "",
        "seconds": f"{time.perf_counter() - start:.2f}",
        "faces": result.faces,
        "face": result.face + 1,
        "mask_share": f"{mask_share(result):.4f}",
    }
    for before, after in zip(result.measurements_before, result.measurements, strict=True):
        row |= {f"{before.key}_before": cell(before.value), f"{before.key}_after": cell(after.value)}
    return row


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


def output_stems(photos: Sequence[Path]) -> dict[Path, str]:
    """What each photo's files are called: its stem, or its whole name where another photo has the same stem.

    Case does not tell names apart, because on many file systems it does not.
    """
    count = Counter(photo.stem.casefold() for photo in photos)
    stems: dict[Path, str] = {}
    # Stems that nobody shares come first: a.jpg.jpg keeps "a.jpg", and the pair of a.jpg and a.png makes way for it.
    taken: set[str] = set()
    for photo in sorted(photos, key=lambda photo: count[photo.stem.casefold()] > 1):
        wanted = photo.stem if count[photo.stem.casefold()] == 1 else photo.name
        stem, number = wanted, 2
        while stem.casefold() in taken:
            stem, number = f"{wanted}-{number}", number + 1
        taken.add(stem.casefold())
        stems[photo] = stem
    return stems


def _photos(source: Path) -> list[Path]:
    if source.is_dir():
        photos = _files(source)
        if not photos:
            raise OptionInvalid("The folder holds no pictures; folders inside it are not looked into.")
        return photos
    if not source.is_file():
        raise OptionInvalid("The photo or folder does not exist; check its path.")
    return [source]


def _files(source: Path) -> list[Path]:
    """The file, or the pictures of the folder in the order of their names; hidden files are no pictures."""
    if not source.is_dir():
        if not source.is_file():
            raise OptionInvalid("The mask or folder of masks does not exist; check its path.")
        return [source]
    found = (path for path in source.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(path for path in found if path.is_file())


def _check_output(out: Path, sources: Sequence[Path | None]) -> None:
    """Results never fall on photos or masks: their folders cannot be the output folder."""
    if out.exists() and not out.is_dir():
        raise OptionInvalid("The output must be a folder; a file of that name is in its place.")
    for source in sources:
        if source is not None and (source if source.is_dir() else source.parent).resolve() == out.resolve():
            raise OptionInvalid(
                "The output folder holds the photos or masks themselves; choose another, so that none is overwritten."
            )


def _mask_of(photo: Path, masks: Sequence[Path], given: Path) -> Path:
    """The one mask, or that of the folder whose stem is the photo's whole name, else the photo's stem."""
    if not given.is_dir():
        return masks[0]
    found = [mask for mask in masks if mask.stem == photo.name] or [mask for mask in masks if mask.stem == photo.stem]
    if not found:
        raise OptionInvalid("The folder of masks holds none with this photo's name.")
    if len(found) > 1:
        raise OptionInvalid("The folder of masks holds several with this photo's name; leave one there.")
    return found[0]


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _width(text: str) -> float:
    if (value := _number(text)) < 0:
        raise argparse.ArgumentTypeError("it must be 0 or more")
    return value


def _count(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return value


def _seed(text: str) -> int:
    if not 0 <= (value := int(text)) < 2**32:
        raise argparse.ArgumentTypeError("it must be from 0 to 4294967295")
    return value
