"""Nothing leaves the computer: no request makes the app look up a name or connect to another computer."""

import itertools
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import gradio as gr
import httpx
import pytest
from fastapi.routing import APIRoute, APIRouter

from pipelines.jobs import ANOMALY_SCORING, CLEFT_INPAINTING, MASK_REMOVAL
from tests.ui.apps import free_port
from ui.server.engine import Engine
from ui.shell import build, serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]

# A name, a host that gradio trusts, and the numbers of another computer; the last two need no look-up. 192.0.2.0/24 and
# 2001:db8::/32 are kept free for documents, so that nobody is met where the lock fails.
ADDRESSES = (
    "http://nowhere.invalid/photo.png",
    "https://huggingface.co/photo.png",
    "http://192.0.2.1/photo.png",
    "http://[2001:db8::1]/photo.png",
)
HERE = ("127.0.0.1", "localhost", "::1")

_SESSION = {"session_hash": "session"}  # one, for gradio copies the whole page for each


@pytest.fixture(scope="module")
def page() -> Iterator[gr.Blocks]:
    """The app's page, served, with jobs that do nothing."""
    engine = Engine(pipelines=dict.fromkeys((CLEFT_INPAINTING, MASK_REMOVAL, ANOMALY_SCORING), lambda *_, **__: None))
    engine.ready.set()
    page = build(engine)
    page.launch(**serving("127.0.0.1", free_port(), False, None), prevent_thread_lock=True)
    yield page
    page.close(verbose=False)


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list:
    """What somebody in this process tried to reach beyond it; nothing of it is let out."""
    tried, connect, look_up = [], socket.socket.connect, socket.getaddrinfo

    def watched_connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in HERE:
            tried.append(address)
            raise OSError("not in this test")
        return connect(self, address)

    def watched_look_up(host, *more, **named):
        if host not in HERE:
            tried.append(host)
            raise socket.gaierror("not in this test")
        return look_up(host, *more, **named)

    monkeypatch.setattr(socket.socket, "connect", watched_connect)
    monkeypatch.setattr(socket, "getaddrinfo", watched_look_up)
    return tried


@pytest.fixture
def client(page: gr.Blocks) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=page.local_url, timeout=20, trust_env=False) as client:
        yield client


def file_at(address: str) -> dict:
    """A file of an event's data that lies at an address."""
    return {"path": address, "url": address, "orig_name": "photo.png", "meta": {"_type": "gradio.FileData"}}


