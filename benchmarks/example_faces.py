"""The faces of the app's examples: drawn by the built-in generator, sharpened by the built-in painter, and deformed by
the simulator. They show nobody.

    python -m benchmarks.example_faces

The generator draws 64 × 64 pixels. Enlarged four times, such a face is hidden disc by disc, and the cleft-inpainting
network draws what it hides as it draws sharp photos; each round starts from the one before. Writes ``assets/faces``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.deformations import deform
from pipelines.anomaly_scoring.normalizers.disagreement import disc_sets, spread
from pipelines.devices import Device, choose
from pipelines.faces.images import read_image
from pipelines.faces.landmarks import find_face
from pipelines.models import loading
from pipelines.tensors import to_network, to_pixels

FACES = {
    "a": (133, "cleft", 0.0, "left"),
    "a-cleft": (133, "cleft", 4.0, "left"),
    "b": (151, "cleft", 0.0, "right"),
    "b-before": (151, "cleft", 5.0, "right"),
    "b-after": (151, "cleft", 1.0, "right"),
    "c": (167, "bilateral", 0.0, "left"),
    "c-cleft": (167, "bilateral", 4.0, "left"),
    "d": (141, "cleft", 0.0, "left"),
}
"""Name → the seed of its latent, and the deformity that is drawn into it: kind, severity and side."""

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "faces"

TRUNCATION = 0.75
"""How near the mean face they are drawn (Karras et al. 2019, "A style-based generator", section 3, appendix B)."""

SIDE = 640
"""Side of the pictures in pixels; from ear to ear a face has more than 400 of them."""

_ROUNDS, _PASSES = 2, 2
_RADIUS = 20.0  # px of the crop: a disc that hides an eye leaves enough of the face to draw it from
_BLEND = 6.0  # px inside a disc's border
_QUALITY = 95  # of the JPEG files


def draw(seed: int) -> np.ndarray:
    """The generator's face of a seed, sharpened: RGB ``uint8`` ``(256, 256, 3)``.

    Raises:
        WeightsMissing, WeightsCorrupt, WeightsUnknown: weights cannot be loaded.
    """
    device = choose("cpu", "float32")
    generator = loading.load(job="face-generator").network
    latent = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        small = to_pixels(generator(latent, truncation_psi=TRUNCATION, noise_mode="const"))
    face = cv2.resize(small, (256, 256), interpolation=cv2.INTER_LANCZOS4)
    painter = loading.load(job="cleft-inpainting").network
    for number in range(_ROUNDS):
        face = _sharpened(face, painter, number / _ROUNDS, device)
    return face


@torch.inference_mode()
def _sharpened(face: np.ndarray, painter: nn.Module, shift: float, device: Device) -> np.ndarray:
    """Every pixel as the painter draws it where it is hidden, the mean over the discs that hide it.

    The discs lie shifted by a share of the way from one to the next.
    """
    image = to_network(face, device)
    drawn, weight = np.zeros(face.shape, np.float32), np.zeros(face.shape[:2], np.float32)
    middle = (face.shape[1] / 2, face.shape[0] / 2)
    places = [(x + shift / _PASSES, y) for x, y in spread(_PASSES)]
    for disc in (one for place in places for one in disc_sets(face.shape[:2], middle, _RADIUS, place)):
        answer = painter.predict(image, to_network(disc, device)).image[0]
        inside = cv2.distanceTransform(disc.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        share = np.minimum(inside / _BLEND, 1)
        drawn += ((answer.permute(1, 2, 0).numpy() + 1) * 127.5) * share[..., None]
        weight += share
    return np.round(drawn / weight[..., None]).clip(0, 255).astype(np.uint8)


def example(name: str) -> np.ndarray:
    """One of :data:`FACES`, RGB ``uint8`` ``(640, 640, 3)``."""
    seed, *deformity = FACES[name]
    picture = cv2.resize(draw(seed), (SIDE, SIDE), interpolation=cv2.INTER_LANCZOS4)
    return deform(picture, find_face(picture), *deformity)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: writes every face, and says how wide each is."""
    parser = argparse.ArgumentParser("python -m benchmarks.example_faces", description=__doc__.partition("\n")[0])
    parser.parse_args(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in FACES:
        picture, path = example(name), FOLDER / f"{name}.jpg"
        cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        face = find_face(read_image(path))
        width = np.linalg.norm(face.points[16] - face.points[0])
        print(f"{name}: {width:.0f} px from ear to ear")
    return 0


if __name__ == "__main__":
    sys.exit(main())
