"""The maps of a scored face, and each as a picture on its one fixed scale."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.anomaly_scoring.choices import MapName
from pipelines.anomaly_scoring.drawing.aligned import Part, aligned
from pipelines.anomaly_scoring.drawing.colouring import ASYMMETRY_SCALE, LOCAL_SCALE, SCALES, Scale, colour_bar, overlay
from pipelines.arrays import Floats, Mask, Pixels
from pipelines.results import AnomalyScoringResult, Finding

OPACITY = 0.8
"""Share of the strong colours in a map over the face, unless another is asked for."""

SIDE = 512
"""Side in pixels of a map over its face."""

PRINT_SIDE = 720
"""The same on a page to print: more than the largest map on the screen, and 210 an inch where it is largest."""

_AROUND = 1.6  # side of the part that is shown over the longer side of its region


@dataclass(frozen=True, eq=False)
class Shown:
    """A map of a result and how it is shown: ``values`` ``(S, S)``, ``area`` ``bool`` ``(S, S)``, and its scale."""

    values: Floats
    area: Mask
    scale: Scale


def shown_map(result: AnomalyScoringResult, name: MapName) -> Shown | None:
    """One of :data:`MAPS`; None where the result has none."""
    if name == "heat":
        return Shown(result.heat, result.area, SCALES[result.score.kind, result.score.colour])
    finding: Finding | None = getattr(result, name)
    scale = LOCAL_SCALE if name == "local" else ASYMMETRY_SCALE
    return None if finding is None else Shown(finding.map, finding.area, scale)


def map_overlay(result: AnomalyScoringResult, shown: Shown, opacity: float = OPACITY) -> Pixels:
    """A map over the part of the aligned face around its region, enlarged.

    Args:
        result: whose face.
        shown: of :func:`shown_map`.
        opacity: share of the colours, 0-1.

    Returns:
        RGB ``uint8``, 512 × 512 pixels.

    Raises:
        OptionInvalid: the opacity is not between 0 and 1.
    """
    part = around(shown.area)
    face = cv2.resize(result.crop[part], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return _over(face, shown, part, opacity)


def print_overlay(result: AnomalyScoringResult, shown: Shown, part: Part | None = None) -> Pixels:
    """:func:`map_overlay` for a page to print: over the photo itself, with all the pixels that it has there.

    Args:
        result: whose face.
        shown: of :func:`shown_map`.
        part: rows and columns of the aligned face; a square around the region where None.

    Returns:
        RGB ``uint8``, 720 × 720 pixels.
    """
    part = part or around(shown.area)
    return _over(aligned(result, PRINT_SIDE, part), shown, part, OPACITY, smooth=True)


def _over(face: Pixels, shown: Shown, part: Part, opacity: float, smooth: bool = False) -> Pixels:
    size = face.shape[1::-1]
    values = cv2.resize(shown.values[part], size, interpolation=cv2.INTER_LINEAR)
    area = cv2.resize(shown.area[part].astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    if smooth:  # without the steps of the region's pixels
        area = cv2.GaussianBlur(area, (0, 0), size[0] / (part[0].stop - part[0].start), borderType=cv2.BORDER_REPLICATE)
    return overlay(face, values, shown.scale, opacity, area > 0.5)


def severity_of_100(result: AnomalyScoringResult) -> float:
    """The paper's severity without its logarithm, from 0 to 100.

    The map's mean over the region, on the scale of its colours: 0 is a face that equals its normalized version, 100 one
    whose map has the top colour all over the region. Of the squared error this is the root mean square difference, of
    SSIM and LPIPS the mean, in per cent of the scale. It takes the region's size out, which equation 6 keeps in.
    """
    score = result.score
    scale = SCALES[score.kind, score.colour]
    sized = score.pixels * math.exp(score.severity)  # of equation 6 the root of the map's sum, of the other the sum
    mean = (sized**2 if score.formula == "equation" else sized) / score.pixels
    return 100 * min(1.0, (mean / scale.upper) ** scale.exponent)


def map_picture(result: AnomalyScoringResult, name: MapName) -> Pixels | None:
    """:func:`map_overlay` of one of :data:`MAPS` with the colour bar to its right; None where the result has none."""
    shown = shown_map(result, name)
    if shown is None:
        return None
    return np.hstack([map_overlay(result, shown), colour_bar(shown.scale, SIDE)])


def around(area: Mask) -> Part:
    """Rows and columns of a square around a region, with as much of the face around it as makes it readable."""
    rows, columns = np.nonzero(area)
    low = np.array([rows.min(), columns.min()])
    high = np.array([rows.max(), columns.max()]) + 1
    side = min(len(area), round(_AROUND * (high - low).max()))
    start = np.clip((low + high - side) // 2, 0, len(area) - side)
    return slice(start[0], start[0] + side), slice(start[1], start[1] + side)
