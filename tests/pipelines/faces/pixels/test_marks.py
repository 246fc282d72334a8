"""A mask of two values is used as it is meant, where that is plain."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from pipelines.faces.images import read_mask
from tests.pipelines.faces.drawn_files import saved, tiff_of

MARKS = np.zeros((40, 50), bool)
MARKS[10:30, 5:20] = True


def two(mark, ground) -> np.ndarray:
    return np.where(MARKS[..., None], np.uint8(mark), np.uint8(ground))


def palette(*colours, marks=MARKS) -> Image.Image:
    image = Image.fromarray(marks.astype(np.uint8), "P")
    image.putpalette([value for colour in colours for value in colour])
    return image


MEANT = {
    "white on black": saved(two((255,) * 3, (0,) * 3), "PNG"),
    "one bit": saved(MARKS, "PNG"),
    "0 and 1": saved(MARKS.astype(np.uint8), "PNG"),
    "0 and 1, BMP": saved(MARKS.astype(np.uint8), "BMP"),
    "0 and 1, RGB": saved(two((1,) * 3, (0,) * 3), "PNG"),
    "0 and 2": saved(MARKS.astype(np.uint8) * 2, "PNG"),
    "0 and 1, 16 bits, PNG": saved(MARKS.astype(np.uint16), "PNG"),
    "0 and 1, 16 bits, TIFF": tiff_of(MARKS.astype(np.uint16)),
    "0 and 1, 32 bits": tiff_of(MARKS.astype(np.int32)),
    "0 and 1, floats": tiff_of(MARKS.astype(np.float32)),
    "palette, black and dark red": saved(palette((0, 0, 0), (128, 0, 0)), "PNG"),
    "palette, GIF": saved(palette((0, 0, 0), (128, 0, 0)), "GIF"),
    "palette, two dark colours": saved(palette((68, 1, 84), (49, 104, 142)), "PNG"),
    "palette, two bright colours": saved(palette((255, 250, 200), (200, 250, 255)), "PNG"),
    "palette, all black": saved(palette((0, 0, 0), (0, 0, 0)), "PNG"),
    "palette, black and white turned": saved(palette((255,) * 3, (0,) * 3, marks=~MARKS), "PNG"),
    "palette, the ground transparent": saved(palette((9, 9, 9), (128, 0, 0)), "PNG", transparency=0),
    "red on black": saved(two((255, 0, 0), (0, 0, 0)), "PNG"),
    "red on white": saved(two((255, 0, 0), (255, 255, 255)), "PNG"),
    "yellow on white": saved(two((255, 255, 0), (255, 255, 255)), "PNG"),
    "red on nothing": saved(two((255, 0, 0, 255), (0, 0, 0, 0)), "PNG"),
    "red on nothing, white below": saved(two((255, 0, 0, 255), (255, 255, 255, 0)), "PNG"),
    "red on nothing, TIFF": saved(two((255, 0, 0, 255), (0, 0, 0, 0)), "TIFF"),
    "red on nothing, WebP": saved(two((255, 0, 0, 255), (0, 0, 0, 0)), "WEBP", lossless=True),
    "translucent red on nothing": saved(two((255, 0, 0, 90), (0, 0, 0, 0)), "PNG"),
    "white on nothing": saved(two((255, 255, 255, 255), (0, 0, 0, 0)), "PNG"),
    "red on black, opaque alpha": saved(two((255, 0, 0, 255), (0, 0, 0, 255)), "PNG"),
    "red on black, unused alpha": saved(two((255, 0, 0, 0), (0, 0, 0, 0)), "PNG"),
    "grey with alpha": saved(Image.fromarray(MARKS.astype(np.uint8)).convert("LA"), "PNG"),
    "inks": saved(Image.fromarray(two((255, 0, 0), (0, 0, 0))).convert("CMYK"), "TIFF"),
}


@pytest.mark.parametrize("data", MEANT.values(), ids=MEANT)
def test_what_is_plain_is_used(data):
    assert np.array_equal(read_mask(data), MARKS)


def test_soft_edges_of_one_colour_on_nothing():
    alpha = np.asarray(Image.fromarray(MARKS.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(2)))
    picture = np.dstack([np.full_like(alpha, 255), np.zeros_like(alpha), np.zeros_like(alpha), alpha])
    assert np.array_equal(read_mask(saved(picture, "PNG")), alpha > alpha.max() // 2)


def test_black_on_white_marks_the_white():
    assert np.array_equal(read_mask(saved(two((0,) * 3, (255,) * 3), "PNG")), ~MARKS)


def test_black_on_nothing_marks_nothing():
    """It may be paint, or what is left of a picture in which a hole is to be filled."""
    assert not read_mask(saved(two((0, 0, 0, 255), (0, 0, 0, 0)), "PNG")).any()


@pytest.mark.parametrize(
    ("mark", "ground"),
    [((200,) * 3, (90,) * 3), ((200,) * 3, (255,) * 3), ((255, 0, 0), (0, 0, 255)), ((250, 255, 0), (0, 60, 0))],
)
def test_what_is_not_plain_goes_by_luminance(mark, ground):
    expected = [
        sum(part * share for part, share in zip(one, (0.299, 0.587, 0.114), strict=True)) > 127
        for one in (mark, ground)
    ]
    assert np.array_equal(read_mask(saved(two(mark, ground), "PNG")), np.where(MARKS, *expected))


def test_three_values_go_by_luminance():
    picture = two((255, 0, 0), (0, 0, 0))
    picture[0, 0] = 255
    expected = np.zeros_like(MARKS)
    expected[0, 0] = True
    assert np.array_equal(read_mask(saved(picture, "PNG")), expected)
    labels = MARKS.astype(np.uint8)
    labels[0, 0] = 2
    assert not read_mask(saved(labels, "PNG")).any()


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255])
def test_one_value_goes_by_luminance(value):
    assert (read_mask(saved(np.full((40, 50), value, np.uint8), "PNG")) == (value > 127)).all()
    assert (read_mask(saved(palette((value,) * 3, marks=MARKS & False), "PNG")) == (value > 127)).all()
