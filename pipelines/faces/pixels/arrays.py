"""Arrays that a program gives as a photo or a mask: checked, and brought to the one form that every step works on."""

import numpy as np
from PIL import Image

from pipelines.arrays import Mask, Numbers, Pixels
from pipelines.errors import ArrayInvalid, MaskEmpty, MaskMismatch
from pipelines.faces.pixels.marks import marked as marked_pixels
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _

_PHOTO = _("give RGB pixels as uint8, height × width × 3, as read_image does")
_MASK = _("give height × width truth values, True = repaint, as read_mask does")
_LEVELS = 255


def as_photo(photo: Pixels) -> Pixels:
    """A photo, if it is one.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.

    Raises:
        ArrayInvalid: it is anything else.
    """
    if not isinstance(photo, np.ndarray):
        raise ArrayInvalid(_("The photo is no array of pixels; {photo}.").format(photo=_PHOTO))
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ArrayInvalid(_("The photo is {described}; {photo}.").format(described=_described(photo), photo=_PHOTO))
    return photo


def as_mask(mask: Numbers) -> Mask:
    """A mask as truth values, where it is plain what it marks.

    Args:
        mask: ``bool`` ``(H, W)``; or ``(H, W)`` numbers of which one or two occur, 0 being the ground; or numbers from
            0 to 1, or from 0 to 255, that mark what is above the middle; or a picture of a mask, ``uint8`` ``(H, W,
            3)`` or ``(H, W, 4)``, which marks what its file would mark (:func:`~pipelines.faces.pixels.marks.marked`).
            A first or last axis of length one may stand beside height and width.

    Returns:
        ``bool`` ``(H, W)``.

    Raises:
        ArrayInvalid: it has another shape, or values that may mean this or that.
    """
    if not isinstance(mask, np.ndarray):
        raise ArrayInvalid(_("The mask is no array; {mask}.").format(mask=_MASK))
    flat = mask
    if mask.ndim == 3 and 1 in (mask.shape[0], mask.shape[2]):
        flat = mask.reshape(mask.shape[1:] if mask.shape[0] == 1 else mask.shape[:2])
    if flat.ndim == 3 and flat.dtype == np.uint8 and flat.shape[2] in (3, 4):
        return marked_pixels(Image.fromarray(flat))
    if flat.ndim != 2 or not flat.size or flat.dtype.kind not in "buif":
        raise ArrayInvalid(_("The mask is {described}; {mask}.").format(described=_described(mask), mask=_MASK))
    return flat if flat.dtype == bool else _above_the_ground(flat)


def mask_of(photo: Pixels, mask: Numbers | None) -> Mask | None:
    """The mask that was given with a photo, both checked before anything is computed.

    Args:
        photo: as for :func:`as_photo`.
        mask: as for :func:`as_mask`; None where none was given.

    Returns:
        ``bool`` ``(H, W)``, or None.

    Raises:
        ArrayInvalid: the photo is no photo, or the mask no mask.
        MaskMismatch: they differ in size.
        MaskEmpty: nothing is marked.
    """
    height, width = as_photo(photo).shape[:2]
    if mask is None:
        return None
    marked = as_mask(mask)
    if marked.shape != (height, width):
        raise MaskMismatch(
            _(
                "The mask is {shape} × {shape2} pixels and the photo {width} × {height}; use a mask of "
                "the photo's size."
            ).format(shape=marked.shape[1], shape2=marked.shape[0], width=width, height=height)
        )
    if not marked.any():
        raise MaskEmpty(_("The mask is empty; paint over the region to repaint, or use the suggested mask."))
    return marked


def _above_the_ground(numbers: Numbers) -> Mask:
    low, high = numbers.min(), numbers.max()
    if not np.isfinite(low) or not np.isfinite(high):
        raise ArrayInvalid(_("The mask holds values that are no numbers; {mask}.").format(mask=_MASK))
    if low == 0 and ((numbers == 0) | (numbers == high)).all():
        marked: Mask = numbers != 0
        return marked
    if low == high:  # the same everywhere and not the ground: all of it is marked
        return np.ones(numbers.shape, bool)
    for most in (1, _LEVELS):
        if low == 0 and high == most:
            above: Mask = numbers > most / 2
            return above
    raise ArrayInvalid(
        _("The mask holds values from {low} to {high}, which do not say what is marked; {mask}.").format(
            low=figure(float(low), "zg"), high=figure(float(high), "zg"), mask=_MASK
        )
    )


def _described(array: Numbers) -> str:
    shape = " × ".join(map(str, array.shape)) or "single"
    return _("an array of {shape} {dtype} values").format(shape=shape, dtype=array.dtype)
