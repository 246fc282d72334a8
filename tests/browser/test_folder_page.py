"""Many photos at once, as a person works through them: drop, run, cancel, go on, look through by key, save."""

import csv
import zipfile
from io import BytesIO, StringIO

import cv2
import numpy as np
from playwright.sync_api import expect

from tests.browser.driver import App, FolderView, RemovalTab, ScoringTab, Tab, read, wait_until
from tests.browser.test_accessibility import faults
from ui.examples import masked_faces, people


def small(photo: np.ndarray, side: int = 320) -> np.ndarray:
    return cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)


def table(view: FolderView) -> dict[str, dict[str, str]]:
    """The CSV by the photos' names."""
    rows = csv.DictReader(StringIO(view.download("csv").decode("utf-8-sig"), newline=""))
    return {next(iter(row.values())): row for row in rows}


def test_five_photos_are_cancelled_go_on_looked_through_by_key_and_saved(app: App, tab: Tab):
    view = FolderView(tab.page, "Cleft inpainting", "cleft")
    page = tab.page
    one, two = small(people.photo("a-cleft")), small(people.photo("c-cleft"))
    view.drop("photo", P1=one, P2=two, none=np.full((90, 90, 3), 128, np.uint8), P4=one[:, ::-1], P5=two[:, ::-1])
    expect(view.rows).to_have_count(5)
    expect(view.place).to_contain_text("1 of 5")
    assert view.states() == ["waiting"] * 5

    view.run.click()
    expect(view.row("P1")).to_have_attribute("data-state", "done")
    view.cancel.click()
    expect(view.run).to_be_enabled()
    assert view.states()[0] == "done" and "waiting" in view.states(), "cancel keeps what is done"
    expect(view.pictures).to_have_count(2)
    expect(page.locator("#cleft-folder-csv")).to_be_enabled()
    assert table(view)["P1.png"]["status"] == "done" and table(view)["P5.png"]["error"] == "It was not run yet."

    view.finish()
    assert view.states() == ["done", "done", "failed", "done", "done"]
    expect(view.row("none")).to_contain_text("No face was found in this photo")
    expect(view.told).to_contain_text("4 of 5 done, 1 failed")
    for expected in ("2 of 5", "3 of 5", "4 of 5"):
        page.keyboard.press("j")
        expect(view.place).to_contain_text(expected)
    expect(view.pictures).to_have_count(2)
    page.keyboard.press("k")
    expect(view.place).to_contain_text("3 of 5")
    expect(view.pictures).to_have_count(0)
    view.row("P2").get_by_role("button", name="P2.png", exact=True).focus()
    page.keyboard.press("ArrowUp")
    expect(view.place).to_contain_text("2 of 5")
    assert view.focused() == "P2.png"
    view.button("Next").click()
    view.button("Next").click()
    expect(view.place).to_contain_text("4 of 5")
    assert faults(view) == []

    with zipfile.ZipFile(BytesIO(view.download("zip"))) as archive:
        stems = ("P1", "P2", "P4", "P5")
        assert set(archive.namelist()) == {
            "summary.csv",
            *(f"{stem}.{end}" for stem in stems for end in ("png", "json")),
        }
        assert read(archive.read("P2.png")).shape == two.shape
    assert app.pictures()
    page.close()
    wait_until(lambda: not app.pictures())


def test_a_mask_is_painted_on_one_photo_and_carried_over_to_the_next(tab: Tab):
    view = FolderView(tab.page, "Cleft inpainting", "cleft")
    face = people.photo("a-cleft")
    moved = cv2.copyMakeBorder(small(face, 480), 60, 20, 140, 20, cv2.BORDER_REPLICATE)
    view.drop("photo", first=face, second=moved)
    expect(view.rows).to_have_count(2)
    view.panel.get_by_role("radio", name="Mask", exact=True).check()
    view.steps(1)  # the suggestion
    view.clear.click()
    view.steps(2)
    view.drag((290, 400), (350, 400))
    painted = view.mask()
    view.panel.get_by_role("checkbox", name="Carry the mask over").check()
    before = view.layer_key()
    tab.page.keyboard.press("j")
    view.opened_after(before)
    view.steps(1)
    rows, columns = np.nonzero(view.mask())
    first_rows, first_columns = np.nonzero(painted)
    scale = 480 / 640
    assert abs(rows.mean() - (60 + scale * first_rows.mean())) < 6
    assert abs(columns.mean() - (140 + scale * first_columns.mean())) < 6
    assert faults(view) == []
    view.finish()
    for stem in ("first", "second"):
        expect(view.row(stem)).to_contain_text("painted")


def test_masks_and_references_are_matched_by_name_in_mask_removal(removal: RemovalTab):
    view = FolderView(removal.page, "Mask removal", "removal")
    view.drop("photo", A=small(masked_faces.masked("blue")), B=small(masked_faces.masked("white")))
    reference = small(masked_faces.reference("blue"))
    view.drop("reference", **{"A-1": reference, "zoe": reference[:, ::-1]})
    expect(removal.page.locator("#removal-folder-given")).to_contain_text("1 reference with no photo’s name: zoe.png.")
    view.finish()
    assert view.states() == ["done", "done"]
    expect(view.row("A").locator("td").nth(3)).to_have_text("1")
    expect(view.row("B").locator("td").nth(3)).to_have_text("none")
    found = table(view)
    assert (found["A.png"]["reference"], found["B.png"]["reference"]) == ("A-1.png", "none")
    assert "No photo has this name" in found["zoe.png"]["error"]
    assert faults(view) == []


def test_scores_of_a_folder_and_the_case_in_its_files(scoring: ScoringTab):
    page = scoring.page
    view = FolderView(page, "Anomaly scoring", "scoring")
    view.drop("photo", cleft=small(people.photo("a-cleft")), grey=np.full((90, 90, 3), 128, np.uint8))
    expect(view.rows).to_have_count(2)
    view.finish()
    assert view.states() == ["done", "failed"]
    expect(view.panel.locator(".heat figure canvas")).to_have_count(1)
    expect(view.panel.locator(".verdict .score-lead")).to_be_visible()
    local = table(view)["cleft.png"]["local_severity"]
    expect(view.row("cleft")).to_contain_text(f"{float(local):.1f}")
    view.name_case("P07")
    assert table(view)["cleft.png"]["case"] == "P07"
    with zipfile.ZipFile(BytesIO(view.download("zip"))) as archive:
        assert "P07-scores.csv" in archive.namelist() and "P07-cleft.local.png" in archive.namelist()
    view.panel.get_by_role("radio", name="Upper lip and nostril sill").check()
    expect(view.row("cleft")).to_have_attribute("data-state", "stale")
    assert faults(view) == []
