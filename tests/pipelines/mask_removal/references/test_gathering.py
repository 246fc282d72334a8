"""Which references a run uses; that they are seen by the networks is told in test_pipeline.py."""

import numpy as np
import pytest

from pipelines.errors import ArrayInvalid, FaceIndexInvalid, NoFaceFound, OptionInvalid, ReferenceUnusable
from pipelines.faces.masks import suggest_mask
from pipelines.faces.subject import find_subject
from pipelines.mask_removal.references import gathering
from pipelines.mask_removal.references.gathering import find_references, fuse_references, photos_of

pytestmark = pytest.mark.slow

BLANK = np.full((300, 300, 3), 128, np.uint8)


@pytest.fixture(scope="module")
def subject():
    import skimage.data

    return find_subject(skimage.data.astronaut())


@pytest.fixture(scope="module")
def hole(subject):
    return suggest_mask(subject.crop_face, (256, 256), "lower-face")


def test_one_photo_several_and_none_are_lists(astronaut):
    assert photos_of(None) == [] == photos_of([])
    assert [one is astronaut for one in photos_of(astronaut)] == [True]
    assert [one is astronaut for one in photos_of((astronaut, astronaut))] == [True, True]
    with pytest.raises(OptionInvalid, match="At most 5 reference photos"):
        photos_of([astronaut] * 6)


def test_no_reference_is_no_error():
    assert find_references([]) is None


def test_what_shows_no_face_is_left_out_and_told(astronaut, subject, hole):
    found = find_references([BLANK, astronaut, astronaut[..., 0]])
    assert list(found.subjects) == [2] and list(found.refused) == [1, 3]
    laid = fuse_references(found, subject, hole, None, 30)
    assert [one.number for one in laid.used] == [2] and laid.lead is laid.used[0]
    assert [sentence[:13] for sentence in laid.left_out] == ["Reference 1: ", "Reference 3: "]
    assert "No face was found" in laid.left_out[0] and "The photo is an array" in laid.left_out[1]
    assert not any("cannot be used" in sentence for sentence in laid.left_out), "that is said by leaving it out"


def test_the_first_says_why_where_none_can_be_used(astronaut):
    with pytest.raises(NoFaceFound, match=r"The reference photo cannot be used\. No face was found"):
        find_references([BLANK, astronaut[..., 0]])
    with pytest.raises(ArrayInvalid, match=r"The reference photo cannot be used\. "):
        find_references([astronaut[..., 0], BLANK])


def test_one_that_cannot_be_warped_is_left_out(astronaut, subject, hole, monkeypatch):
    warp = gathering.warp_reference

    def refuse_first(*arguments, **named):
        if arguments[3] is first:
            raise ReferenceUnusable("The reference shows too little.")
        return warp(*arguments, **named)

    first = astronaut.copy()
    monkeypatch.setattr(gathering, "warp_reference", refuse_first)
    laid = fuse_references(find_references([first, astronaut]), subject, hole, None, 30)
    assert [one.number for one in laid.used] == [2]
    assert laid.left_out == ("Reference 1: The reference shows too little.",)
    with pytest.raises(ReferenceUnusable, match=r"^The reference shows too little\.$"):
        fuse_references(find_references([first, BLANK]), subject, hole, None, 30)


def test_faces_once_for_all_or_one_for_each(astronaut):
    two = np.concatenate([astronaut, astronaut[:, ::-1]], 1)
    assert [one.index for one in find_references([two, two], 1).subjects.values()] == [1, 1]
    assert [one.index for one in find_references([two, astronaut], (1, 0)).subjects.values()] == [1, 0]
    assert list(find_references([two, astronaut], 1).refused) == [2], "it has no second face"
    with pytest.raises(FaceIndexInvalid, match="The reference photo cannot be used"):
        find_references([astronaut], 1)
    with pytest.raises(OptionInvalid, match="once for all references, or once for each"):
        find_references([astronaut, astronaut], (0,))


def test_shares_and_pictures_of_each(astronaut, subject, hole):
    from cv2 import GaussianBlur

    laid = fuse_references(find_references([GaussianBlur(astronaut, (0, 0), 4), astronaut]), subject, hole, None, 24)
    assert [one.number for one in laid.used] == [1, 2] and laid.left_out == ()
    assert sum(one.share for one in laid.used) == pytest.approx(1)
    assert laid.lead.number == 2 and laid.lead.share > 0.9, "the sharp one"
    assert laid.lead.photo is astronaut and laid.lead.points.shape == (24, 2)
    assert np.array_equal(laid.face.mesh, find_subject(astronaut).face.mesh)
    weights = np.stack([one.weight for one in laid.used])
    assert np.array_equal(weights, laid.fused.weights)
    assert all(one.warped.shape == (256, 256, 3) for one in laid.used)


def test_a_hole_that_no_reference_says_anything_of_is_shared_evenly(astronaut, subject):
    corner = np.zeros((256, 256), bool)
    corner[:4, :4] = True
    laid = fuse_references(find_references([astronaut, astronaut]), subject, corner, None, 30)
    assert [one.share for one in laid.used] == [0.5, 0.5]
