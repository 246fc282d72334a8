"""Transparency that is used, and that nobody wrote."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipelines.faces.images import read_image, read_mask
from pipelines.faces.pixels.layers import laid_over, pixels, visible
from tests.pipelines.faces.drawn_files import quadrants, saved, stored


def bmp_of(picture: np.ndarray) -> bytes:
    """A BMP file of version 4, 32 bits, which names an alpha channel."""
    height, width = picture.shape[:2]
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = (
        struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, 0, 2835, 2835, 0, 0) + masks + b"BGRs" + bytes(48)
    )
    body = picture[::-1, :, [2, 1, 0, 3]].tobytes()
    return b"BM" + struct.pack("<IHHI", 14 + 108 + len(body), 0, 0, 14 + 108) + header + body


def written(picture: np.ndarray, kind: str) -> bytes:
    if kind == "BMP":
        return bmp_of(picture)
    return saved(picture, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))


def with_alpha(alpha) -> np.ndarray:
    return np.dstack([quadrants(), np.broadcast_to(np.uint8(alpha), (40, 60))])


@pytest.mark.parametrize("kind", ["BMP", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("alpha", [0, 255])
def test_alpha_that_is_the_same_everywhere_counts_for_nothing(kind, alpha):
    data = written(with_alpha(alpha), kind)
    assert alpha or Image.open(BytesIO(data)).mode == "RGBA"  # WebP leaves out what hides nothing
    assert np.array_equal(read_image(data), quadrants())


@pytest.mark.parametrize("kind", ["BMP", "PNG", "TIFF", "WEBP"])
def test_alpha_that_is_used_is_laid_over_white(kind):
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:, 40:] = 255
    read = read_image(written(with_alpha(alpha), kind))
    assert (read[:, :40] == 255).all() and np.array_equal(read[:, 40:], quadrants()[:, 40:])


def test_grey_and_palette_with_alpha_of_zero():
    grey = Image.merge("LA", [Image.new("L", (40, 40), 90), Image.new("L", (40, 40), 0)])
    assert (read_image(saved(grey, "PNG")) == 90).all()
    image = Image.new("P", (40, 40), 0)
    image.putpalette([10, 20, 30])
    assert read_image(saved(image, "PNG", transparency=0))[3, 3].tolist() == [10, 20, 30]


def test_a_mask_with_alpha_of_zero():
    marks = np.zeros((40, 60, 4), np.uint8)
    marks[10:20, 10:20, :3] = 255
    assert np.array_equal(read_mask(saved(marks, "PNG")), marks[..., 0] > 127)


def test_alpha_with_orientation():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(stored(with_alpha(0), 6), "PNG", exif=exif)
    assert np.array_equal(read_image(data), quadrants())


def test_what_is_visible():
    assert visible(Image.new("RGB", (4, 4))) is None
    assert visible(Image.new("RGBA", (4, 4), (1, 2, 3, 0))) is None
    assert visible(Image.new("RGBA", (4, 4), (1, 2, 3, 9))).mode == "RGBA"
    plain = laid_over("black", Image.new("RGBA", (4, 4), (200, 100, 50, 128)))
    assert np.abs(pixels(plain, "RGB").astype(int) - (100, 50, 25)).max() <= 1


def test_pixels_of_more_rows_than_are_converted_at_a_time():
    picture = np.random.default_rng(0).integers(0, 256, (700, 5, 3), dtype=np.uint8)
    array = pixels(Image.fromarray(picture), "RGB")
    assert np.array_equal(array, picture) and array.flags.writeable and array.flags.c_contiguous
    assert np.array_equal(pixels(Image.fromarray(picture), "L"), np.asarray(Image.fromarray(picture).convert("L")))


def test_the_case_of_the_field(shared):
    read = read_image(shared / "cases/bmp32_alpha_unused.bmp")
    upright = Image.fromarray(read_image(shared / "cases/upside_down.png")[::-1, ::-1]).resize((200, 200))
    assert np.abs(read.astype(int) - np.asarray(upright)).mean() < 8
