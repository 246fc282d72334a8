"""Is the painter fair, and is it true: what it makes of faces of every skin tone, mouth, jaw, age and view.

    python -m benchmarks.groups --data FOLDER --weights-dir FOLDER --out runs/groups

Held-out faces are repainted under suggested masks, and FaceMesh measures lips and nose of what was drawn as it measured
them in the photo. Writes ``groups.md`` and ``.json`` into the output folder, and keeps the scores there.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from skimage.color import rgb2lab
from tqdm import tqdm

from benchmarks import command
from benchmarks.fairness import COLUMNS, headlines, members, row
from benchmarks.holes import cut_holes
from benchmarks.lips import FIGURES, figures
from benchmarks.methods import Method, network_method, to_tensor
from benchmarks.networks import load_network
from benchmarks.scores import CLEFT_INPAINTING_CODE, Scores, kept, stamp, workers
from benchmarks.sheets import SHEET_FACES, holed, write_sheet
from benchmarks.tables import markdown_line
from pipelines.devices import Device, choose
from pipelines.faces.landmarks import find_crop_face
from pipelines.faces.masks import EXTENTS
from pipelines.faces.points import Face
from pipelines.files import sha256_of, write_all_atomic
from pipelines.metrics.backbones import find_backbone
from pipelines.metrics.perceptual import LPIPS
from pipelines.metrics.psnr import psnr
from pipelines.training.data import FaceSet, load_faces

NAME = "groups"
"""Stem of the files."""

_CODE = (
    *("benchmarks/groups.py", "benchmarks/lips.py", "benchmarks/holes.py", "pipelines/faces/measurements.py"),
    *CLEFT_INPAINTING_CODE,
)
_NOTE = (
    "Figures are drawn less true: in % of the eye distance, the mean over a group; of the truth, the median, for "
    "openings over mouths that are open in the photo. Lightness is the median L* inside the hole. LPIPS and PSNR are "
    "of the whole crop. Lost are repainted crops in which FaceMesh no longer finds a face; they have no figures of "
    "lips and nose. Open mouths hold the laughing ones. Intervals are percentiles of 2,000 bootstrap samples of the "
    "faces."
)


def measure(
    method: Method,
    faces: FaceSet,
    holes: np.ndarray,
    perceptual: LPIPS,
    device: Device,
    pool: Executor | None = None,
    batch: int = 8,
) -> Scores:
    """Fills ``holes`` ``(N, S, S)`` in ``faces`` and measures what was drawn and the photos.

    Returns:
        Values ``(N,)``: ``lpips`` and ``psnr`` of the whole crop, and of photo and drawn crop (``opening_true``,
        ``opening_drawn``) each of :data:`~benchmarks.lips.FIGURES`, in eye distances, and ``lightness``, the median L*
        in the hole. Figures of a drawn crop are not a number where FaceMesh no longer finds a face.
    """
    photos = faces.images.permute(0, 2, 3, 1).numpy()
    rows, found, first = [], [], []
    for start in tqdm(range(0, len(faces), batch), NAME, disable=None):
        crops, masks = (np.ascontiguousarray(array[start : start + batch]) for array in (photos, holes))
        drawn = method.fill(crops, masks).crops
        found.append((pool.map if pool else map)(_figures, drawn))
        with torch.inference_mode():
            pair = [to_tensor(pictures).to(device.torch_device) for pictures in (drawn, crops)]
            distances = [metric(*pair).double().cpu().numpy() for metric in (perceptual, psnr)]
        light = [[_lightness(*one) for one in zip(pictures, masks, strict=True)] for pictures in (crops, drawn)]
        rows.append(np.array([*distances, *light]))
        first += list(drawn[: max(0, SHEET_FACES - start)])
    values = dict(zip(("lpips", "psnr", "lightness_true", "lightness_drawn"), np.concatenate(rows, 1), strict=True))
    true = np.array([figures(Face(mesh)) for mesh in faces.meshes.numpy()])
    drawn = np.array([one for answers in found for one in answers])
    for place, name in enumerate(FIGURES):
        values |= {f"{name}_true": true[:, place], f"{name}_drawn": drawn[:, place]}
    return Scores(values, np.array(first))


def _figures(crop: np.ndarray) -> np.ndarray:
    face = find_crop_face(crop)
    return figures(face) if face else np.full(len(FIGURES), np.nan)


def _lightness(crop: np.ndarray, hole: np.ndarray) -> float:
    return float(np.median(rgb2lab(crop[hole][None])[..., 0]))


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the tables and a sheet of each mask.

    Raises:
        PhiltrumError: data, weights or the device are not to be had.
    """
    out = Path(options.out)
    device = choose(options.device, options.precision)
    perceptual = LPIPS("alex", options.weights_dir).to(device.torch_device)
    method = network_method(load_network(options.weights, options.checkpoint), device)
    faces = load_faces(options.data, "val", cache=options.cache, most=options.most)
    facts = {
        "photos": len(faces),
        "photo_names_sha256": hashlib.sha256("\n".join(faces.names).encode()).hexdigest(),
        "lpips_network_sha256": sha256_of(find_backbone("alex", options.weights_dir)),
    }
    stamped = stamp(method, facts, _CODE)
    inside, photos, tables = members(faces), faces.images.permute(0, 2, 3, 1).numpy(), {}
    with workers(options.workers) as pool:
        for extent in options.extents:
            holes = cut_holes(faces, extent, options.seed)
            path = out / "scores" / f"{extent}-{stamped}.npz"
            scores = kept(path, partial(measure, method, faces, holes, perceptual, device, pool, options.batch))
            tables[extent] = {
                "headlines": [one._asdict() for one in headlines(scores.values, inside, options.seed)],
                "groups": {name: row(scores.values, those) for name, those in inside.items()},
            }
            write_sheet(out / f"{extent}.png", {"photo": photos, "hole": holed(photos, holes), "drawn": scores.first})
    facts |= {"seed": options.seed, **method.facts}
    texts = {
        f"{NAME}.md": _markdown(tables, facts),
        f"{NAME}.json": json.dumps({**facts, "extents": tables}, indent=1, allow_nan=False) + "\n",
    }
    write_all_atomic({out / name: text.encode() for name, text in texts.items()})


