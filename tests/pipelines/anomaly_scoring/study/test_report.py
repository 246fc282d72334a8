"""A study as files: what each says, that they agree, and that only two of them name anybody."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from pypdf import PdfReader

from pipelines.anomaly_scoring.scoring.figures import FIGURES
from pipelines.anomaly_scoring.study import report as study_report
from pipelines.anomaly_scoring.study.ratings import NAMELESS, Rating, Ratings
from pipelines.anomaly_scoring.study.records import Records
from pipelines.anomaly_scoring.study.statistics import Correlation, MeanChange
from pipelines.anomaly_scoring.study.study import run_study, settings_of
from pipelines.exports.pages import page
from pipelines.faces.images import read_image
from tests.pipelines.anomaly_scoring.fake_scorer import BASIS, FACELESS, FakeScorer, write_photo
from tests.pipelines.exports.clashes import clashes

pytestmark = pytest.mark.slow

LEVELS = {"anna_before.png": 150, "anna_after.png": 110, "ben_before.png": 200, "ben_after.png": 120,
          "cleo_before.png": 140, "cleo_after.png": 145, "wall.png": FACELESS}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """``made(ratings)``: a study of three patients and a photo without a face."""
    folder = tmp_path_factory.mktemp("cohort")
    photos = [write_photo(folder / name, level) for name, level in LEVELS.items()]

    def made(ratings):
        records = Records(folder / "out" / "scores.jsonl")
        settings = settings_of(BASIS, face=0, group="all")
        others = [("=notes.txt", "This file is no picture.")] if ratings else []
        return run_study(photos, [FakeScorer()], records, settings=settings, ratings=ratings, others=others)

    return made


@pytest.fixture(scope="module")
def study(made):
    names = [name for name in LEVELS if name != "wall.png"]
    rows = [
        Rating(row, name, value) for row, (name, value) in enumerate(zip(names, (4, 6, 1, 7, 4, 3), strict=True), 2)
    ]
    return made(Ratings((*rows, Rating(8, "nobody", 3)), ("rating", "Dr. $x$"), (NAMELESS, "age")))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_every_file_is_written_and_is_the_same_again(study, tmp_path):
    study_report.write_study(study, tmp_path / "new" / "out")
    study_report.write_study(study, tmp_path / "again")
    written = {path.name: path.read_bytes() for path in (tmp_path / "new" / "out").iterdir()}
    assert sorted(written) == sorted(study_report.FILES)
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == written
    for name in ("study.json", "scatter.png", "study.pdf"):
        assert not any(word in written[name] for word in (b"anna", b"ben", b"cleo", b"nobody", b"notes.txt")), name


def test_scores(study):
    rows = rows_of(study_report.scores_csv(study))
    assert tuple(rows[0]) == study_report.SCORE_COLUMNS
    assert [row["name"] for row in rows] == [*LEVELS, "'=notes.txt"]
    for row, photo in zip(rows[:6], study.photos, strict=False):
        assert float(row["severity"]) == -float(row["normality"]) == pytest.approx(photo.severity, abs=1e-4)
        for name in FIGURES:
            assert float(row[name]) == pytest.approx(getattr(photo, name), abs=0.06 if "percentile" in name else 1e-4)
        assert float(row["rank"]) == photo.rank
        assert (row["region"], row["normalizer"], row["seconds"], row["error"]) == (
            "mouth-nose",
            "inpainting",
            "0.75",
            "",
        )
        assert row["photo_pixels_sha256"] == photo.photo_pixels_sha256 and len(photo.photo_pixels_sha256) == 64
    assert len({photo.rank for photo in study.scored}) > 4 and len({row["local_severity"] for row in rows[:6]}) > 4
    assert [value for key, value in rows[6].items() if key not in ("name", "error")] == [""] * 12
    assert rows[6]["error"].startswith("No face was found")
    assert rows[7] == dict.fromkeys(study_report.SCORE_COLUMNS, "") | {
        "name": "'=notes.txt",
        "error": "This file is no picture.",
    }


def test_correlations_and_ablation(study):
    rows = rows_of(study_report.correlations_csv(study))
    assert list(rows[0]) == ["figure", "method", "value", "low_95", "high_95", "n", "note"]
    assert [(row["figure"], row["method"]) for row in rows] == [
        ("normality", "pearson"),
        ("normality", "spearman"),
        ("local severity", "pearson"),
        ("local severity", "spearman"),
    ]
    for row, one in zip(rows, study.agreements, strict=True):
        found = one.correlation
        assert (row["figure"], row["method"], row["n"], row["note"]) == (one.figure, found.method, "6", "")
        assert float(row["value"]) == pytest.approx(found.value, abs=1e-4)
        assert float(row["low_95"]) == pytest.approx(found.low, abs=1e-4)
        assert float(row["high_95"]) == pytest.approx(found.high, abs=1e-4)
    cells = rows_of(study_report.ablation_csv(study))
    assert len(cells) == len(study.ablation) == 16
    assert {row["against"] for row in cells} == {"ratings"} and {row["method"] for row in cells} == {"pearson"}
    default = next(row for row in cells if (row["kind"], row["colour"], row["erosion"]) == ("pse", "ycbcr", "yes"))
    assert default["correlation"] == rows[0]["value"]


def test_pairs_carry_their_sign(study):
    rows = rows_of(study_report.pairs_csv(study))
    assert [row["patient"] for row in rows] == ["anna", "ben", "cleo"]
    for row in rows:
        for figure in ("severity", "local_severity"):
            difference = float(row[f"{figure}_after"]) - float(row[f"{figure}_before"])
            assert float(row[f"{figure}_change"]) == pytest.approx(difference, abs=1e-3)
    assert [row["severity_change"][0] for row in rows] == ["-", "-", "+"]
    assert [row["local_severity_change"] for row in rows] == ["-40.0000", "+20.0000", "+5.0000"]


def test_json(study):
    facts = json.loads(study_report.study_json(study))
    assert (facts["photos"], facts["scored"], facts["rated"], facts["files_passed_over"]) == (7, 6, 6, 1)
    assert facts["averaged_columns_of_the_ratings"] == ["rating", "Dr. $x$"]
    assert facts["other_columns_of_the_ratings"] == [NAMELESS, "age"]
    assert facts["unmatched_rows_of_the_ratings"] == [8]
    assert facts["settings"] == {**vars(BASIS), "face": 0, "group": "all"}
    agreed = [(one["figure"], one["method"], one["value"]) for one in facts["correlations_with_ratings"]]
    assert agreed == [(one.figure, one.correlation.method, one.correlation.value) for one in study.agreements]
    assert facts["before_and_after"]["changes"] == [one.change for one in study.changes]
    assert facts["before_and_after"]["local_changes"] == [-40, 20, 5]
    assert facts["before_and_after"]["local_mean"]["value"] == study.mean_local_change.value == -5
    assert facts["notice"].startswith("Research use only")
    points = [(one["normality"], one["local_severity"], one["rating"]) for one in facts["points"]]
    assert points == [(photo.normality, photo.local_severity, photo.rating) for photo in study.rated]
    assert len(points) == 6 and len(facts["ablation"]["cells"]) == 16


def test_page(study):
    pdf = study_report.study_pdf(study)
    (page,) = PdfReader(io.BytesIO(pdf)).pages
    assert [round(float(side) / 72, 1) for side in page.mediabox[2:]] == [8.3, 11.7]
    text = " ".join(text_of(pdf).split())
    for part in ("Cohort study", "Local severity and ratings", "7: 6 scored, 1 failed", "3 pairs, 0 without a pair",
                 "Pearson r, local severity", "Spearman ρ, normality", "Conditions 3 searches", "Version 2",
                 "0.00 to 50.00, median 30.00", "Columns averaged: rating, Dr. $x$; passed over:", "1 other file",
                 "Research use only. Not a diagnostic device."):  # fmt: skip
        assert part in text, part
    for one in study.agreements:
        assert study_report.correlation_text(one.correlation) in text
    for one in (study.mean_change, study.mean_local_change):
        assert study_report.change_text(one) in text


def test_texts_of_the_page_keep_clear_of_its_margin_and_of_one_another(study, monkeypatch):
    """The longest settings are those of an inversion whose losses had no network."""
    network = "no network: squared error, Laplacian pyramid"
    two = {"normalizer": "stylegan2", "weights": "0123456789ab+fedcba987654", "perceptual": network}
    long = settings_of(replace(BASIS, **two, conditions=f"1000 + 500 steps, {network}"), face=0, group="18 and older")
    figures = []
    draw = page.draw_page
    monkeypatch.setattr(page, "draw_page", lambda *given: figures.append(draw(*given)) or figures[-1])
    raters = tuple(f"surgeon number {number} of the panel" for number in range(9))
    study_report.study_pdf(replace(study, settings=long, raters=raters))
    (figure,) = figures
    assert len(figure.texts) > 50 and clashes(figure) == []


def test_the_regression_line_is_drawn_where_there_are_ratings(study, made):
    """Ink of the line's colour in the middle of the plot, where axes have none."""

    def ink(picture: np.ndarray) -> int:
        middle = picture[100:-200, 200:-50].astype(int)
        return int((np.abs(middle - (22, 32, 42)).sum(2) < 30).sum())

    plotted, bare = study_report.scatter_plot(study), study_report.scatter_plot(made(None))
    assert plotted.shape == bare.shape and plotted.dtype == np.uint8
    assert ink(plotted) > ink(bare) + 300


