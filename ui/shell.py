"""The page around the tabs, and how it is served."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from string import Template
from typing import Any

import gradio as gr

from pipelines.jobs import JOBS, resolve
from pipelines.languages.translation import _
from ui import CACHE, forget_cache
from ui.cases.bar import CaseBar
from ui.folders.tab import FolderTab
from ui.parts.editor import MAX_BYTES
from ui.parts.widgets import state_of, status_html
from ui.server.engine import Engine
from ui.server.outgoing import shut, stay
from ui.server.sessions import IDLE, Sessions
from ui.tabs.base import ResultTab
from ui.theme import ASSETS, HEAD, STYLE, template, theme

_TITLE = Template("""
<div class="app-title">
  <svg viewBox="0 0 128 128" aria-hidden="true">
    <path d="M17 70q28-28 39-19 8 9 16 0 11-9 39 19-16 30-47 30T17 70Z"/>
    <path class="lines" d="M56 20v17M71 20v17" /><path class="mouth" d="M25 71q25-5 39 1 14-6 39-1"/>
  </svg>
  <div><h1>Philtrum</h1><p>$said</p></div>
</div>
""").substitute(said=_("Face photos in craniofacial research, on this machine only"))

_LOOK = 2.0  # seconds between two looks at whether the app is busy

_LOADING = {"state": _("Loading the network …")}


def build(engine: Engine) -> gr.Blocks:
    """The page.

    Args:
        engine: runs the pipelines, a tab each; the page may be served before they are loaded.
    """
    shut()
    sessions = Sessions(CACHE)

    def status() -> Iterator[str]:
        if not engine.ready.is_set():
            yield status_html(_LOADING)
            engine.ready.wait()
        yield status_html(engine.status())

    def refresh(shown: str) -> Any:
        line = status_html(engine.status()) if engine.ready.is_set() else shown
        return gr.skip() if state_of(line) == state_of(shown) else line

    def close(request: gr.Request) -> None:
        sessions.close(request.session_hash)
        # Gradio keeps what it last sent to a page, the copy of the photo among it, until many more pages were opened.
        page.state_holder.session_data.pop(request.session_hash, None)

    with gr.Blocks(
        title="Philtrum",
        analytics_enabled=False,
        delete_cache=(600, int(IDLE)),
        fill_width=True,
    ) as page:
        with gr.Row(elem_classes="top"):
            gr.HTML(_TITLE, apply_default_css=False)
            line = gr.HTML(status_html(_LOADING), elem_classes="top-status", apply_default_css=False)
            gr.HTML(template("keys.html"), elem_classes="top-keys", apply_default_css=False)
            dark = gr.Button(_("Light or dark"), size="sm", elem_id="theme", scale=0, min_width=120)
        bar = CaseBar(sessions)
        bar.build()
        tabs = {name: resolve(JOBS[name].tab)(engine, sessions) for name in engine.jobs}
        folders = {name: FolderTab(name, engine, sessions) for name in engine.jobs}
        with gr.Tabs():
            for name, tab in tabs.items():
                with gr.Tab(_(JOBS[name].title), id=name):
                    _build_views(tab, folders[name], line)
        bar.connect([tab for tab in tabs.values() if isinstance(tab, ResultTab)], [*folders.values()])

        dark.click(None, None, None, js="() => window.philtrumTheme()", api_name="theme", api_visibility="private")
        page.load(
            status,
            None,
            line,
            api_name="status",
            api_visibility="private",
            show_progress="hidden",
            concurrency_limit=None,
        )
        gr.Timer(_LOOK).tick(
            refresh,
            line,
            line,
            queue=False,
            api_name="refresh_status",
            api_visibility="private",
            show_progress="hidden",
        )
        page.unload(close)
    page.queue(default_concurrency_limit=8, max_size=64)
    return page


def _build_views(tab: Any, folder: FolderTab, status: gr.HTML) -> None:
    """Lays out what a job has: one photo, a folder of them, and what is its own."""
    with gr.Tabs(elem_classes="inner-tabs"):
        with gr.Tab(_("One photo")):
            tab.build(status)
        with gr.Tab(_("Folder")):
            folder.build()
        for title, build_view in getattr(tab, "views", {}).items():
            with gr.Tab(title):
                build_view()


def serving(host: str, port: int, share: bool, auth: tuple[str, str] | None) -> dict[str, Any]:
    """Arguments of ``Blocks.launch``: loopback unless told otherwise, nothing kept, nothing logged, nothing fetched."""
    return {
        "server_name": host,
        "server_port": port,
        "share": share,
        "auth": auth,
        "theme": theme(),
        "css_paths": [STYLE],
        "head": HEAD,
        "quiet": True,
        "favicon_path": str(ASSETS / "favicon.png"),
        "footer_links": ["api"],
        "run_history": False,
        "show_error": True,
        "max_file_size": MAX_BYTES,
        "allowed_paths": [],
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "strict_cors": True,
        "state_session_capacity": 64,
    }


def serve(page: gr.Blocks, engine: Engine, launch: dict[str, Any], announce: Callable[[str], None]) -> None:
    """Serves the page until SIGINT or SIGTERM, loading the network behind it; then forgets everything and ends.

    Once it is served the process connects to no other computer. A public link is held by a program of its own.

    The process ends at once: open pages keep connections, and gradio would wait for them.

    Args:
        page: what :func:`build` made.
        engine: what it was made with.
        launch: arguments of ``Blocks.launch``.
        announce: is told the address once the page is served.
    """
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    page.launch(**launch, prevent_thread_lock=True)
    stay()
    announce(page.share_url or page.local_url or "")
    engine.warm_up()
    stop.wait()
    forget_cache()
    os._exit(0)