def _markdown(tables: Mapping[str, Mapping], facts: Mapping[str, object]) -> str:
    lines = ["# Held-out faces by group", "", *(f"- {key.replace('_', ' ')}: {value}" for key, value in facts.items())]
    for extent, table in tables.items():
        lines += [
            "",
            f"## Mask *{extent}*",
            "",
            markdown_line(["Question", "Figure", "95 % interval", "Wanted", "Held"]),
        ]
        lines.append(markdown_line(["---", *["---:"] * 4]))
        lines += [_asked(**headline) for headline in table["headlines"]]
        header = ["Group", "Faces", "Lost", *(heading for heading, _ in COLUMNS.values())]
        lines += ["", markdown_line(header), markdown_line(["---", *["---:"] * (len(header) - 1)])]
        for name, found in table["groups"].items():
            cells = [_cell(found[key], form) for key, (_, form) in COLUMNS.items()]
            lines.append(markdown_line([name, str(found["faces"]), str(found["lost"]), *cells]))
    return "\n".join([*lines, "", _NOTE, ""])


def _asked(question: str, figure: float | None, low: float | None, high: float | None, within: float | None) -> str:
    bounds = "–" if low is None else f"{low:.2f} to {high:.2f}"
    wanted, held = "–", "–"
    if within is not None:
        wanted = f"within ±{within:.0f}"
        held = held if figure is None else "yes" if abs(figure) <= within else "no"
    return markdown_line([question, _cell(figure, ".2f"), bounds, wanted, held])


def _cell(number: float | None, form: str) -> str:
    return "–" if number is None else f"{number:{form}}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.groups", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar, or with photos and val.txt")
    parser.add_argument(
        "--extents", nargs="+", choices=EXTENTS, default=["lips-to-nose", "lower-face"], help="of masks"
    )
    command.add_options(parser, f"runs/{NAME}")
    return command.finish(run, parser.parse_args(arguments), NAME)


if __name__ == "__main__":
    sys.exit(main())
