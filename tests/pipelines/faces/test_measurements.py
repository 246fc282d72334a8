"""Clinical measures: closed-form values on a hand-made face, and invariance to where and how large it is."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.faces.measurements import lip_gap, measure
from pipelines.faces.points import Face

MIRROR = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46),
    *(39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)  # the point that each of the 68 becomes in a mirror


def symmetric() -> np.ndarray:
    """A face about x = 0 with an eye distance of 100; only what the measures use lies where a face has it."""
    points = np.zeros((68, 2))
    points[:, 1] = np.arange(68)
    around = np.array([(-15, 0), (-5, -6), (5, -6), (15, 0), (5, 6), (-5, 6)])
    points[36:42] = around - np.array([50, 0])
    points[42:48] = around + np.array([50, 0])
    points[30], points[33] = (0, 50), (0, 65)
    points[31], points[35] = (-20, 62), (20, 62)
    points[50], points[51], points[52] = (-6, 85), (0, 87), (6, 85)
    return points


def values(points: np.ndarray) -> dict[str, float]:
    return {measurement.key: measurement.value for measurement in measure(points)}


def test_symmetric_face():
    assert values(symmetric()) == pytest.approx(
        {
            "columellar_angle": 90,
            "nostril_width_ratio": 1,
            "lateral_lip_height_ratio": 1,
            "nasal_tip_deviation": 0,
            "cupids_bow_tilt": 0,
        }
    )


def changed(**moves: tuple[float, float]) -> dict[str, float]:
    points = symmetric()
    for name, place in moves.items():
        points[int(name[1:])] = place
    return values(points)


def test_tip_of_the_nose_to_image_right():
    found = changed(p30=(15, 50))
    assert found["columellar_angle"] == pytest.approx(45)  # 15 aside on 15 up
    assert found["nasal_tip_deviation"] == pytest.approx(0.15)
    assert found["nostril_width_ratio"] == found["lateral_lip_height_ratio"] == pytest.approx(1)


def test_tip_of_the_nose_to_image_left():
    found = changed(p30=(-15, 50))
    assert found["columellar_angle"] == pytest.approx(135)
    assert found["nasal_tip_deviation"] == pytest.approx(-0.15)


@pytest.mark.parametrize("side", [-1, 1])
def test_one_nostril_twice_as_wide(side):
    """From (20, -3) to twice that, measured from subnasale; the side does not matter."""
    found = changed(**{"p31" if side < 0 else "p35": (side * 40, 59)})
    assert found["nostril_width_ratio"] == pytest.approx(0.5)


@pytest.mark.parametrize("side", [-1, 1])
def test_one_side_of_the_lip_shorter(side):
    point = "p50" if side < 0 else "p52"
    found = changed(**{point: (side * 13, 73.5)})  # halfway to the foot of the nasal wing
    assert found["lateral_lip_height_ratio"] == pytest.approx(0.5)


def test_image_right_peak_lower():
    found = changed(p52=(6, 85 + 12 * math.tan(math.radians(20))))
    assert found["cupids_bow_tilt"] == pytest.approx(20)
    assert changed(p50=(-6, 97))["cupids_bow_tilt"] == pytest.approx(-45)


faces = st.integers(0, 2**32 - 1).map(lambda seed: symmetric() + np.random.default_rng(seed).uniform(-4, 4, (68, 2)))


@given(faces, st.floats(-180, 180), st.floats(0.02, 50), st.tuples(st.floats(-4000, 4000), st.floats(-4000, 4000)))
def test_turning_enlarging_and_moving_change_nothing(points, degrees, scale, shift):
    a = scale * np.exp(1j * np.radians(degrees))
    moved = points @ np.array([[a.real, a.imag], [-a.imag, a.real]]) + shift
    assert values(moved) == pytest.approx(values(points), rel=1e-6, abs=1e-6)


@given(faces)
def test_a_mirror_keeps_ratios_and_turns_the_signs(points):
    mirrored = (points * (-1, 1))[list(MIRROR)]
    before, after = values(points), values(mirrored)
    assert after["nostril_width_ratio"] == pytest.approx(before["nostril_width_ratio"])
    assert after["lateral_lip_height_ratio"] == pytest.approx(before["lateral_lip_height_ratio"])
    assert after["nasal_tip_deviation"] == pytest.approx(-before["nasal_tip_deviation"])
    assert after["cupids_bow_tilt"] == pytest.approx(-before["cupids_bow_tilt"])
    assert after["columellar_angle"] == pytest.approx(180 - before["columellar_angle"])


@given(faces)
def test_ratios_lie_between_0_and_1(points):
    found = values(points)
    assert 0 < found["nostril_width_ratio"] <= 1
    assert 0 < found["lateral_lip_height_ratio"] <= 1


def test_a_real_face_is_nearly_symmetric(face):
    found = values(face.points)
    assert 75 < found["columellar_angle"] < 105
    assert found["nostril_width_ratio"] > 0.7 and found["lateral_lip_height_ratio"] > 0.7
    assert abs(found["nasal_tip_deviation"]) < 0.15 and abs(found["cupids_bow_tilt"]) < 10


def test_every_measure_says_what_it_is():
    for measurement in measure(symmetric()):
        assert measurement.unit == ("°" if "angle" in measurement.formula else "")
        assert "symmetric face" in measurement.meaning and measurement.meaning.endswith(".")
        assert any(str(number) in measurement.formula for number in (30, 31, 50))


def test_points_on_one_spot_give_no_number():
    assert all(math.isnan(value) for value in values(np.zeros((68, 2))).values())
    points = symmetric()
    points[30] = points[33]
    assert math.isnan(values(points)["columellar_angle"])


def test_wrong_shape():
    with pytest.raises(ValueError, match="68 points"):
        measure(np.zeros((478, 2)))


@pytest.mark.parametrize("degrees", [0, 40, 180])
def test_the_gap_between_the_lips_is_along_the_face_s_own_vertical(parted, degrees):
    assert lip_gap(parted(0.0)) < 0.02
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for gap in (0.05, 0.2):
        turned = Face((parted(gap).mesh @ turn.T).astype(np.float32))
        assert lip_gap(turned) == pytest.approx(gap, rel=0.03)
    crossed = Face((parted(-0.1).mesh @ turn.T).astype(np.float32))
    assert lip_gap(crossed) == 0
