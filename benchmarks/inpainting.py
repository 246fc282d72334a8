"""How well holes in held-out faces are filled: ours and three baselines, over five kinds of hole.

    python -m benchmarks.inpainting --data FOLDER --weights-dir FOLDER --out runs/benchmark

Writes ``inpainting.md``, ``.csv`` and ``.json`` and a contact sheet for each kind of hole into the output folder, and
keeps each method's scores there, so that an interrupted run goes on where it stopped.
"""

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.holes import KINDS, cut_holes
from benchmarks.methods import METHODS, Method, mean_face_method, network_method, opencv_method, to_tensor
from benchmarks.networks import load_network
from benchmarks.sheets import SHEET_FACES, write_sheet
from benchmarks.tables import Row, write_tables
from pipelines.devices import DEVICES, PRECISIONS, Device, choose
from pipelines.errors import PhiltrumError
from pipelines.faces.landmarks import MESH_TO_68, find_crop_face
from pipelines.files import sha256_of
from pipelines.metrics.backbones import find_backbone
from pipelines.metrics.l1 import l1
from pipelines.metrics.landmark_error import landmark_error
from pipelines.metrics.perceptual import LPIPS
from pipelines.metrics.psnr import psnr
from pipelines.metrics.ssim import ssim
from pipelines.training.data import FaceSet, load_faces

_MEAN_OF = 1000  # training faces in the mean face
_CODE = ("benchmarks/inpainting.py", "benchmarks/methods.py", "benchmarks/holes.py", "pipelines/metrics/*.py")
_CODE += ("pipelines/faces/masks.py", "pipelines/faces/landmarks.py")  # what every score depends on
_NETWORK_CODE = ("pipelines/cleft_inpainting/network.py", "pipelines/layers/*.py")


