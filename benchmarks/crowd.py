"""Several people at the app at once: is every answer right and its own, is none lost, does memory stay flat?

    python -m benchmarks.crowd
    python -m benchmarks.crowd --people 3 --runs 4

Each person has a photo of his own and asks for one job after another, through the app's API. Before that each asks
alone, which says what is right. In between people leave in the middle of a run and come back as a new session, as one
who closes a page, or opens it anew, does. The app runs as a process of its own.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gradio_client import Client, handle_file
from skimage.data import astronaut

from benchmarks.command import count
from benchmarks.tables import markdown_line
from pipelines.errors import OptionInvalid, PhiltrumError
from pipelines.faces.images import read_image, write_png
from pipelines.files import write_all_atomic
from pipelines.results import pixels_sha256

JOBS: Mapping[str, Mapping[str, Any]] = {
    "cleft_inpainting": {},
    "mask_removal": {"extent": "lower-face"},
    "anomaly_scoring": {},
}
"""Job → what is asked for beside the photo."""

RIGHT, WRONG, LOST = "right", "wrong", "lost"
"""What may become of a run: the person's own answer, another one, or none."""

_START = 180  # seconds that the app may take to begin
_ANSWER = 600  # seconds after which an answer is lost
_LEAVES, _RETURNS = 5, 7  # of so many runs one is left in the middle, and one begun in a new session
_CLOSE = (slice(0, 320), slice(60, 380))  # of the astronaut: her face, large


