"""Regions lie where their names say, and move with the face."""

import cv2
import numpy as np
import pytest

from pipelines.anomaly_scoring.scoring.regions import REGIONS, region
from pipelines.errors import OptionInvalid
from pipelines.faces.measurements import lip_gap
from pipelines.faces.points import IRIS_LEFT, IRIS_RIGHT, Face

SHAPE = (512, 512)


def inside(area, points):
    column, row = np.floor(points).astype(int).T
    return area[row, column]


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_holds_upper_lip_and_nostrils_and_no_eye(face, name):
    area = region(face, SHAPE, name)
    assert area.dtype == bool and area.shape == SHAPE
    assert cv2.connectedComponents(area.astype(np.uint8))[0] == 2
    assert inside(area, face.points[31:36]).all() and inside(area, face.points[[50, 51, 52]]).all()
    assert inside(area, face.mesh[[129, 358]]).all()
    assert not inside(area, face.points[36:48]).any()
    assert not inside(area, np.concatenate([face.mesh[IRIS_LEFT], face.mesh[IRIS_RIGHT]])).any()


def test_mouth_and_nose_hold_the_lower_lip_and_the_bridge_and_the_upper_lip_does_not(face):
    lower, bridge = face.points[[56, 57, 58]], face.points[[28, 29]]
    both, lip = region(face, SHAPE, "mouth-nose"), region(face, SHAPE, "upper-lip")
    assert inside(both, lower).all() and inside(both, bridge).all()
    assert not inside(lip, lower).any() and not inside(lip, bridge).any()
    assert not (lip & ~both).any() and 0.15 < lip.sum() / both.sum() < 0.5


def test_the_face_holds_brows_and_cheeks_and_the_mouth_and_nose_do_not(face):
    whole, part = region(face, SHAPE, "face"), region(face, SHAPE, "mouth-nose")
    others = np.concatenate([face.points[17:27], face.mesh[[50, 280, 152 - 1]]])
    assert inside(whole, others).all() and not inside(part, others).any()
    assert not (part & ~whole).any()
    assert 0.15 < part.sum() / whole.sum() < 0.35
    left, top, right, bottom = face.box
    rows, columns = np.nonzero(whole)
    assert abs(rows.min() - top) < 3 and abs(rows.max() - bottom) < 3
    assert abs(columns.min() - left) < 3 and abs(columns.max() - right) < 3


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_moves_and_grows_with_the_face(face, name):
    once = region(face, SHAPE, name)
    moved = region(Face(face.mesh + np.array([40, -20], np.float32)), SHAPE, name)
    np.testing.assert_array_equal(moved[:400, 60:], once[20:420, 20:472])
    large, larger = (region(Face(face.mesh * n), (512 * n, 512 * n), name) for n in (2, 4))
    assert larger.sum() == pytest.approx(4 * large.sum(), rel=0.02)


@pytest.mark.parametrize("name", REGIONS)
def test_what_shows_between_open_lips_is_left_out(face, name):
    """The astronaut laughs: her teeth are no part of a score."""
    area = region(face, SHAPE, name)
    teeth = (face.points[[61, 62, 63]] + face.points[[67, 66, 65]]) / 2
    assert lip_gap(face) > 0.1
    assert not inside(area, teeth).any()
    assert inside(area, face.points[[51]] + np.array([0, 1])).all(), "the lips are"


@pytest.mark.parametrize("name", REGIONS)
@pytest.mark.parametrize("gap", [0.0, 0.01, 0.08])
def test_closed_and_slightly_parted_lips_count_whole(parted, name, gap):
    """A wide cleft looks to FaceMesh like slightly parted lips, and its lower end must count."""
    closed = parted(gap)
    area = region(closed, SHAPE, name)
    assert inside(area, closed.points[[61, 62, 63]] - np.array([0, 1])).all()
    if name != "upper-lip":
        assert inside(area, closed.points[[61, 62, 63]] + np.array([0, 1])).all()


def test_an_unknown_region_is_said(face):
    with pytest.raises(OptionInvalid, match="one of mouth-nose, upper-lip, face, or painted"):
        region(face, SHAPE, "chin")
