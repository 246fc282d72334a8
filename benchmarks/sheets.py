"""Contact sheets for looking: a row a face, a column a method."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from pipelines.faces.images import write_png

SHEET_FACES = 10
"""Faces on a sheet: the first of the set."""

_HEADER = 24  # px
_HOLE = (160, 160, 160)


def holed(photos: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """The first photos, ``uint8`` ``(M, S, S, 3)``, gray where ``holes`` ``(N, S, S)`` are True."""
    first = slice(SHEET_FACES)
    return np.where(holes[first, ..., None], np.array(_HOLE, np.uint8), photos[first])


def write_sheet(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Writes the first faces as PNG.

    Args:
        path: the picture.
        columns: heading -> ``uint8`` ``(N, S, S, 3)``, of which at most 10 are shown.
    """
    strips = [_strip(heading, pictures[:SHEET_FACES]) for heading, pictures in columns.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, np.concatenate(strips, 1))


def _strip(heading: str, pictures: np.ndarray) -> np.ndarray:
    header = np.full((_HEADER, pictures.shape[2], 3), 255, np.uint8)
    cv2.putText(header, heading, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([header, *pictures])
