"""What stands on one A4 page, as a job says it; :mod:`pipelines.exports.page` draws it."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.arrays import Mask, Pixels, Points
from pipelines.exports.pictures import Window
from pipelines.results import Measurement

Facts = tuple[tuple[str, str], ...]
"""Names and values."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Picture:
    """A picture with what is drawn over it.

    Attributes:
        title: stands above it.
        image: ``uint8`` ``(H, W, 3)``.
        window: the part that is shown; all of it where None.
        mask: ``bool`` ``(H, W)``, outlined.
        landmarks: ``(68, 2)`` in pixels of the image, drawn as points joined to features.
        points: ``(N, 2)`` in pixels of the image, drawn as points.
        scale: what black, grey and white of the image mean, written below a bar.
    """

    title: str
    image: Pixels
    window: Window | None = None
    mask: Mask | None = None
    landmarks: Points | None = None
    points: Points | None = None
    scale: tuple[str, str, str] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Page:
    """What stands on a page, from top to bottom.

    Attributes:
        title, subtitle: the heading.
        subject: the title of the file.
        large: two pictures side by side.
        small: rows of three.
        measurements: a table of values in the photo and in the result, or in the photo alone; none where empty.
        facts: two columns, each with the inches that its names take.
        footer: what made it.
    """

    title: str
    subtitle: str
    subject: str
    large: Sequence[Picture]
    small: Sequence[Sequence[Picture]]
    measurements: Sequence[tuple[Measurement, ...]] = ()
    facts: tuple[tuple[float, Facts], tuple[float, Facts]]
    footer: str


def wrapped(facts: Facts, letters: int) -> Facts:
    """Facts whose values take as many lines as they need, of so many letters at most."""
    return tuple(
        (name if number == 0 else "", line)
        for name, value in facts
        for number, line in enumerate(textwrap.wrap(value, letters))
    )
