"""The app in its own process, as the tests of its end points and of its page start it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.anomaly_scoring.scoring import scale
from pipelines.errors import WeightsUnknown
from pipelines.mask_removal.network import MaskRemovalNetwork
from pipelines.models import places, registering, store

ROOT = Path(__file__).resolve().parents[2]

SCALES = {"severity": (-4.0, 0.0), "local": (0.0, 200.0), "asymmetry": (0.0, 50.0)}
"""Lowest and highest figure of the faces that a face is compared with; the others lie evenly between."""

GROUPS = {"all": 1000, "clinic": 400, "0-8": 108}
"""Group → how many faces of it there are."""

_NARROW = {"coarse_width": 8, "width": 8, "coarse_blocks": 1, "blocks": 1, "fold": 2}


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


def weights_of_both(folder: Path) -> Path:
    """A weights folder with both jobs: a copy of the built-in one, with an untrained network of mask removal where it
    has none, and with :data:`SCALES` of the default settings, whatever scales it has.
    """
    shutil.copytree(places.folder(), folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHILTRUM_WEIGHTS", str(folder))
        basis = AnomalyScoring("inpainting", device="cpu").basis()
        scales = {
            scale.Key.of(figure, basis, group): np.linspace(*ends, faces)
            for figure, ends in SCALES.items()
            for group, faces in GROUPS.items()
        }
        (folder / scale.FILE).write_bytes(scale.encode(scales))
        try:
            store.find(job="mask-removal")
        except WeightsUnknown:
            torch.manual_seed(0)
            about = {"job": "mask-removal", "network": "mask-removal", "licence": "none", "default": True}
            registering.save("untrained", MaskRemovalNetwork(**_NARROW).state_dict(), architecture=_NARROW, **about)
    return folder


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def launched(script: str, log: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """A script that serves the app, from when it answers until it is ended as by Ctrl+C.

    Args:
        script: path in the repository.
        log: file for what it prints.
        environment: variables beside those of this process.

    Yields:
        Its address.
    """
    port = free_port()
    command = [sys.executable, script, "--port", str(port)]
    full = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=full, stdout=output, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address, process)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _wait(address: str, process: subprocess.Popen) -> None:
    for _ in range(900):
        assert process.poll() is None, "the app ended before it served"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the app did not serve")
