"""Example pictures, whom each shows, and the examples of cleft inpainting.

Pictures are the public-domain portrait that scikit-image ships and those of ``assets/faces``, which
``benchmarks/example_faces.py`` drew: they show nobody, with and without a cleft.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from pipelines.arrays import Pixels
from pipelines.faces.images import read_image
from pipelines.faces.landmarks import find_face
from pipelines.faces.masks import suggest_mask
from pipelines.languages.translation import _
from pipelines.results import Extent
from ui.pictures import overlay
from ui.theme import ASSETS

PORTRAIT = "portrait"
"""Name of NASA's portrait of Eileen Collins."""

THUMBNAIL = 144
"""Side of an example's picture in pixels, twice its size on the page."""


@dataclass(frozen=True)
class Example:
    """An example of cleft inpainting.

    Attributes:
        label: what it is called on the screen.
        picture: its name.
        extent: the suggested region that is masked, one of ``pipelines.faces.masks.EXTENTS``.
    """

    label: str
    picture: str
    extent: Extent


EXAMPLES = {
    "unilateral": Example(_("Unilateral cleft"), "a-cleft", "lips-to-nose"),
    "bilateral": Example(_("Bilateral cleft"), "c-cleft", "lips-to-nose"),
    "none": Example(_("No cleft"), PORTRAIT, "lips"),
}


def photo(name: str) -> Pixels:
    """A picture, RGB ``uint8``: :data:`PORTRAIT` ``(512, 512, 3)`` or a file of ``assets/faces`` ``(640, 640, 3)``."""
    if name == PORTRAIT:
        from skimage.data import astronaut  # here, because it imports half of SciPy

        return astronaut()
    return read_image(ASSETS / "faces" / f"{name}.jpg")


@lru_cache(maxsize=1)
def gallery() -> list[dict[str, Any]]:
    """What the editor shows of the examples of cleft inpainting: ``key``, ``label`` and ``url`` of each."""
    shown = []
    for key, example in EXAMPLES.items():
        picture = photo(example.picture)
        face = find_face(picture)
        mask = suggest_mask(face, picture.shape[:2], example.extent)
        tinted = picture.astype(np.float32)
        tinted[mask] = 0.65 * tinted[mask] + 0.35 * np.array(overlay.MASK_COLOUR, np.float32)
        part = overlay.close_up(face.points, picture.shape)
        drawn = overlay.draw(tinted.astype(np.uint8)[part], mask[part])
        shown.append(thumbnail(key, example.label, drawn))
    return shown


def thumbnail(key: str, label: str, picture: Pixels) -> dict[str, Any]:
    """What an editor shows of an example: ``key``, ``label``, and ``url`` of a small picture.

    Args:
        key: what the editor asks for.
        label: what the person reads.
        picture: RGB ``uint8`` ``(H, W, 3)``, about as high as wide.
    """
    small = cv2.resize(picture, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return {"key": key, "label": label, "url": overlay.jpeg_url(small)}
