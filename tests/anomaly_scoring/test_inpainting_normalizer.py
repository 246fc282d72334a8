"""The normalizer ``inpainting`` with the built-in weights on a real face: where it looks, and what it repaints."""

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from pipelines import devices
from pipelines.anomaly_scoring import inpainting
from pipelines.anomaly_scoring.inpainting import Doubt, InpaintingNormalizer, disc_sets, find_doubt, mirror, to_repaint
from pipelines.anomaly_scoring.regions import region
from pipelines.anomaly_scoring.scores import appraise
from pipelines.faces.alignment import align
from pipelines.faces.landmarks import Face, find_crop_face, find_face

CPU = devices.choose("cpu", "float32")


@pytest.fixture(scope="module")
def normalizer() -> InpaintingNormalizer:
    return InpaintingNormalizer(None, CPU)


@pytest.fixture(scope="module")
def crop(face) -> np.ndarray:
    """The astronaut's aligned face, which is scored as a photo of its own."""
    photo = skimage.data.astronaut()
    return align(photo, face).crop(photo)


@pytest.fixture(scope="module")
def crop_face(crop) -> Face:
    return find_crop_face(crop)


@pytest.fixture(scope="module")
def normalized(normalizer, crop, crop_face):
    return normalizer(crop, crop_face, seed=3)


@pytest.fixture(scope="module")
def notch(crop, crop_face) -> np.ndarray:
    """A dark notch, a tenth of the eye distance wide, in the upper lip and the skin above it."""
    peak, lip, base = crop_face.points[[50, 61, 32]]
    corners = np.stack([(base + peak) / 2, lip, lip, peak])
    covered = np.zeros(crop.shape[:2], np.uint8)
    width = round(0.1 * crop_face.eye_distance)
    cv2.polylines(covered, [np.round(corners).astype(np.int32)], False, 1, width)
    return covered.astype(bool)


# --- discs --------------------------------------------------------------------------------------------------------


@given(
    height=st.integers(20, 90),
    width=st.integers(20, 90),
    share=st.floats(0.2, 0.8),
    radius=st.floats(4, 25),
    seed=st.integers(0, 2**32 - 1),
)
def test_discs_cover_every_pixel(height, width, share, radius, seed):
    sets = disc_sets((height, width), share * width, radius, np.random.default_rng(seed))
    assert all(one.shape == (height, width) and one.dtype == bool for one in sets)
    assert np.any(sets, axis=0).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("radius", [9.0, 14.3, 23.0])
