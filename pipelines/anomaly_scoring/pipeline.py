"""Anomaly scoring: from a photo to its normalized face, the maps of what does not fit, and the figures of each."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from pipelines import devices
from pipelines.anomaly_scoring.choices import ASYMMETRY_PEAK, EVERYONE, LOCAL_PEAK, PAINTED
from pipelines.anomaly_scoring.normalizers.base import DEFAULT, Normalized, make_normalizer
from pipelines.anomaly_scoring.normalizers.reappearance import reappearance
from pipelines.anomaly_scoring.scoring import scale
from pipelines.anomaly_scoring.scoring.asymmetry import asymmetry_map
from pipelines.anomaly_scoring.scoring.heatmaps import COLOURS, KINDS, heat_map
from pipelines.anomaly_scoring.scoring.local import local_map, peak
from pipelines.anomaly_scoring.scoring.regions import REGIONS
from pipelines.anomaly_scoring.scoring.regions import region as region_of
from pipelines.anomaly_scoring.scoring.scores import FORMULAS
from pipelines.anomaly_scoring.scoring.scores import score as score_of
from pipelines.arrays import Floats, Mask, Numbers, Pixels
from pipelines.devices import Precision
from pipelines.errors import MaskEmpty, MaskOffFace, OptionInvalid
from pipelines.faces.measurements import measure
from pipelines.faces.pixels.arrays import mask_of
from pipelines.faces.subject import Subject, find_subject
from pipelines.faces.symmetry import even_face
from pipelines.files import sha256_of
from pipelines.languages.translation import N_, _
from pipelines.metrics.backbones import Backbone, find_backbone, fingerprint
from pipelines.metrics.perceptual import LPIPS
from pipelines.progress import Progress, Stages, within
from pipelines.results import (
    AdaptationFrame,
    AnomalyScoringResult,
    AnyRegion,
    Basis,
    ColourSpace,
    Finding,
    Formula,
    MapKind,
    NormalizerName,
    Region,
    Score,
    WeightsUsed,
)

VERSION = 2
"""Of the code that turns a photo into figures: raised with every change that moves one, so that kept scores and scales
of before do not compare with those of after. A test holds the figures of one photo against it."""

_LEAST_SEARCHED = 0.1  # of a region; a peak over less says nothing of it

_LPIPS: Backbone = "alex"


def lpips_name(folder: str | Path | None = None) -> str:
    """What a basis calls the network of LPIPS maps: which one, and its weights' fingerprint.

    Args:
        folder: where its file lies, as for :class:`~pipelines.metrics.perceptual.LPIPS`.

    Raises:
        WeightsMissing, WeightsCorrupt: it cannot be loaded.
    """
    return f"LPIPS, AlexNet {fingerprint(_LPIPS, folder)}"


class _Words(TypedDict):
    """How a face is compared."""

    kind: MapKind
    colour: ColourSpace
    erosion: bool
    formula: Formula


class _Lpips(NamedTuple):
    """The metric of LPIPS maps, what a basis calls it, and its file."""

    name: str | None
    metric: LPIPS | None
    weights: tuple[WeightsUsed, ...]


_NO_LPIPS = _Lpips(None, None, ())


class AnomalyScoring:
    """Says how far a face is from its normalized version, and where.

    Source: Hayajneh et al. 2022. Loading is lazy and cached: the first call loads the weights, later ones share them.
    No photo changes what another gets.

    Args:
        normalizer: one of :data:`pipelines.anomaly_scoring.normalizers.base.NORMALIZERS`.
        weights: name in ``weights/manifest.toml``; None takes the normalizer's default.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        precision: ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``.
        **options: the normalizer's own: ``steps`` and ``adaptation_steps`` of ``"stylegan2"``.

    Raises:
        DeviceUnavailable: the device or precision does not exist here.
        OptionInvalid: there is no such normalizer, or an option of it is out of its range.
    """

    def __init__(
        self,
        normalizer: NormalizerName = DEFAULT,
        weights: str | None = None,
        device: str = "auto",
        precision: Precision = "auto",
        **options: Any,
    ) -> None:
        self.name = normalizer
        self.device = devices.choose(device, precision)
        self.normalizer = make_normalizer(normalizer, weights, self.device, **options)

    def basis(
        self,
        *,
        region: AnyRegion = "mouth-nose",
        kind: MapKind = "pse",
        colour: ColourSpace = "ycbcr",
        erosion: bool = True,
        formula: Formula = "equation",
        seed: int = 0,
    ) -> Basis:
        """All that the figures of a photo will depend on; loads what draws, so what is wrong with it is said here.

        Args:
            region: as for the call, or ``"painted"``; likewise all others.

        Raises:
            OptionInvalid: there is no such region, kind, colour space or formula.
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """
        _check_options(region, kind, colour, formula)
        stated = self.normalizer.state()
        return Basis(
            normalizer=self.name,
            weights="+".join(used.sha256 for used in stated.weights),
            conditions=stated.conditions,
            perceptual=self._lpips.name if kind == "lpips" else stated.perceptual,
            region=region,
            kind=kind,
            colour=colour,
            erosion=erosion,
            formula=formula,
            version=VERSION,
            precision=str(self.device.dtype).removeprefix("torch."),
            seed=seed,
        )

    def normalize(self, subject: Subject, *, seed: int = 0, progress: Progress | None = None) -> Normalized:
        """The face without its anomaly, from points that favour no side.

        Args:
            subject: the face as it was found in the photo.
            seed: of all randomness.
            progress: called with a fraction and a text; what it raises stops the run.

        Raises:
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """
        even = even_face(subject.photo, subject.face)
        return self.normalizer(subject.photo, even, seed=seed, progress=progress)

    def __call__(
        self,
        photo: Pixels,
        *,
        region: AnyRegion = "mouth-nose",
        mask: Numbers | None = None,
        kind: MapKind = "pse",
        colour: ColourSpace = "ycbcr",
        erosion: bool = True,
        formula: Formula = "equation",
        group: str = EVERYONE,
        face: int = 0,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> AnomalyScoringResult:
        """Scores a face.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            region: what is scored, one of :data:`pipelines.anomaly_scoring.scoring.regions.REGIONS`.
            mask: ``bool`` ``(H, W)``, what is scored instead, painted on the photo, or what
                :func:`pipelines.faces.pixels.arrays.as_mask` takes for such.
            kind: measure of the difference, one of :data:`pipelines.anomaly_scoring.scoring.heatmaps.KINDS`.
            colour: colour space of the comparison, ``"ycbcr"`` or ``"rgb"``.
            erosion: whether the map is eroded.
            formula: ``"equation"`` (6) or ``"text"``; see :func:`pipelines.anomaly_scoring.scoring.scores.score`.
            group: of faces to compare the score with, one of :func:`pipelines.anomaly_scoring.scoring.scale.groups`.
            face: which face, 0 = the largest.
            seed: of all randomness.
            progress: called with a fraction and a text; what it raises stops the run.

        Raises:
            ArrayInvalid: photo or mask are no such arrays.
            NoFaceFound, FaceIndexInvalid: there is no such face.
            ImageTooSmall, FaceIncomplete: the face has too few pixels, or is cut by the photo's edge.
            MaskMismatch, MaskEmpty, MaskOffFace: the painted region does not fit the photo or the face.
            OptionInvalid: there is no such region, kind, colour space, formula or group.
            WeightsMissing, WeightsCorrupt, WeightsUnknown: weights cannot be loaded, or the reference scale is damaged.
        """
        _check_options(region, kind, colour, formula, group)
        painted = _painted(mask, region, photo)
        stage = Stages(progress)

        with stage(N_("landmarks"), 0.0):
            lpips = self._lpips if kind == "lpips" else _NO_LPIPS
            subject = find_subject(photo, face)

        with stage(N_("normalizing"), 0.05):
            words: _Words = {"kind": kind, "colour": colour, "erosion": erosion, "formula": formula}
            weights = (*self.normalizer.state().weights, *lpips.weights)
            basis = self.basis(region=region if painted is None else PAINTED, **words, seed=seed)
            normalized = self.normalize(subject, seed=seed, progress=within(progress, 0.05, 0.85))

        with stage(N_("comparing"), 0.85):
            area = _scored_area(normalized, region, painted)
            compare = _Comparison(normalized.crop, area, lpips=lpips.metric, **words)
            heat, score = compare(normalized.image)
            frames = tuple(AdaptationFrame(step, one, compare(one)[1].severity) for step, one in normalized.frames)
            local, asymmetry = findings(normalized, area, basis, group)
            percentile = scale.percentile("severity", score.severity, basis, group)

        with stage(N_("measurements"), 0.95):
            measurements = measure(subject.face.points)

        stage.done()
        return AnomalyScoringResult(
            photo=photo,
            crop=normalized.crop,
            normalized=normalized.image,
            heat=heat,
            area=area,
            score=score,
            percentile=percentile,
            local=local,
            asymmetry=asymmetry,
            basis=basis,
            repainted=normalized.repainted,
            frames=frames,
            reappears=reappearance(frames),
            losses=normalized.losses,
            mesh=normalized.face.mesh,
            landmarks=subject.face.points,
            measurements=measurements,
            seconds=stage.seconds,
            weights=tuple(dict.fromkeys(weights)),
            device=self.device.label,
            face=face,
            faces=len(subject.faces),
        )

    @cached_property
    def _lpips(self) -> _Lpips:
        used = WeightsUsed("alexnet", sha256_of(find_backbone(_LPIPS))[:12])
        return _Lpips(lpips_name(), LPIPS(_LPIPS).to(self.device.torch_device), (used,))


@dataclass(frozen=True, eq=False)
class _Comparison:
    """An aligned face compared with pictures of how it would be, over one area and in one way."""

    crop: Pixels
    area: Mask
    kind: MapKind
    colour: ColourSpace
    erosion: bool
    formula: Formula
    lpips: LPIPS | None

    def __call__(self, image: Pixels) -> tuple[Floats, Score]:
        heat = heat_map(self.crop, image, self.kind, self.colour, self.erosion, self.lpips)
        return heat, score_of(heat, self.area, self.formula, kind=self.kind, colour=self.colour, erosion=self.erosion)


def findings(normalized: Normalized, area: Mask, basis: Basis, group: str = EVERYONE) -> tuple[Finding | None, Finding]:
    """Local severity and asymmetry of a normalized face over a region.

    Args:
        normalized: the face.
        area: ``bool`` ``(S, S)``, the region's pixels.
        basis: what both depend on.
        group: of faces to compare them with.

    Returns:
        The first is None where the normalizer looked at less than a tenth of the region.

    Raises:
        WeightsCorrupt: the reference scale is damaged.
    """

    unlike_mirror = asymmetry_map(normalized.crop, normalized.face)
    looked_at = area & normalized.searched
    peaks: dict[scale.Figure, tuple[Floats, Mask, float]] = {
        "asymmetry": (unlike_mirror, area, peak(unlike_mirror, area, ASYMMETRY_PEAK))
    }
    if looked_at.sum() >= _LEAST_SEARCHED * area.sum():
        unfitting = local_map(normalized.residual, unlike_mirror, normalized.crop, normalized.face)
        peaks["local"] = (unfitting, looked_at, peak(unfitting, looked_at, LOCAL_PEAK))
    found = {
        figure: Finding(values, counted, value, scale.percentile(figure, value, basis, group))
        for figure, (values, counted, value) in peaks.items()
    }
    return found.get("local"), found["asymmetry"]


def area_of(normalized: Normalized, region: Region = "mouth-nose") -> Mask:
    """The pixels of the aligned crop that a region of the face scores, ``bool`` ``(S, S)``.

    Args:
        normalized: the face.
        region: one of :data:`pipelines.anomaly_scoring.scoring.regions.REGIONS`.
    """
    return region_of(normalized.face, normalized.crop.shape[:2], region)


def _scored_area(normalized: Normalized, region: AnyRegion, painted: Mask | None) -> Mask:
    if painted is not None:
        return painted_area(painted, normalized)
    assert region != "painted"  # refused before anything was computed, where nothing is painted
    return area_of(normalized, region)


def painted_area(mask: Mask, normalized: Normalized) -> Mask:
    """A region painted on the photo, ``bool`` ``(H, W)``, in the aligned crop.

    Raises:
        MaskOffFace: no pixel of it lies on the crop.
    """
    area = normalized.alignment.crop_mask(mask)
    if not area.any():
        raise MaskOffFace(_("The painted region lies away from the chosen face; paint over the face."))
    return area


def _painted(mask: Numbers | None, region: AnyRegion, photo: Pixels) -> Mask | None:
    """The painted region, ``bool`` ``(H, W)``; None where a region of the face is scored.

    Raises:
        ArrayInvalid, MaskMismatch, MaskEmpty: it is no mask, does not fit the photo, or nothing is painted.
        OptionInvalid: it is asked for and not there.
    """
    if region == PAINTED and mask is None:
        raise OptionInvalid(_("The region painted needs a mask; paint one, or choose another region."))
    try:
        return mask_of(photo, mask)
    except MaskEmpty as error:
        raise MaskEmpty(
            _("The painted region is empty; paint over what is to be scored, or choose another region.")
        ) from error


def _check_options(region: str, kind: str, colour: str, formula: str, group: str | None = None) -> None:
    if group is not None:
        scale.check_group(group)
    for what, value, known in (
        (N_("region"), region, (*REGIONS, PAINTED)),
        (N_("kind of heat map"), kind, KINDS),
        (N_("colour space"), colour, COLOURS),
        (N_("formula"), formula, FORMULAS),
    ):
        if value not in known:
            raise OptionInvalid(
                _("The {what} must be one of {choices}.").format(what=_(what), choices=", ".join(known))
            )
