"""Reading every kind of picture that people have, and refusing the rest with a sentence."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pipelines.errors import ImageTooSmall, ImageUnreadable, MaskMismatch
from pipelines.faces.images import encode_png, read_image, read_mask, write_png
from tests.pipelines.faces import drawn_files
from tests.pipelines.faces.drawn_files import chunk, saved, stored


@pytest.fixture
def quadrants() -> np.ndarray:
    """40 x 60 pixels, every corner of another colour."""
    return drawn_files.quadrants()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM", "WEBP"])
def test_lossless_formats_come_back_exactly(quadrants, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    assert np.array_equal(read_image(saved(Image.fromarray(quadrants), kind, **options)), quadrants)


@pytest.mark.parametrize("kind", ["JPEG", "MPO"])
def test_jpeg_is_close(quadrants, kind):
    image = Image.fromarray(quadrants)
    read = read_image(saved(image, kind, quality=95))
    assert np.abs(read.astype(int) - quadrants)[5:15, 5:25].max() <= 4


def test_every_source_reads_the_same(quadrants, tmp_path):
    data = saved(Image.fromarray(quadrants), "PNG")
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    with open(path, "rb") as stream:
        reads = [
            read_image(path),
            read_image(str(path)),
            read_image(data),
            read_image(BytesIO(data)),
            read_image(stream),
        ]
    assert all(np.array_equal(read, quadrants) for read in reads)
    assert all(read.flags.c_contiguous and read.flags.writeable for read in reads)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(quadrants, orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    read = read_image(saved(Image.fromarray(stored(quadrants, orientation)), kind, exif=exif, **options))
    assert read.shape == quadrants.shape
    centres = np.s_[10::20, 15::30]
    assert np.abs(read.astype(int) - quadrants)[centres].max() <= 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_does_not_stop_the_picture(quadrants):
    read = read_image(saved(Image.fromarray(quadrants), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert np.array_equal(read, quadrants)


def test_cmyk_jpeg_with_adobes_inverted_inks(quadrants):
    """Pillow writes CMYK JPEG as Photoshop does: inverted, with Adobe's marker."""
    data = saved(Image.fromarray(quadrants).convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data
    assert np.abs(read_image(data).astype(int) - quadrants)[5:15, 5:25].max() <= 5


def test_cmyk_tiff(quadrants):
    read = read_image(saved(Image.fromarray(quadrants).convert("CMYK"), "TIFF"))
    assert np.abs(read.astype(int) - quadrants).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(kind):
    ramp = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype(np.uint16)
    read = read_image(saved(Image.fromarray(ramp), kind))
    assert np.abs(read[..., 0].astype(float) - ramp / 257).max() <= 0.51
    assert np.array_equal(read[..., 0], read[..., 2])


def test_sixteen_bit_rgb_png_is_scaled():
    ramp = np.linspace(0, 65535, 40 * 40 * 3).reshape(40, 40, 3).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in ramp)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, body)
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
    )
    assert np.abs(read_image(data).astype(float) - ramp / 257).max() <= 1


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_float_tiff_is_scaled(top):
    ramp = np.linspace(0, top, 40 * 40, dtype=np.float32).reshape(40, 40)
    read = read_image(saved(Image.fromarray(ramp), "TIFF"))
    assert np.abs(read[..., 0] - ramp * 255 / top).max() <= 0.51


def test_palette_with_a_transparent_entry():
    image = Image.new("P", (40, 40), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.paste(1, (20, 0, 40, 40))
    read = read_image(saved(image, "PNG", transparency=0))
    assert tuple(read[5, 5]) == (255, 255, 255)
    assert tuple(read[5, 35]) == (200, 100, 50)


def test_alpha_is_laid_over_white():
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[..., 0] = 200
    picture[:, 20:, 3] = 255
    picture[:20, :20, 3] = 128
    read = read_image(saved(Image.fromarray(picture), "PNG"))
    assert tuple(read[0, 30]) == (200, 0, 0)
    assert tuple(read[30, 0]) == (255, 255, 255)
    assert np.abs(read[0, 0].astype(int) - (227, 127, 127)).max() <= 1


def test_grey_with_alpha_and_one_bit():
    layer = Image.merge("LA", [Image.new("L", (40, 40), 90), Image.new("L", (40, 40), 255)])
    assert tuple(read_image(saved(layer, "PNG"))[3, 3]) == (90, 90, 90)
    bits = Image.new("1", (40, 40), 1)
    bits.paste(0, (0, 0, 20, 40))
    read = read_image(saved(bits, "PNG"))
    assert read[5, 5, 0] == 0 and read[5, 35, 0] == 255


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_frames_the_first_is_taken(kind):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ((250, 0, 0), (0, 0, 250))]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert Image.open(BytesIO(data)).n_frames == 2
    assert tuple(read_image(data)[20, 20]) == (250, 0, 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_half_a_picture_is_an_error(kind, share):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8))
    data = saved(noise, kind)
    with pytest.raises(ImageUnreadable, match=r"damaged or incomplete|not a picture"):
        read_image(data[: int(len(data) * share)])


