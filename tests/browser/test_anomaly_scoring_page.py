"""The tab of anomaly scoring as a person uses it: a photo, its heat map and score; two photos; a cohort."""

import csv
import io
import json
import zipfile

import cv2
import numpy as np
import pytest
from driver import App, ScoringTab, png, read, wait_until
from playwright.sync_api import expect

from pipelines.faces.landmarks import Face
from ui.drawn_anomalies import notched


def test_upload_run_scrub_and_download(scoring: ScoringTab, face: Face):
    scoring.open(notched())
    scoring.steps(1)
    shown, (column, row) = scoring.mask(), face.points[30].astype(int)  # the tip of the nose
    assert shown[row, column] and not shown[60, 223], "what is scored is shown"
    scoring.panel.get_by_role("radio", name="0 to 8 years").first.check()
    scoring.predict()
    expect(scoring.score).to_contain_text("open-set faces, 0 to 8 years")
    expect(scoring.score).to_contain_text("Severity")
    expect(scoring.score).to_contain_text("Mouth and nose")
    expect(scoring.bar).to_contain_text("squared difference, YCbCr (grey levels²)")
    expect(scoring.pictures.last).to_have_attribute("alt", "Normalized face")

    numbers = json.loads(scoring.download("json"))
    severity = f"{numbers['score']['severity']:.2f}".replace("-", "−")
    expect(scoring.score).to_contain_text(severity)
    heat = np.load(io.BytesIO(scoring.download("npy")))
    assert heat.shape == read(scoring.download("normalized")).shape[:2] == (256, 256)
    assert read(scoring.download("heatmap")).shape[0] == 512
    assert "report.pdf" in zipfile.ZipFile(io.BytesIO(scoring.download("zip"))).namelist()
    expect(scoring.footer).to_contain_text(numbers["weights"][0]["sha256"])

    before, bar, score = scoring.heat.get_attribute("src"), scoring.bar.inner_text(), scoring.score.inner_text()
    opacity = scoring.page.locator("#scoring-opacity input[type=range]")
    opacity.fill("0")
    expect(scoring.heat).not_to_have_attribute("src", before)
    opacity.fill("60")
    expect(scoring.heat).to_have_attribute("src", before)
    assert (scoring.bar.inner_text(), scoring.score.inner_text()) == (bar, score)


def test_before_and_after_are_scored_side_by_side(scoring: ScoringTab):
    scoring.example("Before, after")
    scoring.opened_after(None, "second-editor")
    expect(scoring.page.get_by_role("radio", name="Before and after surgery")).to_be_checked()
    scoring.predict()
    expect(scoring.second).to_have_count(2)
    expect(scoring.heat).to_have_count(2)
    expect(scoring.bar).to_have_count(1)
    expect(scoring.score).to_contain_text("After surgery")
    severities = [json.loads(scoring.download(key))["score"]["severity"] for key in ("json", "second-json")]
    first, second = (f"{value:.2f}".replace("-", "−") for value in severities)
    expect(scoring.score.locator(".scores-difference")).to_contain_text(f"from {first} to {second}")
    expect(scoring.panel.locator(".measures th", has_text="Change")).to_be_visible()


def test_every_kept_step_of_the_adaptation_can_be_looked_at(scoring: ScoringTab):
    scoring.open(notched())
    scoring.steps(1)
    scoring.panel.get_by_role("radio", name="StyleGAN2").first.check()
    scoring.unfold()
    scoring.slide({"Steps of the inversion": 50, "Steps of the adaptation": 5, "Adapt on up to": 10})
    scoring.predict()
    expect(scoring.score).to_contain_text("50 + 5 steps")
    expect(scoring.footer).to_contain_text("face-generator-64")
    frames, step = scoring.page.locator("#scoring-frames"), scoring.page.locator("#scoring-step input[type=range]")
    expect(frames).to_contain_text("after 10 steps")
    last = frames.locator("img").get_attribute("src")
    step.fill("0")
    expect(frames).to_contain_text("before adaptation")
    assert frames.locator("img").get_attribute("src") != last
    assert [frame["step"] for frame in json.loads(scoring.download("json"))["adaptation"]["frames"]] == [*range(11)]


