"""Segmentation: where the surgical mask is.

Source: Lumetti et al., section 1: k-means with k = 3 over a polygon of the lower face. The paper takes the largest
cluster; here every cluster is compared with the face's own skin and with where a mask must be (docs/methods.md, mask
removal), and the border is then drawn by GrabCut (Rother et al. 2004), to which the clusters are seeds. Beards and hard
shadows look like masks to all that; but a mask hides the lips, so what has a lip in its middle is none. What is thin is
looked for beside the mask that was found: straps, and slivers that the border's smoothing cut off.

Colours are CIE Lab (L 0-100, a and b about -128 to 127), lengths in eye distances unless they say pixels.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from pipelines.arrays import Floats, Integers, Mask, Pixels, Points
from pipelines.errors import SurgicalMaskNotFound
from pipelines.faces.alignment import Alignment, Template, align, centred
from pipelines.faces.masks import clean, grow
from pipelines.faces.points import Face

_ROOM = Template("mask", 256, ((0.36, 0.33), (0.64, 0.33)))  # more below the eyes than other crops: masks hang low
_SIZE = _ROOM.size
_UNIT = (_ROOM.eyes[1][0] - _ROOM.eyes[0][0]) * _SIZE  # px, one eye distance
_HEM = 0.04  # of the eye distance, added to a found mask: its hem and its shadow on the skin belong to it
_CLUSTERS = 3  # mask, skin and background (section 1)
_LIGHTNESS = 0.6  # weight of lightness beside colour: folds and shadows change it most
_PLACE = 12.0  # weight of a pixel's place, in units of colour over the polygon's width

# What can be skin. All human skin has a hue between red and yellow, and light changes its lightness most.
_SKIN_DISTANCE = 11.0  # a colour of another hue must differ from the skin by that much
_SKIN_LIKE_DISTANCE = 32.0  # the same for colours that skin can have
_SKIN_HUE = (20.0, 80.0)  # degrees in the plane of a and b
_COLOURED = 8.0  # chroma from which a hue means something
_GREY = 0.5  # of the skin's chroma: what is less coloured is grey, as no lit skin is
_GREY_SKIN = 4.0  # chroma of a skin that is grey itself, as in black-and-white photos
_GREY_DISTANCE = 5.0
_TONES = 3  # skin in light and in shadow
_CLEAR = 0.06  # how far from the mask skin has the skin's own tones
_TONE_RANGE = 22.0  # what differs more from the skin's median is hair or spectacles

# What belongs to the mask.
_LIKE = 14.0  # a cluster nearer than that to the mask's own is its folds
_FOLD_LIGHTNESS = 0.35  # weight of lightness between clusters of one mask: a fold is the same cloth in shadow
_PRINT_SHARE = 0.12  # of the core: a cluster that covers so much of it is the mask's print
_SHADE_SHARE = 0.3  # of the core: a cluster of the mask's colour that covers so much of it is the mask's, skin's or not
_PLAINLY = 2.0  # times as near to the mask's colours as to the skin's: then a colour that skin can have is the mask's
_LIKE_OUTSIDE = 10.0  # beyond the region, where clothes are
_SAME_HUE = 25.0  # degrees: a coloured mask's hem in shadow keeps its hue
_RIM = 0.25  # how far a rim of another colour reaches beyond the cloth
_RIM_TONE = 5.0  # a rim differs from the skin's tones by that much
_GLEAM = 0.5  # of the skin's a: where light gleams on skin it stays redder than that
_PALE = 10.0  # a rim is darker than the skin by no more than that: shadows are
_CORE_SHARE = 0.6  # of the part that every mask covers must be the mask's
_SMALLEST = 0.22  # of the region: less is no mask

# What is a lip that can be seen; measured on 14,000 bare faces and 500 masks.
_LIP_REDDER = 2.0  # the lip's a is higher than what is around it by that much
_LIP_ORDER = 0.72  # and that part of all pairs of a pixel of the lip and one around it is in that order: prints are not
_LIP_HUE = (-15.0, 80.0)  # degrees
_LIP_COLOURED = 6.0  # chroma from which a hue is a lip's
_LIP_SHARE = 0.35  # of the lip has such a hue; hair hangs over it
_LIP_GAP, _LIP_ROUND = 0.03, 0.14  # around both lips, where the surroundings begin and end

_CHIN = 0.12  # how far the region reaches below the jaw
_SPREAD = 0.12  # and beyond it to all sides: masks end beyond the jaw
_REACH = 0.35  # how far below the jaw a loose mask may hang
_SIDE = 0.25  # and how far it may stand off to the sides
_FAR_REACH, _FAR_SIDE = 0.9, 0.4  # the same where FaceMesh has squeezed the face into the part that is seen
_FAR_EDGE = 0.03  # width of the border of what lies so far
_FAR_JOINT = 0.6  # how broadly what lies so far joins the rest: a collar only touches it
_FAR_END = 0.05  # of what lies so far that may lie on the far border: a mask ends, clothes and walls do not
_NEAR = 0.12  # beyond the seeds, where the border is looked for
_SURE = 0.06  # within the seeds, where no border is
_MARGIN = 0.3  # around what GrabCut looks at
_ITERATIONS = 3
_OPEN = 0.16  # half the width of a strap, generously
_CLOSE = 0.12

# What of the cloth is thin.
_STRAP_FIELD = 0.21  # width of what a strap is compared with, more than twice its own
_STRAP_CONTRAST = 7.0  # by which a strap differs from that
_STRAP_SIDE = 0.3  # how far beyond the mesh, which ends before the ears, straps are looked for
_STRAP_DARKER = 5.0  # a pale strap is not darker than the skin by more than that: strands of hair are
_STRAP_TOP = 0.3  # how far above the eyes straps can be
_STRAP_GAP = 0.04  # between parts of one strap
_STRAP_ROOT = 0.08  # and between the mask and its strap
_STRAP_LENGTH = 0.12  # how far a strap leads away from the mask, at least
_STRAP_WIDTH = 0.13  # its area over that length, at most
_SLIVER_REACH = 0.2  # how far a sliver leads away from the mask, at most
_SLIVER_WIDTH = 0.05  # half of its width, at most

_POLYGON = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 346,
            197, 117)  # fmt: skip
_JAW = slice(4, 17)  # of the polygon
_CORE = (2, 98, 327, 61, 291, 17, 200, 206, 426, 210, 430)  # nostrils to chin: covered by every mask
_SKIN = (151, 9, 8, 168, 6, 107, 336, 229, 230, 449, 450)  # forehead, bridge, under the eyes: the least hair
_FREE = (33, 133, 159, 263, 362, 386, 105, 334, 151, 10)  # eyes, brows and forehead: never a mask

_LIPS = slice(48, 60)  # of the 68 points
_LOWER_LIP = (48, 59, 58, 57, 56, 55, 54, 64, 65, 66, 67, 60)

_NOTHING = "No mask was found on this face; paint one with the brush, or use the suggested region."


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A surgical mask on a photo.

    Attributes:
        mask: ``bool`` ``(H, W)``, the mask.
        thin: ``bool`` ``(H, W)``, what of it is narrow: straps beside the face, slivers along the border.
        region: ``bool`` ``(H, W)``, the part of the lower face that was searched.
        contrast: distance in Lab between the mask's colour and the skin's.
    """

    mask: Mask
    thin: Mask
    region: Mask
    contrast: float

    @property
    def cloth(self) -> Mask:
        """All that has to be repainted: the mask and what of it is narrow, ``bool`` ``(H, W)``."""
        return self.mask | self.thin


