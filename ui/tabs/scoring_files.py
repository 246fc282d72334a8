"""Files of a scored face: written when it is on the screen, and downloaded by buttons."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from pipelines.anomaly_scoring.before_after import save_before_after
from pipelines.exports.bundles import bundle, write
from pipelines.exports.interface import exports_of
from pipelines.jobs import ANOMALY_SCORING
from pipelines.languages.translation import _
from pipelines.results import AnomalyScoringResult

FILES = {
    "normalized.png": _("Normalized, PNG"),
    "local.png": _("What does not fit, PNG"),
    "json": _("Numbers, JSON"),
    "zip": _("Everything with report, ZIP"),
}
"""Ending of a file's name → label of its button; the photo's own name is in none. The other maps and all of them in
numbers are in the ZIP."""


def file_buttons(prefix: str) -> list[gr.DownloadButton]:
    """A button a file, in the order of :data:`FILES`.

    Args:
        prefix: begins their ids.
    """
    return [
        gr.DownloadButton(
            label, interactive=False, size="md", min_width=120, elem_id=f"{prefix}-{ending.partition('.')[0]}"
        )
        for ending, label in FILES.items()
    ]


def pair_button() -> gr.DownloadButton:
    """The button of the page of two photos."""
    return gr.DownloadButton(
        _("Before and after on one page, PDF"), interactive=False, size="md", min_width=120, elem_id="scoring-pair"
    )


def write_pair(results: Sequence[AnomalyScoringResult], folder: Path, stem: str) -> Path | None:
    """Writes the page of two photos; None where there is one.

    Raises:
        OSError: the folder cannot be written to.
    """
    if len(results) != 2:
        return None
    path = folder / f"{stem}.pdf"
    save_before_after(path, *results)
    return path


def write_files(result: AnomalyScoringResult, folder: Path, stem: str, pair: Path | None = None) -> dict[str, Path]:
    """Writes what can be downloaded.

    Args:
        result: whose.
        folder: where to.
        stem: how the files are called.
        pair: the page of two photos, which goes into the ZIP; None where there is one.

    Returns:
        Ending of the name → path: all of :data:`FILES` and the other maps; ``local.png`` and ``local.npy`` only where
        the result has that map.

    Raises:
        OSError: the folder cannot be written to.
    """
    exports = exports_of(ANOMALY_SCORING)
    paths = write(exports, result, folder, stem)
    paths["zip"] = folder / f"{stem}.zip"
    more = {} if pair is None else {"before-after.pdf": pair.read_bytes()}
    paths["zip"].write_bytes(bundle(exports, result, more))
    return paths
