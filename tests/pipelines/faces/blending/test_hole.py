"""A mask as it is used: checked, in the photo and in the crop, and what was drawn put back into it."""

import tarfile
from contextlib import nullcontext

import cv2
import numpy as np
import pytest

from pipelines.errors import FaceIncomplete, MaskEmpty, MaskOffFace, MaskTooLarge, OptionInvalid
from pipelines.faces import masks
from pipelines.faces.alignment import Alignment, align
from pipelines.faces.blending.hole import FEATHER, crop_hole, make_hole, within_reach
from pipelines.faces.blending.tone import IN_COLOUR
from pipelines.faces.images import read_image
from pipelines.faces.landmarks import find_crop_face
from pipelines.faces.points import Face
from pipelines.faces.subject import Subject

# A photo of 512 px whose crop is its middle, at half its resolution.
MIDDLE = Alignment(np.array([[1.0, 0, -128], [0, 1.0, -128]]), 256, (512, 512))


def box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((512, 512), bool)
    mask[top:bottom, left:right] = True
    return mask


def subject_of(photo: np.ndarray, face: Face) -> Subject:
    """A subject whose crop is the photo's middle, wherever its face lies."""
    subject = Subject(photo, (face,), 0)
    vars(subject)["alignment"] = MIDDLE
    return subject


def in_the_middle(face: Face) -> Face:
    """The face where the crop of :data:`MIDDLE` has one."""
    alignment = align(np.empty((512, 512, 3), np.uint8), face, 256)
    return Face((alignment.to_crop(face.mesh) + 128).astype(np.float32))


@pytest.mark.parametrize("feather", [-1, float("nan")])
def test_a_feather_is_no_less_than_nothing(face, feather):
    subject = subject_of(np.zeros((512, 512, 3), np.uint8), face)
    with pytest.raises(OptionInvalid, match="feather"):
        make_hole(box(240, 250, 272, 300), subject, feather=feather)


def test_within_reach_keeps_what_lies_in_the_crop(face):
    inside = box(200, 200, 300, 300)
    assert np.array_equal(within_reach(inside, MIDDLE, in_the_middle(face)), inside)
    kept = within_reach(box(200, 200, 386, 300), MIDDLE, in_the_middle(face))  # three pixels too far to the right
    assert kept[:, :382].sum() == 182 * 100 and not kept[:, 384:].any()


@pytest.mark.parametrize(
    ("mask", "error"),
    [
        (box(0, 0, 0, 0), MaskEmpty),
        (box(0, 0, 60, 60), MaskOffFace),
        (box(130, 130, 380, 380), MaskTooLarge),
        (box(0, 0, 512, 512), MaskTooLarge),
    ],
)
def test_masks_that_the_crop_cannot_repaint(mask, error, face):
    with pytest.raises(error):
        within_reach(mask, MIDDLE, in_the_middle(face))


def test_a_mask_over_the_chin_and_far_down_is_this_faces(face):
    low = box(240, 250, 272, 512)  # from the mouth to the photo's lower edge, half of it below the crop
    kept = within_reach(low, MIDDLE, in_the_middle(face))
    assert np.array_equal(kept, low & (np.arange(512) < 383)[:, None])
    with pytest.raises(MaskOffFace, match="away from the chosen face"):
        within_reach(
            box(350, 350, 460, 460), MIDDLE, in_the_middle(face)
        )  # grazes a corner of the crop: another face's


@pytest.mark.parametrize("extent", masks.EXTENTS)
@pytest.mark.parametrize("turned", [0, 40, 90, 180])
def test_what_is_suggested_is_never_refused(face, extent, turned):
    turn = cv2.getRotationMatrix2D((256, 256), turned, 1)
    subject = Subject(np.zeros((512, 512, 3), np.uint8), (Face(face.mesh @ turn[:, :2].T + turn[:, 2]),), 0)
    suggested = masks.suggest_mask(subject.face, subject.shape, extent)
    assert np.array_equal(make_hole(suggested, subject).mask, suggested)


@pytest.fixture(scope="module")
def meshes(shared):
    """Of every 25th validation photo, as a share of its side, ``(N, 478, 2)``."""
    with tarfile.open(shared / "faces" / "val.tar") as archive:
        members = [member for member in archive if member.isfile()][::25]
        crops = [read_image(archive.extractfile(member).read()) for member in members]
    found = [(find_crop_face(crop), len(crop)) for crop in crops]
    return np.stack([face.mesh / side for face, side in found if face is not None])