class _Areas(NamedTuple):
    """Parts of the crop, each ``bool`` ``(S, S)``.

    Attributes:
        inner: the polygon of the lower face.
        region: the same, widened; where colours are clustered.
        core: what every mask covers.
        reach: where a mask can be.
        sides: where straps can be: the face and the ears without eyes and mouth.
        far: where the rest of one can hang; beyond the photo too.
        inside: what of the crop is the photo; the crop repeats its border beyond.
    """

    inner: Mask
    region: Mask
    core: Mask
    reach: Mask
    sides: Mask
    far: Mask
    inside: Mask


def segment_mask(photo: Pixels, face: Face) -> Segmentation:
    """Finds the surgical mask that a face wears.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        face: the face; FaceMesh guesses what the mask hides.

    Raises:
        SurgicalMaskNotFound: what covers the mouth has the colour of the skin, or nothing of a mask's size does, or
            what was found is a beard or a shadow with the lip in its middle.
    """
    alignment = align(photo, face, _SIZE, _ROOM)
    crop = alignment.crop(photo)
    mesh = alignment.to_crop(face.mesh)
    areas = _areas(mesh, alignment)
    if not areas.core.any():
        raise SurgicalMaskNotFound(_NOTHING)

    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    smooth = cv2.bilateralFilter(lab, 7, 12, 5)
    shown = _around(mesh[list(_SKIN)], 0.05)
    skin = np.median(smooth[shown], 0)
    labels, centres = _cluster(smooth, areas.region)
    worn, contrast = _worn(labels, centres, areas.core, skin)
    # A mask that is worn high, or turned, covers points of the skin: bridge of the nose, cheek.
    clear = shown & ~_dilated(np.isin(labels, worn), _CLEAR)
    seeds = _seeds(smooth, centres, worn, skin, _tones(smooth[clear if clear.any() else shown], skin), areas)
    drawn = _bordered(crop, seeds, areas)
    large = drawn.sum() >= _SMALLEST * areas.region.sum() and drawn[areas.core].mean() >= _CORE_SHARE
    if not large or _lip_seen(smooth, mesh, drawn):
        raise SurgicalMaskNotFound(_NOTHING)
    thin = _straps(crop, lab, centres[worn], skin, drawn, areas) | _slivers(seeds & _foreign(smooth, skin), drawn)
    mask, narrow, region = (_to_photo(one, alignment) for one in (drawn, thin, areas.region))
    return Segmentation(mask, narrow, region, contrast)


