"""What the benchmark of anomaly scores shows to a normalizer, and how it is scored: once normalized, in many ways."""

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.deformations import SIDES, deform
from benchmarks.scores import Scores, code_hash
from pipelines.anomaly_scoring.choices import ASYMMETRY_PEAK, LOCAL_PEAK
from pipelines.anomaly_scoring.drawing.colouring import LOCAL_SCALE, colour_heat_map
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.anomaly_scoring.scoring.local import peak
from pipelines.anomaly_scoring.scoring.regions import region
from pipelines.anomaly_scoring.scoring.scores import score
from pipelines.anomaly_scoring.study.ablation import COMPARISONS, Comparison, normalities
from pipelines.errors import ImageTooSmall, MaskEmpty, NoFaceFound
from pipelines.faces.points import Face
from pipelines.metrics.perceptual import LPIPS
from pipelines.results import AnomalyScoringResult

SEVERITIES = (0, 1, 2, 3, 4, 5)
"""Severities of :func:`benchmarks.deformations.deform` that are scored; 0 is the untouched face."""

CHANGED_SEVERITY = 3
"""The deformed face that is scored again after each of :data:`CHANGES`, beside the untouched one."""

_BRIGHTNESS = 0.2
_TURN = 5.0  # degrees
_JPEG = 70
_CODE = ("benchmarks/appraisals.py", "benchmarks/deformations.py")

OWN = tuple(
    Comparison(region, figure, "", False) for figure in ("local", "asymmetry") for region in ("mouth-nose", "upper-lip")
)
"""The figures beside the paper's, over two regions, as comparisons without a colour space."""

WAYS = (*OWN, Comparison("upper-lip", "pse", "ycbcr", True), *COMPARISONS)
"""Every way in which a picture is scored: ours, the paper's best over the upper lip, and the 24 of its Table 1."""


def _lit(photo: np.ndarray, gain: float) -> np.ndarray:
    return np.clip(photo * gain + 0.5, 0, 255).astype(np.uint8)


def _rotated(photo: np.ndarray, degrees: float) -> np.ndarray:
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    return cv2.warpAffine(photo, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _compressed(photo: np.ndarray) -> np.ndarray:
    _, data = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "brighter": lambda photo: _lit(photo, 1 + _BRIGHTNESS),
    "darker": lambda photo: _lit(photo, 1 - _BRIGHTNESS),
    "turned-left": lambda photo: _rotated(photo, _TURN),
    "turned-right": lambda photo: _rotated(photo, -_TURN),
    "jpeg": _compressed,
    "mirrored": lambda photo: np.ascontiguousarray(photo[:, ::-1]),
}
"""What should not change a score, done to the photo before the face is found and aligned: brightness by ±20 %, a turn
by ±5°, JPEG at quality 70, a mirror."""


class Picture(NamedTuple):
    """One picture of a subject.

    Attributes:
        kind: of deformity; empty where the severity is 0.
        side: of the deformity; empty where the severity is 0.
        severity: one of :data:`SEVERITIES`.
        change: key of :data:`CHANGES`, or empty.
    """

    kind: str = ""
    side: str = ""
    severity: int = 0
    change: str = ""


class Subject(NamedTuple):
    """A face and what is done to it.

    Attributes:
        name: of the photo.
        crop: ``uint8`` ``(S, S, 3)``.
        mesh: ``float32`` ``(478, 2)``, in pixels of the crop.
        pictures: what is scored.
        shown: whether pictures are kept for looking.
    """

    name: str
    crop: np.ndarray
    mesh: np.ndarray
    pictures: tuple[Picture, ...]
    shown: bool


class Setting(NamedTuple):
    """How pictures are scored: normalizer, seed, folder of AlexNet's file, device and precision."""

    normalizer: str
    seed: int
    weights_dir: str | None
    device: str
    precision: str


def side_of(index: int) -> str:
    """The side on which the face number ``index`` is deformed: they alternate."""
    return SIDES[index % 2]


