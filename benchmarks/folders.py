"""Many photos in the page's folder view: does the table fill while it runs, does a run go on after a cancel, is memory
flat?

    python -m benchmarks.folders
    python -m benchmarks.folders --photos 40 --jobs anomaly-scoring

The app runs as a process of its own, and Chromium does with it what a person does: drops the photos, runs them, cancels
after a third, looks at what there is, goes on, and saves the ZIP and the table. The photos are drawn faces in as many
sizes; each third masked face has a reference of its name.
"""

import argparse
import contextlib
import csv
import io
import json
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from benchmarks.command import count
from benchmarks.crowd import App
from benchmarks.tables import markdown_line
from pipelines.arrays import Pixels
from pipelines.errors import OptionInvalid, PhiltrumError
from pipelines.faces.images import write_png
from pipelines.files import write_all_atomic
from pipelines.jobs import ANOMALY_SCORING, CLEFT_INPAINTING, JOBS, MASK_REMOVAL
from ui.examples import masked_faces, people

if TYPE_CHECKING:
    from playwright.sync_api import Page

PREFIXES = {CLEFT_INPAINTING: "cleft", MASK_REMOVAL: "removal", ANOMALY_SCORING: "scoring"}
"""Job → what the ids of its parts of the page begin with."""

_SIDE, _STEP = 640, 0.005  # px of the first photo, and by how much of it each is smaller than the one before
_EVERY = 3  # masked face with a reference
_LOOK = 0.25  # seconds between two looks at the table
_A_PHOTO = 120  # seconds that one may take


@dataclass
class Outcome:
    """What became of a folder.

    Attributes:
        photos: how many were dropped.
        seen: how many were done, each time that the table showed another number of them.
        memory: bytes that the app held then.
        cancelled: how many were done when the run was cancelled, and how many files the ZIP had of them.
        rows: of the table in the end, by state.
        saved: photos in the last ZIP.
        seconds: of both runs.
    """

    photos: int
    seen: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    cancelled: tuple[int, int] = (0, 0)
    rows: dict[str, int] = field(default_factory=dict)
    saved: int = 0
    seconds: float = 0.0

    @property
    def right(self) -> bool:
        """Whether every photo is done and saved, and a run that was cancelled kept what it had."""
        done, kept = self.cancelled
        return self.rows == {"done": self.photos} and self.saved == self.photos and kept == done > 0

    def held(self, done: int) -> int | None:
        """Bytes that the app held when so many were done first; None where the table never said so."""
        return self.memory[self.seen.index(done)] if done in self.seen else None


class FolderView:
    """The folder view of a job in an open page.

    Args:
        page: with the app.
        job: its name.
        app: says what memory it holds.
    """

    def __init__(self, page: "Page", job: str, app: App) -> None:
        self._page, self._app, self._id = page, app, f"{PREFIXES[job]}-folder"
        page.get_by_role("tab", name=JOBS[job].title).click()
        page.get_by_role("tab", name="Folder").click()

    def drop(self, what: str, files: Sequence[Path]) -> None:
        """Drops files on the field for photos or references."""
        self._page.locator(f"#{self._id}-{what}s input[type=file]").set_input_files(files)

    def states(self) -> list[str]:
        """How far each photo is."""
        rows = self._page.locator(f"#{self._id}-table tbody tr")
        found: list[str] = rows.evaluate_all("rows => rows.map((row) => row.dataset.state)")
        return found

    def wait_for(self, photos: int) -> None:
        """Waits until so many photos stand in the table."""
        script = f"count => document.querySelectorAll('#{self._id}-table tbody tr').length === count"
        self._page.wait_for_function(script, arg=photos)

    def press(self, button: str) -> None:
        """Presses *run* or *cancel*."""
        self._page.locator(f"#{self._id}-{button}").click()

    def watch(self, outcome: Outcome, until: int) -> None:
        """Notes each number of photos that are done, until there are ``until``, or none is at work any more.

        Raises:
            OptionInvalid: a photo takes too long.
        """
        deadline = time.monotonic() + _A_PHOTO * outcome.photos
        while True:
            states = self.states()
            if (done := states.count("done")) not in outcome.seen:
                outcome.seen.append(done)
                outcome.memory.append(self._app.memory)
            ended = done + states.count("failed")
            if done >= until or ended == outcome.photos:
                return
            if time.monotonic() > deadline:
                raise OptionInvalid("The app takes too long for a folder; is the machine busy?")
            time.sleep(_LOOK)

    def download(self, key: str) -> bytes:
        """A file, once the run is over and it is there."""
        self._page.wait_for_function(f"document.querySelector('#{self._id}-run').disabled === false")
        button = self._page.locator(f"#{self._id}-{key}:not([disabled])")
        button.wait_for()
        with self._page.expect_download() as download:
            button.click()
        return Path(download.value.path()).read_bytes()


