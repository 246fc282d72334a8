"""JPEG files without their end marker, and those made to take all memory or time."""

import struct
import time
from contextlib import suppress

import numpy as np
import pytest
import skimage.data
from PIL import Image

from pipelines.errors import ImageUnreadable
from pipelines.faces.formats.jpeg import without_end
from pipelines.faces.images import read_image
from tests.pipelines.faces.drawn_files import exif_bomb, quadrants, saved, stored

KINDS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "best": {"quality": 100, "subsampling": 0},
    "optimized": {"optimize": True},
    "restarts": {"restart_marker_blocks": 3},
    "restarts by rows": {"restart_marker_rows": 1, "progressive": True},
}


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A photo whose sides are no multiples of 8."""
    return np.ascontiguousarray(skimage.data.astronaut()[:195, 150:357])


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


@pytest.mark.parametrize("colour", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("cut", [1, 2])
def test_only_the_end_marker_is_missing(photo, colour, options, cut):
    data = saved(Image.fromarray(photo).convert(colour), "JPEG", **options)
    assert np.array_equal(read_image(data[:-cut]), read_image(data))


@pytest.mark.parametrize("colour", ["L", "RGB"])
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("cut", [8, 20, 100, 1000, 3000])
def test_what_lacks_pixels_stays_an_error(photo, colour, options, cut):
    data = saved(Image.fromarray(photo).convert(colour), "JPEG", **options)
    for rest in (b"", b"\xff"):
        with pytest.raises(ImageUnreadable, match="damaged or incomplete"):
            read_image(data[:-cut] + rest)


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("cut", range(3, 8))
def test_a_few_bytes_are_missing_and_with_them_pixels_or_nothing(photo, options, cut):
    data = saved(photo, "JPEG", **options)
    try:
        assert np.array_equal(read_image(data[:-cut]), read_image(data))
    except ImageUnreadable as error:
        assert "damaged or incomplete" in str(error)


def test_whole_scans_that_are_missing_stay_an_error(photo):
    data = saved(photo, "JPEG", progressive=True)
    starts = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(starts) > 5
    for start in starts[1:]:
        with pytest.raises(ImageUnreadable, match="damaged or incomplete"):
            read_image(data[:start])


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xda\0\x02", b"\xff\xd8\xff\xc2\0\x02"])
def test_what_holds_no_picture_has_none(content):
    with suppress(IndexError):  # the reader makes a sentence of it
        assert without_end(content) is None


def test_orientation_of_a_file_without_end():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(stored(quadrants(), 6), "JPEG", exif=exif, quality=95)
    assert np.array_equal(read_image(data[:-2]), read_image(data))
    assert read_image(data).shape == quadrants().shape


def test_exif_that_claims_gigabytes_is_left_out(photo):
    bomb = exif_bomb()
    parts = [bomb[at : at + 60_000] for at in range(6, len(bomb), 60_000)]
    data = saved(photo, "JPEG")
    start = data.index(b"\xff\xdb")
    trap = b"\xff\xd8" + b"".join(segment(0xE1, b"Exif\0\0" + part) for part in parts) + data[start:]
    assert np.array_equal(read_image(trap), read_image(data))


def test_exif_behind_a_second_beginning_or_end_is_seen_or_not_there(photo):
    """What has no length must not hide the next segment from the check."""
    bomb = exif_bomb(5000)
    data = saved(photo, "JPEG")
    start = data.index(b"\xff\xdb")
    for marker in (b"\xff\xd8", b"\xff\x01", b"\xff\xd0", b"\xff\xff"):
        trap = b"\xff\xd8" + marker + segment(0xE1, bomb[:65_000]) + data[start:]
        with suppress(ImageUnreadable):
            assert np.array_equal(read_image(trap), read_image(data))
    with pytest.raises(ImageUnreadable):
        read_image(b"\xff\xd8\xff\xd9" + segment(0xE1, bomb[:65_000]) + data[start:])


def test_orientation_stays_where_exif_is_cut_into_segments(photo):
    exif = Image.Exif()
    exif[0x0112] = 3
    exif[0x010E] = "x" * 100_000
    raw = exif.tobytes()[6:]
    data = saved(photo, "JPEG")
    start = data.index(b"\xff\xdb")
    parts = b"".join(segment(0xE1, b"Exif\0\0" + raw[at : at + 60_000]) for at in range(0, len(raw), 60_000))
    assert np.array_equal(read_image(b"\xff\xd8" + parts + data[start:]), read_image(data)[::-1, ::-1])


@pytest.mark.slow
def test_thousands_of_scans_take_no_minutes():
    data = saved(Image.new("L", (20_000, 2_000)), "JPEG", progressive=True)
    at = data.index(b"\xff\xda")
    scan = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")] + b"\0\0"
    start = time.perf_counter()
    with pytest.raises(ImageUnreadable, match="damaged"):
        read_image(data[:at] + scan * 2_000 + data[at:])
    assert time.perf_counter() - start < 5


def test_a_header_that_names_every_component_often_takes_no_minutes():
    frame = segment(0xC2, b"\x08\0\x40\0\x40\xff" + bytes(range(255)) * 3)
    scan = segment(0xDA, b"\xff" + bytes(255 * 2) + b"\0\xff\0")
    start = time.perf_counter()
    assert without_end(b"\xff\xd8" + frame + scan * 4_000) is None
    assert time.perf_counter() - start < 5


def test_of_several_pictures_the_first_and_its_list_is_not_read(photo):
    other = Image.fromarray(photo[::-1])
    data = saved(photo, "MPO", save_all=True, append_images=[other], quality=95)
    assert b"MPF\0" in data
    assert np.abs(read_image(data).astype(int) - photo).mean() < 6
    at = data.index(b"MPF\0")
    assert np.array_equal(read_image(data[: at + 4] + bytes(40) + data[at + 44 :]), read_image(data))


def test_a_film_behind_the_picture_is_not_read(photo):
    """Phones append one to the photo."""
    data = saved(photo, "JPEG")
    film = np.random.default_rng(0).integers(0, 256, 2**20, dtype=np.uint8).tobytes()
    assert np.array_equal(read_image(data + film), read_image(data))


def test_the_case_of_the_field(shared):
    """Only its ending is unusual."""
    upright = read_image(shared / "cases/upside_down.png")[::-1, ::-1]
    assert np.abs(read_image(shared / "cases/scan.jfif").astype(int) - upright).mean() < 6
