"""The page, with the words of its tests."""

import base64
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from pipelines.errors import Cancelled

PATIENCE = 60_000
"""Milliseconds; other work may share the machine."""

expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True)
class App:
    """A running app: where it answers, and the folder that it writes to."""

    address: str
    folder: Path

    def pictures(self) -> list[Path]:
        """Pictures and archives in the folder."""
        return [path for path in self.folder.rglob("*") if path.suffix in (".png", ".jpg", ".zip")]


class Tab:
    """The page of the first job."""

    def __init__(self, page: Page):
        self.page = page
        self.run = page.get_by_role("button", name="Run", exact=True)
        self.cancel = page.get_by_role("button", name="Cancel", exact=True)
        self.suggest = page.get_by_role("button", name="Suggest mask", exact=True)
        self.undo = page.get_by_role("button", name="Undo", exact=True).first
        self.redo = page.get_by_role("button", name="Redo", exact=True)
        self.clear = page.get_by_role("button", name="Clear the mask", exact=True)
        self.canvas = page.locator(".editor-view")
        self.pictures = page.locator("#cleft-slider img")
        self.toast = page.get_by_test_id("toast-body")

    def ready(self) -> None:
        """Waits until the network is loaded and the examples are shown."""
        expect(self.page.get_by_role("button", name="Example:")).to_have_count(3)
        expect(self.page.locator(".status")).to_contain_text("Ready")

    def open(self, photo: np.ndarray | bytes, name: str = "photo.png") -> None:
        """Chooses a photo through the browser's file chooser and waits until it is shown."""
        data = photo if isinstance(photo, bytes) else png(photo)
        before = self.layer_key()
        if self.page.get_by_role("button", name="New photo", exact=True).is_enabled():
            self.page.get_by_role("button", name="New photo", exact=True).click()
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name="Choose a photo").click()
        chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": data})
        self.page.wait_for_function("before => (window.philtrum.value()?.photo ?? null) !== before", arg=before)
        expect(self.canvas).to_be_visible()

    def layer_key(self) -> str | None:
        return self.page.evaluate("window.philtrum.value()?.photo")

    def mask(self) -> np.ndarray | None:
        """The mask layer that the editor would send now, as ``bool`` ``(H, W)``."""
        layer = self.page.evaluate("window.philtrum.value()?.layer")
        if layer is None:
            return None
        return np.array(Image.open(BytesIO(base64.b64decode(layer.partition(",")[2]))).getchannel("A")) > 127

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the photo's copy lies on the page."""
        return tuple(self.page.evaluate("([x, y]) => window.philtrum.onPage(x, y)", [x, y]))

    def drag(self, *points: tuple[float, float]) -> None:
        """Drags the pointer over points of the photo's copy."""
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down()
        for point in points:
            self.page.mouse.move(*self.at(*point), steps=4)
        self.page.mouse.up()

    def predict(self) -> None:
        """Presses Run and waits for the result and its files."""
        shown = self.pictures.last.get_attribute("src") if self.pictures.count() else None
        self.run.click()
        expect(self.pictures).to_have_count(2)
        if shown:
            expect(self.pictures.last).not_to_have_attribute("src", shown)
        expect(self.page.locator("#cleft-zip")).to_be_enabled()

    def download(self, key: str) -> bytes:
        """Downloads a file by the key of its button."""
        with self.page.expect_download() as download:
            self.page.locator(f"#cleft-{key}").click()
        return Path(download.value.path()).read_bytes()

    def says(self, text: str) -> Locator:
        """Waits for a toast with this text."""
        found = self.toast.filter(has_text=text)
        expect(found.first).to_be_visible()
        return found


def wait_until(done: Callable[[], object]) -> None:
    """Waits until ``done()`` is true."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def read(data: bytes) -> np.ndarray:
    """Decodes a picture."""
    return np.array(Image.open(BytesIO(data)))


def png(image: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


class SlowPipeline:
    """A pipeline that works for a minute unless it is stopped, and knows how it ended."""

    steps = 600

    def __init__(self) -> None:
        self.started, self.stopped = threading.Event(), threading.Event()

    def __call__(self, photo, mask=None, *, progress=None, **options):
        try:
            for step in range(self.steps):
                self.started.set()
                progress(step / self.steps, f"repainting {step + 1}/{self.steps}")
                time.sleep(0.1)
        except Cancelled:
            self.stopped.set()
            raise
        raise AssertionError("the run was to be stopped")
