"""The repainted crop returns in its place, in the photo's colours and grain, and nothing else changes."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.faces.alignment import Alignment, align
from pipelines.faces.blending.compositing import composite
from pipelines.faces.landmarks import find_face
from pipelines.faces.masks import feather, suggest_mask


def about(scale: float, degrees: float, photo: tuple[float, float], size: int = 256) -> np.ndarray:
    a = scale * np.exp(1j * np.radians(degrees))
    matrix = np.array([[a.real, -a.imag, 0], [a.imag, a.real, 0]])
    matrix[:, 2] = size / 2 - matrix[:, :2] @ photo
    return matrix


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float, soft: float = 4) -> np.ndarray:
    """Blend weights: 1 inside the radius, falling to 0 over ``soft`` pixels."""
    x, y = (np.arange(shape[axis], dtype=np.float32) + 0.5 - centre[1 - axis] for axis in (1, 0))
    return np.clip((radius + soft - np.sqrt(x**2 + y[:, None] ** 2)) / soft, 0, 1)


def grainy(height: int, width: int, deviation: float, seed: int = 0) -> np.ndarray:
    """Skin-coloured light that changes slowly, with grain: as (r, g, b) stronger in blue, and partly shared."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
    light = np.stack([190 + 20 * x, 150 + 15 * y, 130 + 10 * x * y], -1)
    noise = rng.standard_normal((height, width, 4), dtype=np.float32)
    noise = deviation * (0.6 * noise[..., :3] + 0.8 * noise[..., 3:]) * (1, 1, 1.5)
    return np.clip(light + noise + 0.5, 0, 255).astype(np.uint8)


@pytest.mark.slow
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.2, 3),
    st.floats(-180, 180),
    st.tuples(st.floats(0, 200), st.floats(0, 160)),
    st.floats(0.5, 120),
)
@settings(max_examples=25)
def test_bit_identical_outside_alpha(seed, scale, degrees, middle, radius):
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (160, 200, 3), dtype=np.uint8)
    crop = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    before = photo.copy()
    alpha = disc((160, 200), middle, radius)
    result = composite(photo, crop, alpha, Alignment(about(scale, degrees, (100, 80), 64), 64, (160, 200)))
    assert result.shape == photo.shape and result.dtype == np.uint8
    assert np.array_equal(photo, before) and not np.shares_memory(result, photo)
    assert np.array_equal(result[alpha == 0], photo[alpha == 0])


def test_an_empty_alpha_gives_a_copy(astronaut, face):
    alignment = align(astronaut, face)
    result = composite(astronaut, alignment.crop(astronaut), np.zeros((512, 512), np.float32), alignment)
    assert np.array_equal(result, astronaut) and not np.shares_memory(result, astronaut)


def test_the_photos_own_crop_changes_nothing(astronaut):
    photo = astronaut[50:306, 90:346]
    result = composite(photo, photo, disc((256, 256), (128, 150), 60), Alignment(np.eye(2, 3), 256, (256, 256)))
    assert np.array_equal(result, photo)


@pytest.mark.parametrize("scale", [0.25, 0.7, 1.0, 1.8])
@pytest.mark.parametrize("degrees", [0, 17])
def test_what_is_drawn_in_the_crop_appears_where_it_belongs(scale, degrees):
    """A dark spot drawn in the crop has its centroid where to_photo says: half-pixel shifts would show."""
    photo = np.full((500, 500, 3), 200, np.uint8)
    alignment = Alignment(about(scale, degrees, (250, 250)), 256, (500, 500))
    spot = np.array([[131.7, 118.2]])
    x, y = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    dark = 150 * np.exp(-((x - spot[0, 0]) ** 2 + (y - spot[0, 1]) ** 2) / (2 * 4**2))
    crop = np.repeat((200 - dark + 0.5)[..., None], 3, 2).astype(np.uint8)
    result = composite(photo, crop, disc((500, 500), (250, 250), 30 / scale), alignment)
    weight = np.maximum(0, 195 - result[..., 0].astype(float))
    x, y = np.meshgrid(np.arange(500) + 0.5, np.arange(500) + 0.5)
    centroid = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    assert np.abs(centroid - alignment.to_photo(spot)[0]).max() < 0.1 / min(scale, 1)


