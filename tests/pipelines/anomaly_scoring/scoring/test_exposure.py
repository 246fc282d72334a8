"""How a face was lit: the skin's level, light that does not depend on it, and light from one side."""

import numpy as np
import pytest

from pipelines.anomaly_scoring.scoring.exposure import SHADOW, STANDARD, side_light, skin_level, standard_light
from pipelines.faces.points import Face, mirrored_face


def test_the_level_is_that_of_cheeks_and_forehead_alone(face):
    photo = np.full((512, 512, 3), 90, np.uint8)
    assert skin_level(photo, face) == pytest.approx(90)
    mouth = np.round(face.points[[48, 54, 57]]).astype(int)
    photo[mouth[:, 1].min() - 10 : mouth[:, 1].max() + 10, mouth[0, 0] : mouth[1, 0]] = 0
    assert skin_level(photo, face) == pytest.approx(90), "what lies at the mouth does not count"
    assert skin_level(np.zeros_like(photo), face) == 1


def test_the_level_follows_the_exposure(astronaut, face):
    darker = skin_level((astronaut * 0.5).astype(np.uint8), face) / skin_level(astronaut, face)
    assert darker == pytest.approx(0.5, abs=0.01)


def test_points_outside_the_picture_count_as_its_border(face):
    photo = np.full((512, 512, 3), 70, np.uint8)
    assert skin_level(photo, Face(face.mesh + np.array([300, 0], np.float32))) == pytest.approx(70)


def test_standard_light_is_the_same_in_half_the_light():
    rng = np.random.default_rng(0)
    photo = rng.uniform(30, 250, (8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(standard_light(photo / 2, 60), standard_light(photo, 120), rtol=1e-5)
    known = standard_light(np.full((1, 1, 3), 100, np.uint8), STANDARD)
    np.testing.assert_allclose(known, np.log(100 + SHADOW), rtol=1e-6)


def test_light_from_one_side_is_its_logarithm_and_favours_none(face):
    photo = np.full((512, 512, 3), 100, np.uint8)
    assert side_light(photo, face) == 0
    middle = round(float(face.points[27, 0]))
    photo[:, :middle] = 150
    assert side_light(photo, face) == pytest.approx(np.log(1.5), abs=0.01)
    flipped = np.ascontiguousarray(photo[:, ::-1])
    assert side_light(flipped, mirrored_face(face, 512)) == pytest.approx(side_light(photo, face), abs=0.01)
