"""How much the surroundings of a face change what is drawn or scored: the same face before other walls and in borders.

    python -m benchmarks.surroundings --data FOLDER

Each held-out face goes through the app's pipeline as it is, and again with everything round the face exchanged; its own
pixels stay, and so does the mask. What is drawn, and what is scored, should stay too. Writes ``surroundings.md`` and
``.json`` into the output folder.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab
from tqdm import tqdm

from benchmarks import command
from benchmarks.tables import markdown_line
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.cleft_inpainting.pipeline import CleftInpainting
from pipelines.devices import DEVICES, PRECISIONS
from pipelines.errors import DataUnreadable, PhiltrumError
from pipelines.faces.alignment import PROJECT
from pipelines.faces.landmarks import find_crop_face
from pipelines.faces.masks import suggest_mask
from pipelines.faces.points import Face
from pipelines.files import write_all_atomic
from pipelines.mask_removal.pipeline import MaskRemoval
from pipelines.metrics.seam import step
from pipelines.results import AnomalyScoringResult
from pipelines.training.data import load_faces

NAME = "surroundings"
"""Stem of the files."""

WALLS = {
    "black wall": (0, 0, 0),
    "grey wall": (128, 128, 128),
    "white wall": (255, 255, 255),
    "orange wall": (255, 140, 40),
    "yellow wall": (250, 220, 60),
    "green wall": (40, 160, 70),
    "blue drape": (40, 90, 200),
    "red drape": (190, 30, 40),
}
"""Surroundings that reach up to the face → their colour."""

BORDERS = {"black border": 0, "grey border": 128, "white border": 255}
"""Surroundings outside a rectangle round the face → their grey."""

NOISE = "noise"
"""A wall of random pixels."""

ALL = (*WALLS, NOISE, *BORDERS)
"""The twelve."""

Found = dict[str, list[tuple[float, float]]]
"""Surrounding → two figures of each face."""

_Answer = TypeVar("_Answer")

_EDGE = 0.06  # eye distances from the face's outline to the wall
_SOFT = 1.5  # px, blur of the wall's edge
_ROOM = 0.15  # eye distances from the face to a border


def around(crop: np.ndarray, face: Face) -> Iterator[tuple[str, np.ndarray]]:
    """The crop in each of :data:`ALL`: ``uint8`` of its shape."""
    outline = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillConvexPoly(outline, cv2.convexHull(np.round(face.mesh).astype(np.int32)), 1)
    reach = round(_EDGE * face.eye_distance)
    grown = cv2.dilate(outline, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    own = cv2.GaussianBlur(grown.astype(np.float32), (0, 0), _SOFT)[..., None]
    noise = np.random.default_rng(0).integers(0, 256, crop.shape)
    for name, wall in (*WALLS.items(), (NOISE, noise)):
        yield name, np.round(crop * own + np.asarray(wall) * (1 - own)).astype(np.uint8)
    room = round(_ROOM * face.eye_distance)
    left, top = np.maximum(np.floor(face.mesh.min(0)).astype(int) - room, 0)
    right, bottom = np.ceil(face.mesh.max(0)).astype(int) + room
    for name, grey in BORDERS.items():
        framed = np.full_like(crop, grey)
        framed[top:bottom, left:right] = crop[top:bottom, left:right]
        yield name, framed


def difference(one: np.ndarray, other: np.ndarray, hole: np.ndarray) -> float:
    """Median over the hole of the difference between two pictures, CIEDE2000."""
    return float(np.median(deltaE_ciede2000(rgb2lab(one)[hole], rgb2lab(other)[hole])))


def seam(picture: np.ndarray, hole: np.ndarray) -> float:
    """Mean difference of colour across the whole of the hole's border, CIEDE2000."""
    left, right = (x for x, _ in PROJECT.eyes)
    return step(picture, hole.astype(np.float32), np.ones_like(hole), (right - left) * hole.shape[1]).colour


def repainted(job: CleftInpainting | MaskRemoval, crops: Sequence[np.ndarray], extent: str) -> Found:
    """Of each face the difference inside the hole, and by how much the seam grew over the photo's own.

    Args:
        job: repaints.
        crops: ``uint8`` ``(S, S, 3)`` each.
        extent: of the suggested mask.
    """

    def answer(crop: np.ndarray, hole: np.ndarray) -> np.ndarray:
        return job(crop, mask=hole).image

    def against(crop: np.ndarray, hole: np.ndarray, plain: np.ndarray, drawn: np.ndarray) -> tuple[float, float]:
        return difference(plain, drawn, hole), seam(drawn, hole) - seam(crop, hole)

    return _compared(crops, extent, answer, against)


