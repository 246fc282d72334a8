"""The quality benchmarks' numbers as Markdown, CSV and JSON: the same input gives the same bytes."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks import holes, methods
from benchmarks.paired import PairedTest
from pipelines.files import write_all_atomic


@dataclass(frozen=True)
class Column:
    """A metric: its ``key``, its heading with unit and direction, and its decimals."""

    key: str
    heading: str
    decimals: int


@dataclass(frozen=True)
class Layout:
    """How a benchmark's table looks.

    Attributes:
        name: stem of the files.
        title: heading of the Markdown file.
        kind: heading of the column that says on what a row was measured, and its key in CSV and JSON.
        kinds: kind -> what the Markdown file calls it.
        methods: method -> what the Markdown file calls it.
        columns: metrics.
        note: what stands below the table.
    """

    name: str
    title: str
    kind: tuple[str, str]
    kinds: Mapping[str, str]
    methods: Mapping[str, str]
    columns: tuple[Column, ...]
    note: str


_PIXELS = (
    Column("hole", "Hole, %", 1),
    Column("psnr", "PSNR, dB ↑", 2),
    Column("ssim", "SSIM ↑", 4),
    Column("lpips", "LPIPS ↓", 4),
    Column("l1_hole", "L1 in the hole, % ↓", 2),
)
_FOUND = Column("found", "Faces found, % ↑", 1)

COLUMNS = (
    *_PIXELS,
    Column("landmarks_mouth_nose", "Mouth and nose points, % ↓", 2),
    Column("landmarks_all", "All points, % ↓", 2),
    _FOUND,
    Column("predicted_mouth_nose", "Predicted mouth and nose points, % ↓", 2),
)
"""Columns of the inpainting benchmark."""

INPAINTING = Layout(
    "inpainting",
    "Inpainting of held-out faces",
    ("Hole", "hole_kind"),
    holes.LABELS,
    methods.LABELS,
    COLUMNS,
    "Means over the photos. PSNR, SSIM and LPIPS are of the whole crop. Points are FaceMesh's on the repainted "
    "crop against FaceMesh's on the photo, in % of the eye distance, over the photos in which a face was found. "
    "Predicted points are those that the network itself draws its face from.",
)

MASK_REMOVAL = Layout(
    "mask_removal",
    "Removal of surgical masks",
    ("Set", "set"),
    {"labelled": "Rendered masks", "val": "Held-out faces, lower face", "pairs": "LFW pairs, lower face"},
    methods.REMOVAL_LABELS,
    (
        *_PIXELS,
        Column("frechet", "Fréchet distance (AlexNet) ↓", 3),
        Column("identity", "Identity ↑", 4),
        _FOUND,
    ),
    "Means over the photos. PSNR, SSIM and LPIPS are of the whole crop. The Fréchet distance is of the set, on the "
    "features of AlexNet: it is not FID, and it falls with the number of photos, so only rows of one set compare. "
    "Identity is the cosine similarity of face embeddings of the repainted crop and of the truth.",
)


@dataclass(frozen=True)
class Row:
    """Means of one method on one kind of hole or set of photos.

    Attributes:
        kind: kind of hole, or set of photos.
        method: method.
        photos: how many photos.
        means: metric -> mean over the photos that have it, None where none has or where it is not finite.
        margins: metric -> half the width of the mean's 95 % interval (1.96 standard errors), None as above.
    """

    kind: str
    method: str
    photos: int
    means: dict[str, float | None]
    margins: dict[str, float | None]

    @classmethod
    def of(cls, kind: str, method: str, values: dict[str, np.ndarray], columns: tuple[Column, ...] = COLUMNS) -> "Row":
        """The row of scores by photo, ``(N,)``, and of such that a set has one of, ``()``."""
        means, margins = {}, {}
        for column in columns:
            of_photo = np.atleast_1d(values[column.key]) * (100 if column.key == "found" else 1)
            known = of_photo[~np.isnan(of_photo)]
            with np.errstate(invalid="ignore"):  # equal pictures have an infinite PSNR
                means[column.key] = _finite(known.mean()) if len(known) else None
                spread = known.std(ddof=1) if len(known) > 1 else math.nan
                margins[column.key] = _finite(1.96 * spread / math.sqrt(max(1, len(known))))
        return cls(kind, method, len(values["hole"]), means, margins)


def write_tables(
    folder: Path,
    rows: list[Row],
    facts: dict[str, object],
    layout: Layout = INPAINTING,
    tests: Sequence[PairedTest] = (),
) -> None:
    """Writes the Markdown, CSV and JSON file of ``layout`` into ``folder``.

    Args:
        folder: made where it is missing.
        rows: in the order of the table.
        facts: what was measured and how.
        layout: of which benchmark.
        tests: paired tests, for Markdown and JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        ".md": _markdown(rows, facts, layout, tests),
        ".csv": _csv(rows, layout),
        ".json": _json(rows, facts, layout, tests),
    }
    write_all_atomic({folder / f"{layout.name}{suffix}": text.encode() for suffix, text in texts.items()})


