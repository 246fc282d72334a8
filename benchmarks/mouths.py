"""How often closed lips are drawn open, by how far the mask reaches: why a mask should hold the cleft and little more.

    python -m benchmarks.mouths --data FOLDER

Held-out faces with closed lips are repainted under each suggested mask and under the same masks grown; a mouth is open
where FaceMesh finds a gap between the lips. Writes ``mouths.md`` into the output folder.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from benchmarks import command
from benchmarks.methods import Method, network_method
from benchmarks.networks import load_network
from benchmarks.tables import markdown_line
from pipelines.devices import DEVICES, PRECISIONS, choose
from pipelines.errors import DataUnreadable
from pipelines.faces.landmarks import find_crop_face
from pipelines.faces.masks import EXTENTS, grow, suggest_mask
from pipelines.faces.measurements import lip_gap
from pipelines.faces.points import Face
from pipelines.files import write_atomic
from pipelines.training.data import load_faces
from pipelines.training.sets.balance import CLOSED

NAME = "mouths"
"""Stem of the file."""

OPEN = 0.03
"""Eye distances between the lips of a mouth that counts as drawn open."""

GROWN = (0.0, 0.05, 0.1, 0.2)
"""Eye distances by which masks are grown: 4, 8 and 15 pixels of a face whose eyes are 77 pixels apart."""


def drawn_open(method: Method, crops: Sequence[np.ndarray], faces: Sequence[Face], extent: str, grown: float) -> float:
    """Share of closed mouths that are drawn open, 0-1; faces that FaceMesh no longer finds are left out."""
    gaps = []
    for crop, face in zip(crops, faces, strict=True):
        mask = grow(suggest_mask(face, crop.shape[:2], extent), grown * face.eye_distance)
        found = find_crop_face(method.fill(crop[None], mask[None]).crops[0])
        if found is not None:
            gaps.append(lip_gap(found))
    return float(np.mean(np.array(gaps) > OPEN))


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the table.

    Raises:
        PhiltrumError: data, weights or the device are not to be had.
    """
    method = network_method(
        load_network(options.weights, options.checkpoint), choose(options.device, options.precision)
    )
    held_out = load_faces(options.data, "val", cache=options.cache)
    found = [Face(mesh.numpy() * held_out.images.shape[-1]) for mesh in held_out.meshes]
    closed = [row for row, face in enumerate(found) if lip_gap(face) < CLOSED][: options.most]
    if not closed:
        raise DataUnreadable("No photo of the data folder shows a face with closed lips; use other photos.")
    crops = [np.ascontiguousarray(held_out.images[row].permute(1, 2, 0).numpy()) for row in closed]
    faces = [found[row] for row in closed]
    header = ["Mask", "as suggested", *(f"{100 * grown:.0f} % of the eye distance wider" for grown in GROWN[1:])]
    lines = [f"Closed mouths that are drawn open, % of {len(closed)} held-out faces:", "", markdown_line(header)]
    lines.append(markdown_line(["---", *["---:"] * len(GROWN)]))
    with tqdm(total=len(EXTENTS) * len(GROWN), disable=None) as bar, torch.inference_mode():
        for extent in EXTENTS:
            shares = []
            for grown in GROWN:
                shares.append(drawn_open(method, crops, faces, extent, grown))
                bar.update()
            lines.append(markdown_line([extent, *(f"{100 * share:.0f}" for share in shares)]))
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / f"{NAME}.md", ("\n".join(lines) + "\n").encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.mouths", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar, or with photos and val.txt")
    ours = parser.add_mutually_exclusive_group()
    ours.add_argument("--weights", help="name of registered weights; the default ones otherwise")
    ours.add_argument("--checkpoint", help="safetensors file of a training run, instead of registered weights")
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)}")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    command.add_photo_options(parser, "runs/mouths")
    return command.finish(run, parser.parse_args(arguments), NAME)


if __name__ == "__main__":
    sys.exit(main())
