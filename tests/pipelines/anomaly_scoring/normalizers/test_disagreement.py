"""Where the built-in network disagrees with a real face: discs, what is searched, mean and 40th percentile."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipelines import devices
from pipelines.anomaly_scoring.normalizers import disagreement
from pipelines.anomaly_scoring.normalizers.disagreement import (
    SETS,
    Disagreement,
    disc_sets,
    find_disagreement,
    mirror,
    spread,
)
from pipelines.anomaly_scoring.scoring.regions import region
from pipelines.faces.alignment import align
from pipelines.faces.landmarks import find_crop_face
from pipelines.faces.points import Face, mirrored_face
from pipelines.models import loading

pytestmark = pytest.mark.slow

CPU = devices.choose("cpu", "float32")


@pytest.fixture(scope="module")
def crop(face) -> np.ndarray:
    """The astronaut's aligned face."""
    photo = skimage.data.astronaut()
    return align(photo, face).crop(photo)


@pytest.fixture(scope="module")
def crop_face(crop) -> Face:
    return find_crop_face(crop)


# --- discs --------------------------------------------------------------------------------------------------------


@given(
    height=st.integers(20, 90),
    width=st.integers(20, 90),
    x=st.floats(0.2, 0.8),
    y=st.floats(0.2, 0.8),
    radius=st.floats(4, 25),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_discs_cover_every_pixel(height, width, x, y, radius, place):
    sets = disc_sets((height, width), (x * width, y * height), radius, place)
    assert all(one.shape == (height, width) and one.dtype == bool for one in sets)
    assert np.any(sets, axis=0).all()


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.3, 0.8)])
@pytest.mark.parametrize("radius", [9.0, 14.3, 23.0])
def test_discs_of_a_set_are_a_radius_apart(place, radius):
    for one in disc_sets((120, 150), (71.5, 60.0), radius, place):
        count, pieces = cv2.connectedComponents(one.astype(np.uint8))
        assert count > 2  # the background, and several discs
        for piece in range(1, count):
            # Of each other disc the distance to this one.
            away = cv2.distanceTransform((pieces != piece).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            assert away[one & (pieces != piece)].min() > radius


def test_a_disc_of_the_first_set_lies_in_the_middle_and_a_whole_step_changes_nothing():
    first, *_ = sets = disc_sets((120, 150), (70.0, 60.0), 12.0)
    rows, columns = np.nonzero(first[46:75, 56:85])
    assert (rows.mean(), columns.mean()) == (13.5, 13.5) and len(rows) == pytest.approx(np.pi * 12**2, rel=0.03)
    moved = disc_sets((120, 150), (70.0, 60.0), 12.0, (1.0, 0.0))
    assert {one.tobytes() for one in moved} == {one.tobytes() for one in sets}
    assert {one.tobytes() for one in disc_sets((120, 150), (70.0, 60.0), 12.0, (0.5, 0.0))}.isdisjoint(
        {one.tobytes() for one in sets}
    )


def test_searches_lie_as_far_from_one_another_as_a_lattice_allows():
    """Places of the hexagonal lattice with so many to a cell are 1 / √n apart; no others can be farther."""

    def nearest(places):
        shifted = [(u + i, v + j) for u, v in places for i in (-1, 0, 1) for j in (-1, 0, 1)]
        there = np.array([(u + v / 2, v * np.sqrt(3) / 2) for u, v in shifted])
        away = np.linalg.norm(there[:, None] - there, axis=2)
        return away[away > 1e-9].min()

    assert [len(spread(count)) for count in range(1, 11)] == list(range(1, 11))
    assert spread(1) == [(0.0, 0.0)] and spread(3)[0] == (0.0, 0.0)
    for count in (3, 7):  # Loeschian numbers, whose places are a hexagonal lattice themselves
        assert nearest(spread(count)) == pytest.approx(1 / np.sqrt(count))
    for count in range(2, 11):
        assert nearest(spread(count)) > 0.7 / np.sqrt(count)


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


# --- mean and 40th percentile -------------------------------------------------------------------------------------


class Numbered:
    """Draws the picture brighter by as many grey levels as it has drawn pictures; it remembers the holes."""

    def __init__(self):
        self.holes: list[np.ndarray] = []

    def look(self, images, holes, faces):
        assert faces.shape == holes.shape and 0 < faces.mean() < 1
        drawn = []
        for image, hole in zip(images, holes, strict=True):
            self.holes.append(hole[0].numpy().astype(bool))
            drawn.append(image + len(self.holes) / 127.5)
        return SimpleNamespace(image=torch.stack(drawn))


@pytest.mark.parametrize("searches", [1, 2])
def test_each_pixel_s_mean_and_40th_percentile_are_over_the_pictures_that_hid_it(
    crop, crop_face, searches, monkeypatch
):
    monkeypatch.setattr(disagreement, "unlikeness", lambda difference, unit: difference[..., 0])
    network = Numbered()
    found = find_disagreement(network, crop, crop_face, CPU, searches)
    assert len(network.holes) == 2 * SETS * searches
    half = SETS * searches
    hidden = np.stack(network.holes[:half] + [hole[:, ::-1] for hole in network.holes[half:]])
    levels = np.where(hidden, np.arange(1, len(hidden) + 1)[:, None, None], np.nan)
    area = found.area
    assert hidden.any(0)[area].all() and not hidden.any(0)[~area].any()
    np.testing.assert_allclose(found.mean[area], np.nanmean(levels[:, area], 0), atol=1e-3)
    np.testing.assert_allclose(found.low[area], np.nanquantile(levels[:, area], 0.4, axis=0), atol=1e-3)
    assert (found.mean[~area] == 0).all() and (found.low[~area] == 0).all()


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_how_many_pictures_are_drawn_at_once_changes_nothing(crop, crop_face, batch, monkeypatch):
    found = find_disagreement(Numbered(), crop, crop_face, CPU, 1)
    monkeypatch.setattr(disagreement, "_CPU_BATCH", batch)
    other = find_disagreement(Numbered(), crop, crop_face, CPU, 1)
    assert np.array_equal(found.low, other.low) and np.array_equal(found.mean, other.mean)


def test_progress_is_told_before_each_batch_and_stops_the_search(crop, crop_face):
    told = []
    find_disagreement(Numbered(), crop, crop_face, CPU, 3, announce=told.append)
    assert told == [0, 8 / 24, 16 / 24]
    network = Numbered()

    class StopError(Exception):
        pass

    def stop(share):
        if share:
            raise StopError

    with pytest.raises(StopError):
        find_disagreement(network, crop, crop_face, CPU, 3, announce=stop)
    assert len(network.holes) == 8


# --- with the built-in weights ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network():
    return loading.load().network


@pytest.fixture(scope="module")
def found(network, crop, crop_face) -> Disagreement:
    return find_disagreement(network, crop, crop_face, CPU, 1)


def test_mouth_and_nose_are_searched_with_a_margin_and_open_lips_too(found, crop, crop_face):
    assert found.area.shape == found.mean.shape == found.low.shape == crop.shape[:2]
    assert found.area[region(crop_face, crop.shape[:2])].all()
    column, row = np.round((crop_face.points[62] + crop_face.points[66]) / 2).astype(int)
    assert found.area[row, column]
    assert (found.mean[found.area] > 0).mean() > 0.99 and found.mean.max() < 255 * np.sqrt(3)
    assert found.low[found.area].mean() < 0.95 * found.mean[found.area].mean()


def flipped(network, crop, crop_face) -> Disagreement:
    """The disagreement of the mirrored crop, mirrored back."""
    face = mirrored_face(crop_face, crop.shape[1])
    other = find_disagreement(network, np.ascontiguousarray(crop[:, ::-1]), face, CPU, 1)
    return Disagreement(other.area[:, ::-1], other.mean[:, ::-1], other.low[:, ::-1])


def test_that_of_a_mirrored_face_is_the_mirrored_one(network, crop, crop_face, found, monkeypatch):
    """But for the rounding of outlines, which is taken out here."""
    area = found.area
    face = np.ascontiguousarray(disagreement.visible_face(crop, crop_face, area)[:, ::-1])
    monkeypatch.setattr(disagreement, "visible_face", lambda *given: face)
    monkeypatch.setattr(disagreement.masks, "grow", lambda mask, margin: area[:, ::-1])
    other = flipped(network, crop, crop_face)
    assert np.array_equal(other.area, area)
    assert np.abs(other.mean - found.mean).max() < 0.05 and np.abs(other.low - found.low).max() < 0.05


def test_outlines_that_round_to_the_other_side_of_a_pixel_change_it_little(network, crop, crop_face, found):
    other = flipped(network, crop, crop_face)
    same = other.area == found.area
    assert same.mean() > 0.995
    both = same & found.area
    assert np.abs(other.mean - found.mean)[both].mean() < 0.05 * found.mean[found.area].mean()


def test_no_wall_is_searched_with(network, crop, crop_face, found, monkeypatch):
    """Of the shown face nothing changes; were the crop shown, all of it would."""
    face = disagreement.visible_face(crop, crop_face, found.area)
    walled = np.where(face[..., None], crop, np.uint8([40, 160, 70]))
    monkeypatch.setattr(disagreement, "visible_face", lambda *given: face)
    other = find_disagreement(network, walled, crop_face, CPU, 1)
    assert np.array_equal(other.low, found.low) and np.array_equal(other.mean, found.mean)
    monkeypatch.setattr(disagreement, "visible_face", lambda *given: np.ones_like(face))
    one, two = (find_disagreement(network, picture, crop_face, CPU, 1) for picture in (crop, walled))
    assert np.abs(one.mean - two.mean)[found.area].mean() > 0.1 * one.mean[found.area].mean()


def test_half_the_precision_moves_it_by_rounding(network, crop, crop_face, found, monkeypatch):
    """Of one picture of eight: a processor that only imitates bfloat16 takes half a minute for each."""
    draw = disagreement._draw

    def first_alone(network, images, holes, faces, device, announce):
        parts = (slice(1), device), (slice(1, None), CPU)
        return torch.cat([draw(network, images[p], holes[p], faces[p], on, announce) for p, on in parts])

    monkeypatch.setattr(disagreement, "_draw", first_alone)
    lower = find_disagreement(network, crop, crop_face, devices.choose("cpu", "bfloat16"), 1)
    moved = np.abs(lower.mean - found.mean)
    assert 0 < moved.max() < 3
    assert moved[moved > 0].mean() < 0.3
    assert np.abs(lower.low - found.low).max() < 3
