"""axe-core finds no serious fault: light, dark, and on a telephone, with nothing and with a result on the page."""

from collections.abc import Iterator
from importlib.resources import files

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import opened_page
from tests.browser.driver import App, FolderView, RemovalTab, ScoringTab, Tab

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
SETTLED = """() => document.getAnimations().every(
    (one) => one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity)"""
LOOKS = {"light": ("light", (1280, 720)), "dark": ("dark", (1280, 720)), "telephone": ("light", (390, 844))}


@pytest.fixture(params=LOOKS)
def looked(request: pytest.FixtureRequest, app: App, browser: Browser) -> Iterator[Tab]:
    """The page, in one of its looks."""
    scheme, (width, height) = LOOKS[request.param]
    with opened_page(browser, app.address, scheme) as tab:
        tab.page.set_viewport_size({"width": width, "height": height})
        tab.ready()
        yield tab


def faults(tab: Tab) -> list[str]:
    """What axe-core calls serious or critical, with where it is, once no colour is on its way to another."""
    tab.page.wait_for_function(SETTLED)
    tab.page.evaluate(AXE)
    # Gradio's own table calls itself a grid and has no row of one; nobody but Gradio can mend it.
    found = tab.page.evaluate("axe.run({ exclude: ['.table-wrap'] }, { resultTypes: ['violations'] })")
    assert len(found["passes"]) > 15, "it looked"
    return [
        f"{fault['id']}: {node['html'][:120]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def test_axe_sees_a_fault_where_there_is_one(tab: Tab):
    tab.page.evaluate("document.querySelector('.app-title').innerHTML += '<button></button>'")
    assert any(fault.startswith("button-name") for fault in faults(tab))


def test_first_tab(looked: Tab):
    assert faults(looked) == []
    looked.run.click()
    looked.says("Not run.")
    assert faults(looked) == []
    looked.page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(looked.page.get_by_role("dialog")).to_be_visible()
    assert faults(looked) == []
    looked.page.keyboard.press("Escape")
    looked.page.get_by_role("button", name="Example: Unilateral cleft").click()
    looked.steps(1)
    looked.predict()
    looked.panel.locator(".measures summary").first.click()
    looked.footer.locator("summary").click()
    assert faults(looked) == []


def test_mask_removal(looked: Tab):
    tab = RemovalTab(looked.page)
    tab.show()
    assert faults(tab) == []
    tab.page.get_by_role("button", name="Example: Blue mask").click()
    tab.steps(1)
    tab.predict()
    assert faults(tab) == []


def test_folder(looked: Tab):
    view = FolderView(looked.page, "Cleft inpainting", "cleft")
    assert faults(view) == []
    view.drop("photo", one=np.full((90, 90, 3), 128, np.uint8), two=np.full((80, 90, 3), 128, np.uint8))
    expect(view.rows).to_have_count(2)
    view.finish()
    assert view.states() == ["failed", "failed"] and faults(view) == []
    view.panel.get_by_role("radio", name="Mask", exact=True).check()
    view.opened_after(None)
    assert faults(view) == []
    assert view.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_two_scored_photos_and_the_cohort(looked: Tab):
    tab = ScoringTab(looked.page)
    tab.show()
    tab.example("Before, after")
    tab.opened_after(None, "second-editor")
    tab.predict()
    tab.unfold()
    tab.panel.locator(".score-how summary").click()
    assert faults(tab) == []
    tab.page.get_by_role("tab", name="Cohort").click()
    expect(tab.page.locator("#cohort-run")).to_be_visible()
    assert faults(tab) == []
