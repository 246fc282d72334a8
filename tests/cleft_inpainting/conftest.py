"""What training is tested on: a handful of crops of one public-domain face, a tiny network, a random loss network."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from two_processes import TINY

from pipelines.training.augment import irregular_bank
from pipelines.training.data import FaceSet, load_faces

SIZE = 64


@pytest.fixture(scope="session")
def toy_set(tmp_path_factory, face) -> Path:
    """A sharded set of aligned crops: six to train on, three to validate."""
    from pipelines.faces.alignment import align
    from pipelines.faces.images import encode_png

    root = tmp_path_factory.mktemp("toy")
    photo = skimage.data.astronaut()
    crop = align(photo, face, 256).crop(photo)
    for split, gains in (("train", (1, 0.9, 0.8, 0.7, 0.6, 0.5)), ("val", (0.95, 0.85, 0.75))):
        with tarfile.open(root / f"{split}.tar", "w") as archive:
            for number, gain in enumerate(gains):
                mirrored = crop[:, ::-1] if number % 2 else crop
                content = encode_png((mirrored * gain).astype(np.uint8))
                member = tarfile.TarInfo(f"{split}-{number}.png")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return root


@pytest.fixture(scope="session")
def toy_cache(tmp_path_factory) -> Path:
    """The landmark cache of :func:`toy_set`."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def toy_faces(toy_set, toy_cache) -> tuple[FaceSet, FaceSet]:
    """The two sets of :func:`toy_set` at 64 px."""
    training, validation = (load_faces(toy_set, split, size=SIZE, cache=toy_cache) for split in ("train", "val"))
    return training, validation


@pytest.fixture(scope="session")
def loss_folder(tmp_path_factory) -> Path:
    """A folder with a SqueezeNet of random weights."""
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("loss")
    torch.save(squeezenet1_1(weights=None).state_dict(), folder / "squeezenet1_1_features.pth")
    return folder


@pytest.fixture
def tiny(monkeypatch) -> str:
    """Name of a network that trains in no time, on few irregular masks."""
    from pipelines.cleft_inpainting import train
    from pipelines.cleft_inpainting.network import CONFIGURATIONS

    monkeypatch.setitem(CONFIGURATIONS, "tiny", TINY)
    monkeypatch.setattr(train, "irregular_bank", lambda size, each, seed: irregular_bank(size, 10, seed))
    return "tiny"
