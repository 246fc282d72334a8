"""Heat maps as pictures, on one fixed, labelled colour scale for each measure.

A scale never depends on the picture: stretched over its own minimum and maximum, the map of a normal face would look
as ill as any.
"""

import math
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from pipelines.arrays import Floats, Mask, Pixels
from pipelines.errors import ImageMismatch, OptionInvalid
from pipelines.languages.numbers import figure
from pipelines.languages.translation import N_, _
from pipelines.results import ColourSpace, MapKind

_COLOURS = colormaps["inferno"]  # perceptually uniform, and rising in lightness for all kinds of colour vision
_CLEAR = 0.3  # share of the scale from which a colour has all of its opacity; below, the face shows through
_SHADES = 256  # steps of the scale that a page draws with
_OUTLINE, _OUTLINE_EDGE = (255, 255, 255), (20, 20, 20)  # seen on light skin and on dark
_BAR_ASPECT = 0.36  # width of the colour bar's picture over its height, room for the label
_DPI = 100
_TICKS = 6


Share = TypeVar("Share", float, Floats)


@dataclass(frozen=True)
class Scale:
    """A colour scale from 0 to ``upper``; what is higher gets the top colour.

    Attributes:
        label: what the values are, with their unit.
        upper: value of the top colour.
        exponent: of the value's share of ``upper`` before it picks a colour; 1/2 makes equal steps of the colour equal
            steps of a difference whose square the map holds.
    """

    label: str
    upper: float
    exponent: float

    @property
    def said(self) -> str:
        """The label in the language of people."""
        return _(self.label)

    def at(self, share: Share) -> Share:
        """The value of the colour that lies at a ``share``, 0-1, of the way up the scale."""
        return self.upper * share ** (1 / self.exponent)

    @property
    def ticks(self) -> dict[float, str]:
        """Shares of the way up the scale, 0-1, that are labelled, and the values there as text."""
        return {share: figure(self.at(share), ",.5g") for share in np.linspace(0, 1, _TICKS).tolist()}

    @property
    def unit(self) -> str:
        """What the values are counted in; "" where they have no unit."""
        return self.said.partition("(")[2].removesuffix(")")

    @property
    def shades(self) -> Pixels:
        """The scale from 0 to ``upper`` in even steps of its colours: RGBA ``uint8`` ``(256, 4)``, whose last channel
        is how much of a colour lies over the face at an opacity of 1.
        """
        shares = np.linspace(0, 1, _SHADES)
        rgb = colour_heat_map(self.at(shares)[None], self)[0]
        return np.column_stack([rgb, np.round(255 * _strength(shares)).astype(np.uint8)])

    @property
    def _norm(self) -> PowerNorm:
        return PowerNorm(self.exponent, vmin=0, vmax=self.upper, clip=True)


SCALES: dict[tuple[MapKind, ColourSpace], Scale] = {
    ("pse", "ycbcr"): Scale(N_("squared difference, YCbCr (grey levels²)"), 10_000, 0.5),
    ("pse", "rgb"): Scale(N_("squared difference, RGB (grey levels²)"), 40_000, 0.5),
    ("ssim", "ycbcr"): Scale("1 − SSIM, YCbCr", 0.6, 1),
    ("ssim", "rgb"): Scale("1 − SSIM, RGB", 1.5, 1),
    ("lpips", "ycbcr"): Scale("LPIPS, YCbCr", 0.8, 1),
    ("lpips", "rgb"): Scale("LPIPS, RGB", 1.0, 1),
}
"""The scale of each kind of heat map and colour space.

The upper ends are round numbers near what gross changes reach: where the mouth and nose of 40 held-out faces (20 for
LPIPS, of AlexNet) at 256 px were repainted flatly (Telea) or with the next face's, the median face's 99th percentile
inside the mask is, in YCbCr with erosion and in RGB without: squared error 4,600 and 9,000, 28,000 and 54,000; 1 − SSIM
0.39 and 0.51, 1.16 and 1.48; LPIPS 0.61 and 0.51, 0.84 and 0.61. The same faces slightly blurred (σ = 1 px) reach 10
and 680; 0.03 and 0.16; 0.05 and 0.23.
"""

