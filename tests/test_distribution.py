"""What is installed: the wheel holds what runs and nothing else, and works far from the checkout."""

import json
import os
import re
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image

import pipelines
from tests.sources import ROOT

pytestmark = pytest.mark.slow


def run(words: list[str | Path], folder: Path) -> str:
    """What a program prints in a folder; nothing of this process' own settings reaches it."""
    own = ("PYTHON", "PHILTRUM_", "PIP_", "GRADIO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> list[str]:
    names = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT).split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of the files that git has, built with what is installed here."""
    sources, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, sources / name)
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", out]
    run([sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", ".", *options], sources)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory) -> Path:
    """The folder of programs of an environment that has the wheel, and from this one the dependencies alone."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    run([sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel], folder)
    (installed,) = folder.glob("lib/python*/site-packages")
    (installed / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return folder / "bin"


@pytest.fixture
def photo(tmp_path, astronaut) -> Path:
    Image.fromarray(astronaut).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_the_wheel_holds_what_runs_and_nothing_else(wheel):
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    moved = {"weights/": "pipelines/weights/", "assets/": "ui/assets/"}
    needed = {"app.py"}
    for name in tracked():
        top = f"{name.partition('/')[0]}/"
        if top in ("pipelines/", "ui/") or top in moved:
            needed.add(moved.get(top, top) + name.removeprefix(top))
    assert held == needed
    assert {"pipelines/py.typed", "ui/py.typed", "pipelines/__init__.pyi", "pipelines/weights/manifest.toml"} <= held


def test_the_wheel_says_what_it_is_and_needs(wheel):
    with ZipFile(wheel) as archive:
        name = f"philtrum-{pipelines.__version__}.dist-info"
        about = archive.read(f"{name}/METADATA").decode()
        assert f"{name}/licenses/LICENSE" in archive.namelist()
    pins = re.findall(r"^([\w-]+==[\w.]+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M)
    assert re.findall(r"^Requires-Dist: (.+)$", about, re.M) == pins and len(pins) > 15
    assert f"\nVersion: {pipelines.__version__}\n" in about
    assert "\nLicense-Expression: MIT AND LicenseRef-Research-Only\n" in about, "the weights are not under MIT"


def test_what_builds_the_wheel_is_pinned_once():
    (pin,) = re.findall(r"^setuptools==[\d.]+$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M)
    assert f'requires = ["{pin}"]' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_commands(programs, photo, tmp_path):
    philtrum = programs / "philtrum"
    assert run([philtrum, "--version"], tmp_path) == f"Philtrum {pipelines.__version__}\n"
    assert run([philtrum, "weights", "--help"], tmp_path).startswith("usage: philtrum weights ")
    assert "cleft-inpainting: whole, SHA-256 " in run([philtrum, "weights", "verify"], tmp_path)
    run([philtrum, "cleft-inpainting", photo, "--extent", "lips-to-nose", "--out", tmp_path / "out"], tmp_path)
    facts = json.loads((tmp_path / "out" / "photo.json").read_text(encoding="utf-8"))
    assert facts["weights"][0]["name"] == "cleft-inpainting"
    with Image.open(tmp_path / "out" / "photo.png") as result:
        assert result.size == (512, 512)


def test_python_finds_weights_scale_and_assets_inside_the_packages(programs, photo, tmp_path):
    code = f"""
from pipelines import AnomalyScoring, CleftInpainting, MaskRemoval, read_image, write_png
result = AnomalyScoring(device="cpu")(read_image({str(photo)!r}))
assert result.percentile is not None, "the scale was found"
write_png("normalized.png", result.normalized)

import app
from pathlib import Path
from pipelines.models import places
from ui import theme
from ui.examples import people
from ui.server.engine import Engine
from ui.shell import build, serving
assert {{"cleft-inpainting", "mask-removal", "anomaly-scoring"}} == set(Engine().jobs)
build(Engine())
assert people.photo("a").shape == (640, 640, 3)
assert Path(serving("127.0.0.1", 7860, False, None)["favicon_path"]).is_file()
for found in (app.__file__, places.SHIPPED, theme.STYLE): print(found)
"""
    found = run([programs / "python", "-c", code], tmp_path).splitlines()[-3:]
    packages = Path(found[0]).parent
    assert packages.is_relative_to(programs.parent)
    assert found[1:] == [f"{packages}/pipelines/weights", f"{packages}/ui/assets/style.css"]
    assert (tmp_path / "normalized.png").is_file()


def test_the_app(programs, tmp_path):
    assert run([programs / "philtrum-app", "--help"], tmp_path).startswith("usage: philtrum-app ")
