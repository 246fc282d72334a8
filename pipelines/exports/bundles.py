"""What a result becomes on disk, of the parts that its job's ``exports.py`` gives: files, one page to print, a ZIP."""

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from pipelines.cases.case import named
from pipelines.exports.interface import JobExports
from pipelines.faces.images import encode_png
from pipelines.files import write_all_atomic

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that ZIP can say


def write(exports: JobExports, result: Any, folder: str | Path, stem: str, *, stages: bool = False) -> dict[str, Path]:
    """Writes ``STEM.ENDING`` of each of the job's files into ``folder``, which is made where it is not there.

    None of the files is touched before all of them lie whole on the disk.

    Args:
        exports: of the job.
        result: what to write.
        folder: where to.
        stem: how the files are called.
        stages: also writes ``STEM.NAME.png`` of every stage that has a picture.

    Returns:
        Ending of the name → path.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = exports.files(result)
    if stages:
        files |= {f"{name}.png": encode_png(picture) for name, picture in exports.stage_pictures(result).items()}
    paths = {ending: folder / f"{stem}.{ending}" for ending in files}
    write_all_atomic({paths[ending]: content for ending, content in files.items()})
    return paths


def report(exports: JobExports, result: Any, kind: str = "pdf", dpi: int = 110) -> bytes:
    """One A4 page, as :func:`pipelines.exports.pages.page.write_page` writes it."""
    from pipelines.exports.pages.page import write_page  # here, because it imports matplotlib

    return write_page(exports.page(result), kind, dpi, case=result.case)


def bundle(exports: JobExports, result: Any, more: Mapping[str, bytes] | None = None) -> bytes:
    """Everything in one ZIP: the job's contents, ``report.pdf``, and ``stages/NAME.png``; each file's name begins with
    the case's.

    Args:
        exports: of the job.
        result: whose.
        more: further files by their names, behind the report.
    """
    files = {**exports.contents(result), "report.pdf": report(exports, result), **(more or {})}
    stages = {f"{name}.png": encode_png(picture) for name, picture in exports.stage_pictures(result).items()}
    return zip_files(
        {named(result.case, name): data for name, data in files.items()}
        | {f"stages/{named(result.case, name)}": data for name, data in stages.items()}
    )


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """Name → content as a ZIP that is the same on every system and day."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            add_member(archive, name, data)
    return buffer.getvalue()


def add_member(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Adds a file to a ZIP, in the same bytes on every system and day."""
    info = zipfile.ZipInfo(name, _NO_DATE)
    info.create_system = 3  # the same bytes on every system
    info.external_attr = 0o644 << 16
    # PNG and PDF are compressed already; doing it twice takes a second on a large photo.
    loose = name.endswith((".csv", ".json", ".npy"))
    info.compress_type = zipfile.ZIP_DEFLATED if loose else zipfile.ZIP_STORED
    archive.writestr(info, data)
