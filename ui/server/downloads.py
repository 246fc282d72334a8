"""A result's files: written when it is on the screen, and downloaded by buttons."""

from pathlib import Path

import gradio as gr

from pipelines.exports.bundles import bundle
from pipelines.exports.interface import exports_of
from pipelines.languages.translation import _
from pipelines.results import RepaintResult

FILES = {
    "result": (_("Result, PNG"), "result.png"),
    "mask": (_("Mask, PNG"), "mask.png"),
    "alpha": (_("Feathered mask, PNG"), "mask-feathered.png"),
    "landmarks": (_("Landmarks, CSV"), "landmarks.csv"),
    "json": (_("Numbers, JSON"), "numbers.json"),
    "zip": (_("Everything with a PDF report, ZIP"), "report.zip"),
}
"""What can be downloaded: label of the button, and how the file's name ends; the photo's own name is in none."""

_IN_ZIP = {"numbers.json": "landmarks.json"}  # where the job's contents call a file otherwise


def download_buttons(prefix: str) -> list[gr.DownloadButton]:
    """A button a file, in the order of :data:`FILES`.

    Args:
        prefix: begins their ids.
    """
    return [
        gr.DownloadButton(label, interactive=False, size="md", min_width=120, elem_id=f"{prefix}-{key}")
        for key, (label, _) in FILES.items()
    ]


def write_files(job: str, result: RepaintResult, folder: Path, stem: str) -> dict[str, Path]:
    """Writes what can be downloaded by itself; gives the path of each by key, in the order of :data:`FILES`."""
    contents = exports_of(job).contents(result)
    paths = {key: folder / f"{stem}-{name}" for key, (_, name) in FILES.items() if key != "zip"}
    for key, path in paths.items():
        name = FILES[key][1]
        path.write_bytes(contents[_IN_ZIP.get(name, name)])
    return paths


def write_bundle(job: str, result: RepaintResult, folder: Path, stem: str) -> dict[str, Path]:
    """Writes the ZIP of everything with the report."""
    path = folder / f"{stem}-{FILES['zip'][1]}"
    path.write_bytes(bundle(exports_of(job), result))
    return {"zip": path}
