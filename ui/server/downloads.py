"""A result's files: written when it is on the screen, and downloaded by buttons."""

from pathlib import Path

import gradio as gr

from pipelines.exports.bundles import alpha_picture, bundle_zip
from pipelines.exports.tables import csv_bytes, landmarks_csv, result_json
from pipelines.faces.images import write_png
from pipelines.results import RepaintResult

FILES = {
    "result": ("Result, PNG", "result.png"),
    "mask": ("Mask, PNG", "mask.png"),
    "alpha": ("Feathered mask, PNG", "mask-feathered.png"),
    "landmarks": ("Landmarks, CSV", "landmarks.csv"),
    "json": ("Numbers, JSON", "numbers.json"),
    "zip": ("Everything with a PDF report, ZIP", "report.zip"),
}
"""What can be downloaded: label of the button, and how the file's name ends; the photo's own name is in none."""


def download_buttons(prefix: str) -> list[gr.DownloadButton]:
    """A button a file, in the order of :data:`FILES`.

    Args:
        prefix: begins their ids.
    """
    return [
        gr.DownloadButton(label, interactive=False, size="md", min_width=120, elem_id=f"{prefix}-{key}")
        for key, (label, _) in FILES.items()
    ]


def write_files(result: RepaintResult, folder: Path, stem: str) -> dict[str, Path]:
    """Writes what can be downloaded by itself; gives the path of each by key, in the order of :data:`FILES`."""
    paths = {key: folder / f"{stem}-{name}" for key, (_, name) in FILES.items() if key != "zip"}
    write_png(paths["result"], result.image)
    write_png(paths["mask"], result.mask)
    write_png(paths["alpha"], alpha_picture(result.alpha))
    paths["landmarks"].write_bytes(csv_bytes(landmarks_csv(result)))
    paths["json"].write_bytes(result_json(result).encode())
    return paths


def write_bundle(result: RepaintResult, folder: Path, stem: str) -> dict[str, Path]:
    """Writes the ZIP of everything with the report."""
    path = folder / f"{stem}-{FILES['zip'][1]}"
    path.write_bytes(bundle_zip(result))
    return {"zip": path}
