"""Examples of anomaly scoring: drawn clefts before and after their repair, and a face without one."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from pipelines.arrays import Pixels
from pipelines.faces.landmarks import find_face
from pipelines.languages.translation import _
from ui.examples import people as examples
from ui.pictures import overlay


@dataclass(frozen=True)
class Example:
    """An example of anomaly scoring.

    Attributes:
        label: what it is called on the screen.
        pictures: names of one picture, or of two as before and after surgery.
    """

    label: str
    pictures: tuple[str, ...]


EXAMPLES = {
    "unilateral": Example(_("Unilateral cleft"), ("a-cleft",)),
    "pair": Example(_("Before, after"), ("b-before", "b-after")),
    "none": Example(_("No cleft"), ("c",)),
}

_SUBNASALE = 33  # of the 68 points
_DOWN = 0.12  # eye distances from there to the middle of the part of a face that a pair shows


def photos(key: str) -> tuple[Pixels, ...]:
    """The photo of an example, or both, each RGB ``uint8`` ``(640, 640, 3)``.

    Args:
        key: one of :data:`EXAMPLES`.
    """
    return tuple(map(examples.photo, EXAMPLES[key].pictures))


@lru_cache(maxsize=1)
def gallery() -> list[dict[str, Any]]:
    """What the editor shows of the examples: ``key``, ``label`` and ``url`` of each."""
    return [examples.thumbnail(key, example.label, _shown(photos(key))) for key, example in EXAMPLES.items()]


def _shown(pictures: tuple[Pixels, ...]) -> Pixels:
    """A close-up of the face; of two pictures of it, base of the nose and mouth of either, one above the other."""
    face = find_face(pictures[-1])
    if len(pictures) == 1:
        return pictures[0][overlay.close_up(face.points, pictures[0].shape)]
    half = round(face.eye_distance)
    left, top = np.round(face.points[_SUBNASALE] + (-half, _DOWN * half - half / 2)).astype(int)
    return np.concatenate([picture[top : top + half, left : left + 2 * half] for picture in pictures])
