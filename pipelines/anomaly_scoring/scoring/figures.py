"""The figures of a scored face by the names that they have in every table and file."""

from collections.abc import Mapping

from pipelines.exports.tables import cell
from pipelines.results import AnomalyScoringResult, Percentile

FIGURES: tuple[str, ...] = (
    "local_severity",
    "local_percentile",
    "asymmetry",
    "asymmetry_percentile",
    "severity",
    "normality",
    "percentile",
)
"""Names in the order in which they stand: what does not fit and what differs between the sides (peaks, in grey levels
and per cent of light), the paper's severity and normality, and behind each the per cent of open-set faces that have
less."""


def figures_of(result: AnomalyScoringResult) -> dict[str, float | None]:
    """Name → value, None where the result has none."""
    local = result.local
    values = (
        None if local is None else local.value,
        None if local is None else _value(local.percentile),
        result.asymmetry.value,
        _value(result.asymmetry.percentile),
        result.score.severity,
        result.score.normality,
        _value(result.percentile),
    )
    return dict(zip(FIGURES, values, strict=True))


def figure_cells(figures: Mapping[str, float | None]) -> dict[str, str]:
    """Figures as cells of a table: per cents of faces with one decimal, the others with four; empty without a value."""
    return {
        name: "" if value is None else f"{value:z.1f}" if name.endswith("percentile") else cell(value)
        for name, value in figures.items()
    }


def _value(percentile: Percentile | None) -> float | None:
    return None if percentile is None else percentile.value
