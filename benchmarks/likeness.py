"""What a likeness means: how like two photos of one person are, how like those of two, and how like results are.

    python -m benchmarks.likeness --data FOLDER
    python -m benchmarks.likeness --data FOLDER --results 100 --embedder FILE

From its figures come the constants of :mod:`pipelines.identity.likeness`. Writes ``likeness.md`` and ``.json``.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from scipy.stats import mannwhitneyu
from tqdm import tqdm

from benchmarks.cases import middle_face, read_pairs
from benchmarks.command import count, finish
from benchmarks.embedder import TorchScriptEmbedder
from benchmarks.tables import markdown_line
from pipelines.errors import DataUnreadable, FaceIncomplete, ImageTooSmall, NoFaceFound, ReferenceUnusable
from pipelines.faces.images import read_image
from pipelines.files import write_all_atomic
from pipelines.identity.embedding import FaceEmbedder
from pipelines.mask_removal.pipeline import MaskRemoval

SAME, OTHERS = "two photos of one person", "photos of two people"
OWN, NONE, STRANGE = "result, with the person's reference", "result, without it", "result, with a stranger's reference"
OTHER = "result, without a reference, and a stranger's photo"
QUANTILES = (0.001, 0.05, 0.5, 0.95, 0.999)


class Embedder(Protocol):
    """What both embedders do."""

    def embed(self, photo: np.ndarray, points: np.ndarray) -> np.ndarray: ...


class Photo(NamedTuple):
    """A photo, which of its faces is meant, and the face's 68 landmarks."""

    pixels: np.ndarray
    face: int
    points: np.ndarray


class Row(NamedTuple):
    """Likenesses of one kind: how many, and their :data:`QUANTILES`."""

    embedder: str
    what: str
    pairs: int
    quantiles: tuple[float, ...]

    @classmethod
    def of(cls, embedder: str, what: str, values: np.ndarray) -> "Row":
        """Of likenesses ``(N,)``."""
        return cls(embedder, what, len(values), tuple(np.quantile(values, QUANTILES).tolist()))


def read_people(data: str | Path, most: int | None = None) -> list[tuple[Photo, Photo]]:
    """Both photos of every person whose face is found in both.

    Raises:
        DataUnreadable: the archive is not there, or damaged, or shows nobody twice.
    """
    people = []
    for files in tqdm(read_pairs(data, most), "reading", disable=None):
        photos = list(map(read_image, files))
        try:
            found = [middle_face(photo) for photo in photos]
        except (NoFaceFound, FaceIncomplete, ImageTooSmall):
            continue
        one, other = (Photo(photo, at, face.points) for photo, (at, face) in zip(photos, found, strict=True))
        people.append((one, other))
    if len(people) < 2:
        raise DataUnreadable("The archive shows fewer than two people in two photos each; choose another folder.")
    return people


def compared(people: Sequence[tuple[Photo, Photo]], embedder: Embedder) -> tuple[np.ndarray, np.ndarray]:
    """Likeness of each person's two photos ``(N,)``, and of each first photo and the second ones of all others
    ``(N (N - 1),)``.
    """
    sides = zip(*people, strict=True)
    first, second = (np.stack([embedder.embed(one.pixels, one.points) for one in side]) for side in sides)
    likeness = first @ second.T
    same = np.eye(len(people), dtype=bool)
    return likeness[same], likeness[~same]


def results(people: Sequence[tuple[Photo, Photo]], job: MaskRemoval, embedder: FaceEmbedder) -> dict[str, np.ndarray]:
    """Likeness to a reference of what mask removal draws, the lower face of the first photo hidden.

    With the person's second photo as the reference; without one, against that photo; and with the second photo of the
    next person; and without one, against that stranger's. People whose reference is refused are left out.
    """
    rows = []
    for (photo, own), (_, strange) in zip(tqdm(people, "drawing", disable=None), [*people[1:], people[0]], strict=True):
        given = {"extent": "lower-face", "face": photo.face}
        try:
            alone, helped, misled = (
                job(photo.pixels, **given),
                *(job(photo.pixels, **given, reference=one.pixels, reference_face=one.face) for one in (own, strange)),
            )
        except ReferenceUnusable:
            continue
        plain, apart = (
            embedder.similarity(alone.image, alone.landmarks, one.pixels, one.points) for one in (own, strange)
        )
        rows.append((helped.identity, plain, misled.identity, apart))
    columns = np.array(rows, np.float64).reshape(-1, 4).T
    return dict(zip((OWN, NONE, STRANGE, OTHER), columns, strict=True))


def as_markdown(rows: Sequence[Row], auroc: dict[str, float]) -> str:
    """The rows as a table, and below it how well each embedder tells one person from two."""
    header = ["Embedder", "What is compared", "Pairs", *(f"{100 * share:g} %" for share in QUANTILES)]
    lines = [markdown_line(header), markdown_line(["---"] * 2 + ["---:"] * (1 + len(QUANTILES)))]
    for row in rows:
        lines.append(markdown_line([*row[:2], str(row.pairs), *(f"{value:.3f}" for value in row.quantiles)]))
    return "\n".join([*lines, "", *(f"AUROC of {name}: {value:.5f}" for name, value in auroc.items()), ""])


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the table.

    Raises:
        PhiltrumError: data, weights or the embedder are not to be had.
    """
    ours = FaceEmbedder()
    embedders: dict[str, Embedder] = {ours.model.name: ours}
    if options.embedder:
        embedders[Path(options.embedder).name] = TorchScriptEmbedder(options.embedder)
    people = read_people(options.data, options.most)
    rows, auroc = [], {}
    for name, embedder in embedders.items():
        same, others = compared(people, embedder)
        rows += [Row.of(name, SAME, same), Row.of(name, OTHERS, others)]
        auroc[name] = float(mannwhitneyu(same, others).statistic) / (len(same) * len(others))
    if options.results:
        job = MaskRemoval(device="cpu", precision="float32")
        for what, values in results(people[: options.results], job, ours).items():
            rows += [Row.of(ours.model.name, what, values)] if len(values) else []
    facts = {"people": len(people), "sha256": ours.model.sha256, "quantiles": QUANTILES, "auroc": auroc}
    text = json.dumps({**facts, "rows": [row._asdict() for row in rows]}, indent=1) + "\n"
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    files = {"likeness.md": as_markdown(rows, auroc), "likeness.json": text}
    write_all_atomic({out / name: content.encode() for name, content in files.items()})


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.likeness", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with pairs.tar")
    parser.add_argument("--embedder", help="TorchScript file of another face embedder to measure")
    parser.add_argument("--most", type=count, help="only the first so many people")
    parser.add_argument("--results", type=count, help="also remove a mask from so many people, and measure that")
    parser.add_argument("--out", default="runs/likeness", help="folder for the table")
    return finish(run, parser.parse_args(arguments), "likeness")


if __name__ == "__main__":
    sys.exit(main())
