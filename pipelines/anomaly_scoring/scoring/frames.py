"""A result as it would be had the adaptation of the face generator ended at another step."""

from dataclasses import replace

import numpy as np

from pipelines.anomaly_scoring.choices import LOCAL_PEAK
from pipelines.anomaly_scoring.scoring.heatmaps import heat_map, unlikeness
from pipelines.anomaly_scoring.scoring.local import local_map, peak
from pipelines.anomaly_scoring.scoring.scores import score as score_of
from pipelines.faces.points import Face
from pipelines.results import AdaptationFrame, AnomalyScoringResult


def at_frame(result: AnomalyScoringResult, frame: AdaptationFrame) -> AnomalyScoringResult:
    """The result whose normalized face is the picture of a frame: its maps and figures are taken anew.

    Percentiles belong to the step that was asked for, and go.

    Args:
        result: of StyleGAN2.
        frame: one of its frames.

    Raises:
        WeightsMissing: it is a heat map of LPIPS, whose network is not on this machine any more.
    """
    if np.array_equal(frame.image, result.normalized):
        return result
    score, local, face = result.score, result.local, Face(result.mesh)
    heat = heat_map(result.crop, frame.image, score.kind, score.colour, score.erosion)
    if local is not None:
        residual = unlikeness(result.crop.astype(np.float32) - frame.image, face.eye_distance)
        values = local_map(residual, result.asymmetry.map, result.crop, face)
        local = replace(local, map=values, value=peak(values, local.area, LOCAL_PEAK), percentile=None)
    return replace(
        result,
        normalized=frame.image,
        heat=heat,
        score=score_of(heat, result.area, score.formula, kind=score.kind, colour=score.colour, erosion=score.erosion),
        percentile=None,
        local=local,
    )


def shown_step(result: AnomalyScoringResult) -> int:
    """After how many steps the normalized face was taken; 0 without adaptation."""
    return next((frame.step for frame in result.frames if np.array_equal(frame.image, result.normalized)), 0)


def nearest_frame(result: AnomalyScoringResult, step: float) -> AdaptationFrame:
    """The frame of a result whose number of steps is nearest to ``step``."""
    return min(result.frames, key=lambda frame: abs(frame.step - step))
