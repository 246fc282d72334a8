"""Damaged and dishonest files: none may end in a crash, a hang, all memory or half a result.

    python -m benchmarks.hostile
    python -m benchmarks.hostile --files 300 --job-files 0

Small drawn pictures are written in every format that is read and then mutated: bytes flipped, stretches cut out or
doubled, heads of other files put before them, sizes that lie. Each goes through the reader of photos and that of masks,
and others, as photo, mask or reference, through the command line of each job. That happens in a child process with a
limit on memory and on the seconds a file may take; what goes wrong is kept in the output folder, for mending.
"""

import argparse
import base64
import contextlib
import io
import json
import os
import struct
import sys
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms
from skimage.data import astronaut
from tqdm import tqdm

from benchmarks.command import count
from benchmarks.latency import peak_resident
from benchmarks.tables import markdown_line
from pipelines.errors import OptionInvalid, PhiltrumError
from pipelines.faces.images import encode_png, read_image, read_mask
from pipelines.files import write_all_atomic, write_atomic

JOBS = {
    "cleft-inpainting": ("photo", "mask"),
    "mask-removal": ("photo", "mask", "reference"),
    "anomaly-scoring": ("photo", "mask"),
}
"""Job -> what of its files is mutated, in turn."""

READ, REFUSED = "read", "refused"
"""What may happen to a file; whatever else is a fault."""

_START = 600  # seconds that a child may take over a sound file, loading networks among them
_BROKEN = ("hang", "crash", "too much memory")  # after which a child is begun anew

# Two by two fields of colour, 10 bits, by an encoder that this project does without (see tests/faces/formats).
_HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWl4AAAAAG1pZjFoZWl4bWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA"
    "AAAERAAAEAAQAAAAABegABAAAAAAAAAOUAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAA"
    "AAC3aXBjbwAAAHhodmNDAQQIAAAAnDgAAAAAHvAA/P/6+gAADwNgAAEAF0ABDAH//wQIAAADAJw4AAADAAAeugJAYQABACtCAQEECAAAAwCcOA"
    "AAAwAAHpAHkCibLdSSU1zcBDQYEAAAAwGQAAADABCAYgABAAhEAcFyhgwCJAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAAB4AAAA"
    "UAAAABBwaXhpAAAAAAMKCgoAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAAO1tZGF0AAAA4SgBrwY4Wvz9N/kH7///m+H6H+kicLunN6aolH1DZw"
    "BJurAl6YJET0/ca//hD//pjxxeNoFvRWKWC1mzR0SKLkBsgOnaJqVgNO1LWUMZYLbJk//eT9PXfhJbMI+WQXuu3j4+s//n3eRLEUUh4kExA6a/"
    "y3M1hm+p+EX+M58PufWg0y3alOIBRab4S7Jl3ue6XMHJFz0P+iU/9TLAvQCXe2tNGfBDdAAAZa58+Ln+aAwtzwBRdQAsl2lcr6dgA0sJaovoAE"
    "A8gY7zCT9sM+OXiHY5cB3CVn+uX3JnMX67TAADZg=="
)


# --- files --------------------------------------------------------------------------------------------------------


def drawn() -> np.ndarray:
    """A picture of everything that coders treat differently: flat colour, a ramp, noise, edges; ``(80, 120, 3)``."""
    picture = np.zeros((80, 120, 3), np.uint8)
    picture[:40, :60] = 200, 30, 40
    picture[:40, 60:] = np.linspace(0, 255, 60)[:, None]
    picture[40:, :60] = np.random.default_rng(0).integers(0, 256, (40, 60, 3))
    cv2.circle(picture, (90, 60), 15, (230, 220, 90), -1)
    return picture


def face() -> np.ndarray:
    """Scikit-image's astronaut, close: ``(256, 256, 3)``."""
    return np.ascontiguousarray(astronaut()[:256, 96:352])


