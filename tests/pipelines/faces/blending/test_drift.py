"""Drift of a drawing's colours: known beside the hole, and carried in up to the drawing's edges."""

import numpy as np
import pytest

from pipelines.faces.alignment import Alignment
from pipelines.faces.blending.drift import drift

SHAPE = (256, 256)
SAME = Alignment(np.eye(2, 3), 256, SHAPE)
SKIN, WALL, LIPS = (200, 150, 130), (30, 90, 160), (150, 70, 80)


def box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Blend weights: 1 in the box."""
    alpha = np.zeros(SHAPE, np.float32)
    alpha[top:bottom, left:right] = 1
    return alpha


def plain(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((*SHAPE, 3), colour, np.uint8)


def shifted(picture: np.ndarray, shift: tuple[int, int, int], where: np.ndarray | bool = True) -> np.ndarray:
    moved = np.clip(picture + np.array(shift), 0, 255).astype(np.uint8)
    return np.where(np.broadcast_to(where, SHAPE)[..., None], moved, picture)


HOLE = box(80, 90, 180, 190)
INSIDE = (slice(90, 190), slice(80, 180))


@pytest.mark.parametrize("shift", [(6, -4, 3), (-5, -5, -5)])
def test_one_drift_everywhere_is_taken_off_everywhere(shift):
    photo = plain(SKIN)
    found = drift(photo, shifted(photo, shift), HOLE, SAME)
    assert found.dtype == np.float32 and found.shape == (*SHAPE, 3)
    assert np.abs(found[INSIDE] + shift).max() < 0.5


def test_a_wall_beside_a_jaw_is_nothing_to_the_jaw():
    """Beside the hole only the wall is drawn too yellow: skin in the hole stays, wall in the hole is put right."""
    photo = plain(SKIN)
    wall = np.arange(256) >= 150
    photo[:, wall] = WALL
    found = drift(photo, shifted(photo, (10, 10, -10), wall), HOLE, SAME)
    assert np.abs(found[90:190, 80:142]).max() < 0.5
    assert np.abs(found[90:190, 158:180] + (10, 10, -10)).max() < 1.5


def test_what_touches_nothing_beside_the_hole_takes_the_drift_of_what_is_around_it():
    """Lips lie in the hole alone, and get the drift of the skin rather than that of the wall."""
    photo = plain(SKIN)
    wall = np.arange(256) >= 170
    photo[:, wall] = WALL
    drawn = shifted(shifted(photo, (6, 6, 6), ~wall), (-10, 0, 10), wall)
    drawn[130:150, 110:150] = LIPS
    found = drift(photo, drawn, HOLE, SAME)
    assert np.abs(found[134:146, 116:144] + 6).max() < 1


def test_light_from_a_side_is_followed():
    """Drift that grows with the light, from one side of the hole to the other."""
    ramp = np.linspace(110, 220, 256)
    photo = np.repeat(np.round(ramp)[None, :, None], 256, 0).repeat(3, 2).astype(np.uint8)
    drawn = np.round(0.95 * photo).astype(np.uint8)
    found = drift(photo, drawn, HOLE, SAME)
    truth = photo.astype(float) - drawn
    assert np.abs(found - truth)[INSIDE].max() < 2


def test_an_edge_that_was_drawn_elsewhere_is_no_drift():
    photo = plain(SKIN)
    photo[:, 184:] = 30
    drawn = plain(SKIN)
    drawn[:, 189:] = 30
    assert np.abs(drift(photo, drawn, HOLE, SAME)[90:190, 80:170]).max() < 3  # of some 130 levels


def test_it_is_no_more_than_16_levels():
    photo = plain((100, 100, 100))
    assert np.abs(drift(photo, plain((118, 118, 118)), HOLE, SAME)).max() <= 16


@pytest.mark.parametrize("alpha", [box(0, 0, 0, 0), box(0, 0, 256, 256)])
def test_where_nothing_is_known_nothing_is_added(alpha):
    photo = plain(SKIN)
    assert not drift(photo, shifted(photo, (9, 9, 9)), alpha, SAME).any()


def test_a_hole_of_one_pixel_has_a_drift():
    photo = plain(SKIN)
    found = drift(photo, shifted(photo, (5, 5, 5)), box(128, 128, 129, 129), SAME)
    assert np.abs(found[128, 128] + 5).max() < 0.5
    assert not found[:100].any()
