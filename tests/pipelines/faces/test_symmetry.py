"""A face's left and right: partners in the mesh, points that favour no side, and the mirror image through the mesh."""

import cv2
import numpy as np
import pytest

from pipelines.faces import symmetry
from pipelines.faces.landmarks import find_face
from pipelines.faces.points import MIRROR_MESH, Face, mirrored_face
from pipelines.faces.symmetry import even_face, mirror_through_mesh


def test_even_points_of_a_mirrored_photo_are_the_mirrored_points(astronaut, face):
    flipped = np.ascontiguousarray(astronaut[:, ::-1])
    found = find_face(flipped)
    apart = np.abs(mirrored_face(found, 512).mesh - face.mesh).max()
    even, other = even_face(astronaut, face), even_face(flipped, found)
    assert apart > 0.5, "FaceMesh must favour a side for this test to say anything"
    np.testing.assert_allclose(mirrored_face(other, 512).mesh, even.mesh, atol=1e-3)
    assert np.abs(even.mesh - face.mesh).max() < apart


@pytest.mark.slow
def test_of_two_faces_each_gets_its_own_mirror_image(astronaut):
    both = np.full((512, 850, 3), 200, np.uint8)
    both[:, :512] = astronaut
    both[100:420, 520:840] = cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA)
    for left in (0, 520):
        alone = find_face(both[:, left : left + 330 if left else 512])
        chosen = Face(alone.mesh + np.array([left, 0], np.float32))
        assert np.abs(even_face(both, chosen).mesh - chosen.mesh).max() < 0.2 * chosen.eye_distance


def test_a_face_that_its_mirror_image_does_not_show_stays(astronaut, face, monkeypatch):
    monkeypatch.setattr(symmetry, "find_faces", lambda photo: [])
    assert even_face(astronaut, face) is face
    elsewhere = Face(face.mesh + np.array([0, 200], np.float32))
    monkeypatch.setattr(symmetry, "find_faces", lambda photo: [mirrored_face(elsewhere, photo.shape[1])])
    assert even_face(astronaut, face) is face


# --- the mirror image through the mesh ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ramp() -> np.ndarray:
    """Its own column and row at every pixel, ``float32`` ``(512, 512, 2)``."""
    x, y = np.meshgrid(np.arange(512) + 0.5, np.arange(512) + 0.5)
    return np.stack([x, y], 2).astype(np.float32)


def test_every_point_shows_what_lies_at_its_partner(face, ramp):
    mirrored, known = mirror_through_mesh(ramp, face)
    inner = [*range(0, 10), *range(11, 17), 50, 280, 205, 425, 61, 291, 98, 327, 33, 263]  # away from the hull's border
    points = face.mesh[inner]
    found = np.stack(
        [cv2.getRectSubPix(mirrored[..., c].copy(), (1, 1), tuple(p - 0.5)) for p in points for c in (0, 1)]
    )
    np.testing.assert_allclose(found.reshape(-1, 2), face.mesh[MIRROR_MESH[inner]], atol=0.6)
    column, row = points.astype(int).T
    assert known[row, column].all()


def test_what_lies_outside_the_mesh_is_not_known(face, ramp):
    mirrored, known = mirror_through_mesh(ramp, face)
    assert known.dtype == bool and not known[0].any() and not known[-1].any()
    left, top, right, bottom = face.box
    assert known.sum() == pytest.approx(0.75 * (right - left) * (bottom - top), rel=0.15)
    assert (mirrored[~known] == 0).all()


def test_a_symmetric_face_is_its_own_mirror_image(face):
    axis = 256.0
    mesh = (face.mesh + mirrored_face(face, 512).mesh) / 2
    symmetric = Face(mesh)
    rng = np.random.default_rng(0)
    half = cv2.GaussianBlur(rng.uniform(0, 255, (512, 256)).astype(np.float32), (0, 0), 3)
    picture = np.hstack([half, half[:, ::-1]])
    assert abs(symmetric.mesh[4, 0] - axis) < 1e-3
    mirrored, known = mirror_through_mesh(picture, symmetric)
    assert np.abs(mirrored - picture)[known].max() < 0.5
    shifted, _ = mirror_through_mesh(np.roll(picture, 9, axis=1), symmetric)
    assert np.abs(shifted - np.roll(picture, 9, axis=1))[known].mean() > 3


def test_a_face_that_leaves_the_picture(astronaut, face):
    cut = astronaut[:, round(face.points[30, 0]) :].astype(np.float32)
    there = Face(face.mesh - np.array([round(face.points[30, 0]), 0], np.float32))
    mirrored, known = mirror_through_mesh(cut, there)
    assert mirrored.shape == cut.shape and known.shape == cut.shape[:2] and known.any()
    assert np.isfinite(mirrored).all()
