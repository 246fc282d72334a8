"""Segmentation: where the surgical mask is.

Source: Lumetti et al., section 1: k-means with k = 3 over a polygon of the lower face. The paper takes the largest
cluster; here every cluster is compared with the face's own skin and with where a mask must be (METHODS, section 3), and
the border is then drawn by GrabCut (Rother et al. 2004), to which the clusters are seeds.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.errors import SurgicalMaskNotFound
from pipelines.faces.alignment import Alignment, align, centred
from pipelines.faces.landmarks import Face
from pipelines.faces.masks import clean

_SIZE = 256  # px side of the crop that is looked at
_CLUSTERS = 3  # mask, skin and background (section 1)
_LIGHTNESS = 0.6  # weight of lightness beside colour: folds and shadows change it most
_PLACE = 12.0  # weight of a pixel's place, in units of colour over the polygon's width
_SKIN_DISTANCE = 11.0  # Lab; a cluster nearer to the skin's colour is skin
_SKIN_LIKE_DISTANCE = 32.0  # the same for colours that skin can have: light and shadow change them on a bare face
_SKIN_HUE = (20.0, 80.0)  # degrees in the plane of a and b; all human skin lies between
_SKIN_CHROMA = 8.0  # Lab; what is less coloured is grey, as no lit skin is
_LIKE = 14.0  # Lab; clusters nearer than that to the mask's own are the mask's folds or print
_CORE_SHARE = 0.6  # of the part that every mask covers, which must not look like skin
_SPREAD = 0.12  # eye distances by which the polygon is widened: masks end beyond the jaw
_REACH = 0.4  # eye distances beyond the polygon that the border may reach: loose masks hang below the chin
_ITERATIONS = 3
_SMALLEST = 0.35  # of the polygon: less is no mask

_POLYGON = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 346,
            197, 117)  # fmt: skip
_CORE = (2, 98, 327, 61, 291, 17, 200, 206, 426, 210, 430)  # nostrils to chin: covered by every mask
_SKIN = (151, 9, 8, 168, 6, 107, 336)  # forehead, space between the brows, bridge of the nose: the least hair
_FREE = (33, 133, 159, 145, 263, 362, 386, 374, 105, 334, 151, 10)  # eyes, brows and forehead: never a mask

_NOTHING = "No mask was found on this face; paint one with the brush, or use the suggested region."


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A surgical mask on a photo.

    Attributes:
        mask: ``bool`` ``(H, W)``, the mask.
        region: ``bool`` ``(H, W)``, the part of the lower face that was searched.
        contrast: distance in Lab between the mask's colour and the skin's.
    """

    mask: np.ndarray
    region: np.ndarray
    contrast: float


def segment_mask(photo: np.ndarray, face: Face) -> Segmentation:
    """Finds the surgical mask that a face wears.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        face: the face; FaceMesh guesses what the mask hides.

    Raises:
        SurgicalMaskNotFound: what covers the mouth has the colour of the skin, or nothing of a mask's size does.
    """
    alignment = align(photo, face, _SIZE)
    crop = alignment.crop(photo)
    mesh = alignment.to_crop(face.mesh)
    unit = _SIZE * 0.3  # the eye distance in an aligned crop
    region = _hull(mesh[list(_POLYGON)], _SPREAD * unit)
    core = _hull(mesh[list(_CORE)], 0) & region
    free = _hull(mesh[list(_FREE)], 0.05 * unit)

    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)  # L 0-100, a and b about -128 to 127
    smooth = cv2.bilateralFilter(lab, 7, 12, 5)
    skin = np.median(_around(smooth, mesh[list(_SKIN)], 0.05 * unit), 0)
    labels, centres = _cluster(smooth, region)
    worn, contrast = _worn(labels, centres, core, skin)
    seeds = region & np.isin(labels, worn) & ~free
    drawn = _bordered(crop, seeds, region, core, free, unit)
    if drawn.sum() < _SMALLEST * region.sum() or drawn[core].mean() < _CORE_SHARE:
        raise SurgicalMaskNotFound(_NOTHING)
    return Segmentation(_to_photo(drawn, alignment), _to_photo(region, alignment), contrast)


def _cluster(lab: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """k-means in the region: labels ``(S, S)``, -1 outside, and the clusters' colours ``(k, 3)``."""
    rows, columns = np.nonzero(region)
    width = columns.max() - columns.min() + 1
    colours = lab[region]
    place = np.stack([np.abs(columns - columns.mean()), rows - rows.mean()], 1) / width * _PLACE
    features = np.concatenate([colours * (_LIGHTNESS, 1, 1), place], 1).astype(np.float32)
    cv2.setRNGSeed(0)  # the same photo, the same clusters
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.2)
    _, found, _ = cv2.kmeans(features, _CLUSTERS, None, stop, 3, cv2.KMEANS_PP_CENTERS)
    labels = np.full(region.shape, -1)
    labels[region] = found[:, 0]
    centres = np.stack([np.median(colours[found[:, 0] == k], 0) for k in range(_CLUSTERS)])
    return labels, centres


