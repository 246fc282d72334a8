"""What a job gives back: frozen, typed, the same object for the app, the command line and the tests."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Measurement:
    """One clinical measure; see :mod:`pipelines.faces.measurements`.

    Attributes:
        key: name in files.
        label: name on screen.
        value: NaN where points that define it coincide.
        unit: ``"°"``, or ``""`` for ratios.
        formula: how it is computed, with the numbers of the points.
        meaning: a plain sentence, with the value of a symmetric face.
    """

    key: str
    label: str
    value: float
    unit: str
    formula: str
    meaning: str


@dataclass(frozen=True)
class WeightsUsed:
    """Name and first twelve hex digits of the SHA-256 of weights that drew a result."""

    name: str
    sha256: str


@dataclass(frozen=True)
class CleftInpaintingResult:
    """A predicted non-cleft face.

    Attributes:
        image: ``uint8`` ``(H, W, 3)``, the photo repainted inside the mask, at the photo's size.
        photo: ``uint8`` ``(H, W, 3)``, the photo as it was given.
        mask: ``bool`` ``(H, W)``, the mask as used: painted or suggested, cleaned and grown.
        alpha: ``float32`` ``(H, W)`` in [0, 1], the blend: 1 on the mask, falling to 0 over the feather. Where it
            is 0, ``image`` equals ``photo`` bit for bit.
        crop_before: ``uint8`` ``(256, 256, 3)``, the aligned face.
        crop: ``uint8`` ``(256, 256, 3)``, the aligned face repainted.
        landmarks_before: ``float32`` ``(68, 2)``, found in the photo, in pixels of the photo.
        landmarks: ``float32`` ``(68, 2)``, predicted by the network, in pixels of the photo.
        measurements_before: clinical ratios and angles of the photo.
        measurements: the same of the repainted photo.
        seconds: wall time of each stage, in the order of work.
        weights: every weights file used.
        device: where the network ran, and in which precision.
        seed: seed of all randomness.
        face: which face was repainted, 0 = largest.
        faces: how many faces the photo shows.
        extent: the suggested extent, or None where the mask was given.
    """

    image: np.ndarray
    photo: np.ndarray
    mask: np.ndarray
    alpha: np.ndarray
    crop_before: np.ndarray
    crop: np.ndarray
    landmarks_before: np.ndarray
    landmarks: np.ndarray
    measurements_before: tuple[Measurement, ...]
    measurements: tuple[Measurement, ...]
    seconds: dict[str, float]
    weights: tuple[WeightsUsed, ...]
    device: str
    seed: int
    face: int
    faces: int
    extent: str | None
