"""Segmentation: where the surgical mask is.

Source: Lumetti et al., section 1: k-means with k = 3 over a polygon of the lower face. The paper takes the largest
cluster; here every cluster is compared with the face's own skin and with where a mask must be (docs/methods.md, mask
removal), and the border is then drawn by GrabCut (Rother et al. 2004), to which the clusters are seeds. Beards and hard
shadows look like masks to all that; but a mask hides the lips, so what has a lip in its middle is none. What the
border's smoothing cuts off is looked for again beside the mask that was found: straps, slivers, corners in shadow.

Colours are CIE Lab (L 0-100, a and b about -128 to 127), lengths in eye distances unless they say pixels.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from pipelines.arrays import Floats, Integers, Mask, Pixels, Points
from pipelines.errors import SurgicalMaskNotFound
from pipelines.faces.alignment import Alignment, Template, align
from pipelines.faces.masks import clean, grow
from pipelines.faces.points import Face
from pipelines.languages.translation import _
from pipelines.mask_removal.cloth import shapes
from pipelines.mask_removal.cloth.beside import Surroundings, find_corners, find_straps
from pipelines.mask_removal.cloth.colours import (
    FOLD_LIGHTNESS,
    LIGHTNESS,
    distance,
    foreign,
    k_means,
    nearest,
    same_hue,
    to_lab,
    to_rgb,
)
from pipelines.mask_removal.cloth.shapes import to_photo, touched

_ROOM = Template("mask", 256, ((0.36, 0.33), (0.64, 0.33)))  # more below the eyes than other crops: masks hang low
_SIZE = _ROOM.size
_UNIT = (_ROOM.eyes[1][0] - _ROOM.eyes[0][0]) * _SIZE  # px, one eye distance
_HEM = 0.04  # of the eye distance, added to a found mask: its hem and its shadow on the skin belong to it
_CLUSTERS = 3  # mask, skin and background (section 1)
_PLACE = 12.0  # weight of a pixel's place, in units of colour over the polygon's width

# What is skin.
_TONES = 3  # skin in light and in shadow
_CLEAR = 0.06  # how far from the mask skin has the skin's own tones
_TONE_RANGE = 22.0  # what differs more from the skin's median is hair or spectacles

# What belongs to the mask.
_LIKE = 14.0  # a cluster nearer than that to the mask's own is its folds
_PRINT_SHARE = 0.12  # of the core: a cluster that covers so much of it is the mask's print
_PRINT_DISTANCE = 20.0  # and the print's ground is so far from the skin's colour, if it is one that skin can have
_SHADE_SHARE = 0.3  # of the core: a cluster of the mask's colour that covers so much of it is the mask's, skin's or not
_PLAINLY = 2.0  # times as near to the mask's colours as to the skin's: then a colour that skin can have is the mask's
_LIKE_OUTSIDE = 10.0  # beyond the region, where clothes are
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

_FACE = 2.0  # from the eyes to below a chin
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
_CUT = 0.24  # of the seeds below the nose that a border may leave out: more, and it runs across the face
_ENDLESS = 2.0  # area of what goes on of a scarf, at least: walls and shirts show less below a mask
_MARGIN = 0.3  # around what GrabCut looks at
_ITERATIONS = 3
_OPEN = 0.16  # half the width of a strap, generously
_CLOSE = 0.12

# What of the cloth lies beside.
_STRAP_SIDE = 0.3  # how far beyond the mesh, which ends before the ears, straps are looked for
_STRAP_TOP = 0.3  # how far above the eyes straps can be
_SLIVER_REACH = 0.2  # how far a sliver leads away from the mask, at most
_SLIVER_WIDTH = 0.05  # half of its width, at most
_FINER = 2  # how much finer the crop is in which that is looked for

_POLYGON = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 346,
            197, 117)  # fmt: skip
_JAW = slice(4, 17)  # of the polygon
_CORE = (2, 98, 327, 61, 291, 17, 200, 206, 426, 210, 430)  # nostrils to chin: covered by every mask
_SKIN = (151, 9, 8, 168, 6, 107, 336, 229, 230, 449, 450)  # forehead, bridge, under the eyes: the least hair
_FREE = (33, 133, 159, 263, 362, 386, 105, 334, 151, 10)  # eyes, brows and forehead: never a mask

_LIPS = slice(48, 60)  # of the 68 points
_LOWER_LIP = (48, 59, 58, 57, 56, 55, 54, 64, 65, 66, 67, 60)

_NOTHING = _("No mask was found on this face; paint one with the brush, or use the suggested region.")


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
        face: the same, and down to where chins lie: FaceMesh squeezes a face into the part that is seen.
        sides: where straps can be: the face and the ears without eyes and mouth.
        far: where the rest of one can hang; beyond the photo too.
        inside: what of the crop is the photo; the crop repeats its border beyond.
    """

    inner: Mask
    region: Mask
    core: Mask
    reach: Mask
    face: Mask
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

    smooth = cv2.bilateralFilter(to_lab(crop), 7, 12, 5)
    shown = _around(mesh[list(_SKIN)], 0.05)
    skin = np.median(smooth[shown], 0)
    labels, centres = _cluster(smooth, areas.region)
    worn, contrast = _worn(labels, centres, areas.core, skin)
    # A mask that is worn high, or turned, covers points of the skin: bridge of the nose, cheek.
    clear = shown & ~_dilated(np.isin(labels, worn), _CLEAR)
    tones = _tones(smooth[clear if clear.any() else shown], skin)
    seeds, endless = _seeds(smooth, centres, worn, skin, tones, areas)
    drawn = _bordered(crop, seeds, areas)
    below = seeds & _under(areas)
    if endless.sum() > _ENDLESS * _UNIT**2 and (below & ~drawn).sum() > _CUT * below.sum():
        # The border runs across the face: what of a scarf goes on below was an example of what is not the cloth.
        areas = areas._replace(reach=areas.face)
        seeds, endless = _seeds(smooth, centres, worn, skin, tones, areas)
        drawn = _bordered(np.where(endless[..., None], to_rgb(skin), crop), seeds, areas)
    large = drawn.sum() >= _SMALLEST * areas.region.sum() and drawn[areas.core].mean() >= _CORE_SHARE
    if not large or _lip_seen(smooth, mesh, drawn):
        raise SurgicalMaskNotFound(_NOTHING)
    slivers = _slivers(seeds & foreign(smooth, skin), drawn)
    mask, narrow, region = (to_photo(one, alignment) for one in (drawn, slivers, areas.region))
    among = Surroundings(drawn, areas.sides, areas.inside, _UNIT)
    narrow |= _beside(photo, crop, alignment, centres[worn], skin, among)
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
    missing = _FACE - (polygon[_JAW][:, 1].max() / _UNIT - _ROOM.eyes[0][1] * _SIZE / _UNIT)
    downs = (_CHIN, _REACH, max(_REACH, missing), _FAR_REACH)
    lower = [np.vstack([polygon, polygon[_JAW] + (0, down * _UNIT)]) for down in downs]
    region = _hull(lower[0], _SPREAD) & inside
    reach, whole = (_hull(one, _SIDE) & inside & ~free for one in lower[1:3])
    far = _hull(lower[3], _FAR_SIDE) & ~free
    core = _hull(mesh[list(_CORE)]) & region
    sides = _hull(mesh, _STRAP_SIDE) & inside & ~_hull(mesh[list(_FREE + _CORE)])
    sides[: round(_ROOM.eyes[0][1] * _SIZE - _STRAP_TOP * _UNIT)] = False
    return _Areas(_hull(polygon), region, core, reach, whole, sides, far, inside)


