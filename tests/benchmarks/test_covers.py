"""Hands, scarves, glass and clear windows, drawn over the astronaut."""

import cv2
import numpy as np
import pytest

from benchmarks.covers import covers
from benchmarks.masked_faces import Template
from pipelines.mask_removal.cloth.colours import to_lab

KINDS = ("hand", "scarf_nose", "scarf_chin", "shield", "window")


@pytest.fixture(scope="module")
def blue() -> Template:
    picture = np.zeros((240, 200, 4), np.uint8)
    picture[20:220, 10:190] = (90, 150, 220, 255)
    return Template(
        "blue", "front", picture, np.float32([[10, 20], [100, 20], [190, 20], [10, 220], [100, 220], [190, 220]])
    )


@pytest.fixture(scope="module")
def drawn(blue):
    """``drawn(kind, photo, face, seed=0)``."""
    return lambda kind, photo, face, seed=0: covers(blue)[kind](photo, face, np.random.default_rng(seed))


def region(points: np.ndarray, shape: tuple) -> np.ndarray:
    return cv2.fillPoly(np.zeros(shape[:2], np.uint8), [np.round(points).astype(np.int32)], 1) > 0


def test_the_kinds(blue):
    assert tuple(covers(blue)) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_covered_stays_but_for_a_shadow(drawn, astronaut, face, kind):
    picture, cover = drawn(kind, astronaut, face)
    assert picture.shape == astronaut.shape and picture.dtype == np.uint8 and cover.dtype == bool
    far = ~cv2.dilate(cover.astype(np.uint8), np.ones((41, 41), np.uint8)).astype(bool)
    assert far.any() and np.abs(picture[far].astype(int) - astronaut[far]).max() <= 2
    assert (picture[cover] != astronaut[cover]).any(-1).mean() > 0.4
    again, _ = drawn(kind, astronaut, face)
    other, _ = drawn(kind, astronaut, face, 5)
    assert np.array_equal(picture, again) and not np.array_equal(picture, other)


@pytest.mark.parametrize(("kind", "hidden"), [("hand", True), ("scarf_nose", True), ("scarf_chin", False)])
def test_the_mouth_is_hidden_or_seen(drawn, astronaut, face, kind, hidden):
    _, cover = drawn(kind, astronaut, face)
    mouth, eyes = region(face.points[48:60], cover.shape), region(face.points[36:48], cover.shape)
    assert cover[mouth].mean() > 0.9 if hidden else cover[mouth].mean() < 0.1
    assert not cover[eyes].any()


@pytest.mark.parametrize("kind", ["shield", "window"])
def test_the_mouth_is_seen_through_glass(drawn, astronaut, face, kind):
    picture, cover = drawn(kind, astronaut, face)
    mouth = region(face.points[48:60], cover.shape)
    assert cover[mouth].all()
    assert np.corrcoef(picture[mouth].ravel(), astronaut[mouth].ravel())[0, 1] > 0.6


def test_a_hand_has_the_tone_of_the_face(drawn, astronaut, face):
    picture, cover = drawn("hand", astronaut, face)
    forehead = region(face.mesh[[109, 338, 336, 107]], cover.shape)
    hand, skin = (np.median(to_lab(picture)[mask], 0) for mask in (cover, forehead))
    assert np.linalg.norm((hand - skin)[1:]) < 8
