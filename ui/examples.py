"""Examples to click: a public-domain portrait that scikit-image ships, with each of the suggested masks."""

import base64
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from pipelines.faces.landmarks import find_face
from pipelines.faces.masks import EXTENTS, suggest_mask
from ui import overlay

EXTENT_LABELS = {"lips": "Lips", "philtrum": "Lips to nose", "lower-face": "Lower face"}
"""What the suggested regions are called on the screen."""

THUMBNAIL = 144
"""Side of an example's picture in pixels, twice its size on the page."""


def photo() -> np.ndarray:
    """NASA's portrait of Eileen Collins, RGB ``uint8`` ``(512, 512, 3)``."""
    from skimage.data import astronaut  # here, because it imports half of SciPy

    return astronaut()


@lru_cache(maxsize=1)
def gallery() -> list[dict[str, Any]]:
    """What the editor shows of the examples: ``key``, ``label`` and ``url`` of each."""
    picture = photo()
    face = find_face(picture)
    rows, columns = overlay.close_up(face.points, picture.shape)
    shown = []
    for extent in EXTENTS:
        mask = suggest_mask(face, picture.shape[:2], extent)[rows, columns]
        crop = picture[rows, columns].astype(np.float32)
        crop[mask] = 0.65 * crop[mask] + 0.35 * np.array(overlay.MASK_COLOUR, np.float32)
        drawn = overlay.draw(crop.astype(np.uint8), mask)
        small = cv2.resize(drawn, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
        jpeg = cv2.imencode(".jpg", small[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 85))[1]
        url = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
        shown.append({"key": extent, "label": EXTENT_LABELS[extent], "url": url})
    return shown
