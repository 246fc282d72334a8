"""Which pixels the picture of a mask marks.

White on black is the rule. Label maps of other programs write 0 and 1, in grey or as two indexes of a palette; people
paint one colour on black, on white or on an empty layer. By luminance alone most of these would mark nothing, or all
the rest. They are used where two values leave no doubt which of them is the ground; whatever else is taken by its
luminance.
"""

import numpy as np
from PIL import Image

from pipelines.arrays import Mask
from pipelines.faces.pixels.layers import laid_over, pixels, visible

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_COLOURED = 32  # least difference between the channels of what is a colour and no grey


def marked(image: Image.Image) -> Mask:
    """The marked pixels of a mask.

    Args:
        image: of any mode with 8 bits a channel or fewer.

    Returns:
        ``bool`` ``(H, W)``.
    """
    layer = visible(image)
    if layer is not None:
        if _is_of_one_colour(layer):
            alpha = pixels(layer.getchannel("A"), "L")
            painted: Mask = alpha > alpha.max() // 2  # a brush may be translucent everywhere
            return painted
        return _bright(laid_over("black", layer))
    mode = {"1": "L", "L": "L", "LA": "L", "P": "P"}.get(image.mode, "RGB")
    if image.mode != mode:
        image = image.convert(mode)
    ground = _ground(image)
    if ground is None:
        return _bright(image)
    different = pixels(image, mode) != ground
    found: Mask = different.any(-1) if different.ndim == 3 else different
    return found


def _bright(image: Image.Image) -> Mask:
    return pixels(image, "L") > 127


def _is_of_one_colour(layer: Image.Image) -> bool:
    """Whether all that can be seen has one colour; black may be a hole as well, and counts as none."""
    seen = layer.getchannel("A").point(lambda alpha: 255 * (alpha > 0))
    channels = np.reshape(layer.convert("RGB").histogram(seen), (3, 256)) > 0
    return bool((channels.sum(1) == 1).all() and not channels[:, 0].all())


def _ground(image: Image.Image) -> float | tuple[int, ...] | None:
    """The value that is not marked, where the picture has two and it is plain which: a level, an index or a colour."""
    values = [value for _, value in image.getcolors(2) or ()]
    if len(values) != 2:
        return None
    colours = [_colour(image, value) for value in values]
    for value, colour, other in zip(values, colours, reversed(colours), strict=True):
        is_coloured = max(other) - min(other) >= _COLOURED
        if (colour == _BLACK and other != _BLACK) or (colour == _WHITE and is_coloured):
            return value
    first, second = (np.dot(colour, (299, 587, 114)) > 127_000 for colour in colours)
    return 0 if image.mode == "P" and 0 in values and first == second else None


def _colour(image: Image.Image, value: float | tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(value, tuple):
        return value
    level = int(value)
    if image.mode == "P":
        entry = (image.getpalette("RGB") or [])[3 * level : 3 * level + 3]
        return tuple(entry) if len(entry) == 3 else _BLACK
    return (level, level, level)
