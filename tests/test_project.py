"""The promises of the project as a whole: pins, documents and the container stay true."""

import argparse
import importlib
import importlib.metadata
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest
import skimage.data
import yaml
from PIL import Image

import app
import pipelines
from pipelines.__main__ import commands
from pipelines.anomaly_scoring.scoring import scale
from pipelines.models import store
from tests import skips
from tests.sources import ROOT, imported, source_files
from ui.examples import masked_faces

MAX_FILE = 16 * 2**20
DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
MADE = {"site/"}
"""Paths that documents name and that a command makes."""

# Distributions whose module has another name. OpenCV is asked for twice: see requirements.txt.
MODULE_OF = {
    "opencv-python": "cv2",
    "opencv-contrib-python": "cv2",
    "pillow": "PIL",
    "scikit-image": "skimage",
    "lightning-fabric": "lightning_fabric",
    "gradio-client": "gradio_client",
}


# --- pins -----------------------------------------------------------------------------------------------------------


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file: str) -> dict[str, str]:
    """Distribution -> version of a requirements file; fails on any line that is not an exact pin."""
    found = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if not line or line.startswith("-r "):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][0-9A-Za-z.]*)", line)
        assert match, f"{file}: {line} is not an exact pin"
        found[normal(match[1])] = match[2]
    return found


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_a_reason_and_is_in_the_tree(file):
    tree = pins("constraints.txt")
    wanted = pins(file)
    assert wanted
    for name, version in wanted.items():
        assert tree.get(name) == version, f"{name} differs from constraints.txt"
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if "==" in line.split("#")[0]:
            assert len(line.partition("#")[2].strip()) > 10, f"{line} has no reason"


def test_constraints_hold_every_dependency_of_every_pin():
    """Walks the installed metadata: a distribution that the tree needs but does not pin would float."""
    tree = pins("constraints.txt")
    queue = [*pins("requirements.txt"), *pins("requirements-dev.txt")]
    seen = set()
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        assert name in tree, f"{name} is not in constraints.txt"
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform
        queue += [normal(re.match(r"[A-Za-z0-9._-]+", need)[0]) for need in needs if ";" not in need]
    assert len(seen) > 60


LICENCES = {
    "apache-2.0", "apache software license", "bsd", "bsd license", "bsd-2-clause", "bsd-3-clause",
    "3-clause bsd license", "isc", "isc license (iscl)", "mit", "mit-0", "mit-cmu", "mit license", "mpl-2.0",
    "mozilla public license 2.0 (mpl 2.0)", "psf-2.0", "python software foundation license",
}  # fmt: skip
"""What distributions may call their licence, in small letters: whoever follows them may use them beside MIT code."""

NVIDIA = {"licenseref-nvidia-proprietary", "nvidia proprietary software", "other/proprietary license"}
"""CUDA's libraries, which PyTorch's wheels ask for: free to use, their code is not."""

KNOWN = {
    "axe-playwright-python": "",  # the licence is a file: MIT, and MPL 2.0 of axe-core in it
    "cuda-toolkit": "",  # holds no file: it names NVIDIA's libraries
    "pi-heif": "gnu lesser general public license v3 (lgplv3)",  # libheif, in a file of its own that can be exchanged
}
"""Distribution -> what its metadata say, where a person has looked at it."""


