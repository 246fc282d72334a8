"""The page, with the words of its tests."""

import base64
import os
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
from pipelines.faces.landmarks import find_face
from pipelines.faces.measurements import measure
from pipelines.results import CleftInpaintingResult

PATIENCE = 120_000
"""Milliseconds; other work may share the machine."""

expect.set_options(timeout=PATIENCE)

_WATCH_RENEWAL = """(button) => {
  window.renewed = false;
  let out = false;
  const look = () => {
    out ||= button.disabled;
    window.renewed = out && !button.disabled;
  };
  new MutationObserver(look).observe(button, { attributeFilter: ["disabled"] });
}"""


@dataclass(frozen=True)
class App:
    """A running app: where it answers, and the folder that it writes to."""

    address: str
    folder: Path

    def pictures(self) -> list[Path]:
        """Pictures and archives in the folder."""
        # os.walk passes over folders that are removed meanwhile.
        files = [Path(folder, name) for folder, _, names in os.walk(self.folder) for name in names]
        return [path for path in files if path.suffix in (".png", ".jpg", ".zip")]


class Tab:
    """The page, with a tab open; the first one unless told otherwise."""

    prefix = "cleft"
    examples = 3

    def __init__(self, page: Page):
        self.page = page
        self.panel = page.locator(f".work-{self.prefix}")
        self.run = self.button("Run")
        self.cancel = self.button("Cancel")
        self.suggest = self.button("Suggest mask")
        self.undo = self.button("Undo")
        self.redo = self.button("Redo")
        self.clear = self.button("Clear the mask")
        self.canvas = page.locator(f"#{self.prefix}-editor .editor-view")
        self.pictures = page.locator(f"#{self.prefix}-slider img")
        self.footer = page.locator("footer.foot:visible")
        self.toast = page.locator(".toasts .toast")

    def button(self, name: str) -> Locator:
        """A button of the open tab."""
        return self.panel.get_by_role("button", name=name, exact=True)

    def field(self, call: str, of: str = "editor") -> str:
        """JavaScript that asks a photo field; None while there is no such field."""
        return f"window.philtrum?.['{self.prefix}-{of}']?.{call}"

    def steps(self, count: int) -> None:
        """Waits until so many things were done to the mask."""
        self.page.wait_for_function(f"{self.field('steps()')} === {count}")

    def ready(self) -> None:
        """Waits until the network is loaded and the examples are shown."""
        expect(self.page.get_by_role("button", name="Example:")).to_have_count(self.examples)
        expect(self.page.locator(".status")).to_contain_text("Ready")

    def open(self, photo: np.ndarray | bytes, name: str = "photo.png") -> None:
        """Chooses a photo through the browser's file chooser and waits until it is shown."""
        before = self.layer_key()
        if self.button("New photo").is_enabled():
            self.button("New photo").click()
        self.choose("Choose a photo", photo, name)
        self.opened_after(before)
        expect(self.canvas).to_be_visible()

    def choose(self, button: str, photo: np.ndarray | bytes, name: str = "photo.png") -> None:
        """Gives a file to the chooser that a button opens."""
        with self.page.expect_file_chooser() as chooser:
            self.button(button).click()
        data = photo if isinstance(photo, bytes) else png(photo)
        chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": data})

    def opened_after(self, before: str | None, of: str = "editor") -> None:
        """Waits until a field shows a photo, and another than the one called ``before``."""
        shown = f"({self.field('value()', of)}?.photo ?? null)"
        self.page.wait_for_function(f"before => {shown} !== null && {shown} !== before", arg=before)

    def layer_key(self, of: str = "editor") -> str | None:
        """Name of the photo that a field shows."""
        return self.page.evaluate(f"{self.field('value()', of)}?.photo")

    def mask(self) -> np.ndarray | None:
        """The mask layer that the editor would send now, as ``bool`` ``(H, W)``."""
        layer = self.page.evaluate(f"{self.field('value()')}?.layer")
        if layer is None:
            return None
        return np.array(Image.open(BytesIO(base64.b64decode(layer.partition(",")[2]))).getchannel("A")) > 127

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the photo's copy lies on the page."""
        return tuple(self.page.evaluate(f"([x, y]) => {self.field('onPage(x, y)')}", [x, y]))

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
        expect(self.page.locator(f"#{self.prefix}-zip")).to_be_enabled()

    def predict_again(self) -> None:
        """Presses Run once more: the same photo gives the same picture, drawn anew."""
        self.run.click()
        expect(self.page.locator(f"#{self.prefix}-zip")).to_be_disabled()
        expect(self.page.locator(f"#{self.prefix}-zip")).to_be_enabled()

    def download(self, key: str) -> bytes:
        """Downloads a file by the key of its button."""
        with self.page.expect_download() as download:
            self.page.locator(f"#{self.prefix}-{key}").click()
        return Path(download.value.path()).read_bytes()

    def name_case(self, name: str) -> None:
        """Names the case, and waits until the files bear the name: their buttons go out and come back.

        A press in between would meet a button that is just going out, and give nothing.
        """
        self.page.locator(f"#{self.prefix}-zip").evaluate(_WATCH_RENEWAL)
        self.page.get_by_role("textbox", name="Case", exact=True).fill(name)
        self.page.keyboard.press("Tab")
        self.page.wait_for_function("window.renewed")

    def focused(self) -> str:
        """What has the focus: its name, as screen readers say it."""
        return self.page.evaluate(
            "(({ ariaLabel, innerText, id, tagName }) => ariaLabel || innerText?.trim() || id || tagName)"
            "(document.activeElement)"
        )

    def told(self, text: str) -> None:
        """Waits until screen readers were told of this."""
        expect(self.page.locator("#philtrum-said")).to_contain_text(text)

    def has_no_result(self) -> None:
        """Waits until nothing of a result is left on the page: picture, numbers, downloads."""
        expect(self.pictures).to_have_count(0)
        expect(self.panel.locator(".measures tbody tr")).to_have_count(0)
        expect(self.footer).to_contain_text("no result yet")
        for button in self.panel.locator(".files").get_by_role("button").all():
            expect(button).to_be_disabled()

    def says(self, text: str) -> Locator:
        """Waits for a toast with this text."""
        found = self.toast.filter(has_text=text)
        expect(found.first).to_be_visible()
        return found


