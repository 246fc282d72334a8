"""The weights store: manifest, checks, cache, downloads."""

import argparse
import hashlib
import json
import shlex
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from pipelines.cleft_inpainting import train as cleft_inpainting
from pipelines.errors import WeightsCorrupt, WeightsMissing, WeightsUnknown
from pipelines.jobs import networks
from pipelines.mask_removal import train as mask_removal
from pipelines.models import manifest, store
from pipelines.training.command import add_arguments, options_of
from tests.pipelines.models.tiny import saved

ROOT = Path(__file__).resolve().parents[3]


# --- the manifest of the repository -------------------------------------------------------------------------------


def test_the_repositorys_manifest_is_whole():
    tables = manifest.read_tables(ROOT / "weights/manifest.toml")
    entries = [manifest.parse(name, table) for name, table in tables.items()]
    for entry in entries:
        assert entry.licence and entry.data
        if entry.kind == "network":
            assert entry.network in networks()
            assert entry.command and entry.figures
    loss_networks = {entry.name: entry.files[0] for entry in entries if entry.kind == "loss-network"}
    assert {"vgg19", "vgg16", "alexnet", "squeezenet1_1"} <= loss_networks.keys()
    for file in loss_networks.values():
        assert file.url.startswith("https://download.pytorch.org/models/")
        assert len(file.hash_start) == 8
    for job in {entry.job for entry in entries if entry.job}:
        assert sum(entry.default for entry in entries if entry.job == job) == 1


def test_the_commands_of_the_built_in_weights_would_train_their_networks():
    """A named network that changes must leave its name to the weights that it made."""
    recipes = {"cleft-inpainting": cleft_inpainting.Options, "mask-removal": mask_removal.Options}
    tables = manifest.read_tables(ROOT / "weights/manifest.toml")
    entries = [manifest.parse(name, table) for name, table in tables.items()]
    found = {entry.job: entry for entry in entries if entry.job in recipes}
    assert found.keys() == recipes.keys()
    for job, options in recipes.items():
        words = shlex.split(found[job].command)
        parser = argparse.ArgumentParser()
        add_arguments(parser, options, steps=1)
        args = parser.parse_args([*words[words.index(job) + 1 :], "--data", "photos", "--out", "run"])
        assert options.configurations[options_of(args, options).network] == found[job].architecture


def test_the_repositorys_manifest_is_as_the_writer_writes_it(tmp_path):
    text = (ROOT / "weights/manifest.toml").read_text(encoding="utf-8")
    copy = tmp_path / "manifest.toml"
    copy.write_text(text, encoding="utf-8")
    manifest.write_tables(copy, manifest.read_tables(copy))
    assert copy.read_text(encoding="utf-8") == text


# --- writing and reading the manifest -----------------------------------------------------------------------------


def test_written_tables_read_back_the_same(tmp_path):
    tables = {
        "one": {
            "file": ["a.safetensors", "b.safetensors"],
            "sha256": ["0" * 64, "f" * 64],
            "architecture": {"width": 32, "gain": 0.5, "names": ["a", "b"], "deep": {"x y": True}, "none": {}},
            "licence": 'quotes " and \\ and\nlines, tab\t, bell \a, delete \x7f, umlaut ü, sign ×',
            "steps": 13_000,
            "figures": {"lips (20-40 %)": {"lpips": np.float32(0.125), "n": np.int64(7)}, "psnr": 1e-07, "big": 1e22},
        },
        "two": {"figures": {"only": {"nested": {"x": 1.0}}}},
    }
    path = tmp_path / "manifest.toml"
    manifest.write_tables(path, tables)
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    assert read == tables
    assert type(read["one"]["figures"]["big"]) is float
    first = path.read_bytes()
    manifest.write_tables(path, read)
    assert path.read_bytes() == first


def test_the_comment_on_top_stays(tmp_path):
    path = tmp_path / "manifest.toml"
    path.write_text("# mine\n# too\n\n[a]\nx = 1 # lost\n")
    manifest.write_tables(path, {"a": {"x": 2}})
    assert path.read_text() == "# mine\n# too\n\n[a]\nx = 2\n"


def test_what_toml_cannot_hold_is_not_written(tmp_path):
    path = tmp_path / "manifest.toml"
    with pytest.raises(TypeError, match="cannot hold"):
        manifest.write_tables(path, {"a": {"x": object()}})
    assert not path.exists()