@pytest.mark.slow
def test_aligned_again_it_is_the_repainted_crop(large_photo):
    """Back through the alignment, the composite shows what was drawn: here the photo's crop in softer light."""
    alignment = align(large_photo, find_face(large_photo))
    crop = cv2.GaussianBlur(alignment.crop(large_photo), (0, 0), 1.5)
    x, y = alignment.to_photo(np.array([[128, 165]]))[0]
    alpha = disc(large_photo.shape[:2], (x, y), 50 / alignment.scale, 4 / alignment.scale)
    again = alignment.crop(composite(large_photo, crop, alpha, alignment))
    inside = disc((256, 256), (128, 165), 44) == 1
    seen, drawn = (cv2.GaussianBlur(picture, (0, 0), 2).astype(int) for picture in (again, crop))
    assert np.abs(seen - drawn)[inside].mean() < 1.5


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.2, 1.0, 1.7])
@pytest.mark.parametrize("drift", [(9, -6, 4), (-8, -8, -8)])
def test_drift_of_colour_is_taken_off(scale, drift):
    photo = grainy(900, 900, 0)
    alignment = Alignment(about(scale, 8, (450, 450)), 256, (900, 900))
    crop = np.clip(alignment.crop(photo).astype(int) + drift, 0, 255).astype(np.uint8)
    alpha = disc((900, 900), (450, 450), 45 / scale, 3 / scale)
    result = composite(photo, crop, alpha, alignment).astype(int)
    assert np.abs((result - photo)[alpha > 0].mean(0)).max() < 1.5
    edge = (alpha > 0.3) & (alpha < 1)
    assert np.abs((result - photo)[edge].mean(0)).max() < 1


def test_drift_that_changes_along_the_border_is_followed():
    photo = grainy(256, 256, 0)
    slope = np.linspace(-10, 10, 256)[:, None].repeat(3, 1)
    crop = np.clip(photo + slope + 0.5, 0, 255).astype(np.uint8)
    alpha = disc((256, 256), (128, 128), 50, 3)
    result = composite(photo, crop, alpha, Alignment(np.eye(2, 3), 256, (256, 256))).astype(int)
    for row in (82, 128, 173):
        assert np.abs((result - photo)[row, 120:136].mean()) < 2.5


def test_a_new_shape_is_no_drift():
    """What the network draws inside the mask stays: only what it shows beside the mask tells of drift."""
    photo = grainy(256, 256, 0)
    crop = photo.copy()
    crop[110:146, 100:156] = 150, 60, 70  # lips
    result = composite(photo, crop, disc((256, 256), (128, 128), 50), Alignment(np.eye(2, 3), 256, (256, 256)))
    assert np.abs(result[112:144, 102:154].astype(int) - (150, 60, 70)).max() <= 3


def test_an_edge_drawn_elsewhere_is_not_smeared():
    """Beside the mask, a dark edge that the network shifted by five pixels must not darken the repainted skin."""
    photo = np.full((256, 256, 3), 180, np.uint8)
    photo[:, 186:] = 30
    crop = np.full((256, 256, 3), 180, np.uint8)
    crop[:, 191:] = 30
    result = composite(photo, crop, disc((256, 256), (128, 128), 55), Alignment(np.eye(2, 3), 256, (256, 256)))
    assert np.abs(result[100:156, 90:165].astype(int) - 180).max() <= 6  # of 150 levels


def test_beyond_the_crop_nothing_is_pasted():
    photo = grainy(300, 400, 0)
    alignment = Alignment(about(1, 30, (380, 150), 128), 128, (300, 400))
    crop = np.full((128, 128, 3), (250, 20, 20), np.uint8)
    result = composite(photo, crop, np.ones((300, 400), np.float32), alignment)
    x, y = np.meshgrid(np.arange(400) + 0.5, np.arange(300) + 0.5)
    at = alignment.to_crop(np.stack([x.ravel(), y.ravel()], 1)).reshape(300, 400, 2)
    outside = ((at < 0) | (at > 128)).any(-1)
    deep = ((at > 20) & (at < 108)).all(-1)
    assert np.array_equal(result[outside], photo[outside])
    assert (result[deep][:, 0] > 220).all()