def _cluster(lab: Floats, region: Mask) -> tuple[Integers, Floats]:
    """k-means in the region: labels ``(S, S)``, -1 outside, and the clusters' colours ``(k, 3)``."""
    rows, columns = np.nonzero(region)
    width = columns.max() - columns.min() + 1
    colours = lab[region]
    place = np.stack([np.abs(columns - columns.mean()), rows - rows.mean()], 1) / width * _PLACE
    found, _ = k_means(np.concatenate([colours * (LIGHTNESS, 1, 1), place], 1), _CLUSTERS)
    labels = np.full(region.shape, -1)
    labels[region] = found
    centres = np.stack([np.median(colours[found == k], 0) for k in range(_CLUSTERS)])
    return labels, centres


def _tones(visible: Floats, skin: Floats) -> Floats:
    """The skin's colours in light and shadow, its median first, ``(n, 3)``."""
    _, found = k_means(visible * (LIGHTNESS, 1, 1), _TONES)
    found = found / (LIGHTNESS, 1, 1)
    return np.vstack([skin, found[(distance(found, skin) < _TONE_RANGE) & ~foreign(found, skin)]])


def _worn(labels: Integers, centres: Floats, core: Mask, skin: Floats) -> tuple[list[int], float]:
    """The clusters that are the mask, and the distance of its colour to the skin's.

    The mask is what covers the core most; with it go clusters of its colour, and such as hold much of the core
    themselves, as a print or a deep fold does.
    """
    share = np.array([(labels[core] == k).mean() for k in range(_CLUSTERS)])
    from_skin = distance(centres, skin)
    other = foreign(centres, skin)
    main = _main(share, other, from_skin)
    if main is None:
        raise SurgicalMaskNotFound(_NOTHING)
    like = distance(centres, centres[main], FOLD_LIGHTNESS)
    near = (like < _LIKE) & (like < from_skin)
    joined = (other & (near | (share > _PRINT_SHARE))) | (near & (share > _SHADE_SHARE))
    return [k for k in range(_CLUSTERS) if k == main or joined[k]], float(from_skin[main])


