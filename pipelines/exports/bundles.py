"""What a result becomes on disk: pictures, tables, and one page to print. The app and the command line share it.

Nothing written here holds a file name, a date, or anything else of the machine or the photo's metadata; of the person
only the case's name, where one was given. The same result always gives the same bytes.
"""

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np

from pipelines.exports.pictures import stage_pictures
from pipelines.exports.tables import csv_bytes, landmarks_csv, measurements_csv, result_dict, result_json
from pipelines.faces.images import encode_png
from pipelines.files import write_all_atomic
from pipelines.results import RepaintResult

__all__ = [
    "alpha_picture",
    "bundle_zip",
    "landmarks_csv",
    "measurements_csv",
    "report_pdf",
    "result_dict",
    "result_json",
    "stage_pictures",
    "write_result",
    "zip_files",
]

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that ZIP can say


def report_pdf(result: RepaintResult) -> bytes:
    """One A4 page: pictures, measurements where there are some, and what made it (see
    :mod:`pipelines.exports.report`)."""
    from pipelines.exports.report import render  # here, because it imports matplotlib

    return render(result, "pdf")


def bundle_zip(result: RepaintResult) -> bytes:
    """Everything in one ZIP: ``result.png``, ``mask.png``, ``mask-feathered.png`` (see :func:`alpha_picture`),
    ``landmarks.csv``, ``landmarks.json``, ``measurements.csv`` where there are some, ``report.pdf``, and
    ``stages/NAME.png`` of a mask removal (see :func:`stage_pictures`).
    """
    files = {
        "result.png": encode_png(result.image),
        "mask.png": encode_png(result.mask),
        "mask-feathered.png": encode_png(alpha_picture(result.alpha)),
        "landmarks.csv": csv_bytes(landmarks_csv(result)),
        "landmarks.json": result_json(result).encode(),
    }
    if result.measurements:
        files["measurements.csv"] = csv_bytes(measurements_csv(result))
    files["report.pdf"] = report_pdf(result)
    files |= {f"stages/{name}.png": encode_png(picture) for name, picture in stage_pictures(result).items()}
    return zip_files(files)


def alpha_picture(alpha: np.ndarray) -> np.ndarray:
    """The blend of the repainted part, ``(H, W)`` in [0, 1], as grey ``uint8``: black is the photo bit for bit, white
    what was drawn. What is blended at all is not black.
    """
    return np.where(alpha > 0, np.maximum(np.round(255 * alpha), 1), 0).astype(np.uint8)


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """Name → content as a ZIP that is the same on every system and day."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _NO_DATE)
            info.create_system = 3  # the same bytes on every system
            info.external_attr = 0o644 << 16
            # PNG and PDF are compressed already; doing it twice takes a second on a large photo.
            loose = name.endswith((".csv", ".json", ".npy"))
            info.compress_type = zipfile.ZIP_DEFLATED if loose else zipfile.ZIP_STORED
            archive.writestr(info, data)
    return buffer.getvalue()


def write_result(result: RepaintResult, folder: str | Path, stem: str, *, stages: bool = False) -> tuple[Path, Path]:
    """Writes ``STEM.png`` and ``STEM.json`` into ``folder``, which is made where it is not there.

    None of the files is touched before all of them lie whole on the disk.

    Args:
        result: what to write.
        folder: where to.
        stem: how the files are called.
        stages: also writes ``STEM.NAME.png`` of every stage that has a picture (see :func:`stage_pictures`).

    Returns:
        Paths of the result and its facts.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    picture, facts = folder / f"{stem}.png", folder / f"{stem}.json"
    files = {picture: encode_png(result.image), facts: result_json(result).encode()}
    if stages:
        files |= {folder / f"{stem}.{name}.png": encode_png(image) for name, image in stage_pictures(result).items()}
    write_all_atomic(files)
    return picture, facts
