"""FFHQ's crop against its definition corner by corner, and the same promises as the project's crop."""

import cv2
import numpy as np
import pytest

from pipelines.errors import NoFaceFound
from pipelines.faces.alignment import FFHQ, PROJECT, TEMPLATES, align
from pipelines.faces.landmarks import find_crop_face, find_face
from pipelines.faces.points import Face


def quad(points: np.ndarray) -> np.ndarray:
    """Corners of FFHQ's square in the photo, ``(4, 2)``: top left, bottom left, bottom right, top right."""
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    middle, across = (left + right) / 2, right - left
    down = (points[48] + points[54]) / 2 - middle
    x = across + np.array([down[1], -down[0]])
    x *= max(2 * np.hypot(*across), 1.8 * np.hypot(*down)) / np.hypot(*x)
    y = np.array([-x[1], x[0]])
    centre = middle + 0.1 * down
    return np.array([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def turned(face: Face, degrees: float) -> Face:
    matrix = cv2.getRotationMatrix2D((256, 256), degrees, 0.7)
    return Face((face.mesh @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32))


@pytest.mark.parametrize("degrees", [0, 25, -70, 180])
def test_the_crop_is_ffhqs_square(astronaut, face, degrees):
    face = turned(face, degrees)
    alignment = align(astronaut, face, 64, FFHQ)
    corners = alignment.to_crop(quad(face.points.astype(np.float64)))
    np.testing.assert_allclose(corners, [(0, 0), (0, 64), (64, 64), (64, 0)], atol=1e-4)
    assert align(astronaut, face, template=FFHQ).size == 1024


def test_the_larger_of_eyes_and_mouth_counts(astronaut, face):
    wide, long = (Face(face.mesh * np.float32(factor)) for factor in ((1.5, 1), (1, 1.5)))
    for changed, eyes_count in ((wide, True), (long, False)):
        side = 64 / align(astronaut, changed, 64, FFHQ).scale
        mouth = changed.points[[48, 54]].mean(0) - changed.eyes.mean(0)
        by_eyes, by_mouth = 4 * changed.eye_distance, 3.6 * np.hypot(*mouth)
        assert (by_eyes > by_mouth) == eyes_count
        assert side == pytest.approx(max(by_eyes, by_mouth), rel=1e-5)


def test_the_inverse_is_exact(astronaut, face):
    alignment = align(astronaut, turned(face, 33), 256, FFHQ)
    points = np.random.default_rng(0).uniform(-50, 600, (100, 2))
    np.testing.assert_allclose(alignment.to_photo(alignment.to_crop(points)), points, atol=1e-9)


def test_a_turned_photo_gives_the_same_crop(astronaut, face):
    matrix = cv2.getRotationMatrix2D((224, 140), 20, 1.0)
    photo = cv2.warpAffine(astronaut, matrix, (512, 512), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    found = find_crop_face(align(photo, find_face(photo), 256, FFHQ).crop(photo))
    level = find_crop_face(align(astronaut, face, 256, FFHQ).crop(astronaut))
    assert np.linalg.norm(found.eyes - level.eyes, axis=1).max() < 3
    assert abs(np.subtract(*found.eyes)[1]) < 3, "eyes are level"


def test_eyes_are_a_quarter_of_the_side_apart_at_most(astronaut, face):
    eyes = align(astronaut, face, 1024, FFHQ).to_crop(face.eyes)
    assert 150 < eyes[1, 0] - eyes[0, 0] <= 256.001
    assert 0.3 < eyes[:, 1].mean() / 1024 < 0.5


def test_templates_go_by_their_names():
    assert TEMPLATES == {"philtrum": PROJECT, "ffhq": FFHQ}


def test_a_face_without_extent_is_refused(astronaut, face):
    point = Face(np.full_like(face.mesh, 100))
    with pytest.raises(NoFaceFound, match="cannot be told apart"):
        align(astronaut, point, 64, FFHQ)
    # Eyes and mouth that contradict each other: the mouth lies as far above the eyes as they are apart, turned around.
    mesh = face.mesh.copy()
    across = face.eyes[1] - face.eyes[0]
    mesh[[61, 291]] = face.eyes.mean(0) + np.array([across[1], -across[0]])
    with pytest.raises(NoFaceFound, match="cannot be told apart"):
        align(astronaut, Face(mesh), 64, FFHQ)
