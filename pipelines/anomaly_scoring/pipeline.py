"""Anomaly scoring: from a photo to its normalized face, the heat map of their difference, and a score."""

from functools import cached_property
from typing import Any

import numpy as np

from pipelines import devices
from pipelines.anomaly_scoring import scale
from pipelines.anomaly_scoring.heatmaps import COLOURS, KINDS, heat_map
from pipelines.anomaly_scoring.normalization import DEFAULT, Normalized, make_normalizer
from pipelines.anomaly_scoring.reappearance import reappearance
from pipelines.anomaly_scoring.regions import REGIONS
from pipelines.anomaly_scoring.regions import region as region_of
from pipelines.anomaly_scoring.scores import FORMULAS
from pipelines.anomaly_scoring.scores import score as score_of
from pipelines.errors import MaskEmpty, MaskOffFace, OptionInvalid
from pipelines.faces.landmarks import Face, find_crop_face, find_faces, pick_face
from pipelines.faces.measurements import measure
from pipelines.files import sha256_of
from pipelines.metrics.backbones import find_backbone
from pipelines.metrics.perceptual import LPIPS
from pipelines.repainting import Progress, Stages, check_arguments, check_face
from pipelines.results import AdaptationFrame, AnomalyScoringResult, WeightsUsed
from pipelines.store import LoadedModel

PAINTED = "painted"
"""The region of a score over a mask that a person painted."""

_LPIPS = "alex"


