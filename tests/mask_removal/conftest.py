"""What mask removal is tested on: the astronaut in a mask drawn over the face, and a narrow untrained network."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from worn_masks import wear

from pipelines import store

ARCHITECTURE = {"coarse_width": 8, "width": 8, "coarse_blocks": 1, "blocks": 1, "fold": 2}


@pytest.fixture(scope="session")
def masked(face) -> tuple[np.ndarray, np.ndarray]:
    """The astronaut in a blue mask, and where the mask is."""
    return wear(skimage.data.astronaut(), face, (120, 180, 225))


@pytest.fixture
def untrained(tmp_path, monkeypatch) -> Path:
    """A weights folder with a narrow untrained network of the job."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    from pipelines.mask_removal.network import MaskRemovalNetwork

    torch.manual_seed(0)
    about = {"job": "mask-removal", "network": "mask-removal", "licence": "none", "default": True}
    store.save("small", MaskRemovalNetwork(**ARCHITECTURE).state_dict(), architecture=ARCHITECTURE, **about)
    yield tmp_path / "weights"
    store.clear()
