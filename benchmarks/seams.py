"""The seams that repainting leaves, by the app's jobs: on held-out faces, photos with drawn masks, two photos a person.

    python -m benchmarks.seams --data FOLDER --masked FOLDER --weights-dir FOLDER

The true face of each photo is known, so the step of colour and of texture across the hole's border is divided by the
true face's own (:mod:`pipelines.metrics.seam`). Writes ``seams.md`` and ``.json`` into the output folder.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from tqdm import tqdm

from benchmarks import command
from benchmarks.cases import middle_face, read_pairs
from benchmarks.masked_faces import labelled_photos, read_labelled
from benchmarks.methods import to_tensor
from benchmarks.tables import markdown_line
from pipelines.cleft_inpainting.pipeline import CleftInpainting
from pipelines.devices import DEVICES, PRECISIONS
from pipelines.errors import DataUnreadable, FaceIncomplete, ImageTooSmall, NoFaceFound, PhiltrumError
from pipelines.faces.alignment import align
from pipelines.faces.blending.skin import visible_face
from pipelines.faces.images import read_image
from pipelines.faces.landmarks import find_face
from pipelines.faces.masks import EXTENTS, hull_mask, suggest_mask
from pipelines.faces.points import Face
from pipelines.files import write_all_atomic
from pipelines.mask_removal.pipeline import MaskRemoval
from pipelines.mask_removal.segmentation import with_margin
from pipelines.metrics.perceptual import LPIPS
from pipelines.metrics.seam import Step, step
from pipelines.results import RepaintResult
from pipelines.training.data import load_faces

NAME = "seams"
"""Stem of the files."""

JOBS = {"cleft-inpainting": CleftInpainting, "mask-removal": MaskRemoval}
"""Job → its pipeline."""

SETS = ("val", "labelled", "pairs")
"""Held-out faces; photos with drawn masks; photos of people of whom another one is the reference."""

_EYES = (slice(17, 22), slice(22, 27), slice(36, 42), slice(42, 48))  # brows and eyes, of the 68 points
_ABOUT_EYES = 0.06  # eye distances


class Case(NamedTuple):
    """A photo to repaint.

    Attributes:
        kind: heading of its rows.
        photo: RGB ``uint8`` ``(H, W, 3)``.
        truth: of the same shape, without a mask.
        face: the chosen face of the truth.
        asked: what else the job is given, but for a reference.
        reference: RGB ``uint8`` ``(h, w, 3)``, for the job that takes one; None where there is none.
    """

    kind: str
    photo: np.ndarray
    truth: np.ndarray
    face: Face
    asked: dict[str, Any]
    reference: np.ndarray | None = None


class Found(NamedTuple):
    """What was measured of a result: both pictures' steps, and how near it is to the truth.

    Attributes:
        drawn: steps across the border.
        own: of the truth.
        psnr: dB inside the mask.
        lpips: of the aligned crop.
    """

    drawn: Step
    own: Step
    psnr: float
    lpips: float


def face_skin(photo: np.ndarray, face: Face) -> np.ndarray:
    """Where a photo shows the face's skin, and its neck, but for eyes and brows: ``bool`` ``(H, W)``."""
    skin = visible_face(photo, face, np.zeros(photo.shape[:2], bool))
    for part in _EYES:
        skin &= ~hull_mask(face.points[part], _ABOUT_EYES * face.eye_distance, skin.shape)
    return skin


def val_cases(options: argparse.Namespace) -> Iterator[Case]:
    """Held-out faces under each suggested mask."""
    held_out = load_faces(options.data, "val", cache=options.cache, most=options.most)
    photos = held_out.images.permute(0, 2, 3, 1).contiguous().numpy()
    for extent in EXTENTS:
        for photo, mesh in zip(photos, held_out.meshes.numpy(), strict=True):
            yield Case(f"held-out, {extent}", photo, photo, Face(mesh * photo.shape[1]), {"extent": extent})


