"""Masks: suggested from landmarks, irregular strokes, and the clean-up of painted ones.

A mask is ``bool`` ``(H, W)``, True = repaint. Painted, uploaded and suggested masks are the same array before
anything else sees them.
"""

from typing import get_args

import cv2
import numpy as np

from pipelines.arrays import Floats, Mask, Pixels, Points, Shape
from pipelines.errors import MaskMismatch, OptionInvalid
from pipelines.faces.points import Face
from pipelines.languages.translation import _
from pipelines.results import Extent

EXTENTS: tuple[Extent, ...] = get_args(Extent)
"""Suggested regions: the lips; the lips, philtrum and nostrils; the lower face with the nose."""

GROUPS = ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6))
"""Share of the picture that the three groups of irregular masks cover (Liu et al. 2018; INCLG section 2.3)."""

VERTICES = 32
"""Vertices of an outline."""

EXTENT_NAMES: dict[Extent, str] = {"lips": _("lips"), "lips-to-nose": _("lips to nose"), "lower-face": _("lower face")}
"""Extent → what people call it."""

FACE_MARGIN = 0.05
"""Eye distances by which a face's region is wider than its mesh: the mesh ends on the jaw, and skin a little later."""

_LEAST_SIDE = 32  # px; nobody paints on less

_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_NOSE_BASE = (129, 358, 64, 294, 48, 278, 98, 327, 2, 1, 4, 45, 275)  # alae, nostrils, columella and tip
_LOWER_FACE = (172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 58, 288, 50, 280, 195, 126, 355)
_HULLS: dict[Extent, tuple[tuple[int, ...], float]] = {
    "lips": (_LIPS, 0.09),
    "lips-to-nose": (_LIPS + _NOSE_BASE, 0.09),
    "lower-face": (_LOWER_FACE, 0.0),
}  # mesh points and the margin around their hull, in eye distances


def outline(face: Face, extent: Extent) -> Points:
    """Outline of a suggested region: the convex hull of its mesh points with a rounded margin.

    Args:
        face: the face.
        extent: one of :data:`EXTENTS`.

    Returns:
        ``(32, 2)`` float32, vertices equally spaced along the outline, in pixels of the photo.

    Raises:
        OptionInvalid: there is no such extent.
    """
    if extent not in _HULLS:
        raise OptionInvalid(_("The mask extent must be one of {choices}.").format(choices=", ".join(EXTENTS)))
    indices, margin = _HULLS[extent]
    hull = _hull(face.mesh[list(indices)], margin * face.eye_distance)
    return _resample(hull, VERTICES).astype(np.float32)


def face_outline(face: Face, margin: float = FACE_MARGIN) -> Points:
    """Outline of the whole face: the convex hull of its mesh with a rounded margin, in eye distances.

    Returns:
        ``(32, 2)`` float32, as :func:`outline`.
    """
    return _resample(_hull(face.mesh, margin * face.eye_distance), VERTICES).astype(np.float32)


def face_region(face: Face, shape: Shape) -> Mask:
    """What belongs to the face in a picture of ``shape`` (H, W), from its hairline to its chin: ``bool`` (H, W)."""
    return polygon_mask(face_outline(face), shape)


def suggest_mask(face: Face, shape: Shape, extent: Extent = "lips-to-nose") -> Mask:
    """The region of ``extent`` as a mask of ``shape`` (H, W).

    Raises:
        OptionInvalid: there is no such extent.
    """
    return polygon_mask(outline(face, extent), shape)


def hull_mask(points: Points, margin: float, shape: Shape) -> Mask:
    """The convex hull of ``points`` ``(N, 2)`` with a rounded margin, both in pixels, as a mask of ``shape`` (H, W)."""
    return polygon_mask(_hull(points, margin), shape)


