"""The tab of anomaly scoring as a person uses it: a photo, its heat map and score; two photos; a cohort."""

import base64
import csv
import io
import json
import re
import zipfile

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from pipelines.faces.landmarks import find_face
from tests.browser.driver import App, ScoringTab, png, read, wait_until
from tests.ui.apps import GROUPS, SCALES
from ui.examples.drawn_anomalies import photos


@pytest.fixture(scope="module")
def cleft() -> np.ndarray:
    """A drawn face with a cleft."""
    (photo,) = photos("unilateral")
    return photo


def test_upload_run_and_download(scoring: ScoringTab, cleft: np.ndarray):
    scoring.open(cleft)
    scoring.steps(1)
    (column, row), (left, top, _, _) = find_face(cleft).points[30], find_face(cleft).box
    scale = scoring.mask().shape[0] / len(cleft)
    assert scoring.mask()[int(row * scale), int(column * scale)], "what is scored is shown: the tip of the nose"
    assert not scoring.mask()[int(top * scale), int(left * scale)]
    scoring.panel.get_by_role("radio", name="Like a clinic's photo").first.check()
    scoring.predict()
    numbers = json.loads(scoring.download("json"))
    least, most = SCALES["local"]
    local = numbers["local"]["local_severity"]
    assert numbers["local"]["percentile"] == pytest.approx(100 * (local - least) / (most - least), abs=0.1)
    expect(scoring.lead).to_contain_text("of 100 faces without a cleft")
    expect(scoring.lead).to_contain_text(f"compared with {GROUPS['clinic']} faces, photographed as in a clinic")
    expect(scoring.score).to_contain_text(f"{local:.0f} grey levels")
    expect(scoring.score).to_contain_text(f"{numbers['score']['severity']:.2f}".replace("-", "−"))
    expect(scoring.score).to_contain_text("Mouth and nose")
    expect(scoring.pictures.last).to_have_attribute("alt", "Normalized face")
    assert read(scoring.download("normalized")).shape == (256, 256, 3)
    assert read(scoring.download("local")).shape[0] == 512
    with zipfile.ZipFile(io.BytesIO(scoring.download("zip"))) as archive:
        assert {"report.pdf", "heatmap.png", "asymmetry.png"} < set(archive.namelist())
        assert np.load(io.BytesIO(archive.read("local.npy"))).shape == (256, 256)
    expect(scoring.footer).to_contain_text(numbers["weights"][0]["sha256"])


def test_map_opacity_and_threshold_are_switched_without_a_new_run(scoring: ScoringTab, cleft: np.ndarray):
    scoring.open(cleft)
    scoring.steps(1)
    scoring.predict()
    first, score = scoring.drawn(), scoring.score.inner_text()
    expect(scoring.bar).to_contain_text("what does not fit (grey levels)")
    for name, label in (
        ("Left unlike right", "left unlike right (% of light)"),
        ("Face against normalized face", "squared difference, YCbCr (grey levels²)"),
    ):
        scoring.maps.get_by_role("radio", name=name).check()
        expect(scoring.bar).to_contain_text(label)
        expect(scoring.heat).to_have_attribute("aria-label", re.compile(f"^{name}, photo: highest at "))
    scoring.maps.get_by_role("radio", name="What does not fit").check()
    expect(scoring.bar).to_contain_text("what does not fit (grey levels)")
    assert scoring.drawn() == first
    opacity = scoring.panel.get_by_role("slider", name="Opacity of the map")
    opacity.fill("0")
    bare = scoring.drawn()
    assert bare != first
    opacity.fill("80")
    assert scoring.drawn() == first
    scoring.least.fill("30")
    expect(scoring.least).to_have_attribute("aria-valuetext", "30 grey levels")
    assert scoring.drawn() not in (first, bare)
    scoring.least.fill("100")
    assert scoring.drawn() == bare or count_unlike(scoring.drawn(), bare) < count_unlike(first, bare) / 10
    assert scoring.score.inner_text() == score


