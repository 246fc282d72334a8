"""What the page is told of further references."""

import base64

import cv2
import numpy as np
import pytest

from pipelines.faces.landmarks import find_faces
from ui.parts.editor import more_props
from ui.pictures.masks import editor_size
from ui.session.kept import Photo

pytestmark = pytest.mark.slow


def test_thumbnails_show_the_chosen_face_and_are_numbered_after_the_first_reference(astronaut: np.ndarray):
    photos = [Photo(str(i), astronaut, find_faces(astronaut), editor_size(astronaut.shape)) for i in range(2)]
    shown = more_props(photos)["others"]
    assert [(one["key"], one["number"], one["faces"], one["face"]) for one in shown] == [("0", 2, 1, 0), ("1", 3, 1, 0)]
    data = np.frombuffer(base64.b64decode(shown[0]["url"].partition(",")[2]), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert max(picture.shape) <= 144
    assert len(find_faces(np.ascontiguousarray(picture[..., ::-1]))) == 1


def test_without_further_references_nothing_is_shown():
    assert more_props([]) == {"others": []}
