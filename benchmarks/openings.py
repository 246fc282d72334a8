"""How far mouths that were drawn under surgical masks are open, against the hidden ones.

    python -m benchmarks.openings --data FOLDER

A painter that knows nothing of a person draws one mouth for all: it is open as far whatever the truth is. Faces and
methods are those of :mod:`benchmarks.mask_removal`. Writes ``openings.md`` into the output folder.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats
from tqdm import tqdm

from benchmarks import command
from benchmarks.cases import Cases
from benchmarks.mask_removal import build_methods, load_cases, measured_on
from benchmarks.methods import GUIDED, REMOVAL_LABELS, REMOVAL_METHODS, Method
from benchmarks.mouths import OPEN
from benchmarks.scores import workers
from benchmarks.tables import markdown_line
from pipelines.devices import choose
from pipelines.faces.landmarks import find_crop_face
from pipelines.faces.measurements import lip_gap
from pipelines.files import write_atomic
from pipelines.training.sets.balance import CLOSED

NAME = "openings"
"""Stem of the file."""

_SETS = ("val", "pairs")  # rendered masks hide what is known of few mouths
_LEAST = 4  # faces that a correlation with an interval needs


class Openings(NamedTuple):
    """How the openings of drawn mouths go with those of the hidden ones.

    Attributes:
        faces: in which FaceMesh found both mouths.
        correlation: Pearson's, with its 95 % interval by Fisher's transformation; NaN below four faces, or where all
            mouths of a kind are open alike.
        low, high: the interval.
        spread: standard deviation of the drawn openings over that of the hidden ones: 0 is one mouth for all.
        opened: of the mouths that are closed, the share that is drawn open; NaN where none is closed.
        closed: how many those are.
    """

    faces: int
    correlation: float
    low: float
    high: float
    spread: float
    opened: float
    closed: int

    @classmethod
    def of(cls, drawn: np.ndarray, hidden: np.ndarray) -> "Openings":
        """Compares gaps between lips in eye distances, ``(N,)`` each, NaN where no mouth was found."""
        known = np.isfinite(drawn) & np.isfinite(hidden)
        drawn, hidden = drawn[known], hidden[known]
        closed = hidden < CLOSED
        spread = float(drawn.std() / hidden.std()) if len(hidden) and np.ptp(hidden) > 0 else np.nan
        opened = float((drawn[closed] > OPEN).mean()) if closed.any() else np.nan
        found = (np.nan,) * 3
        if len(drawn) >= _LEAST and np.ptp(drawn) > 0 and np.ptp(hidden) > 0:
            test = stats.pearsonr(drawn, hidden)
            found = (float(test.statistic), *map(float, test.confidence_interval()))
        return cls(len(drawn), *found, spread, opened, int(closed.sum()))


def gaps(crops: np.ndarray) -> np.ndarray:
    """The gap between the lips of each of ``(N, S, S, 3)``, in eye distances; NaN where no face is found."""
    found = (find_crop_face(crop) for crop in crops)
    return np.array([np.nan if face is None else lip_gap(face) for face in found])


def drawn_by(method: Method, cases: Cases, batch: int) -> np.ndarray:
    """The crops ``(N, S, S, 3)`` as ``method`` repaints them."""
    faces = cases.all
    given = (faces.crop, faces.hole, *((faces.reference, faces.confidence) if method.key in GUIDED else ()))
    starts = range(0, len(cases), batch)
    return np.concatenate([method.fill(*(one[i : i + batch] for one in given)).crops for i in starts])


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the table.

    Raises:
        PhiltrumError: data, weights or the device are not to be had.
    """
    device = choose(options.device, options.precision)
    methods = build_methods(options.methods, options, device)
    header = ("Set", "Method", "Faces", "Correlation", "95 % interval", "Spread", "Closed mouths drawn open")
    lines = [markdown_line(header), markdown_line(["---", "---", *["---:"] * (len(header) - 2)])]
    with workers(options.workers) as pool, tqdm(total=len(options.sets), disable=None) as bar:
        for key in options.sets:
            cases = load_cases(key, options, device, pool)
            hidden = gaps(cases.all.truth)
            for name in measured_on(key, options.methods):
                found = Openings.of(gaps(drawn_by(methods[name], cases, options.batch)), hidden)
                lines.append(markdown_line(_cells(key, name, found)))
            bar.update()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / f"{NAME}.md", ("\n".join(lines) + "\n").encode())


def _cells(key: str, name: str, found: Openings) -> list[str]:
    number = partial("{:.2f}".format)
    interval = f"{number(found.low)} to {number(found.high)}"
    opened = "–" if not found.closed else f"{round(found.opened * found.closed)} of {found.closed}"
    return [
        key,
        REMOVAL_LABELS[name],
        f"{found.faces}",
        number(found.correlation),
        interval,
        number(found.spread),
        opened,
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.openings", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar and pairs.tar")
    parser.add_argument("--sets", nargs="+", choices=_SETS, default=list(_SETS))
    parser.add_argument("--methods", nargs="+", choices=REMOVAL_METHODS, default=list(REMOVAL_METHODS[:6]))
    command.add_options(parser, "runs/openings")
    return command.finish(run, parser.parse_args(arguments), NAME)


if __name__ == "__main__":
    sys.exit(main())
