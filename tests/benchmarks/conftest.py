"""Faces and weights small enough to measure in seconds: the astronaut in four lights, random networks."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage.data import astronaut
from torchvision import models

from pipelines import store
from pipelines.cleft_inpainting.network import INCLG
from pipelines.faces.alignment import align
from pipelines.faces.landmarks import find_crop_face, find_face
from pipelines.training.data import FaceSet


@pytest.fixture(scope="session")
def architecture() -> dict[str, int]:
    """Arguments of a network that runs in milliseconds."""
    return {"width": 8, "blocks": 1, "landmark_width": 16, "fold": 2}


@pytest.fixture(scope="session")
def faces() -> FaceSet:
    """Four aligned crops with their landmarks."""
    photo = astronaut()
    crop = align(photo, find_face(photo)).crop(photo)
    dark, mirrored = (crop * 0.6).astype(np.uint8), np.ascontiguousarray(crop[:, ::-1])
    crops = [crop, dark, mirrored, cv2.GaussianBlur(mirrored, (0, 0), 1)]
    meshes = np.stack([find_crop_face(crop).mesh for crop in crops]) / len(crop)
    images = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()
    return FaceSet(("a.png", "b.png", "c.png", "d.png"), images, torch.from_numpy(meshes).float())


@pytest.fixture(scope="session")
def network(architecture) -> INCLG:
    """A narrow network with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return INCLG(**architecture).eval()


@pytest.fixture(scope="session")
def checkpoint(network, architecture, tmp_path_factory) -> Path:
    """Its weights as a training run leaves them: fp16, the architecture in the header."""
    path = tmp_path_factory.mktemp("run") / "weights.safetensors"
    half = {key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()}
    save_file(half, path, {"architecture": json.dumps(architecture)})
    return path


@pytest.fixture
def weights(network, architecture, tmp_path, monkeypatch):
    """The narrow random network as cleft inpainting's default weights, in a weights folder of its own."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    store.clear()
    store.save(
        "tiny",
        network.state_dict(),
        job="cleft-inpainting",
        network="inclg",
        architecture=architecture,
        licence="none: random numbers",
        default=True,
    )
    yield "tiny"
    store.clear()


@pytest.fixture(scope="session")
def loss_weights(tmp_path_factory) -> Path:
    """Folder with AlexNet's convolutional part, its weights random."""
    folder = tmp_path_factory.mktemp("loss")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = models.alexnet(weights=None).features.state_dict()
    torch.save({f"features.{key}": value for key, value in state.items()}, folder / "alexnet_features.pth")
    return folder
