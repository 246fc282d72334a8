"""Photos without colour or of one hue: found as such, and what is drawn into them gets their tone."""

import cv2
import numpy as np
import pytest

from pipelines.faces.alignment import align
from pipelines.faces.blending.tone import IN_COLOUR, find_tone


@pytest.fixture
def crop(astronaut, face):
    return align(astronaut, face).crop(astronaut)


def grey(picture):
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)


def sepia(picture):
    level = grey(picture).astype(np.float32) / 255
    return np.round(level ** (0.8, 1.0, 1.15) * (255, 235, 200)).astype(np.uint8)


def as_jpeg(picture, quality):
    _, file = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1]


def chroma(picture):
    """Mean distance of the colours from their own luminance."""
    picture = picture.astype(np.float32)
    return np.linalg.norm(picture - (picture @ (0.299, 0.587, 0.114))[..., None], axis=-1)


def test_a_photo_in_colour_changes_nothing(crop):
    tone = find_tone(crop)
    assert tone is IN_COLOUR
    assert tone(crop) is crop


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_without_colour_nothing_drawn_has_any(crop, kind):
    toned = find_tone(grey(crop))(crop.astype(kind))
    assert toned.dtype == kind and toned.shape == crop.shape
    assert np.ptp(toned, axis=2).max() < 1e-3
    assert np.abs(toned[..., 0] - grey(crop)[..., 0].astype(np.float32)).max() <= 1


@pytest.mark.parametrize("quality", [60, 90])
def test_of_one_hue_what_is_drawn_gets_it(crop, quality):
    photo = as_jpeg(sepia(crop), quality)
    toned = find_tone(photo)(crop)
    assert chroma(crop.astype(np.float32) - photo).mean() > 10
    assert chroma(toned.astype(np.float32) - photo).mean() < 3.5
    assert np.abs((toned - photo.astype(np.float32)) @ (0.299, 0.587, 0.114)).mean() < 8  # sepia darkens the rest


def test_noise_of_all_hues_on_a_photo_of_one_is_seen_through(crop):
    noise = np.random.default_rng(0).normal(0, 8, crop.shape)
    assert find_tone(np.clip(sepia(crop) + noise, 0, 255).astype(np.uint8)) is not IN_COLOUR


def test_a_coloured_part_of_a_grey_photo_is_left_out_where_it_is_not_known(crop):
    photo = grey(crop)
    photo[150:200, 80:180] = 200, 40, 60  # paint over the mouth
    known = np.ones(crop.shape[:2], bool)
    known[150:200, 80:180] = False
    assert np.ptp(find_tone(photo, known)(crop), axis=2).max() == 0


def test_brighter_than_anything_in_the_photo_stays_so(crop):
    photo = sepia(crop // 2)
    white = find_tone(photo)(np.full((1, 1, 3), 250, np.uint8))
    assert np.abs(white.astype(int) @ (0.299, 0.587, 0.114) - 250).max() < 6


def test_one_colour_is_one_hue():
    toned = find_tone(np.full((64, 64, 3), 90, np.uint8))(np.full((2, 2, 3), (200, 20, 20), np.uint8))
    assert np.ptp(toned, axis=2).max() == 0