def plan(index: int, kinds: Sequence[str], both: bool, changed: bool) -> tuple[Picture, ...]:
    """The pictures of the face number ``index``.

    Args:
        index: of the face; says its side.
        kinds: of deformities.
        both: whether the first kind is scored on the other side too.
        changed: whether the untouched face and one of the first kind are scored after each change too.
    """
    side, other = side_of(index), side_of(index + 1)
    severe = SEVERITIES[1:]
    pictures = [Picture(), *(Picture(kind, side, severity) for kind in kinds for severity in severe)]
    if both:
        pictures += [Picture(kinds[0], other, severity) for severity in severe]
    if changed:
        bases = (Picture(), Picture(kinds[0], side, CHANGED_SEVERITY))
        pictures += [base._replace(change=change) for base in bases for change in CHANGES]
    return tuple(pictures)


def draw(picture: Picture, crop: np.ndarray, face: Face) -> np.ndarray:
    """The picture of a face: ``uint8`` ``(S, S, 3)``."""
    photo = deform(crop, face, picture.kind, picture.severity, picture.side) if picture.severity else crop
    return CHANGES[picture.change](photo) if picture.change else photo


def appraise_subject(subject: Subject, setting: Setting) -> Scores:
    """Scores all pictures of a subject as the app does.

    Returns:
        ``severity`` ``(P, W)`` of each picture by each of :data:`WAYS`, NaN where no face was found; ``seconds``
        ``(P,)`` of normalizing; ``weights``, names and hashes. The first pictures, where the subject is shown, are
        face, normalized face and local map of severities 0, 3 and 5 of the first kind, ``(9, S, S, 3)``.
    """
    scoring, lpips = _scorer(setting.normalizer, setting.weights_dir, setting.device, setting.precision)
    face = Face(subject.mesh)
    severity = np.full((len(subject.pictures), len(WAYS)), np.nan)
    seconds, weights, shown = np.full(len(subject.pictures), np.nan), (), []
    for row, picture in enumerate(subject.pictures):
        photo = draw(picture, subject.crop, face)
        try:
            result = scoring(photo, seed=setting.seed)
        except (NoFaceFound, ImageTooSmall, MaskEmpty):
            continue
        found = {key: -normality for key, normality in normalities(result, lpips).items()} | own_figures(result)
        severity[row] = [found.get(one.key, np.nan) for one in WAYS]
        seconds[row], weights = result.seconds["normalizing"], result.weights
        if subject.shown and not picture.change and picture in _shown(subject.pictures):
            heat = colour_heat_map(result.local.map, LOCAL_SCALE)
            side = subject.crop.shape[1::-1]
            shown += [
                cv2.resize(one, side, interpolation=cv2.INTER_AREA) for one in (result.crop, result.normalized, heat)
            ]
    values = {
        "severity": severity,
        "seconds": seconds,
        "weights": np.array([f"{one.name} {one.sha256}" for one in weights], str),
    }
    return Scores(values, np.stack(shown) if shown else np.empty((0, *subject.crop.shape), np.uint8))


def own_figures(result: AnomalyScoringResult) -> dict[str, float]:
    """Key of each of :data:`WAYS` that Table 1 lacks → its figure, from a result over mouth and nose."""
    lip = region(Face(result.mesh), result.area.shape, "upper-lip")
    areas = {"mouth-nose": result.area, "upper-lip": lip}
    found = {
        way.key: peak(
            getattr(result, way.kind).map, areas[way.region], LOCAL_PEAK if way.kind == "local" else ASYMMETRY_PEAK
        )
        for way in OWN
    }
    return found | {WAYS[len(OWN)].key: score(result.heat, lip).severity}


def _shown(pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    first = pictures[1]
    return (Picture(), first._replace(severity=CHANGED_SEVERITY), first._replace(severity=SEVERITIES[-1]))


def stamp(subject: Subject, setting: Setting) -> str:
    """Names kept scores by all that they depend on: picture, plan, settings, what the pipeline states, simulator."""
    basis = _scorer(setting.normalizer, setting.weights_dir, setting.device, setting.precision)[0].basis(
        seed=setting.seed
    )
    picture = [hashlib.sha256(np.ascontiguousarray(one)).hexdigest() for one in (subject.crop, subject.mesh)]
    facts = (picture, subject.pictures, subject.shown, setting, basis, code_hash(_CODE))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


@lru_cache(maxsize=2)
def _scorer(normalizer: str, weights_dir: str | None, device: str, precision: str) -> tuple[AnomalyScoring, LPIPS]:
    scoring = AnomalyScoring(normalizer, device=device, precision=precision)
    return scoring, LPIPS("alex", weights_dir).to(scoring.device.torch_device)
