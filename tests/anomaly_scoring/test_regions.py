"""Regions lie where their names say, and move with the face."""

import cv2
import numpy as np
import pytest

from pipelines.anomaly_scoring.regions import REGIONS, region
from pipelines.errors import OptionInvalid
from pipelines.faces.landmarks import IRIS_LEFT, IRIS_RIGHT, Face

SHAPE = (512, 512)


def inside(area, points):
    column, row = np.floor(points).astype(int).T
    return area[row, column]


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_holds_mouth_and_nose_and_no_eye(face, name):
    area = region(face, SHAPE, name)
    assert area.dtype == bool and area.shape == SHAPE
    assert cv2.connectedComponents(area.astype(np.uint8))[0] == 2
    assert inside(area, face.points[28:36]).all() and inside(area, face.points[48:68]).all()
    assert inside(area, face.mesh[[129, 358]]).all()
    assert not inside(area, face.points[36:48]).any()
    assert not inside(area, np.concatenate([face.mesh[IRIS_LEFT], face.mesh[IRIS_RIGHT]])).any()


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
    twice = region(Face(face.mesh * 2), (1024, 1024), name)
    assert twice.sum() == pytest.approx(4 * once.sum(), rel=0.02)


def test_an_unknown_region_is_said(face):
    with pytest.raises(OptionInvalid, match="one of mouth-nose, face, or painted"):
        region(face, SHAPE, "chin")
