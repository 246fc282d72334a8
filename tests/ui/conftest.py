"""The app in its own process, for programs."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Served:
    """A running app.

    Attributes:
        address: where it answers.
        cache: folder that gradio and the app write to.
        log: what it printed.
        sockets: what it connected to, a JSON list a line.
    """

    address: str
    cache: Path
    log: Path
    sockets: Path

    def files(self) -> list[Path]:
        """Every file in the cache."""
        return [path for path in self.cache.rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``python app.py`` under watch."""
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = Served(f"http://127.0.0.1:{port}", folder / "cache", folder / "log", folder / "sockets")
    environment = os.environ | {
        "GRADIO_TEMP_DIR": str(app.cache),
        "WATCHED_SOCKETS": str(app.sockets),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "tests/ui/watched_app.py", "--port", str(port)]
    with app.log.open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(app.address, process)
            yield app
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    assert app.files() == [], "ending by a signal leaves nothing in the cache"


def _wait(address: str, process: subprocess.Popen) -> None:
    for _ in range(900):
        assert process.poll() is None, "the app ended before it served"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the app did not serve")