def test_painted_region_begins_with_the_one_that_is_shown(scoring: ScoringTab):
    scoring.example("As it is")
    expect(scoring.button("Brush")).not_to_be_visible()
    scoring.drag((150, 60), (170, 60))
    scoring.steps(1)  # the region is only looked at
    scoring.page.get_by_role("radio", name="Painted").check()
    expect(scoring.button("Brush")).to_be_visible()
    scoring.drag((260, 200), (262, 202))
    scoring.steps(2)
    scoring.predict()
    expect(scoring.score).to_contain_text("Painted")
    scoring.page.get_by_role("radio", name="Whole face").check()
    scoring.page.wait_for_function(f"{scoring.field('steps()')} === 4")
    mask = scoring.mask()
    assert mask[110, 190] and not mask[60, 160], "strokes do not stay on a region that is not painted"


def test_photo_without_a_face_is_a_toast_and_nothing_runs(scoring: ScoringTab):
    noise = np.random.default_rng(0).integers(90, 160, (300, 400, 3), np.uint8)
    scoring.open(cv2.GaussianBlur(noise, (0, 0), 5))
    scoring.says("No face found. No face was found in this photo")
    scoring.run.click()
    scoring.says("Not run. No face was found in this photo")
    expect(scoring.run).to_be_enabled()
    expect(scoring.pictures).to_have_count(0)


def test_missing_second_photo_says_so(scoring: ScoringTab):
    scoring.example("As it is")
    scoring.page.get_by_role("radio", name="Before and after surgery").check()
    scoring.run.click()
    scoring.says("Not run. There is no second photo yet")


def test_cohort_of_three_with_ratings(app: App, scoring: ScoringTab, astronaut: np.ndarray):
    page = scoring.page
    page.get_by_role("tab", name="Cohort").click()
    photos = {"P1_before.png": notched(), "P1_after.png": astronaut, "grey.png": np.full((80, 80, 3), 128, np.uint8)}
    page.locator("#cohort-photos input[type=file]").set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": png(photo)} for name, photo in photos.items()]
    )
    expect(page.locator("#cohort-given")).to_contain_text("3 photos, no ratings yet")
    table = b"name,rating\nP1_before,2\nP1_after,6\n"
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add ratings, CSV").click()
    chooser.value.set_files({"name": "ratings.csv", "mimeType": "text/csv", "buffer": table})
    expect(page.locator("#cohort-given")).to_contain_text("with ratings")
    page.get_by_role("button", name="Score the cohort").click()
    expect(page.locator("#cohort-csv")).to_be_enabled()
    expect(page.locator("#cohort-table")).to_contain_text("P1_before.png")
    expect(page.locator("#cohort-figures")).to_contain_text("2 scored, 1 failed")
    expect(page.locator("#cohort-plot img")).to_be_visible()
    with page.expect_download() as download:
        page.locator("#cohort-csv").click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(photos) and "No face was found" in rows["grey.png"]["error"]
    shown = f"{float(rows['P1_before.png']['severity']):.3f}".rstrip("0")
    expect(page.locator("#cohort-table")).to_contain_text(shown)
    assert app.pictures()
    page.close()
    wait_until(lambda: not app.pictures())


@pytest.mark.parametrize("size", [(1280, 720), (820, 1180)])
def test_fits_the_screen_and_nothing_moves_in_anomaly_scoring(scoring: ScoringTab, size: tuple[int, int]):
    scoring.page.set_viewport_size({"width": size[0], "height": size[1]})
    scoring.example("Drawn notch")
    expect(scoring.run).to_be_in_viewport()
    scoring.page.evaluate("window.scrollTo(0, 0)")
    watched = ("#scoring-slider", "#scoring-heat", "#scoring-scores", "#scoring-zip")
    places = f"() => {list(watched)}.map(s => document.querySelector(s).getBoundingClientRect().top + scrollY)"
    before = scoring.page.evaluate(places)
    scoring.predict()
    assert scoring.page.evaluate(places) == before
    assert scoring.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("scoring", ["dark"], indirect=True)
def test_controls_of_anomaly_scoring_have_names(scoring: ScoringTab):
    page = scoring.page
    page.get_by_role("radio", name="Before and after surgery").check()
    scoring.unfold()
    nameless = """() => [...document.querySelectorAll("button, input, select, textarea, canvas, video")]
        .filter((each) => each.offsetParent !== null)
        .filter((each) => !(each.ariaLabel || each.innerText?.trim() || each.labels?.length || each.title))
        .map((each) => each.outerHTML.slice(0, 120))"""
    assert page.evaluate(nameless) == []
    page.get_by_role("tab", name="Cohort").click()
    expect(page.locator("#cohort-run")).to_be_visible()
    assert page.evaluate(nameless) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