GOOD = {
    "job": "cleft-inpainting",
    "network": "tiny",
    "file": "first.safetensors",
    "sha256": "a" * 64,
    "bytes": 10,
    "licence": "research only",
}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"sha256": "A" * 64}, "sha256 must be 64 hex digits in lower case"),
        ({"sha256": "abc"}, "sha256 must be 64 hex digits"),
        ({"sha256": None}, "sha256 is missing"),
        ({"bytes": None}, "bytes is missing"),
        ({"bytes": 0}, "bytes must be a positive whole number"),
        ({"bytes": True}, "bytes must be a positive whole number"),
        ({"file": None}, "file or url is missing"),
        ({"file": "../first.safetensors"}, "file must name files inside the weights folder"),
        ({"file": "/etc/first.safetensors"}, "file must name files inside the weights folder"),
        ({"file": "..\\first.safetensors"}, "file must name files inside the weights folder"),
        ({"file": ["a.safetensors"] * 2}, "file must name files inside the weights folder"),
        ({"file": 3}, "file must name files inside the weights folder"),
        ({"file": "first.pth"}, "must be a .safetensors file"),
        ({"file": ["a.safetensors", "b.safetensors"]}, "sha256 and file must be equally many"),
        ({"url": "http://example.org/first.safetensors"}, "url must start with https://"),
        ({"url": "file:///etc/passwd"}, "url must start with https://"),
        ({"licence": ""}, "licence is missing"),
        ({"job": None}, "job is missing"),
        ({"network": 5}, "network must be a text"),
        ({"kind": "pickle"}, "kind must be one of"),
        ({"architecture": [1]}, "architecture must be a table"),
        ({"default": "yes"}, "default must be true or false"),
    ],
)
def test_a_broken_entry_is_named_with_its_rule(change, rule):
    table = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(WeightsCorrupt) as caught:
        manifest.parse("first", table)
    assert str(caught.value).startswith("The weights manifest is broken at “first”: ")
    assert rule in str(caught.value)
    assert manifest.parse("first", GOOD).files[0].name == "first.safetensors"


def test_a_manifest_that_is_no_toml(weights):
    (weights / "manifest.toml").write_text("[first\nfile = ")
    with pytest.raises(WeightsCorrupt, match="no valid TOML; restore it"):
        store.entries()


def test_an_entry_with_an_odd_name_is_not_repeated(weights):
    (weights / "manifest.toml").write_text('["\\u001b[31m"]\nfile = "a"\n')
    with pytest.raises(WeightsCorrupt, match="one with an odd name"):
        store.entries()


def test_no_manifest_is_no_entries(weights):
    assert store.entries() == {}
    with pytest.raises(WeightsUnknown, match="names no weights for this job"):
        store.find()


# --- downloads ----------------------------------------------------------------------------------------------------

DATA = np.random.default_rng(0).bytes(700_000)
DIGEST = hashlib.sha256(DATA).hexdigest()
NAME = f"net-{DIGEST[:8]}.pth"


