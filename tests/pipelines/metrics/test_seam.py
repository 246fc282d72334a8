"""The seam on pictures whose steps are known."""

import cv2
import numpy as np
import pytest

from pipelines.errors import OptionInvalid
from pipelines.faces.masks import feather
from pipelines.metrics.seam import Step, beside, seam, step

EYES = 80.0  # eye distance in pixels
SKIN = np.ones((240, 240), bool)
FEATHER = 3


@pytest.fixture(scope="module")
def hole():
    """A disc in the middle."""
    return cv2.circle(np.zeros((240, 240), np.uint8), (120, 120), 50, 1, -1).astype(bool)


@pytest.fixture(scope="module")
def alpha(hole):
    return feather(hole, FEATHER)


def from_lab(lab: np.ndarray) -> np.ndarray:
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.clip(np.round(255 * rgb), 0, 255).astype(np.uint8)


def skin_like(slope: float = 0.0, grain: float = 0.0, seed: int = 0) -> np.ndarray:
    """CIELAB ``(240, 240, 3)`` of skin: a* falls towards the right by ``slope`` a pixel, L* has ``grain``."""
    lab = np.tile(np.float32([60, 18, 18]), (240, 240, 1))
    lab[..., 1] += slope * (120 - np.arange(240, dtype=np.float32))
    lab[..., 0] += grain * np.random.default_rng(seed).standard_normal((240, 240)).astype(np.float32)
    return lab


def test_an_untouched_photo_has_the_seam_of_skin(alpha):
    photo = from_lab(skin_like(0.1, 2))
    assert seam(photo, alpha, SKIN, EYES, photo) == (1, 1)
    assert tuple(seam(photo, alpha, SKIN, EYES)) == pytest.approx((1, 1), abs=0.25)


def test_a_shift_of_lightness_is_its_step(hole, alpha):
    """CIEDE2000 of greys that differ in L* alone is ΔL* / S_L; at L* = 50 between the two, S_L is 1."""
    lab = np.zeros((240, 240, 3), np.float32)
    for shift in (2, 4, 8):
        lab[..., 0] = np.where(hole, 50 + shift / 2, 50 - shift / 2)
        assert step(from_lab(lab), alpha, SKIN, EYES).colour == pytest.approx(shift, abs=0.25)


def test_a_colour_shift_counts_in_proportion_and_texture_stays(hole, alpha):
    """On skin whose colour changes slowly, a shift is a step that outgrows the skin's own."""
    lab = skin_like(0.1, 1.5)
    photo = from_lab(lab)
    own = step(photo, alpha, SKIN, EYES)
    found = {}
    for shift in (4, 8, 16):
        drawn = from_lab(lab + hole[..., None] * np.float32([0, 0, shift]))
        found[shift] = seam(drawn, alpha, SKIN, EYES, photo)
        assert found[shift].texture == pytest.approx(1, rel=0.35)
        assert found[shift].colour > 2
        assert found[shift].colour * own.colour == pytest.approx(step(drawn, alpha, SKIN, EYES).colour)
    assert 1.5 < found[8].colour / found[4].colour < 2.1
    assert 1.5 < found[16].colour / found[8].colour < 2.1


def test_a_blurred_inside_steps_in_texture_alone(hole, alpha):
    photo = from_lab(skin_like(0.1, 3))
    smooth = np.where(hole[..., None], cv2.GaussianBlur(photo, (0, 0), 3), photo)
    found = seam(smooth, alpha, SKIN, EYES, photo)
    assert found.texture > 4
    assert found.colour == pytest.approx(1, abs=0.25)


def test_texture_is_the_standard_deviation_of_fine_lightness(hole, alpha):
    """Against a flat hole the step is all of the photo's own, measured here on a stretch away from the hole."""
    lab = skin_like(0, 3)
    lab[hole] = (60, 18, 18)
    light = lab[..., 0]
    fine = (light - cv2.GaussianBlur(light, (0, 0), 0.02 * EYES))[:60].std()
    assert step(from_lab(lab), alpha, SKIN, EYES).texture == pytest.approx(fine, rel=0.15)


def test_only_skin_is_compared(alpha):
    """A wall beside the face is no seam: where the border runs along it, nothing is compared."""
    photo = from_lab(skin_like(0.1, 1))
    before = photo.copy()
    wall = np.arange(240) > 150
    before[:, wall] = (20, 40, 200)
    skin = SKIN & ~wall
    left = step(photo, alpha, skin, EYES)
    assert tuple(step(before, alpha, skin, EYES)) == pytest.approx(tuple(left), rel=0.05)
    assert step(before, alpha, SKIN, EYES).colour > 3 * left.colour
    assert np.isnan(step(photo, alpha, ~SKIN, EYES)).all()


def test_beside_the_hole_what_was_drawn_is_not_seen(hole, alpha):
    photo = from_lab(skin_like(0.1, 2))
    drawn = np.where((alpha > 0)[..., None], np.uint8(255), photo)
    assert beside(drawn, alpha, SKIN, EYES).colour == pytest.approx(beside(photo, alpha, SKIN, EYES).colour, abs=0.05)


@pytest.mark.parametrize("fill", [0, 1])
def test_without_a_border_there_is_no_seam(fill):
    picture = from_lab(skin_like())
    assert np.isnan(step(picture, np.full((240, 240), fill, np.float32), SKIN, EYES)).all()


def test_a_photo_measures_alike_at_twice_its_size(hole, alpha):
    lab = skin_like(0.1) + hole[..., None] * np.float32([3, 0, 0])
    picture = from_lab(lab)
    large = np.kron(picture, np.ones((2, 2, 1), np.uint8))
    twice = step(large, np.kron(alpha, np.ones((2, 2), np.float32)), np.ones((480, 480), bool), 2 * EYES)
    assert twice.colour == pytest.approx(step(picture, alpha, SKIN, EYES).colour, rel=0.1)


def test_what_does_not_fit_together_is_refused(alpha):
    picture = from_lab(skin_like())
    for arguments in ((picture[1:], alpha, SKIN, EYES), (picture, alpha, SKIN[1:], EYES), (picture, alpha, SKIN, 0.0)):
        with pytest.raises(OptionInvalid, match="one size"):
            step(*arguments)
    assert isinstance(step(picture, alpha, SKIN, EYES), Step)
