"""Several people at once: whoever waits is told for what, and everybody sees that the app is busy."""

import gradio as gr
from playwright.sync_api import expect

from tests.browser.driver import SlowPipeline, Tab


def test_whoever_waits_is_told_in_words_and_the_header_says_busy(slow: tuple[Tab, SlowPipeline, gr.Blocks]):
    first, pipeline, _ = slow
    expect(first.page.locator(".status")).to_contain_text("Ready")
    second = Tab(first.page.context.new_page())
    second.page.goto(first.page.url)
    for tab in (first, second):
        tab.page.get_by_role("button", name="Example: No cleft").click()
        tab.steps(1)
    first.run.click()
    expect(first.page.get_by_text("repainting")).to_be_visible()
    expect(second.page.locator(".status")).to_contain_text("Busy: one job runs")
    second.run.click()
    expect(second.page.get_by_text("waiting for one other job, about ")).to_be_visible()
    expect(first.page.locator(".status")).to_contain_text("Busy: one job runs, 1 waits")
    pipeline.started.clear()
    first.cancel.click()
    expect(second.page.get_by_text("repainting")).to_be_visible()
    assert pipeline.started.is_set()
    second.cancel.click()
    expect(second.run).to_be_enabled()
    expect(second.page.locator(".status")).to_contain_text("Ready")
    second.page.close()
