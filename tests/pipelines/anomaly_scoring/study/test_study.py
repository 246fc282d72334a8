"""A study with a scorer that needs no network: what it finds, what it keeps, and what cannot stop it."""

import json
import threading
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from pipelines.anomaly_scoring.scoring import scale
from pipelines.anomaly_scoring.scoring.regions import region
from pipelines.anomaly_scoring.scoring.scores import TABLE_1
from pipelines.anomaly_scoring.study.ablation import COMPARISONS, normalities
from pipelines.anomaly_scoring.study.ratings import Rating, Ratings
from pipelines.anomaly_scoring.study.records import Record, Records
from pipelines.anomaly_scoring.study.study import NO_LPIPS, RECORDS, run_study, settings_of
from pipelines.errors import Cancelled, OptionInvalid
from pipelines.faces.alignment import align
from pipelines.faces.points import Face
from pipelines.metrics.perceptual import LPIPS
from tests.pipelines.anomaly_scoring.fake_scorer import (
    BASIS,
    FACELESS,
    FakeScorer,
    appraise,
    asymmetry_of,
    local_of,
    severity_of,
    write_photo,
)

pytestmark = pytest.mark.slow

LEVELS = {"anna.png": 110, "ben.png": 140, "cleo.png": 140, "dora.png": 200, "emil.png": 125}
SETTINGS = settings_of(BASIS, face=0, group="all")


@pytest.fixture
def cohort(tmp_path) -> list[Path]:
    folder = tmp_path / "cohort"
    folder.mkdir()
    return [write_photo(folder / name, level) for name, level in LEVELS.items()]


@pytest.fixture
def study_of(tmp_path):
    """``study_of(photos, scorer=..., ...)``, its scores kept in one folder, with a scorer of its own each time."""

    def study_of(photos, scorer=None, settings=SETTINGS, **options):
        scorers = [scorer or FakeScorer()]
        return run_study(photos, scorers, Records(tmp_path / "out" / RECORDS), settings=settings, **options)

    return study_of


def scored_of(level: int):
    """What the scorer gives of a photo of one level."""
    return FakeScorer()(np.full((40, 40, 3), level, np.uint8))


def rated(values: dict[str, float]) -> Ratings:
    return Ratings(tuple(Rating(row, name, value) for row, (name, value) in enumerate(values.items(), 2)), ("rating",))


# --- scores, ranks, correlations ----------------------------------------------------------------------------------


def test_scores_and_ranks(cohort, study_of):
    found = study_of(cohort).photos
    assert [photo.name for photo in found] == list(LEVELS)
    for photo, level in zip(found, LEVELS.values(), strict=True):
        assert photo.severity == pytest.approx(severity_of(level), abs=1e-5)
        assert photo.normality == -photo.severity
        assert (photo.percentile, photo.region, photo.normalizer) == (level - 100, "mouth-nose", "inpainting")
        assert (photo.local_severity, photo.local_percentile) == (local_of(level), local_of(level) / 2)
        assert (photo.asymmetry, photo.asymmetry_percentile) == (asymmetry_of(level), 2 * asymmetry_of(level))
        assert (photo.seconds, photo.error, photo.rating) == (0.75, "", None)
    # By local severity, which is 10, 40, 40, 0 and 25; equal photos share the mean rank.
    assert [photo.rank for photo in found] == [4, 1.5, 1.5, 5, 3]


def test_correlations_with_ratings(cohort, study_of):
    values = {"anna": 6.5, "ben": 4, "cleo": 5, "dora.png": 1, "nobody": 3}
    study = study_of(cohort, ratings=rated(values))
    levels = [LEVELS[name] for name in ("anna.png", "ben.png", "cleo.png", "dora.png")]
    figures = {"normality": [-severity_of(level) for level in levels], "local severity": [*map(local_of, levels)]}
    expected = [
        (figure, method, pytest.approx(reference(values, [6.5, 4, 5, 1]).statistic, abs=1e-5), 4)
        for figure, values in figures.items()
        for method, reference in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr))
    ]
    found = [(one.figure, one.correlation) for one in study.agreements]
    assert [(figure, one.method, one.value, one.n) for figure, one in found] == expected
    assert all(one.low <= one.value <= one.high for _, one in found)
    assert study.unmatched == (6,)
    assert [photo.rating for photo in study.photos] == [6.5, 4, 5, 1, None]


def test_columns_of_the_ratings_and_files_that_are_no_photos_are_told(cohort, study_of):
    ratings = replace(rated({"anna": 6}), raters=("rating", "second"), passed_over=("age",))
    study = study_of(cohort, ratings=ratings, others=[("notes.txt", "This file is no picture.")])
    assert (study.raters, study.passed_over) == (("rating", "second"), ("age",))
    assert [(one.name, one.error, one.severity) for one in study.others] == [
        ("notes.txt", "This file is no picture.", None)
    ]
    assert len(study.photos) == len(study.scored) == len(cohort)
    bare = study_of(cohort)
    assert (bare.raters, bare.passed_over, bare.others) == ((), (), ())


