"""A study as files: tables, JSON, a scatter plot and one page to print.

``scores.csv`` names photos and ``pairs.csv`` patients, because that is what they are for; JSON, plot and page name
none of them, but the columns of the ratings. The same study always gives the same bytes.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from pipelines import __version__
from pipelines.anomaly_scoring.choices import conditions_text
from pipelines.anomaly_scoring.scoring.figures import FIGURES, figure_cells
from pipelines.anomaly_scoring.study.ablation import COMPARISONS, Comparison
from pipelines.anomaly_scoring.study.ratings import columns_text
from pipelines.anomaly_scoring.study.statistics import COVERAGE, Correlation, MeanChange
from pipelines.anomaly_scoring.study.study import Study
from pipelines.arrays import Pixels
from pipelines.exports.pages.layout import Facts, Page, Picture, wrapped
from pipelines.exports.pages.page import write_page
from pipelines.exports.pictures import MASK_COLOUR
from pipelines.exports.tables import NOTICE, cell, csv_bytes, signed, to_csv
from pipelines.faces.images import encode_png
from pipelines.files import write_all_atomic
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _, ngettext

FILES = ("scores.csv", "correlations.csv", "ablation.csv", "pairs.csv", "study.json", "scatter.png", "study.pdf")
"""What :func:`write_study` writes."""

SCORE_COLUMNS = ("name", *FIGURES, "rank", "region", "normalizer", "seconds", "error", "photo_pixels_sha256")
"""Columns of ``scores.csv``."""

_BLUE = (MASK_COLOUR[0] / 255, MASK_COLOUR[1] / 255, MASK_COLOUR[2] / 255)
_INK, _GREY = "#16202a", "#5b6670"
_DPI = 220
_LINE = 44  # letters of a fact that fit beside the right column's names
_SQUARE, _SMALL = (3.4, 3.4), (2.2, 2.1)  # in, of plots on the page
_LOCAL = _("local severity (grey levels)")
_LABELS = {"pearson": "Pearson r", "spearman": "Spearman ρ"}
_KINDS = tuple(dict.fromkeys(one.kind for one in COMPARISONS))
_WAYS = tuple(dict.fromkeys((one.region, one.colour, one.erosion) for one in COMPARISONS))
_COLOURS = {"rgb": "RGB", "ycbcr": "YCbCr"}
_SETTINGS = {
    "normalizer": _("Normalizer"), "weights": _("Weights"), "conditions": _("Conditions"), "perceptual": _("Network"),
    "region": _("Region"), "kind": _("Kind of map"), "colour": _("Colour space"), "erosion": _("Erode the map"),
    "formula": _("Formula"), "version": _("Version"), "precision": _("Precision"), "seed": _("Seed"), "face": _("Face"),
    "group": _("Compared to"),
}  # fmt: skip


def write_study(study: Study, folder: Path) -> None:
    """Writes :data:`FILES` into ``folder``, which is made where it is not there.

    None of the files is touched before all of them lie whole on the disk.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = (scores_csv, correlations_csv, ablation_csv, pairs_csv)
    # Names that are no UTF-8 become readable ones with a replacement sign rather than an error.
    files = [csv_bytes(table(study).encode("utf-8", "replace").decode()) for table in tables]
    files += [study_json(study).encode(), encode_png(scatter_plot(study)), study_pdf(study)]
    write_all_atomic({folder / name: data for name, data in zip(FILES, files, strict=True)})


def scores_csv(study: Study) -> str:
    """One row a photo, in the order in which they were given, and one a file that was passed over; see
    :data:`SCORE_COLUMNS`.
    """
    rows: list[tuple] = [SCORE_COLUMNS]
    for photo in (*study.photos, *study.others):
        figures = figure_cells({name: getattr(photo, name) for name in FIGURES}).values()
        made = (_short(photo.rank, "g"), photo.region, photo.normalizer, _short(photo.seconds, ".2f"))
        rows.append((photo.name, *figures, *made, photo.error, photo.photo_pixels_sha256))
    return to_csv(rows)


