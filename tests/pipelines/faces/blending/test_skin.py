"""The skin's colour: where it is taken, and known answers."""

import numpy as np
import pytest
import skimage.data

from pipelines.faces.alignment import align
from pipelines.faces.blending.skin import LEFT_CHEEK, colour_at, lightness, skin_colour, typology_angle, visible_face
from pipelines.faces.landmarks import find_faces
from pipelines.faces.masks import face_region, grow, suggest_mask
from pipelines.faces.points import Face


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


SKIN = (200, 150, 120)


@pytest.mark.slow
@pytest.mark.parametrize("below", [SKIN, (130, 95, 76), (215, 162, 130)], ids=["even", "in shadow", "lit"])
def test_a_neck_of_the_skin_s_colour_is_the_person_s_own(face, below):
    photo, hole = np.full((512, 512, 3), SKIN, np.uint8), suggest_mask(face, (512, 512), "lower-face")
    chin = round(float(face.points[8, 1]))
    photo[chin:] = below
    seen, own = visible_face(photo, face, hole), face_region(face, (512, 512))
    assert seen[own].all()
    neck = seen & ~own
    assert neck[chin:].sum() > 0.08 * own.sum()
    assert not neck[: round(float(face.points[36:48, 1].mean()))].any(), "nothing beside the eyes or above is a neck"
    assert np.flatnonzero(neck.any(1)).max() < chin + face.eye_distance


@pytest.mark.parametrize("below", [(40, 90, 200), (255, 255, 255), (190, 30, 40), (40, 160, 70), (5, 5, 5), "noise"])
def test_a_drape_or_wall_is_not(face, below):
    photo, own = np.full((512, 512, 3), SKIN, np.uint8), face_region(face, (512, 512))
    other = np.random.default_rng(0).integers(0, 256, photo.shape) if below == "noise" else below
    photo = np.where(own[..., None], photo, other).astype(np.uint8)
    seen = visible_face(photo, face, suggest_mask(face, (512, 512), "lips-to-nose"))
    assert seen[own].all()
    # Colours are compared after a blur of some pixels, so the very border may count as skin.
    assert (seen & ~own).sum() < 0.03 * own.sum()


def test_what_is_to_be_repainted_is_no_skin_to_compare_with(face):
    photo, own = np.full((512, 512, 3), SKIN, np.uint8), face_region(face, (512, 512))
    hole = suggest_mask(face, (512, 512), "lower-face")
    marked = np.where(hole[..., None], (20, 200, 40), photo).astype(np.uint8)
    # Colours are compared after a blur of some pixels, which the hole's own colour reaches.
    apart = ~grow(hole, 5)
    seen = visible_face(photo, face, hole) & apart
    assert (seen & ~own).sum() > 0.05 * own.sum()
    assert np.array_equal(visible_face(marked, face, hole) & apart, seen)
    assert np.array_equal(visible_face(photo, face, own), own), "with no skin known, nothing below the jaw is"


def test_the_neck_of_a_real_photo(astronaut):
    """The spacesuit's collar and the flag behind are not hers; the neck between chin and collar is."""
    face = find_faces(astronaut)[0]
    alignment = align(astronaut, face)
    crop, there = alignment.crop(astronaut), alignment.face_in_crop(face)
    seen = visible_face(crop, there, suggest_mask(there, crop.shape[:2], "lips-to-nose"))
    added = seen & ~face_region(there, crop.shape[:2])
    assert 200 < added.sum() < 6000