def test_too_few_ratings_are_said_and_the_table_falls_back_to_the_default_score(cohort, study_of):
    study = study_of(cohort, ratings=rated({"anna": 6, "ben": 4}))
    assert [one.correlation.value for one in study.agreements] == [None] * 4
    assert all("3 or more" in one.correlation.note for one in study.agreements)
    assert study.ablation_against == "default score"
    assert study_of(cohort).agreements == ()


def test_ablation_against_ratings_and_against_the_default_score(cohort, study_of):
    values = {name: float(rating) for name, rating in zip(LEVELS, (6, 4, 5, 1, 7), strict=True)}
    study = study_of(cohort, ratings=rated(values))
    assert study.ablation_against == "ratings" and study.notes == (NO_LPIPS,)
    found = {one.comparison: one.correlation for one in study.ablation}
    assert list(found) == [one for one in COMPARISONS if one.kind != "lpips"]  # which has no network here
    scores = [scored_of(level) for level in LEVELS.values()]
    for how, correlation in found.items():
        area = region(Face(scores[0].mesh), (40, 40), how.region)
        options = {"kind": how.kind, "colour": how.colour, "erosion": how.erosion}
        normality = [appraise(one.crop, one.normalized, area, **options)[1].normality for one in scores]
        expected = stats.pearsonr(normality, list(values.values())).statistic
        assert (correlation.method, correlation.value) == ("pearson", pytest.approx(expected, abs=1e-9))
    default = {one.comparison: one.correlation for one in study_of(cohort).ablation}
    own = next(how for how in default if (how.kind, how.colour, how.erosion) == ("pse", "ycbcr", True))
    assert (default[own].method, default[own].value) == ("spearman", pytest.approx(1))


def test_comparisons_are_the_papers_table():
    assert [one.key for one in COMPARISONS[:2]] == ["mouth-nose lpips rgb whole", "mouth-nose lpips ycbcr whole"]
    assert len({one.key for one in COMPARISONS}) == len(COMPARISONS) == len(TABLE_1) / 2


def test_every_comparison_of_a_real_face_is_an_appraisal(astronaut, face, loss_folder):
    alignment = align(astronaut, face, 128)
    crop, there = alignment.crop(astronaut), alignment.face_in_crop(face)
    image = crop.copy()
    image[75:105] //= 2
    areas = {name: region(there, (128, 128), name) for name in ("mouth-nose", "face")}
    result = replace(FakeScorer()(crop), crop=crop, normalized=image, mesh=there.mesh)
    lpips = LPIPS("squeeze", loss_folder)
    found = normalities(result, lpips)
    assert list(found) == [one.key for one in COMPARISONS]
    for how in COMPARISONS:
        options = {"kind": how.kind, "colour": how.colour, "erosion": how.erosion, "lpips": lpips}
        assert found[how.key] == appraise(crop, image, areas[how.region], **options)[1].normality
    assert list(normalities(result, None)) == [one.key for one in COMPARISONS if one.kind != "lpips"]


def test_a_region_that_lies_beside_the_crop_has_no_comparisons():
    result = scored_of(150)
    low = replace(result, mesh=result.mesh + np.float32((0, 28)))  # the forehead is all that is left
    assert {key.split()[0] for key in normalities(result, None)} == {"mouth-nose", "face"}
    assert {key.split()[0] for key in normalities(low, None)} == {"face"}
    assert normalities(replace(result, mesh=result.mesh + np.float32((0, 48))), None) == {}


# --- before and after ---------------------------------------------------------------------------------------------


def test_pairs_by_file_name(tmp_path, study_of):
    levels = {"P1": (150, 110), "P2": (200, 120), "P3": (120, 130), "P4": (180, 125)}
    photos = [
        write_photo(tmp_path / f"{patient}_{time}.png", level)
        for patient, pair in levels.items()
        for time, level in zip(("before", "after"), pair, strict=True)
    ]
    photos.append(write_photo(tmp_path / "P5_before.png", 140))
    study = study_of(photos)
    assert [one.patient for one in study.changes] == list(levels)
    expected = [severity_of(after) - severity_of(before) for before, after in levels.values()]
    assert [one.change for one in study.changes] == pytest.approx(expected, abs=1e-5)
    assert [one.change < 0 for one in study.changes] == [True, True, False, True]
    assert study.mean_change.value == pytest.approx(np.mean(expected), abs=1e-5)
    assert study.mean_change.p == pytest.approx(stats.wilcoxon(expected).pvalue)
    local = [local_of(after) - local_of(before) for before, after in levels.values()]
    assert [one.local_change for one in study.changes] == local == [-40, 20, 10, -55]
    assert study.mean_local_change.value == pytest.approx(np.mean(local))
    assert study.mean_local_change.p == pytest.approx(stats.wilcoxon(local).pvalue)
    assert study.incomplete == 1


