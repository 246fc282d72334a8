"""From a decoded picture to an array: transparency laid over a ground, one mode for all."""

import numpy as np
from PIL import Image

from pipelines.arrays import Pixels

_ROWS = 256  # converted at a time, so that a large photo is not held once more


def visible(image: Image.Image) -> Image.Image | None:
    """The picture as RGBA if transparency hides a part of it, else None.

    Alpha that is 0 everywhere was written by nobody: a picture that cannot be seen at all is not what anybody saved.
    """
    if not image.has_transparency_data:
        return None
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    least, most = layer.getchannel("A").getextrema()
    return None if most == 0 or least == 255 else layer


def laid_over(ground: str, image: Image.Image) -> Image.Image:
    """The picture on a ground of one colour; unused transparency may be left, for :func:`pixels` to drop."""
    layer = visible(image)
    if layer is None:
        return image
    plain = Image.new("RGB", layer.size, ground)
    plain.paste(layer, mask=layer.getchannel("A"))
    return plain


def pixels(image: Image.Image, mode: str) -> Pixels:
    """The picture in a mode of 8 bits a channel as an array, contiguous and writable; alpha is dropped."""
    width, height = image.size
    array = np.empty((height, width, len(mode)) if len(mode) > 1 else (height, width), np.uint8)
    for top in range(0, height, _ROWS):
        rows = image.crop((0, top, width, min(top + _ROWS, height)))
        array[top : top + _ROWS] = np.asarray(rows if rows.mode == mode else rows.convert(mode))
    return array
