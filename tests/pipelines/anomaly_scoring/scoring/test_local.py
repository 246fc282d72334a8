"""Local severity: closed forms of its map, and that it knows what equation 6 drowns."""

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.deformations import deform
from pipelines.anomaly_scoring.choices import ASYMMETRY_PEAK, LOCAL_PEAK
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.anomaly_scoring.scoring.exposure import SHADOW, STANDARD
from pipelines.anomaly_scoring.scoring.local import local_map, peak
from pipelines.anomaly_scoring.scoring.regions import region
from pipelines.faces.alignment import align
from pipelines.faces.points import Face

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def there(face) -> Face:
    """The astronaut's face in her crop."""
    return align(skimage.data.astronaut(), face).face_in_crop(face)


def grey(level: float) -> np.ndarray:
    return np.full((256, 256, 3), level, np.uint8)


def constant(value: float) -> np.ndarray:
    return np.full((256, 256), value, np.float32)


def test_a_common_face_in_standard_exposure_keeps_its_grey_levels(there):
    """Its usual misfit is 10 grey levels, its skin 150 bright; where the sides agree, what does not fit counts half."""
    found = local_map(constant(10), constant(0), grey(STANDARD), there)
    assert found.dtype == np.float32 and found.shape == (256, 256)
    np.testing.assert_allclose(found, 5, rtol=1e-5)
    np.testing.assert_allclose(local_map(constant(10), constant(1e6), grey(STANDARD), there), 10, rtol=1e-3)
    np.testing.assert_allclose(local_map(constant(10), constant(12), grey(STANDARD), there), 7.5, rtol=1e-5)


def test_exposure_and_usual_misfit_divide_by_their_root(there):
    area = region(there, (256, 256))
    residual = np.where(area, 10, 80).astype(np.float32)  # the median over mouth and nose is the usual one
    standard = local_map(residual, constant(0), grey(STANDARD), there)
    darker = local_map(residual, constant(0), grey(50), there)
    np.testing.assert_allclose(darker / standard, np.sqrt((STANDARD + SHADOW) / (50 + SHADOW)), rtol=1e-5)
    other = np.where(area, 40, 80).astype(np.float32)
    worse = local_map(other, constant(0), grey(STANDARD), there)
    np.testing.assert_allclose(worse[~area] / standard[~area], np.sqrt(15 / 45), rtol=1e-5)


def test_the_peak_is_what_one_pixel_in_200_exceeds():
    values = np.arange(1001, dtype=np.float32).reshape(7, 143)
    everywhere = np.ones(values.shape, bool)
    assert peak(values, everywhere, LOCAL_PEAK) == pytest.approx(995)
    area = values < 201
    assert peak(values, area, LOCAL_PEAK) == pytest.approx(199)


@given(share=st.floats(0.006, 0.5), height=st.floats(20, 255))
def test_a_small_strong_spot_is_seen_and_a_sum_would_drown_it(share, height):
    values = np.full(10_000, 10.0)
    values[: round(share * len(values))] = height
    found = peak(values[None], np.ones((1, len(values)), bool), LOCAL_PEAK)
    assert found == pytest.approx(height)


# --- with the built-in weights --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scored(face) -> dict[float, tuple[float, float]]:
    """Severity of a simulated cleft → local severity and the severity of equation 6."""
    photo = skimage.data.astronaut()
    scoring = AnomalyScoring(device="cpu", precision="float32")
    found = {}
    for severity in (0.0, 3.0, 5.0):
        result = scoring(deform(photo, face, "cleft", severity))
        found[severity] = (result.local.value, result.score.severity)
    return found


def test_it_rises_with_a_cleft(scored):
    values = [local for local, _ in scored.values()]
    assert values[0] + 15 < values[1] and values[1] < values[2]
    assert values[2] > 3 * values[0]


def test_the_constants_are_those_of_the_documentation():
    """docs/architecture.md names them."""
    assert (LOCAL_PEAK, ASYMMETRY_PEAK) == (99.5, 98.0)
