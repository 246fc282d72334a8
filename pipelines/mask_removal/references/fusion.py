"""Fusion: several warped references become one, each trusted where it sees best.

Source: docs/methods.md, mask removal. A mean of photos of one face shows two mouths, so that the best one leads, and
another takes a place over only where it is clearly better, a whole feature at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.arrays import Floats, Mask, Pixels
from pipelines.faces.alignment import PROJECT
from pipelines.mask_removal.references.warping import WarpedReference

_EYES_APART = PROJECT.eyes[1][0] - PROJECT.eyes[0][0]  # of the side
_FEATURE = 0.25  # eye distances: about the height of the lips; what is smaller is not taken from two photos
_SHARPENING = 12  # power of the scores: a photo that sees a fifth better has nine times the weight
_LEAD = 1.25  # a photo must see so much better than the leading one to take a place over
_TURN = 45.0  # degrees between two views at which a photo counts e^-1
_TRUSTED = 0.5  # confidence from which a pixel counts for sharpness
_LEAST_COMMON = 0.02  # of the picture: less seen by all of them, and each one is judged on its own
_FINE, _COARSE = 1 / 256, 2 / 256  # of the side: Gaussians whose difference is detail, and not the camera's noise
_NOTHING = 1e-6


@dataclass(frozen=True, eq=False)
class Fused:
    """Several references in the photo's crop as one.

    Attributes:
        image: ``uint8`` ``(S, S, 3)``, in the photo's colours.
        confidence: ``float32`` ``(S, S)`` in [0, 1].
        weights: ``float32`` ``(R, S, S)`` in [0, 1], each one's part in every pixel; they add up to 1.
    """

    image: Pixels
    confidence: Floats
    weights: Floats


def fuse(references: Sequence[WarpedReference], yaw: float) -> Fused:
    """Lays warped references over one another.

    Args:
        references: one or several, of one crop. A single one comes back bit for bit.
        yaw: degrees by which the photo's own face is turned; see :func:`pipelines.mask_removal.references.warping.yaw`.
    """
    first = references[0]
    confidences = np.stack([one.confidence for one in references])
    if len(references) == 1:
        return Fused(first.image, first.confidence, np.ones_like(confidences))
    weights = _weights(confidences, _sharpness(references) * _likeness_of_view(references, yaw))
    images = np.stack([one.image for one in references]).astype(np.float32)
    image = np.einsum("rhw,rhwc->hwc", weights, images)
    confidence = np.einsum("rhw,rhw->hw", weights, confidences)
    return Fused(np.round(image).clip(0, 255).astype(np.uint8), confidence.clip(0, 1).astype(np.float32), weights)


def _weights(confidences: Floats, qualities: Floats) -> Floats:
    """Each one's part, ``(R, S, S)``: by what it shows there, and by how good a photo it is, ``(R,)``."""
    size = confidences.shape[-1]
    seen = np.stack([_smooth(one, _FEATURE * _EYES_APART * size) for one in confidences])
    scores = seen * qualities[:, None, None]
    scores[scores.sum((1, 2)).argmax()] *= _LEAD
    # Beside the best score of the place, so that the power neither over- nor underflows.
    shares = (scores / np.maximum(scores.max(0), _NOTHING)) ** _SHARPENING
    # Where one sees nothing it gives nothing, however near a place that it sees; where none does it does not matter.
    shares *= confidences + _NOTHING
    shares += _NOTHING**2
    return (shares / shares.sum(0)).astype(np.float32)


def _sharpness(references: Sequence[WarpedReference]) -> Floats:
    """How much fine detail each shows beside the sharpest, (0, 1], ``(R,)``; on what all of them show, if they do.

    Warped they have one scale, so that a small photo shows as little as one that is out of focus.
    """
    trusted = [one.confidence > _TRUSTED for one in references]
    common = np.logical_and.reduce(trusted)
    where = [common] * len(trusted) if common.mean() > _LEAST_COMMON else trusted
    detail = np.array([_detail(one.image, mask) for one, mask in zip(references, where, strict=True)])
    return np.maximum(detail, _NOTHING) / max(detail.max(), _NOTHING)


def _detail(image: Pixels, where: Mask) -> float:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size = grey.shape[0]
    band = _smooth(grey, _FINE * size) - _smooth(grey, _COARSE * size)
    return float(np.abs(band[where]).mean()) if where.any() else 0.0


def _likeness_of_view(references: Sequence[WarpedReference], yaw: float) -> Floats:
    """1 for a face that is turned as the photo's is, less for others, ``(R,)``."""
    turned = np.array([one.yaw - yaw for one in references])
    return np.exp(-((turned / _TURN) ** 2))


def _smooth(picture: Floats, sigma: float) -> Floats:
    return cv2.GaussianBlur(picture, (0, 0), sigma)
