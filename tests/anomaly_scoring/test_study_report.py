"""A study as files: what each says, that they agree, and that only two of them name anybody."""

import csv
import io
import json

import numpy as np
import pytest
from fake_scorer import FACELESS, FakeScorer, write_photo
from pypdf import PdfReader

from pipelines.anomaly_scoring import study_report
from pipelines.anomaly_scoring.ratings import Rating
from pipelines.anomaly_scoring.records import Records
from pipelines.anomaly_scoring.statistics import Correlation, MeanChange
from pipelines.anomaly_scoring.study import run_study
from pipelines.faces.images import read_image

LEVELS = {"anna_before.png": 150, "anna_after.png": 110, "ben_before.png": 200, "ben_after.png": 120,
          "cleo_before.png": 140, "cleo_after.png": 145, "wall.png": FACELESS}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """``made(ratings)``: a study of three patients and a photo without a face."""
    folder = tmp_path_factory.mktemp("cohort")
    photos = [write_photo(folder / name, level) for name, level in LEVELS.items()]

    def made(ratings):
        records = Records(folder / "out" / "scores.jsonl")
        return run_study(photos, [FakeScorer()], records, settings={"region": "mouth-nose"}, ratings=ratings)

    return made


@pytest.fixture(scope="module")
def study(made):
    names = [name for name in LEVELS if name != "wall.png"]
    rows = [
        Rating(row, name, value) for row, (name, value) in enumerate(zip(names, (4, 6, 1, 7, 4, 3), strict=True), 2)
    ]
    return made([*rows, Rating(8, "nobody", 3)])


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
        assert not any(word in written[name] for word in (b"anna", b"ben", b"cleo", b"nobody")), name


def test_scores(study):
    rows = rows_of(study_report.scores_csv(study))
    assert tuple(rows[0]) == study_report.SCORE_COLUMNS
    assert [row["name"] for row in rows] == list(LEVELS)
    for row, photo in zip(rows[:6], study.photos, strict=False):
        assert float(row["severity"]) == -float(row["normality"]) == pytest.approx(photo.severity, abs=1e-4)
        assert (float(row["rank"]), float(row["percentile"])) == (photo.rank, photo.percentile)
        assert (row["region"], row["normalizer"], row["seconds"], row["error"]) == (
            "mouth-nose",
            "inpainting",
            "0.75",
            "",
        )
    assert [value for key, value in rows[6].items() if key not in ("name", "error")] == [""] * 7
    assert rows[6]["error"].startswith("No face was found")


def test_correlations_and_ablation(study):
    rows = rows_of(study_report.correlations_csv(study))
    for row, found in zip(rows, study.correlations, strict=True):
        assert (row["method"], row["n"], row["note"]) == (found.method, "6", "")
        assert float(row["value"]) == pytest.approx(found.value, abs=1e-4)
        assert float(row["low_95"]) == pytest.approx(found.low, abs=1e-4)
        assert float(row["high_95"]) == pytest.approx(found.high, abs=1e-4)
    cells = rows_of(study_report.ablation_csv(study))
    assert len(cells) == len(study.ablation) == 8
    assert {row["against"] for row in cells} == {"ratings"} and {row["method"] for row in cells} == {"pearson"}
    default = next(row for row in cells if (row["kind"], row["colour"], row["erosion"]) == ("pse", "ycbcr", "yes"))
    assert default["correlation"] == rows[0]["value"]


def test_pairs_carry_their_sign(study):
    rows = rows_of(study_report.pairs_csv(study))
    assert [row["patient"] for row in rows] == ["anna", "ben", "cleo"]
    for row in rows:
        difference = float(row["severity_after"]) - float(row["severity_before"])
        assert float(row["change"]) == pytest.approx(difference, abs=1e-3)
    assert [row["change"][0] for row in rows] == ["-", "-", "+"]


def test_json(study):
    facts = json.loads(study_report.study_json(study))
    assert (facts["photos"], facts["scored"], facts["rated"]) == (7, 6, 6)
    assert facts["unmatched_rows_of_the_ratings"] == [8]
    assert facts["correlations_of_normality_and_ratings"][0]["value"] == study.correlations[0].value
    assert facts["before_and_after"]["changes"] == [one.change for one in study.changes]
    assert facts["notice"].startswith("Research use only")
    assert len(facts["points"]) == 6 and len(facts["ablation"]["cells"]) == 8


def test_page(study):
    pdf = study_report.study_pdf(study)
    (page,) = PdfReader(io.BytesIO(pdf)).pages
    assert [round(float(side) / 72, 1) for side in page.mediabox[2:]] == [8.3, 11.7]
    text = " ".join(text_of(pdf).split())
    for part in ("Cohort study", "Normality and ratings", "7: 6 scored, 1 failed", "3 pairs, 0 without a pair",
                 "Research use only. Not a diagnostic device."):  # fmt: skip
        assert part in text, part
    assert study_report.correlation_text(study.correlations[0]) in text
    assert study_report.change_text(study.mean_change) in text


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
    assert "Normality by rank" in text_of(study_report.study_pdf(nothing))


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
