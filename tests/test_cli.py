"""The frame of the command line: help, versions, exit statuses, sentences."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

from pipelines import __main__ as cli
from pipelines import __version__
from pipelines.commands import console
from pipelines.errors import NoFaceFound

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def command(monkeypatch):
    """A command of which a test says what it does."""
    module = types.ModuleType("pipelines.commands.test_command")
    module.add_arguments = lambda parser: parser.add_argument("word", nargs="?")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(cli.COMMANDS, "try", ("test_command", "try something"))
    return module


def raising(error):
    def run(args):
        raise error

    return run


def test_help_names_every_command_and_the_limits(capsys):
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"    {name}" in said for name in cli.COMMANDS)
    assert "Research use only. Not a diagnostic device." in said


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(capsys, name):
    assert cli.main([name, "--help"]) == 0
    said, trouble = capsys.readouterr()
    assert said.startswith(f"usage: python -m pipelines {name}") and trouble == ""


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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no broken pipes of this kind")
def test_a_reader_that_closes_early_is_no_error():
    words = f"{sys.executable} -m pipelines weights list | true"
    done = subprocess.run(words, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr and "Error" not in done.stderr


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
