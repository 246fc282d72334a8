"""How severe the scores of held-out faces are: the reference scale that stands beside a person's score.

    python -m benchmarks.anomaly_scale --data FOLDER

Every face is normalized once and scored in every way that the app offers. Writes ``anomaly-scale.json`` into the
weights folder, where :mod:`pipelines.anomaly_scoring.scale` reads it; other normalizers' scales in it stay. Each face's
scores are kept in the output folder, so that an interrupted run goes on where it stopped.
"""

import argparse
import csv
import hashlib
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks import command
from benchmarks.scores import Scores, code_hash, kept, workers
from pipelines import store
from pipelines.anomaly_scoring import scale
from pipelines.anomaly_scoring.heatmaps import COLOURS, KINDS, heat_map
from pipelines.anomaly_scoring.normalization import DEFAULT, NORMALIZERS
from pipelines.anomaly_scoring.pipeline import AnomalyScoring, area_of
from pipelines.anomaly_scoring.regions import REGIONS
from pipelines.anomaly_scoring.scale import EVERYONE, Setting
from pipelines.anomaly_scoring.scores import FORMULAS, score
from pipelines.devices import DEVICES, PRECISIONS
from pipelines.errors import DataUnreadable, ImageTooSmall, MaskEmpty, NoFaceFound, PhiltrumError, WeightsMissing
from pipelines.faces.landmarks import find_face
from pipelines.files import write_atomic
from pipelines.metrics.backbones import find_backbone
from pipelines.metrics.perceptual import LPIPS
from pipelines.repainting import check_face
from pipelines.results import Score
from pipelines.training.data import load_faces

AGES = {"0-8": (0, 8), "9-17": (9, 17), "18 and older": (18, np.inf)}
"""Group → its youngest and oldest, in years."""

LEAST_FACES = 30
"""Of an age group; a smaller one has no scale."""

_AGED = "utkface"  # source of the photos whose ages are known
_CODE = (
    "benchmarks/anomaly_scale.py",
    "pipelines/anomaly_scoring/*.py",
    "pipelines/cleft_inpainting/network.py",
    "pipelines/faces/*.py",
    "pipelines/layers/*.py",
    "pipelines/metrics/*.py",
    "pipelines/stylegan/*.py",
)


class Way(NamedTuple):
    """One way to score a normalized face; see :meth:`pipelines.anomaly_scoring.pipeline.AnomalyScoring.__call__`."""

    kind: str
    colour: str
    erosion: bool
    region: str
    formula: str


class Plan(NamedTuple):
    """What scores depend on beside the face: normalizer, ways, seed, folder of AlexNet's file, device, precision."""

    normalizer: str
    ways: tuple[Way, ...]
    seed: int
    weights_dir: str | None
    device: str
    precision: str


def ways_here(weights_dir: str | None) -> tuple[Way, ...]:
    """Every way to score that this machine's networks allow: without AlexNet no LPIPS."""
    kinds = list(KINDS)
    try:
        find_backbone("alex", weights_dir)
    except WeightsMissing:
        kinds.remove("lpips")
    return tuple(Way(*one) for one in product(kinds, COLOURS, (True, False), REGIONS, FORMULAS))


def score_crop(crop: np.ndarray, plan: Plan) -> Scores:
    """Scores a crop as the app does a photo: its face is found, aligned and normalized.

    Args:
        crop: ``uint8`` ``(S, S, 3)``.
        plan: how.

    Returns:
        ``severity`` ``(W,)`` by each of the plan's ways, and ``weights`` and ``conditions`` as in
        :class:`~pipelines.anomaly_scoring.scale.Setting`; all empty where there is no face to score.
    """
    scoring, lpips = _scorer(plan)
    found: list[Score] = []
    weights = conditions = ""
    try:
        face = find_face(crop)
        check_face(face)
        normalized = scoring.normalizer(crop, face, seed=plan.seed)
        weights, conditions = scale.weights_key(normalized), normalized.conditions
        areas = {region: area_of(face, normalized, region) for region in REGIONS}
        maps = {how: heat_map(normalized.crop, normalized.image, *how, lpips) for how in {way[:3] for way in plan.ways}}
        for kind, colour, erosion, region, formula in plan.ways:
            heat = maps[kind, colour, erosion]
            found.append(score(heat, areas[region], formula, kind=kind, colour=colour, erosion=erosion))
    except (NoFaceFound, ImageTooSmall, MaskEmpty):
        found, weights, conditions = [], "", ""
    texts = {"weights": np.array(weights), "conditions": np.array(conditions)}
    return Scores({"severity": np.array([one.severity for one in found]), **texts}, np.empty(0))


