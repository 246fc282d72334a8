"""Colours are what the file's profile says."""

import time

import numpy as np
import pytest
from PIL import Image

from pipelines.faces.images import read_image, read_mask
from pipelines.faces.pixels.colour import to_srgb
from tests.pipelines.faces.drawn_files import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    cmyk_profile,
    gamma,
    grey_profile,
    icc,
    quadrants,
    rgb_profile,
    saved,
    srgb_curve,
    tiff_of,
)

PROFILES = {
    "Display P3": (DISPLAY_P3, srgb_curve()),
    "Adobe RGB": (ADOBE_RGB, gamma(2.2)),
    "ProPhoto": (PROPHOTO, gamma(1.8)),
}


def light(srgb: np.ndarray) -> np.ndarray:
    """Linear light of sRGB values."""
    share = srgb / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def within(name: str, srgb: np.ndarray) -> np.ndarray:
    """The numbers in which another space writes these sRGB colours; all of them lie within both."""
    colorants = PROFILES[name][0]
    linear = light(srgb) @ np.array(SRGB) @ np.linalg.inv(np.array(colorants))
    exponent = {"Adobe RGB": 2.2, "ProPhoto": 1.8}.get(name)
    if exponent:
        return np.round(255 * linear ** (1 / exponent)).astype(np.uint8)
    share = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * share).astype(np.uint8)


