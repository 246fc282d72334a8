"""What hides a lower face and is no mask of one cloth, drawn over bare faces: hands, scarves, glass, clear windows.

Each is drawn in the face's own frame: origin and axes from its landmarks, lengths in eye distances.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np

from benchmarks.masked_faces import Template, render
from pipelines.faces.points import Face

Cover = Callable[[np.ndarray, Face, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""Photo, RGB ``uint8`` ``(H, W, 3)``, its bare face and what is random -> the covered photo, and where the cover is,
``bool`` ``(H, W)``."""

_FINE = 4  # drawn so many times finer, per side, and averaged
_SHOWN = (151, 9, 50, 280)  # of the mesh: forehead and cheeks, where the skin's tone is taken
_MOUTH, _CHIN = slice(48, 60), 8  # of the 68 points
_FINGER = 0.26  # width
_FINGERS = ((-0.60, -0.36), (-0.72, -0.11), (-0.66, 0.14), (-0.48, 0.38))  # tips, index finger to little finger
_KNUCKLES = ((0.62, -0.30), (0.66, -0.04), (0.66, 0.22), (0.60, 0.46))
_THUMB = ((1.05, 0.10), (0.86, -0.72))
_PALM = ((0.50, -0.42), (1.20, -0.30), (2.20, 1.60), (1.20, 2.00), (0.50, 0.60))
_KNITS = ((150, 30, 45), (70, 70, 75), (35, 45, 90), (60, 95, 70), (225, 215, 195), (120, 85, 60))
_WIDE, _SHOULDERS = 1.25, 2.4  # half the width of a scarf at its top, and two eye distances below
_GLASS = (205, 220, 230)


