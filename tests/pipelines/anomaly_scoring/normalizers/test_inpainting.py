"""The normalizer ``inpainting`` with the built-in weights on a real face: what it repaints, and what it states."""

import cv2
import numpy as np
import pytest
import skimage.data

from pipelines import devices
from pipelines.anomaly_scoring.normalizers.disagreement import Disagreement
from pipelines.anomaly_scoring.normalizers.inpainting import MOST_SEARCHES, InpaintingNormalizer, to_repaint
from pipelines.anomaly_scoring.scoring.regions import region
from pipelines.errors import OptionInvalid
from pipelines.faces.alignment import align
from pipelines.faces.landmarks import find_crop_face, find_face
from pipelines.faces.points import Face
from pipelines.models import store
from tests.pipelines.anomaly_scoring.fake_scorer import appraise

pytestmark = pytest.mark.slow

CPU = devices.choose("cpu", "float32")


@pytest.fixture(scope="module")
def normalizer() -> InpaintingNormalizer:
    return InpaintingNormalizer(None, CPU, searches=1)


@pytest.fixture(scope="module")
def crop(face) -> np.ndarray:
    """The astronaut's aligned face, which is scored as a photo of its own."""
    photo = skimage.data.astronaut()
    return align(photo, face).crop(photo)


@pytest.fixture(scope="module")
def crop_face(crop) -> Face:
    return find_crop_face(crop)


@pytest.fixture(scope="module")
def normalized(normalizer, crop, crop_face):
    return normalizer(crop, crop_face, seed=3)


@pytest.fixture(scope="module")
def notch(crop, crop_face) -> np.ndarray:
    """A dark notch, a tenth of the eye distance wide, in the upper lip and the skin above it."""
    peak, lip, base = crop_face.points[[50, 61, 32]]
    corners = np.stack([(base + peak) / 2, lip, lip, peak])
    covered = np.zeros(crop.shape[:2], np.uint8)
    width = round(0.1 * crop_face.eye_distance)
    cv2.polylines(covered, [np.round(corners).astype(np.int32)], False, 1, width)
    return covered.astype(bool)


# --- what is repainted --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.zeros, np.ones], ids=["zeros", "ones"])
def test_something_is_repainted_even_of_a_face_without_disagreement(make):
    area = np.zeros((64, 64), bool)
    area[20:50, 15:45] = True
    assert to_repaint(found(area, make((64, 64), np.float32) * area), 20).any()


def found(area, level) -> Disagreement:
    """A disagreement whose mean counts; its 40th percentile must not."""
    return Disagreement(area, level, np.full_like(level, np.nan))


def test_what_the_network_disagrees_with_is_repainted_with_a_margin():
    area = np.zeros((64, 64), bool)
    area[20:50, 15:45] = True
    level = np.zeros((64, 64), np.float32)
    level[30:38, 20:30] = 80
    hole = to_repaint(found(area, level), 50)
    assert hole[27:41, 17:33].mean() > 0.9 and not hole[:26].any() and not hole[:, 34:].any()
    weak = to_repaint(found(area, level / 40), 50)  # under the level that counts: the highest part alone
    assert np.array_equal(weak, hole)


# --- the whole way ------------------------------------------------------------------------------------------------


def test_outside_what_was_repainted_the_crop_stays(normalized):
    hole = normalized.repainted
    assert hole.dtype == bool and hole.shape == normalized.crop.shape[:2]
    assert 0.003 < hole.mean() < 0.3
    assert np.array_equal(normalized.image[~hole], normalized.crop[~hole])
    assert (normalized.image != normalized.crop)[hole].any(1).mean() > 0.5
    assert normalized.image.dtype == normalized.crop.dtype == np.uint8


def test_it_states_its_weights_and_searches_before_any_photo(normalizer, normalized):
    stated = normalizer.state()
    (used,), entry = stated.weights, store.find(job="cleft-inpainting")
    assert (used.name, used.sha256) == (entry.name, entry.sha256[:12])
    assert (stated.conditions, stated.perceptual) == ("1 search", None)
    assert normalized.frames == normalized.losses == ()


def test_what_does_not_fit_is_known_where_it_looked(normalized):
    assert normalized.residual.dtype == np.float32 and normalized.searched.dtype == bool
    assert normalized.searched[region(normalized.face, (256, 256))].all()
    assert (normalized.residual[~normalized.searched] == 0).all() and normalized.residual.max() > 5
    assert np.allclose(normalized.face.eyes, [(89.6, 97.28), (166.4, 97.28)], atol=1e-3), "as the template says"


@pytest.mark.parametrize("searches", [0, MOST_SEARCHES + 1])
def test_a_number_of_searches_out_of_range_is_said(searches):
    with pytest.raises(OptionInvalid, match="must be a number from 1 to 10"):
        InpaintingNormalizer(None, CPU, searches=searches)


def test_nothing_of_a_face_is_left_for_the_next(normalizer, normalized, crop, crop_face, astronaut, face):
    normalizer(astronaut, face, seed=3)
    again = normalizer(crop, crop_face, seed=3)
    assert np.array_equal(again.image, normalized.image)
    assert np.array_equal(again.repainted, normalized.repainted)


def test_a_notch_in_the_lip_is_found_and_raises_the_severity(normalizer, normalized, crop, crop_face, notch):
    photo = crop.copy()
    photo[notch] = (40, 15, 15)
    notched = normalizer(photo, find_face(photo), seed=3)
    there = notched.alignment.crop_mask(notch)
    assert there.sum() > 20
    assert notched.repainted[there].all()
    scores = [
        appraise(one.crop, one.image, region(crop_face, crop.shape[:2]))[1].severity for one in (normalized, notched)
    ]
    assert scores[1] > scores[0]
    inside = region(notched.face, (256, 256)) & there
    assert np.median(notched.residual[inside]) > 3 * np.median(normalized.residual[region(normalized.face, (256, 256))])


def test_progress_rises_and_what_it_raises_stops_the_run(normalizer, crop, crop_face):
    told = []

    class StopError(Exception):
        pass

    def stop(fraction, text):
        told.append((fraction, text))
        if len(told) == 2:
            raise StopError

    with pytest.raises(StopError):
        normalizer(crop, crop_face, progress=stop)
    assert told == [(0.0, "aligning"), (0.1, "looking for what does not fit")]
