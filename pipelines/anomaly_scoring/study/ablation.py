"""One normalization, many scores: the columns and rows of the paper's Table 1 (Hayajneh et al. 2022) for a cohort."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.anomaly_scoring.scoring.heatmaps import heat_map
from pipelines.anomaly_scoring.scoring.regions import region
from pipelines.anomaly_scoring.scoring.scores import TABLE_1, score
from pipelines.anomaly_scoring.study.statistics import Correlation, Method, correlate
from pipelines.arrays import Floats, Mask
from pipelines.faces.points import Face
from pipelines.metrics.perceptual import LPIPS
from pipelines.results import AnomalyScoringResult, ColourSpace, MapKind, Region


@dataclass(frozen=True)
class Comparison:
    """One way to score a normalized face.

    Attributes:
        region: key of :data:`pipelines.anomaly_scoring.scoring.regions.REGIONS`.
        kind: measure of the heat map.
        colour: colour space.
        erosion: whether the map is eroded.
    """

    region: Region
    kind: MapKind
    colour: ColourSpace
    erosion: bool

    @property
    def key(self) -> str:
        """Name in files, as in ``"mouth-nose pse ycbcr eroded"``."""
        return f"{self.region} {self.kind} {self.colour} {'eroded' if self.erosion else 'whole'}"


COMPARISONS = tuple(
    Comparison(cell.region, cell.kind, cell.colour, cell.erosion) for cell in TABLE_1 if cell.adaptation
)
"""The 24 of the paper's Table 1, row by row: LPIPS, PSE, SSIM; in each the two regions, and in those base, YCbCr,
erosion, both."""

_REGIONS = tuple(dict.fromkeys(one.region for one in COMPARISONS))


@dataclass(frozen=True)
class AblationCell:
    """A comparison and how its scores go with people's ratings, or with the study's own scores."""

    comparison: Comparison
    correlation: Correlation


def normalities(result: AnomalyScoringResult, lpips: LPIPS | None) -> dict[str, float]:
    """The normality of a face by every comparison that can be made.

    Args:
        result: of a photo; its normalized face and its formula serve all comparisons.
        lpips: the metric of the LPIPS maps; None leaves them out.

    Returns:
        :attr:`Comparison.key` → normality.
    """
    areas = _areas(result)
    found: dict[str, float] = {}
    maps: dict[tuple[MapKind, ColourSpace, bool], Floats] = {}
    for one in COMPARISONS:
        if one.region not in areas or (one.kind == "lpips" and lpips is None):
            continue
        how = (one.kind, one.colour, one.erosion)
        if how not in maps:
            maps[how] = heat_map(result.crop, result.normalized, *how, lpips)
        found[one.key] = score(
            maps[how], areas[one.region], result.score.formula, kind=one.kind, colour=one.colour, erosion=one.erosion
        ).normality
    return found


def ablation_table(
    cells: Sequence[Mapping[str, float]], reference: Sequence[float], method: Method
) -> tuple[AblationCell, ...]:
    """Every comparison's correlation with a reference.

    Args:
        cells: of each photo, what :func:`normalities` gave.
        reference: of each photo a rating, or the study's own score.
        method: one of :data:`pipelines.anomaly_scoring.study.statistics.METHODS`.

    Returns:
        In the order of :data:`COMPARISONS`; those that no photo has are left out.
    """
    table = []
    for one in COMPARISONS:
        pairs = [(known[one.key], value) for known, value in zip(cells, reference, strict=True) if one.key in known]
        if pairs:
            scores, values = np.transpose(pairs)
            table.append(AblationCell(one, correlate(scores, values, method, resamples=0)))
    return tuple(table)


def _areas(result: AnomalyScoringResult) -> dict[Region, Mask]:
    """Table 1's regions in the crop, of the points that the result's own region stands on."""
    areas = {name: region(Face(result.mesh), result.crop.shape[:2], name) for name in _REGIONS}
    return {name: area for name, area in areas.items() if area.any()}
