"""A job that costs nothing, and a folder view before it, without a page."""

import secrets
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np

from pipelines.errors import NoFaceFound
from pipelines.faces.images import write_png
from pipelines.jobs import CLEFT_INPAINTING
from tests.pipelines.exports.made_results import make_result
from ui import CACHE
from ui.folders.base import RESULT
from ui.folders.tab import FolderTab
from ui.server.engine import Engine
from ui.server.sessions import Sessions

PAGE, OTHER = (SimpleNamespace(session_hash=name) for name in ("one page", "another page"))
FACELESS = 255
"""Grey level of a photo that shows no face."""


class Stub:
    """Turns a photo to its negative; waits for a permit before each where ``permits`` is set."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.permits: threading.Semaphore | None = None

    def __call__(
        self, photo: np.ndarray, *, progress: Any, mask: Any = None, extent: Any = None, **options: Any
    ) -> Any:
        self.calls.append({"mask": mask, "extent": extent, **options})
        while self.permits is not None and not self.permits.acquire(timeout=0.05):
            progress(0.5, "repainting")
        progress(0.9, "compositing")
        if (photo == FACELESS).all():
            raise NoFaceFound("No face was found in this photo; choose one from the front.")
        made = make_result(*photo.shape[:2])
        used = made.mask if mask is None else mask
        return replace(made, photo=photo, image=255 - photo, mask=used, extent=None if mask is not None else extent)


class View:
    """A folder view of cleft inpainting, and the words of its tests."""

    def __init__(self, cache: Path) -> None:
        self.stub, self.sessions = Stub(), Sessions(cache)
        self.tab = FolderTab(CLEFT_INPAINTING, Engine("cpu", pipelines={CLEFT_INPAINTING: self.stub}), self.sessions)
        with gr.Blocks():
            self.tab.build()
        self.uploads, self.name = 0, secrets.token_urlsafe(8)

    def values(self, *, view: str = RESULT, carry: bool = False, editor: Any = None, **settings: Any) -> list[Any]:
        """What the page sends."""
        chosen = {"extent": "lips-to-nose", "grow": 0, "feather": 4, "seed": 0} | settings
        assert list(chosen) == list(self.tab.own.settings)
        return [view, carry, editor, *chosen.values(), ["close"]]

    def upload(self, name: str, picture: np.ndarray) -> str:
        """A file as gradio keeps an upload."""
        self.uploads += 1
        path = Path(CACHE, f"folder-{self.name}", str(self.uploads), name)
        path.parent.mkdir(parents=True)
        write_png(path, picture)
        return str(path)

    def drop(
        self, *names: str, what: str = "photo", level: int = 90, picture: Any = None, page: Any = PAGE
    ) -> list[Any]:
        """Drops pictures of their own; ``picture`` or grey ones."""
        pictures = [
            np.full((96, 72, 3), level + at, np.uint8) if picture is None else picture for at in range(len(names))
        ]
        paths = [self.upload(name, each) for name, each in zip(names, pictures, strict=True)]
        return self.tab.take_files(what, page, paths, [*names], *self.values())

    def run(self, **settings: Any) -> list[list[Any]]:
        """Runs the folder; gives all that the page is told on the way."""
        self.tab.begin(PAGE)
        return list(self.tab.work_on(PAGE, *self.values(**settings)))

    def states(self, **settings: Any) -> dict[str, str]:
        """Name → state of each photo, as the page's table has them."""
        update, _ = self.tab.restate(PAGE, *self.values(**settings))
        return {row["name"]: row["state"] for row in update.props["rows"]}

    @property
    def folder(self) -> Any:
        return self.tab.folder(PAGE)

    def row(self, name: str) -> Any:
        return next(row for row in self.folder.rows.values() if row.name == name)

    def files(self, **settings: Any) -> list[Path]:
        """The ZIP and the table, as they are downloaded."""
        return [Path(button.value["path"] if isinstance(button.value, dict) else button.value)
                for button in self.tab.make_files(PAGE, *self.values(**settings))]  # fmt: skip