class TestGrain:
    """A smooth repaint of a photo with grain gets grain like it."""

    shape = (700, 800)
    alignment = Alignment(about(0.2, 12, (400, 350)), 256, shape)
    alpha = disc(shape, (400, 350), 150, 12)

    def run(self, photo: np.ndarray, blur: float = 1.5, seed: int = 0) -> np.ndarray:
        crop = cv2.GaussianBlur(self.alignment.crop(photo), (0, 0), blur)
        return composite(photo, crop, self.alpha, self.alignment, seed=seed)

    @staticmethod
    def texture(picture: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
        picture = picture.astype(np.float32)
        return (picture - cv2.GaussianBlur(picture, (0, 0), 8))[box].reshape(-1, 3)

    hole = (slice(270, 430), slice(320, 480))

    @pytest.mark.slow
    @pytest.mark.parametrize("deviation", [2, 6])
    def test_strength_and_colour(self, deviation):
        photo = grainy(*self.shape, deviation)
        result = self.run(photo)
        wanted, found = (np.cov(self.texture(picture, self.hole).T) for picture in (photo, result))
        assert np.abs(np.sqrt(np.diag(found) / np.diag(wanted)) - 1).max() < 0.15
        alike = [np.corrcoef(self.texture(picture, self.hole).T) for picture in (photo, result)]
        assert np.abs(alike[1] - alike[0]).max() < 0.1

    @pytest.mark.slow
    def test_spectrum(self):
        """Coarse grain stays coarse: neighbouring pixels are as much alike as in the photo."""
        fine = grainy(*self.shape, 8).astype(np.float32)
        photo = np.clip(cv2.GaussianBlur(fine, (0, 0), 1.6) + 0.5, 0, 255).astype(np.uint8)
        result = self.run(photo)

        def likeness(picture: np.ndarray, step: int) -> float:
            grey = self.texture(picture, self.hole).mean(1).reshape(160, 160)
            return np.corrcoef(grey[:, step:].ravel(), grey[:, :-step].ravel())[0, 1]

        for step in (1, 2, 3):
            assert likeness(result, step) == pytest.approx(likeness(photo, step), abs=0.12)

    @pytest.mark.slow
    def test_even_through_the_feather(self):
        photo = grainy(*self.shape, 5)
        wide = disc(self.shape, (400, 350), 110, 70)
        crop = cv2.GaussianBlur(self.alignment.crop(photo), (0, 0), 1.5)
        result = composite(photo, crop, wide, self.alignment)
        texture = self.texture(result, (slice(None), slice(None))).reshape(*self.shape, 3).mean(-1)
        wanted = self.texture(photo, self.hole).mean(1).std()
        for low, high in ((0.05, 0.3), (0.3, 0.6), (0.6, 0.95)):
            assert texture[(wide > low) & (wide < high)].std() == pytest.approx(wanted, rel=0.15)

    @pytest.mark.slow
    def test_a_smooth_photo_gets_none(self):
        photo = grainy(*self.shape, 0)
        result = self.run(photo)
        assert self.texture(result, self.hole).std() < 0.7

    @pytest.mark.slow
    def test_what_is_there_already_is_not_added_twice(self):
        """Mottling of the size of crop pixels, drawn by the network as in the photo, stays as strong as it is."""
        rng = np.random.default_rng(5)
        mottled = cv2.GaussianBlur(rng.standard_normal((*self.shape, 3)).astype(np.float32), (0, 0), 6)
        photo = np.clip((170, 140, 120) + 8 * mottled / mottled.std() + 0.5, 0, 255).astype(np.uint8)
        result = composite(photo, self.alignment.crop(photo), self.alpha, self.alignment)
        ratio = self.texture(result, self.hole).std() / self.texture(photo, self.hole).std()
        assert 0.9 < ratio < 1.15

    @pytest.mark.slow
    def test_wrinkles_and_hair_are_no_grain(self):
        """A few strong lines around the mask do not turn into strong noise inside."""
        photo = grainy(*self.shape, 3)
        plain = self.run(photo)
        lined = photo.copy()
        for x in range(150, 650, 70):
            cv2.line(lined, (x, 0), (x + 50, 160), (60, 40, 30), 3)
            cv2.line(lined, (x, 699), (x + 50, 540), (60, 40, 30), 3)
        ratio = self.texture(self.run(lined), self.hole).std() / self.texture(plain, self.hole).std()
        assert 0.8 < ratio < 1.25

    @pytest.mark.slow
    def test_seed(self):
        photo = grainy(*self.shape, 4)
        assert np.array_equal(self.run(photo, seed=3), self.run(photo, seed=3))
        assert not np.array_equal(self.run(photo, seed=3), self.run(photo, seed=4))


@pytest.mark.slow
def test_no_seam_on_a_large_photo(large_photo):
    """Along the border of the suggested mask the composite's step is hardly larger than the photo's own."""
    face = find_face(large_photo)
    alignment = align(large_photo, face)
    mask = suggest_mask(face, large_photo.shape[:2], "lower-face")
    alpha = feather(mask, 0.04 * face.eye_distance)
    crop = cv2.GaussianBlur(alignment.crop(large_photo), (0, 0), 1.2).astype(int)
    crop = np.clip(crop + np.array([7, -5, 5]), 0, 255).astype(np.uint8)
    result = composite(large_photo, crop, alpha, alignment)
    inside = (alpha > 0.9) & ~mask | mask
    rim = cv2.dilate(mask.astype(np.uint8), np.ones((41, 41), np.uint8)).astype(bool) & (alpha == 0)
    inner = inside & ~cv2.erode(mask.astype(np.uint8), np.ones((41, 41), np.uint8)).astype(bool)
    step, own = (picture[rim].mean(0) - picture[inner].mean(0) for picture in (result, large_photo))
    assert np.abs(step - own).max() < 2


def test_shapes_must_fit(astronaut, face):
    alignment = align(astronaut, face)
    crop = alignment.crop(astronaut)
    alpha = np.zeros((512, 512), np.float32)
    for photo, part, weight in (
        (astronaut[:-1], crop, alpha),
        (astronaut, crop[:-1], alpha),
        (astronaut, crop, alpha[:-1]),
    ):
        with pytest.raises(ValueError, match=r"shapes|size"):
            composite(photo, part, weight, alignment)
