"""The one way of a mask from the browser to the pipeline.

The browser paints on a copy of the photo of at most :data:`EDITOR_SIDE` pixels a side and sends back one thing: the
alpha of its mask layer. Suggested and uploaded masks are kept here at the photo's own resolution; where the person left
them as they were, they count pixel for pixel, and only what was painted or erased is scaled up.
"""

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from pipelines.arrays import Mask, Pixels, Shape
from pipelines.errors import MaskMismatch
from pipelines.languages.translation import _
from ui.pictures.overlay import jpeg_url

EDITOR_SIDE = 1400
"""Longer side in pixels of the copy that the browser paints on; smaller photos are painted on as they are."""

_PREFIX, _PNG = "data:image/png;base64,", b"\x89PNG\r\n\x1a\n"
_MOST_CHARACTERS = 12_000_000  # a mask layer of EDITOR_SIDE squared, uncompressed, is not longer
_SAME = 2  # levels of alpha by which browsers may round


@dataclass(frozen=True)
class Base:
    """A suggested, found or uploaded mask, packed to one bit a pixel.

    Attributes:
        bits: the mask at the photo's resolution, packed.
        shape: height and width of the photo.
        layer: ``uint8`` alpha of its copy in the editor.
        made_by: arguments with which the pipeline makes this mask by itself; None for an uploaded one.
    """

    bits: Pixels
    shape: Shape
    layer: Pixels
    made_by: dict[str, Any] | None = None

    @classmethod
    def of(cls, mask: Mask, size: tuple[int, int], made_by: dict[str, Any] | None = None) -> "Base":
        """Packs ``mask``, ``bool`` ``(H, W)``, for an editor of ``size`` (width, height)."""
        layer = mask.astype(np.uint8) * np.uint8(255)
        if layer.shape[::-1] != size:
            layer = cv2.resize(layer, size, interpolation=cv2.INTER_AREA)
        return cls(np.packbits(mask), mask.shape, layer, made_by)

    @property
    def mask(self) -> Mask:
        """``bool`` ``(H, W)`` at the photo's resolution."""
        count = self.shape[0] * self.shape[1]
        return np.unpackbits(self.bits, count=count).reshape(self.shape).astype(bool)


def editor_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height of the copy of a photo of ``shape`` (H, W, ...) that the browser paints on.

    >>> editor_size((3000, 4000, 3)), editor_size((300, 400, 3))
    ((1400, 1050), (400, 300))
    """
    height, width = shape[:2]
    scale = min(1.0, EDITOR_SIDE / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def photo_url(photo: Pixels, size: tuple[int, int]) -> str:
    """The copy to paint on, as a data URL."""
    if photo.shape[1::-1] != size:
        photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    return jpeg_url(photo)


def layer_url(layer: Pixels) -> str:
    """A mask layer, ``uint8`` ``(H, W)``, as the data URL of a white PNG with that alpha."""
    white = np.full((*layer.shape, 4), 255, np.uint8)
    white[..., 3] = layer
    return _PREFIX + base64.b64encode(cv2.imencode(".png", white)[1]).decode("ascii")


def read_layer(url: str, size: tuple[int, int]) -> Pixels:
    """Alpha of the browser's mask layer.

    Returns:
        ``uint8`` ``(H, W)`` of ``size`` (width, height).

    Raises:
        MaskMismatch: it is no mask layer of that size.
    """
    wrong = MaskMismatch(_("The painted mask does not belong to this photo; choose the photo again and repaint it."))
    if not isinstance(url, str) or not url.startswith(_PREFIX) or len(url) > _MOST_CHARACTERS:
        raise wrong
    try:
        data = base64.b64decode(url[len(_PREFIX) :], validate=True)
        # The header is checked before a pixel is decoded, so that a forged size cannot fill the memory, and no other
        # decoder of OpenCV sees what a page sent (.ci/advisories.txt).
        claimed = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
        is_layer = data.startswith(_PNG) and claimed == size
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if is_layer else None
    except (ValueError, cv2.error):
        raise wrong from None
    if image is None or image.ndim != 3 or image.shape[2] != 4 or image.shape[1::-1] != size:
        raise wrong
    return np.ascontiguousarray(image[..., 3])


def photo_mask(layer: Pixels | None, base: Base | None, shape: Shape) -> Mask:
    """The mask at the photo's resolution.

    Args:
        layer: ``uint8`` alpha of the editor's mask layer, or None where nothing was painted.
        base: the suggested or uploaded mask under the strokes, if any.
        shape: height and width of the photo.

    Returns:
        ``bool`` ``(H, W)``: ``base`` itself where the layer still shows it, else the layer, scaled up with smooth
        edges.
    """
    if layer is None:
        return np.zeros(shape, bool)
    painted = _enlarge(layer, shape, cv2.INTER_LINEAR) > 127
    if base is None:
        return painted
    touched = _touched(layer, base)
    if not touched.any():
        return base.mask
    return np.where(_enlarge(touched.astype(np.uint8), shape, cv2.INTER_NEAREST) > 0, painted, base.mask)


def is_untouched(layer: Pixels | None, base: Base | None) -> bool:
    """Whether the layer still shows ``base`` as it was laid there."""
    return layer is not None and base is not None and not _touched(layer, base).any()


def _touched(layer: Pixels, base: Base) -> Mask:
    return np.abs(layer.astype(np.int16) - base.layer) > _SAME


def _enlarge(layer: Pixels, shape: Shape, interpolation: int) -> Pixels:
    if layer.shape == tuple(shape):
        return layer
    return cv2.resize(layer, (shape[1], shape[0]), interpolation=interpolation)
