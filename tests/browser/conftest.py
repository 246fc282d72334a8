"""A real app in its own process, and a real Chromium in front of it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
import pytest
from driver import PATIENCE, App, SlowPipeline, Tab
from playwright.sync_api import Browser, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """``python app.py``."""
    folder = tmp_path_factory.mktemp("app")
    port = free_port()
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "app.py", "--port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address, process)
            yield App(address, folder)
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(address: str, process: subprocess.Popen) -> None:
    for _ in range(600):
        assert process.poll() is None, "the app ended before it served"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the app did not serve")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert path, "the browser tests need Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def slow(browser: Browser) -> Iterator[tuple[Tab, SlowPipeline, gr.Blocks]]:
    """The page before a pipeline that takes a minute."""
    from ui.engine import Engine
    from ui.shell import build, serving

    pipeline = SlowPipeline()
    engine = Engine(pipeline=pipeline)
    engine.ready.set()
    page = build(engine)
    try:
        page.launch(**serving("127.0.0.1", free_port(), False, None), prevent_thread_lock=True)
        with _tab(browser, page.local_url, "light") as tab:
            expect(tab.page.get_by_role("button", name="Example:")).to_have_count(3)
            yield tab, pipeline, page
    finally:
        page.close()


@pytest.fixture(params=["light"])
def tab(request: pytest.FixtureRequest, app: App, browser: Browser) -> Iterator[Tab]:
    """The app's page; at the end, it may not have logged an error or asked another machine for anything."""
    with _tab(browser, app.address, request.param) as tab:
        tab.ready()
        yield tab


@contextmanager
def _tab(browser: Browser, address: str, scheme: str) -> Iterator[Tab]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 720}, color_scheme=scheme, permissions=["camera"], accept_downloads=True
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors, foreign = [], []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda asked: foreign.append(asked.url) if not _is_local(asked.url) else None)
    page.on("websocket", lambda opened: foreign.append(opened.url) if not _is_local(opened.url) else None)
    page.goto(address)
    yield Tab(page)
    context.close()
    assert errors == []
    assert foreign == []


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.hostname in _LOOPBACK