class RemovalTab(Tab):
    """The page with the tab of mask removal open."""

    prefix = "removal"

    def __init__(self, page: Page):
        super().__init__(page)
        self.find = self.button("Find mask")
        self.stages = page.get_by_role("button", name="Stage ")
        self.note = self.panel.locator(".note")

    def show(self) -> None:
        """Opens the tab."""
        self.page.get_by_role("tab", name="Mask removal").click()
        expect(self.page.get_by_role("button", name="Example:")).to_have_count(self.examples)

    def open_reference(self, photo: np.ndarray) -> None:
        """Chooses a reference through the browser's file chooser and waits until it is shown."""
        before = self.layer_key("reference")
        self.choose("Choose a reference", photo)
        self.opened_after(before, "reference")


class ScoringTab(Tab):
    """The page with the tab of anomaly scoring open."""

    prefix = "scoring"

    def __init__(self, page: Page):
        super().__init__(page)
        self.heat = self.panel.locator(".heat figure canvas")
        self.maps = page.locator("#scoring-map")
        self.bar = self.panel.locator(".heat-bar")
        # What is ours in it: while a run ends, Gradio writes its seconds beside that.
        self.score = page.locator("#scoring-scores .scores")
        self.verdict = page.locator("#scoring-verdict .verdict")
        self.lead = self.verdict.locator(".score-lead")
        self.least = self.panel.get_by_role("slider", name="Hide values below")
        self.second = page.locator("#scoring-second-slider img")

    def show(self) -> None:
        """Opens the tab."""
        self.page.get_by_role("tab", name="Anomaly scoring").click()
        expect(self.page.get_by_role("button", name="Example:")).to_have_count(self.examples)

    def example(self, label: str) -> None:
        """Takes an example and waits until its region is shown."""
        self.page.get_by_role("button", name=f"Example: {label}").click()
        self.steps(1)

    def drawn(self) -> str:
        """The map as it is drawn, as a data URL."""
        return self.heat.first.evaluate("each => each.toDataURL()")

    def unfold(self) -> None:
        """Unfolds the settings that few change."""
        self.panel.get_by_role("button", name="Searches, colour, formula, steps and seed").first.click()
        expect(self.panel.get_by_role("slider").last).to_be_visible()

    def slide(self, wanted: dict[str, int]) -> None:
        """Sets sliders, by the beginning of their labels.

        Gradio gives what has just been unfolded its first value a few frames after it is seen, and a value that is set
        in between is lost: so every one is looked at again, and set again, until all stay.
        """
        values = {label: str(value) for label, value in wanted.items()}
        numbers = {label: self.panel.get_by_role("spinbutton", name=label).first for label in values}
        deadline = time.monotonic() + PATIENCE / 1000
        while True:
            for label, value in values.items():
                if numbers[label].input_value() != value:
                    self.panel.get_by_role("slider", name=label).first.fill(value)
            self.page.wait_for_timeout(300)
            if all(numbers[label].input_value() == value for label, value in values.items()):
                return
            assert time.monotonic() < deadline, "a slider does not stay where it is put"