def test_a_study_without_ratings_pairs_or_scores_is_written_too(made, tmp_path):
    lone = write_photo(tmp_path / "wall.png", FACELESS)
    nothing = run_study([lone], [FakeScorer()], Records(tmp_path / "kept"), settings={})
    for number, study in enumerate((made(None), nothing)):
        study_report.write_study(study, tmp_path / str(number))
        assert rows_of((tmp_path / str(number) / "correlations.csv").read_text(encoding="utf-8-sig")) == []
        assert read_image(tmp_path / str(number) / "scatter.png").shape[0] > 400
    assert "Local severity by rank" in text_of(study_report.study_pdf(nothing))


def test_figures_for_people():
    assert study_report.correlation_text(Correlation("pearson", -0.912, -0.97, -0.8, 13)) == (
        "−0.91 (95 % −0.97 to −0.80), n = 13"
    )
    assert study_report.correlation_text(Correlation("pearson", None, None, None, 2, "Too few.")) == "Too few."
    assert study_report.change_text(MeanChange(-0.42, -0.61, 0.2, 0.0004, 12)) == (
        "−0.42 (95 % −0.61 to +0.20), n = 12, Wilcoxon p < 0.001"
    )
    assert study_report.change_text(MeanChange(0.1, None, None, None, 2, "Too few.")) == "+0.10, n = 2"
    assert study_report.rows_text([3]) == "Row 3 of the ratings fits no photo; check the name there."
    assert study_report.rows_text(range(2, 14)).startswith(
        "Rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … of the ratings fit no"
    )
