"""Equation 6 by hand, what a score must keep, and the paper's Table 1."""

import json
import math
from dataclasses import asdict
from itertools import pairwise

import cv2
import numpy as np
import pytest

from pipelines.anomaly_scoring.scoring.heatmaps import COLOURS, KINDS, heat_map
from pipelines.anomaly_scoring.scoring.regions import REGIONS, region
from pipelines.anomaly_scoring.scoring.scores import FORMULAS, TABLE_1, score
from pipelines.errors import MaskEmpty, MaskMismatch, OptionInvalid
from pipelines.metrics.perceptual import LPIPS
from tests.pipelines.anomaly_scoring.fake_scorer import appraise

WINDOW = np.s_[110:190, 195:265]
"""Part of the photo with mouth and nose, for speed."""


@pytest.fixture(scope="module")
def lpips(loss_folder):
    return LPIPS("squeeze", loss_folder)


@pytest.fixture(scope="module")
def area(face):
    return region(face, (512, 512))


def blemished(photo, face, strength):
    """The photo with a soft dark spot on the upper lip; ``strength`` is its depth in grey levels."""
    y, x = np.mgrid[:512, :512] + 0.5
    distance = np.hypot(x - face.points[51, 0], y - face.points[51, 1]) / face.eye_distance
    spot = strength * np.exp(-((distance / 0.15) ** 2))
    return np.clip(photo - spot[..., None], 0, 255).astype(np.uint8)


def test_equation_6_by_hand():
    heat = np.array([[9, 16, 900], [0, 0, 900]], np.float32)
    inside = np.array([[1, 1, 0], [1, 1, 0]], bool)
    by_equation, by_text = (score(heat, inside, formula) for formula in ("equation", "text"))
    assert by_equation.normality == pytest.approx(-math.log(5 / 4))  # √(9 + 16) over four pixels
    assert by_text.normality == pytest.approx(-math.log(25 / 4))
    assert by_equation.severity == -by_equation.normality and by_equation.pixels == 4
    assert (by_equation.kind, by_equation.colour, by_equation.erosion) == ("pse", "ycbcr", True)
    assert (by_equation.formula, by_text.formula) == ("equation", "text")


def test_equation_6_from_the_pictures():
    original = np.full((6, 6, 3), 100, np.uint8)
    normalized = original.copy()
    normalized[1:5, 1:5] = (103, 104, 100)
    inside = np.zeros((6, 6), bool)
    inside[1:5] = True
    _, result = appraise(original, normalized, inside, colour="rgb", erosion=False)
    assert result.pixels == 24
    assert result.normality == pytest.approx(-math.log(math.sqrt(16 * (3**2 + 4**2)) / 24))
    _, result = appraise(original, normalized, inside, colour="rgb")  # erosion leaves 2 × 2 of the 4 × 4
    assert result.normality == pytest.approx(-math.log(math.sqrt(4 * 25) / 24))


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_stronger_blemish_is_more_severe(astronaut, face, area, lpips, kind, formula):
    found = [
        appraise(
            blemished(astronaut, face, strength)[WINDOW],
            astronaut[WINDOW],
            area[WINDOW],
            kind=kind,
            formula=formula,
            lpips=lpips,
        )[1].severity
        for strength in (0, 5, 20, 80)
    ]
    assert all(less < more for less, more in pairwise(found))


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("kind", KINDS)
def test_equal_pictures_get_a_finite_score_above_all_others(astronaut, area, lpips, kind, formula):
    photo, inside = astronaut[WINDOW], area[WINDOW]
    options = {"kind": kind, "erosion": False, "formula": formula, "lpips": lpips}
    equal = appraise(photo, photo.copy(), inside, **options)[1]
    assert json.loads(json.dumps(asdict(equal), allow_nan=False))["normality"] == equal.normality
    nearly = photo.copy()
    row, column = np.argwhere(inside).mean(0).astype(int)
    nearly[row, column] ^= 1  # one pixel by one level
    assert appraise(nearly, photo, inside, **options)[1].normality < equal.normality


