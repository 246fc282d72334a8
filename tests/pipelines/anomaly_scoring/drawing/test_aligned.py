"""The aligned face as sharp as its photo."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipelines.anomaly_scoring.drawing.aligned import aligned, close_up
from pipelines.faces.alignment import align
from tests.pipelines.anomaly_scoring.test_exports import make_result


@pytest.fixture
def result(astronaut, face):
    """A result of a photo of a thousand pixels, whose crop has 256."""
    crop = align(astronaut, face)
    photo = cv2.resize(astronaut, (1024, 1024), interpolation=cv2.INTER_CUBIC)
    mesh = crop.face_in_crop(face).mesh
    return replace(make_result(), photo=photo, crop=crop.crop(astronaut), landmarks=2 * face.points, mesh=mesh)


def test_it_shows_what_the_crop_shows(result):
    picture = aligned(result, 512)
    assert picture.shape == (512, 512, 3)
    small = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(small - result.crop)[40:216, 40:216].mean() < 3, "no pixel off"


def test_a_part_is_drawn_alone(result):
    rows, columns = part = close_up([result])
    side = rows.stop - rows.start
    assert side == columns.stop - columns.start < 256
    whole = cv2.resize(aligned(result, 4 * 256)[4 * rows.start : 4 * rows.stop, 4 * columns.start : 4 * columns.stop],
                       (360, 360), interpolation=cv2.INTER_AREA)  # fmt: skip
    assert np.abs(aligned(result, 360, part).astype(int) - whole).mean() < 3


def test_beside_the_photo_it_is_plain(result):
    cut = replace(result, photo=result.photo[:, int(result.landmarks[:, 0].min()) :].copy())
    cut = replace(cut, landmarks=result.landmarks - np.float32([int(result.landmarks[:, 0].min()), 0]))
    assert (aligned(cut, 256)[:, 0] == (233, 237, 241)).all()


def test_points_that_do_not_fit_leave_the_crop(result):
    for odd in (np.zeros_like(result.landmarks), result.landmarks[::-1].copy()):
        picture = aligned(replace(result, landmarks=odd), 256)
        assert np.array_equal(picture, result.crop)
