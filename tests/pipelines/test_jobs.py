"""The table of jobs: every row holds what it says, and a row is all that a new job needs."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file

from pipelines import jobs
from pipelines.__main__ import main
from pipelines.exports import bundles
from pipelines.exports.interface import exports_of
from pipelines.faces.images import read_image, write_png
from pipelines.jobs import JOBS, Job, Network, SelfTest
from pipelines.models import loading, registering, store
from tests.sources import ROOT
from tests.ui.apps import free_port

pytestmark = pytest.mark.slow

GAIN = Network(key="gain", built_by="toy_job.network:Gain", weights="brightening", check="toy_job.network:check")

TOY = Job(
    name="brightening",
    package="toy_job",
    networks=(GAIN,),
    title="Brightening",
    help="make a photo brighter",
    command="toy_job.command",
    pipeline="toy_job.pipeline:Brightening",
    exports="toy_job.exports",
    tab="toy_job.tab:BrighteningTab",
    recipe="toy_job.train",
    weights="brightening",
    self_test=SelfTest(photo="pipelines.commands.drawn_face:drawn_face", done="a drawn face, brightened"),
)
"""The row: all that is told to the house."""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A job in a folder of its own, registered, with weights that double light; gives the weights folder."""
    shutil.copytree(Path(__file__).with_name("toy_job"), tmp_path / "code" / "toy_job")
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    known = dict(JOBS)
    jobs.register(TOY)
    loading.clear()
    state = jobs.resolve("toy_job.network:Gain")(2.0).state_dict()
    registering.save("bright", state, job="brightening", network="gain", licence="none", default=True)
    yield tmp_path / "weights"
    JOBS.clear()
    JOBS.update(known)
    loading.clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "toy_job"]:
        del sys.modules[name]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photos" / "anna.png"
    path.parent.mkdir()
    write_png(path, np.full((48, 40, 3), (10, 60, 200), np.uint8))
    return path


BRIGHT = (20, 120, 255)
"""What the photo's colour becomes."""


# --- a new job ------------------------------------------------------------------------------------------------------


def test_a_new_job_runs_as_a_pipeline(toy, photo):
    result = jobs.resolve(TOY.pipeline)(device="cpu")(read_image(photo))
    assert (result.image == BRIGHT).all() and result.weights[0].name == "bright"


def test_a_new_job_has_a_command(toy, photo, tmp_path, capsys):
    assert main(["--help"]) == 0
    assert re.search(r"^ +brightening +make a photo brighter$", capsys.readouterr().out, re.M)
    out = tmp_path / "out"
    assert main(["brightening", str(photo.parent), "--out", str(out), "--case", "P01", "--device", "cpu"]) == 0
    assert {path.name for path in out.iterdir()} == {
        f"P01-{name}" for name in ("anna.png", "anna.json", "anna.light.png", "summary.csv")
    }
    assert (read_image(out / "P01-anna.png") == BRIGHT).all()
    assert json.loads((out / "P01-anna.json").read_text())["case"] == "P01"


