"""HEIC and AVIF are read: upright, of many bits, and not beyond the bounds.

The two HEIC files are drawn quadrants, written once with pillow_heif 1.8.1, whose build can encode::

    image = Image.fromarray(np.rot90(quadrants(80, 120)))
    image.getexif().update({0x0112: 6, 0x010F: "drawn"})
    image.save("turned.heic", quality=90, chroma=444)
    deep = pillow_heif.from_bytes("RGB;16", (120, 80), (quadrants(80, 120).astype(np.uint16) * 257).tobytes())
    deep.save("ten_bits.heic", quality=90, chroma=444)
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import ImageTooLarge, ImageUnreadable
from pipelines.faces.formats import decoding, heif
from pipelines.faces.images import read_image, read_mask
from tests.pipelines.faces.drawn_files import exif_bomb, quadrants, saved, stored

HERE = Path(__file__).parent
HEIC = sorted(HERE.glob("*.heic"))
PICTURE = quadrants(80, 120)
CENTRES = np.s_[20::40, 30::60]


@pytest.mark.parametrize("path", HEIC, ids=lambda path: path.stem)
@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_heic_is_read_upright(path, brand):
    data = path.read_bytes()
    read = read_image(data[:8] + brand + data[12:])
    assert read.shape == PICTURE.shape
    assert np.abs(read.astype(int) - PICTURE)[CENTRES].max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("brand", [b"avif", b"mif1"])
def test_avif_is_read_upright(orientation, brand):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored(PICTURE, orientation), "AVIF", exif=exif, quality=95, subsampling="4:4:4")
    read = read_image(data[:8] + brand + data[12:])
    assert read.shape == PICTURE.shape
    assert np.abs(read.astype(int) - PICTURE)[CENTRES].max() <= 4


def test_of_an_animation_the_first_picture():
    frames = [Image.new("RGB", (64, 64), colour) for colour in ((250, 0, 0), (0, 0, 250))]
    data = saved(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    assert data[8:12] == b"avis"
    assert np.abs(read_image(data)[20, 20].astype(int) - (250, 0, 0)).max() <= 6


def test_alpha_of_avif():
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[..., 0] = 200
    picture[:32, :, 3] = 255
    read = read_image(saved(picture, "AVIF", quality=100))
    assert np.abs(read[8, 8].astype(int) - (200, 0, 0)).max() <= 6 and (read[56, 8] == 255).all()


def test_masks_too():
    mask = np.zeros((64, 96), np.uint8)
    mask[16:48, 32:64] = 255
    assert np.array_equal(read_mask(saved(mask, "AVIF", quality=100)), mask > 127)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_half_a_file_is_an_error(share):
    for data in (*(path.read_bytes() for path in HEIC), saved(PICTURE, "AVIF")):
        with pytest.raises(ImageUnreadable, match=r"damaged|not a picture"):
            read_image(data[: int(len(data) * share)])


def test_too_many_pixels(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 80 * 120 - 1)
    for data in (*(path.read_bytes() for path in HEIC), saved(PICTURE, "AVIF")):
        with pytest.raises(ImageTooLarge):
            read_image(data)


def test_a_size_that_is_a_lie_is_found():
    """The box that says the size is not what makes it: the pixels are."""
    data = bytearray(HEIC[0].read_bytes())
    at = data.index(b"ispe") + 8
    data[at : at + 8] = (8_000).to_bytes(4, "big") * 2
    with pytest.raises(ImageUnreadable):
        read_image(bytes(data))


def test_exif_of_avif_that_claims_gigabytes(monkeypatch):
    """Pillow would believe it while it opens the file; here the one that writes the test file must not."""
    exif = Image.Exif()
    exif[0x010F] = "x" * len(exif_bomb())
    data = saved(PICTURE, "AVIF", exif=exif)
    at = data.index(b"MM\0*")
    with pytest.raises(ImageUnreadable, match="damaged"):
        read_image(data[:at] + exif_bomb()[6:] + data[at + len(exif_bomb()) - 6 :])


def test_brands():
    box = (24).to_bytes(4, "big")
    assert heif.formats(box + b"ftypheic\0\0\0\0mif1heic") == ("HEIF",)
    assert heif.formats(box + b"ftypmif1\0\0\0\0mif1avif") == ("AVIF", "HEIF")
    assert heif.formats(b"\xff\xff\xff\xffftypavif") == ("AVIF", "HEIF")
    assert heif.formats(b"\0\0\0\0ftypisom") == heif.formats(b"") == heif.formats(b"\x89PNG") == ()
