"""The folder views of jobs that repaint part of a face: masks by name or by brush, and what is drawn over pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np

from pipelines.arrays import Pixels
from pipelines.exports.repainted import mask_share
from pipelines.faces.images import read_image, read_mask, write_png
from pipelines.languages.translation import _
from pipelines.results import RepaintResult
from ui.folders.base import FolderJob, Given
from ui.parts.comparison import shown_choice, views
from ui.parts.repaint_settings import edge_sliders, seed_number
from ui.pictures import overlay
from ui.session.folders import Folder, Made, Row
from ui.session.kept import Outcome

PAINTED, GIVEN = _("painted"), _("from a file")
"""Where a mask came from that the job did not make."""

_FACE = 0  # the largest


class RepaintingFolder(FolderJob):
    """Adds to what every folder view has: masks, the edge, and outline and landmarks over the pictures."""

    painted = True
    advanced = _("Mask edge and seed")
    """Over the folded settings."""

    def build_settings(self) -> None:
        self.settings = self.build_region()
        with gr.Accordion(self.advanced, open=False, elem_classes="advanced"):
            self.settings |= {**edge_sliders(), **self.build_advanced(), "seed": seed_number()}

    def build_region(self) -> dict[str, gr.components.Component]:
        """Adds what says which region is repainted without a mask."""
        return {}

    def build_advanced(self) -> dict[str, gr.components.Component]:
        """Adds settings of the job's own."""
        return {}

    def build_pictures(self) -> None:
        super().build_pictures()
        self.choices = {"shown": shown_choice()}

    # --- run --------------------------------------------------------------------------------------------------------

    def given(self, pixels: Pixels, row: Row, folder: Folder, settings: Mapping[str, Any]) -> Given:
        options, where = dict(self.without_mask(settings)), ""
        files = folder.belonging("mask", row)
        if row.mask:
            options, where = {"mask": row.read_painted()}, PAINTED
        elif files:
            options, where = {"mask": read_mask(files[0], pixels.shape[:2])}, GIVEN
        return Given(options | self._edge(settings), mask=where)

    def _edge(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        grow, feather, seed = (settings[name] for name in ("grow", "feather", "seed"))
        return {"grow": float(grow), "feather": float(feather), "seed": int(seed or 0)}

    # --- result -----------------------------------------------------------------------------------------------------

    def share(self, result: RepaintResult) -> str:
        """How much of the photo is repainted, in words."""
        return f"{100 * mask_share(result):.1f} %"

    def keep_pictures(self, result: RepaintResult, folder: Path) -> None:
        views(Outcome(result, folder), [overlay.CLOSE])
        write_png(folder / "mask.png", result.mask)
        np.save(folder / "landmarks.npy", np.stack([result.landmarks_before, result.landmarks]), allow_pickle=False)

    def pictures(self, row: Row, made: Made, choices: Sequence[Any]) -> list[Any]:
        shown = list(choices[0])
        outcome: Any = Outcome(_Kept(row, made), made.folder)
        ready = made.folder / f"{'-'.join(['after', *sorted(shown)])}.png"
        if ready.is_file():
            before = ready.with_name(ready.name.replace("after", "before", 1))
            outcome.views[frozenset(shown)] = str(before), str(ready)
        return [views(outcome, shown)]


class _Kept(SimpleNamespace):
    """What is drawn of a result, read from its files when it is asked for."""

    def __init__(self, row: Row, made: Made) -> None:
        super().__init__(row=row, made=made)

    @property
    def photo(self) -> Pixels:
        return read_image(self.row.path)

    @property
    def image(self) -> Pixels:
        return read_image(self.made.files["png"])

    @property
    def mask(self) -> Any:
        return read_mask(self.made.folder / "mask.png")

    @property
    def landmarks_before(self) -> Any:
        return np.load(self.made.folder / "landmarks.npy")[0]

    @property
    def landmarks(self) -> Any:
        return np.load(self.made.folder / "landmarks.npy")[1]
