"""How well anomaly scores know a deformity of known severity, and how little else changes them.

    python -m benchmarks.anomaly --data FOLDER --weights-dir FOLDER

Held-out faces are deformed in five steps (:mod:`benchmarks.deformations`), normalized once each and scored by local
severity, by asymmetry and in all 24 ways of the paper's Table 1. Writes ``anomaly.md``, ``.csv`` and ``.json`` and a
contact sheet for each normalizer into the output folder, and keeps each subject's scores there, so that an interrupted
run goes on where it stopped.
"""

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks import command, ordering
from benchmarks.appraisals import (
    CHANGED_SEVERITY,
    CHANGES,
    OWN,
    SEVERITIES,
    WAYS,
    Picture,
    Setting,
    Subject,
    appraise_subject,
    plan,
    side_of,
    stamp,
)
from benchmarks.deformations import KINDS, SIDES, deform
from benchmarks.ordering import Estimate
from benchmarks.scores import Scores, kept, workers
from benchmarks.sheets import SHEET_FACES, write_sheet
from benchmarks.tables import markdown_line
from pipelines.anomaly_scoring.normalizers.base import DEFAULT, NORMALIZERS
from pipelines.anomaly_scoring.study.ablation import Comparison
from pipelines.devices import DEVICES, PRECISIONS
from pipelines.errors import DataUnreadable
from pipelines.faces.points import Face
from pipelines.files import write_all_atomic
from pipelines.metrics.backbones import find_backbone
from pipelines.training.data import load_faces

NAME = "anomaly"
"""Stem of the files."""

LARGEST_YAW = 20.0
"""Degrees by which a face may be turned."""

STANDARD = Comparison("mouth-nose", "pse", "ycbcr", True)
"""The paper's S as the app scores it: the paper's best."""

LOCAL = OWN[0]
"""Local severity over mouth and nose: what the app leads with."""

MAIN = (*OWN, STANDARD, WAYS[len(OWN)])
"""The ways that get tables of their own."""

_LEVELS = len(SEVERITIES)
_ORDER = {"order_neighbours": 1, "order_two_apart": 2, "order_all": None}
_SPEARMAN = {"spearman_within": ordering.spearman_within, "spearman_pooled": ordering.spearman_pooled}
_AUROC = {f"auroc_{severity}": severity for severity in SEVERITIES[1:]}
_HEADINGS = {
    "order_neighbours": "Neighbours in order, %",
    "order_two_apart": "Two apart in order, %",
    "order_all": "All pairs in order, %",
    "spearman_within": "Spearman, within subjects",
    "spearman_pooled": "Spearman, pooled",
    **{key: f"AUROC, severity {severity}" for key, severity in _AUROC.items()},
}
_TABLE_1 = ("order_all", "spearman_pooled", "auroc_3")  # figures that are laid out as the paper's Table 1
_COLUMNS = {("rgb", False): "base", ("ycbcr", False): "+ YCbCr", ("rgb", True): "+ erosion", ("ycbcr", True): "+ both"}
_REGIONS = {"mouth-nose": "Mouth and nose", "face": "Face"}  # of Table 1
_MEASURES = {"pse": "PSE", "ssim": "SSIM", "lpips": "LPIPS"}
_FIGURES = {"local": "Local severity", "asymmetry": "Asymmetry", "pse": "Severity of equation 6"}
_PLACES = {"mouth-nose": "mouth and nose", "upper-lip": "upper lip and nostril sill"}
_KINDS = {
    "cleft": "Unilateral cleft",
    "notch": "Notch in the vermilion",
    "philtrum": "Philtrum shift",
    "nostril": "Nostril asymmetry",
    "gap": "Shadowed gap",
    "bilateral": "Bilateral cleft",
}
_CHANGES = {
    "brighter": "Brightness + 20 %",
    "darker": "Brightness − 20 %",
    "turned-left": "Turned by 5° to the left",
    "turned-right": "Turned by 5° to the right",
    "jpeg": "JPEG, quality 70",
    "mirrored": "Mirrored",
}
_NOTE = (
    "Intervals are 95 % bootstrap intervals over subjects. A pair of severities is in order where the more severe one "
    "scores higher; severity 0 is the untouched face. AUROC: chance that a deformed face scores higher than an "
    "untouched one of any subject. Table 1's columns are the paper's: base is RGB without erosion. Changes of the "
    "score are absolute; a step is the mean difference between neighbouring severities of the first deformity."
)


