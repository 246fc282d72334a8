"""The anomaly score of Hayajneh et al. 2022: equation 6 over a region of a heat map, and the cells of its Table 1."""

import math
from dataclasses import dataclass

import numpy as np

from pipelines.anomaly_scoring.choices import COLOURS, FORMULAS, KINDS
from pipelines.arrays import Floats, Mask
from pipelines.errors import MaskEmpty, MaskMismatch, OptionInvalid
from pipelines.languages.translation import N_, _
from pipelines.results import ColourSpace, Formula, MapKind, Region, Score

_HALF_LEVEL = 0.5  # grey levels
FLOORS: dict[MapKind, float] = {
    "pse": _HALF_LEVEL**2,
    "ssim": (_HALF_LEVEL / 255) ** 2,
    "lpips": (_HALF_LEVEL / 255) ** 2,
}
"""Least sum of a heat map over its region that counts: that of half a grey level in one channel of one pixel, squared;
for the measures without a unit, the same as a share of the full range."""


def score(
    heat: Floats,
    region: Mask,
    formula: Formula = "equation",
    *,
    kind: MapKind = "pse",
    colour: ColourSpace = "ycbcr",
    erosion: bool = True,
) -> Score:
    """The score of a heat map ``h`` over the N pixels of a region.

    * ``"equation"``, the paper's equation 6: S = −ln(√(Σ h) / N). Its norm is the Frobenius norm of the pixelwise
      differences, so the sum under its root is that of the squared ones: of the map. SSIM and LPIPS maps take the
      squared error's place.
    * ``"text"``, the sentence before it: S = −ln(Σ h / N), the logarithm of the map's mean.

    Where the sum lies under the measure's :data:`FLOORS`, as between two equal pictures, the floor takes its place, so
    S is always finite; no face scores higher than S = −ln(0.5 / N) by squared error and the equation.

    Args:
        heat: a map of :func:`pipelines.anomaly_scoring.scoring.heatmaps.heat_map`, ``(H, W)``.
        region: ``bool`` ``(H, W)``, the pixels that count.
        formula: one of :data:`FORMULAS`.
        kind: how the map was made; likewise ``colour`` and ``erosion``.

    Raises:
        OptionInvalid: there is no such formula, kind or colour space.
        MaskMismatch: map and region differ in size.
        MaskEmpty: the region has no pixel.

    Nine grey levels squared in each of four pixels, S = −ln(√36 / 4):

    >>> found = score(np.full((2, 2), 9.0), np.ones((2, 2), bool))
    >>> round(found.normality, 3), found.pixels
    (-0.405, 4)
    """
    for name, value, known in (
        (N_("formula"), formula, FORMULAS),
        (N_("kind"), kind, KINDS),
        (N_("colour space"), colour, COLOURS),
    ):
        if value not in known:
            raise OptionInvalid(
                _("The {what} must be one of {choices}.").format(what=_(name), choices=", ".join(known))
            )
    if region.shape != heat.shape:
        raise MaskMismatch(
            _(
                "The region is {columns} × {rows} pixels and the heat map {width} × {height}; use a "
                "region of the heat map's size."
            ).format(columns=region.shape[1], rows=region.shape[0], width=heat.shape[1], height=heat.shape[0])
        )
    region = region.astype(bool)
    pixels = int(region.sum())
    if not pixels:
        raise MaskEmpty(_("The region to score is empty; paint it over the face, or choose mouth and nose."))
    total = max(float(heat[region].sum(dtype=np.float64)), FLOORS[kind])
    normality = -math.log((math.sqrt(total) if formula == "equation" else total) / pixels)
    return Score(normality, -normality, pixels, kind, colour, erosion, formula)


@dataclass(frozen=True)
class Cell:
    """One cell of the paper's Table 1.

    Attributes:
        adaptation: whether the generator was adapted to the face before the comparison (the table's two halves).
        region: key of :data:`pipelines.anomaly_scoring.scoring.regions.REGIONS`.
        kind: measure of the heat map.
        colour: colour space.
        erosion: whether the map is eroded.
        correlation: the published Pearson correlation with 80 people's ratings of 13 faces, in per cent.
    """

    adaptation: bool
    region: Region
    kind: MapKind
    colour: ColourSpace
    erosion: bool
    correlation: float


_AREAS: tuple[Region, ...] = ("mouth-nose", "face")
_WAYS: tuple[tuple[ColourSpace, bool], ...] = (("rgb", False), ("ycbcr", False), ("rgb", True), ("ycbcr", True))
_COLUMNS = tuple((region, *way) for region in _AREAS for way in _WAYS)  # base, + YCbCr, + erosion, + both
_ROWS: dict[tuple[bool, MapKind], tuple[float, ...]] = {
    (True, "lpips"): (74.1, 77.5, 74.3, 76.9, 58.7, 77.1, 59.1, 74.7),
    (True, "pse"): (72, 83.1, 79.7, 94.2, 55.9, 78.7, 74.5, 91.1),
    (True, "ssim"): (63, 60, 65.6, 55.2, 57.7, 47.3, 72, 45.7),
    (False, "lpips"): (58.8, 67.6, 57.6, 71.9, 62.1, 49.9, 61, 54.4),
    (False, "pse"): (56.8, 77.5, 60.3, 79.9, 43.6, 54.6, 44, 51.4),  # the paper prints 0.44 for 44
    (False, "ssim"): (48.1, 48.1, 42.3, 47.2, 57.9, 40.4, 52.3, 40.6),
}

TABLE_1 = tuple(
    Cell(adaptation, region, kind, colour, erosion, correlation)
    for (adaptation, kind), correlations in _ROWS.items()
    for (region, colour, erosion), correlation in zip(_COLUMNS, correlations, strict=True)
)
"""The 48 cells, row by row. Each is :func:`score` of a :func:`~pipelines.anomaly_scoring.scoring.heatmaps.heat_map` of
the cell's kind, colour and erosion, over its region, of a face normalized with or without adaptation."""
