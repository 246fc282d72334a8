import numpy as np
import pytest

from pipelines.mask_removal.references.fusion import fuse
from pipelines.mask_removal.references.warping import WarpedReference

SIZE = 256
LEFT = np.arange(SIZE) < SIZE // 2


def reference(level: int, seen: np.ndarray | float = 1.0, yaw: float = 0.0, detail: float = 20.0) -> WarpedReference:
    """A picture of one grey with vertical stripes of a known contrast, trusted as far as ``seen``."""
    stripes = detail * np.sin(np.arange(SIZE) * 2 * np.pi / 8)
    image = np.broadcast_to((level + stripes)[:, None], (SIZE, SIZE, 3)).round().clip(0, 255).astype(np.uint8)
    confidence = np.broadcast_to(np.float32(seen), (SIZE, SIZE)).astype(np.float32)
    return WarpedReference(image, confidence, yaw, np.zeros((0, 2), np.float32))


def test_a_single_reference_comes_back_bit_for_bit():
    one = reference(100, np.random.default_rng(0).random((SIZE, SIZE)))
    fused = fuse([one], 30.0)
    assert np.array_equal(fused.image, one.image) and np.array_equal(fused.confidence, one.confidence)
    assert np.array_equal(fused.weights, np.ones((1, SIZE, SIZE)))


def test_the_same_photo_twice_changes_nothing():
    one = reference(100, LEFT[None] * 0.8)
    fused = fuse([one, one], 0.0)
    assert np.abs(fused.image.astype(int) - one.image).max() <= 1
    assert np.allclose(fused.confidence, one.confidence, atol=1e-6)


@pytest.mark.parametrize("count", [2, 5])
def test_weights_are_parts_of_one_whole(count):
    random = np.random.default_rng(count)
    fused = fuse([reference(40 * i, random.random((SIZE, SIZE)), 8.0 * i) for i in range(count)], 0.0)
    assert fused.weights.shape == (count, SIZE, SIZE) and fused.weights.dtype == fused.confidence.dtype == np.float32
    assert fused.weights.min() >= 0 and np.allclose(fused.weights.sum(0), 1, atol=1e-5)
    assert fused.image.dtype == np.uint8
    assert fused.confidence.min() >= 0 and fused.confidence.max() <= 1


def test_each_side_comes_from_the_photo_that_shows_it():
    fused = fuse([reference(60, LEFT[None]), reference(180, ~LEFT[None])], 0.0)
    assert fused.weights[0, :, :120].min() > 0.999 and fused.weights[1, :, -120:].min() > 0.999
    assert np.allclose(fused.confidence, 1), "together they show the whole face"


def test_where_a_photo_shows_nothing_it_gives_nothing():
    fused = fuse([reference(60), reference(180, LEFT[None])], 0.0)
    assert fused.weights[1][:, ~LEFT].max() < 1e-5
    assert np.allclose(fused.confidence, 1, atol=1e-5)


def test_where_none_shows_anything_nothing_is_trusted():
    fused = fuse([reference(60, 0.0), reference(180, 0.0)], 0.0)
    assert (fused.confidence == 0).all() and np.allclose(fused.weights.sum(0), 1)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    "worse", [{"detail": 8.0}, {"yaw": 40.0}, {"seen": 0.6}], ids=["soft", "turned away", "half seen"]
)
def test_the_better_photo_leads(worse, order):
    better, other = reference(60), reference(180, **worse)
    weights = fuse([better, other][::order], 0.0).weights[::order]
    assert weights[0].min() > 0.9


def test_a_view_like_the_photos_own_is_better_than_a_frontal_one():
    weights = fuse([reference(60), reference(180, yaw=40.0)], 40.0).weights
    assert weights[1].min() > 0.9


def test_two_equally_good_photos_are_not_averaged():
    """A mean of two photos shows two mouths."""
    weights = fuse([reference(60), reference(180)], 0.0).weights
    assert weights.max(0).min() > 0.9
    assert (weights.argmax(0) == weights[0, 0].argmax()).all(), "one of them leads everywhere"


def test_no_feature_is_put_together_from_scraps():
    """Confidences that change from pixel to pixel change no pictures from pixel to pixel."""
    random = np.random.default_rng(3)
    seen = [0.7 + 0.3 * random.random((SIZE, SIZE)) for _ in range(2)]
    weights = fuse([reference(60, seen[0]), reference(180, seen[1])], 0.0).weights
    assert len(np.unique(weights.argmax(0))) == 1