@dataclass(frozen=True)
class Figure:
    """One figure of the benchmark.

    Attributes:
        normalizer: which.
        deformity: kind of deformity; with a severity where one picture was changed, as in ``"cleft 3"``.
        comparison: how it was scored.
        metric: what the figure is.
        estimate: with interval and number of subjects.
    """

    normalizer: str
    deformity: str
    comparison: Comparison
    metric: str
    estimate: Estimate


@dataclass(frozen=True, eq=False)
class Measured:
    """All scores by one normalizer.

    Attributes:
        pictures: of each subject.
        severities: of each subject ``(P, W)``, rows as ``pictures``, columns as ``WAYS``.
        sides: of each subject, the side on which it was deformed.
    """

    pictures: Sequence[tuple[Picture, ...]]
    severities: Sequence[np.ndarray]
    sides: Sequence[str]

    def of(self, kind: str, column: int, change: str = "") -> np.ndarray:
        """Scores by severity on the subjects' own sides, ``(N, 6)``; NaN where a picture was not scored."""
        table = np.full((len(self.pictures), _LEVELS), np.nan)
        for row, (pictures, scores, side) in enumerate(zip(self.pictures, self.severities, self.sides, strict=True)):
            for level, severity in enumerate(SEVERITIES):
                wanted = Picture(kind, side, severity, change) if severity else Picture(change=change)
                if wanted in pictures:
                    table[row, level] = scores[pictures.index(wanted), column]
        return table

    def other_side(self) -> "Measured":
        """The same subjects deformed on the other side."""
        return Measured(self.pictures, self.severities, [SIDES[1 - SIDES.index(side)] for side in self.sides])