def _main(share: Floats, other: Mask, from_skin: Floats) -> int | None:
    """The cluster that is the mask's before all others; None where what covers the core has the colour of skin.

    Args:
        share: of the core, by cluster.
        other: which clusters have a colour that is none of skin.
        from_skin: distance of each to the skin's.
    """
    main = int(share.argmax())
    if other[main]:
        return main
    # A dark ground of a coloured print may have a colour that skin can have.
    printed = share[other].sum() > _PRINT_SHARE and from_skin[main] > _PRINT_DISTANCE
    return main if printed else None


def _seeds(
    smooth: Floats, centres: Floats, worn: list[int], skin: Floats, tones: Floats, areas: _Areas
) -> tuple[Mask, Mask]:
    """Pixels nearer to the mask's colours than to any other, and a rim that is no skin; and what of it is endless."""
    others = [*tones, *(centre for k, centre in enumerate(centres) if k not in worn)]
    to_worn, to_other, to_tones = (nearest(smooth, colours) for colours in (centres[worn], np.stack(others), tones))
    none_of_skin = foreign(smooth, skin)
    hem = np.any([same_hue(smooth, centres[k]) for k in worn], 0) & none_of_skin
    # Where light gleams on skin, skin is nearly as pale as a white mask, but redder.
    gleam = (smooth[..., 0] > skin[0]) & (smooth[..., 1] > _GLEAM * max(skin[1], 0))
    none_of_skin &= ~gleam
    cloth = (to_worn < to_other) & (none_of_skin | (_PLAINLY * to_worn < to_tones))
    seeds = areas.reach & (cloth | hem) & (areas.region | (to_worn < _LIKE_OUTSIDE) | hem)
    rim = areas.inner & areas.reach & none_of_skin & (to_tones > _RIM_TONE) & (smooth[..., 0] > skin[0] - _PALE)
    alike = (cloth & (to_worn < _LIKE_OUTSIDE)) | hem
    hanging = _hanging(areas.inside & alike, seeds, areas)
    endless = _endless(alike & ~hanging, seeds, areas)
    seeds |= hanging
    return seeds | (rim & _dilated(seeds, _RIM)), endless


def _hanging(cloth: Mask, seeds: Mask, areas: _Areas) -> Mask:
    """What of the cloth hangs out of the reach of masks: pieces that join the seeds broadly and end within ``far``."""
    border = areas.far & ~cv2.erode(areas.far.astype(np.uint8), _disc(_FAR_EDGE)).astype(bool)
    count, pieces = cv2.connectedComponents((cloth & areas.far & ~areas.reach).astype(np.uint8))
    # A row of pixels is a length.
    sizes, ends, joined = (np.bincount(pieces[mask], minlength=count) for mask in (areas.far, border, touched(seeds)))
    kept = (ends <= _FAR_END * sizes) & (joined > _FAR_JOINT * _UNIT)
    kept[0] = False
    hanging: Mask = kept[pieces]
    return hanging


def _endless(cloth: Mask, seeds: Mask, areas: _Areas) -> Mask:
    """What of a scarf goes on from where masks end, in the photo or as the crop continues it.

    It joins the seeds broadly below the mouth, as no wall beside a face does.
    """
    count, pieces = cv2.connectedComponents((cloth & ~areas.reach).astype(np.uint8))
    joint = touched(seeds) & _under(areas, mouth=False)
    kept = np.bincount(pieces[joint], minlength=count) > _FAR_JOINT * _UNIT
    kept[0] = False
    endless: Mask = kept[pieces]
    return endless


def _under(areas: _Areas, mouth: bool = True) -> Mask:
    """Columns of the core, from its first row down, or from its last where the mouth shall not count."""
    rows = np.flatnonzero(areas.core.any(1))
    under = np.broadcast_to(areas.core.any(0), areas.core.shape).copy()
    under[: rows[0] if mouth else rows[-1]] = False
    return under


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


def _beside(photo: Pixels, crop: Pixels, alignment: Alignment, worn: Floats, skin: Floats, among: Surroundings) -> Mask:
    """Straps and corners, ``bool`` ``(H, W)``, looked for in a finer crop where the photo is finer: cords are thin."""
    if alignment.scale * _FINER <= 1:
        alignment = Alignment(alignment.matrix * _FINER, _FINER * _SIZE, alignment.photo_shape)
        crop, among = alignment.crop(photo), among.finer(_FINER)
    return to_photo(find_straps(crop, worn, skin, among) | find_corners(crop, worn, skin, among), alignment)


def _slivers(cloth: Mask, drawn: Mask) -> Mask:
    """Narrow parts of the cloth that adjoin the mask: its opening and GrabCut's smoothness cut them off."""
    rest = cloth & ~drawn & _dilated(drawn, _SLIVER_REACH)
    rest &= ~shapes.opened(rest, _SLIVER_WIDTH * _UNIT)
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
    return shapes.dilated(mask, margin * _UNIT)


def _disc(radius: float) -> Pixels:
    return shapes.disc(radius * _UNIT)
