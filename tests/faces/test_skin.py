"""The skin's colour: where it is taken, and known answers."""

import numpy as np
import pytest
import skimage.data

from pipelines.faces.mesh import Face
from pipelines.faces.skin import LEFT_CHEEK, colour_at, lightness, skin_colour, typology_angle


def test_the_colour_is_that_of_cheeks_and_forehead_alone(face):
    photo = np.full((512, 512, 3), (90, 80, 70), np.uint8)
    mouth = np.round(face.points[[48, 54, 57]]).astype(int)
    photo[mouth[:, 1].min() - 10 : mouth[:, 1].max() + 10, mouth[0, 0] : mouth[1, 0]] = 0
    assert skin_colour(photo, face).tolist() == [90, 80, 70]
    middle = round(float(face.points[27, 0]))
    photo[:, middle:] = 10
    assert colour_at(photo, face, LEFT_CHEEK).tolist() == [90, 80, 70]


def test_points_outside_the_picture_count_as_its_border(face):
    photo = np.full((512, 512, 3), 70, np.uint8)
    assert colour_at(photo, Face(face.mesh + np.array([300, 0], np.float32)), LEFT_CHEEK).tolist() == [70] * 3


def test_lightness_of_known_colours():
    assert lightness(np.array([255, 255, 255])) == pytest.approx(100, abs=0.01)
    assert lightness(np.array([119, 119, 119])) == pytest.approx(50.0, abs=0.1)
    assert lightness(np.zeros(3)) == pytest.approx(0, abs=0.01)


def test_the_typology_angle_rises_with_the_skin_s_lightness(face):
    photo = skimage.data.astronaut()
    angles = [typology_angle((photo * gain).astype(np.uint8), face) for gain in (0.3, 0.6, 1.0)]
    assert angles == sorted(angles) and angles[0] < 0 < angles[-1]


def test_the_typology_angle_of_a_known_colour(face):
    """sRGB (222, 171, 127) is L* 73.6, b* 29.1 by scikit-image's independent conversion of one pixel."""
    lightness, _, yellow = skimage.color.rgb2lab(np.array([[[222, 171, 127]]], np.uint8))[0, 0]
    skin = np.full((512, 512, 3), (222, 171, 127), np.uint8)
    assert typology_angle(skin, face) == pytest.approx(np.degrees(np.arctan((lightness - 50) / yellow)), abs=0.01)
    assert 35 < typology_angle(skin, face) < 45
