"""What tests of every floor share."""

import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from hypothesis import settings

# The same examples on every run and machine; no time limit, because a busy machine is no bug.
settings.register_profile("philtrum", derandomize=True, deadline=None, max_examples=40)
settings.load_profile("philtrum")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session", autouse=True)
def threads() -> int:
    """Threads of OpenCV and PyTorch: what this process may use, at most four; more only wait for one another here."""
    import cv2
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(4, usable)
    cv2.setNumThreads(count)
    torch.set_num_threads(count)
    return count


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with photos and papers beside the repository, which a clone elsewhere lacks."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder 'shared' beside the repository")
    return SHARED


@pytest.fixture
def astronaut() -> np.ndarray:
    """A photo with one face: 512 x 512, public domain, shipped with scikit-image."""
    return skimage.data.astronaut()


@pytest.fixture(scope="session")
def face():
    """The astronaut's face."""
    from pipelines.faces.landmarks import find_face

    return find_face(skimage.data.astronaut())
