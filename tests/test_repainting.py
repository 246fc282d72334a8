"""What the pipelines' own tests cannot see of the shared steps; those test the rest on real faces."""

import numpy as np
import pytest
import torch

from pipelines import devices
from pipelines.errors import ImageTooSmall, MaskEmpty, MaskMismatch, MaskOffFace, MaskTooLarge, OptionInvalid
from pipelines.faces.alignment import Alignment
from pipelines.faces.landmarks import Face
from pipelines.repainting import (
    Stages,
    check_arguments,
    check_face,
    crop_hole,
    landmarks_in,
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
    check_face(face)
    with pytest.raises(ImageTooSmall):
        check_face(Face(face.mesh * 11 / face.eye_distance))


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


def test_landmarks_are_found_in_the_crop_or_taken_over(face, astronaut):
    from pipelines.faces.alignment import align

    alignment = align(astronaut, face)
    crop = alignment.crop(astronaut)
    found = landmarks_in(crop, alignment, face.points)
    assert np.abs(found - face.points).mean() < 0.03 * face.eye_distance
    assert landmarks_in(np.zeros_like(crop), alignment, face.points) is face.points
