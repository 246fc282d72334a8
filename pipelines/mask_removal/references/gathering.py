"""The references of a run: found, warped and fused; of several, those that cannot be used are left out and told.

A single reference that cannot be used stops the run, and so do several of which none can be used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from pipelines.arrays import Mask, Pixels
from pipelines.errors import (
    ArrayInvalid,
    FaceIncomplete,
    FaceIndexInvalid,
    ImageTooSmall,
    NoFaceFound,
    OptionInvalid,
    PhiltrumError,
    ReferenceUnusable,
)
from pipelines.faces.points import Face
from pipelines.faces.subject import Subject, find_subject
from pipelines.languages.translation import _
from pipelines.mask_removal.choices import MOST_REFERENCES
from pipelines.mask_removal.references.fusion import Fused, fuse
from pipelines.mask_removal.references.warping import WarpedReference, warp_reference, yaw
from pipelines.results import UsedReference

_NOT_FOUND = (ArrayInvalid, NoFaceFound, FaceIncomplete, FaceIndexInvalid, ImageTooSmall)

Refused = Mapping[int, PhiltrumError]
"""Why a reference cannot be used, by its number."""


@dataclass(frozen=True, eq=False)
class FoundReferences:
    """References in which a face was found.

    Attributes:
        subjects: their faces, by number, 1 = the first that was given.
        refused: the others.
    """

    subjects: Mapping[int, Subject]
    refused: Refused


@dataclass(frozen=True, eq=False)
class FusedReferences:
    """References that were laid onto the photo's face.

    Attributes:
        fused: all of them as one.
        used: each by itself, in the order that they were given in.
        lead: the one that fills most of the hole.
        face: the lead's face, in pixels of its photo.
        left_out: a sentence for each that could not be used, in the same order.
    """

    fused: Fused
    used: tuple[UsedReference, ...]
    lead: UsedReference
    face: Face
    left_out: tuple[str, ...]


def photos_of(reference: Pixels | Sequence[Pixels] | None) -> list[Pixels]:
    """The references that were given as one photo, as several or as none.

    Raises:
        OptionInvalid: there are more than :data:`MOST_REFERENCES`.
    """
    photos = [*reference] if isinstance(reference, Sequence) else [] if reference is None else [reference]
    if len(photos) > MOST_REFERENCES:
        raise OptionInvalid(
            _("At most {most_references} reference photos can be used; leave the others out.").format(
                most_references=MOST_REFERENCES
            )
        )
    return photos


def find_references(photos: Sequence[Pixels], face: int | Sequence[int] = 0) -> FoundReferences | None:
    """The faces of the references; None where there is no reference.

    Args:
        photos: RGB ``uint8`` ``(H, W, 3)`` each.
        face: which face of each, 0 = the largest; a number is that of all.

    Raises:
        ArrayInvalid, NoFaceFound, FaceIndexInvalid, ImageTooSmall, FaceIncomplete: why the first cannot be used, where
            none can; the sentence says that the reference is meant.
        OptionInvalid: there is not one face for each.
    """
    faces = [*face] if isinstance(face, Sequence) else [face] * len(photos)
    if len(faces) != len(photos):
        raise OptionInvalid(_("Say which face is meant once for all references, or once for each."))
    if not photos:
        return None
    subjects: dict[int, Subject] = {}
    refused: dict[int, PhiltrumError] = {}
    for number, (photo, index) in enumerate(zip(photos, faces, strict=True), 1):
        try:
            subjects[number] = find_subject(photo, index)
        except _NOT_FOUND as error:
            refused[number] = error
    if not subjects:
        _refuse(refused)
    return FoundReferences(subjects, refused)


def fuse_references(
    found: FoundReferences, subject: Subject, hole: Mask, drawn: Face | None, points: int
) -> FusedReferences:
    """Lays the references onto the photo's face, and over one another.

    Args:
        found: the references.
        subject: the photo's face.
        hole: ``bool`` ``(S, S)``, what is hidden in its crop.
        drawn, points: as for :func:`pipelines.mask_removal.references.warping.warp_reference`.

    Raises:
        OptionInvalid: too few or too many points.
        ReferenceUnusable: why the first cannot be used, where none can; as do the errors of :func:`find_references`.
    """
    warped: dict[int, WarpedReference] = {}
    refused = dict(found.refused)
    for number, one in found.subjects.items():
        try:
            warped[number] = warp_reference(
                subject.crop, subject.crop_face, hole, one.photo, one.face, drawn=drawn, points=points
            )
        except ReferenceUnusable as error:
            refused[number] = error
    if not warped:
        _refuse(refused)
    fused = fuse([*warped.values()], yaw(subject.crop_face))
    shares = _shares(fused, hole)
    used = [
        UsedReference(
            number=number,
            photo=found.subjects[number].photo,
            points=one.points,
            yaw=one.yaw,
            share=share,
            warped=one.image,
            weight=weight,
        )
        for (number, one), share, weight in zip(warped.items(), shares, fused.weights, strict=True)
    ]
    lead = used[int(np.argmax(shares))]
    left_out = tuple(
        _("Reference {number}: {error}").format(number=number, error=error) for number, error in sorted(refused.items())
    )
    return FusedReferences(fused, tuple(used), lead, found.subjects[lead.number].face, left_out)


def _shares(fused: Fused, hole: Mask) -> list[float]:
    """What of all that is trusted in the hole comes from each; they add up to 1."""
    parts = (fused.weights * fused.confidence)[:, hole].sum(1, dtype=np.float64)
    if parts.sum() == 0:  # a hole beside the face, where none says anything
        return [1 / len(parts)] * len(parts)
    shares: list[float] = (parts / parts.sum()).tolist()
    return shares


def _refuse(refused: Refused) -> NoReturn:
    """Raises what is wrong with the first reference, in words that say that a reference is meant."""
    error = refused[min(refused)]
    if isinstance(error, ReferenceUnusable):
        raise error
    raise type(error)(_("The reference photo cannot be used. {error}").format(error=error)) from error
