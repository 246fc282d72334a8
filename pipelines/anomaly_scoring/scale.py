"""The reference scale: how severe the scores of open-set faces are, as percentiles that ship with the weights.

A score says little alone. Beside it stands how many faces of an open set score lower under the same settings, drawn by
the same weights: ``weights/anomaly-scale.json``, which ``python -m benchmarks.anomaly_scale`` measures.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipelines import store
from pipelines.anomaly_scoring.normalization import Normalized
from pipelines.errors import OptionInvalid, WeightsCorrupt
from pipelines.results import Percentile, Score

FILE = "anomaly-scale.json"
"""Name in the weights folder."""

EVERYONE = "all"
"""The group of all faces."""

STEPS = np.linspace(0, 100, 101)
"""Per cents at which a scale holds the severity."""

_DAMAGED = "The reference scale of scores is damaged; restore the weights folder."


@dataclass(frozen=True)
class Setting:
    """What must agree for two scores to compare.

    Attributes:
        normalizer: which one.
        weights: first twelve hex digits of the SHA-256 of each of the normalizer's weights, joined by "+".
        conditions: as in :class:`pipelines.anomaly_scoring.normalization.Normalized`.
        region: key of :data:`pipelines.anomaly_scoring.regions.REGIONS`.
        kind, colour, erosion, formula: as in :class:`pipelines.results.Score`.
        group: of faces, :data:`EVERYONE` or an age group.
    """

    normalizer: str
    weights: str
    conditions: str
    region: str
    kind: str
    colour: str
    erosion: bool
    formula: str
    group: str = EVERYONE


def setting_of(score: Score, normalizer: str, normalized: Normalized, region: str, group: str = EVERYONE) -> Setting:
    """The setting under which a score of what ``normalizer`` normalized was taken."""
    return Setting(
        normalizer,
        weights_key(normalized),
        normalized.conditions,
        region,
        score.kind,
        score.colour,
        score.erosion,
        score.formula,
        group,
    )


def weights_key(normalized: Normalized) -> str:
    """What :class:`Setting` calls the weights that drew a normalized face."""
    return "+".join(used.sha256 for used in normalized.weights)


def percentile(score: Score, setting: Setting) -> Percentile | None:
    """Per cent of the scale's faces that score a lower severity; None where no scale was measured for the setting.

    Raises:
        WeightsCorrupt: the file of scales is damaged.
    """
    known = _scales(store.folder() / FILE, _changed(store.folder() / FILE)).get(setting)
    if known is None:
        return None
    faces, severities = known
    return Percentile(float(np.interp(score.severity, severities, STEPS)), faces, setting.group)


def groups() -> tuple[str, ...]:
    """The groups of faces of which any scale was measured, :data:`EVERYONE` first and always.

    Raises:
        WeightsCorrupt: the file of scales is damaged.
    """
    path = store.folder() / FILE
    return tuple(dict.fromkeys([EVERYONE, *(setting.group for setting in _scales(path, _changed(path)))]))


def check_group(group: str) -> None:
    """Raises OptionInvalid unless a scale of the group was measured, and WeightsCorrupt where scales are damaged."""
    if group not in (known := groups()):
        raise OptionInvalid(f"The group to compare with must be one of {', '.join(known)}.")


def encode(scales: Mapping[Setting, np.ndarray], beside: bytes = b"[]") -> bytes:
    """The file of scales.

    Args:
        scales: setting → the severities of all its faces, ``(N,)``.
        beside: the file so far; what it holds of other normalizers and conditions stays.

    Raises:
        WeightsCorrupt: the file so far is damaged.
    """
    measured = {(setting.normalizer, setting.conditions) for setting in scales}
    try:
        rows = [row for row in json.loads(beside) if (row["normalizer"], row["conditions"]) not in measured]
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsCorrupt(_DAMAGED) from error
    rows += [
        {
            **vars(setting),
            "faces": len(severities),
            "severities": [round(float(value), 4) for value in np.percentile(severities, STEPS)],
        }
        for setting, severities in scales.items()
    ]
    return ("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n").encode()


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


@lru_cache(maxsize=2)
def _scales(path: Path, changed: int) -> dict[Setting, tuple[int, np.ndarray]]:
    """Setting → number of faces and severities at :data:`STEPS`, of the file as it was at ``changed``."""
    if not changed:
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        scales = {}
        for row in rows:
            faces, severities = int(row.pop("faces")), np.array(row.pop("severities"), np.float64)
            if severities.shape != STEPS.shape or not np.isfinite(severities).all() or (np.diff(severities) < 0).any():
                raise ValueError
            scales[Setting(**row)] = faces, severities
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise WeightsCorrupt(_DAMAGED) from error
    return scales
