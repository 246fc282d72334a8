"""How much of a grid a painter leaves: what alternates from pixel to pixel inside holes, against the photos' own.

    python -m benchmarks.grid --data FOLDER

A network that unfolds channels into pixels (:func:`torch.nn.functional.pixel_shuffle`, 2 x 2) can leave lines and dots
of two pixels' period. Held-out faces are repainted under a suggested mask, and the energy at those three frequencies is
compared with the photo's at the same place. Writes ``grid.md`` and ``.json`` into the output folder.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks import command
from benchmarks.holes import cut_holes
from benchmarks.methods import Method, network_method
from benchmarks.networks import load_network
from benchmarks.tables import markdown_line
from pipelines.devices import DEVICES, PRECISIONS, choose
from pipelines.errors import DataUnreadable
from pipelines.faces.masks import EXTENTS, grow
from pipelines.files import write_all_atomic
from pipelines.training.data import FaceSet, load_faces

NAME = "grid"
"""Stem of the files."""

PATTERNS = {"upright lines": (1, 0), "level lines": (0, 1), "dots": (1, 1)}
"""Patterns of two pixels' period → whether they alternate along x and along y."""

TOTAL = "all three"
"""Row of their sum."""

# px. A pattern that is as strong over some six pixels counts whole; of a hair or pore with a period of three pixels
# 3 % of the amplitude are left, and nothing of shading.
_SIGMA = 2.5
_BORDER = 8  # px inside a hole's border that are left out: three sigmas, so that a step on the border is no grid
_BATCH = 8


def energy(picture: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Mean square of each of :data:`PATTERNS` in a region, in squared grey levels: ``(3,)``.

    The picture is multiplied by the pattern, which turns its frequency to zero, and smoothed by a Gaussian: what is
    left at a pixel is the amplitude with which it alternates about there. A pattern of amplitude a has an energy of a².

    Args:
        picture: ``(S, S, 3)``, 0-255; channels are averaged.
        inside: ``bool`` ``(S, S)``; where it is empty, no energy is a number.
    """
    if not inside.any():
        return np.full(len(PATTERNS), np.nan)
    rows, columns = np.indices(inside.shape)
    found = []
    for across, down in PATTERNS.values():
        sign = 1 - 2 * ((across * columns + down * rows) % 2)
        # OpenCV mirrors about the border's pixels, which keeps the alternation going.
        amplitude = cv2.GaussianBlur((picture * sign[..., None]).astype(np.float32), (0, 0), _SIGMA)
        found.append(np.square(amplitude[inside]).mean())
    return np.array(found)


def measure(method: Method, faces: FaceSet, holes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energies inside the holes, narrowed by some pixels, of what a method draws and of the photos: ``(N, 3)`` each.

    Args:
        method: fills the holes.
        faces: the photos.
        holes: ``bool`` ``(N, S, S)``; a face whose hole is too narrow has no energy (not a number).
    """
    photos = faces.images.permute(0, 2, 3, 1).numpy()
    drawn, own = [], []
    for start in tqdm(range(0, len(faces), _BATCH), NAME, disable=None):
        crops, masks = (np.ascontiguousarray(array[start : start + _BATCH]) for array in (photos, holes))
        for filled, crop, mask in zip(method.fill(crops, masks).crops, crops, masks, strict=True):
            inside = grow(mask, -_BORDER)
            drawn.append(energy(filled, inside))
            own.append(energy(crop, inside))
    return np.array(drawn), np.array(own)


def compared(drawn: np.ndarray, own: np.ndarray) -> dict[str, dict[str, float]]:
    """Pattern, or their sum, → medians and means over the faces, in squared grey levels, and what times the photos' own
    the drawn ones are.

    Args:
        drawn, own: of :func:`measure`, without faces that have no energy.
    """
    rows = {}
    for name, one, other in zip(PATTERNS, drawn.T, own.T, strict=True):
        rows[name] = _row(one, other)
    rows[TOTAL] = _row(drawn.sum(1), own.sum(1))
    return rows


def _row(drawn: np.ndarray, own: np.ndarray) -> dict[str, float]:
    row = {}
    for name, average in (("median", np.median), ("mean", np.mean)):
        one, other = float(average(drawn)), float(average(own))
        row |= {f"drawn_{name}": one, f"photo_{name}": other, f"ratio_of_{name}s": one / max(other, 1e-12)}
    return row


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the table.

    Raises:
        PhiltrumError: data, weights or the device are not to be had.
    """
    device = choose(options.device, options.precision)
    method = network_method(load_network(options.weights, options.checkpoint), device)
    faces = load_faces(options.data, "val", cache=options.cache, most=options.most)
    drawn, own = measure(method, faces, cut_holes(faces, options.extent, 0))
    known = np.isfinite(drawn).all(1)
    if not known.any():
        raise DataUnreadable("No hole is wide enough to be measured; use another extent or other photos.")
    rows = compared(drawn[known], own[known])
    facts = {"extent": options.extent, "photos": int(known.sum()), **method.facts}
    header = ["Pattern", "Photo, grey levels", "Drawn, grey levels", "Energy, ratio of medians", "ratio of means"]
    lines = [
        f"What alternates from pixel to pixel in {facts['photos']} holes, mask *{options.extent}*, weights "
        f"{facts['weights']}; grey levels are the root of the median energy:",
        "",
        markdown_line(header),
        markdown_line(["---", *["---:"] * 4]),
    ]
    for name, row in rows.items():
        levels = (f"{np.sqrt(row[key]):.3f}" for key in ("photo_median", "drawn_median"))
        ratios = (f"{row[key]:.2f}" for key in ("ratio_of_medians", "ratio_of_means"))
        lines.append(markdown_line([name, *levels, *ratios]))
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        f"{NAME}.md": "\n".join(lines) + "\n",
        f"{NAME}.json": json.dumps({**facts, "rows": rows}, indent=1) + "\n",
    }
    write_all_atomic({folder / name: text.encode() for name, text in texts.items()})


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.grid", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar, or with photos and val.txt")
    parser.add_argument("--extent", choices=EXTENTS, default="lips-to-nose", help="mask that is suggested")
    ours = parser.add_mutually_exclusive_group()
    ours.add_argument("--weights", help="name of registered weights; the default ones otherwise")
    ours.add_argument("--checkpoint", help="safetensors file of a training run, instead of registered weights")
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)}")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    command.add_photo_options(parser, f"runs/{NAME}")
    parser.set_defaults(most=200)
    return command.finish(run, parser.parse_args(arguments), NAME)


if __name__ == "__main__":
    sys.exit(main())
