"""Telephones and tablets: the job first, and after Run its progress and its result, without scrolling by hand."""

import gradio as gr
import pytest
from playwright.sync_api import expect

from tests.browser.driver import ScoringTab, SlowPipeline, Tab

SIZES = {"telephone": (390, 844), "tablet": (820, 1180)}


def resize(tab: Tab, name: str) -> None:
    width, height = SIZES[name]
    tab.page.set_viewport_size({"width": width, "height": height})


@pytest.mark.parametrize("name", SIZES)
def test_a_run_shows_its_progress_and_then_its_result(slow: tuple[Tab, SlowPipeline, gr.Blocks], name: str):
    tab, _, _ = slow
    resize(tab, name)
    tab.page.get_by_role("button", name="Example: No cleft").click()
    tab.steps(1)
    tab.page.evaluate("scrollTo(0, 0)")
    tab.run.click()
    expect(tab.page.get_by_text("repainting").first).to_be_in_viewport()
    expect(tab.cancel).to_be_in_viewport()
    tab.cancel.click()
    expect(tab.run).to_be_enabled()


@pytest.mark.parametrize("name", SIZES)
def test_first_screen_is_the_job_and_the_result_comes_into_view(tab: Tab, name: str):
    resize(tab, name)
    top = tab.page.locator("#cleft-editor").bounding_box()["y"]
    assert top < 200, "one header, the case in a line, the tabs"
    example = tab.page.get_by_role("button", name="Example: Unilateral cleft")
    expect(example).to_be_in_viewport(ratio=1)
    expect(tab.run).to_be_in_viewport(ratio=1)
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    example.click()
    tab.steps(1)
    tab.predict()
    expect(tab.page.locator("#cleft-slider .compare-stage")).to_be_in_viewport(ratio=0.99)
    expect(tab.page.locator(".measures tbody tr").last).to_be_in_viewport()
    tab.page.evaluate("document.querySelector('#cleft-zip').scrollIntoView({ block: 'end' })")
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("name", SIZES)
def test_the_sentence_and_the_map_come_into_view(scoring: ScoringTab, name: str):
    resize(scoring, name)
    scoring.example("Unilateral cleft")
    scoring.predict()
    expect(scoring.lead).to_be_in_viewport(ratio=1)
    expect(scoring.heat).to_be_in_viewport(ratio=0.99)
    least = min(scoring.panel.evaluate("each => each.clientWidth") - 40, 330)
    assert scoring.heat.evaluate("each => each.clientWidth") >= min(least, 300)
    assert scoring.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_whole_answer_is_on_a_small_laptop_without_scrolling(scoring: ScoringTab):
    scoring.example("Unilateral cleft")
    scoring.page.evaluate("scrollTo(0, 0)")
    scoring.run.click()
    expect(scoring.heat).to_have_count(1)
    assert scoring.page.evaluate("scrollY") == 0
    expect(scoring.lead).to_be_in_viewport(ratio=1)
    expect(scoring.heat).to_be_in_viewport(ratio=0.99)


def test_a_run_that_cannot_begin_goes_back_to_what_is_lacking(tab: Tab):
    resize(tab, "telephone")
    tab.run.click()
    tab.says("Not run. There is no photo yet")
    tab.page.wait_for_function("scrollY < 50")


def test_hashes_and_memory_are_in_a_panel_about_the_run(tab: Tab):
    header = tab.page.locator(".top")
    assert "cleft-inpainting" not in header.inner_text() and "GB" not in header.inner_text()
    tab.page.get_by_role("button", name="Example: No cleft").click()
    tab.steps(1)
    tab.predict()
    about = tab.footer.locator("details")
    expect(about.locator("dl")).not_to_be_visible()
    about.locator("summary").press("Enter")
    for fact in ("SHA-256", "Seed", "Computed on", "in use", "Time, "):
        expect(about.locator("dl")).to_contain_text(fact)
