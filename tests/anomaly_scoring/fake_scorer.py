"""Cohorts without faces and without networks: a photo's one grey level says how severe it is."""

from pathlib import Path

import numpy as np

from pipelines.anomaly_scoring.scores import appraise
from pipelines.errors import NoFaceFound
from pipelines.faces.images import write_png
from pipelines.results import AnomalyScoringResult, Percentile

SIDE = 40
NORMAL = 100
"""Grey level of the normalized face."""

FACELESS = 255
"""Grey level of a photo that shows no face."""


def write_photo(path: Path, level: int) -> Path:
    write_png(path, np.full((SIDE, SIDE, 3), level, np.uint8))
    return path


def severity_of(level: int) -> float:
    """What a photo of that level must score: equation 6 with YCbCr's luma weight and 20 × 20 pixels."""
    return float(np.log((level - NORMAL) * 219 / 255 * 20 / 400))


class FakeScorer:
    """Scores without a network, and remembers the grey levels that it was given."""

    def __init__(self) -> None:
        self.levels: list[int] = []

    def __call__(self, photo: np.ndarray) -> AnomalyScoringResult:
        self.levels.append(int(photo[0, 0, 0]))
        if self.levels[-1] == FACELESS:
            raise NoFaceFound("No face was found in this photo; use another.")
        normalized = np.full_like(photo, NORMAL)
        area = np.zeros(photo.shape[:2], bool)
        area[10:30, 10:30] = True
        heat, score = appraise(photo, normalized, area)
        return AnomalyScoringResult(
            photo=photo,
            crop=photo,
            normalized=normalized,
            heat=heat,
            area=area,
            region="mouth-nose",
            score=score,
            percentile=Percentile(float(self.levels[-1] - NORMAL), 1000, "all"),
            normalizer="inpainting",
            repainted=None,
            conditions="",
            perceptual=None,
            frames=(),
            reappears=None,
            losses=(),
            landmarks=np.zeros((68, 2), np.float32),
            measurements=(),
            seconds={"landmarks": 0.25, "normalizing": 0.5},
            weights=(),
            device="CPU, float32",
            seed=0,
            face=0,
            faces=1,
        )
