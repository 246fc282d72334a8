"""Colours of heat maps: one value, one colour, whatever else the map holds."""

from itertools import product

import numpy as np
import pytest
from skimage.color import rgb2lab

from pipelines.anomaly_scoring.drawing.colouring import (
    ASYMMETRY_SCALE,
    LOCAL_SCALE,
    SCALES,
    Scale,
    colour_bar,
    colour_heat_map,
    overlay,
)
from pipelines.anomaly_scoring.scoring.heatmaps import COLOURS, KINDS
from pipelines.errors import ImageMismatch, OptionInvalid

PSE = SCALES["pse", "ycbcr"]
ALL = {"-".join(key): scale for key, scale in SCALES.items()} | {"local": LOCAL_SCALE, "asymmetry": ASYMMETRY_SCALE}


def test_every_kind_in_every_colour_space_has_a_scale():
    assert set(SCALES) == set(product(KINDS, COLOURS))
    assert len({scale.label for scale in ALL.values()}) == len(ALL) == len(SCALES) + 2


@pytest.mark.parametrize("scale", ALL.values(), ids=ALL)
def test_a_value_has_one_colour_whatever_the_map_holds(scale):
    value = 0.3 * scale.upper
    alone = colour_heat_map(np.full((2, 2), value, np.float32), scale)
    among = colour_heat_map(np.array([[value, 0], [scale.upper / 2, 9 * scale.upper]], np.float32), scale)
    assert alone.dtype == np.uint8 and alone.shape == (2, 2, 3)
    np.testing.assert_array_equal(among[0, 0], alone[1, 1])
    assert len(np.unique(among.reshape(-1, 3), axis=0)) == 4


@pytest.mark.parametrize("scale", ALL.values(), ids=ALL)
def test_more_heat_is_lighter_in_even_steps_up_to_the_upper_end(scale):
    values = scale.upper * np.linspace(0, 1, 18) ** (1 / scale.exponent)
    lightness = rgb2lab(colour_heat_map(values[None].astype(np.float32), scale))[0, :, 0]
    steps = np.diff(lightness)
    assert lightness[0] < 5 and lightness[-1] > 90
    assert steps.min() > 0.4 * steps.mean() and steps.max() < 2 * steps.mean()


def test_what_is_past_the_upper_end_gets_its_colour():
    colours = colour_heat_map(np.array([[PSE.upper, 2 * PSE.upper, 3 * 255**2]], np.float32), PSE)
    assert (colours == colours[0, 0]).all()


def test_the_less_heat_the_more_of_the_face_shows_through(astronaut):
    picture = astronaut[:40, :30]
    share = np.tile(np.linspace(0, 1, 40)[:, None], (1, 30))
    heat = PSE.at(share).astype(np.float32)
    colours = colour_heat_map(heat, PSE)
    np.testing.assert_array_equal(overlay(picture, heat, PSE, 0), picture)
    full = overlay(picture, heat, PSE, 1)
    np.testing.assert_array_equal(full[0], picture[0])
    np.testing.assert_array_equal(full[share[:, 0] >= 0.3], colours[share[:, 0] >= 0.3])
    half = overlay(picture, heat, PSE, 0.5)
    assert np.abs(half[20:] - (picture[20:].astype(float) + colours[20:]) / 2).max() <= 0.5
    at = 6  # half of the way to where colours are as strong as they get
    strength = share[at, 0] / 0.3
    assert np.abs(full[at] - (picture[at] * (1 - strength) + colours[at] * strength)).max() <= 1


def test_shades_are_the_colours_of_the_bar_with_how_much_of_them_is_seen():
    for scale in ALL.values():
        shades = scale.shades
        assert shades.shape == (256, 4) and shades.dtype == np.uint8
        shares = np.linspace(0, 1, 256)
        np.testing.assert_array_equal(shades[:, :3], colour_heat_map(scale.at(shares)[None], scale)[0])
        assert (
            shades[0, 3] == 0
            and (shades[shares >= 0.3, 3] == 255).all()
            and (np.diff(shades[:, 3].astype(int)) >= 0).all()
        )


