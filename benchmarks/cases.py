"""The three sets of faces that the mask-removal benchmark repaints, all in the project's aligned crop."""

import hashlib
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from benchmarks.holes import cut_holes, generator
from benchmarks.masked_faces import labelled_photos, read_labelled
from benchmarks.methods import to_tensor
from pipelines.errors import (
    DataUnreadable,
    FaceIncomplete,
    ImageTooSmall,
    MaskOffFace,
    MaskTooLarge,
    NoFaceFound,
    ReferenceUnusable,
)
from pipelines.faces import masks
from pipelines.faces.alignment import align
from pipelines.faces.blending.hole import FEATHER, crop_hole, within_reach
from pipelines.faces.images import read_image
from pipelines.faces.landmarks import find_crop_face, find_face, find_faces
from pipelines.faces.points import MESH_TO_68, Face
from pipelines.faces.subject import check_face
from pipelines.mask_removal.covered import covered
from pipelines.mask_removal.references.warping import warp_reference
from pipelines.mask_removal.segmentation import with_margin
from pipelines.mask_removal.synthesis.references import self_references
from pipelines.training.data import load_faces

SETS = ("labelled", "val", "pairs")
"""Photos with rendered masks; held-out faces with their lower half cut out; two photos a person."""

GUIDED_BY = {"labelled": "self", "val": "self", "pairs": "reference"}
"""Set -> what the names of methods end in that get a reference on it: a self-made one, or another photo's."""

