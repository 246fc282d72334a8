"""Results of jobs that repaint, made without running anything, and how their files are looked into."""

import csv
from dataclasses import replace
from io import StringIO

import cv2
import numpy as np

from pipelines.faces.measurements import measure
from pipelines.results import CleftInpaintingResult, MaskRemovalResult, UsedReference, WeightsUsed

WHOSE = ("case", "photo_pixels_sha256")
"""Last columns of every table."""


def make_result(height: int = 480, width: int = 360, seed: int = 0) -> CleftInpaintingResult:
    """A result without running anything: a smooth picture, points on an ellipse, a mask in the middle."""
    rng = np.random.default_rng(seed)
    photo = cv2.resize(rng.integers(0, 256, (12, 9, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((height, width), bool)
    mask[int(0.55 * height) : int(0.75 * height), int(0.35 * width) : int(0.65 * width)] = True
    image = photo.copy()
    image[mask] //= 2
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    side = min(height, width)
    before = (np.array([width, height]) / 2 + 0.3 * side * np.stack([np.cos(angle), np.sin(angle)], 1)).astype(
        np.float32
    )
    after = before + rng.normal(0, 0.01 * side, before.shape).astype(np.float32)
    crop = np.zeros((256, 256, 3), np.uint8)
    return CleftInpaintingResult(
        image=image,
        photo=photo,
        mask=mask,
        alpha=mask.astype(np.float32),
        crop_before=crop,
        crop=crop,
        landmarks_before=before,
        landmarks=after,
        measurements_before=measure(before),
        measurements=measure(after),
        seconds={"landmarks": 0.1234567, "network": 0.25},
        weights=(WeightsUsed("cleft-inpainting", "0123456789ab"),),
        device="CPU, bfloat16",
        seed=7,
        face=0,
        faces=2,
        extent="lips-to-nose",
        grow=0.0,
        feather=4.0,
    )


def make_removal(height: int = 480, width: int = 360) -> MaskRemovalResult:
    """The same for mask removal: a mask that was found, a reference whose face is turned, six control points."""
    shared = {key: value for key, value in vars(make_result(height, width)).items() if "measurements" not in key}
    shared |= {"extent": None, "weights": (WeightsUsed("mask-removal", "fedcba987654"),)}
    hole = np.zeros((256, 256), bool)
    hole[140:220, 60:200] = True
    smooth = [np.full((256, 256, 3), level, np.uint8) for level in (60, 120, 180)]
    around = np.array([[90, 100], [150, 100], [120, 140], [100, 170], [140, 170], [120, 190]], np.float32)
    return MaskRemovalResult(
        **shared,
        found=cv2.erode(shared["mask"].astype(np.uint8), np.ones((3, 3))).astype(bool),
        hole=hole,
        reference=make_result(300, 240, seed=5).photo,
        reference_points=around,
        reference_yaw=-12.34,
        warped=smooth[0],
        confidence=np.where(hole, np.float32(0.8), np.linspace(0, 1, 256, dtype=np.float32)),
        engine="inpainter",
        coarse=smooth[1],
        refined=smooth[2],
        identity=0.7129,
    )


def make_several(height: int = 480, width: int = 360) -> MaskRemovalResult:
    """The same with four references: the first fills three quarters, the fourth a quarter, two were left out."""
    removal = make_removal(height, width)
    left = np.broadcast_to(np.arange(256) < 165, (256, 256)).astype(np.float32)
    used = [
        UsedReference(
            number=number,
            photo=removal.reference,
            points=removal.reference_points,
            yaw=yaw,
            share=share,
            warped=removal.warped,
            weight=weight,
        )
        for number, yaw, share, weight in ((1, -12.34, 0.75, left), (4, 20.0, 0.25, 1 - left))
    ]
    left_out = ("Reference 2: No face was found.", "Reference 3: The reference shows too little.")
    return replace(removal, references=tuple(used), left_out=left_out)


def make_alone(height: int = 480, width: int = 360) -> MaskRemovalResult:
    """The same without a reference."""
    of_reference = ("reference", "reference_points", "reference_yaw", "warped", "confidence", "identity")
    return replace(make_removal(height, width), **dict.fromkeys(of_reference))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def chunks(png: bytes) -> set[bytes]:
    """Kinds of the chunks of a PNG file."""
    at, kinds = 8, set()
    while at < len(png):
        kinds.add(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return kinds