def labelled_cases(options: argparse.Namespace) -> Iterator[Case]:
    """Photos with a drawn mask, which is widened as one that was found is."""
    for path in labelled_photos(options.masked, options.most):
        photo, bare, mask = read_labelled(path)
        truth = cv2.resize(bare, photo.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        try:
            face = find_face(truth)
        except NoFaceFound:
            continue
        yield Case("drawn masks", photo, truth, face, {"mask": with_margin(mask, face)})


def pair_cases(options: argparse.Namespace) -> Iterator[Case]:
    """People in two photos: the lower face of one is repainted, the other is the reference."""
    for first, other in read_pairs(options.data, options.most):
        photo = read_image(first)
        try:
            index, face = middle_face(photo)
        except (NoFaceFound, FaceIncomplete, ImageTooSmall):
            continue
        mask = suggest_mask(face, photo.shape[:2], "lower-face")
        yield Case("two photos", photo, photo, face, {"mask": mask, "face": index}, read_image(other))


CASES = {"val": val_cases, "labelled": labelled_cases, "pairs": pair_cases}
"""Set → its cases."""


def measure(case: Case, result: RepaintResult, perceptual: LPIPS) -> Found:
    """What a result's seams are, and how near it is to the truth."""
    skin, unit = face_skin(case.truth, case.face), case.face.eye_distance
    drawn, own = (step(picture, result.alpha, skin, unit) for picture in (result.image, case.truth))
    off = (result.image.astype(np.float32) - case.truth)[result.mask]
    alignment = align(case.photo, case.face)
    crops = [to_tensor(alignment.crop(picture)[None]) for picture in (result.image, case.truth)]
    with torch.inference_mode():
        far = float(perceptual(*crops)[0])
    return Found(drawn, own, float(10 * np.log10(255**2 / max(np.square(off).mean(), 1e-6))), far)


def measured(
    jobs: Mapping[str, CleftInpainting | MaskRemoval], cases: Iterator[Case], perceptual: LPIPS
) -> dict[tuple[str, str], list[Found]]:
    """Kind of case and job → what was found; photos that a job refuses are passed over."""
    found: dict[tuple[str, str], list[Found]] = {}
    for case in tqdm(cases, NAME, disable=None):
        for name, job in jobs.items():
            guided = {} if case.reference is None or name != "mask-removal" else {"reference": case.reference}
            try:
                result = job(case.photo, **case.asked, **guided)
            except PhiltrumError:
                continue
            found.setdefault((case.kind, name), []).append(measure(case, result, perceptual))
    return found


def _row(found: Sequence[Found]) -> dict[str, float]:
    """Medians and worst tenths of the multiples, and means of the rest, over the results with a border on skin."""
    seen = [one for one in found if not np.isnan([*one.drawn, *one.own]).any()]
    if not seen:
        return {}
    drawn, own = (np.array([getattr(one, name) for one in seen]) for name in ("drawn", "own"))
    times = drawn / np.maximum(own, 1e-6)
    (colour, texture), (worst, worst_texture) = np.median(times, 0), np.quantile(times, 0.9, axis=0)
    return {
        "photos": len(seen),
        "colour": float(colour),
        "colour_worst_tenth": float(worst),
        "texture": float(texture),
        "texture_worst_tenth": float(worst_texture),
        "delta_e": float(drawn[:, 0].mean()),
        "own_delta_e": float(own[:, 0].mean()),
        "psnr": float(np.mean([one.psnr for one in found])),
        "lpips": float(np.mean([one.lpips for one in found])),
    }


_HEADINGS = {
    "photos": ("Photos", 0),
    "colour": ("Seam, colour ↓", 2),
    "colour_worst_tenth": ("worst tenth", 2),
    "texture": ("Seam, texture ↓", 2),
    "texture_worst_tenth": ("worst tenth", 2),
    "delta_e": ("Step, ΔE", 2),
    "own_delta_e": ("the true face's", 2),
    "psnr": ("PSNR in the mask, dB ↑", 2),
    "lpips": ("LPIPS ↓", 4),
}
_NOTE = (
    "Seams are multiples of the true face's own steps, medians over the photos; 1 is as on untouched skin. Steps, PSNR "
    "and LPIPS (of the aligned crop) are means."
)


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the table.

    Raises:
        PhiltrumError: data, weights or the device are not to be had.
    """
    jobs = {name: JOBS[name](device=options.device, precision=options.precision) for name in options.jobs}
    perceptual = LPIPS("alex", options.weights_dir)
    rows = []
    for name in options.sets:
        for (kind, job), found in measured(jobs, CASES[name](options), perceptual).items():
            if row := _row(found):
                rows.append({"kind": kind, "job": job, **row})
    if not rows:
        raise DataUnreadable("No hole's border lies on skin in any picture; use other photos.")
    lines = [markdown_line(["Photos, hole", "Job", *(heading for heading, _ in _HEADINGS.values())])]
    lines.append(markdown_line(["---"] * 2 + ["---:"] * len(_HEADINGS)))
    for row in rows:
        figures = (f"{row[key]:.{decimals}f}" for key, (_, decimals) in _HEADINGS.items())
        lines.append(markdown_line([row["kind"], row["job"], *figures]))
    texts = {f"{NAME}.md": "\n".join([*lines, "", _NOTE, ""]), f"{NAME}.json": json.dumps(rows, indent=1) + "\n"}
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_all_atomic({folder / name: text.encode() for name, text in texts.items()})


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.seams", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar and pairs.tar")
    parser.add_argument("--masked", help="folder with the labelled mask photos in pairs/")
    parser.add_argument("--weights-dir", help="folder with AlexNet's file for LPIPS")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)}")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    command.add_photo_options(parser, f"runs/{NAME}")
    parser.set_defaults(most=40)
    return command.finish(run, parser.parse_args(arguments), NAME)


if __name__ == "__main__":
    sys.exit(main())
