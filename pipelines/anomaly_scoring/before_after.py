"""Two scored photos of one face, before and after surgery, on one page; see
:class:`pipelines.exports.interface.PairExports`.
"""

import os
from dataclasses import replace
from pathlib import Path

from pipelines.anomaly_scoring.choices import MAPS, REGION_NAMES
from pipelines.anomaly_scoring.drawing.aligned import aligned
from pipelines.anomaly_scoring.drawing.colouring import covering
from pipelines.anomaly_scoring.drawing.maps import (
    PRINT_SIDE,
    Shown,
    around,
    print_overlay,
    severity_of_100,
    shown_map,
)
from pipelines.anomaly_scoring.exports import compared_facts, made_facts, photo_said, scale_bar
from pipelines.anomaly_scoring.scoring.figures import figures_of
from pipelines.errors import OptionInvalid
from pipelines.exports.pages.layout import Card, Facts, Page, Picture, Row, Table, wrapped
from pipelines.exports.tables import footer, show, show_change, signed
from pipelines.files import write_atomic
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _, in_sentence
from pipelines.results import AnomalyScoringResult

__all__ = ["card", "page", "report", "save_before_after"]

TIMES = (_("Before surgery"), _("After surgery"))
"""What the photos are called."""

_LINES = 44, 54  # letters of a fact that fit beside the left and the right column's names

_FIGURES: tuple[tuple[str, str, str, str], ...] = (
    ("local_severity", _("Local severity"), _("Local severity, grey levels"), ".1f"),
    ("local_percentile", _("its percentile"), _("its percentile"), ".0f"),
    ("asymmetry", _("Asymmetry"), _("Asymmetry, % of light"), ".1f"),
    ("asymmetry_percentile", _("its percentile"), _("its percentile"), ".0f"),
    ("severity", _("Severity"), _("Severity"), ".3f"),
    ("of_100", _("from 0 to 100"), _("from 0 to 100"), ".1f"),
    ("percentile", _("its percentile"), _("its percentile"), ".0f"),
)
"""Figures of a table in their order: key, name, name with its unit, and how they are written."""


def save_before_after(path: str | os.PathLike[str], before: AnomalyScoringResult, after: AnomalyScoringResult) -> None:
    """Writes one A4 page of two scored photos as PDF, in one step: both faces, aligned alike; both maps with one colour
    bar; figures and measurements with their change; what made them, and the case.

    Args:
        path: where to; its name usually ends in ``.pdf``.
        before, after: the scores of both photos, by the same settings.

    Raises:
        OptionInvalid: they were scored by different settings, or belong to different cases.
        OSError: the file cannot be written.
    """
    write_atomic(Path(path), report(before, after))


def report(before: AnomalyScoringResult, after: AnomalyScoringResult) -> bytes:
    """What :func:`save_before_after` writes; the same scores give the same bytes.

    Raises:
        OptionInvalid: as there.
    """
    from pipelines.exports.pages.page import write_page  # here, because it imports matplotlib

    return write_page(page(before, after), case=before.case or after.case)


def page(before: AnomalyScoringResult, after: AnomalyScoringResult) -> Page:
    """The page.

    Raises:
        OptionInvalid: as :func:`save_before_after`.
    """
    check(before, after)
    results = before, after
    shown = _shown(*results)
    part = around(shown[0].area | shown[1].area)
    return Page(
        title=_("Before and after surgery"),
        subtitle=_(
            "Both faces are aligned alike and scored by the same settings. The maps show {what}, on one scale."
        ).format(what=in_sentence(_title(*results))),
        subject=_("Anomaly scoring: before and after surgery"),
        large=[Picture(title=time, image=aligned(one, PRINT_SIDE)) for time, one in zip(TIMES, results, strict=True)],
        maps=[
            Picture(title=f"{_title(*results)}, {time}", image=print_overlay(one, each, part))
            for time, one, each in zip((_("before"), _("after")), results, shown, strict=True)
        ],
        bar=scale_bar(shown[0].scale),
        small=[],
        tables=(_scores(before, after), _measurements(before, after)),
        facts=(
            (0.8, wrapped(_photo_facts(before, after), _LINES[0])),
            (0.82, wrapped(made_facts(results), _LINES[1])),
        ),
        footer=footer(before),
    )


