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


@dataclass(frozen=True, kw_only=True)
class RepaintResult:
    """A photo in which part of a face was repainted; what every such job gives back.

    Attributes:
        image: ``uint8`` ``(H, W, 3)``, the photo repainted inside the mask, at the photo's size.
        photo: ``uint8`` ``(H, W, 3)``, the photo as it was given.
        mask: ``bool`` ``(H, W)``, the mask as used: painted, suggested or found, cleaned and grown.
        alpha: ``float32`` ``(H, W)`` in [0, 1], the blend: 1 on the mask, falling to 0 over the feather. Where it
            is 0, ``image`` equals ``photo`` bit for bit.
        crop_before: ``uint8`` ``(256, 256, 3)``, the aligned face.
        crop: ``uint8`` ``(256, 256, 3)``, the aligned face repainted.
        landmarks_before: ``float32`` ``(68, 2)``, found in the photo, in pixels of the photo.
        landmarks: ``float32`` ``(68, 2)``, of the repainted face, in pixels of the photo.
        seconds: wall time of each stage, in the order of work.
        weights: every weights file used.
        device: where the network ran, and in which precision.
        seed: seed of all randomness.
        face: which face was repainted, 0 = largest.
        faces: how many faces the photo shows.
        extent: the suggested extent, or None where the mask was given or found.
        measurements_before: clinical ratios and angles of the photo; none where the job takes none.
        measurements: the same of the repainted photo.
    """

    image: np.ndarray
    photo: np.ndarray
    mask: np.ndarray
    alpha: np.ndarray
    crop_before: np.ndarray
    crop: np.ndarray
    landmarks_before: np.ndarray
    landmarks: np.ndarray
    seconds: dict[str, float]
    weights: tuple[WeightsUsed, ...]
    device: str
    seed: int
    face: int
    faces: int
    extent: str | None
    measurements_before: tuple[Measurement, ...] = ()
    measurements: tuple[Measurement, ...] = ()

    @property
    def mask_source(self) -> str:
        """Where the mask came from: ``"given"`` or ``"suggested"``."""
        return "given" if self.extent is None else "suggested"


@dataclass(frozen=True, kw_only=True)
class CleftInpaintingResult(RepaintResult):
    """A predicted non-cleft face; ``landmarks`` are the network's prediction."""


@dataclass(frozen=True, kw_only=True)
class MaskRemovalResult(RepaintResult):
    """A face without its surgical mask; ``landmarks`` are found in the repainted face.

    ``landmarks_before`` are FaceMesh's guess under the mask, so no measurements are taken from them.

    Attributes:
        found: ``bool`` ``(H, W)``, the surgical mask as the segmentation found it, or None where a mask was given or
            suggested.
        hole: ``bool`` ``(256, 256)``, what was hidden from the network in the crop.
        reference: ``uint8`` ``(H', W', 3)``, the reference photo, or None without one.
        reference_points: ``float32`` ``(N, 2)``, control points of the warp in pixels of the reference, or None.
        reference_yaw: degrees by which the reference's face is turned, positive to the image's right, or None.
        warped: ``uint8`` ``(256, 256, 3)``, the reference warped onto the face, or None.
        confidence: ``float32`` ``(256, 256)`` in [0, 1], where the warped reference can be trusted, or None.
        coarse: ``uint8`` ``(256, 256, 3)``, the coarse network's picture.
        refined: ``uint8`` ``(256, 256, 3)``, the refinement network's picture.
        identity: cosine similarity, -1 to 1, of reference and repainted face by a face embedder, or None where no
            embedder or no reference is present.
    """

    found: np.ndarray | None
    hole: np.ndarray
    reference: np.ndarray | None
    reference_points: np.ndarray | None
    reference_yaw: float | None
    warped: np.ndarray | None
    confidence: np.ndarray | None
    coarse: np.ndarray
    refined: np.ndarray
    identity: float | None

    @property
    def mask_source(self) -> str:
        """Where the mask came from: ``"given"``, ``"suggested"`` or ``"found"``."""
        return super().mask_source if self.found is None else "found"
