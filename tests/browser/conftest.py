"""A real app in its own process, and a real Chromium in front of it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.driver import PATIENCE, App, HeldPipeline, RemovalTab, ScoringTab, SlowPipeline, Tab
from tests.ui.apps import free_port, launched, weights_of_both

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with both jobs."""
    return weights_of_both(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def app(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """``python app.py``."""
    folder = tmp_path_factory.mktemp("app")
    environment = {"GRADIO_TEMP_DIR": str(folder), "PHILTRUM_WEIGHTS": str(weights)}
    with launched("app.py", folder / "log", environment) as address:
        yield App(address, folder)


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
    pipeline = SlowPipeline()
    with _before(browser, pipeline) as (tab, page):
        yield tab, pipeline, page


@pytest.fixture
def held(browser: Browser) -> Iterator[tuple[Tab, HeldPipeline]]:
    """The page before a pipeline that answers when it is told to, whoever still waits for it."""
    pipeline = HeldPipeline()
    with _before(browser, pipeline) as (tab, _):
        yield tab, pipeline


@contextmanager
def _before(browser: Browser, pipeline: object) -> Iterator[tuple[Tab, gr.Blocks]]:
    from pipelines.jobs import CLEFT_INPAINTING
    from ui.server.engine import Engine
    from ui.shell import build, serving

    engine = Engine(pipelines={CLEFT_INPAINTING: pipeline})
    engine.ready.set()
    page = build(engine)
    try:
        page.launch(**serving("127.0.0.1", free_port(), False, None), prevent_thread_lock=True)
        with opened_page(browser, page.local_url, "light") as tab:
            expect(tab.page.get_by_role("button", name="Example:")).to_have_count(tab.examples)
            yield tab, page
    finally:
        page.close()


@pytest.fixture(params=["light"])
def tab(request: pytest.FixtureRequest, app: App, browser: Browser) -> Iterator[Tab]:
    """The app's page; at the end, it may not have logged an error or asked another machine for anything."""
    with opened_page(browser, app.address, request.param) as tab:
        tab.ready()
        yield tab


@pytest.fixture(params=["light"])
def removal(request: pytest.FixtureRequest, app: App, browser: Browser) -> Iterator[RemovalTab]:
    """The page with the tab of mask removal open."""
    with opened_page(browser, app.address, request.param) as tab:
        tab.ready()
        opened = RemovalTab(tab.page)
        opened.show()
        yield opened


@pytest.fixture(params=["light"])
def scoring(request: pytest.FixtureRequest, app: App, browser: Browser) -> Iterator[ScoringTab]:
    """The page with the tab of anomaly scoring open."""
    with opened_page(browser, app.address, request.param) as tab:
        tab.ready()
        opened = ScoringTab(tab.page)
        opened.show()
        yield opened


@contextmanager
def opened_page(browser: Browser, address: str, scheme: str) -> Iterator[Tab]:
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
