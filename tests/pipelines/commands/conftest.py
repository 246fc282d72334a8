"""What the commands are tested on: small networks with random weights, and a drawn face."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipelines.__main__ import main
from pipelines.cleft_inpainting.network import INCLG
from pipelines.commands.drawn_face import drawn_face, drawn_masked_face
from pipelines.faces.images import encode_png
from pipelines.mask_removal.network import MaskRemovalNetwork
from pipelines.models import loading, registering

REMOVAL_ARCHITECTURE = {"coarse_width": 8, "width": 8, "coarse_blocks": 1, "blocks": 1, "fold": 2}
ARCHITECTURE = {"width": 8, "blocks": 1, "landmark_width": 64, "attention_pool": 4}


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory):
    """A weights folder with the network of cleft inpainting, narrow and untrained."""
    folder = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHILTRUM_WEIGHTS", str(folder))
        torch.manual_seed(0)
        state = INCLG(**ARCHITECTURE).state_dict()
        about = {"job": "cleft-inpainting", "network": "inclg", "licence": "none", "default": True}
        registering.save("small", state, architecture=ARCHITECTURE, **about)
    return folder


@pytest.fixture(scope="session")
def weights_of_both(small_weights, tmp_path_factory):
    """A weights folder with the networks of both jobs, narrow and untrained."""
    folder = tmp_path_factory.mktemp("both") / "weights"
    shutil.copytree(small_weights, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHILTRUM_WEIGHTS", str(folder))
        torch.manual_seed(0)
        state = MaskRemovalNetwork(**REMOVAL_ARCHITECTURE).state_dict()
        about = {"job": "mask-removal", "network": "mask-removal", "licence": "none", "default": True}
        registering.save("small-removal", state, architecture=REMOVAL_ARCHITECTURE, **about)
    return folder


@contextmanager
def in_use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Networks come from this weights folder, and are forgotten afterwards."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(folder))
    loading.clear()
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network is slower on several, much slower where they are busy
    yield folder
    torch.set_num_threads(before)
    loading.clear()


@pytest.fixture
def weights(small_weights, monkeypatch):
    """Weights of cleft inpainting, in use."""
    with in_use(small_weights, monkeypatch) as folder:
        yield folder


@pytest.fixture
def both_weights(weights_of_both, monkeypatch):
    """Weights of both jobs, in use."""
    with in_use(weights_of_both, monkeypatch) as folder:
        yield folder


@pytest.fixture
def run(capsys):
    """``run(*words) -> (exit status, standard output, standard error)``, in this process."""

    def run(*words) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture(scope="session")
def face_png() -> bytes:
    """A drawn face as PNG, 256 × 256."""
    return encode_png(drawn_face(256))


@pytest.fixture(scope="session")
def masked_png() -> bytes:
    """The drawn face in a drawn mask as PNG, 256 × 256."""
    return encode_png(drawn_masked_face(256))


@pytest.fixture
def photos(tmp_path, face_png):
    """A folder with one good photo."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "anna.png").write_bytes(face_png)
    return folder


@pytest.fixture(scope="session")
def mouth_png() -> bytes:
    """A mask over the mouth of the drawn face: white = repaint."""
    mask = np.zeros((256, 256), np.uint8)
    cv2.ellipse(mask, (128, 178), (40, 24), 0, 0, 360, 255, -1)
    return encode_png(mask)