Draw = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Crops ``(N, S, S, 3)`` and holes ``(N, S, S)`` -> the crops repainted."""

_STREAM = len(masks.GROUPS)  # random numbers of references; those before are of irregular holes
_LOST = "face lost under the hole"
_REASONS = {
    NoFaceFound: "no face found",
    FaceIncomplete: "face cut by the edge",
    ImageTooSmall: "face too small",
    MaskOffFace: "hole off the face",
    MaskTooLarge: "hole too large",
    ReferenceUnusable: "reference refused",
}


class Case(NamedTuple):
    """A face to repaint.

    Attributes:
        crop: ``uint8`` ``(S, S, 3)``, what methods see; what lies under the hole they may not look at.
        hole: ``bool`` ``(S, S)``.
        truth: ``uint8`` ``(S, S, 3)``, the face without a mask.
        points: ``float32`` ``(68, 2)``, the truth's landmarks in pixels.
        reference: ``uint8`` ``(S, S, 3)``, a warped reference.
        confidence: ``float32`` ``(S, S)`` in [0, 1].
    """

    crop: np.ndarray
    hole: np.ndarray
    truth: np.ndarray
    points: np.ndarray
    reference: np.ndarray
    confidence: np.ndarray


class _Pair(NamedTuple):
    """Two photos of a person before the second is warped onto the first: names as in :class:`Case`."""

    truth: np.ndarray
    points: np.ndarray
    hole: np.ndarray
    covered: np.ndarray
    seen: Face
    other: np.ndarray
    other_face: Face


@dataclass(frozen=True, eq=False)
class Cases:
    """A set of them.

    Attributes:
        all: a :class:`Case` of arrays of all faces, the first axis of each of length N.
        left_out: reason -> how many photos of the set are missing for it.
    """

    all: Case
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(self.all.crop)

    @cached_property
    def sha256(self) -> str:
        """Of all pictures, holes and points: kept scores hang on it."""
        digest = hashlib.sha256()
        for array in self.all:
            for one in array:
                digest.update(np.ascontiguousarray(one))
        return digest.hexdigest()

    @classmethod
    def of(cls, found: Sequence[Case | str]) -> "Cases":
        """The cases among ``found``; the rest are reasons.

        Raises:
            DataUnreadable: there is no case.
        """
        cases = [case for case in found if isinstance(case, Case)]
        if not cases:
            raise DataUnreadable("No photo of one of the benchmark's sets can be measured; check the data folders.")
        reasons = Counter(reason for reason in found if isinstance(reason, str))
        return cls(Case(*map(np.stack, zip(*cases, strict=True))), dict(sorted(reasons.items())))


def labelled_cases(
    folder: str | Path | None, seed: int, most: int | None = None, pool: Executor | None = None
) -> Cases:
    """Photos with rendered masks, whose truth is the photo before the mask was rendered.

    Face and alignment are those of the masked photo, as in the app; the hole is the true mask, widened as the app
    widens one that it finds. References are made from the truth.

    Args:
        folder: holds ``pairs/ID-masked.jpg``, ``ID-labels.png`` and ``ID-unmasked.jpg``.
        seed: of the references.
        most: only the first so many.
        pool: processes.

    Raises:
        DataUnreadable: the photos are not there, or one is damaged.
    """
    return Cases.of(list(_map(pool, partial(_labelled, seed=seed), labelled_photos(folder, most))))


def val_cases(data: str | Path, seed: int, most: int | None = None, cache: str | Path = ".data") -> Cases:
    """Held-out faces with the lower face cut out; references are made from the faces themselves.

    Args:
        data: as for :func:`pipelines.training.data.load_faces`.
        seed: of the references.
        most: only the first so many.
        cache: folder of the landmark cache.

    Raises:
        DataUnreadable: there are no photos.
    """
    faces = load_faces(data, "val", cache=cache, most=most)
    crops, holes = faces.images.permute(0, 2, 3, 1).numpy(), cut_holes(faces, "lower-face", seed)
    points = faces.meshes.numpy()[:, list(MESH_TO_68)] * crops.shape[1]
    references, confidences = zip(*map(_self_reference, crops, points, faces.names, [seed] * len(faces)), strict=True)
    return Cases(Case(crops, holes, crops, points, np.stack(references), np.stack(confidences)), {})


def pairs_cases(data: str | Path, draw: Draw, most: int | None = None, pool: Executor | None = None) -> Cases:
    """Two photos a person: the lower face is cut out of the first, the second is the reference.

    The reference is warped as in the app, onto landmarks of the covered and of the repainted face: those of the whole
    photo would tell where mouth and chin are.

    Args:
        data: folder with ``pairs.tar`` of ``pair-NNN-a.jpg`` and ``pair-NNN-b.jpg``.
        draw: repaints the holes without a reference.
        most: only the first so many people.
        pool: processes.

    Raises:
        DataUnreadable: the archive is not there, or damaged.
    """
    found = list(_map(pool, _pair, read_pairs(data, most)))
    pairs = [pair for pair in found if isinstance(pair, _Pair)]
    drawn = draw(np.stack([pair.covered for pair in pairs]), np.stack([pair.hole for pair in pairs])) if pairs else []
    return Cases.of([*_map(pool, _warped, pairs, drawn), *(reason for reason in found if isinstance(reason, str))])


def read_pairs(data: str | Path, most: int | None = None) -> list[tuple[bytes, bytes]]:
    """The files of two photos a person.

    Args:
        data: folder with ``pairs.tar`` of ``pair-NNN-a.jpg`` and ``pair-NNN-b.jpg``.
        most: only the first so many people.

    Raises:
        DataUnreadable: the archive is not there, or damaged.
    """
    try:
        with tarfile.open(Path(data) / "pairs.tar") as archive:
            photos = {Path(file.name).stem: archive.extractfile(file).read() for file in archive if file.isfile()}
        people = sorted(name.removesuffix("-a") for name in photos if name.endswith("-a"))[:most]
        return [(photos[f"{name}-a"], photos[f"{name}-b"]) for name in people]
    except (OSError, tarfile.TarError, KeyError) as error:
        raise DataUnreadable(
            "The archive of photo pairs is missing or damaged; copy it into the data folder, or leave the set out."
        ) from error


def _map(pool: Executor | None, function: Callable, *jobs: Sequence) -> Iterable:
    return pool.map(function, *jobs) if pool else map(function, *jobs)


def _labelled(masked: Path, seed: int) -> Case | str:
    photo, bare, mask = read_labelled(masked)
    unmasked = cv2.resize(bare, photo.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    try:
        face = find_face(photo)
        check_face(face, photo.shape)
        alignment = align(photo, face)
        found = with_margin(mask, face)
        used = within_reach(masks.clean(found), alignment, face)
        hole = crop_hole(masks.feather(used, FEATHER / 100 * face.eye_distance), alignment)
    except tuple(_REASONS) as error:
        return _REASONS[type(error)]
    truth = alignment.crop(unmasked)
    true = find_crop_face(truth)
    if true is None:
        return _REASONS[NoFaceFound]
    reference = _self_reference(truth, true.points, masked.stem, seed)
    return Case(alignment.crop(photo), hole, truth, true.points, *reference)


def _pair(photos: tuple[bytes, bytes]) -> _Pair | str:
    photo, other = map(read_image, photos)
    try:
        (_, face), (_, other_face) = middle_face(photo), middle_face(other)
        alignment = align(photo, face)
        truth = alignment.crop(photo)
        true = Face(alignment.to_crop(face.mesh).astype(np.float32))
        hole = masks.suggest_mask(true, truth.shape[:2], "lower-face")
    except tuple(_REASONS) as error:
        return _REASONS[type(error)]
    given = covered(truth, hole)
    seen = find_crop_face(given)
    return _LOST if seen is None else _Pair(truth, true.points, hole, given, seen, other, other_face)


def _warped(pair: _Pair, drawn: np.ndarray) -> Case | str:
    try:
        faces = (pair.seen, pair.hole, pair.other, pair.other_face)
        warped = warp_reference(pair.covered, *faces, drawn=find_crop_face(drawn))
    except ReferenceUnusable as error:
        return _REASONS[type(error)]
    return Case(pair.truth, pair.hole, pair.truth, pair.points, warped.image, warped.confidence)


def middle_face(photo: np.ndarray) -> tuple[int, Face]:
    """The face nearest to the middle, whom the photo is of: which one, 0 = the largest, and the face.

    Raises:
        NoFaceFound, FaceIncomplete, ImageTooSmall: the photo has none that a job takes.
    """
    faces, middle = find_faces(photo), np.array(photo.shape[1::-1]) / 2
    if not faces:
        raise NoFaceFound("There is no face in the photo; leave it out.")
    index = int(np.argmin([np.linalg.norm(face.mesh.mean(0) - middle) for face in faces]))
    check_face(faces[index], photo.shape)
    return index, faces[index]


def _self_reference(truth: np.ndarray, points: np.ndarray, name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A face's own picture as its reference, and the confidence; by the face's name and the seed alone."""
    random = torch.Generator().manual_seed(int(generator(name, _STREAM, seed).integers(2**63)))
    image = to_tensor(np.ascontiguousarray(truth)[None])
    fractions = torch.from_numpy(points[None] / truth.shape[0]).float()
    reference, confidence = self_references(image, fractions, random, share=1.0)
    pixels = reference[0].permute(1, 2, 0).add(1).mul(127.5).round().to(torch.uint8)
    return pixels.numpy(), confidence[0, 0].numpy()
