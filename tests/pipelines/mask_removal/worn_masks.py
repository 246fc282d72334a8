"""Surgical masks drawn over faces."""

import cv2
import numpy as np

from pipelines.faces.masks import outline
from pipelines.faces.points import Face


def wear(photo: np.ndarray, face: Face, colour: tuple, print_colour: tuple | None = None) -> tuple:
    """The face with a pleated mask over nose, mouth and chin, and where the mask is."""
    polygon = outline(face, "lower-face")
    middle = polygon.mean(0)
    canvas = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillPoly(canvas, [np.round((polygon - middle) * 1.05 + middle).astype(np.int32)], 1)
    mask = canvas.astype(bool)
    rows = np.arange(photo.shape[0])[:, None]
    folds = 1 + 0.08 * np.sin(rows / face.eye_distance * 20)
    rng = np.random.default_rng(0)
    cloth = np.array(colour) * folds[..., None] + rng.normal(0, 3, photo.shape)
    if print_colour is not None:
        step = max(2, round(face.eye_distance / 6))
        columns = np.arange(photo.shape[1])[None]
        checks = ((rows // step + columns // step) % 2).astype(bool)
        cloth = np.where(checks[..., None], cloth, np.array(print_colour))
    return np.where(mask[..., None], np.clip(cloth, 0, 255), photo).astype(np.uint8), mask