def with_margin(found: Mask, face: Face) -> Mask:
    """A mask that was found, with its hem and its shadow on the skin, which belong to it.

    Args:
        found: ``bool`` ``(H, W)``, its cloth.
        face: in pixels of the photo.

    Returns:
        ``bool`` ``(H, W)``.
    """
    return grow(found, _HEM * face.eye_distance)


def _areas(mesh: Points, alignment: Alignment) -> _Areas:
    height, width = alignment.photo_shape
    corners = alignment.to_crop(np.array([[0, 0], [width, 0], [width, height], [0, height]]))
    inside = _hull(corners.clip(-20 * _SIZE, 20 * _SIZE))
    polygon, free = mesh[list(_POLYGON)], _hull(mesh[list(_FREE)])
    lower = [np.vstack([polygon, polygon[_JAW] + (0, down * _UNIT)]) for down in (_CHIN, _REACH, _FAR_REACH)]
    region = _hull(lower[0], _SPREAD) & inside
    reach, far = _hull(lower[1], _SIDE) & inside & ~free, _hull(lower[2], _FAR_SIDE) & ~free
    core = _hull(mesh[list(_CORE)]) & region
    sides = _hull(mesh, _STRAP_SIDE) & inside & ~_hull(mesh[list(_FREE + _CORE)])
    sides[: round(_ROOM.eyes[0][1] * _SIZE - _STRAP_TOP * _UNIT)] = False
    return _Areas(_hull(polygon), region, core, reach, sides, far, inside)


def _cluster(lab: Floats, region: Mask) -> tuple[Integers, Floats]:
    """k-means in the region: labels ``(S, S)``, -1 outside, and the clusters' colours ``(k, 3)``."""
    rows, columns = np.nonzero(region)
    width = columns.max() - columns.min() + 1
    colours = lab[region]
    place = np.stack([np.abs(columns - columns.mean()), rows - rows.mean()], 1) / width * _PLACE
    found, _ = _k_means(np.concatenate([colours * (_LIGHTNESS, 1, 1), place], 1), _CLUSTERS)
    labels = np.full(region.shape, -1)
    labels[region] = found
    centres = np.stack([np.median(colours[found == k], 0) for k in range(_CLUSTERS)])
    return labels, centres