def test_pairs_by_columns(cohort, study_of):
    rows = [Rating(2, "anna", None, "P1", "after"), Rating(3, "ben", None, "P1", "before")]
    (change,) = study_of(cohort, ratings=Ratings(tuple(rows))).changes
    assert (change.patient, change.before, change.after) == (
        "P1",
        pytest.approx(severity_of(140), abs=1e-5),
        pytest.approx(severity_of(110), abs=1e-5),
    )
    assert (change.local_before, change.local_after, change.local_change) == (40, 10, -30)


def test_a_patient_with_two_photos_of_one_time_or_a_failed_one_is_no_pair(tmp_path, study_of):
    photos = [write_photo(tmp_path / name, level) for name, level in {
        "P1_before.png": 150, "P1_before.jpg": 160, "P1_after.png": 110, "P2_before.png": 150, "P2_after.png": FACELESS,
    }.items()]  # fmt: skip
    study = study_of(photos)
    assert (study.changes, study.incomplete, study.mean_change.n, study.mean_local_change.n) == ((), 2, 0, 0)


def test_a_patient_whose_name_is_written_in_two_ways_is_one(tmp_path, study_of):
    names = (unicodedata.normalize("NFD", "Zoë_before.png"), unicodedata.normalize("NFC", "Zoë_after.png"))
    study = study_of([write_photo(tmp_path / name, level) for name, level in zip(names, (150, 110), strict=True)])
    assert ([one.patient for one in study.changes], study.incomplete) == (["Zoë"], 0)


# --- keeping, going on --------------------------------------------------------------------------------------------


def test_a_second_run_scores_nothing_and_finds_the_same(cohort, study_of):
    first, second = FakeScorer(), FakeScorer()
    study = study_of(cohort, first)
    assert sorted(first.levels) == [110, 125, 140, 200]  # two photos are equal to the bit: one score serves both
    assert study_of(cohort, second) == study
    assert second.levels == []


def test_a_deleted_score_is_made_anew(cohort, study_of, tmp_path):
    study = study_of(cohort)
    kept = tmp_path / "out" / RECORDS
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(lines[:1] + lines[2:]))
    again = FakeScorer()
    assert study_of(cohort, again) == study
    assert len(again.levels) == 1


OLD = {"key": "ab", "severity": 1.5, "percentile": None, "region": "mouth-nose", "normalizer": "inpainting"}
"""Of a line as it was before there were local severities."""

_WHOLE = Record("ab", 1.5, None, 2.5, None, 3.5, None, "mouth-nose", "inpainting", 0.5, "cd")
NULL = {**vars(_WHOLE), "local_severity": None}
"""A line without a figure that every study needs."""


@pytest.mark.parametrize(
    "torn",
    ['{"key": "ab', '{"key": "ab"}\n', "[1]\n", "\xff\n", '{"key": 1, "other": 2}\n']
    + [json.dumps({**line, "cells": {}, "seconds": 0.5}) + "\n" for line in (OLD, NULL)],
)
def test_a_torn_line_costs_one_score(cohort, study_of, tmp_path, torn):
    study = study_of(cohort)
    kept = tmp_path / "out" / RECORDS
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(lines[:-1]) + torn, encoding="latin-1")
    again, third = FakeScorer(), FakeScorer()
    assert study_of(cohort, again) == study
    assert len(again.levels) == 1
    assert study_of(cohort, third) == study
    assert third.levels == []


def test_a_changed_photo_and_other_settings_are_scored_anew(cohort, study_of):
    study_of(cohort)
    write_photo(cohort[0], 111)
    again = FakeScorer()
    assert study_of(cohort, again).photos[0].severity == pytest.approx(severity_of(111), abs=1e-5)
    assert again.levels == [111]
    other = FakeScorer()
    study_of(cohort, other, settings={**SETTINGS, "weights": "ba9876543210"})
    assert len(other.levels) == 4


def test_settings_are_the_basis_and_what_stands_beside_it(cohort, study_of):
    assert study_of(cohort).settings == {**vars(BASIS), "face": 0, "group": "all"}


@pytest.mark.parametrize(
    "changed",
    [{name: f"other than {value}"} for name, value in vars(BASIS).items()] + [{"face": 1}, {"group": "0-8"}],
    ids=lambda changed: next(iter(changed)),
)
def test_whatever_a_score_depends_on_is_part_of_its_key(cohort, study_of, changed):
    study_of(cohort[:1])
    again = FakeScorer()
    study_of(cohort[:1], again, settings={**SETTINGS, **changed})
    assert again.levels == [110]


