"""Which reference was used where, as a picture and in words."""

from collections.abc import Sequence

import cv2
import numpy as np

from pipelines.arrays import Floats, Mask, Pixels
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _, capital
from pipelines.results import UsedReference

COLOURS = {
    _("orange"): (230, 159, 0),
    _("sky blue"): (86, 180, 233),
    _("green"): (0, 158, 115),
    _("purple"): (204, 121, 167),
    _("blue"): (0, 114, 178),
}
"""Colour of each reference by its number. Source: Okabe and Ito 2008, "Color universal design": told apart by all kinds
of colour vision.
"""

_TINT = 0.6  # share of the colour where a reference is trusted entirely
_NUMBERED = 12  # px from the middle of an area to its edge; smaller ones have no room for a number
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.7


def sources_picture(crop: Pixels, hole: Mask, references: Sequence[UsedReference], confidence: Floats) -> Pixels:
    """The hole in the colours of the references that fill it, as far as they are trusted, with their numbers.

    Args:
        crop: ``uint8`` ``(S, S, 3)``, the repainted face, which is shown in grey.
        hole: ``bool`` ``(S, S)``.
        references: those that were used.
        confidence: ``float32`` ``(S, S)`` in [0, 1], how far all together are trusted.
    """
    weights = np.stack([one.weight for one in references])
    colours = np.array([_colour(one) for one in references], np.float32)
    tint = np.einsum("rhw,rc->hwc", weights, colours)
    share = _TINT * (hole * confidence)[..., None]
    grey = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    canvas = np.round(grey * (1 - share) + tint * share).astype(np.uint8)
    leading = np.where(hole & (confidence > 0.1), weights.argmax(0), -1)
    for index, one in enumerate(references):
        _number(canvas, leading == index, str(one.number))
    return canvas


def sources_sentence(references: Sequence[UsedReference]) -> str:
    """The picture's legend, as in ``"Orange: reference 1, 64 %; sky blue: reference 3, 36 %"``."""
    names = list(COLOURS)
    each = _("{colour}: reference {number}, {share} %")
    said = [
        each.format(colour=names[one.number - 1], number=one.number, share=figure(100 * one.share, ".0f"))
        for one in references
    ]
    return capital("; ".join(said))


def _colour(reference: UsedReference) -> tuple[int, int, int]:
    return [*COLOURS.values()][reference.number - 1]


def _number(canvas: Pixels, where: Mask, text: str) -> None:
    """Writes a number into the middle of an area, so that nobody has to tell colours apart."""
    room = cv2.distanceTransform(np.pad(where, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    if room.max() < _NUMBERED:
        return
    row, column = np.unravel_index(room.argmax(), room.shape)
    (width, height), _base = cv2.getTextSize(text, _FONT, _SCALE, 2)
    corner = int(column - width / 2), int(row + height / 2)
    for colour, thick in (((20, 20, 20), 5), ((255, 255, 255), 2)):
        cv2.putText(canvas, text, corner, _FONT, _SCALE, colour, thick, cv2.LINE_AA)
