"""What stands on one A4 page, as a job says it; :mod:`pipelines.exports.pages.page` draws it."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.arrays import Mask, Pixels, Points
from pipelines.exports.pictures import Window
from pipelines.exports.tables import show, show_change
from pipelines.languages.translation import _
from pipelines.results import Measurement

Facts = tuple[tuple[str, str], ...]
"""Names and values."""


@dataclass(frozen=True, eq=False)
class Bar:
    """What the colours of a map mean.

    Attributes:
        colours: RGB ``uint8`` ``(N, 3)``, from the lowest value to the highest, in even steps.
        ticks: share of the way up, 0-1 → what it means.
        label: what is shown, with its unit; none where empty.
    """

    colours: Pixels
    ticks: Mapping[float, str]
    label: str = ""


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
        bar: what its colours mean, below it.
    """

    title: str
    image: Pixels
    window: Window | None = None
    mask: Mask | None = None
    landmarks: Points | None = None
    points: Points | None = None
    bar: Bar | None = None


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        name: what it is.
        cells: one a column.
        note: what it says, behind them, in as many lines as it needs.
    """

    name: str
    cells: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table of values.

    Attributes:
        title: stands above it.
        columns: what the cells are.
        rows: from top to bottom.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Page:
    """What stands on a page, from top to bottom. What is small takes the room that the rest leaves.

    Attributes:
        title, subtitle: the heading.
        subject: the title of the file.
        large: two pictures side by side.
        maps: two maps side by side, with one bar beside them.
        bar: what their colours mean.
        small: rows of three.
        tables: one over the whole width, or two side by side, whose rows have no notes; none where empty.
        facts: two columns, each with the inches that its names take.
        footer: what made it.
    """

    title: str
    subtitle: str
    subject: str
    large: Sequence[Picture]
    maps: Sequence[Picture] = ()
    bar: Bar | None = None
    small: Sequence[Sequence[Picture]]
    tables: Sequence[Table] = ()
    facts: tuple[tuple[float, Facts], tuple[float, Facts]]
    footer: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Card:
    """A result in short, as it stands in an overview of several.

    Attributes:
        title: which job.
        picture: what it made.
        facts: what it was made with, and its main figures; each in a line, which is cut where it is long.
    """

    title: str
    picture: Picture
    facts: Facts


def measurements_table(before: Sequence[Measurement], after: Sequence[Measurement] = ()) -> tuple[Table, ...]:
    """The table of measurements.

    Args:
        before: of the photo.
        after: of the prediction, in the same order; none where there is nothing to compare with.

    Returns:
        The table; none where there are no measurements.
    """
    if not before:
        return ()
    if not after:
        rows = tuple(Row(_(one.label), (show(one),), _(one.meaning)) for one in before)
        return (Table(_("Measurements"), (_("Photo"),), rows),)
    rows = tuple(
        Row(_(one.label), (show(one), show(other), show_change(one, other)), _(one.meaning))
        for one, other in zip(before, after, strict=True)
    )
    return (Table(_("Measurements"), (_("Photo"), _("Prediction"), _("Change")), rows),)


def wrapped(facts: Facts, letters: int) -> Facts:
    """Facts whose values take as many lines as they need, of so many letters at most."""
    return tuple(
        (name if number == 0 else "", line)
        for name, value in facts
        for number, line in enumerate(textwrap.wrap(value, letters))
    )