def test_half_a_progressive_jpeg_is_an_error():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8))
    data = saved(noise, "JPEG", progressive=True)
    with pytest.raises(ImageUnreadable, match="damaged or incomplete"):
        read_image(data[: len(data) * 2 // 3])


@pytest.mark.parametrize("content", [b"", b"\0", b"This is a letter, not a photo.\n" * 40, b"<html></html>"])
def test_what_is_no_picture(content, tmp_path):
    path = tmp_path / "letter.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageUnreadable, match="not a picture") as caught:
        read_image(path)
    assert "letter" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(ImageUnreadable, match="cannot be opened"):
            read_image(path)


def test_formats_that_nobody_needs_stay_closed(quadrants):
    with pytest.raises(ImageUnreadable, match="not a picture"):
        read_image(saved(Image.fromarray(quadrants), "EPS"))


def test_too_small():
    assert read_image(saved(Image.new("RGB", (32, 32)), "PNG")).shape == (32, 32, 3)
    with pytest.raises(ImageTooSmall, match="31 × 200 pixels"):
        read_image(saved(Image.new("RGB", (31, 200)), "PNG"))


def test_mask_threshold_and_transparency():
    picture = np.zeros((4, 6, 4), np.uint8)
    picture[..., 3] = 255
    picture[0, 0] = 127, 127, 127, 255
    picture[0, 1] = 128, 128, 128, 255
    picture[0, 2] = 255, 255, 255, 0
    picture[0, 3] = 255, 255, 255, 255
    picture[0, 4] = 0, 0, 255, 255  # pure blue is dark
    mask = read_mask(saved(Image.fromarray(picture), "PNG"))
    assert mask.dtype == bool and mask.shape == (4, 6)
    assert mask[0].tolist() == [False, True, False, True, False, False]
    assert not mask[1:].any()


def test_mask_of_one_bit_and_of_sixteen(tmp_path):
    expected = np.random.default_rng(0).random((33, 47)) > 0.5
    assert np.array_equal(read_mask(saved(Image.fromarray(expected), "PNG")), expected)
    assert np.array_equal(read_mask(saved(Image.fromarray(expected * np.uint16(65535)), "PNG")), expected)
    write_png(tmp_path / "mask.png", expected)
    assert np.array_equal(read_mask(tmp_path / "mask.png", expected.shape), expected)


def test_mask_of_another_size():
    data = saved(Image.new("L", (30, 20), 255), "PNG")
    assert read_mask(data, (20, 30)).all()
    large = saved(Image.new("L", (60, 40), 255), "PNG")
    assert read_mask(large, (80, 120)).shape == (80, 120) and read_mask(large, (80, 120)).all()
    with pytest.raises(MaskMismatch, match="30 × 20 pixels and the photo 20 × 30"):
        read_mask(data, (30, 20))


def test_mask_that_is_no_picture():
    with pytest.raises(ImageUnreadable, match="not a picture"):
        read_mask(b"mask")


@pytest.mark.slow
@given(arrays(np.uint8, st.tuples(st.integers(32, 50), st.integers(32, 50), st.just(3))))
def test_png_round_trip_is_exact(picture):
    assert np.array_equal(read_image(encode_png(picture)), picture)


def test_png_holds_pixels_only(astronaut):
    data, kinds, at = encode_png(astronaut), [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kinds.append(data[at + 4 : at + 8])
        at += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}


def test_png_of_something_else():
    for array in (np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)):
        with pytest.raises(ValueError, match="expected uint8"):
            encode_png(array)


def test_write_png_leaves_the_old_file_or_the_new_one(tmp_path, quadrants):
    path = tmp_path / "result.png"
    write_png(path, quadrants)
    assert np.array_equal(read_image(path), quadrants)
    with pytest.raises(ValueError, match="expected uint8"):
        write_png(path, quadrants.astype(float))
    assert np.array_equal(read_image(path), quadrants)
    assert [file.name for file in tmp_path.iterdir()] == ["result.png"]
