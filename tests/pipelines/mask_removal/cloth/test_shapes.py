"""Shapes in a crop, and their way into the photo."""

import numpy as np
import pytest

from pipelines.faces.alignment import Alignment
from pipelines.mask_removal.cloth.shapes import closed, dilated, disc, opened, to_photo, touched


def box(size: int, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_a_disc_is_never_empty():
    assert disc(0.2).shape == (3, 3) and disc(4).shape == (9, 9)


def test_widening_closing_and_opening():
    two = box(40, 5, 10, 15, 20) | box(40, 18, 10, 28, 20)
    assert dilated(two, 2)[15, 3] and not dilated(two, 2)[15, 1]
    assert closed(two, 3)[15, 16] and not closed(two, 1)[15, 17]
    line = box(40, 0, 18, 40, 20)
    assert not opened(line, 3).any() and np.array_equal(touched(line), box(40, 0, 17, 40, 21))


@pytest.mark.parametrize("turn", [0, 30, 90])
def test_a_mask_comes_to_its_place_in_the_photo(turn):
    angle = np.deg2rad(turn)
    matrix = 0.25 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([400, 300])
    alignment = Alignment(np.column_stack([matrix, 64 - matrix @ centre]), 128, (600, 800))
    found = to_photo(box(128, 54, 54, 74, 74), alignment)
    rows, columns = np.nonzero(found)
    assert found.shape == (600, 800) and found.sum() == pytest.approx(80 * 80, rel=0.03)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((400, 300), abs=1)


def test_what_lies_off_the_photo_is_left_out():
    alignment = Alignment(np.array([[0.5, 0, 100], [0, 0.5, 100]]), 128, (60, 80))
    assert not to_photo(box(128, 0, 0, 60, 60), alignment).any()
    assert not to_photo(np.zeros((128, 128), bool), alignment).any()
    cut = to_photo(box(128, 90, 90, 110, 110), alignment)
    assert cut.shape == (60, 80) and cut[:19, :19].all() and not cut[22:].any()
