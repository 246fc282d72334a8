"""Maps as pictures: zoomed to their region, on their own scale, or not there."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.anomaly_scoring.choices import MAPS
from pipelines.anomaly_scoring.drawing.colouring import ASYMMETRY_SCALE, LOCAL_SCALE, SCALES, colour_heat_map
from pipelines.anomaly_scoring.drawing.maps import SIDE, map_overlay, map_picture, severity_of_100, shown_map
from pipelines.anomaly_scoring.scoring.scores import score
from pipelines.errors import OptionInvalid
from pipelines.results import Finding, Score


@pytest.fixture
def result() -> SimpleNamespace:
    """A grey face whose map is strong in one corner of its region."""
    area = np.zeros((256, 256), bool)
    area[120:200, 100:140] = True
    values = np.zeros((256, 256), np.float32)
    values[120:160, 100:120] = 50
    return SimpleNamespace(
        crop=np.full((256, 256, 3), 200, np.uint8),
        heat=values * 100,
        area=area,
        score=Score(1.0, -1.0, 3200, "pse", "ycbcr", True, "equation"),
        local=Finding(values, area, 50.0, None),
        asymmetry=Finding(values / 2, area, 25.0, None),
    )


@pytest.mark.parametrize(
    ("name", "scale"), [("local", LOCAL_SCALE), ("asymmetry", ASYMMETRY_SCALE), ("heat", SCALES["pse", "ycbcr"])]
)
def test_every_map_has_its_own_scale(result, name, scale):
    shown = shown_map(result, name)
    assert shown.scale is scale and shown.values.max() in (50, 25, 5000)
    assert map_picture(result, name).shape[0] == SIDE and map_picture(result, name).shape[1] > SIDE


def test_the_first_is_what_local_severity_is_taken_from():
    assert next(iter(MAPS)) == "local" and set(MAPS) == {"local", "asymmetry", "heat"}


def test_the_region_fills_most_of_the_picture_and_the_rest_stays_as_it_was(result):
    picture = map_overlay(result, shown_map(result, "local"), 1.0)
    assert picture.shape == (SIDE, SIDE, 3)
    rows, columns = np.nonzero((picture == 255).all(2))  # the outline
    assert 0.55 * SIDE < np.ptp(rows) < 0.7 * SIDE and 0.25 * SIDE < np.ptp(columns) < 0.4 * SIDE
    assert (picture[5, 5] == 200).all()
    hot, cold = colour_heat_map(np.array([[50.0]]), LOCAL_SCALE)[0, 0], 200
    left, top = columns.min(), rows.min()
    assert np.abs(picture[top + 30, left + 20].astype(int) - hot).max() <= 2
    assert np.abs(picture[rows.max() - 30, columns.max() - 20].astype(int) - cold).max() <= 2


@pytest.mark.parametrize("formula", ["equation", "text"])
@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("pse", 400.0, 20.0),
        ("pse", 10_000.0, 100.0),
        ("pse", 40_000.0, 100.0),
        ("ssim", 0.15, 25.0),
        ("lpips", 0.2, 25.0),
    ],
)
def test_severity_of_100_is_how_far_up_the_scale_the_region_lies(formula, kind, value, expected):
    for side in (4, 40):  # whatever its size
        heat, region = np.full((64, 64), value, np.float32), np.zeros((64, 64), bool)
        region[:side, :side] = True
        found = SimpleNamespace(score=score(heat, region, formula, kind=kind))
        assert severity_of_100(found) == pytest.approx(expected, abs=0.01)


def test_a_region_at_the_border_or_of_the_whole_face_stays_inside(result):
    for rows, columns in ((slice(0, 10), slice(0, 10)), (slice(0, 256), slice(0, 256)), (slice(255, 256), slice(0, 1))):
        area = np.zeros((256, 256), bool)
        area[rows, columns] = True
        shown = replace(shown_map(result, "local"), area=area)
        assert map_overlay(result, shown).shape == (SIDE, SIDE, 3)


def test_a_small_crop_is_enlarged(result):
    small = SimpleNamespace(crop=result.crop[:64, :64], heat=result.heat[:64, :64], area=np.ones((64, 64), bool))
    small.score = result.score
    assert map_overlay(small, shown_map(small, "heat")).shape == (SIDE, SIDE, 3)


def test_what_a_result_has_not_is_none(result):
    result.local = None
    assert shown_map(result, "local") is None and map_picture(result, "local") is None
    assert map_picture(result, "asymmetry") is not None


@pytest.mark.parametrize("opacity", [-0.1, 1.1])
def test_opacity_is_a_share(result, opacity):
    with pytest.raises(OptionInvalid, match="between 0 and 1"):
        map_overlay(result, shown_map(result, "local"), opacity)