class App:
    """The app in a process of its own.

    Raises:
        OptionInvalid: it does not begin.
    """

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/"
        words = [sys.executable, "app.py", "--port", str(port)]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _START
        while True:
            with contextlib.suppress(Exception):
                Client(self.address, verbose=False).close()
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise OptionInvalid("The app does not begin; run python -m pipelines doctor first.")
            time.sleep(0.5)

    @property
    def memory(self) -> int:
        """Bytes that it holds; 0 where the system does not say."""
        statm = Path(f"/proc/{self._process.pid}/statm")
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0

    def close(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait()


class Person:
    """Somebody with a photo of his own.

    Args:
        number: which; everybody's photo differs.
        address: of the app.
        folder: where the photo is kept, and answers for a moment.
    """

    def __init__(self, number: int, address: str, folder: Path) -> None:
        self.number, self._address, self._folder = number, address, folder / f"person-{number}"
        self._folder.mkdir()
        pixels = np.ascontiguousarray(astronaut()[_CLOSE])
        pixels = np.clip(pixels * (1 - 0.04 * number) + number, 0, 255).astype(np.uint8)
        self._photo, self.hash = self._folder / "photo.png", pixels_sha256(pixels)
        write_png(self._photo, pixels)
        self._client: Client | None = None
        self.expected: dict[str, str] = {}

    def learn(self) -> None:
        """Asks for every job while nobody else does: that is what is right."""
        self.expected = {job: self._answer(job, "alone")[0] for job in JOBS}
        self.leave()

    def run(self, job: str, case: str) -> str:
        """Asks for a job: :data:`RIGHT`, :data:`WRONG` or :data:`LOST`."""
        try:
            picture, facts = self._answer(job, case)
        except Exception:  # whatever it is: the person has no answer
            return LOST
        own = (facts["case"], facts["photo"]["pixels_sha256"]) == (case, self.hash)
        return RIGHT if own and picture == self.expected[job] else WRONG

    def leave_in_the_middle(self, job: str, seconds: float) -> None:
        """Asks for a job and closes the session before the answer comes."""
        self._submit(job, "left")
        time.sleep(seconds)
        self.leave()

    def leave(self) -> None:
        """Closes the session; the next run begins another."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _answer(self, job: str, case: str) -> tuple[str, dict[str, Any]]:
        facts, picture, *_ = self._submit(job, case).result(timeout=_ANSWER)
        return pixels_sha256(read_image(Path(picture))), facts

    def _submit(self, job: str, case: str) -> Any:
        if self._client is None:
            self._client = Client(self._address, verbose=False, download_files=self._folder)
        return self._client.submit(photo=handle_file(self._photo), case=case, **JOBS[job], api_name=f"/{job}")


@dataclass
class Outcome:
    """What became of all runs; threads share it.

    Attributes:
        runs: how many ended how.
        left: runs that were left in the middle.
        returned: sessions that were closed and begun anew between two runs.
        longest: seconds that somebody waited for an answer at most.
        seconds: that everything took.
        memory: bytes that the app held: when everybody had asked alone, then after each tenth of the runs.
    """

    runs: Counter = field(default_factory=Counter)
    left: int = 0
    returned: int = 0
    longest: float = 0.0
    seconds: float = 0.0
    memory: list[int] = field(default_factory=list)


def campaign(people: int, runs: int) -> Outcome:
    """Lets so many people ask for so many jobs each.

    Raises:
        OptionInvalid: the app does not begin.
    """
    outcome, lock = Outcome(), threading.Lock()
    tenth = max(1, people * runs // 10)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(App()) as app:
        everybody = [Person(number, app.address, Path(folder)) for number in range(people)]
        for person in everybody:
            person.learn()
        outcome.memory.append(app.memory)

        def ask(person: Person) -> None:
            random = np.random.default_rng(person.number)
            for turn, job in _turns(person.number, runs):
                if turn % _LEAVES == _LEAVES - 1:
                    person.leave_in_the_middle(job, float(random.uniform(0.1, 2.0)))
                    with lock:
                        outcome.left += 1
                elif turn % _RETURNS == _RETURNS - 1:
                    person.leave()
                    with lock:
                        outcome.returned += 1
                start = time.monotonic()
                ended = person.run(job, f"{person.number}-{turn}")
                with lock:
                    outcome.runs[ended] += 1
                    outcome.longest = max(outcome.longest, time.monotonic() - start)
                    if outcome.runs.total() % tenth == 0:
                        outcome.memory.append(app.memory)
            person.leave()

        start = time.monotonic()
        threads = [threading.Thread(target=ask, args=(person,)) for person in everybody]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        outcome.seconds = time.monotonic() - start
    return outcome


def _turns(person: int, runs: int) -> Iterator[tuple[int, str]]:
    """Numbers of a person's runs, each with its job: people differ in where they begin."""
    return ((turn, list(JOBS)[(person + turn) % len(JOBS)]) for turn in range(runs))


def as_markdown(outcome: Outcome, people: int) -> str:
    """The outcome as a table."""
    memory = [round(held / 2**20) for held in outcome.memory]
    rows = [
        ("People", people),
        ("Runs", outcome.runs.total()),
        ("Right, and the person's own", outcome.runs[RIGHT]),
        ("Wrong, or another's", outcome.runs[WRONG]),
        ("Lost", outcome.runs[LOST]),
        ("Left in the middle besides", outcome.left),
        ("Sessions begun anew besides", outcome.returned),
        ("Longest wait, s", f"{outcome.longest:.1f}"),
        ("All together, s", f"{outcome.seconds:.0f}"),
        ("Memory after everybody had asked alone, MB", memory[0]),
        ("Memory after each tenth of the runs, MB", " ".join(map(str, memory[1:]))),
    ]
    lines = [markdown_line([what, str(value)]) for what, value in rows]
    return "\n".join(
        ["# Several people at once", "", markdown_line(["", ""]), markdown_line(["---", "---:"]), *lines, ""]
    )


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 every answer was right, 1 some was not, or 2 with one sentence where nothing could be tried."""
    parser = argparse.ArgumentParser("python -m benchmarks.crowd", description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=count, default=8, help="at once (default %(default)s)")
    parser.add_argument("--runs", type=count, default=20, help="of each (default %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/crowd"), help="folder for the table")
    options = parser.parse_args(arguments)
    try:
        outcome = campaign(options.people, options.runs)
    except PhiltrumError as error:
        print(error, file=sys.stderr)
        return 2
    text = as_markdown(outcome, options.people)
    facts = {**vars(outcome), "people": options.people, "runs": dict(outcome.runs)}
    options.out.mkdir(parents=True, exist_ok=True)
    files = {"crowd.md": text.encode(), "crowd.json": (json.dumps(facts, indent=1) + "\n").encode()}
    write_all_atomic({options.out / name: data for name, data in files.items()})
    print(text)
    return 0 if outcome.runs[RIGHT] == outcome.runs.total() else 1


if __name__ == "__main__":
    sys.exit(main())
