"""A face behind a mask: found without what the mask shows, and nearer to the truth than through it."""

import numpy as np
import pytest
import skimage.data

from pipelines.faces.alignment import align
from pipelines.faces.blending.skin import visible_face
from pipelines.faces.landmarks import find_crop_face
from pipelines.mask_removal.covered import covered, skin_beside


@pytest.fixture(scope="module")
def crops(face, masked) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The astronaut's aligned face, the same in a mask, and where the mask is."""
    alignment = align(skimage.data.astronaut(), face)
    photo, mask = masked
    return alignment.crop(skimage.data.astronaut()), alignment.crop(photo), alignment.crop_mask(mask)


def test_the_hole_has_the_mean_colour_of_the_rest(crops):
    _, crop, hole = crops
    given = covered(crop, hole)
    assert given.dtype == np.uint8 and np.array_equal(given[~hole], crop[~hole])
    assert np.abs(given[hole] - crop[~hole].mean(0)).max() < 1


def test_the_jaw_is_nearer_to_the_truth_than_through_the_mask(crops):
    bare, crop, hole = crops
    true, through, behind = (find_crop_face(one) for one in (bare, crop, covered(crop, hole)))
    off = [np.linalg.norm(one.points[:17] - true.points[:17], axis=1).mean() for one in (behind, through)]
    assert off[0] < off[1]
    assert off[0] < 0.15 * true.eye_distance


def test_what_lies_under_the_mask_says_nothing_of_the_skin_beside_it(crops):
    bare, crop, hole = crops
    wanted = skin_beside(crop, hole)
    assert 0.2 < wanted.mean() < 0.8
    for under in (np.uint8(0), bare):
        assert np.array_equal(skin_beside(np.where(hole[..., None], under, crop), hole), wanted)


def test_where_no_face_is_found_the_guess_counts(crops):
    hole = np.zeros((256, 256), bool)
    hole[150:, 60:200] = True
    blank = np.full((256, 256, 3), 90, np.uint8)
    assert skin_beside(blank, hole).all()
    guess = find_crop_face(crops[0])
    assert np.array_equal(skin_beside(blank, hole, guess), visible_face(blank, guess, hole))