def scored(job: AnomalyScoring, crops: Sequence[np.ndarray]) -> Found:
    """Of each face by how many per cent the local severity changed, and by how much the severity of equation 6.

    Args:
        job: scores mouth and nose.
        crops: ``uint8`` ``(S, S, 3)`` each.
    """

    def answer(crop: np.ndarray, hole: np.ndarray) -> AnomalyScoringResult:
        return job(crop)

    def against(
        crop: np.ndarray, hole: np.ndarray, plain: AnomalyScoringResult, other: AnomalyScoringResult
    ) -> tuple[float, float]:
        local = 100 * abs(other.local.value / plain.local.value - 1)
        return local, abs(other.score.severity - plain.score.severity)

    return _compared(crops, "lips-to-nose", answer, against)


def _compared(
    crops: Sequence[np.ndarray],
    extent: str,
    answer: Callable[[np.ndarray, np.ndarray], _Answer],
    against: Callable[[np.ndarray, np.ndarray, _Answer, _Answer], tuple[float, float]],
) -> Found:
    """A job's answers to each face as it is and in other surroundings; passed over where it finds none."""
    found: Found = {name: [] for name in ALL}
    for crop in tqdm(crops, NAME, disable=None):
        face = find_crop_face(crop)
        if face is None:
            continue
        hole = suggest_mask(face, crop.shape[:2], extent)
        try:
            plain = answer(crop, hole)
        except PhiltrumError:
            continue
        for name, other in around(crop, face):
            try:
                found[name].append(against(crop, hole, plain, answer(other, hole)))
            except PhiltrumError:  # no face is found before this wall
                continue
    return found


@dataclass(frozen=True)
class Job:
    """What is measured of a job.

    Attributes:
        make: its pipeline, of weights, device and precision.
        measure: the pipeline and crops, and the extent of the mask → what was found.
        title: of the table; ``{extent}`` is the mask's.
        headings: of the figures' columns: the first one's median and worst tenth, and the second one's median.
    """

    make: Callable[..., Any]
    measure: Callable[[Any, Sequence[np.ndarray], str], Found]
    title: str
    headings: tuple[str, str, str]


_TITLE = "The same faces in other surroundings"
_DRAWN = f"{_TITLE}, mask *{{extent}}*; ΔE is CIEDE2000:"
_COLUMNS = ("ΔE in the hole, median", "worst tenth", "Seam, ΔE more than the photo's")

JOBS = {
    "cleft-inpainting": Job(CleftInpainting, repainted, _DRAWN, _COLUMNS),
    "mask-removal": Job(MaskRemoval, repainted, _DRAWN, _COLUMNS),
    "anomaly-scoring": Job(
        lambda weights, device, precision: AnomalyScoring(weights=weights, device=device, precision=precision),
        lambda job, crops, extent: scored(job, crops),
        f"{_TITLE}, scores of mouth and nose:",
        ("Local severity, change in %, median", "worst tenth", "Severity of equation 6, change, median"),
    ),
}
"""Job → what is measured of it."""


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the table.

    Raises:
        PhiltrumError: data, weights or the device are not to be had.
    """
    job = JOBS[options.job]
    pipeline = job.make(options.weights, options.device, options.precision)
    held_out = load_faces(options.data, "val", cache=options.cache, most=options.most)
    crops = [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in held_out.images]
    found = job.measure(pipeline, crops, options.extent)
    if not any(found.values()):
        raise DataUnreadable("No face was found in any picture; use other photos.")
    lines = [job.title.format(extent=options.extent), "", markdown_line(["Surroundings", "Faces", *job.headings])]
    lines.append(markdown_line(["---", *["---:"] * 4]))
    rows = {**found, "all": [one for faces in found.values() for one in faces]}
    table = {name: _row(faces) for name, faces in rows.items() if faces}
    for name, (count, median, worst, second) in table.items():
        lines.append(markdown_line([name, str(count), f"{median:.2f}", f"{worst:.2f}", f"{second:.2f}"]))
    facts = {"job": options.job, "extent": options.extent, "rows": {name: list(row) for name, row in table.items()}}
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"{NAME}.md": "\n".join(lines) + "\n", f"{NAME}.json": json.dumps(facts, indent=1) + "\n"}
    write_all_atomic({folder / name: text.encode() for name, text in texts.items()})


def _row(faces: Sequence[tuple[float, float]]) -> tuple[int, float, float, float]:
    first, second = np.array(faces).T
    return len(faces), float(np.median(first)), float(np.quantile(first, 0.9)), float(np.median(second))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.surroundings", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar")
    parser.add_argument("--job", default="cleft-inpainting", choices=JOBS)
    parser.add_argument("--weights", help="name of registered weights; the default ones otherwise")
    parser.add_argument("--extent", default="lips-to-nose", help="mask that is suggested (default %(default)s)")
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)}")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    command.add_photo_options(parser, f"runs/{NAME}")
    parser.set_defaults(most=50)
    return command.finish(run, parser.parse_args(arguments), NAME)


if __name__ == "__main__":
    sys.exit(main())