class FolderView(Tab):
    """The page with the folder view of a job open."""

    def __init__(self, page: Page, job: str, prefix: str):
        self.prefix = f"{prefix}-folder"
        super().__init__(page)
        page.get_by_role("tab", name=job).click()
        page.get_by_role("tab", name="Folder").click()
        self.run = self.button("Run the folder")
        self.rows = page.locator(f"#{self.prefix}-table tbody tr")
        self.told = page.locator(f"#{self.prefix}-table .folder-told")
        self.place = self.panel.locator(".folder-at")
        expect(self.run).to_be_visible()

    def drop(self, what: str, **pictures: np.ndarray | bytes) -> None:
        """Drops pictures by their stems on the field for photos, masks or references."""
        files = [
            {"name": f"{stem}.png", "mimeType": "image/png", "buffer": one if isinstance(one, bytes) else png(one)}
            for stem, one in pictures.items()
        ]
        self.page.locator(f"#{self.prefix}-{what}s input[type=file]").set_input_files(files)

    def row(self, stem: str) -> Locator:
        """The row of a photo."""
        return self.rows.filter(has=self.page.get_by_role("button", name=f"{stem}.png", exact=True))

    def states(self) -> list[str]:
        """How far each photo is."""
        return self.rows.evaluate_all("rows => rows.map((row) => row.dataset.state)")

    def finish(self) -> None:
        """Runs the folder and waits until its files are there."""
        self.run.click()
        expect(self.cancel).to_be_enabled()
        expect(self.run).to_be_enabled(timeout=2 * PATIENCE)
        expect(self.page.locator(f"#{self.prefix}-zip")).to_be_enabled()


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


class HeldPipeline:
    """A pipeline that looks at no progress and answers as soon as ``release`` is set: the photo, turned to grey."""

    def __init__(self) -> None:
        self.started, self.release, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, photo: np.ndarray, **options: object) -> CleftInpaintingResult:
        self.started.set()
        assert self.release.wait(60)
        points, mask = find_face(photo).points, np.zeros(photo.shape[:2], bool)
        mask[:9, :9] = True
        crop = np.zeros((256, 256, 3), np.uint8)
        self.ended.set()
        return CleftInpaintingResult(
            image=np.full_like(photo, 128), photo=photo, mask=mask, alpha=mask.astype(np.float32), crop_before=crop,
            crop=crop, landmarks_before=points, landmarks=points, seconds={}, weights=(), device="CPU", seed=0, face=0,
            faces=1, extent=None, grow=0.0, feather=4.0,
            measurements_before=measure(points), measurements=measure(points),
        )  # fmt: skip
