"""One patient at a time: nothing of a former photo is left active beside the next one, in any tab, at any moment."""

import json

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.driver import HeldPipeline, RemovalTab, ScoringTab, Tab
from ui.examples import people as examples
from ui.examples.drawn_anomalies import photos
from ui.examples.masked_faces import masked, reference

BROKEN = b"\xff\xd8\xff\xe0 no picture at all"


@pytest.fixture(scope="module")
def other() -> np.ndarray:
    """Another person."""
    return examples.photo("a-cleft")


def test_another_photo_clears_the_result_and_keeps_the_case(tab: Tab, astronaut: np.ndarray, other: np.ndarray):
    tab.open(astronaut)
    tab.suggest.click()
    tab.steps(1)
    tab.page.get_by_role("textbox", name="Case", exact=True).fill("P01")
    tab.predict()
    first = json.loads(tab.download("json"))
    assert first["case"] == "P01"
    tab.open(other)
    tab.has_no_result()
    expect(tab.page.get_by_role("textbox", name="Case", exact=True)).to_have_value("P01")
    tab.suggest.click()
    tab.steps(1)
    tab.predict()
    second = json.loads(tab.download("json"))
    assert second["case"] == "P01"
    assert second["photo"]["pixels_sha256"] != first["photo"]["pixels_sha256"]


def test_a_photo_that_is_chosen_during_the_run_gets_no_result_of_the_former(
    held: tuple[Tab, HeldPipeline], astronaut: np.ndarray, other: np.ndarray
):
    tab, pipeline = held
    tab.page.evaluate(
        """() => {
            window.seen = 0;
            const look = () => (window.seen += document.querySelectorAll("#cleft-slider img").length);
            new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
        }"""
    )
    tab.open(astronaut)
    tab.suggest.click()
    tab.steps(1)
    tab.run.click()
    assert pipeline.started.wait(60)
    tab.open(other)
    pipeline.release.set()
    assert pipeline.ended.wait(60)
    expect(tab.run).to_be_enabled()
    tab.page.wait_for_timeout(1500)
    tab.has_no_result()
    assert tab.page.evaluate("window.seen") == 0, "it did not even flash"
    tab.suggest.click()
    tab.steps(1)
    tab.predict()


def test_another_face_clears_the_result(tab: Tab, astronaut: np.ndarray):
    group = np.concatenate([astronaut[:300], astronaut[:300, ::-1]], 1)
    tab.open(group)
    tab.suggest.click()
    tab.steps(1)
    tab.predict()
    tab.page.get_by_role("radio", name="Face 2").check()
    tab.has_no_result()
    tab.suggest.click()
    tab.steps(2)
    tab.predict()
    assert json.loads(tab.download("json"))["face"] == 2


def test_run_after_a_broken_file_does_not_repaint_the_former_photo(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    tab.suggest.click()
    tab.steps(1)
    tab.predict()
    shown = tab.pictures.last.get_attribute("src")
    tab.button("New photo").click()
    result = tab.panel.locator("> .get")
    expect(tab.panel).to_have_attribute("data-former", "")
    assert result.evaluate("each => each.inert"), "nothing of it can be pressed while its photo is away"
    tab.choose("Choose a photo", BROKEN, "broken.jpg")
    tab.says("Photo not opened.")
    expect(tab.panel.get_by_text("This file is not used")).to_be_visible()
    tab.run.click()
    tab.says("There is no photo yet")
    expect(tab.run).to_be_enabled()
    expect(tab.pictures.last).to_have_attribute("src", shown)
    expect(tab.panel).to_have_attribute("data-former", "")
    tab.button("Back to the photo").click()
    expect(tab.panel).not_to_have_attribute("data-former", "")
    assert not result.evaluate("each => each.inert")
    tab.predict_again()


def test_a_broken_file_that_is_dropped_on_a_photo_puts_it_away(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    tab.suggest.click()
    tab.steps(1)
    tab.canvas.evaluate(
        """(view) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array([1, 2, 3])], "x.jpg", { type: "image/jpeg" }));
            view.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
        }"""
    )
    tab.says("Photo not opened.")
    expect(tab.button("Back to the photo")).to_be_visible()
    tab.run.click()
    tab.says("There is no photo yet")
    tab.button("Back to the photo").click()
    assert tab.mask() is not None, "nothing that was painted is lost"


def test_another_masked_face_and_another_reference_clear_the_result(removal: RemovalTab, astronaut: np.ndarray):
    removal.page.get_by_role("button", name="Example: Blue mask").click()
    removal.steps(1)
    removal.opened_after(None, "reference")
    removal.predict()
    expect(removal.stages).not_to_have_count(0)
    removal.button("New reference").click()
    removal.open_reference(reference("white"))
    removal.has_no_result()
    expect(removal.stages).to_have_count(0)
    removal.predict()
    removal.open(masked("white"))
    removal.has_no_result()
    expect(removal.stages).to_have_count(0)


def test_a_refused_reference_is_not_used_in_its_former_place(removal: RemovalTab):
    removal.page.get_by_role("button", name="Example: Blue mask").click()
    removal.steps(1)
    removal.opened_after(None, "reference")
    removal.button("New reference").click()
    removal.choose("Choose a reference", np.full((200, 200, 3), 128, np.uint8))  # as a profile: no face is found
    removal.says("Reference not opened. No face was found")
    removal.run.click()
    removal.says("There is no reference photo yet")
    expect(removal.pictures).to_have_count(0)


def test_either_photo_of_two_clears_scores_maps_and_files(scoring: ScoringTab, other: np.ndarray):
    scoring.example("Before, after")
    scoring.opened_after(None, "second-editor")
    scoring.predict()
    expect(scoring.heat).to_have_count(2)
    before = photos("pair")[0]
    key = scoring.layer_key("second-editor")
    scoring.button("New second photo").click()
    scoring.choose("Choose a second photo", before)
    scoring.opened_after(key, "second-editor")
    scoring.has_no_result()
    expect(scoring.heat).to_have_count(0)
    expect(scoring.second).to_have_count(0)
    expect(scoring.panel.locator(".score")).to_have_count(0)
    scoring.page.get_by_role("radio", name="One photo").check()
    scoring.predict()
    scoring.open(other)
    scoring.has_no_result()
    expect(scoring.heat).to_have_count(0)
