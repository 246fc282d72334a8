"""What a result becomes on disk: pictures, tables, and one page to print. The app and the command line share it.

Nothing written here holds a file name, a date, or anything else of the person, the machine or the photo's metadata, and
the same result always gives the same bytes.
"""

import zipfile
from io import BytesIO
from pathlib import Path

from pipelines.faces.images import encode_png
from pipelines.files import write_all_atomic
from pipelines.results import CleftInpaintingResult
from pipelines.tables import csv_bytes, landmarks_csv, measurements_csv, result_dict, result_json

__all__ = [
    "bundle_zip",
    "landmarks_csv",
    "measurements_csv",
    "report_pdf",
    "result_dict",
    "result_json",
    "write_result",
]

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that ZIP can say


def report_pdf(result: CleftInpaintingResult) -> bytes:
    """One A4 page: photo, prediction, overlay, measurements, and what made it (see :mod:`pipelines.report`)."""
    from pipelines.report import render  # here, because it imports matplotlib

    return render(result, "pdf")


def bundle_zip(result: CleftInpaintingResult) -> bytes:
    """Everything in one ZIP: ``result.png``, ``mask.png``, ``landmarks.csv``, ``landmarks.json``, ``measurements.csv``,
    ``report.pdf``.
    """
    files = {
        "result.png": encode_png(result.image),
        "mask.png": encode_png(result.mask),
        "landmarks.csv": csv_bytes(landmarks_csv(result)),
        "landmarks.json": result_json(result).encode(),
        "measurements.csv": csv_bytes(measurements_csv(result)),
        "report.pdf": report_pdf(result),
    }
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _NO_DATE)
            info.create_system = 3  # the same bytes on every system
            info.external_attr = 0o644 << 16
            # PNG and PDF are compressed already; doing it twice takes a second on a large photo.
            info.compress_type = zipfile.ZIP_DEFLATED if name.endswith((".csv", ".json")) else zipfile.ZIP_STORED
            archive.writestr(info, data)
    return buffer.getvalue()


def write_result(result: CleftInpaintingResult, folder: str | Path, stem: str) -> tuple[Path, Path]:
    """Writes ``STEM.png`` and ``STEM.json`` into ``folder``, which is made where it is not there.

    Neither is touched before both lie whole on the disk.

    Returns:
        Both paths.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    picture, facts = folder / f"{stem}.png", folder / f"{stem}.json"
    write_all_atomic({picture: encode_png(result.image), facts: result_json(result).encode()})
    return picture, facts
