"""What a job gives back: frozen, typed, the same object for the app, the command line and the tests."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np

from pipelines.arrays import Floats, Mask, Pixels, Points
from pipelines.cases.case import Case

Extent: TypeAlias = Literal["lips", "lips-to-nose", "lower-face"]
"""A suggested region: the lips; the lips, philtrum and nostrils; the lower face with the nose."""

PaintingEngine: TypeAlias = Literal["inpainter", "paper"]
"""Who paints under a mask: an inpainter, whose drawing a reference refines; the paper's coarse and refinement network.
"""

Region: TypeAlias = Literal["mouth-nose", "upper-lip", "face"]
"""What is scored: mouth and nose; upper lip, philtrum and nostril sill; the whole face without the eyes."""

AnyRegion: TypeAlias = Literal[Region, "painted"]
"""The same, or what a person painted."""

MapKind: TypeAlias = Literal["pse", "ssim", "lpips"]
"""Measure of difference of a heat map: squared error of pixels, structural similarity, deep features."""

ColourSpace: TypeAlias = Literal["ycbcr", "rgb"]
"""In which pictures are compared."""

Formula: TypeAlias = Literal["equation", "text"]
"""Of the paper's score: equation 6 as it is written; the sentence before it."""

NormalizerName: TypeAlias = Literal["inpainting", "stylegan2"]
"""What draws a face without its anomaly."""


def pixels_sha256(photo: Pixels) -> str:
    """SHA-256 in hex of a photo's decoded pixels, ``uint8`` ``(H, W, 3)``, row by row: upright and in sRGB, as
    :func:`pipelines.faces.images.read_image` gives them. Not of the file, which carries more than its picture.
    """
    return hashlib.sha256(np.ascontiguousarray(photo).data).hexdigest()


class _OfPhoto:
    """A result that can be told from another photo's."""

    photo: Pixels

    @cached_property
    def photo_sha256(self) -> str:
        """:func:`pixels_sha256` of the photo."""
        return pixels_sha256(self.photo)


@dataclass(frozen=True)
class Measurement:
    """One clinical measure; see :mod:`pipelines.faces.measurements`.

    Attributes:
        key: name in files.
        label: name on screen.
        value: NaN where points that define it coincide.
        unit: ``"°"``, or ``""`` for ratios.
        formula: how it is computed, with the numbers of the points.
        meaning: a plain sentence, with the value of a symmetric face.
    """

    key: str
    label: str
    value: float
    unit: str
    formula: str
    meaning: str


@dataclass(frozen=True)
class WeightsUsed:
    """Name and first twelve hex digits of the SHA-256 of weights that drew a result."""

    name: str
    sha256: str


