"""The page as a person uses it: open, paint, suggest, run, look, download."""

import base64
import json
import zipfile
from io import BytesIO

import cv2
import gradio as gr
import numpy as np
import pytest
from playwright.sync_api import expect

from pipelines.faces.landmarks import find_face
from pipelines.faces.masks import clean, suggest_mask
from tests.browser.driver import App, SlowPipeline, Tab, png, read, wait_until

MOUTH = (223.0, 147.0)  # of the astronaut


def test_empty_page_says_what_to_do_and_shows_the_jobs_that_work(tab: Tab):
    expect(tab.page.get_by_text("Drop a face photo here, paint over the mouth")).to_be_visible()
    jobs, views = ["Cleft inpainting", "Mask removal", "Anomaly scoring"], ["One photo", "Folder"]
    expect(tab.page.get_by_role("tab")).to_have_text([*jobs, *views])
    expect(tab.footer).to_contain_text("Research use only. Not a diagnostic device. Generated content.")
    expect(tab.page.locator("button.primary")).to_have_count(1)
    for key in ("result", "mask", "landmarks", "json", "zip"):
        expect(tab.page.locator(f"#cleft-{key}")).to_be_disabled()


def test_paint_switch_away_and_back_run_and_download(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    tab.drag((203, 146), MOUTH, (243, 146))
    painted = tab.mask()
    assert painted[147, 223] and 200 < painted.sum() < 0.1 * painted.size

    # Away: the settings open and close, the start page comes and goes, the window changes its size. And back.
    tab.page.get_by_role("button", name="Mask edge, seed").click()
    tab.page.get_by_role("button", name="New photo", exact=True).click()
    tab.page.get_by_role("button", name="Back to the photo").click()
    tab.page.set_viewport_size({"width": 900, "height": 700})
    tab.page.set_viewport_size({"width": 1280, "height": 720})
    assert np.array_equal(tab.mask(), painted)
    tab.drag((223, 138), (223, 160))
    mask = tab.mask()
    assert (mask & painted).sum() == painted.sum() < mask.sum()

    tab.predict()
    result, used = read(tab.download("result")), read(tab.download("mask")) > 127
    assert result.shape == astronaut.shape
    assert used[mask].mean() > 0.99
    away = cv2.distanceTransform((~used).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > 12
    assert np.array_equal(result[away], astronaut[away])
    assert (result[used] != astronaut[used]).any()

    expect(tab.page.locator(".measures tbody tr")).to_have_count(5)
    expect(tab.page.locator(".measures tbody tr").first).to_contain_text("Columellar angle")
    numbers = json.loads(tab.download("json"))
    assert numbers["notice"].startswith("Research use only.")
    assert numbers["mask"]["pixels"] == used.sum()
    expect(tab.footer).to_contain_text(numbers["weights"][0]["sha256"])
    assert tab.download("landmarks").decode("utf-8-sig").count("\n") == 69
    names = zipfile.ZipFile(BytesIO(tab.download("zip"))).namelist()
    assert {"result.png", "mask.png", "report.pdf"} <= set(names)


def test_eraser_undo_redo_zoom_and_brush_size_by_keyboard(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    tab.drag((203, 146), (243, 146))
    first = tab.mask()
    tab.page.keyboard.press("]")
    tab.page.keyboard.press("]")
    tab.drag((203, 158), (243, 158))
    second = tab.mask()
    assert second.sum() > first.sum()
    tab.page.keyboard.press("e")
    expect(tab.page.get_by_role("button", name="Eraser", exact=True)).to_have_attribute("aria-pressed", "true")
    tab.drag((223, 130), (223, 180))
    third = tab.mask()
    assert third.sum() < second.sum() and not third[152, 223]

    tab.page.keyboard.press("Control+z")
    assert np.array_equal(tab.mask(), second)
    tab.undo.click()
    assert np.array_equal(tab.mask(), first)
    tab.redo.click()
    tab.page.keyboard.press("Control+Shift+z")
    assert np.array_equal(tab.mask(), third)

    tab.page.get_by_role("button", name="Show the whole photo").click()
    expect(tab.page.get_by_role("button", name="Show the whole photo")).to_have_text("100 %")
    before = tab.at(*MOUTH)
    tab.page.get_by_role("button", name="Zoom in").click()
    assert tab.at(*MOUTH) != before
    tab.page.get_by_role("button", name="Brush", exact=True).click()
    tab.drag((100, 400), (110, 400))
    assert tab.mask()[400, 105]
    tab.clear.click()
    assert tab.mask() is None
    tab.page.keyboard.press("Control+z")
    assert tab.mask()[400, 105]


def test_brush_keys_change_only_the_brush(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    size = tab.page.get_by_label("Brush size")
    start = float(size.input_value())
    tab.page.keyboard.press("[")
    assert float(size.input_value()) < start
    tab.page.get_by_role("button", name="Mask edge, seed").click()
    seed = tab.page.get_by_label("Seed", exact=True)
    seed.fill("7")
    smaller = float(size.input_value())
    seed.press("]")
    assert float(size.input_value()) == smaller


def test_suggested_mask_keeps_strokes_and_follows_the_extent(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    tab.drag((150, 60), (170, 60))  # far from the mouth
    strokes = tab.mask()
    sizes = {}
    for label in ("Lower face", "Lips", "Lips to nose"):
        tab.page.get_by_role("radio", name=label, exact=True).check()
        before = tab.mask().sum()
        tab.suggest.click()
        tab.steps(2 + len(sizes))
        mask = tab.mask()
        assert mask[strokes].all(), "the strokes are still there"
        assert mask[147, 223] and mask.sum() != before
        sizes[label] = mask.sum()
    assert sizes["Lips"] < sizes["Lips to nose"] < sizes["Lower face"], "a suggestion replaces the one before it"
    tab.undo.click()
    assert tab.mask().sum() == sizes["Lips"]


def test_painted_and_uploaded_mask_give_the_same_bits(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    tab.drag((203, 146), MOUTH, (243, 148))
    tab.drag((223, 138), (223, 163))
    tab.predict()
    result, used = tab.download("result"), tab.download("mask")
    tab.open(astronaut)
    tab.choose("Upload mask", used)
    tab.steps(1)
    assert np.array_equal(tab.mask(), read(used) > 127)
    tab.predict()
    assert tab.download("mask") == used
    assert tab.download("result") == result


def test_large_photo_keeps_its_size_and_an_untouched_suggestion_its_edge(tab: Tab, astronaut: np.ndarray):
    large = cv2.resize(astronaut[:320, 60:380], (1700, 1700), interpolation=cv2.INTER_CUBIC)
    tab.open(large)
    assert tab.page.evaluate(tab.field("value().layer")) is None
    tab.suggest.click()
    tab.steps(1)
    assert tab.mask().shape == (1400, 1400)
    tab.predict()
    result, used = read(tab.download("result")), read(tab.download("mask")) > 127
    assert result.shape == large.shape
    assert json.loads(tab.download("json"))["mask"]["source"] == "suggested"
    assert np.array_equal(used, clean(suggest_mask(find_face(large), large.shape[:2], "lips-to-nose")))


def test_example_runs_by_keyboard_alone(tab: Tab):
    tab.page.get_by_role("button", name="Example: No cleft").press("Enter")
    tab.steps(1)
    expect(tab.page.get_by_role("radio", name="Lips", exact=True)).to_be_checked()
    tab.page.keyboard.press("Control+Enter")
    expect(tab.pictures).to_have_count(2)
    expect(tab.pictures.last).to_have_attribute("alt", "Prediction")


def test_overlay_can_be_toggled(tab: Tab):
    tab.page.get_by_role("button", name="Example: Unilateral cleft").click()
    tab.steps(1)
    tab.predict()
    plain = tab.pictures.last.get_attribute("src")
    tab.page.get_by_label("Landmarks").check()
    expect(tab.pictures.last).not_to_have_attribute("src", plain)
    tab.page.get_by_label("Landmarks").uncheck()
    expect(tab.pictures.last).to_have_attribute("src", plain)


def test_photo_without_a_face_says_what_to_do_and_loses_nothing(tab: Tab):
    noise = np.random.default_rng(0).integers(90, 160, (300, 400, 3), np.uint8)
    tab.open(cv2.GaussianBlur(noise, (0, 0), 5))
    tab.says("No face was found in this photo")
    tab.drag((150, 150), (200, 150))
    mask = tab.mask()
    tab.run.click()
    tab.says("Not run.")
    expect(tab.run).to_be_enabled()
    assert np.array_equal(tab.mask(), mask)


def test_empty_mask_and_missing_photo_are_sentences(tab: Tab, astronaut: np.ndarray):
    tab.run.click()
    tab.says("choose a photo first")
    tab.open(astronaut)
    tab.run.click()
    tab.says("The mask is empty")
    expect(tab.pictures).to_have_count(0)


def test_file_that_is_no_picture_leaves_the_photo(tab: Tab, astronaut: np.ndarray):
    tab.open(astronaut)
    tab.drag((203, 146), (243, 146))
    mask = tab.mask()
    tab.page.get_by_role("button", name="New photo", exact=True).click()
    tab.choose("Choose a photo", b"no picture at all", "Jane Doe.jpg")
    text = tab.says("This file is not a picture").first.inner_text()
    assert "Jane" not in text
    tab.page.get_by_role("button", name="Back to the photo").click()
    assert np.array_equal(tab.mask(), mask)


def test_several_faces_can_be_chosen(tab: Tab, astronaut: np.ndarray):
    face = astronaut[20:260, 120:330]
    small = cv2.resize(face, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    group = np.full((300, 460, 3), 200, np.uint8)
    group[20:260, 10:220] = face
    group[60 : 60 + small.shape[0], 260 : 260 + small.shape[1]] = small
    tab.open(group)
    expect(tab.page.get_by_role("radio", name="Face 1 (largest)")).to_be_checked()
    tab.suggest.click()
    tab.steps(1)
    left = np.flatnonzero(tab.mask().any(0)).mean()
    tab.page.get_by_role("radio", name="Face 2").check()
    tab.suggest.click()
    tab.steps(2)
    right = np.flatnonzero(tab.mask().any(0)).mean()
    assert left < 220 < right


def test_paste_and_camera_give_photos(tab: Tab, astronaut: np.ndarray):
    tab.page.evaluate(
        """async (text) => {
            const transfer = new DataTransfer(), bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            transfer.items.add(new File([bytes], "x.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
        }""",
        base64.b64encode(png(astronaut)).decode(),
    )
    tab.opened_after(None)
    pasted = tab.layer_key()
    tab.page.get_by_role("button", name="New photo", exact=True).click()
    tab.page.get_by_role("button", name="Use the camera").click()
    tab.page.wait_for_function("document.querySelector('.editor-shoot video').videoWidth > 0")
    tab.page.get_by_role("button", name="Take the photo").click()
    tab.opened_after(pasted)


@pytest.mark.parametrize("tab", ["dark"], indirect=True)
def test_dark_and_light(tab: Tab):
    body = tab.page.locator("body")
    expect(body).to_have_class("dark")
    assert _brightness(tab) < 60
    tab.page.get_by_role("button", name="Light or dark").click()
    expect(body).not_to_have_class("dark")
    assert _brightness(tab) > 200
    again = tab.page.context.new_page()
    again.goto(tab.page.url)
    expect(again.get_by_role("button", name="Example:")).to_have_count(3)
    expect(again.locator("body")).not_to_have_class("dark")


def _brightness(tab: Tab) -> float:
    return float(read(tab.page.screenshot(clip={"x": 0, "y": 300, "width": 8, "height": 8}))[..., :3].mean())


@pytest.mark.parametrize("size", [(1280, 720), (820, 1180)])
def test_fits_the_screen_and_nothing_moves(tab: Tab, size: tuple[int, int]):
    tab.page.set_viewport_size({"width": size[0], "height": size[1]})
    tab.page.get_by_role("button", name="Example: Unilateral cleft").click()
    tab.steps(1)
    places = "() => ['#cleft-run', '#cleft-slider', '#cleft-zip'].map(s => document.querySelector(s).offsetTop)"
    before = tab.page.evaluate(places)
    tab.predict()
    assert tab.page.evaluate(places) == before
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_controls_have_names(tab: Tab):
    nameless = tab.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, canvas, video")]
            .filter((each) => each.offsetParent !== null)
            .filter((each) => !(each.ariaLabel || each.innerText?.trim() || each.labels?.length || each.title))
            .map((each) => each.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_closing_the_page_removes_its_files(app: App, tab: Tab):
    tab.page.get_by_role("button", name="Example: No cleft").click()
    tab.steps(1)
    tab.predict()
    assert app.pictures()
    tab.page.close()
    wait_until(lambda: not app.pictures())


def test_run_says_what_it_does_and_cancel_really_stops_it(slow: tuple[Tab, SlowPipeline, gr.Blocks]):
    tab, pipeline, blocks = slow
    tab.page.get_by_role("button", name="Example: No cleft").click()
    tab.steps(1)
    mask = tab.mask()
    tab.run.click()
    expect(tab.page.get_by_text("repainting")).to_be_visible()
    expect(tab.run).to_be_disabled()
    assert not pipeline.stopped.is_set()
    tab.cancel.click()
    assert pipeline.stopped.wait(30), "the pipeline itself has ended"
    expect(tab.run).to_be_enabled()
    expect(tab.cancel).to_be_disabled()
    expect(tab.page.get_by_text("repainting")).not_to_be_visible()
    assert np.array_equal(tab.mask(), mask)
    pipeline.stopped.clear()
    tab.run.click()
    expect(tab.page.get_by_text("repainting")).to_be_visible()
    assert photos_kept(blocks)
    tab.page.close()
    assert pipeline.stopped.wait(30), "closing the page stops its run"
    wait_until(lambda: not photos_kept(blocks))


def photos_kept(blocks: gr.Blocks) -> list[dict]:
    """Copies of photos that gradio keeps for pages."""
    sessions = list(blocks.state_holder.session_data.values())
    parts = [
        part for session in sessions for part in session.blocks_config.blocks.values() if isinstance(part, gr.HTML)
    ]
    return [part.props["photo"] for part in parts if part.props.get("photo")]
