"""Masks: what is suggested lies on the face, what is drawn covers its share, what is changed keeps its meaning."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from pipelines.errors import MaskMismatch, OptionInvalid
from pipelines.faces.masks import (
    EXTENTS,
    GROUPS,
    VERTICES,
    clean,
    face_outline,
    face_region,
    feather,
    fit,
    grow,
    irregular_mask,
    outline,
    suggest_mask,
)
from pipelines.faces.points import Face

masks = arrays(bool, st.tuples(st.integers(8, 40), st.integers(8, 40)))
"""Any painting at all, noise included."""


@st.composite
def blobs(draw) -> np.ndarray:
    """Paintings of a few discs, as people make them."""
    canvas = np.zeros((90, 110), np.uint8)
    for _ in range(draw(st.integers(1, 4))):
        centre = draw(st.integers(0, 109)), draw(st.integers(0, 89))
        cv2.circle(canvas, centre, draw(st.integers(3, 20)), 1, -1)
    return canvas.astype(bool)


def distance_to(mask: np.ndarray) -> np.ndarray:
    """Distance of every pixel's centre to the nearest masked one's, by another library than the code's."""
    return distance_transform_edt(~mask)


@pytest.mark.parametrize("extent", EXTENTS)
def test_suggested_mask(face, extent):
    mask = suggest_mask(face, (512, 512), extent)
    assert mask.dtype == bool and mask.shape == (512, 512)
    assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2
    rows, columns = np.nonzero(mask)
    left, _, right, bottom = face.box
    assert left - 3 < columns.min() and columns.max() < right + 3
    assert rows.min() > face.eyes[:, 1].max() and rows.max() < bottom + 3


