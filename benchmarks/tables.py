"""The inpainting benchmark's numbers as Markdown, CSV and JSON: the same input gives the same bytes."""

import csv
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import holes, methods
from pipelines.files import write_all_atomic


@dataclass(frozen=True)
class Column:
    """A metric: its ``key``, its heading with unit and direction, and its decimals."""

    key: str
    heading: str
    decimals: int


COLUMNS = (
    Column("hole", "Hole, %", 1),
    Column("psnr", "PSNR, dB ↑", 2),
    Column("ssim", "SSIM ↑", 4),
    Column("lpips", "LPIPS ↓", 4),
    Column("l1_hole", "L1 in the hole, % ↓", 2),
    Column("landmarks_mouth_nose", "Mouth and nose points, % ↓", 2),
    Column("landmarks_all", "All points, % ↓", 2),
    Column("found", "Faces found, % ↑", 1),
    Column("predicted_mouth_nose", "Predicted mouth and nose points, % ↓", 2),
)


@dataclass(frozen=True)
class Row:
    """Means of one method on one kind of hole.

    Attributes:
        kind: kind of hole.
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
    def of(cls, kind: str, method: str, values: dict[str, np.ndarray]) -> "Row":
        """The row of scores by photo."""
        means, margins = {}, {}
        for column in COLUMNS:
            of_photo = values[column.key] * (100 if column.key == "found" else 1)
            known = of_photo[~np.isnan(of_photo)]
            with np.errstate(invalid="ignore"):  # equal pictures have an infinite PSNR
                means[column.key] = _finite(known.mean()) if len(known) else None
                spread = known.std(ddof=1) if len(known) > 1 else math.nan
                margins[column.key] = _finite(1.96 * spread / math.sqrt(max(1, len(known))))
        return cls(kind, method, len(next(iter(values.values()))), means, margins)


def write_tables(folder: Path, rows: list[Row], facts: dict[str, object]) -> None:
    """Writes ``inpainting.md``, ``inpainting.csv`` and ``inpainting.json`` into ``folder``.

    Args:
        folder: made where it is missing.
        rows: in the order of the table.
        facts: what was measured and how.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {".md": _markdown(rows, facts), ".csv": _csv(rows), ".json": _json(rows, facts)}
    write_all_atomic({folder / f"inpainting{suffix}": text.encode() for suffix, text in texts.items()})


def markdown_line(cells: list[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _markdown(rows: list[Row], facts: dict[str, object]) -> str:
    header = ["Hole", "Method", *(column.heading for column in COLUMNS)]
    lines = ["# Inpainting of held-out faces", ""]
    lines += [f"- {key.replace('_', ' ')}: {value}" for key, value in facts.items() if value is not None]
    lines += ["", markdown_line(header), markdown_line(["---", "---"] + ["---:"] * len(COLUMNS))]
    for row in rows:
        cells = [_cell(row.means[column.key], column.decimals) for column in COLUMNS]
        lines.append(markdown_line([holes.LABELS[row.kind], methods.LABELS[row.method], *cells]))
    lines += [
        "",
        "Means over the photos. PSNR, SSIM and LPIPS are of the whole crop. Points are FaceMesh's on the repainted "
        "crop against FaceMesh's on the photo, in % of the eye distance, over the photos in which a face was found. "
        "Predicted points are those that the network itself draws its face from.",
        "",
    ]
    return "\n".join(lines)


def _csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [column.key for column in COLUMNS]
    writer.writerow(["hole_kind", "method", "photos", *keys, *(f"{key}_margin95" for key in keys)])
    for row in rows:
        numbers = [row.means[key] for key in keys] + [row.margins[key] for key in keys]
        writer.writerow([row.kind, row.method, row.photos, *("" if n is None else f"{n:.6g}" for n in numbers)])
    return text.getvalue()


def _json(rows: list[Row], facts: dict[str, object]) -> str:
    table = [
        {"hole_kind": row.kind, "method": row.method, "photos": row.photos, "mean": row.means, "margin95": row.margins}
        for row in rows
    ]
    return json.dumps({**facts, "rows": table}, indent=1, allow_nan=False) + "\n"


def _cell(number: float | None, decimals: int) -> str:
    return "–" if number is None else f"{number:.{decimals}f}"


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None