def test_discs_of_a_set_are_a_radius_apart(seed, radius):
    for one in disc_sets((120, 150), 71.5, radius, np.random.default_rng(seed)):
        count, pieces = cv2.connectedComponents(one.astype(np.uint8))
        assert count > 2  # the background, and several discs
        for piece in range(1, count):
            # Of each other disc the distance to this one.
            away = cv2.distanceTransform((pieces != piece).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            assert away[one & (pieces != piece)].min() > radius


def test_discs_lie_elsewhere_with_another_seed():
    first, other = (disc_sets((64, 64), 32, 9, np.random.default_rng(seed))[0] for seed in (0, 1))
    assert (first != other).any()


# --- mirror -------------------------------------------------------------------------------------------------------


@given(double=st.integers(20, 100), seed=st.integers(0, 99))
def test_a_mirrored_mask_mirrored_is_what_of_it_lay_inside(double, seed):
    axis = double / 2
    mask = np.random.default_rng(seed).random((9, 60)) < 0.3
    columns = np.arange(60)
    inside = np.isin(double - 1 - columns, columns)
    assert np.array_equal(mirror(mirror(mask, axis), axis), mask & inside)
    assert mirror(mask, axis).sum() == (mask & inside).sum()


@pytest.mark.parametrize("width", [60, 61])
def test_at_the_middle_it_is_a_flip(width):
    mask = np.random.default_rng(0).random((9, width)) < 0.3
    assert np.array_equal(mirror(mask, width / 2), mask[:, ::-1])


# --- where the network disagrees ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def doubt(normalizer, crop, crop_face) -> Doubt:
    return find_doubt(normalizer.load().network, crop, crop_face, CPU, 3)


def test_doubt_lies_in_mouth_and_nose_with_a_margin(doubt, crop, crop_face):
    assert doubt.level.shape == doubt.area.shape == crop.shape[:2]
    assert (doubt.level[~doubt.area] == 0).all() and (doubt.level[doubt.area] > 0).mean() > 0.99
    assert doubt.area[region(crop_face, crop.shape[:2])].all()
    assert 0 < doubt.level.max() < 255 * np.sqrt(3)


def flipped_doubt(normalizer, crop, crop_face) -> Doubt:
    """The doubt of the mirrored crop, mirrored back."""
    mesh = crop_face.mesh.copy()
    mesh[:, 0] = crop.shape[1] - mesh[:, 0]
    doubt = find_doubt(normalizer.load().network, np.ascontiguousarray(crop[:, ::-1]), Face(mesh), CPU, 3)
    return Doubt(doubt.area[:, ::-1], doubt.level[:, ::-1])


def test_doubt_of_a_mirrored_face_is_the_mirrored_doubt(normalizer, crop, crop_face, doubt, monkeypatch):
    area = region(crop_face, crop.shape[:2])
    monkeypatch.setattr(
        inpainting, "region", lambda face, shape: area[:, ::-1] if face.mesh[234, 0] > face.mesh[454, 0] else area
    )
    flipped = flipped_doubt(normalizer, crop, crop_face)
    assert np.array_equal(flipped.area, doubt.area)
    assert np.abs(flipped.level - doubt.level).max() < 0.05


def test_outlines_that_round_to_the_other_side_of_a_pixel_change_it_little(normalizer, crop, crop_face, doubt):
    flipped = flipped_doubt(normalizer, crop, crop_face)
    same = flipped.area == doubt.area
    assert same.mean() > 0.997
    assert np.abs(flipped.level - doubt.level)[same & doubt.area].mean() < 0.05 * doubt.level[doubt.area].mean()


@pytest.mark.parametrize("make", [np.zeros, np.ones], ids=["zeros", "ones"])
def test_something_is_repainted_even_of_a_face_without_doubt(make):
    area = np.zeros((64, 64), bool)
    area[20:50, 15:45] = True
    assert to_repaint(Doubt(area, make((64, 64), np.float32) * area), 20).any()


def test_what_is_in_doubt_is_repainted_with_a_margin():
    area = np.zeros((64, 64), bool)
    area[20:50, 15:45] = True
    level = np.zeros((64, 64), np.float32)
    level[30:38, 20:30] = 80
    hole = to_repaint(Doubt(area, level), 50)
    assert hole[27:41, 17:33].mean() > 0.9 and not hole[:26].any() and not hole[:, 34:].any()
    weak = to_repaint(Doubt(area, level / 40), 50)  # under the level that counts: the most doubtful part alone
    assert np.array_equal(weak, hole)


# --- the whole way ------------------------------------------------------------------------------------------------


def test_outside_what_was_repainted_the_crop_stays(normalized):
    hole = normalized.repainted
    assert hole.dtype == bool and hole.shape == normalized.crop.shape[:2]
    assert 0.003 < hole.mean() < 0.3
    assert np.array_equal(normalized.image[~hole], normalized.crop[~hole])
    assert (normalized.image != normalized.crop)[hole].any(1).mean() > 0.5
    assert normalized.image.dtype == normalized.crop.dtype == np.uint8


def test_it_says_which_weights_drew_and_that_nothing_was_adapted(normalizer, normalized):
    (used,) = normalized.weights
    assert (used.name, used.sha256) == (normalizer.load().name, normalizer.load().sha256[:12])
    assert normalized.frames == normalized.losses == () and normalized.perceptual is None


def test_nothing_of_a_face_is_left_for_the_next(normalizer, normalized, crop, crop_face, astronaut, face):
    normalizer(astronaut, face, seed=3)
    again = normalizer(crop, crop_face, seed=3)
    assert np.array_equal(again.image, normalized.image)
    assert np.array_equal(again.repainted, normalized.repainted)


def test_a_notch_in_the_lip_is_found_and_raises_the_severity(normalizer, normalized, crop, crop_face, notch):
    photo = crop.copy()
    photo[notch] = (40, 15, 15)
    found = normalizer(photo, find_face(photo), seed=3)
    there = found.alignment.crop_mask(notch)
    assert there.sum() > 20
    assert found.repainted[there].all()
    scores = [
        appraise(one.crop, one.image, region(crop_face, crop.shape[:2]))[1].severity for one in (normalized, found)
    ]
    assert scores[1] > scores[0]


def test_progress_rises_and_what_it_raises_stops_the_run(normalizer, crop, crop_face):
    told = []

    class StopError(Exception):
        pass

    def stop(fraction, text):
        told.append((fraction, text))
        if len(told) == 2:
            raise StopError

    with pytest.raises(StopError):
        normalizer(crop, crop_face, progress=stop)
    assert told == [(0.0, "aligning"), (0.1, "looking for what does not fit")]
