"""The shipped face generator and its discriminator: what they draw, and what they tell apart."""

from itertools import combinations

import cv2
import numpy as np
import pytest
import torch

from pipelines import devices
from pipelines.anomaly_scoring.normalizers.inversion import InversionNormalizer
from pipelines.faces.landmarks import find_crop_face
from pipelines.jobs import FACE_DISCRIMINATOR, FACE_GENERATOR
from pipelines.metrics.backbones import VARIABLE
from pipelines.models import loading, store
from pipelines.tensors import to_pixels
from pipelines.training.data import load_faces

pytestmark = pytest.mark.slow

CPU = devices.choose("cpu", "float32")


@torch.inference_mode()
def drawn(seed: int, truncation: float = 0.6) -> np.ndarray:
    """The face of a latent, RGB ``uint8`` ``(R, R, 3)``."""
    generator = loading.load(job=FACE_GENERATOR).network
    latent = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(seed))
    return to_pixels(generator(latent, truncation_psi=truncation, noise_mode="const"))


def enlarged(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (256, 256), interpolation=cv2.INTER_LANCZOS4)


@pytest.fixture(scope="module")
def faces() -> list[np.ndarray]:
    return [drawn(seed) for seed in range(16)]


def test_it_draws_faces_where_the_crop_has_them(faces):
    found = [face for face in map(find_crop_face, map(enlarged, faces)) if face is not None]
    assert len(found) >= 14
    # The project's crop sets the eyes 0.3 of its side apart.
    assert np.median([face.eye_distance for face in found]) / 256 == pytest.approx(0.3, abs=0.03)


def test_it_draws_many_faces(faces):
    apart = [np.abs(one.astype(float) - other).mean() for one, other in combinations(faces, 2)]
    assert min(apart) > 8 and np.median(apart) > 20


def test_the_discriminator_tells_photos_from_what_the_generator_draws(shared, tmp_path):
    network = loading.load(job=FACE_DISCRIMINATOR).network
    photos = load_faces(shared / "faces", "val", size=network.resolution, cache=tmp_path, most=24).images
    pictures = torch.from_numpy(np.stack([drawn(seed, 1.0) for seed in range(24)])).permute(0, 3, 1, 2)
    with torch.inference_mode():
        real, fake = (network(images.float() / 127.5 - 1)[:, 0] for images in (photos, pictures))
    assert (real[:, None] > fake[None]).float().mean() > 0.6


def test_a_face_comes_near_with_nothing_but_what_ships(astronaut, face, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))  # no loss network
    normalizer = InversionNormalizer(None, CPU, steps=40, adaptation_steps=10)
    result, stated = normalizer(astronaut, face), normalizer.state()
    assert stated.perceptual == "discriminator's features"
    assert {used.name for used in stated.weights} == {
        store.find(job=FACE_GENERATOR).name,
        store.find(job=FACE_DISCRIMINATOR).name,
    }
    assert (np.diff(np.array(result.losses).reshape(4, -1).mean(1)) < 0).all()
    inverted, adapted = (
        np.square(image.astype(float) - result.crop).mean() for image in (result.frames[0][1], result.image)
    )
    mean_face = np.square(drawn(0, 0.0).astype(float) - result.crop).mean()
    assert adapted < inverted < mean_face
