"""Names and cells of a face's figures: one order, one form, wherever they stand."""

from types import SimpleNamespace

from pipelines.anomaly_scoring.scoring.figures import FIGURES, figure_cells, figures_of
from pipelines.results import Percentile


def result(local=True, percentile=True) -> SimpleNamespace:
    def rank(value):
        return Percentile(value, 1000, "all") if percentile else None

    return SimpleNamespace(
        local=SimpleNamespace(value=61.25, percentile=rank(97.3)) if local else None,
        asymmetry=SimpleNamespace(value=18.5, percentile=rank(40.0)),
        score=SimpleNamespace(severity=-1.5, normality=1.5),
        percentile=rank(76.04),
    )


def test_every_figure_has_its_name():
    assert figures_of(result()) == {
        "local_severity": 61.25,
        "local_percentile": 97.3,
        "asymmetry": 18.5,
        "asymmetry_percentile": 40.0,
        "severity": -1.5,
        "normality": 1.5,
        "percentile": 76.04,
    }
    assert tuple(figures_of(result())) == FIGURES


def test_what_is_not_there_is_none():
    found = figures_of(result(local=False, percentile=False))
    missing = [name for name, value in found.items() if value is None]
    assert missing == ["local_severity", "local_percentile", "asymmetry_percentile", "percentile"]


def test_cells_are_numbers_of_a_fixed_form_and_empty_without_one():
    cells = figure_cells(figures_of(result()))
    assert list(cells.values()) == ["61.2500", "97.3", "18.5000", "40.0", "-1.5000", "1.5000", "76.0"]
    assert figure_cells({"local_severity": None, "percentile": -0.01}) == {"local_severity": "", "percentile": "0.0"}
