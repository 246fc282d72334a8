"""How severe held-out faces score: the reference scale that stands beside a person's figures.

    python -m benchmarks.anomaly_scale --data FOLDER

Every face is normalized once; its local severity and asymmetry are taken over every region, and its severity in every
way that the app offers. Writes ``anomaly-scale.json`` into the weights folder, where
:mod:`pipelines.anomaly_scoring.scoring.scale` reads it; other normalizers' scales in it stay. Each face's figures are
kept in the output folder, so that an interrupted run goes on where it stopped.
"""

import argparse
import csv
import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks import command
from benchmarks.people import DARK, LIGHT, as_markdown, differences
from benchmarks.scores import Scores, kept, workers
from pipelines.anomaly_scoring.choices import CLINIC, EVERYONE
from pipelines.anomaly_scoring.normalizers.base import DEFAULT, NORMALIZERS
from pipelines.anomaly_scoring.pipeline import AnomalyScoring, area_of, findings, lpips_name
from pipelines.anomaly_scoring.scoring import scale
from pipelines.anomaly_scoring.scoring.exposure import side_light
from pipelines.anomaly_scoring.scoring.heatmaps import COLOURS, KINDS, heat_map
from pipelines.anomaly_scoring.scoring.regions import REGIONS
from pipelines.anomaly_scoring.scoring.scale import Key
from pipelines.anomaly_scoring.scoring.scores import FORMULAS, score
from pipelines.devices import DEVICES, PRECISIONS
from pipelines.errors import (
    DataUnreadable,
    FaceIncomplete,
    ImageTooSmall,
    MaskEmpty,
    NoFaceFound,
    PhiltrumError,
    WeightsMissing,
)
from pipelines.faces.blending.skin import typology_angle
from pipelines.faces.measurements import lip_gap
from pipelines.faces.points import Face
from pipelines.faces.subject import find_subject
from pipelines.files import write_atomic
from pipelines.metrics.backbones import find_backbone
from pipelines.metrics.perceptual import LPIPS
from pipelines.models import places
from pipelines.results import Basis
from pipelines.training.data import FaceSet, load_faces

AGES = {"0-8": (0, 8), "9-17": (9, 17), "18 and older": (18, np.inf)}
"""Group → its youngest and oldest, in years."""

LEAST_FACES = 30
"""Of a group; a smaller one has no scale."""

MOST_YAW, MOST_GAP, MOST_SIDE_LIGHT = 10.0, 0.03, 0.15
"""What counts as photographed in a clinic: degrees by which the face is turned, eye distances between the lips, and how
much brighter one cheek is (:func:`pipelines.anomaly_scoring.scoring.exposure.side_light`)."""

_AGED = "utkface"  # source of the photos whose ages are known
_ADULT = 18
_SEXES = {"0": "men", "1": "women"}
_PAIRS = (("men", "women"), ("darker skin", "lighter skin"), ("0-8", "adults"))


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


class Person(NamedTuple):
    """What the table of photos knows.

    Attributes:
        age: years; NaN where nobody knows.
        yaw: degrees by which the head is turned.
        sex: ``"men"`` or ``"women"`` as the data set's authors have it, or empty.
    """

    age: float
    yaw: float
    sex: str = ""


def ways_here(weights_dir: str | None) -> tuple[Way, ...]:
    """Every way to score that this machine's networks allow: without AlexNet no LPIPS."""
    kinds = list(KINDS)
    try:
        find_backbone("alex", weights_dir)
    except WeightsMissing:
        kinds.remove("lpips")
    return tuple(Way(*one) for one in product(kinds, COLOURS, (True, False), REGIONS, FORMULAS))


