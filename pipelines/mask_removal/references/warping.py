"""Warping: a reference photo's face laid onto the masked face, and where it can be trusted.

Source: Lumetti et al., section 2 (thin-plate spline through 30 landmarks); docs/methods.md, mask removal (colour,
confidence, rejection). Everything happens in the aligned crop: the spline takes crop coordinates to those of the
reference's own aligned crop, so that every crop pixel asks where it comes from and nothing is left unfilled.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator, RBFInterpolator
from scipy.spatial import Delaunay

from pipelines.arrays import Floats, Integers, Mask, Pixels, Points
from pipelines.errors import OptionInvalid, ReferenceUnusable
from pipelines.faces.alignment import align
from pipelines.faces.points import IRIS_LEFT, Face
from pipelines.languages.translation import _
from pipelines.mask_removal.choices import CONTROL, CONTROL_POINTS, FEWEST, MOST

_STEADY = (33, 133, 362, 263, 70, 105, 107, 336, 334, 300, 9, 168, 6, 197)  # eyes, brows, bridge: above every mask
_FEWEST_STEADY = 4
_SMOOTHING = 2e-4  # of the spline, in coordinates that are fractions of the side
_STEP = 4  # px between the nodes at which the spline is evaluated; between them it is as good as linear
_LARGEST_TURN = 50.0  # degrees between the two views; beyond it one half of the reference is invented
_YAW = (1, 234, 454)  # tip of the nose, edges of the face
_YAW_SLOPE = 0.66  # half width of the face over the height of the nose above it, fitted on turned faces
_SEEN = (0.2, 0.55)  # local area beside the face's own: nothing is seen below the first, all above the second
_BORDER = 0.05  # of the side: the face's edge fades out over it
_LEAST_SKIN = 200  # px of 256² that colours may be compared on
_LEAST_SHOWN = 0.25  # mean confidence in the part of the hole that lies on the face

_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
         150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
_NOT_SKIN = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380), (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
             (336, 296, 334, 293, 300, 276, 283, 282, 295, 285), (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91)
             )  # fmt: skip


@dataclass(frozen=True, eq=False)
class WarpedReference:
    """A reference in the photo's crop.

    Attributes:
        image: ``uint8`` ``(S, S, 3)``, the reference's face where the photo's is, in the photo's colours.
        confidence: ``float32`` ``(S, S)`` in [0, 1]; 0 where the reference shows nothing of the face.
        yaw: degrees by which the reference's face is turned, positive to the image's right.
        points: ``float32`` ``(N, 2)``, the control points in pixels of the reference photo.
    """

    image: Pixels
    confidence: Floats
    yaw: float
    points: Points


def warp_reference(
    crop: Pixels,
    crop_face: Face,
    hole: Mask,
    reference: Pixels,
    reference_face: Face,
    *,
    drawn: Face | None = None,
    points: int = CONTROL_POINTS,
) -> WarpedReference:
    """Lays the reference's face onto the photo's.

    Args:
        crop: ``uint8`` ``(S, S, 3)``, the aligned photo.
        crop_face: its face, in pixels of the crop.
        hole: ``bool`` ``(S, S)``, what is hidden; its colours are not looked at.
        reference: ``uint8`` ``(H, W, 3)``, the whole reference photo.
        reference_face: its face, in pixels of the reference.
        drawn: the crop's face once the hole was repainted without a reference, which says where a mouth would lie;
            None goes by ``crop_face`` alone.
        points: how many control points, :data:`FEWEST` to :data:`MOST`.

    Raises:
        OptionInvalid: too few or too many points.
        ReferenceUnusable: the faces are turned too differently, or the reference shows too little of the hole.
    """
    if not FEWEST <= points <= MOST:
        raise OptionInvalid(
            _("The number of control points must be from {fewest} to {most}.").format(fewest=FEWEST, most=MOST)
        )
    size = crop.shape[0]
    turn = yaw(reference_face)
    if abs(turn - yaw(crop_face)) > _LARGEST_TURN:
        raise ReferenceUnusable(
            _(
                "The reference shows the face from too different a side; choose a reference that looks in a similar "
                "direction, or go on without one."
            )
        )
    alignment = align(reference, reference_face, size)
    source = alignment.to_crop(reference_face.mesh)
    crop_face = _settled(crop_face, drawn, hole, source)
    chosen = control_points(crop_face, points)

    at = _spline(crop_face.mesh[chosen], source[chosen], size)
    flat = alignment.crop(reference)
    image = cv2.remap(flat, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

    inside = _inside_photo(at, alignment.to_crop(_corners(reference)))
    confidence = _edge(crop_face, size) * _seen(crop_face.mesh, source, size) * inside
    on_face = hole & (_fill([crop_face.mesh[list(_OVAL)]], size) > 0)
    if on_face.any() and confidence[on_face].mean() < _LEAST_SHOWN:
        raise ReferenceUnusable(
            _(
                "The reference shows too little of what the mask hides; choose one that shows mouth and chin, or go on "
                "without one."
            )
        )
    skin = (confidence > 0.5) & ~hole & (_fill([crop_face.mesh[list(part)] for part in _NOT_SKIN], size) == 0)
    return WarpedReference(
        _matched(image, crop, skin),
        confidence.astype(np.float32),
        turn,
        reference_face.mesh[chosen],
    )


def control_points(face: Face, count: int) -> list[int]:
    """Mesh points through which the warp goes.

    Of :data:`CONTROL`, or of the whole mesh where more are asked for, those that lie farthest from one another, one
    after the other.

    Args:
        face: the face on which distances are measured.
        count: how many; 30 gives :data:`CONTROL` itself.
    """
    if count == len(CONTROL):
        return list(CONTROL)
    chosen = list(CONTROL) if count > len(CONTROL) else [CONTROL[4]]  # the chin
    among = np.arange(IRIS_LEFT.start) if count > len(CONTROL) else np.array(CONTROL)
    nearest = np.linalg.norm(face.mesh[among, None] - face.mesh[chosen], axis=2).min(1)
    while len(chosen) < count:
        chosen.append(int(among[nearest.argmax()]))
        nearest = np.minimum(nearest, np.linalg.norm(face.mesh[among] - face.mesh[chosen[-1]], axis=1))
    return chosen


def yaw(face: Face) -> float:
    """Degrees by which a face is turned, positive to the image's right.

    The tip of the nose stands before the middle of the face's edges and moves against them as the head turns:
    tan(yaw) = slope * offset / half width. Agrees with the yaw of 1,000 validation crops to 2 degrees on average.
    """
    along = face.eyes[1] - face.eyes[0]
    nose, left, right = face.mesh[list(_YAW)] @ (along / np.linalg.norm(along))
    return float(np.degrees(np.arctan2(_YAW_SLOPE * (2 * nose - left - right), abs(right - left))))


def _settled(face: Face, drawn: Face | None, hole: Mask, source: Points) -> Face:
    """The face, its hidden points between a guess and the reference's own, carried over by what both faces show.

    The guess is FaceMesh's on the repainted face, or else on the covered one; the reference shows the same person, but
    in another pose and expression. On 99 LFW pairs with the lower face covered FaceMesh errs by 18 % of the eye
    distance at the mouth and by 20 % at the jaw; on the repainted face by 12 % and 11 %; the reference's points by
    14 % and 17 %; two parts of the second and one of the third by 11 % and 11 %.
    """
    from skimage.transform import SimilarityTransform  # here: the page is served before it is loaded

    column, row = np.clip(face.mesh, 0, hole.shape[0] - 1).astype(int).T
    hidden = hole[row, column]
    if not hidden.any():
        return face
    guess, share = (face.mesh, 1 / 2) if drawn is None else (drawn.mesh, 1 / 3)
    steady = [point for point in _STEADY if not hidden[point]]
    if len(steady) >= _FEWEST_STEADY:
        carried = SimilarityTransform.from_estimate(source[steady], face.mesh[steady])(source)
        guess = guess + share * (carried - guess)
    return Face(np.where(hidden[:, None], guess, face.mesh).astype(np.float32))


def _spline(target: Points, source: Points, size: int) -> Floats:
    """Where every crop pixel comes from: ``float32`` ``(S, S, 2)``, continuous pixels of the reference's crop."""
    spline = RBFInterpolator(target / size, source / size, kernel="thin_plate_spline", smoothing=_SMOOTHING)
    # Nodes at the centres of 4 x 4 pixels and beyond the border: OpenCV's enlarging then puts them where they belong.
    nodes = (np.arange(-_STEP, size + _STEP, _STEP) + _STEP / 2) / size
    x, y = np.meshgrid(nodes, nodes)
    coarse = spline(np.stack([x.ravel(), y.ravel()], 1)).reshape(len(nodes), len(nodes), 2) * size
    wide = cv2.resize(coarse, None, fx=_STEP, fy=_STEP, interpolation=cv2.INTER_LINEAR)
    return wide[_STEP : _STEP + size, _STEP : _STEP + size].astype(np.float32)