@pytest.fixture
def skin() -> np.ndarray:
    """Patches of colours as skin, lips and eyes have them."""
    colours = [(224, 172, 105), (141, 85, 36), (198, 134, 66), (190, 90, 100), (90, 110, 150), (250, 240, 235)]
    return np.repeat(np.repeat(np.array([colours[:3], colours[3:]], np.uint8), 20, 0), 20, 1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("name", PROFILES)
def test_wide_spaces_come_back_as_srgb(skin, name, kind):
    options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    options |= {"quality": 98, "subsampling": "4:4:4"} if kind == "AVIF" else {}
    data = saved(within(name, skin), kind, icc_profile=rgb_profile(*PROFILES[name]), **options)
    centres = np.s_[10::20, 10::20]
    close = 5 if kind in ("JPEG", "AVIF") else 2
    assert np.abs(read_image(data).astype(int) - skin)[centres].max() <= close


def test_srgb_of_another_maker_changes_no_pixel():
    picture = quadrants()
    assert np.array_equal(read_image(saved(picture, "PNG", icc_profile=rgb_profile(SRGB, srgb_curve()))), picture)


def test_grey_stays_grey_and_follows_its_curve():
    ramp = np.tile(np.arange(256, dtype=np.uint8), (40, 1))
    expected = 255 * np.where((x := (ramp / 255) ** 1.8) <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    read = read_image(saved(ramp, "PNG", icc_profile=grey_profile(1.8)))
    assert np.array_equal(read[..., 0], read[..., 1]) and np.array_equal(read[..., 0], read[..., 2])
    assert np.abs(read[..., 0] - expected).max() <= 1.5
    with_alpha = Image.merge(
        "LA", [Image.fromarray(ramp), Image.fromarray(np.where(ramp > 99, 255, 0).astype(np.uint8))]
    )
    read_too = read_image(saved(with_alpha, "PNG", icc_profile=grey_profile(1.8)))
    assert np.array_equal(read_too[:, 100:], read[:, 100:]) and (read_too[:, :100] == 255).all()


def test_grey_of_sixteen_bits_follows_its_curve():
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (40, 1))
    expected = read_image(saved((ramp // 257).astype(np.uint8), "PNG", icc_profile=grey_profile(1.8)))
    profile = grey_profile(1.8)
    read = read_image(tiff_of(ramp, extratags=[(34675, 7, len(profile), profile, True)]))
    assert np.abs(read.astype(int) - expected).max() <= 2
    read = read_image(saved(ramp, "PNG", icc_profile=profile))
    assert np.abs(read.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk_follows_its_profile(kind):
    """The press of the test has black inks only: cyan on its paper is grey."""
    inks = np.zeros((40, 40, 4), np.uint8)
    inks[:, 20:, 0] = 255
    image = Image.fromarray(inks, "CMYK")
    read = read_image(saved(image, kind, icc_profile=cmyk_profile()))
    assert read[20, 5].min() >= 250
    assert np.ptp(read[20, 35].astype(int)) <= 4 and 150 <= read[20, 35].mean() <= 210
    plain = read_image(saved(image, kind))
    assert plain[20, 35, 0] <= 5 and plain[20, 35, 1] >= 250


def test_transparency_is_kept_through_a_profile():
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[..., :3] = within("Adobe RGB", np.full((40, 40, 3), (190, 90, 100)))
    picture[:20, :, 3] = 255
    read = read_image(saved(picture, "PNG", icc_profile=rgb_profile(*PROFILES["Adobe RGB"])))
    assert np.abs(read[5, 5].astype(int) - (190, 90, 100)).max() <= 2
    assert (read[30] == 255).all()


def test_a_palette_follows_its_profile():
    colours = within("Adobe RGB", np.array([[190, 90, 100], [224, 172, 105]]))
    image = Image.fromarray(np.repeat(np.eye(2, dtype=np.uint8), 20, 0).repeat(20, 1), "P")
    image.putpalette(colours.tobytes())
    read = read_image(saved(image, "PNG", icc_profile=rgb_profile(*PROFILES["Adobe RGB"])))
    assert np.abs(read[5, 5].astype(int) - (224, 172, 105)).max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize(
    "profile",
    [
        b"no profile",
        rgb_profile(*PROFILES["Adobe RGB"])[:200],
        icc(b"RGB ", {}),
        bytes(5000),
        grey_profile(1.8),
        cmyk_profile(),
        icc(b"CMYK", {b"A2B0": b"mft1" + bytes(4) + bytes([4, 3, 255, 0]) + bytes(100)}, b"prtr", b"Lab "),
    ],
    ids=["text", "cut", "empty", "zeros", "of grey", "of inks", "table cut"],
)
def test_a_profile_that_does_not_fit_counts_as_none(profile, kind):
    picture = quadrants()
    plain = read_image(saved(picture, kind))
    assert np.array_equal(read_image(saved(picture, kind, icc_profile=profile)), plain)


def test_masks_are_read_without_conversion():
    """Grey 120 is dark, and with a gamma of 1 it would be bright."""
    mask = np.full((40, 40), 120, np.uint8)
    mask[:20] = 130
    profile = grey_profile(1.0)
    assert read_image(saved(mask, "PNG", icc_profile=profile))[30, 30, 0] > 160
    assert np.array_equal(read_mask(saved(mask, "PNG", icc_profile=profile)), mask == 130)


def test_lab_needs_no_profile():
    lab = np.zeros((40, 40, 3), np.uint8)
    lab[..., 0] = 255 * 60 // 100
    read = read_image(saved(Image.fromarray(lab, "LAB"), "TIFF"))
    assert np.ptp(read[5, 5].astype(int)) <= 3 and abs(read[5, 5].mean() - 145) <= 4


@pytest.mark.slow
def test_a_large_photo_is_quick():
    image = Image.new("RGB", (4000, 3000), (190, 90, 100))
    image.info["icc_profile"] = rgb_profile(*PROFILES["Display P3"])
    start = time.perf_counter()
    to_srgb(image)
    assert time.perf_counter() - start < 10


def test_the_case_of_the_field(shared):
    """The drawn face exists in sRGB and, with the same numbers meaning more colour, in Display P3."""
    upright = read_image(shared / "cases/upside_down.png")[::-1, ::-1]
    assert np.abs(read_image(shared / "cases/display_p3.jpg").astype(int) - upright).mean() < 3
