"""How well faces are repainted under surgical masks: with and without a reference, and by four baselines.

    python -m benchmarks.mask_removal --data FOLDER --masked FOLDER --weights-dir FOLDER --embedder FILE

Three sets of photos (:mod:`benchmarks.cases`). Writes ``mask_removal.md``, ``.csv`` and ``.json`` and a contact sheet
for each set into the output folder, and keeps each method's scores there, so that an interrupted run goes on where it
stopped.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from torch import nn
from tqdm import tqdm

from benchmarks import command
from benchmarks.cases import GUIDED_BY, SETS, Cases, labelled_cases, pairs_cases, val_cases
from benchmarks.embedder import TorchScriptEmbedder
from benchmarks.methods import (
    GUIDED,
    REMOVAL_METHODS,
    Method,
    opencv_method,
    paste_method,
    removal_method,
    to_tensor,
)
from benchmarks.networks import load_network
from benchmarks.paired import PairedTest
from benchmarks.scores import CLEFT_INPAINTING_CODE, Scores, compare, kept, stamp, workers
from benchmarks.sheets import holed, write_sheet
from benchmarks.tables import MASK_REMOVAL, Row, write_tables
from pipelines.devices import Device, choose
from pipelines.errors import OptionInvalid
from pipelines.files import sha256_of
from pipelines.metrics.backbones import find_backbone
from pipelines.metrics.frechet import AlexNetFeatures, FrechetDistance
from pipelines.metrics.perceptual import LPIPS

_CODE = (
    *("benchmarks/mask_removal.py", "pipelines/mask_removal/covered.py"),
    *("benchmarks/embedder.py", "pipelines/faces/alignment.py"),
)
_REMOVAL_CODE = (
    *("pipelines/mask_removal/network.py", "pipelines/mask_removal/painting.py", "pipelines/layers/**/*.py"),
    *("pipelines/faces/masks.py", "pipelines/faces/blending/skin.py"),
)
_TESTED = ("identity", "lpips")  # metrics of the paired tests


@dataclass(frozen=True)
class Judges:
    """What compares pictures.

    Attributes:
        perceptual: LPIPS on ``device``.
        features: of the Frechet distance, on the processor.
        embedder: of the identity; None leaves it out.
        device: where networks run.
    """

    perceptual: LPIPS
    features: nn.Module
    embedder: TorchScriptEmbedder | None
    device: Device


def measure(method: Method, cases: Cases, judges: Judges, pool: Executor | None = None, batch: int = 8) -> Scores:
    """Repaints the cases and compares with the truth; see :func:`~benchmarks.scores.compare`.

    Identity is the cosine similarity of the embeddings of result and truth, both on the truth's landmarks, so that it
    says nothing of where a landmark detector believes the mouth to be.
    """
    faces = cases.all
    given = (faces.crop, faces.hole, *((faces.reference, faces.confidence) if method.key in GUIDED else ()))
    compared = compare(method, given, faces.truth, judges.perceptual, judges.device, pool, batch)
    drawn = compared.filled.crops
    identity = np.full(len(cases), np.nan)
    if judges.embedder:
        columns = (drawn, faces.points, faces.truth, faces.points)
        identity = np.array(list(map(judges.embedder.similarity, *columns)))
    return compared.scores({"identity": identity, "frechet": _frechet(drawn, faces.truth, judges.features, batch)})


def _frechet(drawn: np.ndarray, truths: np.ndarray, features: nn.Module, batch: int) -> np.ndarray:
    """The distance of two sets of crops, ``()``; NaN for a single photo, which has no covariance."""
    distance = FrechetDistance(features)
    for pictures, real in ((truths, True), (drawn, False)):
        for start in range(0, len(pictures), batch):
            distance.add(to_tensor(pictures[start : start + batch]), real=real)
    return np.array(distance.compute() if len(drawn) > 1 else np.nan)


def build_methods(keys: Sequence[str], options: argparse.Namespace, device: Device) -> dict[str, Method]:
    """The methods that ``keys`` name, each with its network loaded."""
    methods = {}
    for key in keys:
        if key.startswith(("ours", "paper")):
            measured = load_network(options.weights, options.checkpoint, job="mask-removal")
            methods[key] = removal_method(measured, device, key, load_network() if key.startswith("ours") else None)
        else:
            methods[key] = paste_method() if key == "paste" else opencv_method(key)
    return methods


def _code(key: str) -> tuple[str, ...]:
    if key.startswith("ours"):
        return (*_CODE, *_REMOVAL_CODE, *CLEFT_INPAINTING_CODE)
    return (*_CODE, *_REMOVAL_CODE) if key.startswith("paper") else _CODE


def load_cases(key: str, options: argparse.Namespace, device: Device, pool: Executor | None) -> Cases:
    """The faces of a set, one of :data:`~benchmarks.cases.SETS`."""
    if key == "labelled":
        return labelled_cases(options.masked, options.seed, options.most, pool)
    if key == "val":
        return val_cases(options.data, options.seed, options.most, options.cache)
    network = build_methods(["ours"], options, device)["ours"]

    def draw(crops: np.ndarray, holes: np.ndarray) -> np.ndarray:
        starts = range(0, len(crops), options.batch)
        return np.concatenate([network.fill(*(x[i : i + options.batch] for x in (crops, holes))).crops for i in starts])

    return pairs_cases(options.data, draw, options.most, pool)


def measured_on(key: str, methods: Sequence[str]) -> list[str]:
    """Those of ``methods`` for which the set has what they need."""
    others = tuple(f"-{end}" for end in set(GUIDED_BY.values()) - {GUIDED_BY[key]})
    return [method for method in methods if not method.endswith(others)]


def _facts(key: str, cases: Cases) -> dict[str, object]:
    left_out = {f"{key}_left_out_{reason.replace(' ', '_')}": count for reason, count in cases.left_out.items()}
    return {f"{key}_photos": len(cases), f"{key}_left_out": sum(cases.left_out.values()), **left_out}


def _tests(key: str, values: Mapping[str, Mapping[str, np.ndarray]]) -> list[PairedTest]:
    """Whether the other photo of a person helps."""
    if key != "pairs" or not {"ours", "ours-reference"} <= values.keys():
        return []
    columns = [(metric, values["ours-reference"][metric], values["ours"][metric]) for metric in _TESTED]
    found = [PairedTest.of(key, metric, "ours-reference", "ours", *scores) for metric, *scores in columns]
    return [test for test in found if test is not None]


def _draw(path: Path, cases: Cases, drawn: Mapping[str, np.ndarray]) -> None:
    faces = cases.all
    references = holed(faces.reference, faces.confidence < 0.5)
    columns = {"truth": faces.truth, "hole": holed(faces.crop, faces.hole), "reference": references}
    write_sheet(path, columns | drawn)


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the tables and sheets.

    Raises:
        PhiltrumError: data, weights or the device are not to be had.
    """
    plan = {key: measured_on(key, options.methods) for key in options.sets}
    if not any(plan.values()):
        raise OptionInvalid("None of these methods is measured on these sets; choose others.")
    out = Path(options.out)
    device = choose(options.device, options.precision)
    embedder = TorchScriptEmbedder(options.embedder) if options.embedder else None
    perceptual = LPIPS("alex", options.weights_dir).to(device.torch_device)
    judges = Judges(perceptual, AlexNetFeatures(options.weights_dir), embedder, device)
    methods = build_methods(
        [key for key in options.methods if any(key in keys for keys in plan.values())], options, device
    )
    sources = {
        "alexnet_sha256": sha256_of(find_backbone("alex", options.weights_dir)),
        "embedder_sha256": sha256_of(options.embedder) if embedder else None,
    }
    facts = {"seed": options.seed, **sources}
    if embedder is None:
        facts["identity"] = "not measured: no --embedder was given"
    rows, tests = [], []
    with workers(options.workers) as pool, tqdm(total=sum(map(len, plan.values())), disable=None) as bar:
        for key, keys in plan.items():
            bar.set_description(f"{key}, reading")
            cases = load_cases(key, options, device, pool)
            facts |= _facts(key, cases)
            values, drawn = {}, {}
            for method in map(methods.__getitem__, keys):
                bar.set_description(f"{key}, {method.key}")
                named = stamp(method, {"cases": cases.sha256, **sources}, _code(method.key))
                path = out / "scores" / f"{key}-{method.key}-{named}.npz"
                scores = kept(path, partial(measure, method, cases, judges, pool, options.batch))
                rows.append(Row.of(key, method.key, scores.values, MASK_REMOVAL.columns))
                values[method.key], drawn[method.key] = scores.values, scores.first
                bar.update()
            tests += _tests(key, values)
            _draw(out / f"{key}.png", cases, drawn)
    for method in methods.values():
        facts |= method.facts
    write_tables(out, rows, facts, MASK_REMOVAL, tests)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.mask_removal", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar and pairs.tar")
    parser.add_argument("--masked", help="folder with the labelled mask photos in pairs/")
    parser.add_argument("--embedder", help="TorchScript file of a face embedder; without it no identity is measured")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--methods", nargs="+", choices=REMOVAL_METHODS, default=list(REMOVAL_METHODS))
    command.add_options(parser, "runs/mask-removal")
    return command.finish(run, parser.parse_args(arguments), MASK_REMOVAL.name)


if __name__ == "__main__":
    sys.exit(main())