def count_unlike(one: str, other: str) -> int:
    """How many pixels of two drawings differ."""
    first, second = (read(base64.b64decode(each.partition(",")[2])).astype(int) for each in (one, other))
    return int((np.abs(first - second).max(-1) > 8).sum())


def test_the_map_is_at_least_as_large_as_the_face_and_is_read_by_pointer_and_keys(
    scoring: ScoringTab, cleft: np.ndarray
):
    scoring.open(cleft)
    scoring.steps(1)
    scoring.predict()
    side = scoring.heat.evaluate("each => each.clientWidth")
    assert side >= scoring.canvas.evaluate("each => each.clientHeight")
    said = scoring.panel.locator(".heat-read")
    expect(said).to_contain_text("Highest at ")
    numbers = np.load(io.BytesIO(zipfile.ZipFile(io.BytesIO(scoring.download("zip"))).read("local.npy")))
    scoring.heat.scroll_into_view_if_needed()
    peak, values = 0.0, []
    for row in np.linspace(0.05, 0.95, 19):
        for column in np.linspace(0.3, 0.7, 9):
            scoring.heat.hover(position={"x": column * side, "y": row * side})
            if "grey levels" in (text := said.inner_text()):
                values.append(float(text.split()[0]))
    peak = max(values)
    assert 0.5 * numbers.max() < peak <= numbers.max() + 0.1 and min(values) < 0.2 * peak
    scoring.heat.hover(position={"x": 3, "y": 3})
    expect(said).to_have_text("outside the region")
    scoring.page.mouse.move(5, 5)
    expect(said).to_contain_text("Highest at ")
    scoring.heat.focus()
    scoring.page.keyboard.press("Shift+ArrowDown")
    scoring.page.keyboard.press("ArrowLeft")
    expect(said).to_contain_text(re.compile(r"^[\d.]+ grey levels$"))
    expect(scoring.page.locator("#philtrum-said")).to_have_text(said.inner_text())


def test_searches_belong_to_the_fast_normalizer_and_reach_it(scoring: ScoringTab, cleft: np.ndarray):
    scoring.open(cleft)
    scoring.steps(1)
    scoring.unfold()
    searches = scoring.panel.get_by_role("slider", name="Searches (fast repainting)").first
    expect(searches).to_be_visible()
    scoring.panel.get_by_role("radio", name="StyleGAN2").first.check()
    expect(searches).not_to_be_visible()
    scoring.panel.get_by_role("radio", name="Fast repainting").first.check()
    scoring.slide({"Searches": 1})
    scoring.predict()
    expect(scoring.score).to_contain_text("Fast repainting (1 search)")
    expect(scoring.lead).to_contain_text("No percentile: no open-set faces were scored with these settings")


def test_before_and_after_are_scored_side_by_side(scoring: ScoringTab):
    scoring.example("Before, after")
    scoring.opened_after(None, "second-editor")
    expect(scoring.page.get_by_role("radio", name="Before and after surgery")).to_be_checked()
    scoring.predict()
    expect(scoring.second).to_have_count(2)
    expect(scoring.heat).to_have_count(2)
    expect(scoring.bar).to_have_count(1)
    expect(scoring.verdict).to_contain_text("After surgery")
    expect(scoring.lead).to_have_count(2)
    numbers = [json.loads(scoring.download(key)) for key in ("json", "second-json")]
    first, second = (f"{one['local']['local_severity']:.0f}" for one in numbers)
    said = scoring.verdict.locator(".scores-difference")
    expect(said).to_contain_text(f"Closer to normal after surgery: local severity fell from {first} to {second}")
    first, second = (f"{one['score']['severity']:.2f}".replace("-", "−") for one in numbers)
    expect(said).to_contain_text(f"from {first} to {second}")
    scoring.maps.get_by_role("radio", name="Left unlike right").check()
    expect(scoring.heat.first).to_have_attribute("aria-label", re.compile("^Left unlike right, before surgery: "))
    expect(scoring.heat.last).to_have_attribute("aria-label", re.compile("^Left unlike right, after surgery: "))
    expect(scoring.panel.locator(".measures th", has_text="Change")).to_be_visible()