def test_what_each_extent_covers(face):
    lips, philtrum, lower = (suggest_mask(face, (512, 512), extent) for extent in EXTENTS)
    assert lips.sum() < philtrum.sum() < lower.sum()
    assert (lips & ~philtrum).sum() < 0.1 * lips.sum()
    assert (philtrum & ~lower).sum() < 0.1 * philtrum.sum()

    def inside(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
        column, row = np.floor(points).astype(int).T
        return mask[row, column]

    assert inside(lips, face.points[48:68]).all()
    assert inside(philtrum, face.points[31:36]).all()
    assert inside(lower, face.points[30:36]).all()
    assert inside(lower, face.points[48:68]).all()
    assert not inside(lips, face.points[31:36]).any()
    for mask in (lips, philtrum, lower):
        assert not inside(mask, face.points[36:48]).any()
        assert not inside(mask, face.points[17:27]).any()


def test_suggestion_moves_and_grows_with_the_face(face):
    twice = suggest_mask(Face(face.mesh * 2), (1024, 1024))
    once = suggest_mask(face, (512, 512))
    enlarged = cv2.resize(once.astype(np.uint8), (1024, 1024), interpolation=cv2.INTER_NEAREST).astype(bool)
    assert (twice ^ enlarged).sum() < 0.04 * twice.sum()
    moved = suggest_mask(Face(face.mesh + np.array([40, -20], np.float32)), (512, 512))
    assert np.array_equal(moved[:400, 60:], once[20:420, 20:472])


def test_a_face_at_the_border_gets_the_part_that_shows(face):
    whole = suggest_mask(face, (512, 512))
    cut = suggest_mask(face, (150, 230))
    assert cut.shape == (150, 230) and cut.any()
    assert np.array_equal(cut, whole[:150, :230])


def test_outline_is_closed_and_even(face):
    for extent in EXTENTS:
        points = outline(face, extent)
        assert points.shape == (32, 2) and points.dtype == np.float32
        steps = np.linalg.norm(points - np.roll(points, 1, 0), axis=1)
        assert steps.max() < 1.2 * np.median(steps)
        assert cv2.isContourConvex(cv2.convexHull(points))


@pytest.mark.parametrize("function", [lambda face, name: outline(face, name), lambda f, n: suggest_mask(f, (9, 9), n)])
def test_unknown_extent(face, function):
    with pytest.raises(OptionInvalid, match="lips, lips-to-nose, lower-face"):
        function(face, "nose")


@pytest.mark.parametrize("group", range(len(GROUPS)))
@given(st.integers(0, 2**32 - 1), st.sampled_from([64, 128, 256]))
@settings(max_examples=15)
def test_irregular_masks_cover_their_groups_share(group, seed, size):
    mask = irregular_mask(size, group, np.random.default_rng(seed))
    assert mask.shape == (size, size) and mask.dtype == bool
    low, high = GROUPS[group]
    assert low <= mask.mean() < high and mask.any()
    assert np.array_equal(mask, irregular_mask(size, group, np.random.default_rng(seed)))


def test_irregular_masks_differ_and_lie_everywhere():
    drawn = np.stack([irregular_mask(64, 1, np.random.default_rng(seed)) for seed in range(60)])
    share = drawn.mean(0)
    assert share.min() > 0.03 and share.max() < 0.75
    overlap = [(one & other).sum() / (one | other).sum() for one, other in pairwise(drawn)]
    assert np.mean(overlap) < 0.5


widths = st.integers(0, 11).map(lambda pixels: pixels + 0.5)
"""No distance on the pixel grid equals one of these, so rounding decides nothing."""


@given(masks, widths)
def test_growing_is_a_euclidean_distance(mask, pixels):
    if mask.any():
        assert np.array_equal(grow(mask, pixels), distance_to(mask) <= pixels)
    else:
        assert not grow(mask, pixels).any()


@given(masks, widths)
def test_shrinking_is_growing_what_is_not_masked(mask, pixels):
    narrowed = grow(mask, -pixels)
    assert not (narrowed & ~mask).any()
    assert np.array_equal(narrowed, mask if mask.all() else ~grow(~mask, pixels))


@given(masks)
def test_growing_by_nothing_keeps_the_mask(mask):
    same = grow(mask, 0)
    assert np.array_equal(same, mask) and not np.shares_memory(same, mask)


@given(blobs(), widths)
def test_growing_and_shrinking_never_loses_a_painted_pixel(mask, pixels):
    back = grow(grow(mask, pixels), -pixels)
    assert not (mask & ~back).any()


@given(blobs(), st.floats(0, 25))
def test_feather(mask, pixels):
    alpha = feather(mask, pixels)
    assert alpha.shape == mask.shape and alpha.dtype == np.float32
    assert (alpha[mask] == 1).all() and alpha.min() >= 0 and alpha.max() == 1
    distance = distance_to(mask)
    assert (alpha[distance > pixels + 1] == 0).all()
    assert (alpha[~mask & (distance < pixels)] > 0).all()
    order = np.argsort(distance, axis=None)
    assert (np.diff(alpha.ravel()[order]) <= 1e-6).all()  # farther out is never stronger


def test_feather_has_no_steps():
    mask = np.zeros((100, 100), bool)
    mask[:, :40] = True
    profile = feather(mask, 20)[50]
    assert np.abs(np.diff(profile)).max() < 0.09
    assert np.abs(np.diff(profile, 2)).max() < 0.03


@given(masks)
def test_feather_of_nothing_is_the_mask_itself(mask):
    for pixels in (0, -3):
        assert np.array_equal(feather(mask, pixels), mask.astype(np.float32))


def test_clean_removes_specks_and_fills_pinholes():
    mask = np.zeros((400, 400), bool)
    mask[100:300, 100:300] = True
    mask[150, 150] = mask[200, 222] = False
    mask[20, 30] = mask[390:392, 390:392] = True
    wanted = np.zeros((400, 400), bool)
    wanted[100:300, 100:300] = True
    assert np.array_equal(clean(mask), wanted)


def test_clean_keeps_what_was_meant():
    """Two strokes, a ring with its hole, and a mask at the border stay as they are."""
    mask = np.zeros((300, 300), np.uint8)
    cv2.circle(mask, (80, 80), 50, 1, 14)
    cv2.line(mask, (180, 200), (299, 299), 1, 9)
    assert np.array_equal(clean(mask.astype(bool)), mask.astype(bool))


@given(blobs())
def test_clean_twice_is_clean_once(mask):
    once = clean(mask)
    assert np.array_equal(clean(once), once) and once.dtype == bool


@pytest.mark.parametrize("place", [(0, 0), (20, 31), (49, 59)])
def test_clean_of_a_single_pixel_and_of_none_and_of_all(place):
    mask = np.zeros((50, 60), bool)
    assert not clean(mask).any()
    mask[place] = True
    assert np.array_equal(clean(mask), mask)
    assert clean(np.ones((50, 60), bool)).all()


@given(masks)
def test_masks_are_left_alone(mask):
    before = mask.copy()
    for changed in (grow(mask, 3), grow(mask, -2), clean(mask), feather(mask, 4)):
        assert changed.shape == mask.shape and not np.shares_memory(changed, mask)
    assert np.array_equal(mask, before)


@pytest.mark.parametrize("size", [(120, 90), (2000, 1500), (401, 300)])
def test_a_mask_of_the_photos_proportions_is_brought_to_its_size(size):
    rows, columns = size
    drawn = np.zeros(size, bool)
    drawn[rows // 4 : rows // 2, columns // 3 : 2 * columns // 3] = True
    fitted = fit(drawn, (400, 300))
    wanted = np.zeros((400, 300), bool)
    wanted[100:200, 100:200] = True
    assert fitted.shape == (400, 300) and (fitted ^ wanted).sum() < 900
    assert fit(wanted, (400, 300)) is wanted


@pytest.mark.parametrize("size", [(300, 400), (400, 310), (100, 80), (4, 3)])
def test_a_mask_of_other_proportions_is_refused(size):
    with pytest.raises(MaskMismatch, match=f"{size[1]} × {size[0]} pixels and the photo 300 × 400"):
        fit(np.ones(size, bool), (400, 300))


def test_the_region_of_a_face_holds_its_mesh_and_little_more(face):
    region = face_region(face, (512, 512))
    columns, rows = np.floor(face.mesh).astype(int).T
    assert region[rows, columns].all()
    near = face_outline(face, 0.0)
    far = face_outline(face)
    unit = face.eye_distance
    distance = np.linalg.norm(near[:, None] - far, axis=2).min(1)
    assert distance.min() > 0.03 * unit and distance.max() < 0.1 * unit
    assert near.shape == far.shape == (VERTICES, 2)
    assert not region[0].any() and not region[:, 0].any()
