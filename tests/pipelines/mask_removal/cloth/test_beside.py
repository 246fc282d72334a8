"""What of the cloth lies beside a mask: straps and corners, drawn on an even skin."""

import cv2
import numpy as np
import pytest

from pipelines.mask_removal.cloth.beside import Surroundings, find_corners, find_straps
from pipelines.mask_removal.cloth.colours import to_lab

UNIT = 72.0
SKIN, CLOTH = (205, 160, 135), (235, 235, 232)


def lab(*colours: tuple) -> np.ndarray:
    return to_lab(np.uint8([colours]))[0]


@pytest.fixture
def scene():
    """A white mask on an even skin, and where it was found."""
    drawn = np.zeros((256, 256), bool)
    drawn[120:220, 70:190] = True
    crop = np.where(drawn[..., None], np.uint8(CLOTH), np.uint8(SKIN))
    everywhere = np.ones_like(drawn)
    return crop, Surroundings(drawn, everywhere, everywhere, UNIT)


def straps(crop: np.ndarray, among: Surroundings) -> np.ndarray:
    return find_straps(crop, lab(CLOTH), lab(SKIN)[0], among)


def corners(crop: np.ndarray, among: Surroundings) -> np.ndarray:
    return find_corners(crop, lab(CLOTH), lab(SKIN)[0], among)


@pytest.mark.parametrize("width", [2, 4])
def test_a_line_that_leads_away_is_a_strap(scene, width):
    crop, among = scene
    line = cv2.line(np.zeros(among.drawn.shape, np.uint8), (188, 125), (230, 90), 1, width) > 0
    crop[line] = CLOTH
    found = straps(crop, among)
    beside = line & ~among.drawn
    assert (found & beside).sum() > 0.9 * beside.sum() and (found & ~line).sum() < 2 * beside.sum()


def test_a_patch_and_a_line_elsewhere_are_none(scene):
    crop, among = scene
    crop[60:100, 200:240] = CLOTH
    crop[20:22, 40:120] = CLOTH
    assert not straps(crop, among).any()
    assert not straps(crop, among._replace(sides=np.zeros_like(among.sides))).any(), "nowhere to look"


def test_a_thin_cord_is_seen_in_a_finer_crop(scene):
    crop, among = scene
    fine = cv2.resize(crop, (512, 512), interpolation=cv2.INTER_NEAREST)
    cord = cv2.line(np.zeros((512, 512), np.uint8), (378, 250), (460, 180), 1, 2) > 0
    fine[cord] = CLOTH
    found = straps(fine, among.finer(2))
    beside = cord & ~among.finer(2).drawn
    assert found.shape == (512, 512) and (found & beside).sum() > 0.9 * beside.sum()


def test_a_corner_in_shadow_belongs_to_the_mask(scene):
    crop, among = scene
    crop[216:224, 70:80] = (205, 205, 202)
    found = corners(crop, among)
    assert found[221, 75] and found.sum() < 100


def test_what_goes_on_is_no_corner(scene):
    crop, among = scene
    crop[220:, 60:100] = CLOTH  # a shirt
    crop[130:140, 190:200] = SKIN
    assert not corners(crop, among).any()