def _tones(visible: Floats, skin: Floats) -> Floats:
    """The skin's colours in light and shadow, its median first, ``(n, 3)``."""
    _, found = _k_means(visible * (_LIGHTNESS, 1, 1), _TONES)
    found = found / (_LIGHTNESS, 1, 1)
    return np.vstack([skin, found[(_distance(found, skin) < _TONE_RANGE) & ~_foreign(found, skin)]])


def _worn(labels: Integers, centres: Floats, core: Mask, skin: Floats) -> tuple[list[int], float]:
    """The clusters that are the mask, and the distance of its colour to the skin's.

    The mask is what covers the core most; with it go clusters of its colour, and such as hold much of the core
    themselves, as a print or a deep fold does.
    """
    share = np.array([(labels[core] == k).mean() for k in range(_CLUSTERS)])
    from_skin = _distance(centres, skin)
    other = _foreign(centres, skin)
    main = int(share.argmax())
    if not other[main]:
        raise SurgicalMaskNotFound(_NOTHING)
    like = _distance(centres, centres[main], _FOLD_LIGHTNESS)
    near = (like < _LIKE) & (like < from_skin)
    joined = (other & (near | (share > _PRINT_SHARE))) | (near & (share > _SHADE_SHARE))
    return [k for k in range(_CLUSTERS) if k == main or joined[k]], float(from_skin[main])


def _foreign(colours: Floats, skin: Floats) -> Mask:
    """Which colours ``(..., 3)`` are none of skin of the colour ``skin``."""
    chroma, own = (np.hypot(one[..., 1], one[..., 2]) for one in (colours, skin))
    hue = np.degrees(np.arctan2(colours[..., 2], colours[..., 1]))
    off = _distance(colours, skin)
    grey = (chroma < _GREY * own) & (own > _GREY_SKIN) & (off > _GREY_DISTANCE)
    hued = (chroma > _COLOURED) & ((hue < _SKIN_HUE[0]) | (hue > _SKIN_HUE[1])) & (off > _SKIN_DISTANCE)
    return grey | hued | (off > _SKIN_LIKE_DISTANCE)


def _same_hue(colours: Floats, colour: Floats) -> Mask:
    """Which colours ``(..., 3)`` have the hue of ``colour``; none where it is grey."""
    (a, b), (own_a, own_b) = (np.moveaxis(one[..., 1:], -1, 0) for one in (colours, colour))
    apart = np.degrees(np.arctan2(a * own_b - b * own_a, a * own_a + b * own_b))
    coloured = (np.hypot(a, b) > _COLOURED) & (np.hypot(own_a, own_b) > _COLOURED)
    return coloured & (np.abs(apart) < _SAME_HUE)


def _seeds(smooth: Floats, centres: Floats, worn: list[int], skin: Floats, tones: Floats, areas: _Areas) -> Mask:
    """Pixels nearer to the mask's colours than to any other, and a rim that is no skin."""
    others = [*tones, *(centre for k, centre in enumerate(centres) if k not in worn)]
    to_worn, to_other, to_tones = (
        np.min([_distance(smooth, colour) for colour in colours], 0) for colours in (centres[worn], others, tones)
    )
    hem = np.any([_same_hue(smooth, centres[k]) for k in worn], 0) & _foreign(smooth, skin)
    # Where light gleams on skin, skin is nearly as pale as a white mask, but redder.
    gleam = (smooth[..., 0] > skin[0]) & (smooth[..., 1] > _GLEAM * max(skin[1], 0))
    foreign = _foreign(smooth, skin) & ~gleam
    cloth = (to_worn < to_other) & (foreign | (_PLAINLY * to_worn < to_tones))
    seeds = areas.reach & (cloth | hem) & (areas.region | (to_worn < _LIKE_OUTSIDE) | hem)
    rim = areas.inner & areas.reach & foreign & (to_tones > _RIM_TONE) & (smooth[..., 0] > skin[0] - _PALE)
    seeds |= _hanging(areas.inside & ((cloth & (to_worn < _LIKE_OUTSIDE)) | hem), seeds, areas)
    return seeds | (rim & _dilated(seeds, _RIM))