def score_crop(crop: np.ndarray, plan: Plan) -> Scores:
    """Takes the figures of a crop as the app does a photo's: its face is found, aligned and normalized.

    Args:
        crop: ``uint8`` ``(S, S, 3)``.
        plan: how.

    Returns:
        ``severity`` ``(W,)`` by each of the plan's ways, ``local`` and ``asymmetry`` ``(R,)`` over each of
        :data:`~pipelines.anomaly_scoring.scoring.regions.REGIONS`, ``gap`` between the lips and ``side_light``; all
        empty where there is no face to score.
    """
    scoring, lpips = _scorer(plan)
    try:
        subject = find_subject(crop)
        normalized = scoring.normalize(subject, seed=plan.seed)
        areas = {region: area_of(normalized, region) for region in REGIONS}
        maps = {how: heat_map(normalized.crop, normalized.image, *how, lpips) for how in {way[:3] for way in plan.ways}}
        severity = [
            score(
                maps[way[:3]], areas[way.region], way.formula, kind=way.kind, colour=way.colour, erosion=way.erosion
            ).severity
            for way in plan.ways
        ]
        found = [findings(normalized, areas[region], scoring.basis(region=region)) for region in REGIONS]
    except (NoFaceFound, FaceIncomplete, ImageTooSmall, MaskEmpty):
        return Scores({name: np.empty(0) for name in (*scale.FIGURES, "gap", "side_light")}, np.empty(0))
    figures = {
        "severity": severity,
        "local": [np.nan if local is None else local.value for local, _ in found],
        "asymmetry": [asymmetry.value for _, asymmetry in found],
        "gap": [lip_gap(normalized.face)],
        "side_light": [side_light(normalized.crop, normalized.face)],
    }
    return Scores({name: np.array(values) for name, values in figures.items()}, np.empty(0))


def scales_of(scores: Mapping[str, Scores], plan: Plan, people: Mapping[str, Person]) -> dict[Key, np.ndarray]:
    """The figures of the faces of each group under each key; groups of too few faces are left out.

    Args:
        scores: name of a face → what :func:`score_crop` gave.
        plan: how.
        people: name → what the table of photos knows.

    Raises:
        DataUnreadable: no face could be scored.
    """
    known = {name: one.values for name, one in scores.items() if len(one.values["severity"])}
    if not known:
        raise DataUnreadable("No face was found in any picture; use other photos.")
    scoring, _ = _scorer(plan)
    columns = [("severity", _basis(scoring, way, plan), place) for place, way in enumerate(plan.ways)]
    columns += [
        (figure, scoring.basis(region=region), place)
        for figure in ("local", "asymmetry")
        for place, region in enumerate(REGIONS)
    ]
    groups = {group: inside for group, inside in _groups(known, people).items() if inside.sum() >= LEAST_FACES}
    groups = {EVERYONE: np.ones(len(known), bool)} | groups
    table = {figure: np.stack([values[figure] for values in known.values()]) for figure in scale.FIGURES}
    return {
        Key.of(figure, basis, group): table[figure][inside, place]
        for group, inside in groups.items()
        for figure, basis, place in columns
    }


def _basis(scoring: AnomalyScoring, way: Way, plan: Plan) -> Basis:
    """The pipeline's statement; LPIPS' file lies where the plan says, which the pipeline does not know."""
    if way.kind != "lpips":
        return scoring.basis(**way._asdict())
    return replace(scoring.basis(**way._replace(kind="pse")._asdict()), kind="lpips", perceptual=_lpips_name(plan))


@lru_cache(maxsize=1)
def _lpips_name(plan: Plan) -> str:
    return lpips_name(plan.weights_dir)


def _groups(known: Mapping[str, Mapping[str, np.ndarray]], people: Mapping[str, Person]) -> dict[str, np.ndarray]:
    """Group → which of the faces belong to it, ``bool`` ``(N,)``, whatever their number."""
    years = np.array([people[name].age for name in known])
    yaw = np.array([people[name].yaw for name in known])
    gap, light = (np.array([float(values[name][0]) for values in known.values()]) for name in ("gap", "side_light"))
    groups = {group: (years >= youngest) & (years <= oldest) for group, (youngest, oldest) in AGES.items()}
    clinic = (np.abs(yaw) <= MOST_YAW) & (gap <= MOST_GAP) & (light <= MOST_SIDE_LIGHT)
    return {CLINIC: clinic, **groups}