def test_every_kept_step_of_the_adaptation_can_be_looked_at(scoring: ScoringTab, cleft: np.ndarray):
    scoring.open(cleft)
    scoring.steps(1)
    scoring.panel.get_by_role("radio", name="StyleGAN2").first.check()
    scoring.unfold()
    scoring.slide({"Steps of the inversion": 50, "Steps of the adaptation": 5, "Frames until": 10})
    scoring.predict()
    expect(scoring.score).to_contain_text("50 + 5 steps")
    expect(scoring.footer).to_contain_text("face-generator-64")
    frames, step = scoring.page.locator("#scoring-frames"), scoring.page.locator("#scoring-step input[type=range]")
    expect(frames).to_contain_text("after 5 steps")  # the normalized face, which slider and map show too
    shown = frames.locator("img").get_attribute("src")
    picture, heat = scoring.pictures.last.get_attribute("src"), scoring.drawn()
    step.fill("0")
    expect(frames).to_contain_text("before adaptation")
    expect(scoring.pictures.last).not_to_have_attribute("src", picture)
    wait_until(lambda: scoring.drawn() != heat)
    assert frames.locator("img").get_attribute("src") != shown
    step.fill("5")
    expect(scoring.pictures.last).to_have_attribute("src", picture)
    wait_until(lambda: scoring.drawn() == heat)
    assert [frame["step"] for frame in json.loads(scoring.download("json"))["adaptation"]["frames"]] == [*range(11)]


def test_painted_region_begins_with_the_one_that_is_shown(scoring: ScoringTab, astronaut: np.ndarray):
    scoring.open(astronaut)
    scoring.steps(1)
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
    scoring.example("No cleft")
    scoring.page.get_by_role("radio", name="Before and after surgery").check()
    scoring.run.click()
    scoring.says("Not run. There is no second photo yet")


def test_cohort_of_three_with_ratings(app: App, scoring: ScoringTab):
    page = scoring.page
    page.get_by_role("tab", name="Cohort").click()
    before, after = photos("pair")
    cohort = {"P1_before.png": before, "P1_after.png": after, "grey.png": np.full((80, 80, 3), 128, np.uint8)}
    page.locator("#cohort-photos input[type=file]").set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": png(photo)} for name, photo in cohort.items()]
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
    assert set(rows) == set(cohort) and "No face was found" in rows["grey.png"]["error"]
    for column, digits in (("local_severity", 1), ("severity", 3)):
        shown = f"{round(float(rows['P1_before.png'][column]), digits):g}"
        expect(page.locator("#cohort-table")).to_contain_text(shown)
    expect(page.locator("#cohort-figures")).to_contain_text("Change, local severity")
    assert app.pictures()
    page.close()
    wait_until(lambda: not app.pictures())


@pytest.mark.parametrize("size", [(1280, 720), (820, 1180)])
def test_fits_the_screen_and_nothing_moves_in_anomaly_scoring(scoring: ScoringTab, size: tuple[int, int]):
    scoring.page.set_viewport_size({"width": size[0], "height": size[1]})
    scoring.example("Unilateral cleft")
    expect(scoring.run).to_be_in_viewport()
    scoring.page.evaluate("window.scrollTo(0, 0)")
    watched = ("#scoring-verdict", "#scoring-heat", "#scoring-scores", "#scoring-slider", "#scoring-zip")
    places = f"() => {list(watched)}.map(s => document.querySelector(s).getBoundingClientRect().top + scrollY)"
    before = scoring.page.evaluate(places)
    scoring.predict()
    assert scoring.page.evaluate(places) == before
    assert scoring.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    scoring.page.set_viewport_size({"width": 420, "height": 900})
    scoring.page.wait_for_timeout(300)
    assert scoring.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "on a telephone too"


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
    page.set_viewport_size({"width": 420, "height": 900})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "on a telephone too"