class AnomalyScoring:
    """Says how far a face is from its normalized version, and where.

    Source: Hayajneh et al. 2022. Loading is lazy and cached: the first call loads the weights, later ones share them.
    No photo changes what another gets.

    Args:
        normalizer: one of :data:`pipelines.anomaly_scoring.normalization.NORMALIZERS`.
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
        normalizer: str = DEFAULT,
        weights: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        **options: Any,
    ) -> None:
        self.name = normalizer
        self.device = devices.choose(device, precision)
        self.normalizer = make_normalizer(normalizer, weights, self.device, **options)

    def load(self) -> LoadedModel:
        """Loads the normalizer's network; what is wrong with its weights is wrong for every photo.

        Raises:
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """
        return self.normalizer.load()

    def __call__(
        self,
        photo: np.ndarray,
        *,
        region: str = "mouth-nose",
        mask: np.ndarray | None = None,
        kind: str = "pse",
        colour: str = "ycbcr",
        erosion: bool = True,
        formula: str = "equation",
        group: str = scale.EVERYONE,
        face: int = 0,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> AnomalyScoringResult:
        """Scores a face.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            region: what is scored, one of :data:`pipelines.anomaly_scoring.regions.REGIONS`.
            mask: ``bool`` ``(H, W)``, what is scored instead, painted on the photo.
            kind: measure of the difference, one of :data:`pipelines.anomaly_scoring.heatmaps.KINDS`.
            colour: colour space of the comparison, ``"ycbcr"`` or ``"rgb"``.
            erosion: whether the map is eroded.
            formula: ``"equation"`` (6) or ``"text"``; see :func:`pipelines.anomaly_scoring.scores.score`.
            group: of faces to compare the score with, one of :func:`pipelines.anomaly_scoring.scale.groups`.
            face: which face, 0 = the largest.
            seed: of all randomness.
            progress: called with a fraction and a text; what it raises stops the run.

        Raises:
            NoFaceFound, FaceIndexInvalid: there is no such face.
            ImageTooSmall: the face has too few pixels.
            MaskMismatch, MaskEmpty, MaskOffFace: the painted region does not fit the photo or the face.
            OptionInvalid: there is no such region, kind, colour space, formula or group.
            WeightsMissing, WeightsCorrupt, WeightsUnknown: weights cannot be loaded, or the reference scale is damaged.
        """
        _check_options(region, kind, colour, formula)
        scale.check_group(group)
        if mask is not None and not mask.any():
            raise MaskEmpty("The painted region is empty; paint over what is to be scored, or choose another region.")
        check_arguments(photo, mask, None)
        stage = Stages(progress)

        with stage("landmarks", 0.0):
            lpips, used = self._lpips if kind == "lpips" else (None, ())
            faces = find_faces(photo)
            chosen = pick_face(faces, face)
            check_face(chosen)

        with stage("normalizing", 0.05):
            normalized = self.normalizer(photo, chosen, seed=seed, progress=_within(progress, 0.05, 0.85))

        with stage("comparing", 0.85):
            area = painted_area(mask, normalized) if mask is not None else area_of(chosen, normalized, region)
            comparison = {"kind": kind, "colour": colour, "erosion": erosion}
            heat = heat_map(normalized.crop, normalized.image, **comparison, lpips=lpips)
            score = score_of(heat, area, formula, **comparison)
            frames = tuple(
                AdaptationFrame(step, image, self._severity(normalized, image, area, formula, comparison, lpips))
                for step, image in normalized.frames
            )

        with stage("measurements", 0.95):
            setting = scale.setting_of(score, self.name, normalized, PAINTED if mask is not None else region, group)
            measurements = measure(chosen.points)

        stage.done()
        return AnomalyScoringResult(
            photo=photo,
            crop=normalized.crop,
            normalized=normalized.image,
            heat=heat,
            area=area,
            region=setting.region,
            score=score,
            percentile=scale.percentile(score, setting),
            normalizer=self.name,
            repainted=normalized.repainted,
            conditions=normalized.conditions,
            perceptual="LPIPS, AlexNet" if lpips else normalized.perceptual,
            frames=frames,
            reappears=reappearance(frames),
            losses=normalized.losses,
            landmarks=chosen.points,
            measurements=measurements,
            seconds=stage.seconds,
            weights=tuple(dict.fromkeys([*normalized.weights, *used])),
            device=self.device.label,
            seed=seed,
            face=face,
            faces=len(faces),
        )

    @cached_property
    def _lpips(self) -> tuple[LPIPS, tuple[WeightsUsed, ...]]:
        used = WeightsUsed("alexnet", sha256_of(find_backbone(_LPIPS))[:12])
        return LPIPS(_LPIPS).to(self.device.torch_device), (used,)

    @staticmethod
    def _severity(
        normalized: Normalized,
        image: np.ndarray,
        area: np.ndarray,
        formula: str,
        comparison: dict[str, Any],
        lpips: LPIPS | None,
    ) -> float:
        heat = heat_map(normalized.crop, image, **comparison, lpips=lpips)
        return score_of(heat, area, formula, **comparison).severity


def area_of(face: Face, normalized: Normalized, region: str = "mouth-nose") -> np.ndarray:
    """The pixels of the aligned crop that a region of the face scores, ``bool`` ``(S, S)``.

    Landmarks are found in the crop where that is possible, because FaceMesh's answer varies a little with a picture's
    size.

    Args:
        face: the face, in pixels of the photo.
        normalized: its aligned crop.
        region: one of :data:`pipelines.anomaly_scoring.regions.REGIONS`.
    """
    there = Face(normalized.alignment.to_crop(face.mesh).astype(np.float32))
    return region_of(find_crop_face(normalized.crop) or there, normalized.crop.shape[:2], region)


def painted_area(mask: np.ndarray, normalized: Normalized) -> np.ndarray:
    """A region painted on the photo, ``bool`` ``(H, W)``, in the aligned crop.

    Raises:
        MaskOffFace: no pixel of it lies on the crop.
    """
    area = normalized.alignment.crop_mask(mask)
    if not area.any():
        raise MaskOffFace("The painted region lies away from the chosen face; paint over the face.")
    return area


def _check_options(region: str, kind: str, colour: str, formula: str) -> None:
    for what, value, known in (
        ("region", region, REGIONS),
        ("kind of heat map", kind, KINDS),
        ("colour space", colour, COLOURS),
        ("formula", formula, FORMULAS),
    ):
        if value not in known:
            raise OptionInvalid(f"The {what} must be one of {', '.join(known)}.")


def _within(progress: Progress | None, start: float, end: float) -> Progress | None:
    """A part of the way, told as a whole of its own."""
    if progress is None:
        return None
    return lambda fraction, text: progress(start + (end - start) * fraction, text)
