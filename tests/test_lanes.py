"""The lanes: what runs at which command, and what a skipped test means."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.skips import VARIABLE
from tests.sources import ROOT

_OUTER = ("MAKE", "MFLAGS", "PYTEST_", VARIABLE)  # of a make or pytest that this test runs under


def run(words: list[str], folder: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OUTER)} | variables
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def commands(target: str) -> list[str]:
    """What ``make TARGET`` runs from the environment, once that is made."""
    plan = run(["make", "--dry-run", target, "VENV=.venv", "ARGS="])
    assert plan.returncode == 0, plan.stderr
    return [line.strip() for line in plan.stdout.splitlines() if re.match(r"\.venv/bin/(?!python -m pip)", line)]


def test_check_is_style_types_and_quick_tests():
    assert commands("check") == [
        ".venv/bin/ruff check .",
        ".venv/bin/ruff format --check .",
        ".venv/bin/mypy pipelines ui app.py",
        '.venv/bin/python -m pytest -m "not slow and not browser and not benchmark"',
    ]


def test_make_test_leaves_no_test_out():
    halves = [f'.venv/bin/python -m pytest -m "{half}"' for half in ("browser", "not browser")]
    assert commands("test") == halves


def test_pre_commit_runs_what_make_check_runs():
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert local["repo"] == "local" and {hook["language"] for hook in local["hooks"]} == {"system"}
    assert not [hook for hook in local["hooks"] if hook["pass_filenames"] or not hook["always_run"]]
    entries = [hook["entry"].split() for hook in local["hooks"]]
    assert [command for make, target in entries for command in commands(target)] == commands("check")


@pytest.mark.slow
@pytest.mark.parametrize(("room", "marker"), [("browser", "browser"), ("benchmarks", "benchmark")])
def test_every_test_of_a_room_bears_its_marker(room, marker):
    words = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", f"tests/{room}", "-m"]
    without, having = (run([*words, text]).stdout for text in (f"not {marker}", marker))
    assert re.search(r"^no tests collected \(\d\d+ deselected\)", without, re.M), without
    assert re.search(r"^\d\d+ tests collected in", having, re.M), having


# --- skips ----------------------------------------------------------------------------------------------------------

OF_A_MODULE = 'import pytest\npytest.skip("all of it", allow_module_level=True)\n'
SKIPPED = """
import pytest
from tests.skips import skip_as_expected

@pytest.fixture
def absent():
    skip_as_expected("no such folder")

def test_folder(absent):
    raise AssertionError

@pytest.mark.needs(False, reason="another system")
def test_system():
    raise AssertionError

@pytest.mark.needs(True, reason="this system")
def test_runs():
    pass

@pytest.mark.xfail(strict=True)
def test_known_to_fail():
    raise ValueError

@pytest.mark.skip(reason="in a hurry")
def test_hurry():
    pass

@pytest.mark.skipif(True, reason="a condition")
def test_condition():
    pass

def test_library():
    pytest.importorskip("no_such_library")

@pytest.mark.parametrize("number", [])
def test_nothing(number):
    pass
"""

EXPECTED = {"test_folder": "SKIPPED", "test_system": "SKIPPED", "test_runs": "PASSED", "test_known_to_fail": "XFAIL"}


@pytest.mark.slow
@pytest.mark.parametrize("forbidden", [False, True])
def test_a_skip_that_nobody_declared_fails_where_skips_are_forbidden(tmp_path, forbidden):
    (tmp_path / "test_these.py").write_text(SKIPPED)
    (tmp_path / "test_those.py").write_text(OF_A_MODULE)
    words = ["-m", "pytest", "-c", os.devnull, "--rootdir", ".", "-p", "tests.skips", "-p", "no:cacheprovider"]
    words += ["--strict-markers", "--continue-on-collection-errors", "-v", "-rE"]
    done = run([sys.executable, *words], tmp_path, PYTHONPATH=str(ROOT), **({VARIABLE: "1"} if forbidden else {}))
    found = dict(re.findall(r"::(test_\w+)(?:\[.*\])? ([A-Z]+)", done.stdout.partition("= short test summary")[0]))
    other = dict.fromkeys(("test_hurry", "test_condition", "test_nothing"), "ERROR" if forbidden else "SKIPPED")
    assert found == EXPECTED | other | {"test_library": "FAILED" if forbidden else "SKIPPED"}, done.stdout
    assert done.returncode == (1 if forbidden else 0)
    assert ("ERROR test_those.py" in done.stdout) is forbidden
    assert done.stdout.count("nobody expects this skip") >= (5 if forbidden else 0)