def test_a_percentile_of_another_scale_is_not_kept(cohort, study_of, monkeypatch, tmp_path):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    for again, content in enumerate((None, "[]", "[ ]", "[ ]")):
        if content:
            (tmp_path / scale.FILE).write_text(content, encoding="utf-8")
        scorer = FakeScorer()
        study_of(cohort[:1], scorer)
        assert scorer.levels == ([110] if again < 3 else [])


def test_a_photo_keeps_its_score_under_another_name(cohort, study_of):
    study_of(cohort)
    cohort[0] = cohort[0].rename(cohort[0].with_name("renamed.png"))
    again = FakeScorer()
    assert study_of(cohort, again).photos[0].name == "renamed.png"
    assert again.levels == []


def test_kept_scores_name_nobody(cohort, study_of, tmp_path):
    study_of(cohort)
    text = (tmp_path / "out" / RECORDS).read_text()
    assert all(json.loads(line)["severity"] for line in text.splitlines())
    assert not any(Path(name).stem in text for name in LEVELS)


def test_what_was_scored_before_a_stop_is_kept(cohort, study_of):
    def stop(fraction, text):
        if fraction >= 0.5:
            raise Cancelled("The run was stopped.")

    first, second = FakeScorer(), FakeScorer()
    with pytest.raises(Cancelled):
        study_of(cohort, first, progress=stop)
    study_of(cohort, second)
    assert 0 < len(first.levels) < 4
    assert sorted(first.levels + second.levels) == [110, 125, 140, 200]


def test_a_scorer_that_was_stopped_stops_the_study(cohort, study_of):
    def stopped(photo):
        raise Cancelled("The run was stopped.")

    with pytest.raises(Cancelled):
        study_of(cohort, stopped)


# --- devices, bad photos ------------------------------------------------------------------------------------------


class Together(FakeScorer):
    """Scores only while another does so too."""

    meeting = threading.Barrier(2, timeout=30)

    def __call__(self, photo):
        if not self.levels:
            self.meeting.wait()
        return super().__call__(photo)


def test_devices_share_the_photos_at_one_time(cohort, study_of, tmp_path):
    alone = study_of(cohort)
    scorers = [Together(), Together()]
    shared = run_study(cohort, scorers, Records(tmp_path / "shared" / RECORDS), settings=SETTINGS)
    assert shared == alone
    assert sorted(scorers[0].levels + scorers[1].levels) == [110, 125, 140, 200]
    assert scorers[0].levels and scorers[1].levels


@pytest.mark.parametrize("devices", [1, 2])
def test_bad_files_stop_nothing_and_are_tried_again(cohort, tmp_path, devices):
    folder = cohort[0].parent
    whole = cohort[3].read_bytes()
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("This is no photo.")
    photos = sorted([*cohort, folder / "half.png", folder / "text.jpg", folder / "gone.png"])
    photos.append(write_photo(folder / "wall.png", FACELESS))

    def study():
        scorers = [FakeScorer() for _ in range(devices)]
        found = run_study(photos, scorers, Records(tmp_path / "out" / RECORDS), settings=SETTINGS)
        return found, [level for scorer in scorers for level in scorer.levels]

    found, _ = study()
    errors = {photo.name: photo.error for photo in found.photos if photo.error}
    assert list(errors) == ["gone.png", "half.png", "text.jpg", "wall.png"]
    assert errors["half.png"].startswith("This picture is damaged") or "not a picture" in errors["half.png"]
    assert "not a picture" in errors["text.jpg"] and "cannot be opened" in errors["gone.png"]
    assert errors["wall.png"] == "No face was found in this photo; use another."
    assert [photo.severity is None for photo in found.photos if photo.error] == [True] * 4
    assert len(found.scored) == 5 and sorted(photo.rank for photo in found.scored) == [1.5, 1.5, 3, 4, 5]
    again, levels = study()
    assert again == found and levels == [FACELESS]


def test_an_odd_error_is_a_sentence_without_its_text(cohort, study_of):
    def broken(photo):
        raise ZeroDivisionError("secret name")

    study = study_of(cohort, broken)
    assert {photo.error for photo in study.photos} == {"Something unexpected went wrong (ZeroDivisionError)."}
    assert (study.scored, study.ablation, study.changes) == ((), (), ())


def test_progress_rises_to_one(cohort, study_of):
    said: list[tuple[float, str]] = []
    study_of(cohort, progress=lambda fraction, text: said.append((fraction, text)))
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert said[-1][1] == "5 of 5 photos"


def test_an_empty_cohort_is_said(study_of):
    with pytest.raises(OptionInvalid, match="holds no photos; choose a folder"):
        study_of([])
