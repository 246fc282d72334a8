"""The tab of mask removal as a person uses it: two photos, a found mask that is repaired, a result with its stages."""

import base64
import json
import zipfile
from io import BytesIO

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from pipelines.faces.landmarks import find_faces
from pipelines.mask_removal.segmentation import segment_mask
from tests.browser.driver import App, RemovalTab, png, read, wait_until
from ui.examples.masked_faces import masked, reference

EVERY_STAGE = ["Mask", "Hidden", "Reference", "Warped", "Confidence", "Draft", "Drawn", "Result"]


def test_two_uploads_repair_run_and_download(removal: RemovalTab):
    photo = masked("blue")
    found = segment_mask(photo, find_faces(photo)[0]).mask
    removal.open(photo)
    removal.steps(1)
    expect(removal.page.get_by_text("Mask found; repair it with the brush.").first).to_be_visible()
    mask = removal.mask()
    assert mask[found].all() and mask.sum() < 1.4 * found.sum(), "the found mask and its hem"

    removal.drag((278, 140), (284, 140))  # beside the face
    repaired = removal.mask()
    assert repaired[140, 282] and not mask[140, 282] and repaired[mask].all()

    removal.open_reference(reference("blue"))
    removal.predict()
    result, used = read(removal.download("result")), read(removal.download("mask")) > 127
    assert np.array_equal(used, repaired), "the run takes the mask in the editor"
    away = cv2.distanceTransform((~used).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > 12
    assert np.array_equal(result[away], photo[away]) and (result[used] != photo[used]).any()
    numbers = json.loads(removal.download("json"))
    assert numbers["job"] == "mask-removal" and numbers["mask"]["source"] == "given"
    assert numbers["reference"]["width"] == reference("blue").shape[1]
    assert len(numbers["reference"]["control_points"]) == 30
    assert removal.download("landmarks").decode("utf-8-sig").count("\n") == 69
    names = zipfile.ZipFile(BytesIO(removal.download("zip"))).namelist()
    assert {"result.png", "mask.png", "report.pdf", "stages/warped.png"} <= set(names)
    expect(removal.note).to_contain_text("Mask painted or uploaded")
    expect(removal.note).to_contain_text("trusted by")
    expect(removal.footer).to_contain_text(numbers["weights"][0]["sha256"])


def test_example_shows_every_stage_and_opens_them_large(removal: RemovalTab):
    removal.page.get_by_role("button", name="Example: White mask").click()
    removal.steps(1)
    removal.opened_after(None, "reference")
    removal.predict()
    expect(removal.stages).to_have_text(EVERY_STAGE)
    expect(removal.note).to_contain_text("Mask found")
    assert json.loads(removal.download("json"))["mask"]["source"] == "found"

    dialog = removal.page.get_by_role("dialog")
    removal.stages.nth(3).press("Enter")
    expect(dialog).to_contain_text("4 of 8: Warped")
    first = dialog.get_by_role("img").get_attribute("src")
    removal.page.keyboard.press("ArrowRight")
    expect(dialog).to_contain_text("5 of 8: Confidence")
    assert dialog.get_by_role("img").get_attribute("src") != first
    dialog.get_by_role("button", name="Previous").click()
    expect(dialog).to_contain_text("4 of 8: Warped")
    removal.page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(removal.stages.nth(3)).to_be_focused()


def test_further_references_are_added_removed_fused_and_taken_alone(removal: RemovalTab):
    removal.open(masked("blue"))
    removal.steps(1)
    add = removal.button("Add another reference")
    expect(add).not_to_be_visible()
    removal.open_reference(reference("blue"))
    soft = cv2.GaussianBlur(reference("blue"), (0, 0), 2)
    removal.choose("Add another reference", soft)
    thumbnails = removal.panel.get_by_role("list", name="Further references").get_by_role("img")
    expect(thumbnails).to_have_count(1)
    removal.choose("Add another reference", np.ascontiguousarray(soft[:, ::-1]))
    expect(thumbnails).to_have_count(2)
    removal.choose("Add another reference", np.full((200, 200, 3), 90, np.uint8))
    removal.says("Reference not added. No face was found")
    expect(thumbnails).to_have_count(2)
    removal.button("Remove reference 3").click()
    expect(thumbnails).to_have_count(1)

    removal.predict()
    expect(removal.stages.filter(has_text="Sources")).to_have_count(1)
    expect(removal.note).to_contain_text("references used: 1 by")
    assert [one["number"] for one in json.loads(removal.download("json"))["references"]] == [1, 2]

    removal.page.get_by_role("radio", name="2 alone").check()
    expect(removal.stages.filter(has_text="Sources")).to_have_count(0)
    expect(removal.note).not_to_contain_text("references used")
    removal.page.get_by_role("radio", name="Without", exact=True).check()
    expect(removal.note).to_contain_text("without a reference")
    removal.page.get_by_role("radio", name="All references").check()
    expect(removal.note).to_contain_text("references used: 1 by")


def test_without_reference(removal: RemovalTab):
    removal.open(masked("dark"))
    removal.steps(1)
    removal.run.click()
    removal.says("choose one, or take “Without reference”")
    removal.page.get_by_role("radio", name="Without reference").check()
    expect(removal.button("Choose a reference")).not_to_be_visible()
    removal.predict()
    expect(removal.stages).to_have_text(["Mask", "Hidden", "Drawn", "Result"])
    expect(removal.note).to_contain_text("without a reference")
    assert json.loads(removal.download("json"))["reference"] is None

    removal.panel.get_by_text("Mask edge, control points, engine").click()
    removal.page.get_by_role("radio", name="Both, side by side").check()
    removal.predict()
    expect(removal.stages).to_have_text(["Mask", "Hidden", "Drawn", "Result", "Both"])
    removal.stages.last.press("Enter")
    dialog = removal.page.get_by_role("dialog")
    expect(dialog).to_contain_text("5 of 5: Both")
    expect(dialog).to_contain_text("right what the paper's coarse and refinement network draw alone")
    removal.page.keyboard.press("Escape")
    assert json.loads(removal.download("json"))["engine"] == "inpainter"


def test_choosing_without_and_with_again_keeps_the_reference(removal: RemovalTab):
    removal.open_reference(reference("blue"))
    key = removal.layer_key("reference")
    removal.page.get_by_role("radio", name="Without reference").check()
    removal.page.get_by_role("radio", name="With a reference photo").check()
    expect(removal.page.locator("#removal-reference .editor-view")).to_be_visible()
    assert removal.layer_key("reference") == key


def test_switching_tabs_keeps_the_work_of_both(removal: RemovalTab):
    removal.page.get_by_role("button", name="Example: Blue mask").click()
    removal.steps(1)
    removal.drag((278, 140), (284, 140))
    mask, key = removal.mask(), removal.layer_key("reference")
    removal.run.click()
    removal.page.get_by_role("tab", name="Cleft inpainting").click()
    expect(removal.canvas).not_to_be_visible()
    removal.page.get_by_role("button", name="Example: No cleft").click()
    removal.page.wait_for_function("window.philtrum['cleft-editor'].steps() === 1")
    removal.page.keyboard.press("Control+z")
    removal.page.wait_for_function("window.philtrum['cleft-editor'].steps() === 0")
    removal.page.get_by_role("tab", name="Mask removal").click()
    expect(removal.canvas).to_be_visible()
    assert np.array_equal(removal.mask(), mask), "neither the other tab's keys nor its photo reached this one"
    assert removal.layer_key("reference") == key
    expect(removal.pictures).to_have_count(2)
    expect(removal.stages).to_have_count(7)  # a repaired mask was not found
    removal.undo.click()
    removal.steps(1)


def test_landmarks_of_the_reference_can_be_hidden(removal: RemovalTab):
    removal.open_reference(reference("blue"))
    view = removal.page.locator("#removal-reference .editor-view")
    shown = read(view.screenshot())
    removal.page.get_by_label("Landmarks and control points").uncheck()
    hidden = read(view.screenshot())
    yellow = [((image[..., 0] > 230) & (image[..., 1] > 180) & (image[..., 2] < 60)).sum() for image in (shown, hidden)]
    assert yellow[0] > 300 and yellow[1] < 30


def test_reference_without_a_face_says_so_and_leaves_the_one_before(removal: RemovalTab):
    removal.open_reference(reference("blue"))
    key = removal.layer_key("reference")
    removal.button("New reference").click()
    noise = np.random.default_rng(0).integers(90, 160, (300, 400, 3), np.uint8)
    removal.choose("Choose a reference", cv2.GaussianBlur(noise, (0, 0), 5))
    removal.says("Reference not opened. No face was found")
    removal.button("Back to the reference").click()
    assert removal.layer_key("reference") == key


def test_reference_that_shows_too_little_is_refused_in_words(removal: RemovalTab, astronaut: np.ndarray):
    removal.open(masked("blue"))
    removal.steps(1)
    removal.open_reference(astronaut[:120])  # ends below the nose
    removal.run.click()
    removal.says("Not run. The reference photo cannot be used. Part of the eyes, nose or mouth lies beyond")
    expect(removal.run).to_be_enabled()
    expect(removal.pictures).to_have_count(0)


def test_bare_face_has_no_mask_until_a_region_is_suggested(removal: RemovalTab, astronaut: np.ndarray):
    removal.open(astronaut)
    removal.says("No mask was found on this face")
    assert removal.mask() is None
    removal.find.click()
    expect(removal.toast.filter(has_text="No mask was found on this face")).to_have_count(1)
    removal.button("Suggest region").click()
    removal.steps(1)
    assert removal.mask()[147, 223]
    removal.page.get_by_role("radio", name="Without reference").check()
    removal.predict()
    facts = json.loads(removal.download("json"))["mask"]
    assert (facts["source"], facts["extent"]) == ("suggested", "lower-face")


def test_find_mask_again_keeps_the_strokes(removal: RemovalTab):
    removal.open(masked("blue"))
    removal.steps(1)
    removal.clear.click()
    removal.drag((150, 60), (170, 60))
    strokes = removal.mask()
    removal.find.click()
    removal.steps(4)
    assert removal.mask()[strokes].all() and removal.mask()[147, 223]


def test_pasted_pictures_fill_photo_and_then_reference(removal: RemovalTab):
    paste = """async (text) => {
        const transfer = new DataTransfer(), bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        transfer.items.add(new File([bytes], "x.png", { type: "image/png" }));
        document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
    }"""
    removal.page.mouse.move(5, 5)
    removal.page.evaluate(paste, base64.b64encode(png(masked("blue"))).decode())
    removal.opened_after(None)
    photo = removal.layer_key()
    removal.page.evaluate(paste, base64.b64encode(png(reference("blue"))).decode())
    removal.opened_after(None, "reference")
    assert removal.layer_key() == photo


def test_camera_gives_a_reference(removal: RemovalTab):
    removal.page.get_by_role("button", name="Use the camera for the reference").click()
    removal.page.wait_for_function("document.querySelector('#removal-reference video').videoWidth > 0")
    removal.button("Take the photo").click()
    removal.says("Reference not opened. No face was found")  # the browser's test picture shows none


@pytest.mark.parametrize("size", [(1280, 720), (820, 1180)])
def test_fits_the_screen_and_nothing_moves_in_mask_removal(removal: RemovalTab, size: tuple[int, int]):
    removal.page.set_viewport_size({"width": size[0], "height": size[1]})
    removal.page.get_by_role("button", name="Example: Blue mask").click()
    removal.steps(1)
    removal.opened_after(None, "reference")
    expect(removal.run).to_be_in_viewport()
    removal.page.evaluate("window.scrollTo(0, 0)")
    watched = ("#removal-slider", "#removal-stages", "#removal-zip", "#removal-reference")
    places = f"() => {list(watched)}.map(s => document.querySelector(s).offsetTop)"
    before = removal.page.evaluate(places)
    removal.predict()
    assert removal.page.evaluate(places) == before
    assert removal.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    removal.page.set_viewport_size({"width": 420, "height": 900})
    removal.page.wait_for_timeout(300)
    assert removal.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "on a telephone too"


def test_controls_of_mask_removal_have_names(removal: RemovalTab):
    nameless = removal.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, canvas, video")]
            .filter((each) => each.offsetParent !== null)
            .filter((each) => !(each.ariaLabel || each.innerText?.trim() || each.labels?.length || each.title))
            .map((each) => each.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_closing_the_page_removes_the_files_of_both_photos(app: App, removal: RemovalTab):
    removal.page.get_by_role("button", name="Example: Blue mask").click()
    removal.steps(1)
    removal.predict()
    assert app.pictures()
    removal.page.close()
    wait_until(lambda: not app.pictures())