def correlations_csv(study: Study) -> str:
    """One row a coefficient of a figure with the ratings: figure, method, value, bounds of its interval, pairs, and a
    sentence where there is no value.
    """
    found = [(one.figure, one.correlation) for one in study.agreements]
    rows = [(figure, one.method, *_interval_cells(one), one.n, one.note) for figure, one in found]
    return to_csv([("figure", "method", "value", f"low_{COVERAGE}", f"high_{COVERAGE}", "n", "note"), *rows])


def ablation_csv(study: Study) -> str:
    """One row a comparison, in the order of the paper's Table 1: how it was made, what it was compared with, its
    correlation, pairs, and a sentence where there is none.
    """
    rows: list[tuple] = [("kind", "region", "colour", "erosion", "against", "method", "correlation", "n", "note")]
    for one in study.ablation:
        how, found = one.comparison, one.correlation
        made = (how.kind, how.region, how.colour, "yes" if how.erosion else "no", study.ablation_against)
        rows.append((*made, found.method, _cell(found.value), found.n, found.note))
    return to_csv(rows)


def pairs_csv(study: Study) -> str:
    """One row a patient: severity and local severity before and after surgery, and their change; negative is closer to
    normal.
    """
    figures = ("severity", "local_severity")
    header = ("patient", *(f"{figure}_{what}" for figure in figures for what in ("before", "after", "change")))
    rows: list[tuple] = [header]
    for one in study.changes:
        whole = (cell(one.before), cell(one.after), f"{one.change:+z.4f}")
        rows.append((one.patient, *whole, cell(one.local_before), cell(one.local_after), f"{one.local_change:+z.4f}"))
    return to_csv(rows)


def study_dict(study: Study) -> dict[str, Any]:
    """Everything about a study but names of photos and patients, ready for JSON."""
    return {
        "job": "anomaly-scoring study",
        "notice": NOTICE,
        "version": __version__,
        "settings": dict(study.settings),
        "seed": study.seed,
        "photos": len(study.photos),
        "scored": len(study.scored),
        "rated": len(study.rated),
        "files_passed_over": len(study.others),
        "averaged_columns_of_the_ratings": list(study.raters),
        "other_columns_of_the_ratings": list(study.passed_over),
        "unmatched_rows_of_the_ratings": list(study.unmatched),
        "interval_percent": COVERAGE,
        "correlations_with_ratings": [{"figure": one.figure, **asdict(one.correlation)} for one in study.agreements],
        "points": [
            {"normality": photo.normality, "local_severity": photo.local_severity, "rating": photo.rating}
            for photo in study.rated
        ],
        "ablation": {
            "against": study.ablation_against,
            "cells": [{**vars(one.comparison), **asdict(one.correlation)} for one in study.ablation],
        },
        "before_and_after": {
            "sign": "severity after less before; negative is closer to normal",
            "changes": [one.change for one in study.changes],
            "mean": asdict(study.mean_change),
            "local_changes": [one.local_change for one in study.changes],
            "local_mean": asdict(study.mean_local_change),
            "patients_without_a_pair": study.incomplete,
        },
        "notes": list(study.notes),
    }


