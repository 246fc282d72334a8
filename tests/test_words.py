"""docs/words.md holds: what can be set is called the same on the page, by commands, in Python, over HTTP, in files."""

import argparse
import inspect
import re
from dataclasses import fields
from functools import cache
from typing import Any

import pytest

from pipelines.anomaly_scoring import exports as scoring_exports
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.cases.case import Case
from pipelines.cleft_inpainting import exports as cleft_exports
from pipelines.cleft_inpainting.pipeline import CleftInpainting
from pipelines.commands import anomaly_scoring, cleft_inpainting, mask_removal
from pipelines.exports.tables import case_facts
from pipelines.mask_removal import exports as removal_exports
from pipelines.mask_removal.pipeline import MaskRemoval
from tests.pipelines.anomaly_scoring.test_exports import make_result as make_score
from tests.pipelines.exports.made_results import make_removal, make_result
from tests.sources import ROOT
from ui.server.engine import Engine
from ui.shell import build
from ui.tabs.anomaly_scoring import AnomalyScoringTab
from ui.tabs.cleft_inpainting import CleftInpaintingTab
from ui.tabs.mask_removal import MaskRemovalTab
from ui.theme import template

TEXT = (ROOT / "docs/words.md").read_text(encoding="utf-8")
TABLES = {
    title: [[cell.strip().strip("`") for cell in row.strip("| ").split(" | ")] for row in rows.splitlines()[2:]]
    for title, rows in re.findall(r"^## (.+)\n\n((?:\|.*\n)+)", TEXT, re.M)
}
JOBS = {
    "Cleft inpainting and mask removal": ("cleft", "removal"),
    "Mask removal alone": ("removal",),
    "Anomaly scoring": ("scoring",),
}
ROWS = [(job, *row[:4]) for title, jobs in JOBS.items() for row in TABLES[title] for job in jobs]

COMMANDS = {"cleft": cleft_inpainting, "removal": mask_removal, "scoring": anomaly_scoring}
CALLS = {"cleft": CleftInpainting.__call__, "removal": MaskRemoval.__call__, "scoring": AnomalyScoring.__call__}
TABS = {"cleft": CleftInpaintingTab, "removal": MaskRemovalTab, "scoring": AnomalyScoringTab}
OF_NORMALIZERS = {"normalizer", "searches", "steps", "adaptation_steps", "frames_until"}
"""Of Python's scorer they are the constructor's, or the normalizer's own."""


@cache
def labels() -> set[str]:
    """What fields and buttons of the page are called."""
    found = [component["props"] for component in build(Engine()).config["components"]]
    return {str(props.get(name, "")) for props in found for name in ("label", "value")}


@cache
def options(job: str) -> set[str]:
    parser = argparse.ArgumentParser()
    COMMANDS[job].add_arguments(parser)
    return {option for action in parser._actions for option in action.option_strings}


@cache
def facts(job: str) -> dict[str, Any]:
    if job == "scoring":
        return scoring_exports.facts(make_score())
    return cleft_exports.facts(make_result()) if job == "cleft" else removal_exports.facts(make_removal())


def test_there_are_rows_of_all_jobs():
    assert TABLES.keys() == {*JOBS, "The case"} and {job for job, *_ in ROWS} == set(TABS) and len(ROWS) > 20


@pytest.mark.parametrize(("job", "label", "option", "argument", "key"), ROWS, ids=lambda value: value)
def test_a_word_is_the_same_everywhere(job, label, option, argument, key):
    if job == "removal" and argument == "extent":
        label = "Suggest region"  # a button there: the region is the lower face alone
    assert any(one.startswith(label) for one in labels()), label
    assert option in options(job)
    assert argument in inspect.signature(TABS[job].api).parameters
    assert argument in OF_NORMALIZERS or argument in inspect.signature(CALLS[job]).parameters
    found: Any = facts(job)
    for part in key.split(".") if key != "–" else ():
        assert part in found
        found = found[part]


def test_every_setting_of_a_job_has_its_word():
    known = {job: {row[3] for row in ROWS if row[0] == job} for job in TABS}
    given = {"self", "request", "photo", "mask", "references", "case"}  # no settings
    for job, tab in TABS.items():
        assert set(inspect.signature(tab.api).parameters) - given == known[job], job


def test_the_words_of_a_case():
    case = Case("P01", date="2026-11-28", side="left", notes="UCLP")
    rows = TABLES["The case"]
    assert {row[1] for row in rows} <= options("cleft")
    assert {row[2] for row in rows} == {one.name for one in fields(case)}
    assert {row[3] for row in rows} == set(case_facts(case))
    bar = template("case.html", letters=1, notes=1, ending="")
    assert [row[0] for row in rows] == re.findall(r"<span>([^<]+)</span><(?:input|select|textarea)", bar)