def licences(metadata: Message) -> set[str]:
    """What a distribution says of its licence: as an expression, else as classifiers, else in words."""
    classifiers = [one.rpartition(" :: ")[2] for one in metadata.get_all("Classifier") or [] if one[:7] == "License"]
    words = (metadata.get("License") or "").strip().splitlines()[:1]
    stated = metadata.get("License-Expression") or classifiers or words
    if isinstance(stated, str):
        return {one.casefold() for one in re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", stated) if one}
    return {part.casefold() for one in stated for part in one.split(" AND ")}


def is_expected(name: str, stated: set[str]) -> bool:
    if name in KNOWN:
        return stated == {KNOWN[name]} - {""}
    return bool(stated) and stated <= (LICENCES | NVIDIA if name.startswith("nvidia-") else LICENCES)


def test_every_dependency_has_an_expected_licence():
    odd, seen = {}, 0
    for name in pins("constraints.txt"):
        try:
            stated = licences(importlib.metadata.metadata(name))
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform
        seen += 1
        if not is_expected(name, stated):
            odd[name] = stated
    assert odd == {} and seen > 60


@pytest.mark.parametrize(
    ("name", "lines", "expected"),
    [
        ("a", "", False),
        ("a", "License: UNKNOWN", False),
        ("a", "License-Expression: GPL-3.0-or-later", False),
        ("a", "License-Expression: MIT AND AGPL-3.0-only", False),
        ("a", "License: MIT\nClassifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", False),
        ("a", "Classifier: License :: Other/Proprietary License", False),
        ("a", "License: Free for academic use\n  and nothing else", False),
        ("nvidia-a", "License-Expression: LicenseRef-NVIDIA-Proprietary", True),
        ("nvidia-a", "", False),
        ("cuda-toolkit", "License-Expression: GPL-3.0-only", False),
        ("cuda-toolkit", "", True),
        ("a", "License-Expression: MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("a", "License: MPL-2.0 AND MIT", True),
        ("a", "License: a text of many words\nClassifier: License :: OSI Approved :: BSD License", True),
    ],
)
def test_a_licence_that_nobody_expects_or_none_is_noticed(name, lines, expected):
    assert is_expected(name, licences(message_from_string(f"Name: {name}\n{lines}\n"))) is expected


def test_every_advisory_that_is_passed_over_has_a_reason_and_the_pin_that_we_have():
    lines = (ROOT / ".ci/advisories.txt").read_text(encoding="utf-8").splitlines()
    kept = [line.split(maxsplit=2) for line in lines if not line.startswith("#")]
    forced = {normal(re.match(r"[\w.-]+", need)[0]) for need in importlib.metadata.requires("mediapipe")}
    forced |= {"mediapipe", "opencv-python"}  # which must be of one release with opencv-contrib-python
    for advisory, pin, reason in kept:
        name, _, version = pin.partition("==")
        assert re.fullmatch(r"(CVE|GHSA|PYSEC)-[\w-]+", advisory) and len(reason) > 60
        assert pins("constraints.txt")[name] == version, f"look again whether {advisory} still applies to {name}"
        assert name in forced, f"{name} can be upgraded"
    plan = make("--dry-run", "audit").stdout
    assert "--strict" in plan, "a pin of which nothing is known is not a pin without advisories"
    assert re.findall(r"--ignore-vuln (\S+)", plan) == sorted({advisory for advisory, _, _ in kept})


def _browser_of_benchmarks() -> set[str]:
    """What drives Chromium in the one benchmark of the page: it is of requirements-dev.txt, as the page's tests are."""
    users = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "playwright.sync_api" in imported(path)}
    assert users == {"folders"} and "playwright" in pins("requirements-dev.txt")
    return {"playwright"}


@pytest.mark.slow
def test_requirements_are_what_the_code_imports():
    files = [*source_files(), *(ROOT / "benchmarks").rglob("*.py")]
    modules = {name for path in files for name in imported(path)}
    foreign = {name.split(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"app", "ui", "pipelines", ""}
    foreign -= {"_typeshed"}  # what type checkers bring; it is no module at run time
    foreign -= {"benchmarks"} | {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    if "torch.utils.tensorboard" in modules:
        foreign.add("tensorboard")  # torch imports it for us
    listed = {MODULE_OF.get(name, name.replace("-", "_")) for name in pins("requirements.txt")}
    foreign -= _browser_of_benchmarks()
    assert foreign - listed == set(), "imported, but not in requirements.txt"
    assert listed - foreign == set(), "in requirements.txt, but never imported"


# --- documents ------------------------------------------------------------------------------------------------------


def read_document(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def paths_named_in(text: str) -> set[str]:
    """Paths of the repository that a document names: links, and words in backticks that look like a file or folder."""
    fenced = re.compile(r"^```.*?^```", re.S | re.M)
    found = {target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target}
    for word in re.findall(r"`([^`\s]+)`", fenced.sub("", text)):
        if re.fullmatch(r"\.?[a-z][\w.-]*/([\w.-]+/)*([\w.-]+\.\w+)?", word) or re.fullmatch(
            r"[\w-]+\.(py|md|toml|txt)", word
        ):
            found.add(word)
    return found - {""}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document):
    path = ROOT / document
    named = paths_named_in(read_document(document)) - MADE
    assert named
    # A link is relative to its document, a path in backticks to the repository; a bare name may stand in any folder.
    anywhere = {file.name for file in git_files()}
    missing = [
        name
        for name in named
        if not (ROOT / name).exists() and not (path.parent / name).exists() and name not in anywhere
    ]
    assert not missing, missing


def test_the_newest_changes_are_of_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", text, re.M)[0] == pipelines.__version__


def test_the_citation_names_us_and_the_five_papers():
    about = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert about["cff-version"] == "1.2.0" and about["title"] == "Philtrum" and about["authors"]
    assert "version" not in about, "the version stands in pipelines/__init__.py"
    papers = about["references"]
    assert len({paper["title"] for paper in papers}) == 5
    for paper in papers:
        assert paper["type"] == "article" and all(author["family-names"] for author in paper["authors"])


def test_readme_names_both_commands():
    text = read_document("README.md")
    for command in ("make run", "make test"):
        assert re.search(rf"^{command}\b", text, re.M), f"README.md does not show '{command}' as a command"


def test_readme_is_short_and_leads_to_every_document():
    lines = read_document("README.md").splitlines()
    assert len(lines) < 200 and max(map(len, lines)) <= 120
    assert paths_named_in("\n".join(lines)) >= {name for name in DOCUMENTS if name.startswith("docs/")} - {
        "docs/index.md"
    }


def fences(language: str, document: str) -> list[str]:
    """A document's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", read_document(document), re.S | re.M)


@pytest.mark.slow
def test_every_command_line_in_a_document_is_understood():
    blocks = [block.replace("\\\n", " ") for document in DOCUMENTS for block in fences("sh", document)]
    lines = [line for block in blocks for line in block.splitlines()]
    shown = [shlex.split(line.partition(" -m pipelines ")[2]) for line in lines if " -m pipelines " in line]
    assert {words[0] for words in shown} == set(commands()), "each command has an example"
    for command, *words in shown:
        parser = argparse.ArgumentParser(prog=command)
        importlib.import_module(commands()[command][0]).add_arguments(parser)
        parser.parse_args(words)  # leaves with SystemExit where it does not understand


def test_every_option_of_the_app_in_a_document_is_understood():
    options = [
        words for document in DOCUMENTS for words in re.findall(r'make run ARGS="([^"]*)"', read_document(document))
    ]
    assert options
    for words in options:
        app.parse(shlex.split(words))


EXAMPLES = [(document, block) for document in DOCUMENTS for block in fences("python", document)]
"""Every example of Python code: its document, and the code."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """A folder with the photos that the examples name, all of one size."""
    folder = tmp_path_factory.mktemp("photos")
    for name, picture in (
        ("photo", skimage.data.astronaut()),
        ("masked", masked_faces.masked("blue")),
        ("reference", masked_faces.reference("blue")),
        ("before", skimage.data.astronaut()),
        ("after", skimage.data.astronaut()),
    ):
        Image.fromarray(picture).save(folder / f"{name}.jpg", quality=95)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("document", "example"), [one for one in EXAMPLES if "gradio_client" not in one[1]])
def test_every_python_example_runs(document, example, photos, astronaut, monkeypatch, capsys):
    monkeypatch.chdir(photos)
    exec(compile(example, document, "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) >= example.count("print(")
    for name in re.findall(r'write_png\("([^"]+)"', example):
        with Image.open(photos / name) as written:
            assert written.size == astronaut.shape[1::-1]


def test_the_documents_have_an_example_of_every_job_and_of_the_client():
    shown = [example for _, example in EXAMPLES]
    for name in ("CleftInpainting(", "MaskRemoval(", "AnomalyScoring("):
        assert any(name in example for example in shown), name
    (client,) = [example for example in shown if "gradio_client" in example]
    compile(client, "docs/python.md", "exec")
    assert 'api_name="/cleft_inpainting"' in client


def test_every_section_of_the_methods_that_the_code_cites_exists():
    sections = [title.casefold() for title in re.findall(r"^## (.+)$", read_document("docs/methods.md"), re.M)]
    cited = [
        section
        for path in source_files()
        for section in re.findall(r"docs/methods\.md, ([a-z ]+)", " ".join(path.read_text(encoding="utf-8").split()))
    ]
    assert len(cited) >= 8
    assert not [section for section in cited if not section.startswith(tuple(sections))]


PROMISES = ("not a diagnostic device", "research use only", "the code is under the MIT licence", "nothing leaves")


def promises_not_in(text: str) -> list[str]:
    words = " ".join(text.replace("*", "").split()).casefold()
    return [promise for promise in PROMISES if not re.search(rf"\b{promise.casefold()}\b", words)]


def test_readme_states_the_limits_and_the_licences():
    text = read_document("README.md")
    assert promises_not_in(text) == []
    for promise in PROMISES:
        assert promises_not_in(re.sub(promise.replace(" ", r"[\s*]+"), "", text, flags=re.I)) == [promise]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License\n")


# --- files and tools ------------------------------------------------------------------------------------------------


def git_files() -> list[Path]:
    """Files that git has, or would have at the next commit."""
    run = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in run.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_files_are_small():
    sizes = {path: path.stat().st_size for path in git_files()}
    assert len(sizes) > 20
    assert not [str(path) for path, size in sizes.items() if size > MAX_FILE]
    assert sum(sizes.values()) < 60 * 2**20


def make(*words: str) -> subprocess.CompletedProcess:
    # Options of an outer make (this test runs under `make test`) would change what is asked here.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def test_make_run_hands_its_arguments_to_the_app():
    run = make("--dry-run", "run", "ARGS=--port 7861")
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip().splitlines()[-1].endswith("app.py --port 7861")


def test_make_run_installs_only_what_the_app_needs(tmp_path):
    plan = make("--dry-run", "run", f"VENV={tmp_path / 'venv'}").stdout
    assert "-c constraints.txt -r requirements.txt" in plan
    assert "requirements-dev.txt" not in plan
    assert "-c constraints.txt -r requirements-dev.txt" in make("--dry-run", "test", f"VENV={tmp_path / 'venv'}").stdout


def test_missing_chromium_is_one_sentence():
    run = make("chromium", "CHROMIUM=")
    assert run.returncode == 2
    assert run.stderr.splitlines()[0].startswith("The browser tests need Chromium: install it")


def test_old_python_is_one_sentence(tmp_path):
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    run = make("run", f"VENV={tmp_path / 'venv'}", f"PYTHON={old}")
    assert run.returncode == 2
    assert run.stderr.splitlines()[0].startswith("Philtrum needs Python 3.11 or 3.12")
    assert not (tmp_path / "venv").exists()


def test_continuous_integration_checks_and_tests():
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert re.findall(r"^make (\w+) </dev/null$", text, re.M) == ["check", "test"]
    assert re.search(rf"^export .*\b{skips.VARIABLE}=1$", text, re.M)


# --- container ------------------------------------------------------------------------------------------------------


def container_steps() -> list[tuple[str, str]]:
    """(instruction, rest) of each step of the Dockerfile, comments left out, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def test_container_base_user_port_and_health_check():
    steps = container_steps()
    words = [word for word, _ in steps]
    rest = dict(steps)
    assert re.fullmatch(r"nvidia/cuda:13\.0\.\d+-(base|runtime)-ubuntu\d\d\.04", rest["FROM"])
    assert words.count("USER") == 1 and int(rest["USER"]) > 0
    # Nothing is installed or copied once root is given up, and the app starts after it.
    assert words.index("USER") > max(i for i, word in enumerate(words) if word in ("RUN", "COPY"))
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert rest["EXPOSE"] == "7860"
    assert "http://127.0.0.1:7860/" in rest["HEALTHCHECK"]
    assert '"--host", "0.0.0.0"' in rest["ENTRYPOINT"]


def test_container_copies_what_exists_and_what_the_builder_is_sent():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:].split("/")[0] for line in lines if line.startswith("!")}
    copied = [source for word, rest in container_steps() if word == "COPY" for source in shlex.split(rest)[:-1]]
    assert {"app.py", "pipelines", "ui", "weights"} <= set(copied)
    assert not [source for source in copied if not (ROOT / source).exists()]
    assert set(copied) == allowed


def sent_to_the_builder(paths: Iterable[str], lines: Iterable[str]) -> set[str]:
    """Those of the paths that an ignore file lets through: the last pattern that fits one, or a folder above, says."""
    meanings = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    patterns = []
    for line in lines:
        if line and not line.startswith("#"):
            pieces = re.split(r"(\*\*/|\*|\?|\[[^]]*\])", line.removeprefix("!"))
            known = [meanings.get(piece) or (piece if piece[:1] == "[" else re.escape(piece)) for piece in pieces]
            patterns.append((re.compile("".join(known)), line.startswith("!")))
    found = set()
    for path in paths:
        parts, sent = path.split("/"), True
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        for pattern, lets_through in patterns:
            if any(map(pattern.fullmatch, above)):
                sent = lets_through
        found |= {path} if sent else set()
    return found


def in_the_image(paths: Iterable[str], lines: Iterable[str]) -> set[str]:
    """Those of the paths that the Dockerfile copies."""
    copied = [source for word, rest in container_steps() if word == "COPY" for source in shlex.split(rest)[:-1]]
    return {path for path in sent_to_the_builder(paths, lines) if path in copied or path.split("/")[0] in copied}


@pytest.fixture
def ignored() -> list[str]:
    return (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_container_holds_all_that_the_app_needs_and_nothing_else(ignored):
    """The files that git tracks, as a fresh clone has them."""
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {name for name in run.stdout.split("\0") if name}
    image = in_the_image(tracked, ignored)
    own = {"app.py", "README.md", "LICENSE", "requirements.txt", "constraints.txt"}
    needed = {name for name in tracked if name in own or name.startswith(("assets/", "pipelines/", "ui/", "weights/"))}
    named = {f"weights/{file.name}" for entry in store.entries().values() for file in entry.files if not file.url}
    assert named | {f"weights/{scale.FILE}", "weights/manifest.toml", "assets/style.css"} <= needed
    assert image == needed
    without = [line for line in ignored if scale.FILE not in line]
    assert needed - in_the_image(tracked, without) == {f"weights/{scale.FILE}"}, "the test sees what is left out"


def test_container_holds_nothing_of_a_persons_own(ignored):
    own = (
        "photo.jpg", "photos/anna.jpg", "runs/mine/weights.safetensors", "weights/vgg19-a.pth", "weights/own.json",
        ".venv/lib/a.py", ".git/config", "pipelines/__pycache__/a.pyc", "ui/a.pyc", "tests/test_a.py", "shared/a.tar",
    )  # fmt: skip
    assert in_the_image(own, ignored) == set()
    assert sent_to_the_builder(["a/b.py", "b.py", "c/d/b.pyo"], ["**/*.py[cod]", "a"]) == {"b.py"}


def test_container_is_offline():
    environment = " ".join(rest for word, rest in container_steps() if word == "ENV")
    for setting in ("GRADIO_ANALYTICS_ENABLED=False", "HF_HUB_OFFLINE=1", "GRADIO_TEMP_DIR=/tmp/"):
        assert setting in environment
