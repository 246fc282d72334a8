"""Examples of masked faces: masks drawn over the pictures of three people."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from scipy.interpolate import splev, splprep

from pipelines.arrays import Floats, Integers, Numbers, Pixels, Points
from pipelines.faces.landmarks import find_face
from pipelines.faces.points import Face
from pipelines.languages.translation import _
from ui.examples import people as examples
from ui.pictures import overlay


@dataclass(frozen=True)
class Example:
    """A face and the mask that is drawn over it.

    Attributes:
        label: what it is called on the screen.
        picture: its name, as :func:`ui.examples.people.photo` takes it.
        colour: RGB of the fabric.
        pleats: how many folds run across.
    """

    label: str
    picture: str
    colour: tuple[int, int, int]
    pleats: int


EXAMPLES = {
    "blue": Example(_("Blue mask"), examples.PORTRAIT, (146, 190, 218), 3),
    "white": Example(_("White mask"), "d", (232, 235, 238), 3),
    "dark": Example(_("Dark cloth"), "b", (58, 66, 88), 0),
}

_TOP = (227, 117, 114, 6, 343, 346, 447)  # image-left ear to image-right ear, over the bridge of the nose
_SIDE_RIGHT, _BOTTOM, _SIDE_LEFT = (401, 397, 379), (377, 152, 148), (150, 172, 177)
_MIDDLE = 164  # between nose and upper lip: the pleats' middle
_STAND_OFF = 1.04  # the mask's outline beside the face's own
_BELOW = 0.12  # eye distances by which it reaches below the chin
_LIGHT = np.array((1.04, 1.0, 0.94), np.float32)  # of the references, beside that of the photos: a little warmer

# In eye distances, so that a mask looks alike on faces of any size.
_FOLD, _FOLD_BLUR = 0.046, 0.02  # width of a fold's line, and its blur
_EDGE_BLUR, _SHADOW_BLUR = 0.014, 0.057
_SMOOTHING = 0.0126  # of the outline: RMS distance from its curve to the points that it runs past


def reference(key: str) -> Pixels:
    """A close-up of an example's face without its mask, in a little other light.

    It is mirrored, so that it looks the other way.

    Args:
        key: one of :data:`EXAMPLES`.

    Returns:
        RGB ``uint8`` ``(H, W, 3)``.
    """
    photo = examples.photo(EXAMPLES[key].picture)
    close = photo[overlay.close_up(find_face(photo).points, photo.shape)]
    return np.round(close[:, ::-1] * _LIGHT).clip(0, 255).astype(np.uint8)


@lru_cache(maxsize=len(EXAMPLES))
def masked(key: str) -> Pixels:
    """The face of an example in its mask, RGB ``uint8`` of the photo's size.

    Args:
        key: one of :data:`EXAMPLES`.
    """
    example = EXAMPLES[key]
    photo = examples.photo(example.picture)
    face = find_face(photo)
    unit = face.eye_distance
    canvas = photo.astype(np.float32)
    edge = outline(face)
    cloth = fill(canvas, edge)
    shadow = cv2.GaussianBlur(fill(canvas, edge + np.array([0, 0.06 * unit])), (0, 0), _SHADOW_BLUR * unit)
    _lay(canvas, 0.4 * shadow * (1 - cloth), np.array((20, 12, 10), np.float32))
    _lay(canvas, cv2.GaussianBlur(cloth, (0, 0), _EDGE_BLUR * unit), _shaded(photo, face, example))
    return np.round(canvas).clip(0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def gallery() -> list[dict[str, Any]]:
    """What the editor shows of the examples: ``key``, ``label`` and ``url`` of each."""
    shown = []
    for key, example in EXAMPLES.items():
        picture = masked(key)
        face = find_face(examples.photo(example.picture))  # is found less exactly under its mask
        shown.append(examples.thumbnail(key, example.label, picture[overlay.close_up(face.points, picture.shape)]))
    return shown


def outline(face: Face) -> Points:
    """The mask's outline, ``(200, 2)``: a smooth curve through mesh points, a little outside the face's own."""
    middle = face.mesh[_MIDDLE]
    points = middle + _STAND_OFF * (face.mesh[[*_TOP, *_SIDE_RIGHT, *_BOTTOM, *_SIDE_LEFT]] - middle)
    points[len(_TOP) + len(_SIDE_RIGHT) :][: len(_BOTTOM)] += (0, _BELOW * face.eye_distance)
    curve, _ = splprep(
        np.vstack([points, points[:1]]).T, s=len(points) * (_SMOOTHING * face.eye_distance) ** 2, per=True
    )
    return np.stack(splev(np.linspace(0, 1, 200), curve), 1)


def _shaded(photo: Pixels, face: Face, example: Example) -> Floats:
    """The fabric in the light of the photo, ``float32`` ``(H, W, 3)``: folds, hems, weave."""
    unit = face.eye_distance
    light = cv2.GaussianBlur(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 0.35 * unit)
    shade = np.clip(light / np.percentile(light[fill(light, outline(face)) > 0], 80), 0.55, 1.1)
    # Towards its sides a mask turns away from the camera.
    across = np.abs(np.arange(photo.shape[1]) + 0.5 - face.mesh[_MIDDLE, 0]) / unit
    shade = shade * (1 - 0.16 * np.clip(across, 0, 1.2) ** 2)
    left, right = face.mesh[[_SIDE_LEFT[1], _SIDE_RIGHT[1]]]
    for i in range(example.pleats):
        height = (i - 0.15) * 0.42 * unit
        bow = face.mesh[_MIDDLE] + np.array([0, 0.1 * unit])
        fold = np.stack([left * (1, 0) + bow * (0, 1), bow + np.array([0, 0.08 * unit]), right * (1, 0) + bow * (0, 1)])
        for offset, depth in ((0.0, -0.16), (0.05, 0.07)):
            curve = _bend(fold + np.array([0, height + offset * unit]))
            shade = shade + depth * cv2.GaussianBlur(_line(photo, curve, _FOLD * unit), (0, 0), _FOLD_BLUR * unit)
    inside = cv2.distanceTransform((fill(photo, outline(face)) > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / unit
    shade = shade - 0.1 * np.exp(-(((inside - 0.09) / 0.02) ** 2))  # the seam along the hem
    weave = np.random.default_rng(0).normal(0, 1.6, photo.shape[:2])
    return (np.array(example.colour, np.float32) * shade[..., None] + weave[..., None]).astype(np.float32)


def _bend(points: Points) -> Points:
    """A smooth curve through three points."""
    curve, _ = splprep(points.T, k=2, s=0)
    return np.stack(splev(np.linspace(0, 1, 40), curve), 1)


def fill(canvas: Numbers, outline: Points) -> Floats:
    """The outline's share of each pixel, ``float32`` ``(H, W)``."""
    alpha = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(alpha, [_fixed(outline)], 255, cv2.LINE_AA, shift=4)
    return alpha.astype(np.float32) / 255


def _line(canvas: Pixels, points: Points, width: float) -> Floats:
    """The same of a line, about ``width`` pixels wide."""
    alpha = np.zeros(canvas.shape[:2], np.uint8)
    cv2.polylines(alpha, [_fixed(points)], False, 255, max(1, round(width)), cv2.LINE_AA, shift=4)
    return alpha.astype(np.float32) / 255


def _fixed(points: Points) -> Integers:
    return np.round((points - 0.5) * 16).astype(np.int32)


def _lay(canvas: Floats, alpha: Floats, colour: Floats) -> None:
    canvas[:] = canvas * (1 - alpha[..., None]) + colour * alpha[..., None]
