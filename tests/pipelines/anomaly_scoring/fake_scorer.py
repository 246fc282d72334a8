"""Cohorts without photos of faces and without a normalizer: a photo's one grey level says how severe it is."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import skimage.data

from pipelines.anomaly_scoring.scoring.heatmaps import heat_map
from pipelines.anomaly_scoring.scoring.scores import score
from pipelines.errors import NoFaceFound
from pipelines.faces.alignment import align
from pipelines.faces.images import write_png
from pipelines.faces.landmarks import find_face
from pipelines.metrics.perceptual import LPIPS
from pipelines.results import AnomalyScoringResult, Basis, Finding, Percentile, Score

SIDE = 40
NORMAL = 100
"""Grey level of the normalized face."""

FACELESS = 255
"""Grey level of a photo that shows no face."""

BASIS = Basis(
    normalizer="inpainting",
    weights="0123456789ab",
    conditions="3 searches",
    perceptual=None,
    region="mouth-nose",
    kind="pse",
    colour="ycbcr",
    erosion=True,
    formula="equation",
    version=2,
    precision="float32",
    seed=0,
)
"""What the scorer's figures depend on."""


@lru_cache(maxsize=1)
def mesh() -> np.ndarray:
    """The points that a photo is said to show: a real face's, so that the ablation has its regions."""
    photo = skimage.data.astronaut()
    face = find_face(photo)
    return align(photo, face, SIDE).face_in_crop(face).mesh


def write_photo(path: Path, level: int) -> Path:
    write_png(path, np.full((SIDE, SIDE, 3), level, np.uint8))
    return path


def severity_of(level: int) -> float:
    """What a photo of that level must score: equation 6 with YCbCr's luma weight and 20 × 20 pixels."""
    return float(np.log((level - NORMAL) * 219 / 255 * 20 / 400))


def local_of(level: int) -> float:
    """Its local severity: what the level has past the hundreds, so that the two put photos into different orders."""
    return float(level % 100)


def asymmetry_of(level: int) -> float:
    """Its asymmetry."""
    return level / 8


def appraise(
    original: np.ndarray, normalized: np.ndarray, region: np.ndarray, *, formula: str = "equation",
    lpips: LPIPS | None = None, **how,
) -> tuple[np.ndarray, Score]:  # fmt: skip
    """Heat map and score of a face: a cell of the paper's Table 1."""
    heat = heat_map(original, normalized, **how, lpips=lpips)
    return heat, score(heat, region, formula, **how)


class FakeScorer:
    """Scores without a network, and remembers the grey levels that it was given."""

    def __init__(self) -> None:
        self.levels: list[int] = []

    def __call__(self, photo: np.ndarray) -> AnomalyScoringResult:
        level = int(photo[0, 0, 0])
        self.levels.append(level)
        if level == FACELESS:
            raise NoFaceFound("No face was found in this photo; use another.")
        normalized = np.full_like(photo, NORMAL)
        area = np.zeros(photo.shape[:2], bool)
        area[10:30, 10:30] = True
        heat, figure = appraise(photo, normalized, area)

        def finding(value: float, percentile: float) -> Finding:
            return Finding(np.full(area.shape, value, np.float32), area, value, Percentile(percentile, 1000, "all"))

        return AnomalyScoringResult(
            photo=photo,
            crop=photo,
            normalized=normalized,
            heat=heat,
            area=area,
            score=figure,
            percentile=Percentile(float(level - NORMAL), 1000, "all"),
            local=finding(local_of(level), local_of(level) / 2),
            asymmetry=finding(asymmetry_of(level), asymmetry_of(level) * 2),
            basis=BASIS,
            repainted=None,
            frames=(),
            reappears=None,
            losses=(),
            mesh=mesh(),
            landmarks=np.zeros((68, 2), np.float32),
            measurements=(),
            seconds={"landmarks": 0.25, "normalizing": 0.5},
            weights=(),
            device="CPU, float32",
            face=0,
            faces=1,
        )