def test_a_new_job_is_in_every_list_of_the_command_line(toy, capsys):
    assert main(["train", "brightening", "--steps", "3"]) == 0
    assert "brightening, step 3" in capsys.readouterr().err
    source, about = str(toy / "bright.safetensors"), ("--licence", "none", "--network", "gain")
    assert main(["weights", "import", source, "again", *about]) == 0
    assert store.find("again").job == "brightening"
    assert main(["weights", "import", source, "dark", *about, "--architecture", "start=0.5"]) == 2
    assert "makes photos darker" in capsys.readouterr().err and "dark" not in store.entries()
    main(["doctor", "--device", "cpu"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "self-test, brightening" in line]
    assert line.startswith("ok") and "a drawn face, brightened in " in line


def test_results_of_a_new_job_become_files(toy, photo, tmp_path):
    result = jobs.resolve(TOY.pipeline)(device="cpu")(read_image(photo))
    exports = exports_of("brightening")
    assert list(bundles.write(exports, result, tmp_path / "files", "a")) == list(exports.ENDINGS)
    with zipfile.ZipFile(BytesIO(bundles.bundle(exports, result))) as archive:
        assert archive.namelist() == ["bright.png", "numbers.json", "report.pdf", "stages/light.png"]
        assert archive.read("report.pdf").startswith(b"%PDF")


def test_a_new_job_has_a_tab_and_an_end_point(toy, photo, tmp_path):
    from ui.server.engine import Engine
    from ui.shell import build, serving

    engine = Engine("cpu")
    assert engine.jobs == (jobs.CLEFT_INPAINTING, jobs.ANOMALY_SCORING, "brightening")
    page = build(engine)
    assert "Brightening" in [block.label for block in page.blocks.values() if block.get_block_name() == "tabitem"]
    page.launch(**serving("127.0.0.1", free_port(), False, None), prevent_thread_lock=True)
    client = Client(page.local_url, verbose=False, download_files=str(tmp_path / "downloads"))
    try:
        numbers, path = client.predict(photo=handle_file(str(photo)), case="P01", api_name="/brightening")
    finally:
        client.close()
        page.close()
    assert numbers["job"] == "brightening" and numbers["case"] == "P01"
    with zipfile.ZipFile(path) as archive:
        assert (read_image(archive.read("P01-bright.png")) == BRIGHT).all()


def test_a_new_job_has_a_folder_view(toy, photo, tmp_path):
    from ui import CACHE
    from ui.folders.tab import FolderTab
    from ui.server.engine import Engine
    from ui.server.sessions import Sessions

    tab, page = (
        FolderTab("brightening", Engine("cpu"), Sessions(tmp_path / "sessions")),
        SimpleNamespace(session_hash="a"),
    )
    with gr.Blocks():
        tab.build()
    (given := Path(CACHE, tmp_path.name)).mkdir()
    path = shutil.copy(photo, given)
    tab.take_files("photo", page, [str(path)], ["anna.png"], 0)
    tab.begin(page)
    told = list(tab.work_on(page, 0))
    assert [row["state"] for row in told[-1][0].props["rows"]] == ["done"]
    zipped, _ = tab.make_files(page, 0)
    with zipfile.ZipFile(zipped.value["path"]) as archive:
        assert archive.namelist() == ["summary.csv", "anna.png", "anna.json"]
        assert (read_image(archive.read("anna.png")) == BRIGHT).all()


def test_a_new_job_without_weights_has_no_tab(toy):
    from ui.server.engine import jobs_that_work

    (toy / "manifest.toml").unlink()
    assert jobs_that_work() == (jobs.CLEFT_INPAINTING, jobs.ANOMALY_SCORING)


# --- the table ------------------------------------------------------------------------------------------------------


def texts_of(value: Any) -> Iterator[str]:
    """Every text within a row, however deep."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from texts_of(getattr(value, each.name))
    elif isinstance(value, Mapping):
        yield from texts_of(tuple(value.values()))
    elif isinstance(value, tuple):
        for each in value:
            yield from texts_of(each)


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_every_text_of_a_row_names_something(job):
    texts = [text for text in texts_of(job) if re.fullmatch(r"(pipelines|ui)(\.\w+)+(:\w+)?", text)]
    assert len([jobs.resolve(text) for text in texts]) >= 3, "package, network, and what builds or reads or runs it"
    assert Path(ROOT, *job.package.split(".")).is_dir() and job.title


@pytest.mark.parametrize("job", [job for job in JOBS.values() if job.exports], ids=lambda job: job.name)
def test_every_jobs_exports_have_the_whole_interface(job):
    exports = exports_of(job.name)
    assert len(exports.ENDINGS) >= 2 and isinstance(exports.STAGES, tuple)
    assert exports.TABLE.file.endswith(".csv") and exports.TABLE.columns
    for name in ("facts", "files", "contents", "row", "page", "stage_pictures"):
        assert callable(getattr(exports, name)), name


def test_the_table_loads_nothing():
    code = "import sys, pipelines.jobs; print([name for name in sys.modules if name in ('torch', 'numpy', 'gradio')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_name_and_a_network_belong_to_one_job():
    known = dict(JOBS)
    for job, sentence in (
        (replace(TOY, name="mask-removal"), "a job called mask-removal already"),
        (replace(TOY, networks=(replace(GAIN, key="inclg"),)), "has the network inclg"),
    ):
        with pytest.raises(ValueError, match=sentence):
            jobs.register(job)
    assert known == JOBS


def test_what_a_row_leaves_out_is_told():
    with pytest.raises(ValueError, match="no such part"):
        exports_of(jobs.STYLEGAN2)
    with pytest.raises(KeyError):
        exports_of("nothing")


def test_runs_that_take_minutes():
    scoring = JOBS[jobs.ANOMALY_SCORING]
    assert scoring.is_slow({"normalizer": "stylegan2", "region": "face"})
    assert not scoring.is_slow({"normalizer": "inpainting"}) and not scoring.is_slow({})
    assert not JOBS[jobs.CLEFT_INPAINTING].is_slow({"normalizer": "stylegan2"})
