"""How long a photo takes, and how the network compares with the paper's.

    python -m benchmarks.latency
    python -m benchmarks.latency --job mask-removal --megapixels 2
    python -m benchmarks.latency --soak 100

Prints Markdown: the seconds of each stage of a job on a photo of that size; the network alone against the paper-width
one in float32 eager mode, interleaved, so that both meet the machine in the same state; batch sizes, on request
compiled; and memory. The soak runs one photo many times instead and prints how the process's memory develops.
"""

import argparse
import copy
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from skimage.data import astronaut
from torch import nn

from benchmarks.networks import CLASSES, load_network
from benchmarks.tables import markdown_line
from pipelines.cleft_inpainting.pipeline import CleftInpainting
from pipelines.devices import DEVICES, PRECISIONS, Device, choose, process_memory
from pipelines.errors import PhiltrumError
from pipelines.faces.landmarks import find_face
from pipelines.faces.masks import suggest_mask
from pipelines.files import write_atomic
from pipelines.mask_removal.pipeline import MaskRemoval
from pipelines.results import RepaintResult

SIDE = 256
MEGAPIXELS = 12.0

_INPUTS = {"cleft-inpainting": 2, "mask-removal": 4}  # of a job's network
_CLOTH = (150, 190, 215)
_WARM_UP = 2  # runs; the first finds memory and kernels
_PAPER = "paper width, float32 eager"


def large_photo(megapixels: float = MEGAPIXELS) -> np.ndarray:
    """Scikit-image's astronaut at the photo's full height, its sides reflected, 4 to 3: ``uint8`` ``(H, W, 3)``."""
    height = round(math.sqrt(megapixels * 1e6 * 3 / 4))
    width = round(height * 4 / 3)
    picture = cv2.resize(astronaut(), (height, height), interpolation=cv2.INTER_CUBIC)
    left = (width - height) // 2
    return np.pad(picture, ((0, 0), (left, width - height - left), (0, 0)), mode="symmetric")


def whole_job(job: str, photo: np.ndarray, options: argparse.Namespace) -> Callable[[], RepaintResult]:
    """Runs a job as the app does; mask removal on the face under a plain cloth, led by the mirrored photo."""
    chosen = (options.weights, options.device, options.precision)
    if job == "cleft-inpainting":
        return partial(CleftInpainting(*chosen), photo)
    masked = photo.copy()
    masked[suggest_mask(find_face(photo), photo.shape[:2], "lower-face")] = _CLOTH
    return partial(MaskRemoval(*chosen), masked, reference=np.ascontiguousarray(photo[:, ::-1]))