def campaign(jobs: Sequence[str], photos: int) -> dict[str, Outcome]:
    """Takes a folder through each job's view.

    Raises:
        OptionInvalid: the app does not begin, Chromium is missing, or a photo takes too long.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(App()) as app, opened(app.address) as page:
        return {job: _one(FolderView(page, job, app), *drawn(job, photos, Path(folder))) for job in jobs}


@contextlib.contextmanager
def opened(address: str) -> Iterator["Page"]:
    """A page of Chromium with the app, once the networks are loaded.

    Raises:
        OptionInvalid: there is no Chromium.
    """
    from playwright.sync_api import sync_playwright  # of requirements-dev.txt

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise OptionInvalid("Chromium is missing; install it (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(1000 * _A_PHOTO)
        page.goto(address)
        page.locator(".status", has_text="Ready").wait_for()
        yield page
        browser.close()


def drawn(job: str, photos: int, folder: Path) -> tuple[list[Path], list[Path]]:
    """Writes the photos of a job, and references of some of them."""
    place = folder / job
    files: tuple[list[Path], list[Path]] = ([], [])
    for number in range(photos):
        masked = list(masked_faces.EXAMPLES)[number % len(masked_faces.EXAMPLES)]
        example = list(people.EXAMPLES.values())[number % len(people.EXAMPLES)]
        photo = masked_faces.masked(masked) if job == MASK_REMOVAL else people.photo(example.picture)
        given = [photo, masked_faces.reference(masked)][: 2 if job == MASK_REMOVAL and number % _EVERY == 0 else 1]
        for kind, picture in enumerate(given):
            path = place / ("photos", "references")[kind] / f"P{number + 1:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(path, _sized(picture, round(_SIDE * (1 - _STEP * number))))
            files[kind].append(path)
    return files


def _sized(picture: Pixels, side: int) -> Pixels:
    scale = side / max(picture.shape[:2])
    sized: Pixels = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return sized


def _one(view: FolderView, photos: Sequence[Path], references: Sequence[Path]) -> Outcome:
    outcome = Outcome(len(photos))
    view.drop("photo", photos)
    view.wait_for(len(photos))
    if references:
        view.drop("reference", references)
    start = time.monotonic()
    view.press("run")
    view.watch(outcome, max(1, len(photos) // 3))
    view.press("cancel")
    csv_now = view.download("csv")
    outcome.cancelled = view.states().count("done"), _saved(view.download("zip"), csv_now)
    view.press("run")
    view.watch(outcome, len(photos))
    table = view.download("csv")
    outcome.seconds = time.monotonic() - start
    states = view.states()
    outcome.rows = {state: states.count(state) for state in dict.fromkeys(states)}
    outcome.saved = _saved(view.download("zip"), table)
    return outcome


def _saved(archive: bytes, table: bytes) -> int:
    """Photos that a ZIP has files of and the table calls done, or gives no error for."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened_zip:
        stems = {Path(name).stem for name in opened_zip.namelist() if name.endswith(".json")}
    rows = csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline=""))
    done = {Path(next(iter(row.values()))).stem for row in rows if not row["error"]}
    return len(stems & done)


def as_markdown(outcomes: dict[str, Outcome]) -> str:
    """The outcomes as a table."""

    def megabytes(held: int | None) -> str:
        return "–" if held is None else f"{held / 2**20:.0f}"

    rows = [
        (
            JOBS[job].title, one.photos, len(one.seen), one.cancelled[0], one.cancelled[1],
            one.rows.get("done", 0), one.saved, f"{one.seconds:.0f}",
            megabytes(one.held(5)), megabytes(one.held(one.photos)),
        )
        for job, one in outcomes.items()
    ]  # fmt: skip
    heads = (
        "Job", "Photos", "Counts seen", "Done when cancelled", "of these saved", "Done in the end", "of these saved",
        "Seconds", "MB at photo 5", "MB at the last",
    )  # fmt: skip
    lines = [markdown_line(list(map(str, row))) for row in rows]
    note = "Counts seen: how many different numbers of done photos the table showed while the folder was worked on."
    head = [markdown_line(list(heads)), markdown_line(["---", *["---:"] * (len(heads) - 1)])]
    return "\n".join(["# Many photos in the folder view", "", *head, *lines, "", note, ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 every photo was done and saved, 1 some was not, or 2 with one sentence where nothing was tried."""
    parser = argparse.ArgumentParser("python -m benchmarks.folders", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--photos", type=count, default=40, help="a folder (default %(default)s)")
    parser.add_argument("--jobs", nargs="+", choices=PREFIXES, default=list(PREFIXES), help="default all")
    parser.add_argument("--out", type=Path, default=Path("runs/folders"), help="folder for the table")
    options = parser.parse_args(arguments)
    try:
        outcomes = campaign(options.jobs, options.photos)
    except PhiltrumError as error:
        print(error, file=sys.stderr)
        return 2
    text = as_markdown(outcomes)
    facts = {job: asdict(one) for job, one in outcomes.items()}
    options.out.mkdir(parents=True, exist_ok=True)
    files = {"folders.md": text.encode(), "folders.json": (json.dumps(facts, indent=1) + "\n").encode()}
    write_all_atomic({options.out / name: data for name, data in files.items()})
    print(text)
    return 0 if all(one.right for one in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
