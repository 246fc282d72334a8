"""The step at which the residual has halved: on curves whose answer is known."""

import math

import numpy as np
import pytest

from pipelines.anomaly_scoring.normalizers.reappearance import HALF, reappearance
from pipelines.results import AdaptationFrame

pytestmark = pytest.mark.slow

PICTURE = np.zeros((2, 2, 3), np.uint8)


def run(residuals: dict[int, float]) -> list[AdaptationFrame]:
    """Frames whose severity is the logarithm of the residual."""
    return [AdaptationFrame(step, PICTURE, math.log(residual)) for step, residual in residuals.items()]


def decay(tone: float, anomaly: float, every: int = 1, last: int = 500) -> list[AdaptationFrame]:
    """A face whose tone is explained within ten steps and whose anomaly within two hundred: squared errors add up."""
    return run(
        {
            step: math.hypot(tone * math.exp(-step / 10), anomaly * math.exp(-step / 200))
            for step in range(0, last + 1, every)
        }
    )


def test_the_first_step_with_half_the_residual():
    assert reappearance(run({0: 8, 1: 7, 2: 4.001, 3: 3.9, 4: 5, 5: 1})) == 3
    assert reappearance(run({0: 8, 1: 3})) == 1


def test_what_does_not_halve_has_not_reappeared():
    assert reappearance(run({0: 8, 50: 4.1, 100: 4.01})) is None
    assert reappearance(run({0: 8})) is None
    assert reappearance([]) is None


def test_the_more_severe_the_later():
    steps = [reappearance(decay(10, anomaly)) for anomaly in (1, 3, 6, 12, 40)]
    assert steps == sorted(steps) and len(set(steps)) == 5
    assert steps[0] == pytest.approx(10 * math.log(2), abs=1.5)
    assert steps[-1] == pytest.approx(200 * math.log(2), abs=8)


def test_thinned_frames_give_nearly_the_same():
    for anomaly in (3, 6, 12):
        assert reappearance(decay(10, anomaly, every=10)) == pytest.approx(reappearance(decay(10, anomaly)), abs=4)


def test_between_frames_by_a_straight_line():
    frames = [AdaptationFrame(0, PICTURE, 2.0), AdaptationFrame(10, PICTURE, 2.0 - 2.1 * HALF)]
    assert reappearance(frames) == 5
    frames[1] = AdaptationFrame(10, PICTURE, 2.0 - 1.9 * HALF)
    assert reappearance(frames) == 6, "rounded up"


def test_the_scale_of_the_residual_does_not_count():
    small, large = ([AdaptationFrame(f.step, PICTURE, f.severity + by) for f in decay(10, 6)] for by in (-9, 3))
    assert reappearance(small) == reappearance(large)


def test_a_longer_run_changes_nothing():
    assert reappearance(decay(10, 6, last=200)) == reappearance(decay(10, 6, last=500))


@pytest.mark.parametrize("steps", [(10, 20), (0, 20, 10), (0, 0)])
def test_frames_out_of_order_are_refused(steps):
    with pytest.raises(ValueError, match="order of steps"):
        reappearance([AdaptationFrame(step, PICTURE, 0.0) for step in steps])
