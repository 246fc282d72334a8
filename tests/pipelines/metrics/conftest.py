"""A folder of backbone files with random weights, so that the tests need no file that a clone lacks."""

from pathlib import Path

import pytest
import torch
from torchvision import models

CONSTRUCTORS = {
    "alexnet_features.pth": models.alexnet,
    "squeezenet1_1_features.pth": models.squeezenet1_1,
    "vgg16_features.pth": models.vgg16,
}


@pytest.fixture(scope="session")
def backbones(tmp_path_factory) -> Path:
    """Folder with AlexNet's and SqueezeNet's convolutional parts, the keys in alphabetical order."""
    folder = tmp_path_factory.mktemp("backbones")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name in ("alexnet_features.pth", "squeezenet1_1_features.pth"):
            state = CONSTRUCTORS[name](weights=None).features.state_dict()
            torch.save({f"features.{key}": state[key] for key in sorted(state)}, folder / name)
    return folder