def _hanging(cloth: Mask, seeds: Mask, areas: _Areas) -> Mask:
    """What of the cloth hangs out of the reach of masks: pieces that join the seeds broadly and end within ``far``."""
    border = areas.far & ~cv2.erode(areas.far.astype(np.uint8), _disc(_FAR_EDGE)).astype(bool)
    count, pieces = cv2.connectedComponents((cloth & areas.far & ~areas.reach).astype(np.uint8))
    joint = cv2.dilate(seeds.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)  # a row of pixels: a length
    sizes, ends, joined = (np.bincount(pieces[mask], minlength=count) for mask in (areas.far, border, joint))
    kept = (ends <= _FAR_END * sizes) & (joined > _FAR_JOINT * _UNIT)
    kept[0] = False
    hanging: Mask = kept[pieces]
    return hanging


def _bordered(crop: Pixels, seeds: Mask, areas: _Areas) -> Mask:
    """The mask with a border along the picture's edges, in one piece, without holes or straps."""
    sure = cv2.erode((seeds & areas.inner).astype(np.uint8), _disc(_SURE)).astype(bool)
    if not sure.any():
        return np.zeros_like(seeds)
    near = (areas.reach | (seeds & areas.far)) & _dilated(seeds, _NEAR)
    state = np.full(seeds.shape, cv2.GC_BGD, np.uint8)
    state[near] = cv2.GC_PR_BGD
    state[seeds] = cv2.GC_PR_FGD
    state[sure] = cv2.GC_FGD
    rows, columns = (np.flatnonzero(near.any(axis)) for axis in (1, 0))
    margin = round(_MARGIN * _UNIT)
    window = tuple(slice(max(0, one[0] - margin), one[-1] + margin) for one in (rows, columns))
    part, models = np.ascontiguousarray(state[window]), np.zeros((2, 1, 65))
    cv2.setRNGSeed(0)
    picture = np.ascontiguousarray(crop[window][..., ::-1])
    cv2.grabCut(picture, part, None, *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK)
    state[window] = part
    found = np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_CLOSE, _disc(_CLOSE))
    # Only what is near a part wider than a strap stays; the part's own corners do.
    found &= _dilated(cv2.morphologyEx(found, cv2.MORPH_OPEN, _disc(_OPEN)), _OPEN)
    _, pieces = cv2.connectedComponents(found)
    counts = np.bincount(pieces[areas.core], minlength=2)
    counts[0] = 0
    if not counts.any():
        return np.zeros_like(seeds)
    return clean(pieces == counts.argmax(), smallest=0.2)