def routes_of(router: APIRouter) -> Iterator[APIRoute]:
    """All routes, those of routers that it includes among them."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif included := getattr(route, "original_router", None):
            yield from routes_of(included)


def asked(client: httpx.Client, method: str, path: str, **body) -> int:
    """The status of a request; of an answer that never ends only that is read."""
    with client.stream(method, path, **body) as answer:
        return answer.status_code


def event_of(client: httpx.Client, event: int, data: list, address: str) -> dict:
    """Puts an event into the queue as a page does, and waits for how it ends."""
    body = {"fn_index": event, **_SESSION, "data": data, "event_data": file_at(address)}
    joined = client.post("/gradio_api/queue/join", json=body)
    if joined.status_code != 200:
        return {"refused": joined.status_code}
    with client.stream("GET", "/gradio_api/queue/data", params=_SESSION) as lines:
        for line in lines.iter_lines():
            message = json.loads(line.removeprefix("data: ") or "{}")
            if message.get("msg") in ("process_completed", "unexpected_error"):
                return message
    raise AssertionError("the event did not end")


def test_the_watch_sees_what_is_tried(attempts):
    for reach in (lambda: httpx.get(ADDRESSES[0]), lambda: httpx.get(ADDRESSES[2])):
        with pytest.raises(httpx.ConnectError):
            reach()
    assert [str(tried) for tried in attempts] == ["nowhere.invalid", "192.0.2.1"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_at_an_address_is_forbidden(client, attempts, address, method):
    for path in (f"file={address}", f"file/{address}", f"file={quote(address, safe='')}"):
        if (method, path[:5]) != ("HEAD", "file/"):  # gradio knows no such request
            assert asked(client, method, f"/gradio_api/{path}") == 403
    assert asked(client, method, f"/gradio_api/proxy={address}") == 400
    assert attempts == []


@pytest.mark.parametrize(
    "path",
    [
        "ftp://192.0.2.1/a.png",
        "ws://192.0.2.1/a",
        "data:image/png;base64,AA==",
        "//192.0.2.1/a",
        "file:///etc/passwd",
        "HTTP://192.0.2.1/a.png",
        "http:/192.0.2.1/a.png",
    ],
)
def test_a_file_of_another_scheme_is_forbidden(client, attempts, path):
    for asked_for in (path, quote(path, safe="")):
        assert asked(client, "GET", f"/gradio_api/file={asked_for}") == 403
    assert attempts == []


def test_a_heartbeat_and_a_custom_component_fetch_nothing(client, attempts):
    assert asked(client, "GET", f"/gradio_api/heartbeat/{quote(ADDRESSES[0], safe='')}") in (200, 404)
    path = f"/gradio_api/custom_component/{quote(ADDRESSES[0], safe='')}/client/component/index.js"
    assert asked(client, "GET", path) == 404
    assert attempts == []


def test_no_event_fetches_its_files(page, client, attempts):
    """Every event of every tab, each of its inputs a file at an address; the addresses take turns."""
    turns, ended = itertools.cycle(ADDRESSES), {}
    for number, event in page.fns.items():
        ended[event.api_name] = event_of(client, number, [file_at(next(turns)) for _ in event.inputs], next(turns))
    assert len(ended) > 30 and attempts == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_job_fetches_its_photo(page, client, attempts, address):
    jobs = ("cleft_inpainting", "mask_removal", "anomaly_scoring")
    for number, event in page.fns.items():
        if event.api_name in jobs:
            end = event_of(client, number, [file_at(address)] * len(event.inputs), address)
            assert end["success"] is False
            assert end["output"]["error"].startswith("Nothing is fetched from an address; save the file")
    assert attempts == []


def test_no_call_fetches_its_files(page, client, attempts):
    """The same events by the other ways in: call, call/v2, and those that gradio keeps for old programs."""
    names = [(event.api_name, len(event.inputs)) for event in page.fns.values() if event.api_name]
    for name, count in names:
        for way in ("call", "call/v2", "run", "api"):
            body = {"data": [file_at(ADDRESSES[0])] * count, "photo": file_at(ADDRESSES[0]), **_SESSION}
            asked(client, "POST", f"/gradio_api/{way}/{name}", json=body)
    for name in ("cleft_inpainting", "mask_removal", "anomaly_scoring"):
        call = client.post(f"/gradio_api/call/v2/{name}", json={"photo": file_at(ADDRESSES[0])})
        end = client.get(f"/gradio_api/call/{name}/{call.json()['event_id']}").text
        assert "event: error" in end
    assert attempts == []


def test_no_route_reaches_out(page, client, attempts):
    """Every route that gradio has, with an address in each place of its path, its query and its body."""
    routes = list(routes_of(page.app.router))
    assert len(routes) > 60
    paths = {route.path for route in routes}
    assert {"/gradio_api/file={path_or_url:path}", "/gradio_api/upload", "/gradio_api/component_server"} <= paths
    address = ADDRESSES[0]
    body = {
        "data": [file_at(address)],
        "fn_name": "accept_blobs",
        "component_id": next(iter(page.blocks)),
        **_SESSION,
        "event_id": address,
        "fn_index": 0,
        "prompt": address,
        "code": address,
        "url": address,
    }
    for route in routes:
        filled = re.sub(r"{\w+:path}", address, route.path)
        filled = re.sub(r"{\w+}", quote(address, safe=""), filled)
        for method in route.methods:
            sent = {"json": body} if method == "POST" else {"params": {"deep_link": address, "url": address}}
            assert asked(client, method, filled, **sent) not in (500, 502), (method, filled)
    for more in ("mcp", "mcp/sse", "run-history/connect", "runs", "profiling/traces"):
        assert asked(client, "POST", f"/gradio_api/{more}", json=body) in (404, 405)
    assert attempts == []


def test_an_upload_is_taken_as_it_is(page, client, attempts):
    files = {"files": ("http://nowhere.invalid/photo.png", b"bytes", "image/png")}
    (path,) = client.post("/gradio_api/upload", files=files).json()
    assert Path(path).read_bytes() == b"bytes" and attempts == []
    answer = client.get(f"/gradio_api/file={path}")
    assert (answer.status_code, answer.content) == (200, b"bytes")


REACHES = """
import asyncio, socket, threading
from ui.server.outgoing import stay
server = socket.create_server(("127.0.0.1", 0))
stay()
for reach in (
    lambda: socket.getaddrinfo("nowhere.invalid", 80),
    lambda: socket.gethostbyname("nowhere.invalid"),
    lambda: socket.create_connection(("192.0.2.1", 80), 0.1),
    lambda: socket.socket().connect_ex(("192.0.2.1", 80)),
    lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80)),
    lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 53)),
    lambda: asyncio.run(asyncio.open_connection("nowhere.invalid", 80)),
):
    try:
        reach()
    except PermissionError:
        continue
    raise SystemExit("something got out")
for name in ("127.0.0.1", "localhost"):
    with socket.create_connection((name, server.getsockname()[1])):
        server.accept()[0].close()
left, right = socket.socketpair()
left.sendall(b"here")
socket.getaddrinfo("0.0.0.0", 0, flags=socket.AI_PASSIVE), socket.getaddrinfo(None, 0)
"""


def test_the_interpreter_lets_nothing_out():
    run = subprocess.run([sys.executable, "-c", REACHES], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")


def test_the_served_app_stays_here_and_ends_though_nobody_reads_what_it_says():
    code = (
        "import os, signal, socket, sys\n"
        "import app\n"
        "from ui.shell import serve\n"
        "class Page:\n"
        "    share_url, local_url = None, 'the address'\n"
        "    def launch(self, **_): pass\n"
        "class Engine:\n"
        "    def warm_up(self):\n"
        "        try: socket.getaddrinfo('nowhere.invalid', 80)\n"
        "        except PermissionError: sys.stderr.write('refused')\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "serve(Page(), Engine(), {}, app.announce)\n"
    )
    for stdout, said in ((subprocess.PIPE, "Philtrum: open the address (Ctrl+C ends it)\n"), (None, None)):
        reader, writer = (None, stdout) if stdout else socket.socketpair()
        if reader:
            reader.close()  # as a pipe whose reader has gone
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60
        )
        assert (run.returncode, run.stderr, run.stdout) == (0, "refused", said)
