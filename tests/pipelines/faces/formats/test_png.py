"""PNG files keep their pixels whatever stands beside them."""

import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import ImageUnreadable
from pipelines.faces.formats import png
from pipelines.faces.images import read_image
from tests.pipelines.faces.drawn_files import DISPLAY_P3 as P3
from tests.pipelines.faces.drawn_files import (
    PNG_SIGNATURE,
    chunk,
    exif_bomb,
    png_with,
    quadrants,
    rgb_profile,
    saved,
    srgb_curve,
    stored,
)

BOMB = zlib.compress(bytes(200 * 2**20), 9)  # 200 KB that inflate to 200 MB

BESIDE = {
    "comment, wrong checksum": [chunk(b"tEXt", b"Comment\0drawn", 0)],
    "comment, wrong checksum, others after it": [chunk(b"tEXt", b"a\0b", 1), chunk(b"tIME", bytes(7))],
    "XMP of 2 MB": [chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"<x/>" * 2**19)],
    "XMP of 40 MB": [chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"<x/>" * 10 * 2**20)],
    "XMP that inflates": [chunk(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0" + BOMB)],
    "text that inflates": [chunk(b"zTXt", b"Comment\0\0" + BOMB)],
    "EXIF as text that inflates": [chunk(b"zTXt", b"Raw profile type exif\0\0" + BOMB)],
    "profile that inflates": [chunk(b"iCCP", b"x\0\0" + BOMB)],
    "profile that is no zlib": [chunk(b"iCCP", b"x\0\0broken")],
    "profile without a name": [chunk(b"iCCP", b"")],
    "profile of unknown compression": [chunk(b"iCCP", b"x\0\x07" + zlib.compress(b"y"))],
    "profile, wrong checksum": [chunk(b"iCCP", b"x\0\0" + zlib.compress(rgb_profile(P3, srgb_curve())), 0)],
    "transparency too long": [chunk(b"tRNS", bytes(20))],
    "transparency too short": [chunk(b"tRNS", b"\0")],
    "transparency, wrong checksum": [chunk(b"tRNS", bytes(6), 0)],
    "EXIF that is none": [chunk(b"eXIf", b"hello")],
    "EXIF that claims gigabytes": [chunk(b"eXIf", exif_bomb()[6:])],
    "EXIF as text that claims gigabytes": [
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n1\n" + exif_bomb().hex().encode()))
    ],
    "physical size cut": [chunk(b"pHYs", b"\0")],
    "gamma cut": [chunk(b"gAMA", b"")],
    "chromaticities cut": [chunk(b"cHRM", b"\0" * 3)],
    "animation that claims too much": [chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)), chunk(b"fcTL", bytes(26))],
    "chunk that nobody knows": [chunk(b"quIz", bytes(100), 5)],
}


@pytest.mark.parametrize("chunks", BESIDE.values(), ids=BESIDE)
def test_no_ancillary_chunk_is_a_reason_to_refuse(chunks):
    start = time.perf_counter()
    assert np.array_equal(read_image(png_with(quadrants(), *chunks)), quadrants())
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("name", ["png_comment_bad_checksum.png", "png_xmp_2mb.png"])
def test_the_cases_of_the_field(shared, name):
    upright = read_image(shared / "cases/upside_down.png")[::-1, ::-1]
    assert np.array_equal(read_image(shared / "cases" / name), upright)


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_a_chunk_of_the_picture_must_be_sound(kind):
    data = bytearray(saved(quadrants(), "PNG"))
    at = data.index(kind)
    (length,) = struct.unpack(">I", data[at - 4 : at])
    data[at + 4 + length] ^= 1  # of the checksum
    with pytest.raises(ImageUnreadable, match="damaged"):
        read_image(bytes(data))


def test_a_critical_chunk_that_nobody_knows_is_an_error():
    with pytest.raises(ImageUnreadable, match="damaged"):
        read_image(png_with(quadrants(), chunk(b"CgBI", bytes(4))))


def test_the_end_marker_may_be_missing():
    data = saved(quadrants(), "PNG")
    assert np.array_equal(read_image(data[:-12]), quadrants())
    with pytest.raises(ImageUnreadable):
        read_image(data[:-40])


def test_what_comes_after_the_end_is_not_read():
    assert np.array_equal(read_image(saved(quadrants(), "PNG") + b"PK\3\4" * 1000), quadrants())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_in_every_place_that_png_has_for_it(orientation):
    lying = stored(quadrants(), orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    raw = exif.tobytes()
    xmp = f'<x:xmpmeta><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()
    text = f"\nexif\n{len(raw)}\n{raw.hex()}\n".encode()
    for beside in (
        chunk(b"eXIf", raw.removeprefix(b"Exif\0\0")),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0" + zlib.compress(xmp)),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)),
    ):
        assert np.array_equal(read_image(png_with(lying, beside)), quadrants())


def test_sixteen_bits_with_transparency():
    """Red of exactly 513 is transparent; it differs from 514 in the lower byte only, which 8 bits do not have."""
    pixels = np.zeros((40, 40, 3), ">u2")
    pixels[:, 20:] = 60_000
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    assert read_image(PNG_SIGNATURE + b"".join(parts))[5, 35].tolist() == [234, 234, 234]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [b"IDAT", b"tEXt"])
def test_a_million_empty_chunks_take_no_minutes(kind):
    start = time.perf_counter()
    with pytest.raises(ImageUnreadable):
        read_image(png_with(quadrants(), chunk(kind, b"") * 2**20))
    assert time.perf_counter() - start < 10


def test_the_bound_on_chunks_lets_large_photos_pass():
    """Some programs write 8 KB a chunk."""
    assert png._MAX_CHUNKS * 8192 >= 2**30
