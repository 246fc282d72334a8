"""How figures of faces differ between groups of people: who is measured less fairly, and by how much."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.tables import markdown_line
from pipelines.training.sets.balance import TONE_LIMITS

DARK, LIGHT = TONE_LIMITS[2:4]
"""Individual typology angles in degrees: skin below the first is tan to dark, above the second light to very light."""


class Difference(NamedTuple):
    """One figure of two groups.

    Attributes:
        figure: its name.
        groups: the two groups' names.
        faces: how many each has.
        medians: of each.
        higher: chance that the first group's face has the higher figure, 0-1; 0.5 is no difference.
    """

    figure: str
    groups: tuple[str, str]
    faces: tuple[int, int]
    medians: tuple[float, float]
    higher: float


def differences(
    figures: Mapping[str, np.ndarray], groups: Mapping[str, np.ndarray], pairs: Sequence[tuple[str, str]]
) -> list[Difference]:
    """Every figure of every pair of groups that both have a face.

    Args:
        figures: name → ``(N,)``.
        groups: name → ``bool`` ``(N,)``.
        pairs: which groups are compared.
    """
    found = []
    for name, values in figures.items():
        for pair in pairs:
            first, second = (values[groups[group]] for group in pair)
            if len(first) and len(second):
                above = (first[:, None] > second).mean() + 0.5 * (first[:, None] == second).mean()
                medians = (float(np.median(first)), float(np.median(second)))
                found.append(Difference(name, pair, (len(first), len(second)), medians, float(above)))
    return found


def as_markdown(found: Sequence[Difference]) -> str:
    """The differences as a table."""
    header = ["Figure", "First", "Second", "Faces", "Medians", "Chance that the first is higher"]
    lines = [markdown_line(header), markdown_line(["---"] * 3 + ["---:"] * 3)]
    for one in found:
        faces, medians = ("{:g} and {:g}".format(*values) for values in (one.faces, np.round(one.medians, 2)))
        lines.append(markdown_line([one.figure, *one.groups, faces, medians, f"{one.higher:.2f}"]))
    return "\n".join(lines) + "\n"
