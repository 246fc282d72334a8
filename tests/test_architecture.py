"""The house is the one that docs/architecture.md draws, and imports run downward between its floors."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import results
from pipelines.jobs import JOBS
from tests.sources import ROOT, imported, imports_of_ours, module_name, source_files

DOCUMENT = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
MOST_MODULES = 9  # in a folder; commands/ holds one a command
RECIPES = ("train", "tune", "synthesis")


# --- floors ---------------------------------------------------------------------------------------------------------


def table(heading: str) -> list[list[str]]:
    """The cells of the document's table that begins with a heading."""
    rows = re.search(rf"^\| {re.escape(heading)}.*\n\| ---.*\n((?:\|.*\n)+)", DOCUMENT, re.M)
    assert rows, f"docs/architecture.md has no table that begins with {heading}"
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1].splitlines()]


def dotted(text: str) -> list[str]:
    return [name.replace("/", ".") for name in re.findall(r"`([^`]+)`", text)]


def floors() -> dict[str, tuple[int, ...]]:
    """Room -> its height; a room within a room has a height within it too."""
    houses = table("rooms, from the top")
    heights = {room: (len(houses) - row,) for row, (cell,) in enumerate(houses) for room in dotted(cell)}
    for name, inside in table("room | its floors"):
        (room,), stories = dotted(name), inside.split(";")
        for row, story in enumerate(stories):
            heights |= {f"{room}.{part}": (*heights[room], len(stories) - row) for part in dotted(story)}
    return heights


FLOORS = floors()


def room_of(module: str) -> str:
    """The smallest room of the tables that a module lies in; ``ui`` and ``pipelines`` hold only themselves."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        room = ".".join(parts[:length])
        if room in FLOORS and (length > 1 or len(parts) == 1):
            return room
    raise AssertionError(f"docs/architecture.md gives {module} no floor")


def allowed(module: str, name: str) -> bool:
    """Whether a module may import another: of its own room, or of one that lies lower."""
    upper, lower = room_of(module), room_of(name)
    return upper == lower or FLOORS[upper] > FLOORS[lower]


@pytest.mark.slow
def test_every_module_has_a_floor():
    for module in imports_of_ours():
        room_of(module)


def test_every_room_of_the_tables_exists():
    for room in FLOORS:
        path = ROOT / room.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), room


@pytest.mark.slow
def test_a_room_with_floors_of_its_own_gives_each_of_its_parts_one():
    for name, _ in table("room | its floors"):
        (room,) = dotted(name)
        parts = {module for module in imports_of_ours() if module.startswith(f"{room}.")}
        assert parts, room
        assert not [module for module in parts if room_of(module) == room], room


@pytest.mark.slow
def test_imports_run_downward_only():
    graph = imports_of_ours()
    assert sum(map(len, graph.values())) > 500
    wrong = [
        f"{module} imports {name}" for module, names in graph.items() for name in names if not allowed(module, name)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("pipelines.layers.view", "pipelines.exports.tables"),  # upward
        ("pipelines.faces.points", "pipelines.faces.images"),  # upward within a room
        ("pipelines.cleft_inpainting.pipeline", "pipelines.mask_removal.network"),  # a job from another
        ("pipelines.exports.tables", "pipelines.metrics.ssim"),  # sideways
        ("pipelines.commands.doctor", "ui.tabs.base"),
        ("ui.tabs.base", "pipelines.commands.console"),
        ("pipelines.models.store", "pipelines.faces.images"),
    ],
)
def test_imports_upward_and_sideways_are_told(module, name):
    assert not allowed(module, name)


# --- doors ----------------------------------------------------------------------------------------------------------


def doors() -> set[str]:
    """Every module that is a door."""
    every, *more = table("job | its doors")
    packages = {job.package for job in JOBS.values() if job.pipeline}
    found = {f"{package}.{door}" for package in packages for door in dotted(every[1])}
    return found | {f"{package}.{door}" for job, names in more for package in dotted(job) for door in dotted(names)}


def passed_doors(module: str, names: set[str]) -> set[str]:
    """What a module imports of jobs, but for their doors."""
    if module.split(".")[0] != "ui" and not module.startswith("pipelines.commands"):
        return set()
    packages = tuple(f"{job.package}." for job in JOBS.values() if job.pipeline)
    return {name for name in names if name.startswith(packages)} - doors()


def test_every_door_is_there():
    """A job need not have choices of its own."""
    modules = imports_of_ours()
    assert not [door for door in doors() - modules.keys() if not door.endswith(".choices")]


def test_page_and_commands_enter_jobs_by_their_doors():
    past = {module: passed_doors(module, names) for module, names in imports_of_ours().items()}
    assert not {module: names for module, names in past.items() if names}


@pytest.mark.parametrize("module", ["ui.tabs.base", "pipelines.commands.study"])
def test_whoever_passes_a_door_is_told(module):
    past = {"pipelines.cleft_inpainting.network", "pipelines.anomaly_scoring.study.statistics"}
    assert passed_doors(module, past | {"pipelines.cleft_inpainting.exports", "pipelines.models.store"}) == past
    assert not passed_doors("pipelines.mask_removal.pipeline", past)


def test_what_exports_have_in_common_names_no_job():
    own = {name for name in vars(results) if name.endswith("Result")} - {"RepaintResult", "PhotoResult"}
    assert len(own) >= 3
    own |= {name for job in JOBS.values() for name in (job.name, job.package.rpartition(".")[2])}
    for path in (ROOT / "pipelines/exports").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not [name for name in own if re.search(rf"\b{re.escape(name)}\b", text)], path.name


@pytest.mark.slow
def test_imports_make_no_circle():
    remaining = imports_of_ours()
    assert len(remaining) > 20
    while leaves := [module for module, names in remaining.items() if not names & remaining.keys()]:
        for module in leaves:
            del remaining[module]
    # Packages that re-export their own modules would stand here too: those imports are circles all the same.
    assert not remaining, sorted(remaining)


@pytest.mark.slow
def test_only_the_app_and_its_page_import_gradio():
    users = {module_name(path) for path in source_files() if any(n.split(".")[0] == "gradio" for n in imported(path))}
    assert users, "the app is made with gradio"
    assert all(name == "app" or name.split(".")[0] == "ui" for name in users), users


@pytest.mark.slow
def test_only_recipes_and_commands_import_training():
    for module, names in imports_of_ours().items():
        if any(name.startswith("pipelines.training") for name in names):
            parts = module.split(".")
            assert parts[1] in ("training", "commands") or parts[2] in RECIPES, f"{module} imports training"


@pytest.mark.slow
def test_training_and_networks_load_without_mediapipe_gradio_and_lpips():
    modules = [
        module_name(path)
        for path in source_files()
        if path.name in ("network.py", "train.py") or {"training", "layers"} & set(path.relative_to(ROOT).parts)
    ]
    assert "pipelines.cleft_inpainting.network" in modules
    assert "pipelines.cleft_inpainting.train" in modules
    # None in sys.modules makes an import fail as if the library were not there.
    code = (
        "import sys, importlib\n"
        "for name in ('mediapipe', 'gradio', 'lpips'): sys.modules[name] = None\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
def test_library_code_never_prints():
    for path in source_files():
        module = module_name(path)
        if module == "app" or module == "pipelines.__main__" or module.startswith("pipelines.commands"):
            continue
        calls = [
            node.lineno
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        ]
        assert not calls, f"{module} prints in lines {calls}"


# --- the house ------------------------------------------------------------------------------------------------------


def house() -> list[str]:
    """Every path that the document's tree draws, from the root."""
    tree = re.search(r"^```text\n(app\.py.*?)^```", DOCUMENT, re.S | re.M)[1]
    paths, above = [], []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        above[depth:] = [line.split()[0].rstrip("/")]
        paths.append("/".join(above))
    return paths


