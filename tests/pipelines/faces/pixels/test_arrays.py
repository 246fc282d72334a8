"""Arrays that are photos and masks, those that are plainly meant as masks, and those that are neither."""

import numpy as np
import pytest

from pipelines.errors import ArrayInvalid, MaskEmpty, MaskMismatch
from pipelines.faces.pixels.arrays import as_mask, as_photo, mask_of

MARKED = np.zeros((40, 50), bool)
MARKED[10:20, 5:30] = True


def painted(colour: tuple[int, ...], ground: tuple[int, ...]) -> np.ndarray:
    return np.where(MARKED[..., None], np.uint8(colour), np.uint8(ground))


def soft(most: float) -> np.ndarray:
    """The mask with an edge of a third of what it holds."""
    values = MARKED * most
    values[9, 5:30] = most / 3
    return values


@pytest.mark.parametrize(
    "mask",
    [
        MARKED,
        MARKED[..., None],
        MARKED[None],
        MARKED.astype(np.uint8),
        MARKED.astype(np.uint8) * 255,
        MARKED.astype(np.int64) * 3,
        MARKED.astype(np.uint16) * 65535,
        MARKED.astype(np.float32),
        MARKED * 0.5,
        MARKED.astype(np.int8),
        soft(1.0),
        soft(255.0).astype(np.uint8),
        painted((255, 255, 255), (0, 0, 0)),
        painted((255, 0, 0), (255, 255, 255)),
        painted((255, 0, 0, 255), (0, 0, 0, 0)),
        painted((0, 0, 255, 120), (0, 0, 0, 0)),
    ],
    ids=lambda mask: f"{mask.dtype}{mask.shape}",
)
def test_masks_that_are_plain(mask):
    found = as_mask(mask)
    assert found.dtype == bool and np.array_equal(found, MARKED)


def test_a_mask_of_truth_values_is_not_copied():
    assert as_mask(MARKED) is MARKED


@pytest.mark.parametrize(("value", "marked"), [(0, False), (1, True), (255, True)])
def test_a_mask_of_one_value_marks_nothing_or_all(value, marked):
    assert (as_mask(np.full((4, 5), value)) == marked).all()


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (MARKED.astype(int) + 1, "values from 1 to 2, which do not say"),
        (MARKED * np.arange(50), "values from 0 to 29, which do not say"),
        (MARKED * -1.0, "values from -1 to 0, which do not say"),
        (MARKED * np.nan, "values that are no numbers"),
        (np.where(MARKED, np.inf, 0), "values that are no numbers"),
        (MARKED.ravel(), "an array of 2000 bool values"),
        (np.zeros((4, 5, 2), np.uint8), "an array of 4 × 5 × 2 uint8 values"),
        (np.zeros((4, 5, 3), bool), "an array of 4 × 5 × 3 bool values"),
        (np.zeros((2, 4, 5, 3), np.uint8), "an array of 2 × 4 × 5 × 3 uint8 values"),
        (np.zeros((0, 5), bool), "an array of 0 × 5 bool values"),
        (np.array(True), "an array of single bool values"),
        (np.full((4, 5), "x"), "an array of 4 × 5 <U1 values"),
        (MARKED + 0j, "an array of 40 × 50 complex128 values"),
        (MARKED.tolist(), "no array"),
    ],
)
def test_masks_that_may_mean_this_or_that(mask, sentence):
    with pytest.raises(ArrayInvalid) as error:
        as_mask(mask)
    assert sentence in str(error.value) and str(error.value).endswith("as read_mask does.")


def test_a_photo_is_rgb_of_eight_bits():
    photo = np.zeros((4, 5, 3), np.uint8)
    assert as_photo(photo) is photo


@pytest.mark.parametrize(
    ("photo", "sentence"),
    [
        (np.zeros((4, 5), np.uint8), "4 × 5 uint8"),
        (np.zeros((4, 5, 4), np.uint8), "4 × 5 × 4 uint8"),
        (np.zeros((3, 4, 5), np.uint8), "3 × 4 × 5 uint8"),
        (np.zeros((4, 5, 3), np.float32), "4 × 5 × 3 float32"),
        (np.zeros((4, 5, 3), np.uint16), "4 × 5 × 3 uint16"),
        (np.zeros((0, 5, 3), np.uint8), "0 × 5 × 3 uint8"),
        ("photo.jpg", "no array of pixels"),
    ],
)
def test_what_is_no_photo(photo, sentence):
    with pytest.raises(ArrayInvalid) as error:
        as_photo(photo)
    assert sentence in str(error.value) and "photo.jpg" not in str(error.value)


def test_a_mask_is_checked_against_its_photo():
    photo = np.zeros((4, 5, 3), np.uint8)
    assert mask_of(photo, None) is None
    assert mask_of(photo, np.ones((4, 5), bool)).all()
    assert np.array_equal(mask_of(photo, np.eye(4, 5, dtype=int)), np.eye(4, 5, dtype=bool))
    with pytest.raises(MaskMismatch, match="5 × 5 pixels and the photo 5 × 4"):
        mask_of(photo, np.ones((5, 5), bool))
    with pytest.raises(MaskMismatch, match="4 × 5 pixels and the photo 5 × 4"):
        mask_of(photo, np.ones((5, 4), bool))  # on its side
    with pytest.raises(MaskEmpty):
        mask_of(photo, np.zeros((4, 5), bool))
    with pytest.raises(ArrayInvalid, match="The mask"):
        mask_of(photo, np.ones((4, 5, 7), bool))
    with pytest.raises(ArrayInvalid, match="The photo"):
        mask_of(photo[..., 0], None)
