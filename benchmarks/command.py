"""What the commands of the quality benchmarks share: their options, and how they end."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pipelines.devices import DEVICES, PRECISIONS
from pipelines.errors import PhiltrumError


def add_options(parser: argparse.ArgumentParser, out: str) -> None:
    """Adds what every benchmark of repainting understands; ``out`` is the output folder unless another is named."""
    parser.add_argument("--weights-dir", help="folder with AlexNet's file for LPIPS")
    ours = parser.add_mutually_exclusive_group()
    ours.add_argument("--weights", help="name of registered weights; the default ones otherwise")
    ours.add_argument("--checkpoint", help="safetensors file of a training run, instead of registered weights")
    parser.add_argument("--seed", type=int, default=0, help="of everything random in holes and references")
    parser.add_argument("--batch", type=count, default=8)
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)}")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    add_photo_options(parser, out)


def add_photo_options(parser: argparse.ArgumentParser, out: str) -> None:
    """Adds what every quality benchmark understands; ``out`` as for :func:`add_options`."""
    parser.add_argument("--out", default=out, help="folder for tables, sheets and kept scores")
    parser.add_argument("--most", type=count, help="only the first so many photos")
    parser.add_argument("--workers", type=count, default=os.cpu_count(), help="processes for work on single photos")
    parser.add_argument("--cache", default=".data", help="folder of the landmark cache")


def finish(run: Callable[[argparse.Namespace], None], options: argparse.Namespace, table: str) -> int:
    """Runs and prints the Markdown table: 0, or 2 with one sentence where nothing could be measured."""
    try:
        run(options)
    except PhiltrumError as error:
        print(error, file=sys.stderr)
        return 2
    print((Path(options.out) / f"{table}.md").read_text())
    return 0


def count(text: str) -> int:
    """An argument that must be 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
