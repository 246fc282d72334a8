"""TIFF files: the photo and no preview of it, whatever numbers its pixels are."""

import io
import struct
import time

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipelines.errors import ImageTooLarge, ImageUnreadable
from pipelines.faces.formats import tiff
from pipelines.faces.images import read_image, read_mask
from tests.pipelines.faces.drawn_files import exif_bomb, grey_profile, quadrants, saved, stored, tiff_of

RAMP = np.linspace(0, 65535, 40 * 60).reshape(40, 60).astype(np.uint16)
COLOURS = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], -1)
ORDERS = ("<", ">")


def directory(tags: dict[int, tuple[int, int, int]], start: int, following: int = 0) -> bytes:
    """A little-endian directory: tag -> type, count, value or position."""
    entries = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(tags.items()))
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)


def pages(*written: tuple[np.ndarray, dict]) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for array, options in written:
            file.write(array, contiguous=False, **{"photometric": "rgb", "metadata": None} | options)
    return buffer.getvalue()


SMALL = np.full((34, 34, 3), 99, np.uint8)


@pytest.mark.parametrize("kind", [1, 3])
def test_a_preview_before_the_photo_is_passed_over(kind):
    assert np.array_equal(read_image(pages((SMALL, {"subfiletype": kind}), (quadrants(), {}))), quadrants())


def test_the_older_tag_for_previews():
    data = pages((SMALL, {"extratags": [(255, 3, 1, 2, True)]}), (quadrants(), {}))
    assert np.array_equal(read_image(data), quadrants())


def test_a_mask_of_transparency_before_the_photo_is_passed_over():
    data = pages((SMALL[..., 0] > 0, {"subfiletype": 4, "photometric": 4}), (quadrants(), {}))
    assert np.array_equal(read_image(data), quadrants())


def test_a_photo_below_its_preview():
    data = pages((SMALL, {"subfiletype": 1, "subifds": 1}), (quadrants(), {"subfiletype": 0}))
    assert np.array_equal(read_image(data), quadrants())


def test_pages_of_a_document_start_with_the_first():
    assert np.array_equal(
        read_image(pages((quadrants(), {"subfiletype": 2}), (SMALL, {"subfiletype": 2}))), quadrants()
    )


def test_previews_below_a_photo_are_passed_over():
    data = pages((quadrants(), {"subifds": 2}), (SMALL, {"subfiletype": 1}), (SMALL, {"subfiletype": 1}))
    assert np.array_equal(read_image(data), quadrants())


def test_a_preview_alone_is_better_than_nothing():
    assert np.array_equal(read_image(pages((quadrants(), {"subfiletype": 1}))), quadrants())


RAW = {
    "DNG, below a preview": pages(
        (SMALL, {"subfiletype": 1, "subifds": 1, "extratags": [(50706, 1, 4, b"\1\4\0\0", True)]}),
        (RAMP, {"photometric": "cfa", "extratags": [(33421, 3, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True)]}),
    ),
    "DNG, linear": pages((COLOURS, {"photometric": 34892, "extratags": [(50706, 1, 4, b"\1\4\0\0", True)]})),
    "DNG of a preview alone": pages((SMALL, {"extratags": [(50706, 1, 4, b"\1\4\0\0", True)]})),
    "mosaic, no DNG": pages((SMALL, {"subfiletype": 1}), (RAMP, {"photometric": "cfa"})),
}


@pytest.mark.parametrize("data", RAW.values(), ids=RAW)
def test_raw_files_say_so(data):
    with pytest.raises(ImageUnreadable, match="raw file"):
        read_image(data)


@pytest.mark.parametrize("code", [32767, 34713, 65000, 65535])
def test_raw_files_by_their_coding(code):
    tags = {256: (4, 1, 64), 257: (4, 1, 64), 259: (3, 1, code), 262: (3, 1, 1)}
    with pytest.raises(ImageUnreadable, match="raw file"):
        read_image(b"II*\0" + struct.pack("<I", 8) + directory(tags, 8))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_sixteen_bits_in_colour(order, compression, planes):
    array = COLOURS if planes == "contig" else np.ascontiguousarray(COLOURS.transpose(2, 0, 1))
    data = tiff_of(array, photometric="rgb", planarconfig=planes, byteorder=order, compression=compression)
    assert np.abs(read_image(data) - COLOURS / 257).max() <= 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_eight_bits_in_planes(order, planes):
    array = quadrants() if planes == "contig" else np.ascontiguousarray(quadrants().transpose(2, 0, 1))
    data = tiff_of(array, photometric="rgb", planarconfig=planes, byteorder=order)
    assert np.array_equal(read_image(data), quadrants())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("options", [{}, {"compression": "deflate"}, {"tile": (32, 32)}, {"rowsperstrip": 7}])
