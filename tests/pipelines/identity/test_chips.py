import numpy as np
import pytest
import skimage.data
import torch

from pipelines.faces.alignment import align
from pipelines.identity.chips import SIZE, face_chips
from pipelines.identity.embedding import align_face

pytestmark = pytest.mark.slow


def batch(face) -> tuple[torch.Tensor, torch.Tensor, np.ndarray, np.ndarray]:
    """The astronaut's aligned crop and landmarks, as a batch of fractions, and as a photo in pixels."""
    photo = skimage.data.astronaut()
    alignment = align(photo, face, 256)
    crop, points = alignment.crop(photo), alignment.to_crop(face.points)
    images = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 127.5 - 1
    return images, torch.from_numpy(points)[None].float() / 256, crop, points


def test_chips_are_those_of_photos(face):
    images, points, crop, in_pixels = batch(face)
    chips = face_chips(images, points)
    assert chips.shape == (1, 3, SIZE, SIZE) and chips.min() >= 0 and chips.max() <= 255
    wanted = align_face(crop, in_pixels).astype(np.float32)
    difference = np.abs(chips[0].permute(1, 2, 0).numpy() - wanted)
    assert difference.mean() < 2.5, difference.mean()


def test_each_face_has_its_own_alignment(face):
    images, points, *_ = batch(face)
    turned, where = images.rot90(1, (2, 3)), torch.stack([points[..., 1], 1 - points[..., 0]], 2)
    both = face_chips(torch.cat([images, turned]), torch.cat([points, where]))
    assert torch.allclose(both[0], both[1], atol=0.1)


def test_gradients_go_back_to_the_picture(face):
    images, points, *_ = batch(face)
    images.requires_grad_()
    face_chips(images, points).mean().backward()
    assert torch.isfinite(images.grad).all()
    assert images.grad[..., 96:200, 96:160].abs().min() > 0, "every pixel of the face counts"
