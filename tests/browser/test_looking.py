"""Looking at a result by pointer, wheel and keys; and what the network sees while a mask is painted."""

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from pipelines.faces.alignment import align
from pipelines.faces.landmarks import find_face
from tests.browser.driver import ScoringTab, Tab, read


@pytest.fixture
def compared(tab: Tab) -> Tab:
    """The first tab with a result."""
    tab.page.get_by_role("button", name="Example: Unilateral cleft").click()
    tab.steps(1)
    tab.predict()
    return tab


def stage(tab: Tab) -> Locator:
    return tab.page.locator("#cleft-slider .compare-stage")


def shown(tab: Tab) -> np.ndarray:
    """The comparison as it is seen, RGB."""
    tab.page.mouse.move(5, 5)
    return read(stage(tab).screenshot(animations="disabled"))[..., :3].astype(int)


def zoomed(tab: Tab) -> int:
    return int(tab.panel.locator(".compare-box .editor-zoom").inner_text().split()[0])


def test_the_slider_is_one_for_screen_readers_and_lies_below_the_picture(compared: Tab):
    slider = compared.panel.get_by_role("slider", name="Photo or prediction")
    assert slider.evaluate("each => [each.min, each.max, each.value]") == ["0", "100", "50"]
    expect(slider).to_have_attribute("aria-valuetext", "50 % photo, 50 % prediction")
    assert (
        slider.bounding_box()["y"] >= stage(compared).bounding_box()["y"] + stage(compared).bounding_box()["height"] - 1
    )


def test_the_slider_by_keys_shows_photo_or_prediction(compared: Tab):
    slider = compared.panel.get_by_role("slider", name="Photo or prediction")
    slider.focus()
    compared.page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0 % photo, 100 % prediction")
    prediction = shown(compared)
    compared.page.keyboard.press("End")
    photo = shown(compared)
    middle = photo.shape[1] // 2
    inner = np.s_[60:-20, 40:-40]  # beside the names and the line
    assert (np.abs(photo - prediction)[inner].max(-1) > 20).sum() > 500, "the mouth is another"
    for _ in range(50):
        compared.page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "50 % photo, 50 % prediction")
    half = shown(compared)
    assert np.abs(half - photo)[60:-20, 40 : middle - 6].max() <= 2
    assert np.abs(half - prediction)[60:-20, middle + 6 : -40].max() <= 2


def test_dragging_over_the_picture_moves_the_line(compared: Tab):
    box = stage(compared).bounding_box()
    compared.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    compared.page.mouse.down()
    compared.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60, steps=4)
    compared.page.mouse.up()
    value = int(compared.panel.get_by_role("slider", name="Photo or prediction").input_value())
    assert 20 <= value <= 26


def test_the_wheel_scrolls_the_page_and_with_ctrl_enlarges_everywhere(compared: Tab):
    page = compared.page
    zoom = compared.panel.locator(".editor .editor-zoom").first
    for picture in (compared.canvas, stage(compared)):
        page.evaluate("scrollTo(0, 0)")
        picture.hover()
        before = zoom.inner_text(), zoomed(compared)
        page.mouse.wheel(0, 90)
        page.wait_for_function("scrollY > 0")
        assert (zoom.inner_text(), zoomed(compared)) == before
        page.evaluate("scrollTo(0, 0)")
        page.keyboard.down("Control")
        page.mouse.wheel(0, -300)
        page.keyboard.up("Control")
        page.wait_for_timeout(200)
        assert page.evaluate("scrollY") == 0
        now = zoom.inner_text(), zoomed(compared)
        assert sum(a != b for a, b in zip(now, before, strict=True)) == 1, "this picture and no other"
    assert zoomed(compared) > 200
    compared.panel.get_by_role("slider", name="Photo or prediction").focus()
    page.keyboard.press("0")
    assert zoomed(compared) == 100


def test_side_by_side_is_zoomed_as_one_and_hold_shows_the_photo(compared: Tab):
    both = compared.button("Side by side")
    both.click()
    expect(both).to_have_attribute("aria-pressed", "true")
    compared.button("Enlarge the comparison").click()
    boxes = [compared.pictures.nth(i).bounding_box() for i in range(2)]
    assert boxes[0]["width"] == boxes[1]["width"] and boxes[0]["x"] < boxes[1]["x"]
    both.click()
    compared.button("Show all of the comparison").click()
    split = shown(compared)
    hold = compared.button("Hold to see the photo alone")
    hold.focus()
    compared.page.keyboard.down(" ")
    expect(hold).to_have_attribute("aria-pressed", "true")
    held = shown(compared)
    compared.page.keyboard.up(" ")
    expect(hold).to_have_attribute("aria-pressed", "false")
    assert (np.abs(held - split)[60:-20, 40:-40].max(-1) > 20).sum() > 250
    assert np.array_equal(shown(compared), split)


def test_what_the_network_sees_is_framed_while_a_mask_is_painted(tab: Tab, scoring: ScoringTab, astronaut: np.ndarray):
    corners = align(astronaut, find_face(astronaut)).corners
    for page, painted in ((tab, True), (scoring, False)):
        page.open(astronaut)
        page.page.get_by_role("button", name="Show the whole photo").locator("visible=true").click()
        page.page.mouse.move(5, 5)
        box = page.canvas.bounding_box()
        picture = read(page.canvas.screenshot())[..., :3]
        places = np.array([page.at(*corner) for corner in corners]) - (box["x"], box["y"])
        # Along the frame's sides there is white and dark in turn; the photo itself has no such line.
        start, end = places[1], places[2]
        along = np.linspace(start, end, 200)[10:-10].round().astype(int)
        inside = (along >= 2).all(1) & (along < np.array(picture.shape[1::-1]) - 2).all(1)
        patch = np.array([picture[y - 1 : y + 2, x - 1 : x + 2].min(-1).max() for x, y in along[inside]])
        dark = np.array([picture[y - 1 : y + 2, x - 1 : x + 2].max(-1).min() for x, y in along[inside]])
        dashed = (patch > 225).mean() > 0.3 and (dark < 120).mean() > 0.15
        assert dashed == painted


def test_a_mask_is_painted_and_erased_by_keys(tab: Tab, astronaut: np.ndarray):
    tab.open(cv2.resize(astronaut, (400, 400)))
    tab.canvas.focus()
    tab.page.keyboard.press("Enter")
    tab.steps(1)
    spot = tab.mask().sum()
    for _ in range(4):
        tab.page.keyboard.press("Shift+ArrowRight")
    tab.steps(5)
    assert tab.mask().sum() > 1.5 * spot
    tab.page.keyboard.press("ArrowRight")
    tab.steps(5)
    tab.page.keyboard.press("e")
    for _ in range(3):
        tab.page.keyboard.press("Shift+ArrowLeft")
    tab.steps(8)
    assert 0 < tab.mask().sum() < 1.5 * spot
    tab.page.keyboard.press("Control+z")
    tab.steps(7)
