"""What the pipelines' own tests cannot see of the shared steps; those test the rest on real faces."""

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from pipelines import devices
from pipelines.errors import (
    FaceIncomplete,
    ImageTooSmall,
    MaskEmpty,
    MaskMismatch,
    MaskOffFace,
    MaskTooLarge,
    OptionInvalid,
)
from pipelines.faces.alignment import Alignment, align
from pipelines.faces.landmarks import find_faces
from pipelines.faces.masks import suggest_mask
from pipelines.faces.points import Face
from pipelines.repainting import (
    Stages,
    check_arguments,
    check_face,
    crop_hole,
    landmarks_after,
    prepare,
    to_network,
    to_pixels,
    within_reach,
)

# A photo of 512 px whose crop is its middle, at half its resolution.
MIDDLE = Alignment(np.array([[1.0, 0, -128], [0, 1.0, -128]]), 256, (512, 512))


def box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((512, 512), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_stages_are_announced_timed_and_ended():
    said = []
    stage = Stages(lambda fraction, text: said.append((fraction, text)))
    with stage("one", 0.25):
        assert said == [(0.25, "one")]
    with stage("two", 0.5):
        pass
    stage.done()
    assert said == [(0.25, "one"), (0.5, "two"), (1.0, "done")]
    assert list(stage.seconds) == ["one", "two"] and all(seconds >= 0 for seconds in stage.seconds.values())


def test_what_the_progress_raises_stops_the_stage():
    def stop(fraction, text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Stages(stop)("one", 0):
        pytest.fail("the stage began")


def test_arguments_that_no_run_can_work_with():
    photo = np.zeros((4, 5, 3), np.uint8)
    check_arguments(photo, None, None)
    check_arguments(photo, np.ones((4, 5), bool), 0)
    with pytest.raises(MaskMismatch, match="5 × 5 pixels and the photo 5 × 4"):
        check_arguments(photo, np.ones((5, 5), bool), None)
    with pytest.raises(MaskEmpty):
        check_arguments(photo, np.zeros((4, 5), bool), None)
    with pytest.raises(OptionInvalid, match="feather"):
        check_arguments(photo, None, -1)


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


def test_within_reach_keeps_what_lies_in_the_crop():
    inside = box(200, 200, 300, 300)
    assert np.array_equal(within_reach(inside, MIDDLE), inside)
    kept = within_reach(box(200, 200, 386, 300), MIDDLE)  # three pixels too far to the right
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
def test_masks_that_the_crop_cannot_repaint(mask, error):
    with pytest.raises(error):
        within_reach(mask, MIDDLE)


def test_a_mask_over_the_chin_and_far_down_is_this_faces():
    low = box(240, 250, 272, 512)  # from the mouth to the photo's lower edge, half of it below the crop
    kept = within_reach(low, MIDDLE)
    assert np.array_equal(kept, low & (np.arange(512) < 383)[:, None])
    with pytest.raises(MaskOffFace, match="away from the chosen face"):
        within_reach(box(350, 350, 460, 460), MIDDLE)  # grazes a corner of the crop: another face's


def test_what_the_crop_does_not_reach_is_continued(face):
    low = box(240, 250, 272, 470)
    region = prepare(low, Face(face.mesh * 60 / face.eye_distance), MIDDLE, grow=0, feather=3)
    assert np.array_equal(region.mask, low)
    assert region.alpha[300, 256] == 1 and region.alpha[400, 256] == 0
    assert region.beyond[400, 256] == 1 and region.beyond[300, 256] == 0
    photo = np.full((512, 512, 3), 90, np.uint8)
    photo[380:][low[380:]] = (0, 0, 255)  # what the network drew ends there
    image, alpha = region.continued(photo)
    assert np.abs(image[380:470, 240:272].astype(int) - 90).max() < 9
    assert (alpha[low] == 1).all() and not alpha[:, :230].any()
    assert np.array_equal(image[alpha == 0], photo[alpha == 0])
    inside = prepare(box(240, 250, 272, 300), face, MIDDLE, grow=0, feather=3)
    assert inside.beyond is None and inside.continued(photo)[0] is photo


def test_the_hole_is_all_that_will_be_blended():
    alpha = box(200, 200, 300, 300).astype(np.float32)
    alpha[190:200, 200:300] = 0.01
    assert np.array_equal(crop_hole(alpha, MIDDLE), alpha[128:384, 128:384] > 0)
    with pytest.raises(MaskOffFace, match="too small"):
        crop_hole(np.zeros((512, 512), np.float32), MIDDLE)


def test_pictures_go_to_a_network_and_back():
    device = devices.choose("cpu", "float32")
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    tensor = to_network(picture, device)
    assert tensor.shape == (1, 3, 8, 8) and tensor.dtype == torch.float32
    assert tensor.min() >= -1 and tensor.max() <= 1
    assert np.array_equal(to_pixels(tensor), picture)
    hole = picture[..., 0] > 127
    assert np.array_equal(to_network(hole, device)[0, 0].numpy(), hole.astype(np.float32))
    assert to_pixels(torch.full((1, 3, 2, 2), 1.2)).max() == 255  # half precision may pass the end


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
    alignment = align(drawn, face)
    after = landmarks_after(drawn, mask, face, alignment.crop(drawn), alignment, face.points + 99)
    column, row = np.floor(face.points).astype(int).T
    inside = mask[row, column]
    assert 18 < inside.sum() < 40
    assert np.array_equal(after[inside], find_faces(drawn)[0].points[inside])
    assert np.array_equal(after[~inside], face.points[~inside]), "nothing was drawn there"
    same = landmarks_after(astronaut_once, mask, face, alignment.crop(astronaut_once), alignment, face.points + 99)
    assert np.array_equal(same, face.points), "the same picture, the same points"


def test_landmarks_after_of_a_face_that_is_lost_come_from_the_crop_or_the_network(widened, astronaut_once, face):
    mask = widened[1]
    alignment = align(astronaut_once, face)
    nothing, crop = np.zeros_like(astronaut_once), alignment.crop(astronaut_once)
    column, row = np.floor(face.points).astype(int).T
    inside = mask[row, column]
    found = landmarks_after(nothing, mask, face, crop, alignment, face.points + 99)
    assert 0 < np.abs(found - face.points)[inside].mean() < 0.03 * face.eye_distance
    lost = landmarks_after(nothing, mask, face, np.zeros_like(crop), alignment, face.points + 99)
    assert np.allclose(lost[inside], face.points[inside] + 99) and np.array_equal(lost[~inside], face.points[~inside])


def test_landmarks_after_are_never_those_of_a_neighbour(widened, astronaut_once, face):
    drawn, mask = widened
    beside = np.concatenate([np.zeros_like(drawn), drawn], 1)
    wide = np.concatenate([mask, np.zeros_like(mask)], 1)
    alignment = align(beside, face)
    lost = landmarks_after(beside, wide, face, np.zeros((256, 256, 3), np.uint8), alignment, face.points + 1)
    column, row = np.floor(face.points).astype(int).T
    assert np.allclose(lost[mask[row, column]], (face.points + 1)[mask[row, column]])
