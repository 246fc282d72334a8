"""Photos with known content."""

import csv
import tarfile
from itertools import islice

import cv2
import numpy as np
import pytest
import skimage.data

from pipelines.faces.images import read_image


@pytest.fixture(scope="session")
def large_photo() -> np.ndarray:
    """The astronaut's face at 12 megapixels, with grain as fine as the pixels: luminance mostly, some colour."""
    rng = np.random.default_rng(7)
    photo = cv2.resize(skimage.data.astronaut()[:384, 40:552], (4000, 3000), interpolation=cv2.INTER_CUBIC)
    grain = rng.standard_normal((1000, 1000, 4), dtype=np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.7)
    grain = 4 * grain / grain.std()
    grain = np.tile(grain[..., :3] * 0.4 + grain[..., 3:] * 0.9, (3, 4, 1))
    return np.clip(photo + grain + 0.5, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def val_crops(shared) -> list[np.ndarray]:
    """Forty aligned crops of the validation set, of faces that look at the camera."""
    with open(shared / "faces/val.csv", newline="") as table:
        frontal = {row["name"] for row in csv.DictReader(table) if abs(float(row["yaw_degrees"])) < 15}
    with tarfile.open(shared / "faces/val.tar") as archive:
        members = islice((member for member in archive if member.name in frontal), 40)
        return [read_image(archive.extractfile(member).read()) for member in members]
