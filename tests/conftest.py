"""What tests of every floor share."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from hypothesis import settings

from pipelines.languages import numbers, translation

pytest_plugins = ["tests.skips"]

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


@pytest.fixture(autouse=True)
def one_language() -> Iterator[None]:
    """A test that chooses a language, as a command line may, leaves the process in the one that it was in."""
    before = os.environ.get(translation.VARIABLE)
    yield
    if os.environ.get(translation.VARIABLE) != before:
        os.environ.pop(translation.VARIABLE)
        if before is not None:
            os.environ[translation.VARIABLE] = before
        for cached in (translation.language, translation.catalogue, numbers._signs):
            cached.cache_clear()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with photos and papers beside the repository, which a clone elsewhere lacks."""
    if not SHARED.is_dir():
        from tests.skips import skip_as_expected  # not above: pytest imports its plugins itself

        skip_as_expected("needs the folder 'shared' beside the repository")
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


@pytest.fixture(scope="session")
def parted(face):
    """``parted(gap) -> Face``: the astronaut's face, its lower lip raised until so many eye distances part the lips."""
    from pipelines.faces.points import MESH_TO_68, Face

    def parted(gap: float) -> Face:
        mesh = face.mesh.copy()
        for upper, lower in ((61, 67), (62, 66), (63, 65)):
            mesh[MESH_TO_68[lower]] = face.points[upper] + [0, gap * face.eye_distance]
        return Face(mesh)

    return parted


@pytest.fixture(scope="session")
def toy_set(tmp_path_factory, face) -> Path:
    """A sharded set of aligned crops of one public-domain face: six to train on, three to validate."""
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
def toy_faces(toy_set, toy_cache) -> tuple:
    """The two sets of :func:`toy_set` at 64 px."""
    from pipelines.training.data import load_faces

    return tuple(load_faces(toy_set, split, size=64, cache=toy_cache) for split in ("train", "val"))


@pytest.fixture(scope="session")
def loss_folder(tmp_path_factory) -> Path:
    """A folder with a SqueezeNet of random weights."""
    import torch
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("loss")
    torch.save(squeezenet1_1(weights=None).state_dict(), folder / "squeezenet1_1_features.pth")
    return folder
