"""Examples of anomaly scoring: a notch drawn into the lip of the public-domain portrait that scikit-image ships, and
faces that the project's generator drew."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from pipelines.faces.landmarks import find_face
from ui import examples, generated_faces

PLAIN, NOTCH, PAIR = "plain", "notch", "pair"
"""The portrait as it is; with a notch; both, as before and after surgery."""

_LABELS = {NOTCH: "Drawn notch", PLAIN: "As it is", PAIR: "Before, after"}
_GENERATED = {f"generated-{seed}": seed for seed in generated_faces.SEEDS}
_PEAK, _CORNER, _SEAM, _NOSTRIL = 50, 48, 61, 32  # of the 68 points: image-left peak of Cupid's bow, corner, lips' seam
_LIFT = 0.16  # eye distances by which the lip is drawn up
_WIDTH = 0.075  # eye distances: standard deviation of the notch across the face
_GAP = np.float32((58, 20, 22))  # colour of the shadow in the notch


@lru_cache(maxsize=1)
def notched() -> np.ndarray:
    """The portrait with a notch in the upper lip, RGB ``uint8`` ``(512, 512, 3)``."""
    photo = examples.photo()
    face = find_face(photo)
    unit, peak, nostril = face.eye_distance, face.points[_PEAK], face.points[_NOSTRIL]
    seam = (face.points[_SEAM] + face.points[_CORNER + 12]) / 2
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32) + 0.5
    across = np.exp(-(((x - peak[0]) / (_WIDTH * unit)) ** 2) / 2)
    # Between nostril and seam the skin moves up towards the nose, most at the lip's edge.
    down = np.exp(-(((y - peak[1]) / (0.13 * unit)) ** 2) / 2) * np.clip((seam[1] - y) / (0.05 * unit), 0, 1)
    moved = cv2.remap(photo, x - 0.5, y - 0.5 + _LIFT * unit * across * down, cv2.INTER_CUBIC)
    tip = peak * (1, 0) + (0, peak[1] - 0.6 * (peak[1] - nostril[1]) * 0.35)
    inside = np.clip((y - tip[1]) / max(seam[1] - tip[1], 1), 0, 1)
    gap = np.exp(-(((x - peak[0]) / (0.035 * unit * (0.4 + inside))) ** 2) / 2) * (y > tip[1]) * (y < seam[1])
    alpha = cv2.GaussianBlur((0.85 * gap).astype(np.float32), (0, 0), 0.02 * unit)[..., None]
    return np.round(moved * (1 - alpha) + _GAP * alpha).clip(0, 255).astype(np.uint8)


def photos(key: str) -> tuple[np.ndarray, ...]:
    """The photo of an example, or both.

    Args:
        key: one of those in :func:`gallery`.
    """
    if key in _GENERATED:
        return (generated_faces.photo(_GENERATED[key]),)
    return {PLAIN: (examples.photo(),), NOTCH: (notched(),), PAIR: (notched(), examples.photo())}[key]


@lru_cache(maxsize=1)
def gallery() -> list[dict[str, Any]]:
    """What the editor shows of the examples: ``key``, ``label`` and ``url`` of each."""
    drawn = [examples.thumbnail(key, label, _shown(key)) for key, label in _LABELS.items()]
    for number, key in enumerate(_GENERATED, 1):
        (face,) = photos(key)
        drawn.append(examples.thumbnail(key, f"Generated {number}", face, portrait=face))
    return drawn


def _shown(key: str) -> np.ndarray:
    if key != PAIR:
        return photos(key)[0]
    before, after = photos(key)
    middle = round(float(find_face(after).points[_PEAK, 0] + 8))
    return np.concatenate([before[:, :middle], after[:, middle:]], axis=1)