def polygon_mask(polygon: Points, shape: Shape) -> Mask:
    """The inside of a polygon ``(N, 2)`` in pixels as a mask of ``shape`` (H, W).

    >>> polygon_mask(np.array([[1.2, 1.2], [3.8, 1.2], [3.8, 2.8], [1.2, 2.8]]), (4, 5)).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]])
    """
    # Drawn whole and then cut: OpenCV's own clipping at the border moves the polygon's edges a little.
    left, top = np.floor(polygon.min(0)).astype(int) - 1
    right, bottom = np.ceil(polygon.max(0)).astype(int) + 1
    canvas = np.zeros((bottom - top, right - left), np.uint8)
    # OpenCV takes fixed-point vertices with pixel centres at whole numbers; ours are at +0.5.
    fixed = np.round((polygon - (left, top) - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 1, shift=4)
    mask = np.zeros(shape, bool)
    rows, columns = slice(max(0, top), max(0, bottom)), slice(max(0, left), max(0, right))
    height, width = mask[rows, columns].shape
    y, x = max(0, -top), max(0, -left)
    mask[rows, columns] = canvas[y : y + height, x : x + width].astype(bool)
    return mask


def irregular_mask(size: int, group: int, rng: np.random.Generator) -> Mask:
    """A square mask of random brush strokes, after the irregular masks of Liu et al. 2018.

    Args:
        size: side in pixels.
        group: index into :data:`GROUPS`; the mask's share of the picture lies inside the group's bounds.
        rng: source of randomness.

    Returns:
        ``bool`` ``(size, size)``.
    """
    low, high = GROUPS[group]
    target = rng.uniform(max(low, 0.02), high)
    canvas = np.zeros((size, size), np.uint8)
    while canvas.mean() < target:
        before = canvas.copy()
        _stroke(canvas, size, rng)
        if canvas.mean() >= high:  # too much in one stroke: try another one
            canvas = before
    return canvas.astype(bool)


def grow(mask: Mask, pixels: float) -> Mask:
    """Widens a mask by ``pixels`` on every side; a negative number narrows it. Round at the corners.

    Distances are Euclidean, between pixel centres; the picture's border does not narrow a mask.

    >>> spot = np.zeros((3, 5), bool)
    >>> spot[1, 2] = True
    >>> grow(spot, 1).astype(int)
    array([[0, 0, 1, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 1, 0, 0]])
    """
    grown = np.zeros_like(mask)
    window = _window(mask, max(pixels, 0))
    near = mask[window]
    # OpenCV's distances are off by some 1e-6, which would cost whole-pixel widths single pixels.
    grown[window] = _distance(~near) <= pixels + 1e-3 if pixels > 0 else _distance(near) > -pixels + 1e-3
    return grown


def feather(mask: Mask, pixels: float) -> Floats:
    """Blend weights: 1 on the mask, falling smoothly to 0 at ``pixels`` outside.

    Returns:
        ``float32`` ``(H, W)`` in [0, 1].

    >>> feather(np.array([[True, False, False, False]]), 2).round(2)
    array([[1.  , 0.74, 0.26, 0.  ]], dtype=float32)
    """
    alpha = mask.astype(np.float32)
    if pixels > 0 and mask.any():
        window = _window(mask, pixels)
        ramp = np.clip(1 - _distance(~mask[window]) / (pixels + 1), 0, 1)
        alpha[window] = ramp * ramp * (3 - 2 * ramp)
    return alpha


def clean(mask: Mask, smallest: float = 1e-3) -> Mask:
    """Removes stray specks and fills pinholes.

    A speck (or hole) goes when it is smaller than ``smallest`` of the mask's area; the largest piece always stays, so a
    one-pixel mask survives.
    """
    cleaned = np.zeros_like(mask)
    if mask.any():
        window = _window(mask, 1)  # a margin, so that what surrounds the mask is one piece
        near = mask[window]
        limit = smallest * near.sum()
        kept = _drop_small(near, limit)
        cleaned[window] = ~_drop_small(~kept, limit) if not kept.all() else kept
    return cleaned


def fit(mask: Mask, shape: Shape) -> Mask:
    """A mask that was made for a photo, at the size of the photo that is here.

    People paint on a smaller copy, or export at another resolution: where the proportions are the photo's, it is clear
    what is meant.

    Args:
        mask: ``bool`` ``(h, w)``.
        shape: height and width of the photo.

    Returns:
        ``bool`` ``(H, W)``; ``mask`` itself where it has that size.

    Raises:
        MaskMismatch: its proportions are others, by more than a pixel of the smaller of the two pictures.

    >>> fit(np.ones((300, 400), bool), (1500, 2000)).shape
    (1500, 2000)
    >>> fit(np.ones((300, 400), bool), (1000, 1000))
    Traceback (most recent call last):
    pipelines.errors.MaskMismatch: The mask is 400 × 300 pixels and the photo 1000 × 1000; give a mask of the photo's \
size or proportions.
    """
    (height, width), (rows, columns) = mask.shape, shape
    if mask.shape == tuple(shape):
        return mask
    off = abs(width * rows - height * columns) / max(rows, height)  # pixels of the smaller picture's width
    if off > 1 or min(mask.shape) < _LEAST_SIDE:
        raise MaskMismatch(
            _(
                "The mask is {width} × {height} pixels and the photo {columns} × {rows}; give a mask of "
                "the photo's size or proportions."
            ).format(width=width, height=height, columns=columns, rows=rows)
        )
    smooth = cv2.INTER_AREA if height > rows else cv2.INTER_LINEAR
    scaled: Pixels = cv2.resize(mask.astype(np.uint8) * 255, (columns, rows), interpolation=smooth)
    return scaled > 127


def _window(mask: Mask, margin: float) -> tuple[slice, slice]:
    """The mask's bounding box with a margin: what lies beyond it need not be looked at in a large photo."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    wide = int(np.ceil(margin)) + 2
    return (
        slice(max(0, rows[0] - wide), rows[-1] + 1 + wide),
        slice(max(0, columns[0] - wide), columns[-1] + 1 + wide),
    )


def _hull(points: Points, margin: float) -> Points:
    # A circle around every point before the hull: the hull's own margin, round at the corners.
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    circle = margin * np.stack([np.cos(angles), np.sin(angles)], 1)
    circles = (points.astype(np.float64)[:, None] + circle).reshape(-1, 2).astype(np.float32)
    hull: Points = cv2.convexHull(circles)[:, 0]
    return hull


def _resample(polygon: Points, count: int) -> Points:
    closed = np.vstack([polygon, polygon[:1]]).astype(np.float64)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, along[-1], count, endpoint=False)
    return np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], 1)


def _stroke(canvas: Pixels, size: int, rng: np.random.Generator) -> None:
    """One polyline of a few turns with round joints."""
    point = rng.uniform(0, size, 2)
    heading = rng.uniform(0, 2 * np.pi)
    width = max(1, round(rng.uniform(0.03, 0.12) * size))
    for _turn in range(rng.integers(2, 7)):
        heading += rng.uniform(-0.8 * np.pi, 0.8 * np.pi)
        end = point + rng.uniform(0.05, 0.25) * size * np.array([np.cos(heading), np.sin(heading)])
        end = np.clip(end, 0, size - 1)
        cv2.line(canvas, tuple(map(int, point)), tuple(map(int, end)), 1, width)
        cv2.circle(canvas, tuple(map(int, end)), width // 2, 1, -1)
        point = end


def _distance(mask: Mask) -> Floats:
    """Distance of each True pixel to the nearest False one; infinite where there is none."""
    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    distance: Floats = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance


def _drop_small(mask: Mask, limit: float) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if count <= 2:
        return mask.copy()
    keep = (areas >= limit) | (areas == areas.max())
    kept: Mask = np.concatenate([[False], keep])[labels]
    return kept
