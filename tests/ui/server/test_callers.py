"""A program that is gone: its run ends, and the next one's turn comes."""

import http.client
import json
import threading
import time
from urllib.parse import urlsplit

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file

from pipelines.errors import Cancelled
from pipelines.faces.images import write_png
from pipelines.jobs import CLEFT_INPAINTING
from tests.ui.apps import free_port
from ui.server.engine import Engine
from ui.shell import build, serving

pytestmark = pytest.mark.slow


class Endless:
    """A pipeline that works for a minute unless it is stopped."""

    def __init__(self) -> None:
        self.started, self.stopped = threading.Event(), threading.Event()

    def __call__(self, photo, *, progress, **options):
        try:
            for step in range(600):
                self.started.set()
                progress(step / 600, "repainting")
                time.sleep(0.1)
        except Cancelled:
            self.stopped.set()
            raise


@pytest.fixture
def serves():
    pipeline = Endless()
    engine = Engine(pipelines={CLEFT_INPAINTING: pipeline})
    engine.ready.set()
    page: gr.Blocks = build(engine)
    page.launch(**serving("127.0.0.1", free_port(), False, None), prevent_thread_lock=True)
    yield page.local_url, pipeline, engine
    page.close()


def test_run_of_a_client_that_closes_ends(serves, astronaut: np.ndarray, tmp_path):
    address, pipeline, engine = serves
    write_png(tmp_path / "photo.png", astronaut)
    client = Client(address, verbose=False)
    client.submit(photo=handle_file(str(tmp_path / "photo.png")), api_name="/cleft_inpainting")
    assert pipeline.started.wait(30)
    assert engine.status()["state"] == "Busy: one job runs"
    client.close()
    assert pipeline.stopped.wait(15)


def test_run_of_a_plain_program_whose_connection_breaks_ends(serves, astronaut: np.ndarray, tmp_path):
    address, pipeline, _ = serves
    write_png(tmp_path / "photo.png", astronaut)
    host = urlsplit(address).netloc
    boundary = "x" * 20
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="photo.png"\r\n\r\n'.encode()
        + (tmp_path / "photo.png").read_bytes()
        + f"\r\n--{boundary}--\r\n".encode()
    )
    link = http.client.HTTPConnection(host)
    link.request("POST", "/gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    (path,) = json.loads(link.getresponse().read())
    given = [{"path": path, "meta": {"_type": "gradio.FileData"}}, None, "lips-to-nose", 0, 0.0, 4.0, 0, None]
    link.request(
        "POST", "/gradio_api/call/cleft_inpainting", json.dumps({"data": given}), {"Content-Type": "application/json"}
    )
    event = json.loads(link.getresponse().read())["event_id"]
    link.request("GET", f"/gradio_api/call/cleft_inpainting/{event}")
    answer = link.getresponse()
    assert pipeline.started.wait(30)
    assert not pipeline.stopped.wait(1), "it is waited for"
    answer.close()
    link.close()
    assert pipeline.stopped.wait(15)