@pytest.mark.parametrize("moved", [(0, 0), (0, 0.25), (0, 0.45), (0.3, 0), (-0.3, 0.3), (0, -0.4)])
@pytest.mark.parametrize("side", [100, 640])
def test_no_suggestion_for_anybody_is_refused(meshes, side, moved):
    """Small faces and large ones, heads on their side, and such as the photo's border cuts."""
    photo, checked = np.zeros((side, side, 3), np.uint8), 0
    for number, mesh in enumerate(meshes):
        turn = np.exp(1j * np.deg2rad((-40, 0, 25, 90)[number % 4]))
        points = ((mesh - mesh.mean(0)) @ (1, 1j)) * turn
        placed = np.stack([points.real, points.imag], 1) + mesh.mean(0) + moved
        subject = Subject(photo, (Face((side * placed).astype(np.float32)),), 0)
        for extent in masks.EXTENTS:
            mask = masks.suggest_mask(subject.face, subject.shape, extent)
            if mask.any():  # else it lies beyond the border
                assert make_hole(mask, subject).crop.any()
                checked += 1
    assert checked > len(meshes)


def test_a_region_on_a_face_that_is_turned_far_is_not_called_off_the_face(face):
    """The eyes of a face in half profile lie near each other, so its crop ends at the mouth."""
    for width, error in ((0.5, None), (0.25, FaceIncomplete)):
        mesh = (face.mesh - face.mesh.mean(0)) * (width, 1) + 256
        subject = Subject(np.zeros((512, 512, 3), np.uint8), (Face(mesh.astype(np.float32)),), 0)
        lips = masks.suggest_mask(subject.face, subject.shape, "lips")
        with pytest.raises(error, match="turned too far") if error else nullcontext():
            assert make_hole(lips, subject).crop.any()


def test_what_the_crop_does_not_reach_is_continued(face):
    low = box(240, 250, 272, 470)
    photo = np.full((512, 512, 3), 90, np.uint8)
    photo[380:][low[380:]] = (0, 0, 255)  # what lies under the mask where the network draws no more
    subject = subject_of(photo, Face(face.mesh * 60 / face.eye_distance))
    hole = make_hole(low, subject, feather=3)
    assert np.array_equal(hole.mask, low)
    assert hole.alpha[300, 256] == 1 and hole.alpha[400, 256] == 0
    assert hole.beyond[400, 256] == 1 and hole.beyond[300, 256] == 0
    filled = hole.filled(subject, np.full((256, 256, 3), 90, np.uint8), tone=IN_COLOUR, seed=0)
    assert np.abs(filled.image[380:470, 240:272].astype(int) - 90).max() < 9
    assert (filled.alpha[low] == 1).all() and not filled.alpha[:, :230].any()
    assert np.array_equal(filled.image[filled.alpha == 0], photo[filled.alpha == 0])


def test_what_was_drawn_fills_the_hole_and_nothing_else(face):
    photo = np.full((512, 512, 3), 90, np.uint8)
    subject = subject_of(photo, face)
    mask = box(240, 250, 272, 300)
    hole = make_hole(mask, subject, feather=3)
    assert hole.beyond is None
    drawn = np.where(hole.crop[..., None], np.uint8(150), np.uint8(90)).repeat(3, 2)
    filled = hole.filled(subject, drawn, tone=IN_COLOUR, seed=0)
    assert filled.image[mask].mean() > 130, "less what compositing takes for a drift of its colours"
    assert filled.alpha is hole.alpha
    assert np.array_equal(filled.image[hole.alpha == 0], photo[hole.alpha == 0])
    assert (filled.crop[hole.crop] == 150).all() and np.array_equal(filled.crop[~hole.crop], subject.crop[~hole.crop])


def test_a_mask_grows_and_its_blend_is_as_wide_as_the_face_says(face):
    subject = subject_of(np.zeros((512, 512, 3), np.uint8), face)
    mask = box(240, 250, 272, 300)
    hole, wider = (make_hole(mask, subject, grow=share) for share in (0, 8))
    assert hole.mask.sum() == mask.sum()
    rows = np.flatnonzero(wider.mask.any(1))
    assert 250 - rows[0] == pytest.approx(0.08 * face.eye_distance, abs=1)
    reach = np.flatnonzero((hole.alpha > 0).any(0))
    assert reach[0] == pytest.approx(240 - FEATHER / 100 * face.eye_distance, abs=1.1)


def test_the_hole_is_all_that_will_be_blended():
    alpha = box(200, 200, 300, 300).astype(np.float32)
    alpha[190:200, 200:300] = 0.01
    assert np.array_equal(crop_hole(alpha, MIDDLE), alpha[128:384, 128:384] > 0)
    with pytest.raises(MaskOffFace, match="too small"):
        crop_hole(np.zeros((512, 512), np.float32), MIDDLE)
