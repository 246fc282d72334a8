"""The named points lie where their table says, and partners where the mirror image has them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.faces.landmarks import find_face
from pipelines.faces.points import IRIS_LEFT, IRIS_RIGHT, MESH_TO_68, MIRROR_68, MIRROR_MESH, mirrored_face


def test_table_of_points():
    assert len(MESH_TO_68) == len(set(MESH_TO_68)) == 68


def test_anatomy_in_the_picture(face):
    """Every named point lies where the module's table says, as seen in the picture."""
    points = face.points
    assert points[0, 0] < points[8, 0] < points[16, 0] and points[8, 1] == points[:, 1].max()
    assert points[17, 0] < points[21, 0] < points[22, 0] < points[26, 0]
    assert (np.diff(points[27:31, 1]) > 0).all()
    assert (np.diff(points[31:36, 0]) > 0).all()
    assert points[36, 0] < points[39, 0] < points[42, 0] < points[45, 0]
    assert points[48, 0] < points[50, 0] < points[51, 0] < points[52, 0] < points[54, 0]
    assert points[51, 1] < points[62, 1] <= points[66, 1] < points[57, 1]
    irises = face.mesh[[IRIS_LEFT.start, IRIS_RIGHT.start]]
    assert (np.abs(irises - face.eyes) < 0.12 * face.eye_distance).all()


def test_partners_are_mutual_and_those_of_the_68_points():
    assert sorted(MIRROR_MESH) == list(range(478))
    assert np.array_equal(MIRROR_MESH[MIRROR_MESH], np.arange(478))
    points = np.array(MESH_TO_68)
    assert np.array_equal(MIRROR_MESH[points], points[list(MIRROR_68)])
    assert np.array_equal(np.sort(MIRROR_MESH[IRIS_LEFT]), np.arange(478)[IRIS_RIGHT])


def test_partners_lie_where_the_mirror_image_of_a_face_has_them(astronaut, face):
    """Found in a mirrored photo, every point lies near where its partner was."""
    flipped = find_face(np.ascontiguousarray(astronaut[:, ::-1]))
    away = np.linalg.norm(mirrored_face(flipped, astronaut.shape[1]).mesh - face.mesh, axis=1) / face.eye_distance
    unpaired = np.linalg.norm(flipped.mesh * (-1, 1) + (astronaut.shape[1], 0) - face.mesh, axis=1) / face.eye_distance
    assert np.median(away) < 0.03 and np.percentile(away, 98) < 0.1
    assert np.median(unpaired) > 5 * np.median(away)


@given(width=st.integers(1, 4000))
def test_a_face_mirrored_twice_is_the_face(face, width):
    twice = mirrored_face(mirrored_face(face, width), width)
    np.testing.assert_allclose(twice.mesh, face.mesh, atol=1e-3)