def written(picture: np.ndarray) -> dict[str, bytes]:
    """The picture in every format that is read: name -> file. HEIC is always the same small one."""
    image = Image.fromarray(picture)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "drawn"
    layer = image.convert("RGBA")
    layer.putalpha(Image.fromarray(255 - grey))
    profile = _profile()

    def save(one: Image.Image, kind: str, **options) -> bytes:
        buffer = io.BytesIO()
        one.save(buffer, kind, **options)
        return buffer.getvalue()

    files = {
        "PNG": save(image, "PNG", exif=exif, icc_profile=profile),
        "PNG, alpha": save(layer, "PNG"),
        "PNG, palette": save(image.quantize(16), "PNG", transparency=3),
        "PNG, 16 bits": save(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"),
        "PNG, animated": save(image, "PNG", save_all=True, append_images=[image.rotate(90)]),
        "JPEG": save(image, "JPEG", exif=exif, icc_profile=profile),
        "JPEG, progressive": save(image, "JPEG", progressive=True),
        "JPEG, restarts": save(image, "JPEG", restart_marker_blocks=4),
        "JPEG, inks": save(image.convert("CMYK"), "JPEG"),
        "JPEG, no end": save(image, "JPEG")[:-2],
        "JPEG, several": save(image, "MPO", save_all=True, append_images=[image.rotate(90)]),
        "WebP": save(image, "WEBP", exif=exif),
        "WebP, lossless": save(layer, "WEBP", lossless=True),
        "WebP, animated": save(image, "WEBP", save_all=True, append_images=[image.rotate(90)]),
        "AVIF": save(image, "AVIF", exif=exif, icc_profile=profile),
        "HEIC": _HEIC,
        "BMP": save(image, "BMP"),
        "BMP, run lengths": _run_lengths(grey),
        "GIF": save(image, "GIF", save_all=True, append_images=[image.rotate(90)], comment=b"drawn"),
        "PPM": save(image, "PPM"),
        "PPM, text": f"P2 {grey.shape[1]} {grey.shape[0]} 255 {' '.join(map(str, grey.ravel()))}".encode(),
        "TIFF": save(image, "TIFF", icc_profile=profile),
        "TIFF, 16 bits": cv2.imencode(".tiff", grey.astype(np.uint16) * 257)[1].tobytes(),
        "TIFF, colour of 16 bits": cv2.imencode(".tiff", picture.astype(np.uint16) * 257)[1].tobytes(),
        "TIFF, floats": save(Image.fromarray(grey.astype(np.float32) / 255), "TIFF"),
        "TIFF, pages": save(image, "TIFF", save_all=True, append_images=[image.rotate(90)]),
    }
    codings = ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
    return files | {f"TIFF, {coding}": save(image, "TIFF", compression=coding) for coding in codings}


def mutated(files: dict[str, bytes], number: int, seed: int) -> tuple[str, str, bytes]:
    """The mutated file of this number: its format, what was done, and the file. The same numbers give the same file."""
    random = np.random.default_rng([seed, number])
    names = list(files)
    name = names[number % len(names)]
    data = bytearray(files[name])
    chosen = random.choice(list(_MUTATIONS), size=1 + (random.random() < 0.2), replace=False)
    for mutation in chosen:
        _MUTATIONS[mutation](data, random, files[names[random.integers(len(names))]])
    # Otherwise checksums would keep nearly every change of a PNG file from the decoder.
    if name.startswith("PNG") and random.random() < 0.5:
        data = _with_checksums(data)
    return name, " and ".join(chosen), bytes(data)


def _place(data: bytearray, random: np.random.Generator) -> int:
    """A position; half of them lie in the first 256 bytes, where headers are."""
    return int(random.integers(max(1, min(len(data), 256) if random.random() < 0.5 else len(data))))


def _flip(data: bytearray, random: np.random.Generator, _: bytes) -> None:
    for _ in range(random.integers(1, 20)):
        if data:
            data[_place(data, random)] = random.integers(256)


def _cut(data: bytearray, random: np.random.Generator, _: bytes) -> None:
    start = _place(data, random)
    length = len(data) if random.random() < 0.3 else int(random.integers(1, 1 + max(1, len(data) // 4)))
    del data[start : start + length]


def _double(data: bytearray, random: np.random.Generator, _: bytes) -> None:
    start = _place(data, random)
    stretch = data[start : start + int(random.integers(1, 1 + max(1, len(data) // 8)))]
    data[start:start] = stretch * int(random.choice([1, 2, 200]))


def _swap(data: bytearray, random: np.random.Generator, other: bytes) -> None:
    length = int(random.choice([4, 8, 12, 16, 64, 256]))
    data[:length] = other[:length]


def _lie(data: bytearray, random: np.random.Generator, _: bytes) -> None:
    values = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 10_000, 11_000, 0x7FFFFFFF, 0xFFFFFFFF, 2**63, 2**64 - 1)
    for _ in range(random.integers(1, 4)):
        size = int(random.choice([2, 4, 8]))
        value = int(values[random.integers(len(values))]) % 256**size
        start = _place(data, random)
        data[start : start + size] = value.to_bytes(size, "little" if random.random() < 0.5 else "big")


_MUTATIONS = {
    "bytes flipped": _flip,
    "cut": _cut,
    "stretch doubled": _double,
    "head swapped": _swap,
    "size lied": _lie,
}


def _with_checksums(data: bytearray) -> bytearray:
    """A PNG file whose chunks all have the right checksum."""
    fixed, at = data[:8], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        chunk = data[at + 4 : at + 8 + length]
        fixed += data[at : at + 4] + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        at += 12 + length
    return fixed + data[at:]


def _run_lengths(grey: np.ndarray) -> bytes:
    """A BMP file that is coded by run lengths, each of them one pixel."""
    height, width = grey.shape
    lines = b"".join(b"".join(bytes((1, value)) for value in row) + b"\0\0" for row in grey[::-1]) + b"\0\1"
    palette = b"".join(bytes((level, level, level, 0)) for level in range(256))
    start = 14 + 40 + len(palette)
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(lines), 2835, 2835, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(lines), 0, 0, start) + head + palette + lines


def _profile() -> bytes:
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return content[:24] + bytes(12) + content[36:]  # without the time of its making


# --- what is done with a file, in a child --------------------------------------------------------------------------


def through_readers(data: bytes) -> str:
    """Reads the file as a photo and as a mask: :data:`READ` or :data:`REFUSED`, or what went wrong."""
    outcomes = []
    for read in (read_image, read_mask):
        try:
            read(data)
            outcomes.append(READ)
        except PhiltrumError as error:
            outcomes.append(_fault(error) or REFUSED)
        except BaseException as error:
            outcomes.append(f"{type(error).__name__} instead of a sentence")
    return next((outcome for outcome in outcomes if outcome not in (READ, REFUSED)), outcomes[0])


def _fault(error: BaseException) -> str | None:
    """What is wrong with a refusal: that it is no sentence, or that all memory was taken."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return "out of memory"
        cause = cause.__cause__
    return None if str(error).endswith((".", "!", "?")) else "no sentence"


def through_job(work: tuple[str, str, bytes]) -> str:
    """Runs a job's command on a file, as :func:`through_readers`; also what it leaves in its folders must be right.

    Args:
        work: the job, what the file is to it (see :data:`JOBS`), and the file.
    """
    from pipelines.__main__ import main

    job, role, data = work
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = {one: folder / one for one in ("photo", "mask", "reference")}
        contents = {"photo": encode_png(face()), "mask": encode_png(_mouth()), "reference": encode_png(face()[:, ::-1])}
        contents[role] = data
        for one, path in given.items():
            path.write_bytes(contents[one])
        words = [job, str(given["photo"]), "--out", str(folder / "out")]
        if role == "mask":
            words += ["--mask", str(given["mask"])]
        elif job == "mask-removal":
            words += ["--extent", "lower-face"]  # the face wears no mask that could be found
        if job == "mask-removal":
            words += ["--reference", str(given["reference"])]
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
                status = main(words)
        except BaseException as error:
            return f"{type(error).__name__} instead of a sentence"
        if any(path.read_bytes() != contents[one] for one, path in given.items()):
            return "a given file was changed"
        if status not in (0, 2) or "Traceback" in said.getvalue():
            return f"exit status {status}, or a traceback"
        return _left_by(status, said.getvalue(), folder / "out")


def _left_by(status: int, said: str, out: Path) -> str:
    """What a job's command left: all of a result, or a sentence and nothing."""
    files = [path for path in out.rglob("*") if path.is_file()]
    if any(path.name.startswith(".") for path in files):
        return "a part of a file left"
    if status == 2:
        return "half a result left" if files else REFUSED if said.strip() else "no sentence"
    try:
        for path in files:
            if path.suffix == ".json":
                json.loads(path.read_bytes())
            elif path.suffix == ".png":
                read_image(path)
    except (ValueError, PhiltrumError):
        return "half a result left"
    endings = {path.suffix for path in files}
    return READ if {".png", ".json", ".csv"} <= endings else "half a result left"


def _mouth() -> np.ndarray:
    mask = np.zeros(face().shape[:2], np.uint8)
    cv2.ellipse(mask, (128, 165), (30, 18), 0, 0, 360, 255, -1)
    return mask


class Child:
    """A process that does a work on one item after the other, and is begun anew when it breaks.

    Args:
        work: takes an item, gives an outcome; both travel between processes.
        memory: bytes that the process may hold.
        sound: an item to begin with, before time counts: it loads what the work needs.
    """

    def __init__(self, work: Callable[[Any], str], memory: int, sound: Any):
        self._work, self._memory, self._sound = work, memory, sound
        self._process = self._pipe = None
        self._usual = 0.0  # seconds of the sound item

    def run(self, item: Any, seconds: float) -> tuple[str, float, int]:
        """The outcome, the seconds that it took, and the most bytes that the process has held so far.

        It is a hang where it takes ``seconds`` more than the sound item.
        """
        if self._process is None:
            self._begin()
        outcome, took, peak = self._ask(item, self._usual + seconds)
        if peak > self._memory:
            outcome = "too much memory"
        if outcome in _BROKEN:
            self._process.kill()
            self.close()
        return outcome, took, peak

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._pipe.send(None)
            self._process.join()
            self._pipe.close()
            self._process = self._pipe = None

    def _begin(self) -> None:
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, self._work, self._memory), daemon=True)
        self._process.start()
        other.close()
        self._ask(self._sound, _START)  # the first time it loads what it needs
        outcome, self._usual, _ = self._ask(self._sound, _START)
        if outcome != READ:
            self._process.kill()
            self.close()
            raise OptionInvalid(f"A sound file ends as: {outcome}. Run python -m pipelines doctor first.")

    def _ask(self, item: Any, seconds: float) -> tuple[str, float, int]:
        start = perf_counter()
        try:
            self._pipe.send(item)
            answer = self._pipe.recv() if self._pipe.poll(seconds) else ("hang", seconds, 0)
        except (EOFError, OSError):
            return "crash", perf_counter() - start, 0
        return answer


def _serve(pipe: Any, work: Callable[[Any], str], memory: int) -> None:
    """The child: answers until it is sent None."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # as on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries of C write there, past sys.stderr
    while (item := pipe.recv()) is not None:
        start = perf_counter()
        outcome = work(item)
        pipe.send((outcome, perf_counter() - start, peak_resident()))


# --- the campaign -------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """What became of the files of one format, or of one job."""

    outcomes: Counter = field(default_factory=Counter)
    slowest: float = 0.0
    peak: int = 0

    def add(self, outcome: str, seconds: float, peak: int) -> None:
        """Counts a file."""
        self.outcomes[outcome] += 1
        self.slowest, self.peak = max(self.slowest, seconds), max(self.peak, peak)

    @property
    def faults(self) -> int:
        """Files that neither gave a result nor a sentence."""
        return sum(number for outcome, number in self.outcomes.items() if outcome not in (READ, REFUSED))


@dataclass(frozen=True)
class Fault:
    """A file that went wrong: where, its number, how it was made, and what happened."""

    where: str
    number: int
    name: str
    mutation: str
    outcome: str


def campaign(options: argparse.Namespace) -> tuple[dict[str, Row], list[Fault]]:
    """Does it all: rows by format for the readers, then one a job. Files with faults are kept in the output folder."""
    pictures, faces, masks = written(drawn()), written(face()), written(np.repeat(_mouth()[..., None], 3, 2))
    rows: dict[str, Row] = defaultdict(Row)
    faults: list[Fault] = []

    def do(child: Child, where: str, number: int, item: Any, made: tuple[str, str, bytes]) -> None:
        outcome, seconds, peak = child.run(item, options.seconds)
        rows[where].add(outcome, seconds, peak)
        if outcome not in (READ, REFUSED):
            faults.append(Fault(where, number, *made[:2], outcome))
            kept = Path(options.out) / "faults" / f"{where.replace(', ', '-').replace(' ', '-')}-{number}"
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(kept, made[2])

    with contextlib.closing(Child(through_readers, options.memory * 2**20, pictures["PNG"])) as child:
        for number in tqdm(range(options.files), "readers", disable=None):
            made = mutated(pictures, number, options.seed)
            do(child, made[0], number, made[2], made)
    for job, roles in ((job, JOBS[job]) for job in options.jobs if options.job_files):
        sound = (job, "photo", encode_png(face()))
        with contextlib.closing(Child(through_job, options.memory * 2**20, sound)) as child:
            for number in tqdm(range(options.job_files), job, disable=None):
                role = roles[number % len(roles)]
                made = mutated(masks if role == "mask" else faces, number // len(roles), options.seed)
                do(child, job, number, (job, role, made[2]), made)
    return rows, faults


def write_tables(options: argparse.Namespace, rows: dict[str, Row], faults: list[Fault]) -> None:
    """Writes ``hostile.md`` and ``hostile.json`` into the output folder."""
    header = ["Format, or job", "Files", "Read", "Refused", "Faults", "Slowest, s", "Most memory, MB"]
    lines = ["# Damaged and dishonest files", ""]
    lines += [f"- at most {options.seconds:g} s more than a sound file takes, and {options.memory} MB a process"]
    lines += [f"- seed {options.seed}", ""]
    lines += [markdown_line(header), markdown_line(["---", *["---:"] * (len(header) - 1)])]
    total = Row()
    for where, row in rows.items():
        lines.append(_line(where, row))
        total.outcomes += row.outcomes
        total.slowest, total.peak = max(total.slowest, row.slowest), max(total.peak, row.peak)
    lines += [_line("all", total), ""]
    lines += [f"- {fault.where}, file {fault.number} ({fault.mutation}): {fault.outcome}" for fault in faults]
    facts = {
        "seconds": options.seconds,
        "memory_mb": options.memory,
        "seed": options.seed,
        "rows": {
            where: {"outcomes": dict(row.outcomes), "slowest_s": round(row.slowest, 3), "peak_bytes": row.peak}
            for where, row in rows.items()
        },
        "faults": [asdict(fault) for fault in faults],
    }
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"hostile.md": "\n".join(lines) + "\n", "hostile.json": json.dumps(facts, indent=1) + "\n"}
    write_all_atomic({folder / name: text.encode() for name, text in texts.items()})


def _line(where: str, row: Row) -> str:
    counts = (sum(row.outcomes.values()), row.outcomes[READ], row.outcomes[REFUSED], row.faults)
    return markdown_line([where, *map(str, counts), f"{row.slowest:.2f}", f"{row.peak / 2**20:.0f}"])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 no fault, 1 some, or 2 with one sentence where nothing could be tried."""
    parser = argparse.ArgumentParser("python -m benchmarks.hostile", description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=count, default=10_000, help="files through the readers (default %(default)s)")
    parser.add_argument("--job-files", type=int, default=500, help="files through each job, or 0 (default %(default)s)")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS), help="which jobs (default all)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=10,
        help="most that a file may take beyond what a sound one takes (default %(default)s)",
    )
    parser.add_argument("--memory", type=count, default=3000, help="most MB of a process (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random")
    parser.add_argument("--out", default="runs/hostile", help="folder for tables, and for files that went wrong")
    options = parser.parse_args(arguments)
    try:
        rows, faults = campaign(options)
    except PhiltrumError as error:
        print(error, file=sys.stderr)
        return 2
    write_tables(options, rows, faults)
    print((Path(options.out) / "hostile.md").read_text())
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