def test_a_scale_says_its_unit():
    assert LOCAL_SCALE.unit == "grey levels" and ASYMMETRY_SCALE.unit == "% of light"
    assert PSE.unit == "grey levels²" and SCALES["lpips", "rgb"].unit == ""


def test_the_region_is_outlined_and_the_face_outside_it_stays_as_it_was(astronaut):
    picture = astronaut[:40, :30]
    heat = np.full((40, 30), PSE.upper, np.float32)
    region = np.zeros((40, 30), bool)
    region[10:20, 5:25] = True
    drawn = overlay(picture, heat, PSE, 1, region)
    np.testing.assert_array_equal(drawn[region], colour_heat_map(heat, PSE)[region])

    def ring(near, far):
        band = np.zeros((40, 30), bool)
        band[10 - far : 20 + far, 5 - far : 25 + far] = True
        band[10 - near : 20 + near, 5 - near : 25 + near] = False
        return band

    assert (drawn[ring(0, 1)] == 255).all() and (drawn[ring(1, 2)] == 20).all(), "seen on light skin and on dark"
    beyond = ~region & ~ring(0, 2)
    np.testing.assert_array_equal(drawn[beyond], picture[beyond])


def test_a_region_that_fills_the_picture_has_no_outline(astronaut):
    picture, heat = astronaut[:40, :30], np.full((40, 30), 500, np.float32)
    whole, painted = np.ones((40, 30), bool), np.full((40, 30), 255, np.uint8)
    everywhere = overlay(picture, heat, PSE, 0.6)
    np.testing.assert_array_equal(overlay(picture, heat, PSE, 0.6, whole), everywhere)
    np.testing.assert_array_equal(overlay(picture, heat, PSE, 0.6, painted), everywhere)


@pytest.mark.parametrize("opacity", [-0.1, 1.1])
def test_an_opacity_out_of_range_is_said(astronaut, opacity):
    with pytest.raises(OptionInvalid, match="between 0 and 1"):
        overlay(astronaut, np.zeros((512, 512), np.float32), PSE, opacity)


@pytest.mark.parametrize(("heat", "region"), [((9, 8), (9, 9)), ((9, 9), (8, 9))])
def test_sizes_that_differ_are_said(heat, region):
    with pytest.raises(ImageMismatch, match="use those of one face"):
        overlay(np.zeros((9, 9, 3), np.uint8), np.zeros(heat, np.float32), PSE, region=np.ones(region, bool))


@pytest.mark.parametrize("height", [128, 300])
def test_the_bar_shows_the_scale_from_bottom_to_top(height):
    bar = colour_bar(PSE, height)
    assert bar.dtype == np.uint8 and bar.shape[0] == height and 0.25 < bar.shape[1] / height < 0.4
    assert (bar[:, -1] == 255).all() and (bar[0] == 255).all() and (bar[-1] == 255).all()  # nothing is cut off
    column = bar[:, round(0.15 * bar.shape[1])].astype(int)
    # The arrow at the top takes a twentieth of the bar's length.
    bottom, top = height * 0.96, height * (0.04 + 0.92 * 0.05 / 1.05)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        row = round(bottom + (top - bottom) * share)
        expected = colour_heat_map(np.full((1, 1), PSE.upper * share**2, np.float32), PSE)[0, 0]
        assert np.abs(column[row] - expected).max() < 20


def test_bars_of_two_scales_say_which_they_are():
    bars = [colour_bar(Scale("one", 10, 1)), colour_bar(Scale("two", 10, 1)), colour_bar(Scale("one", 20, 1))]
    assert (bars[0] != bars[1]).any() and (bars[0] != bars[2]).any()
    np.testing.assert_array_equal(colour_bar(Scale("one", 10, 1)), bars[0])


def test_a_tick_names_the_value_whose_colour_it_stands_beside():
    for scale in ALL.values():
        heights = np.array(list(scale.ticks))
        values = np.array([float(text.replace(",", "")) for text in scale.ticks.values()])
        assert (heights[0], heights[-1]) == (0, 1) and (values[0], values[-1]) == (0, scale.upper)
        np.testing.assert_allclose((values / scale.upper) ** scale.exponent, heights, atol=1e-4)