def markdown_line(cells: list[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _markdown(rows: list[Row], facts: dict[str, object], layout: Layout, tests: Sequence[PairedTest]) -> str:
    header = [layout.kind[0], "Method", *(column.heading for column in layout.columns)]
    lines = [f"# {layout.title}", ""]
    lines += [f"- {key.replace('_', ' ')}: {value}" for key, value in facts.items() if value is not None]
    lines += ["", markdown_line(header), markdown_line(["---", "---"] + ["---:"] * len(layout.columns))]
    for row in rows:
        cells = [_cell(row.means[column.key], column.decimals) for column in layout.columns]
        lines.append(markdown_line([layout.kinds[row.kind], layout.methods[row.method], *cells]))
    lines += ["", layout.note, ""]
    if tests:
        lines += _markdown_tests(tests, layout)
    return "\n".join(lines)


def _markdown_tests(tests: Sequence[PairedTest], layout: Layout) -> list[str]:
    columns = {column.key: column for column in layout.columns}
    header = [layout.kind[0], "Metric", "Method", "Less", "Photos", "Mean difference", "95 % interval"]
    header += ["p, paired t-test", "p, Wilcoxon"]
    lines = ["## The same photos by two methods", "", markdown_line(header)]
    lines.append(markdown_line(["---"] * 4 + ["---:"] * 5))
    for test in tests:
        column = columns[test.metric]
        difference, low, high = (f"{n:+.{column.decimals}f}" for n in (test.difference, test.low, test.high))
        names = [layout.kinds[test.kind], column.heading, layout.methods[test.method], layout.methods[test.against]]
        chances = [f"{test.t_test:.2g}", f"{test.wilcoxon:.2g}"]
        lines.append(markdown_line([*names, str(test.photos), difference, f"{low} to {high}", *chances]))
    return [*lines, ""]


def _csv(rows: list[Row], layout: Layout) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [column.key for column in layout.columns]
    writer.writerow([layout.kind[1], "method", "photos", *keys, *(f"{key}_margin95" for key in keys)])
    for row in rows:
        numbers = [row.means[key] for key in keys] + [row.margins[key] for key in keys]
        writer.writerow([row.kind, row.method, row.photos, *("" if n is None else f"{n:.6g}" for n in numbers)])
    return text.getvalue()


def _json(rows: list[Row], facts: dict[str, object], layout: Layout, tests: Sequence[PairedTest]) -> str:
    key = layout.kind[1]
    table = [
        {key: row.kind, "method": row.method, "photos": row.photos, "mean": row.means, "margin95": row.margins}
        for row in rows
    ]
    compared = {"paired_tests": [_named(asdict(test), key) for test in tests]} if tests else {}
    return json.dumps({**facts, "rows": table, **compared}, indent=1, allow_nan=False) + "\n"


def _named(test: dict[str, object], key: str) -> dict[str, object]:
    return {key if name == "kind" else name: value for name, value in test.items()}


def _cell(number: float | None, decimals: int) -> str:
    return "–" if number is None else f"{number:.{decimals}f}"


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None
