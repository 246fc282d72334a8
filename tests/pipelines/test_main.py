"""The frame of the command line: help, versions, exit statuses, sentences."""

import argparse
import ast
import importlib
import os
import shlex
import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from pipelines import __main__ as cli
from pipelines import __version__
from pipelines.commands import console
from pipelines.errors import NoFaceFound

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def command(monkeypatch):
    """A command of which a test says what it does."""
    module = types.ModuleType("pipelines.commands.test_command")
    module.add_arguments = lambda parser: parser.add_argument("word", nargs="?")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(cli.OTHERS, "try", (module.__name__, "try something"))
    return module


def raising(error):
    def run(args):
        raise error

    return run


def test_help_names_every_command_and_the_limits(capsys):
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"    {name}" in said for name in cli.commands())
    assert "Research use only. Not a diagnostic device." in said


@pytest.mark.parametrize("name", cli.commands())
def test_every_command_has_help(capsys, name):
    assert cli.main([name, "--help"]) == 0
    said, trouble = capsys.readouterr()
    assert said.startswith(f"usage: python -m pipelines {name}") and trouble == ""


@pytest.mark.parametrize(
    ("command", "names", "value"),
    [
        ("cleft_inpainting", ("--extent", "--auto"), "lips"),
        ("mask_removal", ("--extent", "--auto"), "lips"),
        ("anomaly_scoring", ("--kind", "--map"), "ssim"),
        ("study", ("--kind", "--map"), "ssim"),
    ],
)
def test_options_are_called_as_in_python_and_by_their_former_names(command, names, value):
    parser = argparse.ArgumentParser()
    importlib.import_module(f"pipelines.commands.{command}").add_arguments(parser)
    for name in names:
        given = vars(parser.parse_args(["photos", "--out", "results", name, value]))
        assert given[names[0].removeprefix("--")] == value


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"Philtrum {__version__}\n"


@pytest.mark.parametrize("words", [[], ["nothing"], ["--nothing"]])
def test_no_such_command(capsys, words):
    assert cli.main(words) == 2
    said, trouble = capsys.readouterr()
    assert said == "" and "usage: python -m pipelines" in trouble


