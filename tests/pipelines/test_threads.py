"""Threads of PyTorch sleep while they wait: settled by whoever starts a process, before PyTorch is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STARTS = {
    "command line": "import pipelines.__main__ as m; m.main(['weights', 'list'])",
    "app": "import app, ui.shell; ui.shell.serve = lambda *a, **k: None; app.main(['--port', '0'])",
    "benchmarks": "import benchmarks",
}
PROBE = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("torch saw", os.environ.get("OMP_WAIT_POLICY"))
            sys.meta_path.remove(self)
sys.meta_path.insert(0, Finder())
{start}
print("at the end", os.environ.get("OMP_WAIT_POLICY"), "torch" in sys.modules)
"""


def said(start: str, **more: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | more
    command = [sys.executable, "-c", PROBE.format(start=start)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_waiting_is_passive_before_pytorch_is_imported(start):
    found = said(start)
    assert "at the end PASSIVE" in found
    assert "torch saw" not in found or "torch saw PASSIVE" in found


def test_what_the_person_settled_stays():
    assert "at the end ACTIVE" in said(STARTS["benchmarks"], OMP_WAIT_POLICY="ACTIVE")