def _worn(labels: np.ndarray, centres: np.ndarray, core: np.ndarray, skin: np.ndarray) -> tuple[list[int], float]:
    """The clusters that are the mask, and the distance of its colour to the skin's.

    The mask is what covers the core most; with it go clusters of its colour, and such as hold much of the core
    themselves, as a print or a deep fold does.
    """
    share = np.array([(labels[core] == k).mean() for k in range(_CLUSTERS)])
    from_skin = _distance(centres, skin)
    chroma = np.hypot(centres[:, 1], centres[:, 2])
    hue = np.degrees(np.arctan2(centres[:, 2], centres[:, 1]))
    skin_like = (chroma > _SKIN_CHROMA) & (hue > _SKIN_HUE[0]) & (hue < _SKIN_HUE[1])
    other = from_skin > np.where(skin_like, _SKIN_LIKE_DISTANCE, _SKIN_DISTANCE)
    main = int(share.argmax())
    if not other[main]:
        raise SurgicalMaskNotFound(_NOTHING)
    like = _distance(centres, centres[main])
    worn = [k for k in range(_CLUSTERS) if k == main or (other[k] and (like[k] < _LIKE or share[k] > 0.12))]
    return worn, float(from_skin[main])


def _distance(colours: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return np.linalg.norm((colours - colour) * (_LIGHTNESS, 1, 1), axis=-1)


def _bordered(
    crop: np.ndarray, seeds: np.ndarray, region: np.ndarray, core: np.ndarray, free: np.ndarray, unit: float
) -> np.ndarray:
    """The mask with a border along the picture's edges, in one piece and without holes."""
    sure = cv2.erode(seeds.astype(np.uint8), _disc(0.06 * unit)).astype(bool)
    reach = cv2.dilate(region.astype(np.uint8), _disc(_REACH * unit)).astype(bool)
    state = np.full(region.shape, cv2.GC_BGD, np.uint8)
    state[reach] = cv2.GC_PR_BGD
    state[seeds] = cv2.GC_PR_FGD
    state[sure] = cv2.GC_FGD
    state[free] = cv2.GC_BGD
    if not (state == cv2.GC_FGD).any():
        return np.zeros_like(region)
    cv2.setRNGSeed(0)
    cv2.grabCut(crop[..., ::-1].copy(), state, None, np.zeros((1, 65)), np.zeros((1, 65)), _ITERATIONS,
                cv2.GC_INIT_WITH_MASK)  # fmt: skip
    found = np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, _disc(0.08 * unit))
    found = cv2.morphologyEx(found, cv2.MORPH_CLOSE, _disc(0.15 * unit))
    _, pieces = cv2.connectedComponents(found)
    counts = np.bincount(pieces[core], minlength=2)
    counts[0] = 0
    if not counts.any():
        return np.zeros_like(region)
    piece = pieces == counts.argmax()
    return clean(piece, smallest=0.2)


def _around(picture: np.ndarray, points: np.ndarray, radius: float) -> np.ndarray:
    """Pixels within ``radius`` of the points, ``(N, C)``."""
    canvas = np.zeros(picture.shape[:2], np.uint8)
    for x, y in points:
        cv2.circle(canvas, (round(x - 0.5), round(y - 0.5)), max(1, round(radius)), 1, -1)
    return picture[canvas > 0]


def _hull(points: np.ndarray, margin: float) -> np.ndarray:
    """The points' convex hull, widened by ``margin`` pixels, ``bool`` ``(S, S)``."""
    canvas = np.zeros((_SIZE, _SIZE), np.uint8)
    hull = cv2.convexHull(points.astype(np.float32))[:, 0]
    cv2.fillConvexPoly(canvas, np.round((hull - 0.5) * 16).astype(np.int32), 1, shift=4)
    return (cv2.dilate(canvas, _disc(margin)) if margin else canvas).astype(bool)


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _to_photo(mask: np.ndarray, alignment: Alignment) -> np.ndarray:
    """The crop's mask at the photo's size; only the face's window is computed."""
    height, width = alignment.photo_shape
    corners = alignment.to_photo(np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * _SIZE)
    left, top = np.clip(np.floor(corners.min(0)).astype(int), 0, (width, height))
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int), 0, (width, height))
    result = np.zeros((height, width), bool)
    if right <= left or bottom <= top:
        return result
    matrix = alignment.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ (left, top)
    # Blurred before it is enlarged, so that the border becomes a curve and not stairs.
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)
    window = cv2.warpAffine(
        soft, centred(matrix), (int(right - left), int(bottom - top)), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    result[top:bottom, left:right] = window > 0.5
    return result