def load_subjects(options: argparse.Namespace) -> tuple[list[Subject], dict[str, object]]:
    """The first held-out faces that are seen from the front, after those to be skipped, and how many were passed over.

    Raises:
        DataUnreadable: there are no photos, no table of their yaw, or no frontal face.
    """
    try:
        with (Path(options.data) / "val.csv").open(newline="") as file:
            yaws = {row["name"]: float(row["yaw_degrees"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as error:
        raise DataUnreadable(
            "This benchmark needs the table val.csv with the columns name and yaw_degrees beside the photos; copy it "
            "into the data folder."
        ) from error
    faces = load_faces(options.data, "val", cache=options.cache)
    rows = {name: row for row, name in enumerate(faces.names)}
    subjects: list[Subject] = []
    no_face = turned = skipped = 0
    for name, yaw in yaws.items():
        if len(subjects) == options.most:
            break
        if abs(yaw) > LARGEST_YAW:
            turned += 1
        elif name not in rows:
            no_face += 1
        elif skipped < options.skip:
            skipped += 1
        else:
            index, row = len(subjects), rows[name]
            crop = np.ascontiguousarray(faces.images[row].permute(1, 2, 0).numpy())
            pictures = plan(index, options.kinds, index < options.both_sides, index < options.invariance)
            subjects.append(Subject(name, crop, faces.meshes[row].numpy() * len(crop), pictures, index < SHEET_FACES))
    if not subjects:
        raise DataUnreadable("No photo of the data folder shows a face from the front; use other photos.")
    passed = {
        "skipped": skipped,
        f"left_out_turned_more_than_{LARGEST_YAW:.0f}_degrees": turned,
        "left_out_no_face_found": no_face,
    }
    return subjects, {"subjects": len(subjects), **passed}


def figures(normalizer: str, measured: Measured, kinds: Sequence[str], seed: int) -> Iterator[Figure]:
    """Everything that is known of a normalizer's scores; what no subject has is left out."""
    for column, comparison in enumerate(WAYS):
        rows = {kind: measured.of(kind, column) for kind in kinds}
        rows[_other(kinds[0])] = measured.other_side().of(kinds[0], column)
        found = [(kind, *one) for kind, levels in rows.items() for one in _known_truth(levels, seed)]
        found += list(_invariance(measured, kinds[0], column, seed))
        yield from (Figure(normalizer, kind, comparison, *one) for kind, *one in found if one[1].n)


def _known_truth(levels: np.ndarray, seed: int) -> Iterator[tuple[str, Estimate]]:
    for metric, apart in _ORDER.items():
        yield metric, ordering.order_kept(levels, apart, seed)
    for metric, correlation in _SPEARMAN.items():
        yield metric, correlation(levels, seed)
    for metric, severity in _AUROC.items():
        yield metric, ordering.auroc(levels, severity, seed)


def _invariance(measured: Measured, kind: str, column: int, seed: int) -> Iterator[tuple[str, str, Estimate]]:
    before = measured.of(kind, column)
    step = np.nanmean(before[:, -1] - before[:, 0]) / (_LEVELS - 1) if np.isfinite(before[:, -1]).any() else np.nan
    for change in CHANGES:
        moved = np.abs(measured.of(kind, column, change) - before)
        for severity, name in ((0, "untouched"), (CHANGED_SEVERITY, f"{kind} {CHANGED_SEVERITY}")):
            with np.errstate(divide="ignore", invalid="ignore"):  # a figure of 0 has no per cent
                by_score = 100 * moved[:, severity] / np.abs(before[:, severity])
            by_step = moved[:, severity] / step if step > 0 else np.full(len(moved), np.nan)
            for unit, values in (("percent", by_score), ("steps", by_step)):
                known = values[np.isfinite(values)]
                yield name, f"{change}_{unit}", ordering.mean(known, seed)
                worst = float(np.percentile(known, 95)) if len(known) else None
                yield name, f"{change}_{unit}_p95", Estimate(worst, None, None, len(known))


def markdown(found: Sequence[Figure], facts: Mapping[str, object], kinds: Sequence[str]) -> str:
    """The report: how well the app's own score does, the paper's Table 1 on these data, and what changes scores."""
    known = {(one.normalizer, one.deformity, one.comparison, one.metric): one.estimate for one in found}
    lines = ["# Anomaly scores of faces with known deformities", ""]
    lines += [f"- {key.replace('_', ' ')}: {value}" for key, value in facts.items()]
    for normalizer in dict.fromkeys(one.normalizer for one in found):
        lines += ["", f"## {normalizer}"]
        for way in MAIN:
            lines += ["", f"### By deformity: {_title(way)}", "", *_deformity_table(known, normalizer, kinds, way)]
        for metric in _TABLE_1:
            lines += ["", f"### As the paper's Table 1: {_HEADINGS[metric]}, {_KINDS[kinds[0]].lower()}", ""]
            lines += _table_1(known, normalizer, kinds[0], metric)
        for way in MAIN:
            if (normalizer, "untouched", way, "mirrored_percent") in known:
                lines += ["", f"### What should not change: {_title(way)}", ""]
                lines += _invariance_table(known, normalizer, kinds[0], way)
    return "\n".join([*lines, "", _NOTE, ""])


def _deformity_table(
    known: Mapping[tuple, Estimate], normalizer: str, kinds: Sequence[str], way: Comparison
) -> list[str]:
    labels = {kind: _KINDS[kind] for kind in kinds} | {_other(kinds[0]): _other(_KINDS[kinds[0]])}
    rows = []
    for kind, label in labels.items():
        cells = [known.get((normalizer, kind, way, metric)) for metric in _HEADINGS]
        if cells[0]:
            texts = (_cell(cell, metric) for cell, metric in zip(cells, _HEADINGS, strict=True))
            rows.append([label, *texts, str(cells[0].n)])
    return _table(["Deformity", *_HEADINGS.values(), "Subjects"], rows)


def _other(kind: str) -> str:
    return f"{kind}, other side"


def _title(comparison: Comparison) -> str:
    return f"{_FIGURES[comparison.kind]}, {_PLACES[comparison.region]}"


def _table_1(known: Mapping[tuple, Estimate], normalizer: str, kind: str, metric: str) -> list[str]:
    columns = [(region, *how) for region in _REGIONS for how in _COLUMNS]
    header = ["Measure", *(f"{_REGIONS[region]}, {_COLUMNS[colour, erosion]}" for region, colour, erosion in columns)]
    return _table(
        header,
        [
            [
                label,
                *(
                    _cell(known.get((normalizer, kind, Comparison(c[0], measure, *c[1:]), metric)), metric)
                    for c in columns
                ),
            ]
            for measure, label in _MEASURES.items()
        ],
    )


def _invariance_table(known: Mapping[tuple, Estimate], normalizer: str, kind: str, way: Comparison) -> list[str]:
    header = ["Change", "Face", "Mean, % of the score", "95th percentile, %", "Mean, steps", "95th percentile, steps"]
    metrics = ("percent", "percent_p95", "steps", "steps_p95")
    faces = {"untouched": "untouched", f"{kind} {CHANGED_SEVERITY}": f"{_KINDS[kind].lower()}, {CHANGED_SEVERITY}"}
    return _table(
        header,
        [
            [label, face, *(_cell(known.get((normalizer, key, way, f"{change}_{metric}"))) for metric in metrics)]
            for change, label in _CHANGES.items()
            for key, face in faces.items()
        ],
        texts=2,
    )


def _table(header: list[str], rows: list[list[str]], texts: int = 1) -> list[str]:
    rule = ["---"] * texts + ["---:"] * (len(header) - texts)
    return [markdown_line(header), markdown_line(rule), *map(markdown_line, rows)]


def _cell(estimate: Estimate | None, metric: str = "") -> str:
    if estimate is None or estimate.value is None:
        return "–"
    scale, decimals = (100, 1) if metric in _ORDER else (1, 3)
    text = f"{scale * estimate.value:.{decimals}f}"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({scale * estimate.low:.{decimals}f} to {scale * estimate.high:.{decimals}f})"


def as_csv(found: Sequence[Figure]) -> str:
    """One line a figure; shares are 0-1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_flat(found[0])])
    for one in found:
        writer.writerow(["" if n is None else f"{n:.6g}" if isinstance(n, float) else n for n in _flat(one).values()])
    return text.getvalue()


def _flat(figure: Figure) -> dict[str, object]:
    comparison = asdict(figure.comparison)
    named = {"normalizer": figure.normalizer, "deformity": figure.deformity, **comparison, "metric": figure.metric}
    return {**named, **asdict(figure.estimate)}


def _measure(subject: Subject, setting: Setting, out: Path) -> Scores:
    path = out / "scores" / f"{setting.normalizer}-{Path(subject.name).stem}-{stamp(subject, setting)}.npz"
    return kept(path, partial(appraise_subject, subject, setting))


def _draw(out: Path, subjects: Sequence[Subject], scores: Mapping[str, Sequence[Scores]], kinds: Sequence[str]) -> None:
    first = subjects[:SHEET_FACES]
    deformed = {
        f"{kind} {severity}": np.stack(
            [deform(one.crop, Face(one.mesh), kind, severity, side_of(index)) for index, one in enumerate(first)]
        )
        for kind in kinds
        for severity in SEVERITIES[1::2]
    }
    write_sheet(out / "deformations.png", {"untouched": np.stack([one.crop for one in first]), **deformed})
    headings = [
        f"{what} {severity}"
        for severity in (0, CHANGED_SEVERITY, SEVERITIES[-1])
        for what in ("face", "normalized", "heat map")
    ]
    for normalizer, all_scores in scores.items():
        shown = [one.first for one in all_scores[:SHEET_FACES] if len(one.first) == len(headings)]
        if shown:
            write_sheet(out / f"{normalizer}.png", dict(zip(headings, np.stack(shown, 1), strict=True)))


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the tables and sheets.

    Raises:
        PhiltrumError: data, weights or the device are not to be had.
    """
    out = Path(options.out)
    find_backbone("alex", options.weights_dir)  # what is missing is said before hours of work
    subjects, facts = load_subjects(options)
    facts |= {"kinds": ", ".join(options.kinds), "seed": options.seed}
    pictures = [subject.pictures for subject in subjects]
    sides = [side_of(index) for index in range(len(subjects))]
    found, scores = [], {}
    with workers(options.workers) as pool, tqdm(total=len(subjects) * len(options.normalizers), disable=None) as bar:
        for normalizer in options.normalizers:
            bar.set_description(normalizer)
            setting = Setting(normalizer, options.seed, options.weights_dir, options.device, options.precision)
            measuring = (pool.map if pool else map)(partial(_measure, setting=setting, out=out), subjects)
            scores[normalizer] = []
            for one in measuring:
                scores[normalizer].append(one)
                bar.update()
            values = [one.values for one in scores[normalizer]]
            severities = [one["severity"] for one in values]
            found += list(figures(normalizer, Measured(pictures, severities, sides), options.kinds, options.seed))
            facts |= _facts(normalizer, values)
    if not found:
        raise DataUnreadable("No face was found in any picture; use other photos.")
    out.mkdir(parents=True, exist_ok=True)
    document = {**facts, "figures": [_flat(one) for one in found]}
    texts = {
        ".md": markdown(found, facts, options.kinds),
        ".csv": as_csv(found),
        ".json": json.dumps(document, indent=1, allow_nan=False) + "\n",
    }
    write_all_atomic({out / f"{NAME}{suffix}": text.encode() for suffix, text in texts.items()})
    _draw(out, subjects, scores, options.kinds)


def _facts(normalizer: str, values: Sequence[Mapping[str, np.ndarray]]) -> dict[str, object]:
    seconds = np.concatenate([one["seconds"] for one in values])
    lost = np.isnan(seconds)
    weights = sorted({str(name) for one in values for name in one["weights"]})
    return {
        f"{normalizer}_weights": ", ".join(weights),
        f"{normalizer}_pictures": len(seconds),
        f"{normalizer}_pictures_without_a_face": int(lost.sum()),
        f"{normalizer}_seconds_a_normalization": None if lost.all() else round(float(np.median(seconds[~lost])), 3),
    }


def _number(text: str) -> int:
    """An argument that must be 0 or more."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be at least 0")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.anomaly", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar and val.csv")
    parser.add_argument("--normalizers", nargs="+", choices=list(NORMALIZERS), default=[DEFAULT])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(_KINDS), help="the first is the main one")
    parser.add_argument(
        "--skip", type=_number, default=0,
        help="frontal faces that are left out first; the first 80 took part in choosing how local severity is taken",
    )  # fmt: skip
    parser.add_argument("--both-sides", type=_number, default=20, help="subjects deformed on the other side too")
    parser.add_argument("--invariance", type=_number, default=30, help="subjects scored in other light and pose too")
    parser.add_argument("--weights-dir", help="folder with AlexNet's file for LPIPS")
    parser.add_argument("--seed", type=int, default=0, help="of normalizers and of the bootstrap")
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)}")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    command.add_photo_options(parser, "runs/anomaly")
    return command.finish(run, parser.parse_args(arguments), NAME)


if __name__ == "__main__":
    sys.exit(main())