def _corners(photo: Pixels) -> Integers:
    height, width = photo.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]])


def _inside_photo(at: Floats, corners: Points) -> Floats:
    """1 well inside the reference photo, 0 outside, ``(S, S)``."""
    size = at.shape[0]
    distance = np.full(at.shape[:2], np.inf)
    for one, two in zip(corners, np.roll(corners, -1, 0), strict=True):
        edge = (two - one) / np.linalg.norm(two - one)
        distance = np.minimum(distance, (at - one) @ np.array([-edge[1], edge[0]]))
    return _ramp(distance / (_BORDER * size))


def _edge(face: Face, size: int) -> Floats:
    """1 inside the face, falling to 0 at its edge, ``(S, S)``."""
    oval = _fill([face.mesh[list(_OVAL)]], size)
    return _ramp(cv2.distanceTransform(oval, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / (_BORDER * size))


def _seen(target: Points, source: Points, size: int) -> Floats:
    """How much of the face's surface the reference shows, 0-1, ``(S, S)``.

    A part that looks away from the camera takes less area in the reference than in the photo, none at its horizon, and
    turns over behind it: the signed area of the mesh's triangles, beside the face's usual, says so.
    """
    surface = slice(0, IRIS_LEFT.start)
    mesh = Delaunay(target[surface])
    before, after = (_areas(points[surface][mesh.simplices]) for points in (target, source))
    ratio = after / np.where(np.abs(before) < 1e-6, 1e-6, before)
    usual = np.median(ratio)
    # To the vertices by the mean of their triangles, weighted by area: single slivers do not count.
    weight, total = np.zeros(len(target)), np.zeros(len(target))
    for corner in mesh.simplices.T:
        np.add.at(weight, corner, np.abs(before))
        np.add.at(total, corner, np.abs(before) * ratio)
    shown = _ramp((total[surface] / np.maximum(weight[surface], 1e-9) / usual - _SEEN[0]) / (_SEEN[1] - _SEEN[0]))
    centres = np.arange(0, size, 4) + 2.0
    x, y = np.meshgrid(centres, centres)
    coarse = LinearNDInterpolator(mesh, shown, fill_value=0.0)(x, y).astype(np.float32)
    return cv2.GaussianBlur(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR), (0, 0), size / 64)


