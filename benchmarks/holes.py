"""The holes that benchmarks cut: reproducible by photo name, kind and seed."""

import hashlib

import numpy as np

from pipelines.faces.masks import irregular_mask, suggest_mask
from pipelines.faces.points import Face
from pipelines.training.data import FaceSet

KINDS = ("irregular-0-20", "irregular-20-40", "irregular-40-60", "lips-to-nose", "lower-face")
"""Three groups of random strokes by the share of the crop that they cover, and two suggested regions."""

LABELS = {
    "irregular-0-20": "Irregular, 0–20 %",
    "irregular-20-40": "Irregular, 20–40 %",
    "irregular-40-60": "Irregular, 40–60 %",
    "lips-to-nose": "Mouth and nose",
    "lower-face": "Lower face",
}


def cut_holes(faces: FaceSet, kind: str, seed: int) -> np.ndarray:
    """One hole a face, ``bool`` ``(N, S, S)``, True = repaint.

    A face's hole depends on its name, the kind and the seed, not on the other faces of the set.
    """
    size = faces.images.shape[-1]
    if not kind.startswith("irregular"):
        meshes = faces.meshes.numpy() * size
        return np.stack([suggest_mask(Face(mesh), (size, size), kind) for mesh in meshes])
    group = KINDS.index(kind)
    return np.stack([irregular_mask(size, group, generator(name, group, seed)) for name in faces.names])


def generator(name: str, stream: int, seed: int) -> np.random.Generator:
    """Random numbers of one face: by its name, the seed, and what they are for."""
    key = hashlib.sha256(name.encode()).digest()[:8]
    return np.random.default_rng([seed, stream, int.from_bytes(key, "little")])