LOCAL_SCALE = Scale(N_("what does not fit (grey levels)"), 100, 1)
"""The scale of :func:`pipelines.anomaly_scoring.scoring.local.local_map`: the peaks of untouched faces lie in its lower
half, those of the simulator's strongest clefts at its top."""

ASYMMETRY_SCALE = Scale(N_("left unlike right (% of light)"), 60, 1)
"""The scale of :func:`pipelines.anomaly_scoring.scoring.asymmetry.asymmetry_map`, likewise."""


def covering(scale: Scale, peak: float) -> Scale:
    """The scale, or one of the same kind that goes on to ``peak``, where that lies above it: to a round number."""
    if peak <= scale.upper:
        return scale
    step = 10 ** math.floor(math.log10(peak)) / 2
    return replace(scale, upper=step * math.ceil(peak / step))


def colour_heat_map(heat: Floats, scale: Scale) -> Pixels:
    """A heat map ``(H, W)`` in colours: RGB ``uint8`` ``(H, W, 3)``, dark where it is 0, bright from ``upper`` on."""
    return _COLOURS(scale._norm(heat), bytes=True)[..., :3]


def overlay(picture: Pixels, heat: Floats, scale: Scale, opacity: float = 0.8, region: Mask | None = None) -> Pixels:
    """A heat map in colours over the picture of the face, which stays readable: the less heat, the less colour.

    Args:
        picture: RGB ``uint8`` ``(H, W, 3)``.
        heat: ``(H, W)``.
        scale: the map's scale, from :data:`SCALES`.
        opacity: share of the colours from three tenths of the scale on, 0-1; below it falls to 0.
        region: ``bool`` ``(H, W)``, where they lie; it is outlined, and the rest of the picture as it was. None colours
            all of it.

    Returns:
        RGB ``uint8`` ``(H, W, 3)``.

    Raises:
        OptionInvalid: the opacity is not between 0 and 1.
        ImageMismatch: picture, map and region differ in size.
    """
    if not 0 <= opacity <= 1:
        raise OptionInvalid(_("The opacity must be between 0 and 1."))
    if not picture.shape[:2] == heat.shape == (heat if region is None else region).shape:
        raise ImageMismatch(_("The picture, its heat map and the region differ in size; use those of one face."))
    share = opacity * _strength(np.asarray(scale._norm(heat)))[..., None]
    blended = picture * (1 - share) + colour_heat_map(heat, scale) * share
    if region is not None:
        inside = region.astype(np.uint8)
        blended[inside == 0] = picture[inside == 0]
        rings = [cv2.dilate(inside, np.ones((side, side), np.uint8)) for side in (1, 3, 5)]
        blended[rings[1] > rings[0]] = _OUTLINE
        blended[rings[2] > rings[1]] = _OUTLINE_EDGE
    return np.round(blended).astype(np.uint8)


def _strength(share: Floats) -> Floats:
    """How much of the colour at a share of the scale lies over the face, 0-1."""
    strength: Floats = np.clip(share / _CLEAR, 0, 1)
    return strength


def colour_bar(scale: Scale, height: int = 256) -> Pixels:
    """The scale as a picture: its colours with values, unit and label, dark on white.

    Args:
        scale: the scale.
        height: of the picture in pixels; text and lines grow with it.

    Returns:
        RGB ``uint8`` ``(height, W, 3)``, W about a third of the height.
    """
    width = round(height * _BAR_ASPECT)
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    size = 0.036 * height * 72 / _DPI  # points
    axes = figure.add_axes((0.06, 0.04, 0.18, 0.92))
    bar = figure.colorbar(ScalarMappable(scale._norm, _COLOURS), cax=axes, extend="max", extendfrac=0.05)
    bar.set_ticks([scale.at(share) for share in scale.ticks], labels=list(scale.ticks.values()))
    bar.ax.tick_params(labelsize=size, width=size / 12, length=size / 3)
    bar.outline.set_linewidth(size / 12)
    bar.set_label(scale.said, size=size)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