def study_json(study: Study) -> str:
    """:func:`study_dict` as JSON text."""
    return json.dumps(study_dict(study), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def scatter_plot(study: Study) -> Pixels:
    """Local severity against the ratings with the regression line, or by rank where no photo is rated.

    Returns:
        RGB ``uint8`` ``(H, W, 3)``.
    """
    return _plot(lambda axes: _scatter(axes, study), _SQUARE)


def study_pdf(study: Study) -> bytes:
    """One A4 page: scatter plot, ablation table, distribution, change of the patients, and the figures."""
    small = [Picture(title=_("Local severities"), image=_plot(lambda axes: _histogram(axes, study), _SMALL))]
    if study.changes:
        small.append(Picture(title=_("Before and after"), image=_plot(lambda axes: _slopes(axes, study), _SMALL)))
        small.append(Picture(title=_("Change by patient"), image=_plot(lambda axes: _bars(axes, study), _SMALL)))
    intervals = _("bootstrap intervals of {share} %, seed {seed}")
    page = Page(
        title=_("Cohort study"),
        subtitle=_("Anomaly scores of a cohort. Local severity: higher is less normal. Normality S = −severity."),
        subject=_("Anomaly scoring: cohort study"),
        large=(
            Picture(title=_scatter_title(study), image=scatter_plot(study)),
            Picture(title=_ablation_title(study), image=_plot(lambda axes: _table(axes, study), _SQUARE)),
        ),
        small=[small],
        facts=((0.95, _cohort_facts(study)), (1.45, wrapped(_figures(study), _LINE))),
        footer=f"Philtrum {__version__} · " + intervals.format(share=COVERAGE, seed=study.seed),
    )
    return write_page(page, "pdf", _DPI)


def correlation_text(found: Correlation) -> str:
    """A correlation for people, as in ``"0.91 (95 % 0.80 to 0.97), n = 13"``, or the sentence in its place."""
    return found.note if found.value is None else f"{_bounded(found, '.2f')}, n = {found.n}"


def change_text(found: MeanChange) -> str:
    """A mean change for people, as in ``"−0.42 (95 % −0.61 to −0.20), n = 12, Wilcoxon p = 0.002"``."""
    if found.value is None:
        return found.note
    text = f"{_bounded(found, '+z.2f')}, n = {found.n}"
    if found.p is None:
        return text
    return f"{text}, Wilcoxon p {'< ' if found.p < 0.001 else '= '}{figure(max(found.p, 0.001), '.3f')}"


def rows_text(numbers: Sequence[int]) -> str:
    """Rows of the ratings that fit no photo as a sentence, without names."""
    named = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
    return ngettext(
        "Row {rows} of the ratings fits no photo; check the name there.",
        "Rows {rows} of the ratings fit no photo; check the name there.",
        len(numbers),
    ).format(rows=named)


def _bounded(found: Correlation | MeanChange, form: str) -> str:
    text = f"{found.value:{form}}"
    if found.low is not None:
        interval = _("({share} % {low} to {high})").format(
            share=COVERAGE, low=format(found.low, form), high=format(found.high, form)
        )
        text = f"{text} {interval}"
    return signed(text)


def _cell(value: float | None) -> str:
    return "" if value is None else cell(value)


def _short(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def _interval_cells(found: Correlation) -> tuple[str, ...]:
    return _cell(found.value), _cell(found.low), _cell(found.high)


# --- the page -------------------------------------------------------------------------------------------------------


def _cohort_facts(study: Study) -> Facts:
    failed = len(study.photos) - len(study.scored)
    photos = _("{count}: {scored} scored, {failed} failed")
    facts = [(_("Photos"), photos.format(count=len(study.photos), scored=len(study.scored), failed=failed))]
    if study.others:
        others = ngettext("{count} other file", "{count} other files", len(study.others))
        facts.append((_("Passed over"), others.format(count=len(study.others))))
    facts.append((_("Rated"), _("{count} of those scored").format(count=len(study.rated))))
    if study.unmatched:
        facts.append((_("Not found"), _("ratings' rows without a photo: {count}").format(count=len(study.unmatched))))
    if study.changes or study.incomplete:
        pairs = _("{count} pairs, {single} without a pair")
        facts.append((_("Patients"), pairs.format(count=len(study.changes), single=study.incomplete)))
    for name, value in study.settings.items():
        if value is not None:
            facts.append((_SETTINGS.get(name, name), _setting_text(name, value)[:34]))
    return tuple(facts)


def _setting_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return conditions_text(value) if name == "conditions" else str(value)


def _figures(study: Study) -> Facts:
    facts = [
        (f"{_LABELS[one.correlation.method]}, {_(one.figure)}", correlation_text(one.correlation))
        for one in study.agreements
    ]
    if study.changes:
        facts.append((_("Change, severity"), change_text(study.mean_change)))
        facts.append((_("Change, local"), change_text(study.mean_local_change)))
    if study.scored:
        spread = _("{low} to {high}, median {middle}")
        for name, values in (
            (_("Local severity"), [photo.local_severity for photo in study.scored]),
            (_("Severity"), [photo.severity for photo in study.scored]),
        ):
            low, middle, high = np.percentile(np.array(values, np.float64), (0, 50, 100))
            facts.append((name, signed(spread.format(low=f"{low:.2f}", high=f"{high:.2f}", middle=f"{middle:.2f}"))))
    if study.raters or study.passed_over:
        facts.append((_("Ratings"), columns_text(study.raters, study.passed_over)))
    facts += [(_("Note"), note) for note in study.notes]
    return tuple(facts)


def _scatter_title(study: Study) -> str:
    return _("Local severity and ratings") if study.rated else _("Local severity by rank")


def _ablation_title(study: Study) -> str:
    if study.ablation_against == "ratings":
        return _("Pearson r with the ratings, by comparison")
    return _("Spearman ρ with the default score, by comparison")


def _plot(draw: Callable[[Axes], None], size: tuple[float, float]) -> Pixels:
    figure = Figure(figsize=size, dpi=_DPI, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.tick_params(labelsize=7, colors=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)
    draw(axes)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _scatter(axes: Axes, study: Study) -> None:
    rated = study.rated
    shown = rated or study.scored
    x = np.array([photo.rating if rated else photo.rank for photo in shown], np.float64)
    y = np.array([photo.local_severity for photo in shown], np.float64)
    axes.plot(x, y, "o", color=_BLUE, markersize=4, markeredgecolor=_INK, markeredgewidth=0.4)
    if rated and len(x) > 1 and np.ptp(x) > 0:
        slope, start = np.polyfit(x, y, 1)
        ends = np.array([x.min(), x.max()])
        axes.plot(ends, start + slope * ends, color=_INK, linewidth=1)
    axes.set_xlabel(_("rating (mean over the raters)") if rated else _("rank (1 = most severe)"))
    axes.set_ylabel(_LOCAL)


def _histogram(axes: Axes, study: Study) -> None:
    values = np.array([photo.local_severity for photo in study.scored], np.float64)
    axes.hist(values, bins=max(1, min(20, math.ceil(math.sqrt(len(values))))), color=_BLUE, edgecolor="white")
    axes.set_xlabel(_LOCAL)
    axes.set_ylabel(_("photos"))


def _slopes(axes: Axes, study: Study) -> None:
    for one in study.changes:
        axes.plot(
            (0, 1), (one.local_before, one.local_after), "o-", color=_BLUE, markersize=3, linewidth=0.8, alpha=0.7
        )
    axes.set_xticks((0, 1), (_("before"), _("after")))
    axes.set_xlim(-0.3, 1.3)
    axes.set_ylabel(_LOCAL)


def _bars(axes: Axes, study: Study) -> None:
    values = np.sort([one.local_change for one in study.changes])
    axes.bar(np.arange(len(values)), values, color=_BLUE)
    axes.axhline(0, color=_INK, linewidth=0.8)
    axes.set_xticks(())
    axes.set_xlabel(_("patients, sorted"))
    axes.set_ylabel(_("change of local severity"))


def _table(axes: Axes, study: Study) -> None:
    found = {one.comparison: one.correlation.value for one in study.ablation}
    axes.set_axis_off()
    columns = [kind.upper() for kind in _KINDS]
    cells = []
    for where, colour, erosion in _WAYS:
        way = f"{where}, {_COLOURS[colour]}" + (_(", eroded") if erosion else "")
        values = [found.get(Comparison(where, kind, colour, erosion)) for kind in _KINDS]
        cells.append([way, *("–" if value is None else signed(f"{value:z.2f}") for value in values)])
    table = axes.table(
        cells, colLabels=["", *columns], colWidths=[0.55, 0.15, 0.15, 0.15], loc="center", edges="horizontal",
        bbox=Bbox.from_bounds(0, 0.1, 1, 0.9),
    )  # fmt: skip
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    for (_row, column), box in table.get_celld().items():
        box.set_edgecolor(_GREY)
        box.set_linewidth(0.4)
        box.get_text().set_horizontalalignment("left" if column == 0 else "right")
