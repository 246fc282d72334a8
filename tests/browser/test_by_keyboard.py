"""By keyboard alone, and by ear: the focus is kept, results are told, and toasts end with their causes."""

import numpy as np
from playwright.sync_api import expect

from tests.browser.driver import ScoringTab, Tab, wait_until


def tab_to(tab: Tab, name: str, most: int = 80) -> None:
    """Presses Tab until this has the focus."""
    for _ in range(most):
        tab.page.keyboard.press("Tab")
        if tab.focused() == name:
            return
    raise AssertionError(f"{name} cannot be reached")


def test_the_whole_cleft_job_and_its_comparison(tab: Tab):
    tab_to(tab, "Example: No cleft")
    tab.page.keyboard.press("Enter")
    tab.steps(1)
    wait_until(lambda: tab.focused().startswith("Photo with the mask"))
    tab.page.keyboard.press("Enter")  # one spot more
    tab.steps(2)
    tab_to(tab, "Suggest mask")
    tab.page.keyboard.press("Enter")
    tab.steps(3)
    assert tab.focused() == "Suggest mask"
    tab_to(tab, "Run")
    tab.page.keyboard.press("Enter")
    expect(tab.pictures).to_have_count(2)
    tab.told("Prediction: the result is ready.")
    expect(tab.run).to_be_enabled()
    wait_until(lambda: tab.focused() == "Run")
    tab_to(tab, "Photo or prediction")
    tab.page.keyboard.press("ArrowRight")
    slider = tab.panel.get_by_role("slider", name="Photo or prediction")
    expect(slider).to_have_attribute("aria-valuetext", "51 % photo, 49 % prediction")
    expect(tab.page.locator("#cleft-zip")).to_be_enabled()
    tab_to(tab, "Result, PNG")
    with tab.page.expect_download() as download:
        tab.page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".png")


def test_the_result_of_two_photos_is_told(scoring: ScoringTab):
    scoring.example("Before, after")
    scoring.opened_after(None, "second-editor")
    scoring.predict()
    scoring.told("The score is ready. Closer to normal after surgery")
    assert scoring.page.locator("#philtrum-said").inner_text().count("The score is ready.") == 1


def test_the_focus_goes_to_what_takes_the_place_of_what_had_it(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    wait_until(lambda: tab.focused().startswith("Photo with the mask"))
    tab.button("New photo").press("Enter")
    wait_until(lambda: tab.focused() == "Choose a photo")
    tab.button("Back to the photo").press("Enter")
    wait_until(lambda: tab.focused().startswith("Photo with the mask"))
    tab.canvas.press("Enter")
    tab.steps(1)
    tab.undo.press("Enter")
    tab.steps(0)
    wait_until(lambda: tab.focused() not in ("BODY", "Undo"))


def test_question_mark_lists_the_keys_but_not_in_a_field(tab: Tab):
    keys = tab.page.get_by_role("dialog", name="Keyboard shortcuts")
    tab.page.keyboard.press("?")
    expect(keys).to_be_visible()
    expect(keys).to_contain_text("Undo")
    tab.page.keyboard.press("Escape")
    expect(keys).not_to_be_visible()
    case = tab.page.locator(".case").get_by_label("Case", exact=True)
    case.press("?")
    expect(case).to_have_value("?")
    expect(keys).not_to_be_visible()
    opener = tab.page.get_by_role("button", name="Keyboard shortcuts")
    opener.press("Enter")
    expect(keys).to_be_visible()
    keys.get_by_role("button", name="Close").click()
    expect(opener).to_be_focused()


def test_toasts_do_not_pile_up_and_end_with_their_cause(tab: Tab, astronaut: np.ndarray):
    for _ in range(3):
        tab.run.click()
        tab.says("There is no photo yet")
        expect(tab.run).to_be_enabled()
    expect(tab.toast).to_have_count(1)
    expect(tab.toast).to_have_attribute("role", "alert")
    tab.open(astronaut)
    expect(tab.toast).to_have_count(0)
    tab.run.click()
    tab.says("The mask is empty")
    tab.drag((203, 146), (243, 146))
    expect(tab.toast).to_have_count(0)
    tab.open(np.full((300, 300, 3), 128, np.uint8))
    tab.says("No face found.")
    tab.drag((100, 100), (150, 100))
    tab.run.click()
    tab.says("Not run.")
    expect(tab.toast).to_have_count(2)  # painting puts no face there
    tab.toast.first.get_by_role("button", name="Close the message").click()
    expect(tab.toast).to_have_count(1)
