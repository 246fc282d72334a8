import cv2
import numpy as np
import pytest
import skimage.data
import torch

from pipelines.mask_removal.synthesis import recording
from pipelines.mask_removal.synthesis.recording import aged, compressed
from pipelines.training.augment import step_generator

SIDE = 128


@pytest.fixture
def photo() -> torch.Tensor:
    """A piece of the astronaut with a face, ``(1, 3, 128, 128)``."""
    piece = skimage.data.astronaut()[50:178, 160:288].copy()
    return torch.from_numpy(piece).permute(2, 0, 1)[None].float() / 127.5 - 1


def test_errs_about_as_much_as_jpeg_of_that_quality(photo):
    picture = ((photo[0] + 1) * 127.5).permute(1, 2, 0).numpy().round().astype(np.uint8)
    errors = []
    for quality, strength in ((80, 0.4), (50, 1.0), (20, 2.5)):
        full = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
        coded = cv2.imdecode(cv2.imencode(".jpg", picture[..., ::-1], full)[1], cv2.IMREAD_COLOR)[..., ::-1]
        expected = np.abs(coded.astype(int) - picture).mean()
        found = (compressed(photo, torch.full((1, 1, 1, 1), strength)) - photo).abs().mean().item() * 127.5
        assert found == pytest.approx(expected, rel=0.35)
        errors.append(found)
    assert errors == sorted(errors)


@pytest.fixture
def raw(monkeypatch) -> None:
    """Pictures that nobody compresses."""
    monkeypatch.setattr(recording, "compressed", lambda images, strength: images)


def test_hardly_changes_a_picture_at_no_strength(photo):
    assert torch.allclose(compressed(photo, torch.full((1, 1, 1, 1), 1e-4)), photo, atol=1e-3)


@pytest.mark.usefixtures("raw")
def test_as_many_pictures_age_as_asked():
    noise = torch.rand(100, 3, SIDE, SIDE, generator=step_generator(1, 0)) * 2 - 1
    old = aged(noise, step_generator(0, 0), share=0.4)
    changed = (old - noise).abs().amax((1, 2, 3)) > 0
    assert changed.float().mean().item() == pytest.approx(0.4, abs=0.1)
    assert torch.equal(old, aged(noise, step_generator(0, 0), share=0.4))
    detail = old[changed].diff(dim=3).abs().mean((1, 2, 3)) / noise[changed].diff(dim=3).abs().mean((1, 2, 3))
    assert 0.3 < (detail < 0.7).float().mean() < 0.7, "half of them are soft"


@pytest.mark.usefixtures("raw")
def test_grain_is_grey():
    flat = torch.zeros(50, 3, SIDE, SIDE)
    old = aged(flat, step_generator(0, 0), share=1.0)
    assert torch.allclose(old[:, 0], old[:, 2], atol=1e-3)
    assert 0.01 < old.std() < 0.06
