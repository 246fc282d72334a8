"""Examples to click: a public-domain portrait that scikit-image ships, with each of the suggested masks."""

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
    """What the editor shows of the examples of cleft inpainting: ``key``, ``label`` and ``url`` of each."""
    picture = photo()
    face = find_face(picture)
    shown = []
    for extent in EXTENTS:
        mask = suggest_mask(face, picture.shape[:2], extent)
        tinted = picture.astype(np.float32)
        tinted[mask] = 0.65 * tinted[mask] + 0.35 * np.array(overlay.MASK_COLOUR, np.float32)
        shown.append(thumbnail(extent, EXTENT_LABELS[extent], tinted.astype(np.uint8), mask))
    return shown


def thumbnail(
    key: str, label: str, picture: np.ndarray, mask: np.ndarray | None = None, portrait: np.ndarray | None = None
) -> dict[str, Any]:
    """What an editor shows of an example: ``key``, ``label``, and ``url`` of a small close-up.

    Args:
        key: what the editor asks for.
        label: what the person reads.
        picture: the portrait, or what was drawn over it.
        mask: ``bool`` ``(H, W)`` to outline, or None.
        portrait: whose face is shown; None is that of :func:`photo`.
    """
    part = overlay.close_up(find_face(photo() if portrait is None else portrait).points, picture.shape)
    drawn = overlay.draw(picture[part], None if mask is None else mask[part])
    small = cv2.resize(drawn, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return {"key": key, "label": label, "url": overlay.jpeg_url(small)}
