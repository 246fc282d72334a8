"""The public face: sorted, lazy, and the same for Python and for type checkers."""

import ast
import subprocess
import sys

import pytest

import pipelines
from tests.sources import ROOT


def test_all_is_sorted():
    assert list(pipelines.__all__) == sorted(set(pipelines.__all__))
    assert {"AnomalyScoring", "CleftInpainting", "MaskRemoval", "read_image", "write_png"} <= set(pipelines.__all__)


@pytest.mark.parametrize("name", pipelines.__all__)
def test_every_name_is_what_its_module_calls_so(name):
    found = getattr(pipelines, name)
    assert found.__name__ == name and found.__module__.startswith("pipelines.")
    assert name in dir(pipelines)


def test_names_that_do_not_exist():
    with pytest.raises(AttributeError, match="module 'pipelines' has no attribute 'CleftInpaintings'"):
        pipelines.CleftInpaintings  # noqa: B018
    with pytest.raises(ImportError):
        from pipelines import CleftInpaintings  # noqa: F401


def test_type_checkers_are_told_the_same():
    stub = ast.parse((ROOT / "pipelines/__init__.pyi").read_text(encoding="utf-8"))
    told = {alias.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == {name: f"pipelines.{home}" for name, home in pipelines._HOMES.items()}


def test_importing_the_package_loads_nothing_slow():
    code = (
        "import sys, pipelines; dir(pipelines); from pipelines import PhiltrumError\n"
        "print(sorted({'torch', 'mediapipe', 'cv2', 'numpy', 'gradio'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.stdout == "[]\n", run.stdout + run.stderr
