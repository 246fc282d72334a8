"""Examples of masked faces: masks drawn over the public-domain portrait that scikit-image ships."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from scipy.interpolate import splev, splprep

from pipelines.faces.landmarks import Face, find_face
from ui import examples


@dataclass(frozen=True)
class Fabric:
    """A mask to draw.

    Attributes:
        label: what it is called on the screen.
        colour: RGB.
        pleats: how many folds run across.
        loops: RGB of the loops to the ears.
    """

    label: str
    colour: tuple[int, int, int]
    pleats: int
    loops: tuple[int, int, int]


FABRICS = {
    "blue": Fabric("Blue mask", (146, 190, 218), 3, (236, 238, 240)),
    "white": Fabric("White mask", (232, 235, 238), 3, (240, 242, 244)),
    "dark": Fabric("Dark cloth", (58, 66, 88), 0, (40, 44, 56)),
}

_TOP = (227, 117, 114, 6, 343, 346, 447)  # image-left ear to image-right ear, over the bridge of the nose
_SIDE_RIGHT, _BOTTOM, _SIDE_LEFT = (401, 397, 379), (377, 152, 148), (150, 172, 177)
_EARS = ((227, 234), (172, 93), (447, 454), (397, 323))  # each loop's end on the mask and at the ear
_MIDDLE = 164  # between nose and upper lip: the pleats' middle
_STAND_OFF = 1.04  # the mask's outline beside the face's own
_BELOW = 0.12  # eye distances by which it reaches below the chin


def reference() -> np.ndarray:
    """The portrait without a mask, mirrored, so that it looks the other way: RGB ``uint8`` ``(512, 512, 3)``."""
    return np.ascontiguousarray(examples.photo()[:, ::-1])


@lru_cache(maxsize=len(FABRICS))
def masked(key: str) -> np.ndarray:
    """The portrait in the mask of that key, RGB ``uint8`` ``(512, 512, 3)``."""
    photo, fabric = examples.photo(), FABRICS[key]
    face = find_face(photo)
    canvas = photo.astype(np.float32)
    for start, end in _EARS:
        _lay(canvas, _line(canvas, face.mesh[[start, end]], 2), np.float32(fabric.loops))
    cloth = fill(canvas, outline(face))
    shadow = cv2.GaussianBlur(fill(canvas, outline(face) + np.array([0, 0.06 * face.eye_distance])), (0, 0), 2.5)
    _lay(canvas, 0.4 * shadow * (1 - cloth), np.float32((20, 12, 10)))
    _lay(canvas, cv2.GaussianBlur(cloth, (0, 0), 0.6), _shaded(photo, face, fabric))
    return np.round(canvas).clip(0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def gallery() -> list[dict[str, Any]]:
    """What the editor shows of the examples: ``key``, ``label`` and ``url`` of each."""
    return [examples.thumbnail(key, fabric.label, masked(key)) for key, fabric in FABRICS.items()]


def outline(face: Face) -> np.ndarray:
    """The mask's outline, ``(200, 2)``: a smooth curve through mesh points, a little outside the face's own."""
    middle = face.mesh[_MIDDLE]
    points = middle + _STAND_OFF * (face.mesh[[*_TOP, *_SIDE_RIGHT, *_BOTTOM, *_SIDE_LEFT]] - middle)
    points[len(_TOP) + len(_SIDE_RIGHT) :][: len(_BOTTOM)] += (0, _BELOW * face.eye_distance)
    curve, _ = splprep(np.vstack([points, points[:1]]).T, s=0.3 * len(points), per=True)
    return np.stack(splev(np.linspace(0, 1, 200), curve), 1)


def _shaded(photo: np.ndarray, face: Face, fabric: Fabric) -> np.ndarray:
    """The fabric in the light of the photo, ``float32`` ``(H, W, 3)``: folds, hems, weave."""
    unit = face.eye_distance
    light = cv2.GaussianBlur(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 0.35 * unit)
    shade = np.clip(light / np.percentile(light[fill(light, outline(face)) > 0], 80), 0.55, 1.1)
    # Towards its sides a mask turns away from the camera.
    across = np.abs(np.arange(photo.shape[1]) + 0.5 - face.mesh[_MIDDLE, 0]) / unit
    shade = shade * (1 - 0.16 * np.clip(across, 0, 1.2) ** 2)
    left, right = face.mesh[[_SIDE_LEFT[1], _SIDE_RIGHT[1]]]
    for i in range(fabric.pleats):
        height = (i - 0.15) * 0.42 * unit
        bow = face.mesh[_MIDDLE] + np.array([0, 0.1 * unit])
        fold = np.stack([left * (1, 0) + bow * (0, 1), bow + np.array([0, 0.08 * unit]), right * (1, 0) + bow * (0, 1)])
        for offset, depth in ((0.0, -0.16), (0.05, 0.07)):
            curve = _bend(fold + np.array([0, height + offset * unit]))
            shade = shade + depth * cv2.GaussianBlur(_line(photo, curve, 2), (0, 0), 0.9)
    inside = cv2.distanceTransform((fill(photo, outline(face)) > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / unit
    shade = shade - 0.1 * np.exp(-(((inside - 0.09) / 0.02) ** 2))  # the seam along the hem
    weave = np.random.default_rng(0).normal(0, 1.6, photo.shape[:2])
    return (np.float32(fabric.colour) * shade[..., None] + weave[..., None]).astype(np.float32)


def _bend(points: np.ndarray) -> np.ndarray:
    """A smooth curve through three points."""
    curve, _ = splprep(points.T, k=2, s=0)
    return np.stack(splev(np.linspace(0, 1, 40), curve), 1)


def fill(canvas: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """The outline's share of each pixel, ``float32`` ``(H, W)``."""
    alpha = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(alpha, [_fixed(outline)], 255, cv2.LINE_AA, shift=4)
    return alpha.astype(np.float32) / 255


def _line(canvas: np.ndarray, points: np.ndarray, width: int) -> np.ndarray:
    """The same of a line, ``width`` pixels wide."""
    alpha = np.zeros(canvas.shape[:2], np.uint8)
    cv2.polylines(alpha, [_fixed(points)], False, 255, width, cv2.LINE_AA, shift=4)
    return alpha.astype(np.float32) / 255


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round((points - 0.5) * 16).astype(np.int32)


def _lay(canvas: np.ndarray, alpha: np.ndarray, colour: np.ndarray) -> None:
    canvas[:] = canvas * (1 - alpha[..., None]) + colour * alpha[..., None]
