"""A mesh on an upright face fits, however the photo is turned and however large it is; any other mesh does not."""

import cv2
import numpy as np
import pytest

from pipelines.faces.detection.detectors import find_meshes
from pipelines.faces.detection.plausibility import Opinion, examine
from pipelines.faces.points import Face


def moved(photo: np.ndarray, face: Face, degrees: float = 0.0, scale: float = 1.0) -> tuple[np.ndarray, Face]:
    """The photo turned clockwise about the face and enlarged, and its face."""
    centre = face.mesh.mean(0).astype(float)
    matrix = cv2.getRotationMatrix2D(tuple(centre), -degrees, scale)
    side = round(512 * scale)
    matrix[:, 2] += side / 2 - centre
    turned = cv2.warpAffine(photo, matrix, (side, side), flags=cv2.INTER_CUBIC)
    return turned, Face((face.mesh @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32))


def test_a_face_fits(astronaut, face):
    opinion = examine(astronaut, face)
    assert opinion.score > 0.85 and opinion.astray < 0.3 and opinion.unevenness < 0.06 and opinion.fit > 25


@pytest.mark.parametrize("degrees", [30, 90, 135, 180, -90])
def test_turns_do_not_matter(astronaut, face, degrees):
    photo, turned = moved(astronaut, face, degrees)
    assert turned.turn == pytest.approx((degrees + face.turn + 180) % 360 - 180, abs=0.01)
    assert examine(photo, turned).fit == pytest.approx(examine(astronaut, face).fit, abs=2)


def test_eyes_tell_which_way_up_a_face_stands(astronaut, face):
    upright = examine(astronaut, face).eyes
    assert upright > 10
    photo, turned = moved(astronaut, face, 180)
    assert examine(photo, turned).eyes == pytest.approx(upright, abs=2)
    # An upright mesh whose eyes lie on those of a face that stands on its head.
    wrong = Face(np.float32(turned.eyes.mean(0) + (face.mesh - face.eyes.mean(0))))
    assert abs(wrong.turn) < 60
    assert examine(photo, wrong).eyes < upright - 5


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.5, 3.0, 9.0])
def test_size_does_not_matter(astronaut, face, scale):
    photo, large = moved(astronaut, face, scale=scale)
    assert examine(photo, large).fit == pytest.approx(examine(astronaut, face).fit, abs=2.5)


def test_what_the_photo_shows_elsewhere_does_not_matter(astronaut, face):
    around = astronaut.copy()
    around[300:] = 255 - around[300:]
    assert examine(around, face) == examine(astronaut, face)


def test_an_upright_mesh_on_a_face_that_stands_on_its_head_does_not_fit(astronaut):
    (mesh,) = find_meshes(np.ascontiguousarray(astronaut[40:220, 140:310][::-1, ::-1]))
    upside_down = np.ascontiguousarray(astronaut[::-1, ::-1])
    wrong = Face(mesh + np.float32((512 - 310, 512 - 220)))
    assert abs(wrong.turn) < 60, "FaceMesh turned the face itself: this photo no longer shows the fault"
    assert examine(upside_down, wrong).fit < examine(astronaut, Face(find_meshes(astronaut)[0])).fit - 6


def test_a_mesh_beside_the_face_does_not_fit(astronaut, face):
    for away in ((-150, 200), (0, 170), (60, 60)):
        assert examine(astronaut, Face(face.mesh + np.float32(away))).fit < 13


def test_a_face_that_leaves_the_photo_is_looked_at_all_the_same(astronaut, face):
    for photo in (astronaut[:110], astronaut[:, :225], astronaut[100:]):
        assert isinstance(examine(np.ascontiguousarray(photo), face), Opinion)
    tiny = Face(np.float32(face.mesh / 100))
    assert isinstance(examine(cv2.resize(astronaut, (5, 5)), tiny), Opinion)


def test_fit_grows_with_the_score_and_falls_with_the_rest():
    good = Opinion(0.9, 0.1, 0.02, 10.0)
    worse = Opinion(0.8, 0.1, 0.02, 10.0), Opinion(0.9, 0.2, 0.02, 10.0), Opinion(0.9, 0.1, 0.04, 10.0)
    assert good.fit > max(one.fit for one in worse)
    assert worse[-1].fit == pytest.approx(good.fit - 2)
    assert Opinion(0.9, 0.1, 0.02, 4.0).fit == good.fit and good.standing == pytest.approx(good.fit + 10)
