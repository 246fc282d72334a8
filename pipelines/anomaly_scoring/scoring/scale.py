"""The reference scale: where a figure lies among those of open-set faces, as percentiles that ship with the weights.

A figure says little alone. Beside it stands how many faces of an open set have a lower one, under the very settings
that made it: ``weights/anomaly-scale.json``, which ``python -m benchmarks.anomaly_scale`` measures.

The weights folder that comes with Philtrum has that file, so there it is an error where it is missing. A weights folder
of a person's own need not have it, and settings of which no scale was measured have none: such figures stand alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np

from pipelines.anomaly_scoring.choices import EVERYONE
from pipelines.arrays import Floats
from pipelines.errors import OptionInvalid, WeightsCorrupt, WeightsMissing
from pipelines.files import sha256_of
from pipelines.languages.translation import _
from pipelines.models import places
from pipelines.results import Basis, Percentile

FILE = "anomaly-scale.json"
"""Name in the weights folder."""

Figure: TypeAlias = Literal["severity", "local", "asymmetry"]
FIGURES: tuple[Figure, ...] = get_args(Figure)
"""The figures of a face: the paper's severity, the local severity, and the asymmetry."""

STEPS = np.linspace(0, 100, 101)
"""Per cents at which a scale holds the figure."""

_DAMAGED = _("The reference scale of scores is damaged; restore the weights folder.")
_MISSING = _("The reference scale of scores is not on this machine; restore the weights folder.")


@dataclass(frozen=True, kw_only=True)
class Key:
    """What must agree for two figures to compare: of :class:`pipelines.results.Basis` all that moves this figure.

    What does not move it is None: local severity and asymmetry know nothing of the paper's maps, and asymmetry nothing
    of what is drawn. Precision and seed move every figure no further than another photo of the same minute would.
    """

    figure: Figure
    normalizer: str
    weights: str
    region: str
    version: int
    conditions: str | None = None
    perceptual: str | None = None
    kind: str | None = None
    colour: str | None = None
    erosion: bool | None = None
    formula: str | None = None
    group: str = EVERYONE

    @classmethod
    def of(cls, figure: Figure, basis: Basis, group: str = EVERYONE) -> "Key":
        """The key of a figure of :data:`FIGURES`."""
        moving = ["normalizer", "weights", "region", "version"]
        if figure != "asymmetry":
            moving.append("conditions")
        if figure == "severity":
            moving += ["perceptual", "kind", "colour", "erosion", "formula"]
        return cls(figure=figure, group=group, **{name: getattr(basis, name) for name in moving})


def percentile(figure: Figure, value: float, basis: Basis, group: str = EVERYONE) -> Percentile | None:
    """Per cent of a group's faces that have a lower figure; None where no scale was measured for the basis.

    Args:
        figure: one of :data:`FIGURES`.
        value: the face's.
        basis: all that it depends on.
        group: one of :func:`groups`.

    Raises:
        WeightsMissing, WeightsCorrupt: as :func:`count`.
    """
    known = _known().get(Key.of(figure, basis, group))
    if known is None:
        return None
    faces, values = known
    return Percentile(float(np.interp(value, values, STEPS)), faces, group)


def groups() -> tuple[str, ...]:
    """The groups of faces of which any scale was measured, :data:`EVERYONE` first and always.

    Raises:
        WeightsMissing, WeightsCorrupt: as :func:`count`.
    """
    return tuple(dict.fromkeys([EVERYONE, *(key.group for key in _known())]))


def count() -> int:
    """How many scales were measured; none in a weights folder of a person's own without the file.

    Raises:
        WeightsMissing: the weights folder is the one that comes with Philtrum, and the file is not there.
        WeightsCorrupt: the file is damaged.
    """
    return len(_known())


def digest() -> str | None:
    """First twelve hex digits of the SHA-256 of the file of scales, on which every percentile depends; None where a
    weights folder of a person's own has none.

    Raises:
        WeightsMissing: as :func:`count`.
    """
    path = _file()
    return sha256_of(path)[:12] if path else None


def check_group(group: str) -> None:
    """Refuses a group that no scale was measured of.

    Raises:
        OptionInvalid: there is no such group.
        WeightsMissing, WeightsCorrupt: as :func:`count`.
    """
    if group not in (known := groups()):
        raise OptionInvalid(_("The group to compare with must be one of {choices}.").format(choices=", ".join(known)))


def encode(scales: Mapping[Key, Floats], beside: bytes = b"[]") -> bytes:
    """The file of scales.

    Args:
        scales: key → the figures of all its faces, ``(N,)``.
        beside: the file so far; what it holds of other normalizers stays.

    Raises:
        WeightsCorrupt: the file so far is damaged.
    """
    measured = {key.normalizer for key in scales}
    try:
        rows = [row for row in json.loads(beside) if row["normalizer"] not in measured]
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsCorrupt(_DAMAGED) from error
    rows += [
        {
            **{name: value for name, value in vars(key).items() if value is not None},
            "faces": len(values),
            "values": [round(float(value), 4) for value in np.percentile(values, STEPS)],
        }
        for key, values in scales.items()
    ]
    return ("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n").encode()


def _known() -> dict[Key, tuple[int, Floats]]:
    """Key → number of faces and their figure at :data:`STEPS`, of the weights folder."""
    path = _file()
    return _scales(path, path.stat().st_mtime_ns) if path else {}


def _file() -> Path | None:
    path = places.folder() / FILE
    if path.is_file():
        return path
    if path.parent.resolve() == places.SHIPPED:
        raise WeightsMissing(_MISSING)
    return None


@lru_cache(maxsize=2)
def _scales(path: Path, changed: int) -> dict[Key, tuple[int, Floats]]:
    """What the file held at ``changed``, a time of modification: it is read anew when that is another."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        scales = {}
        for row in rows:
            faces, values = int(row.pop("faces")), np.array(row.pop("values"), np.float64)
            if values.shape != STEPS.shape or not np.isfinite(values).all() or (np.diff(values) < 0).any():
                raise ValueError
            scales[Key(**row)] = faces, values
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise WeightsCorrupt(_DAMAGED) from error
    return scales