class _Frame:
    """The face's frame over a fine picture of the photo's proportions."""

    def __init__(self, photo: np.ndarray, face: Face, origin: np.ndarray) -> None:
        self.shape = photo.shape[:2]
        left, right = face.eyes
        across = (right - left) * _FINE
        self.unit = float(np.hypot(*across))
        self.axes = np.array([across, (-across[1], across[0])])
        self.origin = np.asarray(origin) * _FINE
        rows, columns = np.indices([_FINE * side for side in self.shape]) + 0.5
        there = np.stack([columns - self.origin[0], rows - self.origin[1]], -1) @ self.axes.T / self.unit**2
        self.x, self.y = there[..., 0], there[..., 1]

    def polygon(self, points: np.ndarray) -> np.ndarray:
        canvas = np.zeros(self.x.shape, np.uint8)
        cv2.fillPoly(canvas, [np.round(np.asarray(points) @ self.axes + self.origin).astype(np.int32)], 1)
        return canvas

    def distance_to(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Of each pixel to a line."""
        along = np.subtract(end, start)
        off_x, off_y = self.x - start[0], self.y - start[1]
        share = np.clip((off_x * along[0] + off_y * along[1]) / (along @ along), 0, 1)
        return np.hypot(off_x - share * along[0], off_y - share * along[1])

    def noise(self, rng: np.random.Generator, width: float) -> np.ndarray:
        """Smooth, with a standard deviation of 1."""
        found = cv2.GaussianBlur(rng.normal(size=self.x.shape).astype(np.float32), (0, 0), width * self.unit)
        return found / found.std()

    def laid(self, photo: np.ndarray, layer: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The photo under a layer, and where that is more than half of a pixel."""
        size = self.shape[::-1]
        share = cv2.resize(alpha.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
        colours = cv2.resize((layer * alpha[..., None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return np.clip(np.round(photo * (1 - share) + colours), 0, 255).astype(np.uint8), share[..., 0] > 0.5


def hand(photo: np.ndarray, face: Face, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The person's own hand over the mouth, in the tone of the face, with its shadow on it; from either side."""
    frame = _Frame(photo, face, face.points[_MOUTH].mean(0))
    side = np.array([rng.choice([-1, 1]), 1])
    alpha, light = np.zeros(frame.x.shape, np.uint8), np.ones(frame.x.shape)
    palm = frame.polygon(np.array(_PALM) * side)
    alpha |= palm
    rounded = zip((*_KNUCKLES, _THUMB[0]), (*_FINGERS, _THUMB[1]), strict=True)
    for start, end in rounded:
        away = frame.distance_to(np.array(start) * side, (np.array(end) + rng.normal(0, 0.03, 2)) * side)
        inside = away < _FINGER / 2
        alpha |= inside.astype(np.uint8)
        light[inside] = (1.05 - 0.4 * (away[inside] / (_FINGER / 2)) ** 2).clip(0.6)
    light *= 1 + 0.03 * frame.noise(rng, 0.05)
    shadow = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 0.06 * frame.unit)
    shaded, _ = frame.laid(photo, np.zeros((*alpha.shape, 3), np.float32), 0.3 * shadow)
    return frame.laid(shaded, light[..., None] * _tone(photo, face) * rng.uniform(0.92, 1.08), alpha)


def _tone(photo: np.ndarray, face: Face) -> np.ndarray:
    half = max(1, round(0.06 * face.eye_distance))
    spots = [
        photo[max(0, y - half) : y + half, max(0, x - half) : x + half] for x, y in face.mesh[list(_SHOWN)].astype(int)
    ]
    return np.median(np.concatenate([spot.reshape(-1, 3) for spot in spots]), 0)


def _scarf(photo: np.ndarray, face: Face, rng: np.random.Generator, top: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A knitted scarf from ``top``, a point of the face, down to the shoulders."""
    frame = _Frame(photo, face, top)
    edge = 0.12 * frame.x**2 + 0.03 * np.sin(4 * frame.x + rng.uniform(0, 6))
    wide = _WIDE + (_SHOULDERS - _WIDE) * np.clip(frame.y / 2, 0, 1) ** 2
    alpha = ((frame.y > edge) & (np.abs(frame.x) < wide)).astype(np.uint8)
    slope = rng.uniform(-0.5, 0.5)
    folds = np.sin(9 * (frame.y - edge + slope * frame.x) + 1.5 * frame.noise(rng, 0.3))
    knit = np.sin(90 * frame.x) * np.sin(90 * frame.y)
    light = (1 + 0.22 * folds + 0.06 * knit) * (0.8 + 0.2 * np.cos(np.clip(frame.x / wide, -1, 1) * np.pi / 2))
    shadow = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 0.04 * frame.unit)
    shaded, _ = frame.laid(photo, np.zeros((*alpha.shape, 3), np.float32), 0.25 * shadow)
    return frame.laid(shaded, light[..., None] * np.array(_KNITS[rng.integers(len(_KNITS))]), alpha)


def scarf_nose(photo: np.ndarray, face: Face, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A scarf pulled over the nose."""
    return _scarf(photo, face, rng, face.points[28:31].mean(0))


def scarf_chin(photo: np.ndarray, face: Face, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A scarf pulled over the chin; the lips are seen."""
    return _scarf(photo, face, rng, (face.points[57] + face.points[_CHIN]) / 2)


def shield(photo: np.ndarray, face: Face, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A clear face shield from the brows to below the chin, with gleams; the face is seen through it."""
    frame = _Frame(photo, face, face.points[27])
    chin = (face.points[_CHIN] - face.points[27]) @ (frame.axes[1] / frame.unit) / face.eye_distance
    corners = ((-1.25, -0.9), (1.25, -0.9), (1.1, chin + 0.35), (-1.1, chin + 0.35))
    glass = frame.polygon(corners)
    alpha = glass * 0.08
    for at in rng.uniform(-1, 1, 3):
        across = np.abs(frame.x + 0.5 * frame.y - at)
        alpha += glass * 0.45 * np.exp(-((across / rng.uniform(0.03, 0.12)) ** 2))
    rim = glass - cv2.erode(glass, np.ones((3, 3), np.uint8), iterations=max(1, round(0.02 * frame.unit)))
    layer = np.where(rim[..., None] > 0, (150, 155, 160), np.array(_GLASS))
    picture, _ = frame.laid(photo, layer, np.maximum(alpha.clip(0, 0.9), 0.7 * rim))
    return picture, frame.laid(photo, layer, glass)[1]


def window(
    photo: np.ndarray, face: Face, rng: np.random.Generator, template: Template
) -> tuple[np.ndarray, np.ndarray]:
    """A mask with a clear window over the mouth, which is hazy and gleams."""
    worn, mask = render(photo, face, template)
    mouth = face.points[_MOUTH]
    frame = _Frame(photo, face, mouth.mean(0))
    half = max(0.35, np.ptp(mouth[:, 0]) / face.eye_distance / 2 + 0.08), 0.24
    away = np.hypot(frame.x / half[0], frame.y / half[1])
    gleam = 0.1 + 0.4 * np.exp(-(((frame.x + 0.5 * frame.y - rng.uniform(-0.2, 0.2)) / 0.05) ** 2))
    hazy, _ = frame.laid(photo, np.broadcast_to(np.array(_GLASS), (*away.shape, 3)), gleam)
    clear = np.clip((1 - away) * 12, 0, 1)
    share = cv2.resize(clear, photo.shape[1::-1], interpolation=cv2.INTER_AREA)[..., None]
    return np.round(worn * (1 - share) + hazy * share).astype(np.uint8), mask


def covers(template: Template) -> Mapping[str, Cover]:
    """Kind -> how it is drawn.

    Args:
        template: the mask that gets a window.
    """
    return MappingProxyType(
        {
            "hand": hand,
            "scarf_nose": scarf_nose,
            "scarf_chin": scarf_chin,
            "shield": shield,
            "window": partial(window, template=template),
        }
    )
