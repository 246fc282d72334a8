"""Deformed faces with known severity: what unilateral clefts do to lip and nose, in steps, for measuring a score.

A simulator, not a clinical model: it knows how far it went, and that is its use. Tissue is moved by a thin-plate spline
through the landmarks; where that opens the lip, the opening is painted in the face's own colours, darker inwards.
Nothing is cut out, and no mask of the training takes part.

Every length is in eye distances (76.8 px in the project's crop) and grows linearly with the severity, 0 to 5; at 0 the
picture is the crop itself. The cleft line, on which notch and gap lie, runs from the mouth through the outer slope of
the Cupid's bow and the nostril's floor into the nostril.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from pipelines.errors import OptionInvalid
from pipelines.faces.masks import feather, hull_mask
from pipelines.faces.points import IRIS_LEFT, Face

SIDES = ("left", "right")
"""The side of the picture on which the face is deformed."""

SEVEREST = 5.0
"""A complete unilateral cleft; 0 is the untouched face."""


@dataclass(frozen=True)
class Magnitudes:
    """How far things go at severity 5, in eye distances unless said otherwise.

    Attributes:
        notch: height to which the vermilion border is pulled up on the cleft line; at most 0.7 of the way to the
            nostril, so that short lips do not fold.
        bow: shift of philtrum and Cupid's bow away from the cleft side; at most 0.6 of the way to the corner of the
            mouth, for the same reason.
        ala_out: shift of the ala outwards, which widens the nostril.
        ala_down: drop of the ala, which flattens the nostril.
        tip: shift of columella and tip of the nose away from the cleft side.
        gap: width of the gap at the mouth.
        reach: how far up the cleft line the gap runs, as a share of the way from the mouth to the nostril's floor;
            alone in this it grows with the root of the severity.
    """

    notch: float = 0.0
    bow: float = 0.0
    ala_out: float = 0.0
    ala_down: float = 0.0
    tip: float = 0.0
    gap: float = 0.0
    reach: float = 0.0


MAGNITUDES = {
    "notch": Magnitudes(notch=0.25),
    "philtrum": Magnitudes(bow=0.25, tip=0.04),
    "nostril": Magnitudes(ala_out=0.13, ala_down=0.09, tip=0.07),
    "gap": Magnitudes(gap=0.18, reach=1.0),
    "cleft": Magnitudes(notch=0.10, bow=0.04, ala_out=0.12, ala_down=0.06, tip=0.06, gap=0.16, reach=1.1),
}
"""Kind -> what it does: a notch in the vermilion; philtrum and Cupid's bow shifted; a flattened, widened nostril; a
shadowed gap from the lip towards the nostril; and all of it in the proportions of a unilateral cleft."""

BILATERAL = "bilateral"
"""The kind that is a cleft on either side."""

KINDS = (*MAGNITUDES, BILATERAL)

_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)  # upper lip, image left to right
_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
_LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_MIDLINE = (195, 4, 2)  # bridge, tip, subnasale
_NOSTRIL = ((97, 326), (98, 327), (64, 294), (129, 358))  # image left, right: floor, its outer end, ala, its crease
_SURFACE = IRIS_LEFT.start  # mesh points without the irises
_MARGIN, _FADE = 0.12, 0.2  # around lips and nose: tissue moves freely, and less and less
_SMOOTHING = 1e-4  # of the spline, in eye distances
_BETWEEN = 3  # steps from one landmark of a lip's border to the next
_SLIT = 0.006  # half the width of the closed slit along which a gap opens
_SLIT_POINTS = 16
_PULL = 0.10  # half width of a notch
_FOLLOW = 0.6  # how far the inner border follows a notch in the outer one
_MOST_PULL = 0.7  # of the way from the lip to the nostril
_MOST_BOW = 0.6  # of the way from the midline to the corner of the mouth
_TIP = 0.2  # half width of what shifts with the columella
_CORNER = 0.12  # over which the lip's shifts die away towards the corners of the mouth
_CHEEK = 0.35  # over which the ala's shift dies away on the cheek
_SPREAD = 0.16  # over which tissue beside a gap gives way
_POINTED = 0.6  # exponent of the gap's width over the way to its upper end
_MUCOSA, _SHADOW = 0.65, 0.3  # brightness of an opening at its edge and in its depth, beside the lip's
_DEEP = 0.035  # from an opening's edge to its depth
_RIM, _RED = 0.03, 0.7  # half width of the red that turns up along a gap, and its share
_GROOVE, _DARK = 0.035, 0.45  # half width and darkness of the shadow in a notch
_SOFT = 0.009  # blur of an opening's edge
_OVERSAMPLING = 4  # of outlines that are painted


def deform(crop: np.ndarray, face: Face, kind: str = "cleft", severity: float = 3.0, side: str = "left") -> np.ndarray:
    """The face with a deformity of known severity.

    Beyond lips and base of the nose every pixel stays as it is. The mirrored crop with the mirrored face, deformed on
    the other side, is the mirrored picture.

    Args:
        crop: RGB ``uint8`` ``(S, S, 3)``, an aligned face.
        face: its face, in pixels of the crop.
        kind: one of :data:`KINDS`.
        severity: 0 to 5, any number between them too.
        side: one of :data:`SIDES`, as seen in the picture; of a bilateral cleft the one that is drawn first.

    Returns:
        RGB ``uint8`` ``(S, S, 3)``.

    Raises:
        OptionInvalid: there is no such kind or side, or the severity is out of range.
    """
    if side not in SIDES:
        raise OptionInvalid(f"The side must be one of {', '.join(SIDES)}.")
    if kind == BILATERAL:
        other = SIDES[1 - SIDES.index(side)]
        return deform(deform(crop, face, "cleft", severity, side), face, "cleft", severity, other)
    deformity = _Deformity.of(face, crop.shape[1], kind, severity, side)
    if not severity:
        return crop.copy()
    turned = np.ascontiguousarray(_turned(crop, side))
    moved = deformity.warp(turned)
    return np.ascontiguousarray(_turned(deformity.paint(moved, turned), side))


def _turned(picture: np.ndarray, side: str) -> np.ndarray:
    return picture[:, ::-1] if side == "right" else picture


@dataclass(frozen=True, eq=False)
class _Anatomy:
    """What the simulator knows of a face, turned so that the cleft side is on the picture's left; in pixels.

    Attributes:
        surface: ``(468, 2)``, the mesh.
        outer, inner: ``(31, 2)``, borders of the upper lip from left to right.
        lower_outer, lower_inner: the same of the lower lip.
        midline: ``(3, 2)``, bridge and tip of the nose, and subnasale.
        nostril: ``(4, 2)`` of the cleft side: the floor, the floor's outer end, the ala, and its crease.
        unit: eye distance.
    """

    surface: np.ndarray
    outer: np.ndarray
    inner: np.ndarray
    lower_outer: np.ndarray
    lower_inner: np.ndarray
    midline: np.ndarray
    nostril: np.ndarray
    unit: float

    @classmethod
    def of(cls, face: Face, width: int, side: str) -> "_Anatomy":
        mesh, right = face.mesh[:_SURFACE].astype(np.float64), side == "right"
        if right:
            mesh = mesh * (-1, 1) + (width, 0)
        lips = (mesh[list(reversed(b) if right else b)] for b in (_OUTER, _INNER, _LOWER_OUTER, _LOWER_INNER))
        nostril = mesh[[pair[right] for pair in _NOSTRIL]]
        return cls(mesh, *map(_denser, lips), mesh[list(_MIDLINE)], nostril, face.eye_distance)

    @cached_property
    def line(self) -> np.ndarray:
        """The cleft line, ``(4, 2)``: mouth, vermilion border, floor of the nostril, inside of the nostril."""
        slope = round(3.5 * _BETWEEN)  # between 39 and the peak of the Cupid's bow, 37
        mouth, lip, sill = self.inner[slope], self.outer[slope], self.nostril[:2].mean(0)
        return np.stack([mouth, lip, sill, sill + 0.4 * (sill - lip)])

    @cached_property
    def movable(self) -> np.ndarray:
        """``bool`` ``(468,)``, the points above the mouth."""
        return self.surface[:, 1] < _height(self.inner, self.surface[:, 0])

    @cached_property
    def still(self) -> np.ndarray:
        """``bool`` ``(468,)``, the points below the lower lip, and beside the mouth below its corners."""
        x, y = self.surface.T
        beside = (x < self.outer[0, 0]) | (x > self.outer[-1, 0])
        return ~self.movable & (beside | (y > _height(self.lower_outer, x)))


@dataclass(frozen=True, eq=False)
class _Deformity:
    """Movement and paint of one deformity.

    Attributes:
        anatomy: of the face.
        full: its magnitudes at severity 5.
        share: the severity, as a share of 5.
    """

    anatomy: _Anatomy
    full: Magnitudes
    share: float

    @classmethod
    def of(cls, face: Face, width: int, kind: str, severity: float, side: str) -> "_Deformity":
        if kind not in MAGNITUDES:
            raise OptionInvalid(f"The kind of deformity must be one of {', '.join(KINDS)}.")
        if not 0 <= severity <= SEVEREST:
            raise OptionInvalid("The severity must be between 0 and 5.")
        return cls(_Anatomy.of(face, width, side), MAGNITUDES[kind], severity / SEVEREST)

    def length(self, magnitude: float) -> float:
        """Pixels of a magnitude at this severity."""
        return magnitude * self.share * self.anatomy.unit

    @property
    def reach(self) -> float:
        """How far up the gap runs: by the root of the severity, so that a slight one is a slit and no dot."""
        return self.full.reach * float(np.sqrt(self.share))

    def shifts(self, points: np.ndarray) -> np.ndarray:
        """How far points above the mouth move, both ``(N, 2)`` in pixels."""
        return np.stack([self._bow(points) + self._opening(points), self._lift(points)], 1) + self._nose(points)

    def _lift(self, points: np.ndarray) -> np.ndarray:
        """Upwards to the notch: most at the outer border on the cleft line, nothing at the nostril."""
        (_, lip, sill, _), unit = self.anatomy.line, self.anatomy.unit
        most = min(self.full.notch * unit, _MOST_PULL * (lip[1] - sill[1])) * self.share
        return -most * _bell(self._beside(points), _PULL * unit) * self._on_lip(points, 0, _FOLLOW)

    def _bow(self, points: np.ndarray) -> np.ndarray:
        """Away from the cleft side: most in the midline, nothing at the corners of the mouth."""
        face = self.anatomy
        bow = face.outer[len(face.outer) // 2]
        away = points[:, 0] - _across(np.stack([bow, face.midline[2]]), points[:, 1])
        half = np.where(away < 0, bow[0] - face.outer[0, 0], face.outer[-1, 0] - bow[0])
        most = min(self.full.bow * face.unit, _MOST_BOW * half.min()) * self.share
        return most * np.square(np.clip(1 - np.square(away / half), 0, None)) * self._on_lip(points, 0.5, 0.8)

    def _nose(self, points: np.ndarray) -> np.ndarray:
        """Tip and columella sideways, the ala outwards and down, ``(N, 2)``; its floor drops less than its roof."""
        unit = self.anatomy.unit
        bridge, tip, base = self.anatomy.midline
        floor, _, ala, crease = self.anatomy.nostril
        outer = min(ala[0], crease[0])
        sideways = _plateau(points[:, 0], outer - _CHEEK * unit, outer, (ala[0] + floor[0]) / 2, base[0])
        down = _plateau(points[:, 1], bridge[1], tip[1], ala[1], base[1] + 0.1 * unit)
        out = _plateau(points[:, 1], bridge[1], tip[1], base[1], base[1] + 0.2 * unit)
        ala = np.stack([-self.length(self.full.ala_out) * out, self.length(self.full.ala_down) * down], 1)
        tip = _plateau(points[:, 1], bridge[1], tip[1], base[1], _height(self.anatomy.outer, points[:, 0]))
        tip *= self.length(self.full.tip) * _bell(points[:, 0] - base[0], _TIP * unit)
        return ala * sideways[:, None] + np.stack([tip, np.zeros_like(tip)], 1)

    def _opening(self, points: np.ndarray) -> np.ndarray:
        """Sideways from the cleft line to the edges of the gap."""
        beside, unit = self._beside(points), self.anatomy.unit
        left, right = self.anatomy.outer[[0, -1], 0]
        corners = _plateau(points[:, 0], left, left + _CORNER * unit, right - _CORNER * unit, right)
        return self._gap_width(points[:, 1]) * np.sign(beside) * np.exp(-np.abs(beside) / (_SPREAD * unit)) * corners

    def _gap_width(self, height: np.ndarray) -> np.ndarray:
        """Half the width of the gap at a height in the picture."""
        mouth, _, sill, _ = self.anatomy.line
        up = (mouth[1] - height) / (mouth[1] - sill[1])
        left = np.clip(1 - up / max(self.reach, 1e-6), 0, 1)
        return self.length(self.full.gap) / 2 * left**_POINTED

    def _beside(self, points: np.ndarray) -> np.ndarray:
        """Distance to the right of the cleft line."""
        return points[:, 0] - _across(self.anatomy.line, points[:, 1])

    def _on_lip(self, points: np.ndarray, at_nose: float, at_mouth: float) -> np.ndarray:
        """1 on the vermilion border, ``at_nose`` at the base of the nose, ``at_mouth`` from the inner border down."""
        sill, x, y = self.anatomy.line[2][1], *points.T
        border = np.maximum(_height(self.anatomy.outer, x), sill + 1)
        mouth = np.maximum(_height(self.anatomy.inner, x), border + 1)
        above, below = np.clip((y - sill) / (border - sill), 0, 1), np.clip((y - border) / (mouth - border), 0, 1)
        nose = np.clip(1 - (sill - y) / (0.15 * self.anatomy.unit), 0, 1)  # dies away on the nose
        return np.where(y < border, at_nose * nose + (1 - at_nose) * above, 1 - (1 - at_mouth) * below)

    @cached_property
    def slit(self) -> tuple[np.ndarray, np.ndarray]:
        """The closed gap: points of its left and its right edge, ``(16, 2)`` each, from the mouth up."""
        mouth, _, sill, _ = self.anatomy.line
        up = np.linspace(0, max(self.reach, 1e-3), _SLIT_POINTS)
        y = mouth[1] - up * (mouth[1] - sill[1])
        x = _across(self.anatomy.line, y)
        half = _SLIT * self.anatomy.unit
        return np.stack([x - half, y], 1), np.stack([x + half, y], 1)

    def sources(self, shape: tuple[int, int]) -> np.ndarray:
        """Where each pixel comes from, ``(H, W, 2)``; the pixel itself beyond lips and nose."""
        face = self.anatomy
        moving = np.concatenate([face.surface[face.movable], face.outer, face.inner, *self.slit])
        still = np.concatenate([face.surface[face.still], face.lower_outer])
        shifts = np.concatenate([self.shifts(moving), np.zeros_like(still)])
        ends = np.concatenate([moving, still]) + shifts
        _, once = np.unique(np.round(ends, 2), axis=0, return_index=True)  # points in one place make it unsolvable
        spline = RBFInterpolator(ends[once] / face.unit, -shifts[once], smoothing=_SMOOTHING)

        window = self.window(shape)
        rows, columns = (slice(*_even_span(window.any(axis))) for axis in (1, 0))
        nodes = _centres(shape)[rows, columns][::2, ::2] + 0.5  # the middle of four pixels
        field = spline(nodes.reshape(-1, 2) / face.unit).reshape(nodes.shape)
        field = cv2.resize(field, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        at = _centres(shape)
        share = window[rows, columns, None]  # the picture's border may have cut off a row or column
        at[rows, columns] += field[: share.shape[0], : share.shape[1]] * share
        return at

    def window(self, shape: tuple[int, int]) -> np.ndarray:
        """1 around lips and base of the nose, falling to 0; ``float32`` ``(H, W)``."""
        face = self.anatomy
        part = np.concatenate([face.outer, face.lower_outer, face.midline[1:], face.nostril])
        mirrored = face.nostril * (-1, 1) + (2 * face.midline[2, 0], 0)
        around = hull_mask(np.concatenate([part, mirrored]), _MARGIN * face.unit, shape)
        return feather(around, _FADE * face.unit)

    def warp(self, crop: np.ndarray) -> np.ndarray:
        """The crop with its tissue moved."""
        at = (self.sources(crop.shape[:2]) - 0.5).astype(np.float32)
        moved = cv2.remap(crop, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        # The upper lip slides over the lower one, which stays.
        face = self.anatomy
        chin = face.outer[[-1, 0]] + (0, face.unit)
        below = _inside(np.concatenate([face.outer[:1], face.inner, face.outer[-1:], chin]), crop.shape[:2])[..., None]
        return np.round(moved + (crop - moved.astype(np.float32)) * below).astype(np.uint8)

    def paint(self, moved: np.ndarray, crop: np.ndarray) -> np.ndarray:
        """Shadow in a notch, the red of the lip along a gap, and the opening."""
        face, shape, picture = self.anatomy, crop.shape[:2], moved.astype(np.float32)
        mouth = _inside(np.concatenate([face.inner, face.lower_inner[::-1]]), shape)
        lips = _inside(np.concatenate([face.outer, face.lower_outer[::-1]]), shape) - mouth
        white = _inside(np.concatenate([face.outer, face.midline[2:], face.nostril[1:2]]), shape)
        lip, skin = (np.median(crop[part > 0.5], axis=0).astype(np.float32) for part in (lips, white))
        above = self.slit[0][:, 1] < _height(face.outer, self.slit[0][:, 0])
        if self.full.gap and above.any():
            edges = _stroke([(edge + self.shifts(edge))[above] for edge in self.slit], _RIM * face.unit, shape)
            picture *= 1 + (edges * _RED)[..., None] * (lip / np.maximum(skin, 1) - 1)
        if self.full.notch:
            middle = np.linspace(face.line[0], face.line[1], _SLIT_POINTS)
            shadow = _stroke([middle + self.shifts(middle)], _GROOVE * face.unit, shape)
            picture *= 1 - (_DARK * self.share * shadow)[..., None]

        opening = self.opening(shape)
        depth = cv2.distanceTransform((opening > 0.5).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        deep = np.clip(depth / (_DEEP * face.unit), 0, 1)[..., None]
        inside = cv2.GaussianBlur(lip * (_MUCOSA + (_SHADOW - _MUCOSA) * deep), (0, 0), _SOFT * face.unit)
        alpha = cv2.GaussianBlur(opening, (0, 0), _SOFT * face.unit)[..., None]
        picture += (inside - picture) * alpha
        return np.clip(picture + 0.5, 0, 255).astype(np.uint8)

    def opening(self, shape: tuple[int, int]) -> np.ndarray:
        """How much of each pixel lies between the upper lip and where it was: ``float32`` ``(H, W)``."""
        inner, mouth = self.anatomy.inner, self.anatomy.line[0, 0]
        slit = (self.slit[0], self.slit[1][::-1]) if self.full.gap else ()
        border = np.concatenate([inner[inner[:, 0] < mouth], *slit, inner[inner[:, 0] >= mouth]])
        return _inside(np.concatenate([border + self.shifts(border), inner[::-1]]), shape)


def _denser(border: np.ndarray) -> np.ndarray:
    """A border with points between its landmarks."""
    at = np.arange(len(border))
    fine = np.linspace(0, len(border) - 1, (len(border) - 1) * _BETWEEN + 1)
    return np.stack([np.interp(fine, at, border[:, axis]) for axis in (0, 1)], 1)


def _height(border: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Height in the picture of a border that runs from left to right."""
    order = np.argsort(border[:, 0])
    return np.interp(x, border[order, 0], border[order, 1])


