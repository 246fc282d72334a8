"""How well holes in held-out faces are filled: ours and three baselines, over five kinds of hole.

    python -m benchmarks.inpainting --data FOLDER --weights-dir FOLDER --out runs/benchmark

Writes ``inpainting.md``, ``.csv`` and ``.json`` and a contact sheet for each kind of hole into the output folder, and
keeps each method's scores there, so that an interrupted run goes on where it stopped.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks import command
from benchmarks.holes import KINDS, cut_holes
from benchmarks.methods import METHODS, Method, mean_face_method, network_method, opencv_method
from benchmarks.networks import load_network
from benchmarks.scores import CLEFT_INPAINTING_CODE, Scores, compare, kept, stamp, workers
from benchmarks.sheets import holed, write_sheet
from benchmarks.tables import Row, write_tables
from pipelines.devices import Device, choose
from pipelines.faces.points import MESH_TO_68
from pipelines.files import sha256_of
from pipelines.metrics.backbones import find_backbone
from pipelines.metrics.landmark_error import landmark_error
from pipelines.metrics.perceptual import LPIPS
from pipelines.training.data import FaceSet, load_faces

_MEAN_OF = 1000  # training faces in the mean face
_CODE = ("benchmarks/inpainting.py", "benchmarks/holes.py", "pipelines/faces/masks.py")


def measure(
    method: Method,
    faces: FaceSet,
    holes: np.ndarray,
    perceptual: LPIPS,
    device: Device,
    pool: Executor | None = None,
    batch: int = 8,
) -> Scores:
    """Fills ``holes`` ``(N, S, S)`` in ``faces`` and compares with the photos.

    Landmarks are found anew by FaceMesh on each repainted crop and compared with those of the whole photo, in per cent
    of the true eye distance. See :func:`~benchmarks.scores.compare`.
    """
    photos, true = _pictures(faces), faces.meshes.numpy()[:, list(MESH_TO_68)]
    compared = compare(method, (photos, holes), photos, perceptual, device, pool, batch)
    predicted = compared.filled.points
    if predicted is None:
        predicted = np.full_like(true, np.nan)
    return compared.scores(
        {
            "predicted_mouth_nose": landmark_error(predicted, true, "mouth-nose"),
            "landmarks_mouth_nose": landmark_error(compared.points, true, "mouth-nose"),
            "landmarks_all": landmark_error(compared.points, true, "all"),
        }
    )


def _pictures(faces: FaceSet) -> np.ndarray:
    return faces.images.permute(0, 2, 3, 1).numpy()


def _build(key: str, options: argparse.Namespace, device: Device) -> Method:
    if key == "ours":
        return network_method(load_network(options.weights, options.checkpoint), device)
    if key == "mean-face":
        return mean_face_method(load_faces(options.data, "train", cache=options.cache, most=_MEAN_OF))
    return opencv_method(key)


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the tables and sheets.

    Raises:
        PhiltrumError: data, weights or the device are not to be had.
    """
    out = Path(options.out)
    device = choose(options.device, options.precision)
    perceptual = LPIPS("alex", options.weights_dir).to(device.torch_device)
    methods = [_build(key, options, device) for key in options.methods]
    faces = load_faces(options.data, "val", cache=options.cache, most=options.most)
    facts = {
        "photos": len(faces),
        "photo_names_sha256": hashlib.sha256("\n".join(faces.names).encode()).hexdigest(),
        "seed": options.seed,
        "lpips_network": "alex",
        "lpips_network_sha256": sha256_of(find_backbone("alex", options.weights_dir)),
    }
    code = {key: (*_CODE, *(CLEFT_INPAINTING_CODE if key == "ours" else ())) for key in options.methods}
    stamps = {method.key: stamp(method, facts, code[method.key]) for method in methods}
    rows = []
    with workers(options.workers) as pool, tqdm(total=len(options.kinds) * len(methods), disable=None) as bar:
        for kind in options.kinds:
            holes = cut_holes(faces, kind, options.seed)
            drawn = {}
            for method in methods:
                bar.set_description(f"{kind}, {method.key}")
                path = out / "scores" / f"{kind}-{method.key}-{stamps[method.key]}.npz"
                scores = kept(path, partial(measure, method, faces, holes, perceptual, device, pool, options.batch))
                rows.append(Row.of(kind, method.key, scores.values))
                drawn[method.key] = scores.first
                bar.update()
            photos = _pictures(faces)
            write_sheet(out / f"{kind}.png", {"photo": photos, "hole": holed(photos, holes), **drawn})
    for method in methods:
        facts |= method.facts
    write_tables(out, rows, facts)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.inpainting", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar and train-*.tar, or with photos and lists")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    command.add_options(parser, "runs/benchmark")
    return command.finish(run, parser.parse_args(arguments), "inpainting")


if __name__ == "__main__":
    sys.exit(main())