def test_help_loads_nothing_slow():
    code = (
        "import sys; from pipelines.__main__ import main; main(['--help']); main(['weights', '--help']);"
        "slow = {'torch', 'cv2', 'numpy', 'mediapipe', 'gradio', 'matplotlib'}; print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_the_process_ends_with_the_commands_status():
    words = [sys.executable, "-m", "pipelines", "weights", "verify", "no-such-weights"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("There are no weights of that name; known are ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("status", [0, 1, 2])
def test_a_commands_status_is_the_exit_status(command, status):
    command.run = lambda args: status
    assert cli.main(["try", "word"]) == status


@pytest.mark.parametrize(
    ("error", "status", "trouble"),
    [
        (NoFaceFound("No face was found."), 2, "No face was found.\n"),
        (PermissionError(13, "Permission denied", "/secret/name"), 2,
         "A file could not be read or written: permission denied.\n"),
        (OSError(), 2, "A file could not be read or written: unknown reason.\n"),
        (KeyboardInterrupt(), 130, "Stopped.\n"),
    ],
)  # fmt: skip
def test_what_is_raised_becomes_a_sentence_and_a_status(command, capsys, error, status, trouble):
    command.run = raising(error)
    assert cli.main(["try"]) == status
    assert capsys.readouterr() == ("", trouble)


def test_a_bug_is_not_hidden(command):
    command.run = raising(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.main(["try"])


def process(*words: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess:
    """``python -m pipelines`` by itself, its output as bytes; ``shell`` follows the words on a shell's command line."""
    command = [sys.executable, "-m", "pipelines", *words]
    line = ["bash", "-c", f"{shlex.join(command)} {shell}; exit ${{PIPESTATUS[0]}}"] if shell else command
    return subprocess.run(line, cwd=ROOT, env=elsewhere(environment), capture_output=True, timeout=300)


def elsewhere(environment: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with another console."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PYTHON"))} | environment


NARROW = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C"},
    "C without Python's help": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
}
"""Consoles that lack signs which we write."""


@pytest.mark.slow
@pytest.mark.parametrize("environment", NARROW.values(), ids=NARROW)
def test_no_console_is_too_narrow(environment):
    done = process("weights", "get", "alexnet“×−\udcff", **environment)
    assert done.returncode == 2 and done.stderr.startswith(b"There are no weights of that name; known are ")
    sentence = "The weights “faces” × − → ≤ Ångström \udcff 鼻 ½ end"
    code = f"from pipelines.commands import console; console.settle(); console.say({sentence!a})"
    command = [sys.executable, "-c", f"{code}; console.complain({sentence!a})"]
    done = subprocess.run(command, cwd=ROOT, env=elsewhere(environment), capture_output=True, timeout=60)
    assert done.returncode == 0 and done.stdout == done.stderr
    assert done.stdout.startswith(b"The weights ") and done.stdout.endswith(b" end\n")
    if "ascii" in environment.values():
        assert done.stdout == b'The weights "faces" x - -> <= Angstrom ? ? ? end\n'


@pytest.mark.slow
def test_every_sign_that_we_write_has_a_likeness_in_ascii():
    signs = set()
    for path in (ROOT / "pipelines").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        documents = [node.value for node in nodes if isinstance(node, ast.Expr)]
        texts = [node.value for node in nodes if isinstance(node, ast.Constant) and node not in documents]
        signs |= {sign for text in texts if isinstance(text, str) for sign in text if not sign.isascii()}
    console.settle()
    spoken = {sign: sign.encode("ascii", "_plain").decode() for sign in signs}
    assert len(spoken) > 10 and {"“", "…", "×"} <= spoken.keys()
    assert not {sign: said for sign, said in spoken.items() if "?" in said}


@pytest.mark.slow
@pytest.mark.needs(sys.platform != "win32", reason="Windows has no broken pipes of this kind")
@pytest.mark.parametrize(
    ("words", "pipe"),
    [
        (["--help"], "| true"),
        (["weights", "list"], "| true"),
        (["weights", "get", "nothing"], "2>&1 | true"),
        (["nothing"], "2> >(true)"),
        (["weights", "list"], ">&-"),
        (["weights", "get", "nothing"], "2>&-"),
        (["--help"], ">&- 2>&-"),
    ],
)
def test_a_reader_that_is_gone_is_no_error(words, pipe):
    done = process(*words, shell=pipe)
    assert done.returncode in (0, 1, 2), "not 120, by which Python says that it could not write"
    assert not [word for word in (b"Traceback", b"Error", b"Exception") if word in done.stderr], done.stderr


@pytest.mark.slow
@pytest.mark.needs(Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_a_sentence():
    done = process("weights", "list", shell="> /dev/full")
    assert done.returncode == 2
    assert done.stderr == b"A file could not be read or written: no space left on device.\n"
    assert process("--help", shell="> /dev/full").stderr == b""


@pytest.mark.slow
def test_libraries_are_silent(tmp_path):
    """Also at the first face, of which MediaPipe warns from C++, and where nothing can be cached."""
    photo = Image.open(ROOT / "assets/faces/a.jpg")
    photo.resize((320, 200)).save(tmp_path / "photo.png")
    words = ["cleft-inpainting", str(tmp_path / "photo.png"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    done = process(*words, HOME="/nowhere", MPLCONFIGDIR="/nowhere")
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout.splitlines()) == 1


def test_warnings_can_be_asked_for():
    code = "from pipelines.commands import console; console.settle(); import warnings; warnings.warn('old')"
    for more, silent in (([], True), (["-W", "default"], False)):
        done = subprocess.run([sys.executable, *more, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert (done.stderr == "") is silent, done.stderr


def test_a_table_is_aligned(capsys):
    console.table([("name", "size"), ("a", "10"), ("longer", "")])
    assert capsys.readouterr().out == "name    size\na       10\nlonger\n"


def test_progress_is_silent_where_nobody_watches(capsys):
    with console.progress_bar(3, "photo") as progress:
        progress(1.5, "aligning")
    assert capsys.readouterr() == ("", "")


def test_progress_shows_stage_and_count_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with console.progress_bar(3, "photo") as progress:
        for done in (0.0, 1.5, 3.0):
            progress(done, "aligning")
        trouble = capsys.readouterr().err
    assert "aligning" in trouble and "1 of 3 photos done" in trouble and "100%" in trouble