def _across(line: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Place across the picture of a line that runs from the mouth up."""
    order = np.argsort(line[:, 1])
    return np.interp(y, line[order, 1], line[order, 0])


def _bell(distance: np.ndarray, half: float) -> np.ndarray:
    return np.exp(-np.square(distance / half))


def _plateau(at: np.ndarray, *corners: float) -> np.ndarray:
    """0 up to the first of four corners, 1 from the second to the third, 0 from the fourth, smooth between them."""
    a, b, c, d = np.maximum.accumulate(np.array(np.broadcast_arrays(*corners, at)[:-1], float), 0)
    up, down = (at - a) / np.maximum(b - a, 1), (d - at) / np.maximum(d - c, 1)
    ramp = np.clip(np.minimum(up, down), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _centres(shape: tuple[int, int]) -> np.ndarray:
    """The centre of each pixel, ``(H, W, 2)``."""
    return np.stack(np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5), 2)


def _even_span(used: np.ndarray) -> tuple[int, int]:
    """First and last index that is used, made to hold an even number of them."""
    first, last = np.flatnonzero(used)[[0, -1]]
    return first, last + 1 + (last + 1 - first) % 2


def _inside(outline: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How much of each pixel lies inside an outline ``(N, 2)``: ``float32`` ``(H, W)``."""
    fine = np.zeros((shape[0] * _OVERSAMPLING, shape[1] * _OVERSAMPLING), np.uint8)
    cv2.fillPoly(fine, [np.round(outline * _OVERSAMPLING - 0.5).astype(np.int32)], 1)
    return cv2.resize(fine.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)


def _stroke(lines: Sequence[np.ndarray], half: float, shape: tuple[int, int]) -> np.ndarray:
    """Soft strokes along lines, 1 on them: ``float32`` ``(H, W)``."""
    away = np.ones(shape, np.uint8)
    cv2.polylines(away, [np.round(line - 0.5).astype(np.int32) for line in lines], False, 0)
    return _bell(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), half).astype(np.float32)
