"""Contact sheets for looking: a row a face, a column a method."""

from pathlib import Path

import cv2
import numpy as np

from pipelines.faces.images import write_png
from pipelines.training.data import FaceSet

SHEET_FACES = 10
"""Faces on a sheet: the first of the set."""

_HEADER = 24  # px
_HOLE = (160, 160, 160)


def write_sheet(path: Path, faces: FaceSet, holes: np.ndarray, drawn: dict[str, np.ndarray]) -> None:
    """Writes the first faces as PNG: the photo, the photo with its hole, and what each method drew.

    Args:
        path: the picture.
        faces: the photos.
        holes: ``bool`` ``(N, S, S)``.
        drawn: method -> ``uint8`` ``(M, S, S, 3)``, the same faces repainted, M at most 10.
    """
    count = min(SHEET_FACES, len(faces))
    photos = faces.images[:count].permute(0, 2, 3, 1).numpy()
    holed = np.where(holes[:count, ..., None], np.array(_HOLE, np.uint8), photos)
    columns = {"photo": photos, "hole": holed, **drawn}
    strips = [np.concatenate([_header(name, photos.shape[2]), *column[:count]]) for name, column in columns.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, np.concatenate(strips, 1))


def _header(text: str, width: int) -> np.ndarray:
    strip = np.full((_HEADER, width, 3), 255, np.uint8)
    cv2.putText(strip, text, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return strip
