"""The strip of the session's results, driven in Chromium."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.driver import RemovalTab, ScoringTab, Tab, read


def cards(tab: Tab):
    return tab.panel.locator(".runs-list > li")


def shown_again(tab: Tab, number: int) -> None:
    """Shows a result again and waits for its files."""
    tab.panel.get_by_role("button", name=f"Result {number}:").click()
    expect(cards(tab).nth(number - 1)).to_have_attribute("data-shown", "")
    expect(tab.page.locator(f"#{tab.prefix}-zip")).to_be_enabled()


def at_once(tab: Tab, heading: str, label: str, count: int) -> None:
    """Has several results made, and waits for all."""
    tab.panel.get_by_role("button", name=heading).click()
    tab.panel.get_by_role("radio", name=label).check()
    tab.run.click()
    expect(cards(tab)).to_have_count(count)
    expect(tab.page.locator(f"#{tab.prefix}-zip")).to_be_enabled()


def side(page: Page, number: int, which: str = "src") -> str | None:
    return page.locator(".runs-pane img").nth(number).get_attribute(which)


@pytest.fixture
def two(tab: Tab) -> Tab:
    """The page with two results, of two examples."""
    for number in range(2):
        before = tab.layer_key()
        if number:
            tab.button("New photo").click()
        tab.page.get_by_role("button", name="Example:").nth(number).click()
        tab.opened_after(before)
        tab.steps(1)
        expect(tab.pictures).to_have_count(0)
        tab.predict()
        expect(cards(tab)).to_have_count(number + 1)
    return tab


def test_a_result_comes_back_with_its_photo_mask_and_files(two: Tab):
    key, mask, result = two.layer_key(), two.mask(), two.download("result")
    shown_again(two, 1)
    first = read(two.download("result"))
    assert two.layer_key() != key and not np.array_equal(first, read(result))
    expect(two.panel.locator(".measures tbody tr").first).to_be_visible()
    shown_again(two, 2)
    assert two.layer_key() == key and two.download("result") == result
    assert (two.mask() == mask).all()
    two.predict_again()
    expect(cards(two)).to_have_count(3)
    assert two.download("result") == result, "what was laid out again makes the same result"


def test_results_are_chosen_and_removed_and_the_focus_stays(two: Tab):
    choose = two.panel.get_by_role("button", name="Result 1 is the case's")
    choose.focus()
    two.page.keyboard.press("Enter")
    expect(choose).to_have_attribute("aria-pressed", "true")
    expect(choose).to_be_focused()
    two.panel.get_by_role("button", name="Remove result 2").click()
    expect(cards(two)).to_have_count(1)
    two.has_no_result()
    shown_again(two, 1)
    expect(choose).to_have_attribute("aria-pressed", "true")


def test_two_results_stand_side_by_side_and_move_together(two: Tab):
    page = two.page
    two.panel.get_by_role("button", name="Compare two").click()
    dialog = page.locator("dialog.runs-large[open]")
    expect(dialog.locator("figcaption")).to_have_count(2)
    after = [side(page, number) for number in range(2)]
    assert after[0] != after[1]
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    moves = [page.locator(".runs-pane img").nth(number).evaluate("it => it.style.transform") for number in range(2)]
    (one, other) = ([float(number) for number in re.findall(r"-?[\d.]+", move)] for move in moves)
    assert one == pytest.approx(other, abs=0.1) and one[2] == 1.25 and one[0] < -30 and one[1] == 0
    page.keyboard.down("o")
    assert [side(page, number) for number in range(2)] == [side(page, number, "data-before") for number in range(2)]
    page.keyboard.up("o")
    assert [side(page, number) for number in range(2)] == after
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(two.panel.get_by_role("button", name="Compare two")).to_be_focused()


def test_several_seeds_at_once_draw_several_mouths(tab: Tab):
    tab.page.get_by_role("button", name="Example:").first.click()
    tab.steps(1)
    at_once(tab, "Mask edge, seed", "Four seeds", 4)
    expect(cards(tab).first).to_have_attribute("data-shown", "")
    first = read(tab.download("result")).astype(int)
    shown_again(tab, 3)
    expect(cards(tab).nth(2)).to_contain_text("seed 2")
    assert np.abs(read(tab.download("result")).astype(int) - first).max() > 24
    expect(tab.panel.get_by_label("Seed", exact=True)).to_have_value("2")


def test_mask_removal_shows_its_result_without_the_reference_again(removal: RemovalTab):
    removal.page.get_by_role("button", name="Example:").first.click()
    removal.steps(1)
    at_once(removal, "Mask edge, control points", "Each reference", 2)
    expect(removal.note).to_contain_text("trusted by")
    shown_again(removal, 2)
    expect(removal.note).to_contain_text("drawn without a reference")
    shown_again(removal, 1)
    expect(removal.note).to_contain_text("trusted by")
    assert removal.layer_key("reference")


def test_scores_are_shown_again(scoring: ScoringTab):
    scoring.example("Unilateral cleft")
    scoring.run.click()
    expect(cards(scoring)).to_have_count(1)
    expect(scoring.page.locator("#scoring-zip")).to_be_enabled()
    before = scoring.lead.inner_text()
    scoring.panel.get_by_role("radio", name="Upper lip and nostril sill").check()
    scoring.run.click()
    expect(cards(scoring)).to_have_count(2)
    expect(cards(scoring).nth(1)).to_have_attribute("data-shown", "")
    shown_again(scoring, 1)
    expect(scoring.lead).to_have_text(before)
    expect(scoring.panel.get_by_role("radio", name="Mouth and nose")).to_be_checked()