def _straps(crop: Pixels, lab: Floats, worn: Floats, skin: Floats, drawn: Mask, areas: _Areas) -> Mask:
    """Thin lines that lead from the mask to the ears: paler than what is around, or of the cloth's colour on skin."""
    field = cv2.medianBlur(crop, 2 * round(_STRAP_FIELD * _UNIT / 2) + 1)
    around = cv2.cvtColor(field.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    to_worn, around_to_worn = (np.min([_distance(one, colour) for colour in worn], 0) for one in (lab, around))
    contrast = _STRAP_CONTRAST
    alike = (to_worn < around_to_worn - contrast) & ~_foreign(around, skin)
    paler = (lab[..., 0] > around[..., 0] + contrast) & (lab[..., 0] > skin[0] - _STRAP_DARKER)
    lines = areas.sides & _foreign(lab, skin) & ~drawn & (alike | paler) & (_distance(lab, around) > contrast)
    lines = cv2.morphologyEx(lines.astype(np.uint8), cv2.MORPH_CLOSE, _disc(_STRAP_GAP))
    away = cv2.distanceTransform((~drawn).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / _UNIT
    count, pieces = cv2.connectedComponents(lines)
    kept = np.zeros(count, bool)
    for k in range(1, count):
        distances = away[pieces == k]
        long = np.ptp(distances) > _STRAP_LENGTH
        kept[k] = (
            long and distances.min() < _STRAP_ROOT and len(distances) < _STRAP_WIDTH * _UNIT**2 * np.ptp(distances)
        )
    straps: Mask = kept[pieces]
    roots = cv2.morphologyEx((straps | drawn).astype(np.uint8), cv2.MORPH_CLOSE, _disc(_STRAP_ROOT)).astype(bool)
    return straps | (roots & _dilated(straps, _STRAP_ROOT) & areas.inside & ~drawn)


def _slivers(cloth: Mask, drawn: Mask) -> Mask:
    """Narrow parts of the cloth that adjoin the mask: its opening and GrabCut's smoothness cut them off."""
    rest = cloth & ~drawn & _dilated(drawn, _SLIVER_REACH)
    rest &= cv2.morphologyEx(rest.astype(np.uint8), cv2.MORPH_OPEN, _disc(_SLIVER_WIDTH)) == 0
    _, pieces = cv2.connectedComponents((rest | drawn).astype(np.uint8))
    return rest & np.isin(pieces, np.unique(pieces[drawn]))


def _lip_seen(lab: Floats, mesh: Points, drawn: Mask) -> bool:
    """Whether the lower lip is redder than what was found around it, and of a lip's hue.

    The lower one, because a moustache hides the upper one.
    """
    points, canvas = Face(mesh).points, np.zeros(drawn.shape, np.uint8)
    cv2.fillPoly(canvas, [np.round(points[list(_LOWER_LIP)] - 0.5).astype(np.int32)], 1)
    both = points[_LIPS]
    lip, around = lab[canvas > 0], lab[_hull(both, _LIP_ROUND) & ~_hull(both, _LIP_GAP) & drawn]
    if not len(lip) or not len(around):
        return False
    hue = np.degrees(np.arctan2(lip[:, 2], lip[:, 1]))
    coloured = np.hypot(lip[:, 1], lip[:, 2]) > _LIP_COLOURED
    of_lips = coloured & (hue > _LIP_HUE[0]) & (hue < _LIP_HUE[1])
    redder = np.median(lip[:, 1]) - np.median(around[:, 1]) > _LIP_REDDER
    order = np.searchsorted(np.sort(around[:, 1]), lip[:, 1]).mean() / len(around)
    return bool(redder and order > _LIP_ORDER and of_lips.mean() > _LIP_SHARE)


def _k_means(values: Floats, clusters: int) -> tuple[Integers, Floats]:
    """Labels ``(N,)`` and centres ``(clusters, C)`` of ``(N, C)``; the same for the same values."""
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.2)
    _, labels, centres = cv2.kmeans(values.astype(np.float32), clusters, None, stop, 3, cv2.KMEANS_PP_CENTERS)
    return labels[:, 0], centres


def _distance(colours: Floats, colour: Floats, lightness: float = _LIGHTNESS) -> Floats:
    return np.linalg.norm((colours - colour) * (lightness, 1, 1), axis=-1)


def _around(points: Points, radius: float) -> Mask:
    """What lies within ``radius`` of the points, ``bool`` ``(S, S)``."""
    canvas = np.zeros((_SIZE, _SIZE), np.uint8)
    for x, y in points:
        cv2.circle(canvas, (round(x - 0.5), round(y - 0.5)), max(1, round(radius * _UNIT)), 1, -1)
    return canvas > 0


def _hull(points: Points, margin: float = 0) -> Mask:
    """The points' convex hull, widened by ``margin``, ``bool`` ``(S, S)``."""
    canvas = np.zeros((_SIZE, _SIZE), np.uint8)
    hull = cv2.convexHull(points.astype(np.float32))[:, 0]
    cv2.fillConvexPoly(canvas, np.round((hull - 0.5) * 16).astype(np.int32), 1, shift=4)
    return _dilated(canvas, margin) if margin else canvas.astype(bool)


def _dilated(mask: Mask | Pixels, margin: float) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), _disc(margin)).astype(bool)


def _disc(radius: float) -> Pixels:
    side = 2 * max(1, round(radius * _UNIT)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _to_photo(mask: Mask, alignment: Alignment) -> Mask:
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