def scales_of(scores: Mapping[str, Scores], plan: Plan, ages: Mapping[str, float]) -> dict[Setting, np.ndarray]:
    """The severities of the faces of each setting, group after group; groups of too few faces are left out.

    Args:
        scores: name of a face → what :func:`score_crop` gave.
        plan: how.
        ages: name → years, where they are known.

    Raises:
        DataUnreadable: no face could be scored.
    """
    known = {name: one.values for name, one in scores.items() if len(one.values["severity"])}
    if not known:
        raise DataUnreadable("No face was found in any picture; use other photos.")
    ((weights, conditions),) = {(str(values["weights"]), str(values["conditions"])) for values in known.values()}
    years = np.array([ages.get(name, np.nan) for name in known])
    groups = {EVERYONE: np.ones(len(known), bool)}
    groups |= {group: (years >= youngest) & (years <= oldest) for group, (youngest, oldest) in AGES.items()}
    severities = np.stack([values["severity"] for values in known.values()])
    return {
        Setting(
            plan.normalizer, weights, conditions, way.region, way.kind, way.colour, way.erosion, way.formula, group
        ): column
        for group, inside in groups.items()
        if group == EVERYONE or inside.sum() >= LEAST_FACES
        for way, column in zip(plan.ways, severities[inside].T, strict=True)
    }


def read_ages(data: str | Path) -> tuple[dict[str, float], int]:
    """Years of the held-out faces whose age is known, by name, and how many faces there are.

    Raises:
        DataUnreadable: there is no table of them.
    """
    try:
        with (Path(data) / "val.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        ages = {row["name"]: float(row["age"]) for row in rows if row["source"] == _AGED and row["age"]}
    except (OSError, KeyError, ValueError) as error:
        raise DataUnreadable(
            "This benchmark needs the table val.csv with the columns name, source and age beside the photos; copy it "
            "into the data folder."
        ) from error
    return ages, len(rows)


@lru_cache(maxsize=1)
def _scorer(plan: Plan) -> tuple[AnomalyScoring, LPIPS | None]:
    scoring = AnomalyScoring(plan.normalizer, device=plan.device, precision=plan.precision)
    if all(way.kind != "lpips" for way in plan.ways):
        return scoring, None
    return scoring, LPIPS("alex", plan.weights_dir).to(scoring.device.torch_device)


def _measure(crop: np.ndarray, plan: Plan, out: Path, stamp: str) -> Scores:
    crop = np.ascontiguousarray(crop)
    name = hashlib.sha256(crop).hexdigest()[:16]
    return kept(out / "scores" / f"{plan.normalizer}-{stamp}-{name}.npz", partial(score_crop, crop, plan))


def _stamp(plan: Plan) -> str:
    """Names kept scores by all that they depend on beside the crop: plan, weights on this machine, and code."""
    files = [(name, [file.sha256 for file in entry.files]) for name, entry in store.entries().items() if entry.job]
    return hashlib.sha256(repr((plan, files, code_hash(_CODE))).encode()).hexdigest()[:16]


def run(options: argparse.Namespace) -> None:
    """Measures, writes the scale, and says how many faces each group has.

    Raises:
        PhiltrumError: data, weights or the device are not to be had, or the scale so far is damaged.
    """
    plan = Plan(
        options.normalizer,
        ways_here(options.weights_dir),
        options.seed,
        options.weights_dir,
        options.device,
        options.precision,
    )
    AnomalyScoring(plan.normalizer, device=plan.device, precision=plan.precision).load()
    ages, photos = read_ages(options.data)
    faces = load_faces(options.data, "val", cache=options.cache, most=options.most)
    crops = faces.images.permute(0, 2, 3, 1).numpy()
    with workers(options.workers) as pool, tqdm(total=len(faces), disable=None) as bar:
        measure = partial(_measure, plan=plan, out=Path(options.out), stamp=_stamp(plan))
        scores = {}
        for name, one in zip(faces.names, (pool.map if pool else map)(measure, crops), strict=True):
            scores[name] = one
            bar.update()
    scales = scales_of(scores, plan, ages)
    path = store.folder() / scale.FILE
    write_atomic(path, scale.encode(scales, path.read_bytes() if path.exists() else b"[]"))
    counts = {setting.group: len(severities) for setting, severities in scales.items()}
    left_out = min(photos, options.most or photos) - counts[EVERYONE]
    print(f"{len(plan.ways)} ways to score; left out: {left_out} without a face.")
    print("Faces by group: " + ", ".join(f"{group} {count}" for group, count in counts.items()) + ".")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.anomaly_scale", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar and val.csv")
    parser.add_argument("--normalizer", choices=list(NORMALIZERS), default=DEFAULT)
    parser.add_argument("--weights-dir", help="folder with AlexNet's file; without it LPIPS has no scale")
    parser.add_argument("--seed", type=int, default=0, help="of the normalizer")
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)}")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    command.add_photo_options(parser, "runs/anomaly-scale")
    options = parser.parse_args(arguments)
    try:
        run(options)
    except PhiltrumError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