@pytest.mark.parametrize("kind", ["miniswhite", "minisblack"])
def test_grey_of_sixteen_bits(order, options, kind):
    read = read_image(tiff_of(RAMP, photometric=kind, byteorder=order, **options))[..., 0]
    expected = RAMP / 257
    assert np.abs(read - (255 - expected if kind == "miniswhite" else expected)).max() <= 0.51


@pytest.mark.parametrize("order", ORDERS)
def test_white_is_zero_of_eight_bits_and_of_one(order):
    grey = (RAMP >> 8).astype(np.uint8)
    read = read_image(tiff_of(grey, photometric="miniswhite", byteorder=order))
    assert np.array_equal(read[..., 0], 255 - grey)
    data = tiff_of(grey > 99, photometric="miniswhite", byteorder=order)
    assert np.array_equal(read_image(data)[..., 0] == 0, grey > 99)
    assert np.array_equal(read_mask(data), grey <= 99)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_floats_with_holes(order, kind, photometric):
    samples = (RAMP / 65535).astype(kind)
    samples[3, 4], samples[5, 6], samples[7, 8] = np.nan, np.inf, -np.inf
    read = read_image(tiff_of(samples, byteorder=order, photometric=photometric))[..., 0]
    expected = 255 - RAMP / 257 if photometric == "miniswhite" else RAMP / 257
    expected[3, 4] = 0
    expected[[5, 7], [6, 8]] = (0, 255) if photometric == "miniswhite" else (255, 0)
    assert np.abs(read - expected).max() <= 0.51


def test_floats_in_colour():
    samples = (COLOURS / 65535).astype(np.float32)
    samples[3, 4] = np.nan
    read = read_image(tiff_of(samples, photometric="rgb"))
    assert read[3, 4].tolist() == [0, 0, 0]
    read[3, 4] = samples[3, 4] = 0
    assert np.abs(read - samples * 255).max() <= 0.51


@pytest.mark.parametrize(
    "data",
    [
        tiff_of(
            (COLOURS / 65535).astype(np.float32).transpose(2, 0, 1).copy(), photometric="rgb", planarconfig="separate"
        ),
        tiff_of((RAMP / 65535).astype(np.float16)),
        tiff_of(RAMP.astype(np.uint32) * 65537, photometric="miniswhite"),
        tiff_of(RAMP.astype(np.complex64)),
    ],
    ids=["floats in planes", "halves", "32 bits, white is zero", "complex"],
)
def test_what_no_decoder_reads_rightly_says_what_to_do(data):
    with pytest.raises(ImageUnreadable, match="save the photo as PNG"):
        read_image(data)


def test_thirty_two_bits():
    data = tiff_of(RAMP.astype(np.uint32) * 65537)
    assert np.abs(read_image(data)[..., 0] - RAMP / 257).max() <= 0.51


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.int32])
def test_orientation_of_every_kind(orientation, kind):
    grey = quadrants()[..., 0]
    samples = {np.uint16: grey.astype(np.uint16) * 257, np.float32: (grey / 255).astype(np.float32)}
    array = stored(samples.get(kind, grey.astype(kind)), orientation)
    read = read_image(tiff_of(array, extratags=[(274, 3, 1, orientation, True)]))
    assert np.array_equal(read[..., 0], grey)


def test_big_tiff():
    assert np.array_equal(read_image(tiff_of(quadrants(), photometric="rgb", bigtiff=True)), quadrants())
    assert np.abs(read_image(tiff_of(RAMP, bigtiff=True))[..., 0] - RAMP / 257).max() <= 0.51


