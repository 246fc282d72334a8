"""What mask removal is tested on: the astronaut in a mask drawn over the face, and a narrow untrained network."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from pipelines.models import loading, registering
from tests.pipelines.mask_removal.worn_masks import wear

ARCHITECTURE = {"coarse_width": 8, "width": 8, "coarse_blocks": 1, "blocks": 1, "fold": 2}
INPAINTER = {"width": 8, "blocks": 1, "landmark_width": 16, "fold": 2, "view": "joined"}


@pytest.fixture(scope="session")
def masked(face) -> tuple[np.ndarray, np.ndarray]:
    """The astronaut in a blue mask, and where the mask is."""
    return wear(skimage.data.astronaut(), face, (120, 180, 225))


@pytest.fixture
def untrained(tmp_path, monkeypatch) -> Path:
    """A weights folder with narrow untrained networks: the job's, and the inpainter that drafts for it."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    from pipelines.cleft_inpainting.network import INCLG
    from pipelines.mask_removal.network import MaskRemovalNetwork

    torch.manual_seed(0)
    about = {"licence": "none", "default": True}
    removal = {**about, "job": "mask-removal", "network": "mask-removal", "architecture": ARCHITECTURE}
    registering.save("small", MaskRemovalNetwork(**ARCHITECTURE).state_dict(), **removal)
    inpainter = {**about, "job": "cleft-inpainting", "network": "inclg", "architecture": INPAINTER}
    registering.save("drafts", INCLG(**INPAINTER).state_dict(), **inpainter)
    yield tmp_path / "weights"
    loading.clear()


@pytest.fixture
def tiny(monkeypatch) -> str:
    """Name of a network that trains in no time."""
    from pipelines.mask_removal.network import CONFIGURATIONS

    monkeypatch.setitem(CONFIGURATIONS, "tiny", ARCHITECTURE)
    return "tiny"


@pytest.fixture(scope="session")
def templates(tmp_path_factory) -> Path:
    """A folder with the picture of a mask with straps, drawn, and one that shows nothing."""
    folder = tmp_path_factory.mktemp("templates")
    picture = np.zeros((160, 240, 4), np.uint8)
    corners = np.array([[40, 40], [120, 20], [200, 40], [180, 120], [120, 140], [60, 120]])
    cv2.fillConvexPoly(picture, corners, (200, 180, 120, 255))
    for strap in (((0, 0), (45, 45)), ((239, 0), (195, 45))):
        cv2.line(picture, *strap, (255, 255, 255, 255), 3)
    cv2.imwrite(str(folder / "mask.png"), picture)
    cv2.imwrite(str(folder / "nothing.png"), np.zeros_like(picture))
    return folder
