"""Faces and weights small enough to measure in seconds: the astronaut in four lights, random networks."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage.data import astronaut
from torchvision import models

from pipelines.cleft_inpainting.network import INCLG
from pipelines.faces.alignment import align
from pipelines.faces.landmarks import find_crop_face, find_face
from pipelines.faces.masks import suggest_mask
from pipelines.mask_removal.network import MaskRemovalNetwork
from pipelines.models import loading, registering
from pipelines.training.data import FaceSet

BLUE = (120, 190, 225)
"""Colour of the masks."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("benchmark")


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


@pytest.fixture(scope="session")
def removal_architecture() -> dict[str, int]:
    """The same of a mask-removal network."""
    return {"coarse_width": 8, "width": 8, "coarse_blocks": 1, "blocks": 1, "fold": 2}


@pytest.fixture(scope="session")
def removal(removal_architecture) -> MaskRemovalNetwork:
    """A narrow network with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MaskRemovalNetwork(**removal_architecture).eval()


@pytest.fixture
def weights(network, architecture, tmp_path, monkeypatch):
    """The narrow random network as cleft inpainting's default weights, in a weights folder of its own."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    loading.clear()
    registering.save(
        "tiny",
        network.state_dict(),
        job="cleft-inpainting",
        network="inclg",
        architecture=architecture,
        licence="none: random numbers",
        default=True,
    )
    yield "tiny"
    loading.clear()


@pytest.fixture(scope="session")
def loss_weights(tmp_path_factory) -> Path:
    """Folder with AlexNet's convolutional part, its weights random."""
    folder = tmp_path_factory.mktemp("loss")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = models.alexnet(weights=None).features.state_dict()
    torch.save({f"features.{key}": value for key, value in state.items()}, folder / "alexnet_features.pth")
    return folder


def write_photo(path: Path, photo: np.ndarray) -> None:
    Image.fromarray(photo).save(path, quality=95)


@pytest.fixture
def masked(astronaut, face, tmp_path) -> Path:
    """A folder with a labelled mask photo, and one in which nobody is seen."""
    folder = tmp_path / "masked"
    (folder / "pairs").mkdir(parents=True)
    worn = suggest_mask(face, astronaut.shape[:2], "lower-face")
    photos = {"00001": astronaut, "00002": np.full_like(astronaut, 127)}
    for name, photo in photos.items():
        write_photo(folder / "pairs" / f"{name}-masked.jpg", np.where(worn[..., None], np.uint8(BLUE), photo))
        half = cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA)
        write_photo(folder / "pairs" / f"{name}-unmasked.jpg", half)
        labels = Image.fromarray(np.where(worn, 2, 1).astype(np.uint8), "P")
        labels.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
        labels.save(folder / "pairs" / f"{name}-labels.png")
    return folder


@pytest.fixture
def templates(masked) -> Path:
    """The same folder with pictures of a mask from three sides, half as wide as where their anchors were marked."""
    folder = masked / "templates"
    folder.mkdir()
    anchors = {
        "surgical": [(20, 20), (200, 20), (380, 20), (20, 440), (200, 440), (380, 440)],
        "surgical_left": [(20, 20), (150, 20), (380, 20), (20, 440), (150, 440), (380, 440)],
        "surgical_right": [(20, 20), (250, 20), (380, 20), (20, 440), (250, 440), (380, 440)],
    }
    text = []
    for name, points in anchors.items():
        picture = np.zeros((240, 200, 4), np.uint8)
        picture[10:220, 10:190] = (*BLUE[::-1], 255)
        cv2.imwrite(str(folder / f"{name}.png"), picture)
        text += [f"[{name}]", *(f"mask_{key}: {x}, {y}" for key, (x, y) in zip("abcdef", points, strict=True))]
    (folder / "masks.cfg").write_text("\n".join(text))
    return masked