class PhotoResult(Protocol):
    """What every job's result says, whatever else it holds: of which face of what photo it is, and what made it.

    Attributes:
        photo: ``uint8`` ``(H, W, 3)``, the photo as it was given.
        photo_sha256: :func:`pixels_sha256` of it.
        weights: every weights file used.
        device: where networks ran, and in which precision.
        seed: of all randomness.
        face: which face, 0 = largest.
        faces: how many faces the photo shows.
        case: the case that it belongs to, or None.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def photo(self) -> Pixels: ...

    @property
    def photo_sha256(self) -> str: ...

    @property
    def weights(self) -> tuple[WeightsUsed, ...]: ...

    @property
    def device(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def face(self) -> int: ...

    @property
    def faces(self) -> int: ...

    @property
    def case(self) -> Case | None: ...


@dataclass(frozen=True)
class Score:
    """How far a face's region is from its normalized version; see :mod:`pipelines.anomaly_scoring.scoring.scores`.

    Scores compare only where kind, colour, erosion and formula, the crop's size and the region's definition are the
    same: equation 6 divides a root of a sum by a count, so S grows with the number of pixels.

    Attributes:
        normality: S of equation 6, natural logarithm, no unit; higher is closer to normal, as in the human ratings.
        severity: −S, higher is farther from normal.
        pixels: N, the pixels of the region.
        kind: measure of the heat map: ``"pse"``, ``"ssim"`` or ``"lpips"``.
        colour: colour space of the comparison: ``"ycbcr"`` or ``"rgb"``.
        erosion: whether the heat map was eroded.
        formula: ``"equation"`` or ``"text"``.
    """

    normality: float
    severity: float
    pixels: int
    kind: MapKind
    colour: ColourSpace
    erosion: bool
    formula: Formula


@dataclass(frozen=True, kw_only=True)
class RepaintResult(_OfPhoto):
    """A photo in which part of a face was repainted; what every such job gives back.

    Attributes:
        image: ``uint8`` ``(H, W, 3)``, the photo repainted inside the mask, at the photo's size.
        photo: ``uint8`` ``(H, W, 3)``, the photo as it was given.
        mask: ``bool`` ``(H, W)``, the mask as used: painted, suggested or found, cleaned and grown.
        alpha: ``float32`` ``(H, W)`` in [0, 1], the blend: 1 on the mask, falling to 0 over the feather. Where it
            is 0, ``image`` equals ``photo`` bit for bit.
        crop_before: ``uint8`` ``(256, 256, 3)``, the aligned face.
        crop: ``uint8`` ``(256, 256, 3)``, the aligned face repainted.
        landmarks_before: ``float32`` ``(68, 2)``, found in the photo, in pixels of the photo; every job finds the same.
        landmarks: ``float32`` ``(68, 2)``, in pixels of the photo: inside the mask as found in ``image``, outside it
            those of the photo.
        seconds: wall time of each stage, in the order of work.
        weights: every weights file used.
        device: where the network ran, and in which precision.
        seed: seed of all randomness.
        face: which face was repainted, 0 = largest.
        faces: how many faces the photo shows.
        extent: the suggested extent, or None where the mask was given or found.
        grow: by how much the mask was widened, in per cent of the distance between the eyes.
        feather: width of the blend, in the same unit.
        measurements_before: clinical ratios and angles of ``landmarks_before``; none where the job takes none.
        measurements: the same of ``landmarks``.
        case: the case that it belongs to, or None.
    """

    image: Pixels
    photo: Pixels
    mask: Mask
    alpha: Floats
    crop_before: Pixels
    crop: Pixels
    landmarks_before: Points
    landmarks: Points
    seconds: dict[str, float]
    weights: tuple[WeightsUsed, ...]
    device: str
    seed: int
    face: int
    faces: int
    extent: Extent | None
    grow: float
    feather: float
    measurements_before: tuple[Measurement, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    case: Case | None = None

    @property
    def mask_source(self) -> Literal["given", "suggested", "found"]:
        """Where the mask came from: ``"given"`` or ``"suggested"``."""
        return "given" if self.extent is None else "suggested"


@dataclass(frozen=True, kw_only=True)
class CleftInpaintingResult(RepaintResult):
    """A predicted non-cleft face; ``landmarks`` inside the mask are the network's own prediction only where no face is
    found in what it drew.
    """


@dataclass(frozen=True, kw_only=True, eq=False)
class UsedReference:
    """A reference photo and what was made of it.

    Attributes:
        number: which of those that were given, 1 = the first.
        photo: ``uint8`` ``(H', W', 3)``.
        points: ``float32`` ``(N, 2)``, control points of the warp in its pixels.
        yaw: degrees by which its face is turned, positive to the image's right.
        share: of the hole that it fills, 0-1, as far as any reference is trusted there; the shares of all add up to 1.
        warped: ``uint8`` ``(256, 256, 3)``, the photo warped onto the face.
        weight: ``float32`` ``(256, 256)`` in [0, 1], its part in the fused picture; the weights of all add up to 1.
    """

    number: int
    photo: Pixels
    points: Points
    yaw: float
    share: float
    warped: Pixels
    weight: Floats


@dataclass(frozen=True, kw_only=True)
class MaskRemovalResult(RepaintResult):
    """A face without its surgical mask; ``landmarks`` are found in the repainted face.

    ``landmarks_before`` are FaceMesh's guess under the mask, so no measurements are taken from them.

    Attributes:
        found: ``bool`` ``(H, W)``, the surgical mask and its straps as the segmentation found them, or None where a
            mask was given or suggested.
        hole: ``bool`` ``(256, 256)``, what was hidden from the network in the crop.
        reference: ``uint8`` ``(H', W', 3)``, the reference photo, or None without one; of several the one that fills
            most of the hole.
        reference_points: ``float32`` ``(N, 2)``, control points of the warp in pixels of that reference, or None.
        reference_yaw: degrees by which its face is turned, positive to the image's right, or None.
        warped: ``uint8`` ``(256, 256, 3)``, the reference warped onto the face, or None; several are fused.
        confidence: ``float32`` ``(256, 256)`` in [0, 1], where ``warped`` can be trusted, or None.
        references: every reference that was used, in the order that they were given in.
        left_out: a sentence for each of several references that could not be used, as in ``"Reference 2: ..."``.
        engine: which networks painted, one of :data:`pipelines.mask_removal.choices.ENGINES`.
        coarse: ``uint8`` ``(256, 256, 3)``, the draft: the inpainter's picture, or the paper's coarse network's.
        refined: ``uint8`` ``(256, 256, 3)``, the picture whose hole was taken: the draft itself where an inpainter drew
            it without a reference.
        identity: likeness of repainted face and ``reference``, the cosine similarity, -1 to 1, of their embeddings;
            :mod:`pipelines.identity.likeness` says what it means. None without a reference, or where the weights folder
            is a person's own and names no face embedder.
        identity_alone: likeness of ``reference`` and the face as it was drawn without it; None as ``identity``, and
            where no face was found in what was drawn.
    """

    found: Mask | None
    hole: Mask
    reference: Pixels | None
    reference_points: Points | None
    reference_yaw: float | None
    warped: Pixels | None
    confidence: Floats | None
    references: tuple[UsedReference, ...] = ()
    left_out: tuple[str, ...] = ()
    engine: PaintingEngine
    coarse: Pixels
    refined: Pixels
    identity: float | None
    identity_alone: float | None = None

    @property
    def mask_source(self) -> Literal["given", "suggested", "found"]:
        """Where the mask came from: ``"given"``, ``"suggested"`` or ``"found"``."""
        return super().mask_source if self.found is None else "found"


@dataclass(frozen=True, kw_only=True)
class Basis:
    """All that the figures of a scored face depend on beside photo and face, as the pipeline states it.

    Attributes:
        normalizer: which one: ``"inpainting"`` or ``"stylegan2"``.
        weights: first twelve hex digits of the SHA-256 of each file that normalizes, joined by "+".
        conditions: what else was chosen of the normalizer, for people, as in ``"3 searches"``.
        perceptual: the network whose features were compared (LPIPS map or inversion), as in ``"LPIPS, AlexNet
            f7010d8fcf41"`` with the first digits of its hash; None where none was.
        region: one of :data:`pipelines.anomaly_scoring.scoring.regions.REGIONS`, or ``"painted"``.
        kind, colour, erosion, formula: as in :class:`Score`.
        version: of the code that turns a photo into figures; see :data:`pipelines.anomaly_scoring.pipeline.VERSION`.
        precision: in which the networks computed, as in ``"bfloat16"``. It moves figures no further than rounding.
        seed: of all randomness.
    """

    normalizer: NormalizerName
    weights: str
    conditions: str
    perceptual: str | None
    region: AnyRegion
    kind: MapKind
    colour: ColourSpace
    erosion: bool
    formula: Formula
    version: int
    precision: str
    seed: int


@dataclass(frozen=True)
class Percentile:
    """Where a figure lies among those of faces that are on record; see :mod:`pipelines.anomaly_scoring.scoring.scale`.

    Attributes:
        value: per cent of the faces whose figure is lower, 0-100.
        faces: how many faces the scale holds.
        group: which of them, as in :mod:`pipelines.anomaly_scoring.scoring.scale`.
    """

    value: float
    faces: int
    group: str


@dataclass(frozen=True, eq=False)
class Finding:
    """A map of a face and its peak over a region.

    Attributes:
        map: ``float32`` ``(S, S)``.
        area: ``bool`` ``(S, S)``, the pixels that counted.
        value: the map's peak over them.
        percentile: where it lies among open-set faces; None where no scale fits the settings.
    """

    map: Floats
    area: Mask
    value: float
    percentile: Percentile | None


@dataclass(frozen=True)
class AdaptationFrame:
    """The normalized face after some steps of adaptation.

    Attributes:
        step: how many steps; 0 is the inversion before any.
        image: ``uint8`` ``(S, S, 3)``.
        severity: of the face against this picture, as in :class:`Score`.
    """

    step: int
    image: Pixels
    severity: float


@dataclass(frozen=True, kw_only=True)
class AnomalyScoringResult(_OfPhoto):
    """How far a face is from its normalized version.

    S is the side of the normalizer's crop: 256 of ``"inpainting"``, the generator's resolution of ``"stylegan2"``.

    Attributes:
        photo: ``uint8`` ``(H, W, 3)``, the photo as it was given.
        crop: ``uint8`` ``(S, S, 3)``, the aligned face as it is.
        normalized: ``uint8`` ``(S, S, 3)``, the aligned face as it would be without the anomaly.
        heat: ``float32`` ``(S, S)``, where the two differ; see :mod:`pipelines.anomaly_scoring.scoring.heatmaps`.
        area: ``bool`` ``(S, S)``, the pixels that were scored.
        score: severity and normality, the paper's S, and how they were computed.
        percentile: where the severity lies among open-set faces; None where no scale fits the settings.
        local: where the face has what does not fit it, in grey levels, and the local severity; None where hardly any
            of the painted region was looked at. See :mod:`pipelines.anomaly_scoring.scoring.local`.
        asymmetry: how unlike its mirror image the face is, in per cent of light; see
            :mod:`pipelines.anomaly_scoring.scoring.asymmetry`.
        basis: all that these figures depend on.
        repainted: ``bool`` ``(S, S)``, what the inpainting normalizer repainted; None of other normalizers.
        frames: of the adaptation, in the order of steps; none without adaptation.
        reappears: the alternative severity index: steps of adaptation until the anomaly reappears, fewer for milder
            ones; None without adaptation, or where it did not reappear.
        losses: of the inversion, one a step; none without inversion.
        mesh: ``float32`` ``(478, 2)``, the face's points in pixels of the crop, on which regions and asymmetry stand.
        landmarks: ``float32`` ``(68, 2)``, in pixels of the photo.
        measurements: clinical ratios and angles of the photo.
        seconds: wall time of each stage, in the order of work.
        weights: every weights file used.
        device: where the networks ran, and in which precision.
        face: which face was scored, 0 = largest.
        faces: how many faces the photo shows.
        case: the case that it belongs to, or None.
    """

    photo: Pixels
    crop: Pixels
    normalized: Pixels
    heat: Floats
    area: Mask
    score: Score
    percentile: Percentile | None
    local: Finding | None
    asymmetry: Finding
    basis: Basis
    repainted: Mask | None
    frames: tuple[AdaptationFrame, ...]
    reappears: int | None
    losses: tuple[float, ...]
    mesh: Points
    landmarks: Points
    measurements: tuple[Measurement, ...]
    seconds: dict[str, float]
    weights: tuple[WeightsUsed, ...]
    device: str
    face: int
    faces: int
    case: Case | None = None

    @property
    def seed(self) -> int:
        """Seed of all randomness."""
        return self.basis.seed
