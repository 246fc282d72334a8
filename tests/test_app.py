"""The command line of the app, and how the page is served."""

import subprocess
import sys
import threading
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

import app
import ui
from pipelines.errors import Cancelled, WeightsMissing
from pipelines.jobs import ANOMALY_SCORING, CLEFT_INPAINTING, MASK_REMOVAL
from pipelines.models import store
from tests.ui.apps import weights_of_both
from ui.parts.widgets import explain, measurements_html, status_html
from ui.server.engine import Engine, jobs_that_work, stoppable
from ui.shell import build, serving

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    jobs = (CLEFT_INPAINTING, MASK_REMOVAL, ANOMALY_SCORING)
    return build(Engine(pipelines=dict.fromkeys(jobs, lambda *arguments, **options: None)))


def test_defaults_are_this_machine_only():
    options = app.parse([])
    assert (options.host, options.port, options.device, options.precision) == ("127.0.0.1", 7860, "auto", "auto")
    assert options.auth is None and options.share == "off"


def test_password_is_read_from_a_file(tmp_path: Path):
    (tmp_path / "password").write_text("correct horse\n")
    assert app.parse(["--auth", f"ann:{tmp_path / 'password'}"]).auth == ("ann", "correct horse")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--auth", "ann"], "--auth needs USER:FILE"),
        (["--auth", "ann:/nowhere/at/all"], "the password file of --auth cannot be read."),
        (["--share", "on"], "give --auth USER:FILE with it."),
    ],
)
def test_wrong_arguments_end_with_a_sentence(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        app.parse(arguments)
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_empty_password_is_refused(tmp_path: Path, capsys):
    (tmp_path / "password").write_text("\n")
    with pytest.raises(SystemExit):
        app.parse(["--auth", f"ann:{tmp_path / 'password'}"])
    assert "is empty" in capsys.readouterr().err


def test_help_does_not_wait_for_gradio():
    code = "import sys; sys.modules['gradio'] = None; import app; app.parse(['--help'])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and "--precision" in run.stdout


@pytest.mark.slow
def test_page_is_built_without_torch_and_mediapipe():
    """They are loaded behind the page: that is why it is served at once."""
    code = (
        "import sys; from ui.server.engine import Engine; from ui.shell import build; build(Engine())\n"
        "print([name for name in ('torch', 'mediapipe', 'matplotlib.pyplot', 'skimage') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == "[]", run.stdout + run.stderr


def test_nothing_is_kept_or_sent(page: gr.Blocks):
    launch = serving("127.0.0.1", 7860, False, None)
    assert launch["run_history"] is False
    assert launch["allowed_paths"] == []
    assert launch["max_file_size"] <= 256 * 2**20
    assert launch["share"] is False
    assert page.delete_cache == (600, 3600)
    assert page.analytics_enabled is False
    assert page.config["analytics_enabled"] is False
    fonts = [*launch["theme"]._font, *launch["theme"]._font_mono]
    assert not [font for font in fonts if isinstance(font, gr.themes.GoogleFont | gr.themes.LocalFont)]
    assert Path(gr.utils.get_upload_folder()) == Path(ui.CACHE)


def test_every_event_has_its_own_name_and_one_a_job_is_public(page: gr.Blocks):
    events = [event for event in page.fns.values() if "unload" not in [name for _, name in event.targets]]
    assert len(events) > 10
    names = [event.api_name for event in events]
    assert all(names) and len(set(names)) == len(names)
    # Gradio makes names unique by numbers: none had to be, but those that it gives to its own part of cancelling.
    assert not [event.api_name for event in events if event.api_name[-1].isdigit() and not event.cancels]
    public = [event.api_name for event in events if event.api_visibility == "public"]
    assert public == ["cleft_inpainting", "mask_removal", "anomaly_scoring"]


def test_work_on_the_gpu_shares_one_queue_that_lets_those_in_who_are_told_to_wait(page: gr.Blocks):
    jobs = ("cleft_inpainting", "mask_removal", "anomaly_scoring")
    names = (*jobs, *[f"{job}_run" for job in jobs], "cohort_run")
    heavy = {event.api_name: event for event in page.fns.values() if event.api_name in names}
    assert len(heavy) == 7
    assert {(event.concurrency_id, event.concurrency_limit) for event in heavy.values()} == {("gpu", 16)}


def test_a_stopped_run_ends_at_its_next_report():
    stop, seen = threading.Event(), []
    report = stoppable(stop, lambda fraction, text: seen.append((fraction, text)))
    report(0.5, "network")
    stop.set()
    with pytest.raises(Cancelled):
        report(0.6, "compositing")
    assert seen == [(0.5, "network")]


def test_runs_wait_for_one_another_and_can_be_stopped_while_they_wait():
    begun, end, stop, waited = threading.Event(), threading.Event(), threading.Event(), threading.Event()

    def pipeline(photo, **options):
        begun.set()
        assert end.wait(30)
        return "first"

    engine = Engine(pipelines={CLEFT_INPAINTING: pipeline, MASK_REMOVAL: pipeline})
    first = threading.Thread(target=engine.run, args=(CLEFT_INPAINTING, np.zeros((2, 2, 3))))
    first.start()
    assert begun.wait(30)

    def progress(fraction, text):
        assert text.startswith("waiting for one other job, about ")
        waited.set()

    def second():
        with pytest.raises(Cancelled):
            engine.run(MASK_REMOVAL, np.zeros((2, 2, 3)), progress=stoppable(stop, progress))

    other = threading.Thread(target=second)
    other.start()
    assert waited.wait(30)
    stop.set()
    other.join(30)
    assert not other.is_alive()
    end.set()
    first.join(30)


@pytest.mark.slow
def test_a_job_without_weights_has_no_tab_and_no_end_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    assert jobs_that_work() == (CLEFT_INPAINTING, ANOMALY_SCORING)
    page = build(Engine())
    labels = [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)]
    views = ["One photo", "Folder"]
    assert labels == ["Cleft inpainting", *views, "Anomaly scoring", *views, "Cohort"]
    assert not [event for event in page.fns.values() if event.api_name and "mask_removal" in event.api_name]


def test_jobs_that_work_are_those_with_default_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(weights_of_both(tmp_path)))
    assert jobs_that_work() == (CLEFT_INPAINTING, MASK_REMOVAL, ANOMALY_SCORING)
    assert store.find(job="mask-removal").default, "the store sees it the same way"


def test_missing_weights_are_said_in_the_status_line():
    def pipeline(photo, **options):
        raise WeightsMissing("The weights are not on this machine.")

    engine = Engine(pipelines={CLEFT_INPAINTING: pipeline})
    engine.warm_up().join(60)
    assert engine.ready.is_set()
    assert engine.status()["state"] == "The weights are not on this machine."
    assert 'data-good="false"' in status_html(engine.status())


def test_unexpected_errors_are_logged_without_their_words(caplog: pytest.LogCaptureFixture):
    try:
        Path("/nowhere/Jane Doe.jpg").read_bytes()
    except OSError as error:
        sentence = explain(error)
    assert "FileNotFoundError" in sentence and "Jane" not in sentence
    assert "FileNotFoundError" in caplog.text and "Jane" not in caplog.text


def test_table_has_a_row_a_measurement_with_formula_and_unit(face):
    from pipelines.faces.measurements import measure

    before, after = measure(face.points), measure(face.points + np.eye(68, 2) * 3)
    table = measurements_html(before, after)
    assert table.count('<th scope="row">') == len(before)
    for each in before:
        assert each.unit in table
    assert "|31−33|" in table and "<td>ratio</td>" in table
    assert "<table" not in measurements_html()
