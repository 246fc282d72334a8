"""What a case file holds: the case, and entries, each what one run or one tab was given and gave back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from pipelines import results
from pipelines.arrays import Mask, Pixels
from pipelines.cases.case import Case
from pipelines.errors import CaseFileInvalid
from pipelines.faces.points import MIRROR_MESH, Face
from pipelines.languages.translation import _
from pipelines.results import AnomalyScoringResult, MaskRemovalResult, RepaintResult

Setting: TypeAlias = str | int | float | bool | list[str] | None
"""What a setting may be."""

AnyResult: TypeAlias = RepaintResult | AnomalyScoringResult

PHOTO = "photo"
"""What the photo that a job works on is called among an entry's photos; the others are the job's own."""

_DAMAGED = CaseFileInvalid(_("This case file is damaged: its parts do not fit together. Use another copy of it."))


@dataclass(frozen=True, eq=False, kw_only=True)
class CasePhoto:
    """A photo that was given.

    Attributes:
        pixels: RGB ``uint8`` ``(H, W, 3)``.
        faces: found in it, largest first; none where nobody looked, or where there are none.
        face: which of them was chosen, 0 = the largest.
        mask: ``bool`` ``(H, W)``, painted, suggested, found or uploaded; None where there is none.
        made_by: arguments by which the job itself makes this mask; None where a person did.

    Raises:
        CaseFileInvalid: they do not fit together.
    """

    pixels: Pixels
    faces: tuple[Face, ...] = ()
    face: int = 0
    mask: Mask | None = None
    made_by: Mapping[str, Setting] | None = None

    def __post_init__(self) -> None:
        fits = self.mask is None or self.mask.shape == self.pixels.shape[:2]
        if not fits or self.face < 0 or (self.faces and self.face >= len(self.faces)):
            raise _DAMAGED
        if not all(face.mesh.shape == (len(MIRROR_MESH), 2) and np.isfinite(face.mesh).all() for face in self.faces):
            raise _DAMAGED


@dataclass(frozen=True, eq=False, kw_only=True)
class Entry:
    """What a job was given and gave back.

    Attributes:
        job: its name, one of :data:`pipelines.jobs.JOBS`.
        photos: what was given, by what it is: :data:`PHOTO`, and what else the job takes.
        settings: by names of the job's own.
        results: what was made of it; of anomaly scoring one for each photo.
        chosen: whether a person chose it as the case's result for its photo.
    """

    job: str
    photos: Mapping[str, CasePhoto] = field(default_factory=lambda: MappingProxyType({}))
    settings: Mapping[str, Setting] = field(default_factory=lambda: MappingProxyType({}))
    results: tuple[AnyResult, ...] = ()
    chosen: bool = False

    @classmethod
    def of(cls, result: AnyResult, settings: Mapping[str, Setting] | None = None) -> "Entry":
        """The entry of a result: its photo and mask, and its seed, beside other settings."""
        mask = result.mask if isinstance(result, RepaintResult) else None
        photos = {PHOTO: CasePhoto(pixels=result.photo, face=result.face, mask=mask)}
        if isinstance(result, MaskRemovalResult):
            photos |= {reference_key(used.number): CasePhoto(pixels=used.photo) for used in result.references}
        how = {"seed": result.seed, **(settings or {})}
        return cls(job=job_of(result), photos=photos, settings=how, results=(result,))


@dataclass(frozen=True, eq=False)
class CaseFile:
    """What was read from a case file.

    Attributes:
        case: whose it is.
        entries: in the order that they were saved in.
    """

    case: Case
    entries: tuple[Entry, ...] = ()

    @property
    def results(self) -> tuple[AnyResult, ...]:
        """Every result, in the order of the entries."""
        return tuple(result for entry in self.entries for result in entry.results)


def job_of(result: AnyResult) -> str:
    """The name of the job that gives such results: that of their class, as the table of jobs writes names.

    >>> job_of(type("MaskRemovalResult", (), {})())
    'mask-removal'
    """
    words = re.findall(r"[A-Z][a-z0-9]*", type(result).__name__.removesuffix("Result"))
    return "-".join(words).lower()


def result_class(job: str) -> type[AnyResult]:
    """The class of a job's results.

    Raises:
        CaseFileInvalid: this Philtrum has no such job.
    """
    name = "".join(word.capitalize() for word in job.split("-")) + "Result"
    found = getattr(results, name, None)
    if not (isinstance(found, type) and issubclass(found, RepaintResult | AnomalyScoringResult)):
        raise CaseFileInvalid(_("This case file holds work that this Philtrum cannot do; update Philtrum to open it."))
    return found


def check_result(result: AnyResult) -> None:
    """Whether the parts of a result that was read fit together, so that whatever shows it can rely on them.

    Raises:
        CaseFileInvalid: they do not.
    """
    crop = result.crop.shape
    fits = [result.landmarks.shape == (68, 2), 0 <= result.face < result.faces, min(result.photo.shape) > 0]
    if isinstance(result, RepaintResult):
        size = result.photo.shape[:2]
        fits += [result.image.shape == result.photo.shape, result.mask.shape == size, result.alpha.shape == size]
        fits += [result.crop_before.shape == crop, result.landmarks_before.shape == (68, 2)]
        fits += [len(result.measurements) == len(result.measurements_before)]
        fits += [bool(np.isfinite(result.landmarks_before).all() and ((result.alpha >= 0) & (result.alpha <= 1)).all())]
    if isinstance(result, MaskRemovalResult):
        fits += [_fits_removal(result)]
    if isinstance(result, AnomalyScoringResult):
        findings = [one for one in (result.local, result.asymmetry) if one is not None]
        maps = [result.heat, result.area, *(part for one in findings for part in (one.map, one.area))]
        maps += [] if result.repainted is None else [result.repainted]
        fits += [one.shape == crop[:2] and bool(np.isfinite(one).all()) for one in maps]
        fits += [picture.shape == crop for picture in (result.normalized, *(frame.image for frame in result.frames))]
        fits += [result.mesh.shape == (len(MIRROR_MESH), 2), bool(np.isfinite(result.mesh).all())]
    if not all(fits) or not np.isfinite(result.landmarks).all():
        raise _DAMAGED


def _fits_removal(result: MaskRemovalResult) -> bool:
    crop, of_reference = result.crop.shape, (result.reference, result.reference_points, result.reference_yaw)
    pictures = [result.coarse, result.refined, *(used.warped for used in result.references)]
    maps = [result.hole, *(used.weight for used in result.references)]
    if result.warped is not None and result.confidence is not None:
        pictures, maps = [*pictures, result.warped], [*maps, result.confidence]
    whole = [part is None for part in (*of_reference, result.warped, result.confidence)]
    points = [used.points for used in result.references]
    points += [] if result.reference_points is None else [result.reference_points]
    return (
        all(picture.shape == crop for picture in pictures)
        and all(one.shape == crop[:2] for one in maps)
        and len(set(whole)) == 1
        and all(one.ndim == 2 and len(one) and one.shape[1] == 2 and np.isfinite(one).all() for one in points)
        and (result.found is None or result.found.shape == result.mask.shape)
    )


def reference_key(number: int) -> str:
    """What a reference is called among the photos, 1 = the first."""
    return "reference" if number == 1 else f"reference-{number}"