def test_the_house_in_the_document_is_the_house_on_disk():
    named = house()
    assert not [path for path in named if not (ROOT / path).exists()]
    folders = {str(path.parent.relative_to(ROOT)) for path in source_files() if path.name != "app.py"}
    loose = {f"pipelines/{path.name}" for path in (ROOT / "pipelines").glob("[!_]*.py")}
    assert not (folders | loose) - set(named), "docs/architecture.md does not name them"


def test_no_folder_is_a_heap():
    folders: dict[Path, list[str]] = {}
    for path in source_files():
        if path.stem not in ("__init__", "__main__"):
            folders.setdefault(path.parent, []).append(path.stem)
    assert len(folders) > 10
    assert not {
        folder: names for folder, names in folders.items() if len(names) > MOST_MODULES and folder.name != "commands"
    }


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef, source: list[str]) -> int:
    """Lines of a function with code on them: neither its docstring, nor comments, nor empty ones."""
    lines = set(range(function.lineno, function.end_lineno + 1))
    if ast.get_docstring(function) is not None:
        lines -= set(range(function.body[0].lineno, function.body[0].end_lineno + 1))
    return sum(bool(source[line - 1].strip()) and not source[line - 1].strip().startswith("#") for line in lines)


LONG = {"theme"}  # one call that lists colours
MOST_LINES = 60


def test_no_function_is_longer_than_a_screen():
    lengths = {}
    for path in [*source_files(), *(ROOT / "benchmarks").glob("*.py")]:
        source = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(ast.parse("\n".join(source))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths[f"{module_name(path)}.{node.name}"] = code_lines(node, source)
    assert len(lengths) > 500
    long = {name: lines for name, lines in lengths.items() if lines > MOST_LINES and name.split(".")[-1] not in LONG}
    assert not long


# --- tests ----------------------------------------------------------------------------------------------------------

_WHOLE = {"test_project", "test_architecture", "test_cases", "test_walk"}  # of the project, not of a module
_WHOLE |= {"test_lanes", "test_words", "test_docstrings", "test_distribution", "test_site", "test_languages"}


def test_tests_mirror_the_code():
    """``tests/ROOM/test_MODULE.py`` is of ``ROOM/MODULE.py``, and so is ``test_MODULE_MORE.py``."""
    found = 0
    for test in (ROOT / "tests").rglob("test_*.py"):
        room = test.parent.relative_to(ROOT / "tests")
        if room.parts[:1] == ("browser",) or (room == Path() and test.stem in _WHOLE):
            continue
        modules = {path.stem.strip("_") for path in (ROOT / room).glob("*.py")}
        name = test.stem.removeprefix("test_")
        assert any(name == module or name.startswith(f"{module}_") for module in modules), f"{test} tests no module"
        found += 1
    assert found > 100