@dataclass(frozen=True)
class Scores:
    """One method's scores on one kind of hole.

    Attributes:
        values: metric -> ``(N,)``, NaN where a photo has none.
        first: ``uint8`` ``(M, S, S, 3)``, the first repainted crops, for looking.
    """

    values: dict[str, np.ndarray]
    first: np.ndarray


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
    of the true eye distance. LPIPS is computed on ``device``; what works on one photo at a time goes to ``pool``.
    """
    found, columns, first = [], [], []
    for start in range(0, len(faces), batch):
        part = slice(start, start + batch)
        crops, masks = faces.images[part].permute(0, 2, 3, 1).contiguous().numpy(), holes[part]
        filled = method.fill(crops, masks)
        found.append((pool.map if pool else map)(_inspect, filled.crops, crops))
        columns.append(_compare(filled.crops, crops, masks, perceptual, device))
        predicted = filled.points if filled.points is not None else np.full((len(crops), 68, 2), np.nan)
        columns[-1]["predicted_mouth_nose"] = landmark_error(predicted, _points(faces)[part], "mouth-nose")
        first += list(filled.crops[: max(0, SHEET_FACES - start)])
    values = {key: np.concatenate([column[key] for column in columns]) for key in columns[0]}
    similarity, points = zip(*(answer for answers in found for answer in answers), strict=True)
    values["ssim"] = np.array(similarity)
    for subset in ("mouth-nose", "all"):
        values[f"landmarks_{subset.replace('-', '_')}"] = landmark_error(np.stack(points), _points(faces), subset)
    values["found"] = np.isfinite(np.stack(points)).all((1, 2)).astype(float)
    values["hole"] = 100 * holes.mean((1, 2))
    return Scores(values, np.stack(first))


def _points(faces: FaceSet) -> np.ndarray:
    return faces.meshes.numpy()[:, list(MESH_TO_68)]


@torch.inference_mode()
def _compare(
    filled: np.ndarray, crops: np.ndarray, masks: np.ndarray, perceptual: LPIPS, device: Device
) -> dict[str, np.ndarray]:
    image, target = to_tensor(filled).to(device.torch_device), to_tensor(crops).to(device.torch_device)
    hole = torch.from_numpy(masks)[:, None].to(device.torch_device)
    scores = {
        "psnr": psnr(image, target),
        "lpips": perceptual(image, target),
        "l1_hole": l1(image, target, hole),
    }
    return {key: value.double().cpu().numpy() for key, value in scores.items()}


def _inspect(filled: np.ndarray, crop: np.ndarray) -> tuple[float, np.ndarray]:
    """SSIM, and the 68 points as a fraction of the side (NaN where no face was found)."""
    similarity = ssim(to_tensor(filled[None]), to_tensor(crop[None])).item()
    face = find_crop_face(filled)
    return similarity, face.points / len(filled) if face else np.full((68, 2), np.nan)


@contextmanager
def _workers(count: int) -> Iterator[Executor | None]:
    """``count`` processes, or None for one: then everything happens in this process."""
    if count <= 1:
        yield None
        return
    # Spawned, not forked: MediaPipe's threads do not survive a fork.
    with ProcessPoolExecutor(count, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        yield pool


def _build(key: str, options: argparse.Namespace, device: Device) -> Method:
    if key == "ours":
        return network_method(load_network(options.weights, options.checkpoint), device)
    if key == "mean-face":
        return mean_face_method(load_faces(options.data, "train", cache=options.cache, most=_MEAN_OF))
    return opencv_method(key)


def _stamp(method: Method, facts: Mapping[str, object]) -> str:
    """Names kept scores by everything that they depend on, the code included."""
    code = _code(_CODE + _NETWORK_CODE if method.key == "ours" else _CODE)
    return hashlib.sha256(repr((facts, method.facts, code)).encode()).hexdigest()[:16]


def _code(patterns: Sequence[str]) -> str:
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _cached(path: Path) -> Scores | None:
    if not path.exists():
        return None
    with np.load(path) as stored:
        return Scores({key: stored[key] for key in stored.files if key != "first"}, stored["first"])


def _keep(path: Path, scores: Scores) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, first=scores.first, **scores.values)
    os.replace(part, path)  # a killed run leaves no half file


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
    stamps = {method.key: _stamp(method, facts) for method in methods}
    rows = []
    with _workers(options.workers) as pool, tqdm(total=len(options.kinds) * len(methods), disable=None) as bar:
        for kind in options.kinds:
            holes = cut_holes(faces, kind, options.seed)
            drawn = {}
            for method in methods:
                bar.set_description(f"{kind}, {method.key}")
                path = out / "scores" / f"{kind}-{method.key}-{stamps[method.key]}.npz"
                scores = _cached(path)
                if scores is None:
                    scores = measure(method, faces, holes, perceptual, device, pool, options.batch)
                    _keep(path, scores)
                rows.append(Row.of(kind, method.key, scores.values))
                drawn[method.key] = scores.first
                bar.update()
            write_sheet(out / f"{kind}.png", faces, holes, drawn)
    for method in methods:
        facts |= method.facts
    write_tables(out, rows, facts)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.inpainting", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar and train-*.tar, or with photos and lists")
    parser.add_argument("--weights-dir", help="folder with AlexNet's file for LPIPS")
    parser.add_argument("--out", default="runs/benchmark", help="folder for tables, sheets and kept scores")
    ours = parser.add_mutually_exclusive_group()
    ours.add_argument("--weights", help="name of registered weights; the default ones otherwise")
    ours.add_argument("--checkpoint", help="safetensors file of a training run, instead of registered weights")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--most", type=_count, help="only the first so many photos")
    parser.add_argument("--seed", type=int, default=0, help="of the irregular holes")
    parser.add_argument("--batch", type=_count, default=8)
    parser.add_argument("--workers", type=_count, default=os.cpu_count(), help="processes for landmarks and SSIM")
    parser.add_argument("--cache", default=".data", help="folder of the landmark cache")
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)}")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    options = parser.parse_args(arguments)
    try:
        run(options)
    except PhiltrumError as error:
        print(error, file=sys.stderr)
        return 2
    print((Path(options.out) / "inpainting.md").read_text())
    return 0


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