def test_the_highest_score_is_half_a_level_in_one_pixel():
    heat, inside = np.zeros((10, 10), np.float32), np.ones((10, 10), bool)
    assert score(heat, inside).normality == pytest.approx(-math.log(0.5 / 100))
    assert score(heat, inside, "text").normality == pytest.approx(-math.log(0.25 / 100))


def test_what_lies_outside_the_region_does_not_count(astronaut, face, area):
    normalized = blemished(astronaut, face, 40)
    elsewhere = normalized.copy()
    elsewhere[~cv2.dilate(area.astype(np.uint8), np.ones((3, 3))).astype(bool)] = 0  # erosion reaches one pixel
    scores = [appraise(astronaut, picture, area)[1] for picture in (normalized, elsewhere)]
    assert scores[0] == scores[1]


def test_a_pair_before_leaves_no_trace(astronaut, face, area):
    pair = astronaut, blemished(astronaut, face, 30)
    heat, alone = appraise(*pair, area)
    appraise(astronaut, blemished(astronaut, face, 90), ~area, kind="ssim", colour="rgb", formula="text")
    again_heat, again = appraise(*pair, area)
    assert again == alone
    np.testing.assert_array_equal(again_heat, heat)


def test_a_painted_region_counts_as_a_suggested_one_does():
    heat = np.arange(12, dtype=np.float32).reshape(3, 4)
    painted = np.zeros((3, 4), np.uint8)
    painted[1:, 2:] = 255
    assert score(heat, painted) == score(heat, painted > 0)


def test_an_empty_region_is_said():
    with pytest.raises(MaskEmpty, match="paint it over the face"):
        score(np.ones((4, 4), np.float32), np.zeros((4, 4), bool))


def test_a_region_of_another_size_is_said():
    with pytest.raises(MaskMismatch, match="5 × 4 pixels and the heat map 4 × 4"):
        score(np.ones((4, 4), np.float32), np.ones((4, 5), bool))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formula": "mean"}, "formula must be one of equation, text"),
        ({"kind": "mse"}, "kind must be one of pse"),
        ({"colour": "lab"}, "colour space must be one of ycbcr"),
    ],
)
def test_unknown_options_are_said(options, message):
    with pytest.raises(OptionInvalid, match=message):
        score(np.ones((4, 4), np.float32), np.ones((4, 4), bool), **options)


def test_table_1_names_every_combination_once():
    settings = {(cell.adaptation, cell.region, cell.kind, cell.colour, cell.erosion) for cell in TABLE_1}
    assert {cell.region for cell in TABLE_1} == {"mouth-nose", "face"} < set(REGIONS)
    assert len(TABLE_1) == len(settings) == 2 * 2 * len(KINDS) * len(COLOURS) * 2
    best = max(TABLE_1, key=lambda cell: cell.correlation)
    assert (best.region, best.kind, best.colour, best.erosion, best.correlation) == (
        "mouth-nose",
        "pse",
        "ycbcr",
        True,
        94.2,
    )


def test_every_cell_of_table_1_is_one_call(astronaut, face, lpips):
    pair = astronaut[WINDOW], blemished(astronaut, face, 40)[WINDOW]
    regions = {name: region(face, (512, 512), name)[WINDOW] for name in REGIONS}
    found = {}
    for cell in TABLE_1[:24]:  # with adaptation; without it the calls are the same
        options = {"kind": cell.kind, "colour": cell.colour, "erosion": cell.erosion}
        heat, result = appraise(*pair, regions[cell.region], **options, lpips=lpips)
        if cell.kind == "pse":
            np.testing.assert_array_equal(heat, heat_map(*pair, **options))
        assert (result.kind, result.colour, result.erosion) == tuple(options.values())
        assert result.pixels == regions[cell.region].sum()
        found[cell] = result.normality
    assert len(set(found.values())) == 24
