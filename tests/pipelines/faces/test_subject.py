"""A photo, its faces, the one that was chosen, and its points after part of it was repainted."""

from dataclasses import FrozenInstanceError

import cv2
import numpy as np
import pytest
import skimage.data

from pipelines.errors import ArrayInvalid, FaceIncomplete, FaceIndexInvalid, ImageTooSmall, NoFaceFound
from pipelines.faces.alignment import align
from pipelines.faces.landmarks import find_faces
from pipelines.faces.masks import suggest_mask
from pipelines.faces.points import Face
from pipelines.faces.subject import Subject, check_face, find_subject


def test_a_subject_is_photo_face_alignment_and_crop(astronaut, face):
    subject = find_subject(astronaut)
    assert subject.photo is astronaut and subject.shape == astronaut.shape[:2]
    assert len(subject.faces) == 1 and subject.index == 0
    assert np.array_equal(subject.face.mesh, face.mesh)
    alignment = align(astronaut, face)
    assert np.array_equal(subject.alignment.matrix, alignment.matrix)
    assert np.array_equal(subject.crop, alignment.crop(astronaut))
    assert np.array_equal(subject.crop_face.mesh, alignment.face_in_crop(face).mesh)
    assert subject.crop is subject.crop, "made once"
    with pytest.raises(FrozenInstanceError):
        subject.index = 1


@pytest.mark.slow
def test_the_second_face_can_be_chosen(astronaut):
    both = np.concatenate([astronaut, astronaut[:, ::-1]], 1)
    first, second = find_subject(both, 0), find_subject(both, 1)
    assert abs(first.face.points[:, 0].mean() - second.face.points[:, 0].mean()) > 100


def test_photos_without_such_a_face(astronaut):
    with pytest.raises(NoFaceFound):
        find_subject(np.full((128, 128, 3), 120, np.uint8))
    with pytest.raises(FaceIndexInvalid):
        find_subject(astronaut, 1)
    with pytest.raises(ArrayInvalid):
        find_subject(astronaut[..., 0])


def test_small_faces_are_refused(face):
    check_face(face, (512, 512, 3))
    with pytest.raises(ImageTooSmall):
        check_face(Face(face.mesh * 11 / face.eye_distance), (512, 512, 3))


def test_faces_that_the_edge_cuts_are_refused(face):
    lowest = face.points[27:, 1].max()
    check_face(face, (round(lowest) + 1, 512))
    for shape, away in (((round(lowest) - 5, 512), 0), ((512, 512), -face.points[36, 0] - 5)):
        with pytest.raises(FaceIncomplete, match="beyond the photo's edge"):
            check_face(Face(face.mesh + np.float32((away, 0))), shape)


@pytest.fixture(scope="module")
def widened(astronaut_once, face):
    """The astronaut with a mouth that was drawn wider, the mask around it, and its face."""
    mask = suggest_mask(face, astronaut_once.shape[:2], "lips")
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0] - 8, columns[-1] + 9))
    drawn = astronaut_once.copy()
    lips = cv2.resize(astronaut_once[box], None, fx=1.0, fy=1.3)
    top = (len(lips) - len(drawn[box])) // 2
    drawn[box] = lips[top : top + len(drawn[box])]
    mask = np.zeros_like(mask)
    mask[box] = True
    return drawn, mask


@pytest.fixture(scope="module")
def astronaut_once():
    return skimage.data.astronaut()


def test_landmarks_after_are_those_of_the_picture_that_is_shown(widened, astronaut_once, face):
    drawn, mask = widened
    subject = Subject(drawn, (face,), 0)
    after = subject.landmarks_after(drawn, mask, subject.crop, face.points + 99)
    column, row = np.floor(face.points).astype(int).T
    inside = mask[row, column]
    assert 18 < inside.sum() < 40
    assert np.array_equal(after[inside], find_faces(drawn)[0].points[inside])
    assert np.array_equal(after[~inside], face.points[~inside]), "nothing was drawn there"
    subject = Subject(astronaut_once, (face,), 0)
    same = subject.landmarks_after(astronaut_once, mask, subject.crop, face.points + 99)
    assert np.array_equal(same, face.points), "the same picture, the same points"


def test_landmarks_after_of_a_face_that_is_lost_come_from_the_crop_or_the_network(widened, astronaut_once, face):
    mask = widened[1]
    subject = Subject(astronaut_once, (face,), 0)
    nothing, crop = np.zeros_like(astronaut_once), subject.crop
    column, row = np.floor(face.points).astype(int).T
    inside = mask[row, column]
    found = subject.landmarks_after(nothing, mask, crop, face.points + 99)
    assert 0 < np.abs(found - face.points)[inside].mean() < 0.03 * face.eye_distance
    lost = subject.landmarks_after(nothing, mask, np.zeros_like(crop), face.points + 99)
    assert np.allclose(lost[inside], face.points[inside] + 99) and np.array_equal(lost[~inside], face.points[~inside])


def test_landmarks_after_are_never_those_of_a_neighbour(widened, astronaut_once, face):
    drawn, mask = widened
    beside = np.concatenate([np.zeros_like(drawn), drawn], 1)
    wide = np.concatenate([mask, np.zeros_like(mask)], 1)
    subject = Subject(beside, (face,), 0)
    lost = subject.landmarks_after(beside, wide, np.zeros((256, 256, 3), np.uint8), face.points + 1)
    column, row = np.floor(face.points).astype(int).T
    assert np.allclose(lost[mask[row, column]], (face.points + 1)[mask[row, column]])
