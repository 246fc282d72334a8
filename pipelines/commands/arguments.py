"""Arguments that every job on photos takes, and the types of their values."""

import argparse
import math
from pathlib import Path

from pipelines.commands.case_options import add_case_arguments
from pipelines.faces.blending.hole import FEATHER
from pipelines.languages.translation import _


def add_photo_arguments(parser: argparse.ArgumentParser, written: str = "") -> None:
    """Adds what is worked on and where results go, ``image``, ``--out`` and the case's, and says what is written."""
    parser.epilog = _(
        "Writes {written}. Photos of one stem keep their whole names: a.jpg and a.png give a.jpg.png and a.png.png. "
        "Exit status: 0 all done, 1 some photos failed, 2 nothing could run."
    ).format(written=written or _("DIR/STEM.png, DIR/STEM.json and DIR/summary.csv"))
    parser.add_argument("image", metavar="IMAGE|FOLDER", type=Path, help=_("a photo, or a folder of photos"))
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help=_("folder for the results"))
    add_case_arguments(parser)


def add_repaint_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds how it is repainted, ``--grow`` and ``--feather``, and what :func:`add_run_arguments` adds."""
    parser.add_argument(
        "--grow", metavar="PERCENT", type=number, default=0.0,
        help=_("widen the mask by so many per cent of the distance between the eyes; negative narrows it"),
    )  # fmt: skip
    parser.add_argument(
        "--feather", metavar="PERCENT", type=width, default=FEATHER,
        help=_("width of the soft edge in the same unit (default %(default)g)"),
    )  # fmt: skip
    add_run_arguments(parser)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds of which face, where and with what it is computed: ``--face``, ``--device``, ``--precision``, ``--weights``,
    ``--seed``.
    """
    parser.add_argument("--face", metavar="N", type=count, default=1, help=_("which face, 1 = the largest (default)"))
    parser.add_argument("--device", default="auto", help=_("auto, cpu, cuda, cuda:N or mps (default %(default)s)"))
    parser.add_argument(
        "--precision", default="auto", help=_("auto, float32, bfloat16 or float16 (default %(default)s)")
    )
    parser.add_argument("--weights", metavar="NAME", help=_("weights of the manifest (default: the job's own)"))
    parser.add_argument(
        "--seed", metavar="N", type=seed, default=0, help=_("seed of all randomness (default 0: what is likeliest)")
    )


def number(text: str) -> float:
    """A finite number."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def width(text: str) -> float:
    """A finite number, 0 or more."""
    if (value := number(text)) < 0:
        raise argparse.ArgumentTypeError(_("it must be 0 or more"))
    return value


def count(text: str) -> int:
    """A whole number, 1 or more."""
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(_("it must be 1 or more"))
    return value


def seed(text: str) -> int:
    """A whole number of 32 bits."""
    if not 0 <= (value := int(text)) < 2**32:
        raise argparse.ArgumentTypeError(_("it must be from 0 to 4294967295"))
    return value