def runner(
    network: nn.Module, device: Device, *, batch: int = 1, plain: bool = False, inputs: int = 2
) -> Callable[[], object]:
    """One forward pass on a random crop, as the app does it, or ``plain``: float32, no layout of its own.

    ``inputs`` says how many of picture, hole, reference and confidence the network takes.
    """
    layout = torch.contiguous_format if plain else device.memory_format
    network = network.to(device.torch_device, memory_format=layout)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(batch, 3, SIDE, SIDE, generator=generator).mul(2).sub(1).to(device.torch_device)
    image = image.to(memory_format=layout)
    hole = torch.zeros(batch, 1, SIDE, SIDE, device=device.torch_device)
    hole[:, :, SIDE // 2 : SIDE * 3 // 4, SIDE // 3 : SIDE * 2 // 3] = 1
    given = (image, hole, image.flip(3), 1 - hole)[:inputs]

    @torch.inference_mode()
    def run() -> object:
        with nullcontext() if plain else device.autocast():
            return network(*given)

    return run


def interleave(runs: Mapping[str, Callable[[], object]], device: Device, repeats: int) -> dict[str, list[float]]:
    """Seconds of each run, ``repeats`` times in turn after an uncounted warm-up; a GPU's work is waited for."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + _WARM_UP):
        for name, run in runs.items():
            _wait(device)
            start = time.perf_counter()
            run()
            _wait(device)
            if turn >= _WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def time_stages(run: Callable[[], RepaintResult], repeats: int) -> list[str]:
    """Markdown of the whole job: the first run, and the median of ``repeats`` more by stage."""
    start = time.perf_counter()
    height, width = run().image.shape[:2]
    first = time.perf_counter() - start
    seconds: dict[str, list[float]] = {}
    for _ in range(repeats):
        start = time.perf_counter()
        stages = run().seconds
        for name, value in {**stages, "all": time.perf_counter() - start}.items():
            seconds.setdefault(name, []).append(value)
    rows = [[name, f"{statistics.median(times):.3f}", f"{max(times):.3f}"] for name, times in seconds.items()]
    title = f"The whole job, {width} × {height} pixels, {repeats} runs after the first ({first:.2f} s)"
    return _section(title, ["Stage", "Median, s", "Most, s"], rows)


def compare_networks(job: str, network: nn.Module, device: Device, repeats: int) -> list[str]:
    """Markdown of a job's network as the app runs it and in plain float32, against the paper-width one, batch 1."""
    networks = {
        f"Philtrum as the app runs it, {device.label}": (network, False),
        "Philtrum, float32 eager": (copy.deepcopy(network), True),
        _PAPER: (CLASSES[job]().eval(), True),
    }
    inputs = _INPUTS[job]
    runs = {name: runner(network, device, plain=plain, inputs=inputs) for name, (network, plain) in networks.items()}
    seconds = interleave(runs, device, repeats)
    paper = statistics.median(seconds[_PAPER])
    rows = []
    for name, (network, _) in networks.items():
        median = statistics.median(seconds[name])
        parameters = sum(weight.numel() for weight in network.parameters())
        speed = f"{paper / median:.2f}"
        rows.append([name, f"{parameters / 1e6:.2f}", f"{1e3 * median:.1f}", _least(seconds[name]), speed])
    title = f"The network alone, {SIDE} × {SIDE} pixels, batch 1, {repeats} interleaved runs"
    return _section(title, ["Network", "Parameters, M", "Median, ms", "Least, ms", "Times as fast"], rows)


def compare_batches(
    job: str, network: nn.Module, device: Device, batches: Sequence[int], repeats: int, compiled: bool
) -> list[str]:
    """Markdown of the network as the app runs it by batch size, and compiled by ``torch.compile`` where asked for."""
    variants = {"eager": network}
    if compiled:
        variants["compiled"] = torch.compile(copy.deepcopy(network), mode="max-autotune-no-cudagraphs")
    rows = []
    for batch in batches:
        inputs = _INPUTS[job]
        runs = {name: runner(one, device, batch=batch, inputs=inputs) for name, one in variants.items()}
        for name, times in interleave(runs, device, repeats).items():
            median = statistics.median(times)
            rows.append([str(batch), name, f"{1e3 * median:.1f}", _least(times), f"{batch / median:.1f}"])
    return _section(f"Batches, {device.label}", ["Batch", "Mode", "Median, ms", "Least, ms", "Crops/s"], rows)


def soak(run_once: Callable[[], object], runs: int) -> list[str]:
    """Markdown of the process's memory after a tenth, a half and all of ``runs``."""
    marks = sorted({max(1, runs // 10), max(1, runs // 2), runs})
    held = {}
    for run in range(1, runs + 1):
        run_once()
        if run in marks:
            held[run] = process_memory()
    first = held[marks[0]]
    rows = [[str(run), f"{size / 1e6:.0f}", f"{(size - first) / 1e6:+.0f}"] for run, size in held.items()]
    return _section(f"Memory over {runs} runs", ["Runs", "Held, MB", "Since the first row, MB"], rows)


def machine(device: Device) -> list[str]:
    """Markdown of what the numbers were measured on."""
    facts = {
        "processor": f"{_processor()}, {torch.get_num_threads()} threads",
        "device": device.label,
        "PyTorch": torch.__version__,
        "Python": platform.python_version(),
    }
    return ["# Speed", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]


def peak_memory(device: Device) -> list[str]:
    """Markdown of the most memory that the process, and on CUDA the GPU, held so far."""
    lines = []
    if peak := peak_resident():
        lines.append(f"- most memory held by the process: {peak / 1e6:.0f} MB")
    if device.torch_device.type == "cuda":
        lines.append(f"- most GPU memory: {torch.cuda.max_memory_allocated(device.torch_device) / 1e6:.0f} MB")
    return ["## Memory", "", *lines, ""] if lines else []


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.latency", description=__doc__.partition("\n")[0])
    parser.add_argument("--job", choices=CLASSES, default="cleft-inpainting")
    parser.add_argument("--megapixels", type=float, default=MEGAPIXELS, help="size of the photo (default %(default)g)")
    parser.add_argument("--weights", help="name of registered weights; the default ones otherwise")
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)}")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    parser.add_argument("--repeats", type=int, default=9, help="timed runs of each thing")
    parser.add_argument("--batches", type=int, nargs="*", default=[], help="batch sizes to time, as in 1 4 16")
    parser.add_argument("--compile", action="store_true", help="time torch.compile beside eager mode in the batches")
    parser.add_argument("--soak", type=int, metavar="RUNS", help="only run the whole job so often and watch the memory")
    parser.add_argument("--out", help="also write the Markdown into this file")
    options = parser.parse_args(arguments)
    if not 0.05 <= options.megapixels <= 1000:
        parser.error("--megapixels must be from 0.05 to 1000")
    if min(options.repeats, options.soak or 1, *options.batches, 1) < 1:
        parser.error("--repeats, --soak and --batches must be at least 1")
    try:
        lines = _measure(options)
    except PhiltrumError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(lines))
    if options.out:
        Path(options.out).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(options.out, "\n".join(lines).encode())
    return 0


def _measure(options: argparse.Namespace) -> list[str]:
    device = choose(options.device, options.precision)
    job = options.job
    run = whole_job(job, large_photo(options.megapixels), options)
    if options.soak:
        return machine(device) + soak(run, options.soak) + peak_memory(device)
    # Memory first: what the network comparison holds is not the app's.
    lines = machine(device) + time_stages(run, options.repeats) + peak_memory(device)
    # A copy: the app's own must keep its place and layout.
    network = copy.deepcopy(load_network(options.weights, job=job).network)
    lines += compare_networks(job, network, device, options.repeats)
    if options.batches:
        lines += compare_batches(job, network, device, options.batches, options.repeats, options.compile)
    return lines


def _section(title: str, header: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return [f"## {title}", "", *map(markdown_line, [header, rule, *rows]), ""]


def _least(seconds: list[float]) -> str:
    return f"{1e3 * min(seconds):.1f}"


def _wait(device: Device) -> None:
    if device.torch_device.type == "cuda":
        torch.cuda.synchronize(device.torch_device)
    elif device.torch_device.type == "mps":
        torch.mps.synchronize()


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def peak_resident() -> int:
    """Most bytes of memory that this process has held; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


if __name__ == "__main__":
    sys.exit(main())
