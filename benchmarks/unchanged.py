"""Whether two checkouts give the same: every job's files on a folder of photos, command lines, and HTTP names.

    python -m benchmarks.unchanged CHECKOUT --photos DIR [--masked DIR] [--references DIR] --save before.json
    python -m benchmarks.unchanged OTHER_CHECKOUT --photos DIR ... --against before.json

A change that moves code about must move no figure, no hash and no pixel. A checkout is asked from outside, by command
line and HTTP, so it does not matter where its code lies. Seconds differ from run to run and are left out.
"""

import argparse
import csv
import hashlib
import io
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gradio_client import Client, handle_file

COMMANDS = (
    *("cleft-inpainting", "mask-removal", "anomaly-scoring", "study", "weights", "doctor", "prepare"),
    *("lists", "tune", "train"),
)
_TOO = ("train cleft-inpainting", "train mask-removal", "train stylegan2", "tune cleft-inpainting", "weights import")
_TIMED = re.compile(r"seconds$")
_PATIENCE = 120.0  # seconds until an app answers


def main(argv: list[str] | None = None) -> int:
    """Looks at a checkout, and compares; 0 the same, 1 not, and every difference in a line."""
    args = _parse(argv)
    before = None if args.against is None else json.loads(args.against.read_text(encoding="utf-8"))
    after = dict(_all(args.checkout.resolve(), args))
    if args.save:
        args.save.write_text(json.dumps(after, indent=1), encoding="utf-8")
    if before is None:
        print(f"{len(after)} things looked at.")
        return 0
    differences = list(compare(before, after))
    for line in differences:
        print(line)
    print(f"{len(before)} things compared, {len(differences)} differ.")
    return 1 if differences else 0


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """A line for each thing that one side alone has, or that differs."""
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"{name}: gone"
        elif name not in before:
            yield f"{name}: new"
        elif before[name] != after[name]:
            yield f"{name}: differs"


def fingerprint(name: str, content: bytes) -> dict[str, str]:
    """What is compared of a file: the hash of its content, without seconds; of an archive, that of each file in it.

    Args:
        name: of the file; its ending says what it is.
        content: all of it.
    """
    ending = Path(name).suffix
    if ending == ".pdf":  # it says in how many seconds it was computed
        return {name: "there"}
    if ending == ".zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inside = {f"{name}/{inner}": archive.read(inner) for inner in archive.namelist()}
        return {key: value for inner, data in inside.items() for key, value in fingerprint(inner, data).items()}
    if ending == ".json":
        content = json.dumps(_timeless(json.loads(content)), sort_keys=True).encode()
    elif ending == ".jsonl":
        content = json.dumps([_timeless(json.loads(line)) for line in content.splitlines()], sort_keys=True).encode()
    elif ending == ".csv":
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        content = json.dumps([{key: row[key] for key in row if not _TIMED.search(key or "")} for row in rows]).encode()
    return {name: hashlib.sha256(content).hexdigest()}


def _timeless(facts: Any) -> Any:
    if isinstance(facts, dict):
        return {key: _timeless(value) for key, value in facts.items() if not _TIMED.search(key)}
    return [_timeless(one) for one in facts] if isinstance(facts, list) else facts


def _all(checkout: Path, args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for command in (*COMMANDS, *_TOO):
        yield f"help of {command}", _run(checkout, *command.split(), "--help").stdout
    yield "weights", _run(checkout, "weights", "verify").stdout
    with tempfile.TemporaryDirectory() as folder:
        for name, words in _runs(args).items():
            out = Path(folder) / name
            done = _run(checkout, *words, "--out", str(out), "--device", "cpu")
            yield f"{name}: exit status", str(done.returncode)
            for path in sorted(path for path in out.rglob("*") if path.is_file()):
                found = fingerprint(f"{name}/{path.relative_to(out)}", path.read_bytes())
                yield from found.items()
    yield from _served(checkout, next(path for path in sorted(args.photos.iterdir()) if path.is_file()))


def _runs(args: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    photos = str(args.photos)
    runs = {
        "cleft": ("cleft-inpainting", photos),
        "cleft-lower-face": ("cleft-inpainting", photos, "--auto", "lower-face", "--grow", "3", "--seed", "7"),
        "removal-region": ("mask-removal", photos, "--auto", "lower-face", "--reference", photos, "--stages"),
        "scores": ("anomaly-scoring", photos, "--case", "A 1"),
        "scores-ssim": ("anomaly-scoring", photos, "--map", "ssim", "--region", "upper-lip", "--searches", "1"),
        "study": ("study", photos, "--searches", "1"),
    }
    if args.masked:
        runs["removal"] = ("mask-removal", str(args.masked), "--stages")
        if args.references:
            runs["removal-reference"] = ("mask-removal", str(args.masked), "--reference", str(args.references))
    if args.stylegan:
        runs["scores-stylegan2"] = ("anomaly-scoring", photos, "--normalizer", "stylegan2", "--steps", "5")
    return runs


def _run(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines", *words], cwd=checkout, capture_output=True, text=True, check=False
    )


def _served(checkout: Path, photo: Path) -> Iterator[tuple[str, str]]:
    """Names, arguments and answers of the HTTP interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port), "--device", "cpu"], cwd=checkout, stdout=subprocess.DEVNULL
    )
    try:
        client = _client(f"http://127.0.0.1:{port}")
        named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
        for name, described in named.items():
            yield f"HTTP {name}", json.dumps(described, sort_keys=True)
        for name in named:
            facts, *files = client.predict(photo=handle_file(str(photo)), api_name=name, **_asked(name))
            yield f"HTTP {name}: facts", json.dumps(_timeless(facts), sort_keys=True)
            for path in (Path(file) for file in files if file):
                for key, value in fingerprint(path.name, path.read_bytes()).items():
                    yield f"HTTP {name}: {key}", value
    finally:
        server.terminate()
        server.wait()


def _asked(name: str) -> dict[str, Any]:
    return {"extent": "lower-face"} if name == "/mask_removal" else {}


def _client(address: str) -> Client:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return Client(address, verbose=False)
        except Exception:  # it is not there yet
            if time.monotonic() > until:
                raise
            time.sleep(1)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unchanged", description=__doc__.partition("\n")[0])
    parser.add_argument("checkout", metavar="CHECKOUT", type=Path, help="folder with app.py and pipelines/")
    parser.add_argument("--save", metavar="FILE", type=Path, help="keep what was found, as JSON")
    parser.add_argument("--against", metavar="FILE", type=Path, help="compare with what was kept of another checkout")
    parser.add_argument("--photos", metavar="DIR", type=Path, required=True, help="photos of faces, for every job")
    parser.add_argument("--masked", metavar="DIR", type=Path, help="photos of masked faces, for mask removal")
    parser.add_argument("--references", metavar="DIR", type=Path, help="their references, by file stem")
    parser.add_argument("--stylegan", action="store_true", help="score with the face generator too")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