@pytest.mark.parametrize("name", ["jpeg", "tiff_lzw", "tiff_adobe_deflate", "packbits", "group4"])
def test_codings_that_scanners_use(name):
    picture = Image.fromarray(quadrants()).convert("1" if name == "group4" else "RGB")
    read = read_image(saved(picture, "TIFF", compression=name))
    assert np.abs(read[10::20, 15::30].astype(int) - np.asarray(picture.convert("RGB"))[10::20, 15::30]).max() <= 5


@pytest.mark.parametrize("array", [quadrants(), RAMP, (RAMP / 65535).astype(np.float32)], ids=["8", "16", "float"])
@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_half_a_file_is_an_error(array, compression, share):
    noise = np.random.default_rng(0).permutation(array.ravel()).reshape(array.shape)
    data = tiff_of(noise, compression=compression, photometric="rgb" if array.ndim == 3 else "minisblack")
    with pytest.raises(ImageUnreadable, match="damaged"):
        read_image(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    "data",
    [
        b"II*\0" + struct.pack("<I", 2**32 - 1),
        b"II*\0" + struct.pack("<I", 4) + bytes(100),
        b"II*\0" + struct.pack("<I", 0) + bytes(100),
        b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**64 - 1),
        b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**64 - 1),
        b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(100),
        b"II*\0" + struct.pack("<I", 8) + directory({256: (4, 2**32 - 1, 8), 257: (4, 1, 64)}, 8),
        b"II*\0" + struct.pack("<I", 8) + directory({256: (4, 1, 64), 257: (4, 1, 64), 273: (4, 2**30, 8)}, 8),
        b"II*\0" + struct.pack("<I", 8) + directory({256: (5, 1, 8), 257: (2, 1, 64)}, 8),
    ],
)
def test_lies_are_found_before_they_cost_memory(data):
    start = time.perf_counter()
    with pytest.raises(ImageUnreadable):
        read_image(data)
    assert time.perf_counter() - start < 2


def test_directories_in_a_circle_end():
    tags = {256: (4, 1, 64), 257: (4, 1, 64), 254: (4, 1, 1), 330: (4, 1, 8)}
    with pytest.raises(ImageUnreadable):
        read_image(b"II*\0" + struct.pack("<I", 8) + directory(tags, 8, following=8))


def test_thousands_of_pages_take_no_minutes():
    count, size = 20_000, 2 + 12 * 2 + 4
    tags = {256: (4, 1, 64), 257: (4, 1, 64)}
    data = b"II*\0" + struct.pack("<I", 8)
    data += b"".join(directory(tags, 0, 8 + size * (number + 1)) for number in range(count))
    start = time.perf_counter()
    with pytest.raises(ImageUnreadable):
        read_image(data)
    assert time.perf_counter() - start < 2


def test_too_large_is_said_from_the_directory():
    tags = {256: (4, 1, 20_000), 257: (4, 1, 20_000)}
    with pytest.raises(ImageTooLarge):
        read_image(b"II*\0" + struct.pack("<I", 8) + directory(tags, 8))


def test_the_check_of_exif():
    exif = Image.Exif()
    exif[0x010F] = "drawn"
    tiff.check(exif.tobytes())
    tiff.check(b"")
    for bad in (
        exif_bomb(),
        b"Exif\0\0" + exif_bomb(),
        b"hello there",
        b"MM\0+\0\0\0\0\0\0\0\0",
        b"II*\0\xff\xff\xff\xff",
    ):
        with pytest.raises(ImageUnreadable):
            tiff.check(bad)


def test_labels_of_sixteen_bits_with_a_profile():
    profile = grey_profile(1.0)
    data = tiff_of((RAMP > 99).astype(np.uint16), extratags=[(34675, 7, len(profile), profile, True)])
    assert np.array_equal(read_mask(data), RAMP > 99)


def test_the_cases_of_the_field(shared):
    upright = read_image(shared / "cases/upside_down.png")[::-1, ::-1]
    assert np.array_equal(read_image(shared / "cases/tif_preview_first.tif"), upright)
    negative = read_image(shared / "cases/tif_grey16_white_is_zero.tif")
    grey = np.asarray(Image.fromarray(upright).convert("L").resize((200, 200)), float)
    assert np.corrcoef(negative[..., 0].ravel(), grey.ravel())[0, 1] > 0.9