class Server(ThreadingHTTPServer):
    """Serves DATA under any name on loopback, and misbehaves as told."""

    data = DATA
    tag: str | None = '"version 1"'
    ranges = True
    cut: int | None = None  # bytes after which the connection is closed
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict[str, str]] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/models/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append(dict(self.headers))
        if server.status != 200:
            self.send_error(server.status)
            return
        data, start = server.data, 0
        asked = self.headers.get("Range")
        same = self.headers.get("If-Range") in (None, server.tag)
        if asked and server.ranges and same:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        if server.tag:
            self.send_header("ETag", server.tag)
        self.end_headers()
        self.wfile.write(data[start : server.cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def catalogue(weights, server, name: str = NAME, **more) -> Path:
    table = {"kind": "loss-network", "url": server.url(name), "licence": "research only", **more}
    manifest.write_tables(weights / "manifest.toml", {"net": table})
    return weights / name


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_fetch_downloads_checks_and_records(weights, server):
    path = catalogue(weights, server)
    told = []
    entry = store.fetch("net", lambda fraction, text: told.append((fraction, text)))
    assert path.read_bytes() == DATA
    assert (entry.sha256, entry.bytes) == (DIGEST, len(DATA))
    assert told[-1] == (1.0, "0.7 of 0.7 MB")
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    record = json.loads((weights / "downloads.json").read_text())
    assert record[NAME]["sha256"] == DIGEST
    assert names_in(weights) == {"manifest.toml", "downloads.json", NAME}
    store.fetch("net")
    assert len(server.requests) == 1  # what is there and right is not fetched again
    assert store.verify("net").sha256 == DIGEST


def test_a_broken_download_goes_on_where_it_stopped(weights, server):
    path = catalogue(weights, server)
    server.cut = 300_000
    with pytest.raises(WeightsMissing, match="The connection broke off; run the same command again"):
        store.fetch("net")
    assert not path.exists()
    assert (weights / f"{NAME}.part").stat().st_size == 300_000
    server.cut = None
    store.fetch("net")
    assert path.read_bytes() == DATA
    assert server.requests[1]["Range"] == "bytes=300000-"
    assert server.requests[1]["If-Range"] == server.tag
    assert names_in(weights) == {"manifest.toml", "downloads.json", NAME}


def test_progress_that_raises_stops_and_keeps_the_part(weights, server):
    catalogue(weights, server)

    def stop(fraction, text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.fetch("net", stop)
    assert 0 < (weights / f"{NAME}.part").stat().st_size < len(DATA)
    assert store.fetch("net").sha256 == DIGEST


def test_a_file_that_changed_in_between_starts_over(weights, server):
    catalogue(weights, server, "net.pth")
    server.data, server.tag, server.cut = bytes(500_000), '"old"', 200_000
    with pytest.raises(WeightsMissing):
        store.fetch("net")
    server.data, server.tag, server.cut = DATA, '"new"', None
    assert store.fetch("net").sha256 == DIGEST


def test_without_a_version_or_a_hash_halves_are_not_joined(weights, server):
    path = catalogue(weights, server, "net.pth")
    server.tag, server.cut = None, 200_000
    with pytest.raises(WeightsMissing):
        store.fetch("net")
    server.cut = None
    store.fetch("net")
    assert "Range" not in server.requests[1]
    assert path.read_bytes() == DATA


def test_a_server_without_ranges(weights, server):
    path = catalogue(weights, server)
    server.cut = 200_000
    with pytest.raises(WeightsMissing):
        store.fetch("net")
    server.cut, server.ranges = None, False
    store.fetch("net")
    assert path.read_bytes() == DATA


def test_a_part_that_is_whole_already(weights, server):
    path = catalogue(weights, server, sha256=DIGEST, bytes=len(DATA))
    path.with_name(f"{NAME}.part").write_bytes(DATA)
    assert store.fetch("net").sha256 == DIGEST
    assert names_in(weights) == {"manifest.toml", NAME}


def test_a_part_that_is_longer_than_the_file(weights, server):
    path = catalogue(weights, server, sha256=DIGEST, bytes=len(DATA))
    path.with_name(f"{NAME}.part").write_bytes(DATA + b"more")
    assert store.fetch("net").sha256 == DIGEST


@pytest.mark.parametrize(
    ("name", "more"),
    [("net.pth", {"sha256": "0" * 64, "bytes": len(DATA)}), ("net-00000000.pth", {})],
    ids=["whole hash", "eight digits"],
)
def test_a_wrong_hash_is_thrown_away(weights, server, name, more):
    catalogue(weights, server, name, **more)
    with pytest.raises(WeightsCorrupt, match="differs from its SHA-256 and was thrown away; try again"):
        store.fetch("net")
    assert names_in(weights) == {"manifest.toml"}


def test_the_first_downloads_hash_is_checked_from_then_on(weights, server):
    path = catalogue(weights, server, "net.pth")
    assert store.fetch("net").sha256 == DIGEST
    path.write_bytes(DATA[:-1] + b"x")
    with pytest.raises(WeightsCorrupt, match="differ from their SHA-256; run python -m pipelines weights get net"):
        store.verify("net")
    server.data = DATA[::-1]  # the server now has something else
    with pytest.raises(WeightsCorrupt, match="thrown away"):
        store.fetch("net")
    server.data = DATA
    assert store.fetch("net").sha256 == DIGEST
    assert path.read_bytes() == DATA


def test_a_file_laid_there_by_hand_without_any_hash_is_not_trusted(weights, server):
    path = catalogue(weights, server, "net.pth")
    path.write_bytes(b"by hand")
    with pytest.raises(WeightsCorrupt, match="No SHA-256 of the weights “net” was recorded; run python"):
        store.verify("net")


def test_a_file_laid_there_by_hand_is_checked_by_the_hash_in_its_name(weights, server):
    path = catalogue(weights, server)
    path.write_bytes(DATA)
    assert store.verify("net").sha256 == DIGEST
    store.fetch("net")
    assert server.requests == []


def test_a_server_that_has_no_such_file(weights, server):
    catalogue(weights, server)
    server.status = 404
    with pytest.raises(WeightsMissing, match=r"does not give the weights \(HTTP status 404\)"):
        store.fetch("net")
    assert names_in(weights) == {"manifest.toml"}


def test_no_server_at_all(weights, server):
    catalogue(weights, server)
    server.shutdown()
    server.server_close()
    with pytest.raises(WeightsMissing, match="could not be reached; check the connection"):
        store.fetch("net")


def test_entries_without_a_url_cannot_be_fetched(weights):
    saved()
    assert store.fetch("first").name == "first"
    (weights / "first.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="restore the weights folder"):
        store.fetch("first")


def test_a_broken_record_of_downloads_is_one_sentence(weights):
    (weights / "downloads.json").write_text("{")
    with pytest.raises(WeightsCorrupt, match="record of downloads"):
        store.entries()