def read_people(data: str | Path) -> dict[str, Person]:
    """What the table of held-out photos knows of each, by name.

    Raises:
        DataUnreadable: there is no such table.
    """
    try:
        with (Path(data) / "val.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        return {row["name"]: _person(row) for row in rows}
    except (OSError, KeyError, ValueError) as error:
        raise DataUnreadable(
            "This benchmark needs the table val.csv with the columns name, source, source_name, age and yaw_degrees "
            "beside the photos; copy it into the data folder."
        ) from error


def _person(row: Mapping[str, str]) -> Person:
    aged = row["source"] == _AGED and row["age"]
    sex = _SEXES.get(row["source_name"].split("_")[1]) if aged else None  # AGE_SEX_RACE_DATE.jpg
    return Person(float(row["age"]) if aged else np.nan, float(row["yaw_degrees"]), sex or "")


def people_table(scores: Mapping[str, Scores], people: Mapping[str, Person], faces: FaceSet, plan: Plan) -> str:
    """How the app's own figures differ between groups of people, as Markdown."""
    known = {name: one.values for name, one in scores.items() if len(one.values["severity"])}
    rows = [faces.names.index(name) for name in known]
    crops, meshes = faces.images.permute(0, 2, 3, 1).numpy()[rows], faces.meshes.numpy()[rows]
    angles = np.array(
        [
            typology_angle(np.ascontiguousarray(crop), Face(mesh * len(crop)))
            for crop, mesh in zip(crops, meshes, strict=True)
        ]
    )
    years, sexes = (np.array([getattr(people[name], what) for name in known]) for what in ("age", "sex"))
    groups = {sex: (sexes == sex) & (years >= _ADULT) for sex in _SEXES.values()}
    groups |= {
        "darker skin": angles < DARK,
        "lighter skin": angles > LIGHT,
        "0-8": years <= 8,
        "adults": years >= _ADULT,
    }
    standard = plan.ways.index(Way("pse", "ycbcr", True, REGIONS[0], FORMULAS[0]))
    columns = {"severity": standard} | dict.fromkeys(("local", "asymmetry"), 0)
    figures = {name: np.array([values[name][place] for values in known.values()]) for name, place in columns.items()}
    return as_markdown(differences(figures, groups, _PAIRS))


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
    """Names kept figures by all that they depend on beside the crop: the plan, and what the pipeline states."""
    return hashlib.sha256(repr((plan, _scorer(plan)[0].basis(seed=plan.seed))).encode()).hexdigest()[:16]


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
    stamp = _stamp(plan)  # loads the weights: what is wrong with them is said before hours of work
    people = read_people(options.data)
    faces = load_faces(options.data, "val", cache=options.cache, most=options.most)
    crops = faces.images.permute(0, 2, 3, 1).numpy()
    with workers(options.workers) as pool, tqdm(total=len(faces), disable=None) as bar:
        measure = partial(_measure, plan=plan, out=Path(options.out), stamp=stamp)
        scores = {}
        for name, one in zip(faces.names, (pool.map if pool else map)(measure, crops), strict=True):
            scores[name] = one
            bar.update()
    scales = scales_of(scores, plan, people)
    path = places.folder() / scale.FILE
    write_atomic(path, scale.encode(scales, path.read_bytes() if path.exists() else b"[]"))
    table = people_table(scores, people, faces, plan)
    write_atomic(Path(options.out) / f"{plan.normalizer}-people.md", table.encode())
    print(table)
    counts = {key.group: len(values) for key, values in scales.items()}
    left_out = min(len(people), options.most or len(people)) - counts[EVERYONE]
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