def card(before: AnomalyScoringResult, after: AnomalyScoringResult) -> Card:
    """The map after surgery, and how the figures went.

    Raises:
        OptionInvalid: as :func:`save_before_after`.
    """
    check(before, after)
    shown = _shown(before, after)[1]
    facts = [(name, f"{was} → {now}") for name, _named, (was, now, _by) in _figures(before, after)]
    facts.append((_("Region"), REGION_NAMES[after.basis.region]))
    picture = Picture(title="", image=print_overlay(after, shown))
    return Card(title=_("Before and after"), picture=picture, facts=tuple(facts))


def check(before: AnomalyScoringResult, after: AnomalyScoringResult) -> None:
    """Whether two scores compare.

    Raises:
        OptionInvalid: they do not.
    """
    if before.basis != after.basis or before.crop.shape != after.crop.shape:
        raise OptionInvalid(_("The two photos were scored by different settings; score both by the same."))
    if before.case and after.case and before.case != after.case:
        raise OptionInvalid(_("The two photos belong to different cases; give both the same."))


# --- maps -----------------------------------------------------------------------------------------------------------


def _title(before: AnomalyScoringResult, after: AnomalyScoringResult) -> str:
    return MAPS["asymmetry" if before.local is None or after.local is None else "local"]


def _shown(before: AnomalyScoringResult, after: AnomalyScoringResult) -> tuple[Shown, Shown]:
    """The first map that both have, on the scale of every other page, or on one that goes on as far as they do."""
    both = next(
        (one, other)
        for name in MAPS
        if (one := shown_map(before, name)) is not None and (other := shown_map(after, name)) is not None
    )
    scale = covering(both[0].scale, max(float(one.values[one.area].max()) for one in both))
    one, other = (replace(each, scale=scale) for each in both)
    return one, other


# --- words and numbers ----------------------------------------------------------------------------------------------


def _scores(before: AnomalyScoringResult, after: AnomalyScoringResult) -> Table:
    rows = tuple(Row(named, cells) for _name, named, cells in _figures(before, after))
    return Table(_("Scores"), (_("Before"), _("After"), _("Change")), rows)


def _figures(before: AnomalyScoringResult, after: AnomalyScoringResult) -> list[tuple[str, str, tuple[str, str, str]]]:
    """Of each figure that either has its name, its name with its unit, and what it was, is, and changed by."""
    values = [figures_of(one) | {"of_100": severity_of_100(one)} for one in (before, after)]
    found = []
    for key, name, named, form in _FIGURES:
        was, now = (each[key] for each in values)
        if was is not None or now is not None:
            cells = _number(was, form), _number(now, form), _number(_change(was, now), f"+{form}")
            found.append((name, named, cells))
    return found


def _change(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else signed(format(value, form.replace(".", "z.")))


def _measurements(before: AnomalyScoringResult, after: AnomalyScoringResult) -> Table:
    rows = [
        Row(_(one.label), (show(one), show(other), show_change(one, other)))
        for one, other in zip(before.measurements, after.measurements, strict=True)
    ]
    return Table(_("Measurements"), (_("Before"), _("After"), _("Change")), tuple(rows))


def _photo_facts(before: AnomalyScoringResult, after: AnomalyScoringResult) -> Facts:
    facts = []
    for time, one in zip((_("Before"), _("After")), (before, after), strict=True):
        facts += [(time, photo_said(one)), ("", _("pixels: {hash}").format(hash=f"SHA-256 {one.photo_sha256[:16]}…"))]
    pixels = _(" and ").join(figure(one.score.pixels, ",") for one in (before, after))
    facts.append((_("Region"), f"{REGION_NAMES[before.basis.region]}, {pixels} px"))
    return (*facts, *compared_facts(before))