def _areas(triangles: Points) -> Floats:
    one, two = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    return one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]


def _ramp(x: Floats) -> Floats:
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _fill(polygons: list[Points], size: int) -> Pixels:
    """``uint8`` ``(S, S)``, 1 inside the polygons' hulls."""
    canvas = np.zeros((size, size), np.uint8)
    for polygon in polygons:
        hull = cv2.convexHull(polygon.astype(np.float32))[:, 0]
        cv2.fillConvexPoly(canvas, np.round((hull - 0.5) * 16).astype(np.int32), 1, shift=4)
    return canvas


def _matched(image: Pixels, crop: Pixels, skin: Mask) -> Pixels:
    """``image`` in the colours of ``crop``: mean and spread of both on the same skin, in Lab, within limits.

    Source: Reinhard et al. 2001. Too little skin in common says nothing: then the picture stays as it is.
    """
    if skin.sum() < _LEAST_SKIN * (crop.shape[0] / 256) ** 2:
        return image
    lab, wanted = (cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32) for picture in (image, crop))
    for channel, (most, widest) in enumerate(((60.0, 1.5), (20.0, 1.3), (20.0, 1.3))):
        have, want = lab[..., channel][skin], wanted[..., channel][skin]
        # Quartiles, not mean and deviation: a strand of hair or a highlight in one photo is in neither.
        (a1, a2, a3), (b1, b2, b3) = (np.percentile(values, (25, 50, 75)) for values in (have, want))
        gain = np.clip((b3 - b1 + 2) / (a3 - a1 + 2), 1 / widest, widest)
        lab[..., channel] = (lab[..., channel] - a2) * gain + a2 + np.clip(b2 - a2, -most, most)
    return cv2.cvtColor(np.clip(lab + 0.5, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
