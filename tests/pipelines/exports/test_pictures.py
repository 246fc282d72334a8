"""The part of a photo around a face."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.exports import pictures
from tests.pipelines.exports.made_results import make_result


@pytest.mark.parametrize("corner", [(0.0, 0.0), (1.0, 1.0)])
def test_the_window_on_the_face_stays_inside_the_photo(corner):
    result = make_result()
    shift = (np.array(corner) - 0.5) * (360, 480)
    points = (result.landmarks_before + shift).astype(np.float32)  # half of the face lies outside the photo
    left, top, right, bottom = pictures.face_window(replace(result, landmarks_before=points, landmarks=points))
    assert 0 <= left < right <= 360 and 0 <= top < bottom <= 480
