"""How well surgical masks are found: labelled photos, mask pictures and other covers over held-out faces, bare faces.

    python -m benchmarks.segmentation --data FOLDER --masked FOLDER

Writes ``segmentation.md``, ``.csv`` and ``.json`` and a contact sheet of the worst into the output folder.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks import command
from benchmarks.covers import Cover, covers
from benchmarks.masked_faces import (
    Template,
    choose_faces,
    labelled_photos,
    load_templates,
    read_labelled,
    render,
    view_of,
)
from benchmarks.scores import workers
from benchmarks.sheets import SHEET_FACES, write_sheet
from benchmarks.tables import Column, Layout, Row, write_tables
from pipelines.errors import NoFaceFound, SurgicalMaskNotFound
from pipelines.faces import masks
from pipelines.faces.landmarks import find_crop_face, find_face
from pipelines.faces.points import Face
from pipelines.mask_removal.segmentation import segment_mask, with_margin
from pipelines.training.data import FaceSet, load_faces

LABELLED, RENDERED, SEEN, BARE, BEARDED = "labelled", "rendered", "seen", "bare", "bearded"
"""Photos with labels; every mask picture over faces; those of them whose face is found where it is; faces without a
mask; those of them that wear a beard."""

COVERED = "covered"
"""Hands, scarves, glass and clear windows over faces."""

BEARDED_FACES = frozenset(
    f"val-{number:05d}.webp"
    for number in (
        *(13, 31, 54, 62, 123, 169, 174, 177, 178, 216, 219, 235, 238, 261, 294, 296, 331, 337, 356, 385, 406, 428),
        *(457, 477, 481, 484, 496, 511, 512, 514, 528, 570, 583, 622, 624, 627, 668, 678, 685, 686, 690, 732, 746, 751),
        *(766, 797, 811, 829, 830, 831, 881, 894, 900, 925, 968, 977, 995),
    )
)
"""Validation faces with a beard, picked by eye."""

_CLUSTERS = 3  # of the baseline
_WRONG, _MISSED = (230, 60, 40), (40, 90, 230)  # colours of the contact sheet
_SHEET_SIDE = 320  # px
_WHOLE = 5.0  # per cent of the cloth on a face that the hole of a mask found whole may leave
_ELSEWHERE = 0.5  # eye distances by which the eyes of a face that is found are off, if it is not the one in the mask
_WINDOWED = "surgical_blue"  # the mask that gets a window
_CLOTH = 14  # grey levels by which a render differs from the bare face where its mask or strap plainly is


class Found(NamedTuple):
    """What a method takes for the mask, and what of the photo it would repaint for it, each ``bool`` ``(H, W)``."""

    mask: np.ndarray
    hole: np.ndarray


def _ours(photo: np.ndarray, face: Face) -> Found | None:
    try:
        found = segment_mask(photo, face)
    except SurgicalMaskNotFound:
        return None
    return Found(found.mask, with_margin(found.cloth, face))


def _polygon(photo: np.ndarray, face: Face) -> Found:
    mask = masks.suggest_mask(face, photo.shape[:2], "lower-face")
    return Found(mask, mask)


def _largest(photo: np.ndarray, face: Face) -> Found:
    """The largest of three clusters of colour in the lower face, as in section 1 of Lumetti et al."""
    polygon = _polygon(photo, face).mask
    colours = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[polygon]
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.2)
    _, labels, _ = cv2.kmeans(colours, _CLUSTERS, None, stop, 3, cv2.KMEANS_PP_CENTERS)
    found = np.zeros(polygon.shape, bool)
    found[polygon] = labels[:, 0] == np.bincount(labels[:, 0]).argmax()
    return Found(found, with_margin(found, face))


METHODS: dict[str, Callable[[np.ndarray, Face], Found | None]] = {
    "ours": _ours,
    "largest": _largest,
    "polygon": _polygon,
}
"""Method -> what it finds in photo and face; None where it finds no mask."""

_COLUMNS = (
    Column("hole", "Mask, % of the photo", 1),
    Column("iou", "IoU ↑", 3),
    Column("worst_tenth", "IoU, worst tenth ↑", 3),
    Column("left", "Cloth outside the hole, % ↓", 2),
    Column("found", "Masks found, %", 1),
    Column("half", "Found, but not whole, % ↓", 1),
    Column("lost", "Faces lost", 0),
)
_LABELS = {"ours": "Philtrum", "largest": "Largest cluster", "polygon": "Lower face"}
_NOTE = (
    "A mask that is not found, and one on a face that FaceMesh does not find or finds elsewhere, has an IoU of 0; such "
    "faces are lost, and seen are the others. Largest cluster is the "
    "largest of three clusters of colour in the lower face; lower face is the region that the app suggests. Cloth "
    "outside the hole is what of a render's mask and straps is not repainted where the mask is found; of hand, scarf, "
    "shield and window, which have no IoU, what lies on the face. Not whole is what leaves more than 5 % of it. Hands, "
    "glass and windows cannot be told from a face by their colour: none found is right there, for it is said."
)


class Finding(NamedTuple):
    """What each method found on one photo.

    Attributes:
        share: of the photo that the mask covers, in per cent.
        face: whether FaceMesh found a face.
        iou: by method, 0 where nothing was found, NaN where there is no mask.
        left: by method, share of mask and straps that the hole leaves, in per cent; NaN where nothing was found, or
            where it is not known what is cloth.
        found: by method, whether it found a mask.
        picture: RGB ``uint8`` ``(320, 320, 3)``, what ours found against the truth.
    """

    share: float
    face: bool
    iou: dict[str, float]
    left: dict[str, float]
    found: dict[str, bool]
    picture: np.ndarray


def examine(photo: np.ndarray, face: Face | None, truth: np.ndarray, cloth: np.ndarray | None = None) -> Finding:
    """Lets every method find the mask.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        face: found in this photo; None where none was.
        truth: ``bool`` ``(H, W)``, nowhere True where there is no mask.
        cloth: the same with its straps; None where they are not known.
    """
    found = {key: method(photo, face) if face else None for key, method in METHODS.items()}
    drawn = {key: np.zeros_like(truth) if one is None else one.mask for key, one in found.items()}
    iou = {key: (mask & truth).sum() / (mask | truth).sum() if truth.any() else np.nan for key, mask in drawn.items()}
    left = {key: _left(one, cloth) for key, one in found.items()}
    picture = _picture(photo, drawn["ours"], truth)
    present = {key: one is not None for key, one in found.items()}
    return Finding(100 * truth.mean(), face is not None, iou, left, present, picture)


def _left(found: Found | None, cloth: np.ndarray | None) -> float:
    return np.nan if found is None or cloth is None else 100 * (cloth & ~found.hole).sum() / cloth.sum()


def row(kind: str, method: str, findings: Sequence[Finding]) -> Row:
    """Means over the photos of a set."""
    iou = np.array([finding.iou[method] for finding in findings])
    worst = np.sort(iou)[: max(1, round(len(iou) / 10))]
    values = {
        "hole": np.array([finding.share for finding in findings]),
        "iou": iou,
        "worst_tenth": worst.mean(),
        "left": np.array([finding.left[method] for finding in findings]),
        "found": np.array([finding.found[method] for finding in findings], float),
        "half": 100 * np.array([finding.left[method] > _WHOLE for finding in findings], float),
        "lost": np.array(sum(not finding.face for finding in findings), float),
    }
    return Row.of(kind, method, values, _COLUMNS)


def _picture(photo: np.ndarray, found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    drawn = photo.copy()
    for wrong, colour in ((found & ~truth, _WRONG), (truth & ~found, _MISSED)):
        drawn[wrong] = drawn[wrong] // 3 + np.array(colour, np.uint8) // 3 * 2
    scale = _SHEET_SIDE / max(photo.shape[:2])
    small = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rest = (_SHEET_SIDE - small.shape[0], _SHEET_SIDE - small.shape[1])
    return cv2.copyMakeBorder(small, 0, rest[0], 0, rest[1], cv2.BORDER_CONSTANT)


def _examine_labelled(path: Path) -> Finding:
    photo, _, truth = read_labelled(path)
    try:
        face = find_face(photo)
    except NoFaceFound:
        face = None
    return examine(photo, face, truth)


def _examine_worn(crop: np.ndarray, mesh: np.ndarray, template: Template) -> Finding:
    photo, truth = render(crop, Face(mesh), template)
    cloth = truth | (cv2.absdiff(photo, crop).max(-1) > _CLOTH)
    return examine(photo, _found_in_place(photo, Face(mesh)), truth, cloth)


def _examine_covered(crop: np.ndarray, mesh: np.ndarray, cover: Cover, seed: int) -> Finding:
    bare = Face(mesh)
    photo, covered = cover(crop, bare, np.random.default_rng(seed))
    on_face = covered & masks.face_region(bare, covered.shape)
    finding = examine(photo, _found_in_place(photo, bare), on_face, on_face)
    return finding._replace(iou=dict.fromkeys(METHODS, np.nan))


def _found_in_place(photo: np.ndarray, bare: Face) -> Face | None:
    """The face that FaceMesh finds under a mask, if it is the one that wears it."""
    face = find_crop_face(photo)
    off = np.inf if face is None else np.linalg.norm(face.eyes - bare.eyes, axis=1).max()
    return face if off < _ELSEWHERE * bare.eye_distance else None


def _examine_bare(crop: np.ndarray) -> Finding:
    return examine(crop, find_crop_face(crop), np.zeros(crop.shape[:2], bool))


def _sets(options: argparse.Namespace, faces: FaceSet) -> Iterator[tuple[str, str, Callable, list[tuple]]]:
    """Row, set, what examines a photo, and the photos, one tuple of arguments each."""
    crops = faces.images.permute(0, 2, 3, 1).numpy()
    meshes = faces.meshes.numpy() * crops.shape[1]
    labelled, templates = labelled_photos(options.masked, options.most), load_templates(options.masked)
    yield LABELLED, LABELLED, _examine_labelled, [(path,) for path in labelled]
    views = [view_of(Face(mesh)) for mesh in meshes]
    for template, chosen in zip(templates, choose_faces(views, templates, options.faces), strict=True):
        worn = [(crops[index], meshes[index], template) for index in chosen]
        if worn:  # a few faces may all look one way
            yield template.name, RENDERED, _examine_worn, worn
    front = [index for index, view in enumerate(views) if view == "front"][: options.faces]
    windowed = next((one for one in templates if one.name == _WINDOWED), templates[0])
    for name, cover in covers(windowed).items():
        yield name, COVERED, _examine_covered, [(crops[index], meshes[index], cover, index) for index in front]
    yield BARE, BARE, _examine_bare, [(crop,) for crop in islice(crops, options.bare)]
    bearded = [(crop,) for name, crop in zip(faces.names, crops, strict=True) if name in BEARDED_FACES]
    if bearded:
        yield BEARDED, BEARDED, _examine_bare, bearded


def run(options: argparse.Namespace) -> None:
    """Measures, then writes the tables and the sheets.

    Raises:
        DataUnreadable: there are no photos or no pictures of masks.
    """
    out = Path(options.out)
    faces = load_faces(options.data, "val", cache=options.cache, most=options.most)
    kinds = {LABELLED: "Labelled photos", RENDERED: "All mask pictures", SEEN: "Those on faces that are seen"}
    kinds |= {BARE: "Bare faces", BEARDED: "Bearded faces"}
    found: dict[str, list[Finding]] = {}
    with workers(options.workers) as pool, tqdm(disable=None) as bar:
        for name, group, examined, photos in _sets(options, faces):
            bar.set_description(name)
            findings = list(_map(pool, examined, photos))
            bar.update(len(findings))
            found[name] = findings
            kinds.setdefault(name, name.replace("_", " "))
            if group == RENDERED:
                found.setdefault(RENDERED, []).extend(findings)
    found[SEEN] = [finding for finding in found.get(RENDERED, ()) if finding.face]
    last = (RENDERED, SEEN, BARE, BEARDED)
    ordered = [LABELLED, *(name for name in found if name not in (LABELLED, *last)), *last]
    rows = [row(name, method, found[name]) for name in ordered if found.get(name) for method in METHODS]
    layout = Layout("segmentation", "Finding surgical masks", ("Set", "set"), kinds, _LABELS, _COLUMNS, _NOTE)
    counts = {f"{name}_photos": len(found.get(name, ())) for name in (LABELLED, *last)}
    write_tables(out, rows, {**counts, "faces_a_picture": options.faces}, layout)
    columns = {name: _worst(found[name]) for name in (LABELLED, RENDERED) if len(found.get(name, ())) >= SHEET_FACES}
    if columns:
        write_sheet(out / "segmentation.png", columns)


def _worst(findings: Sequence[Finding]) -> np.ndarray:
    return np.stack([finding.picture for finding in sorted(findings, key=lambda finding: finding.iou["ours"])])


def _map(pool: Executor | None, examined: Callable, photos: Sequence[tuple]) -> Iterator[Finding]:
    columns = zip(*photos, strict=True)
    return pool.map(examined, *columns) if pool else map(examined, *columns)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, or 2 with one sentence where nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.segmentation", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder with val.tar")
    parser.add_argument("--masked", help="folder with labelled photos in pairs/ and mask pictures in templates/")
    parser.add_argument("--faces", type=command.count, default=40, help="faces under each mask picture")
    parser.add_argument("--bare", type=command.count, default=1000, help="faces without a mask")
    command.add_photo_options(parser, "runs/segmentation")
    return command.finish(run, parser.parse_args(arguments), "segmentation")


if __name__ == "__main__":
    sys.exit(main())
