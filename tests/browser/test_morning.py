"""A morning at the page: three patients, five photos each, masks, runs, picks, files, saved and opened again."""

import json
import zipfile
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from playwright.sync_api import expect
from pypdf import PdfReader

from pipelines import Case, open_case
from tests.browser.driver import Tab, read
from tests.browser.test_case_page import Bar, files_of
from tests.browser.test_runs_page import cards
from ui.examples import people as examples

PICTURES = ("a-cleft", "c-cleft", "d", "b-before", "b")
PATIENTS = (
    Case("P01 Anna", date="2026-11-26", side="left", notes="canary of the first"),
    Case("P02 Bela", date="2026-11-27", side="right", notes="canary of the second"),
    Case("P03 Carl", date="2026-11-28", side="both", notes="canary of the third"),
)


@dataclass
class Day:
    """What one patient's hour left.

    Attributes:
        name: of the case file.
        data: its bytes.
        masks: of each photo, as it was sent.
        numbers: of the last result.
        chosen: number of the result that was picked.
    """

    name: str
    data: bytes
    masks: list[np.ndarray]
    numbers: dict
    chosen: int


def photos_of(patient: int) -> list[np.ndarray]:
    """Five photos that are no other patient's: drawn faces, each patient's with rows of its own cut off."""
    return [examples.photo(picture)[patient:, patient:] for picture in PICTURES]


def one_photo(tab: Tab, photo: np.ndarray, number: int) -> np.ndarray:
    """Opens a photo, suggests a mask, paints on it where the number is even, and runs; gives the mask."""
    tab.open(photo)
    tab.page.evaluate("scrollTo(0, 0)")
    tab.suggest.click()
    tab.steps(1)
    if number % 2:
        height, width = photo.shape[:2]
        tab.drag((0.4 * width, 0.55 * height), (0.6 * width, 0.55 * height))
        tab.steps(2)
    mask = tab.mask()
    tab.run.click()
    expect(cards(tab)).to_have_count(number)
    expect(tab.page.locator("#cleft-zip")).to_be_enabled()
    return mask


def an_hour(tab: Tab, bar: Bar, patient: int) -> Day:
    bar.type(PATIENTS[patient])
    masks = [one_photo(tab, photo, number) for number, photo in enumerate(photos_of(patient), 1)]
    chosen = patient + 2
    star = cards(tab).nth(chosen - 1).get_by_role("button", name=f"Result {chosen} is the case")
    star.click()
    expect(cards(tab).nth(chosen - 1).locator("[aria-pressed=true]")).to_have_count(1)
    numbers, files = files_of(tab)
    others = [case for case in PATIENTS if case != PATIENTS[patient]]
    with tab.page.expect_download() as download:
        bar.button("Report").click()
    pages = PdfReader(download.value.path()).pages
    report = "".join(page.extract_text() for page in pages)
    assert len(pages) == 1 + len(PICTURES) and PATIENTS[patient].name in report
    name, data = bar.save()
    with zipfile.ZipFile(BytesIO(data)) as archive:
        inside = b"".join(archive.read(one) for one in archive.namelist())
    for content in (json.dumps(numbers).encode(), *files.values(), inside, report.encode()):
        assert not any(word.encode() in content for case in others for word in (case.name, case.notes))
    bar.new()
    expect(cards(tab)).to_have_count(0)
    tab.has_no_result()
    return Day(name, data, masks, numbers, chosen)


def test_a_morning(tab: Tab):
    bar = Bar(tab.page)
    days = [an_hour(tab, bar, patient) for patient in range(len(PATIENTS))]
    for patient, day in enumerate(days):
        saved = open_case(day.data)
        made = [entry for entry in saved.entries if entry.results]
        assert day.name == f"{PATIENTS[patient].stem}.philtrum" and saved.case == PATIENTS[patient]
        assert [entry.chosen for entry in made] == [number == day.chosen for number in range(1, 6)]
        own = {photo.tobytes() for photo in photos_of(patient)}
        assert {entry.photos["photo"].pixels.tobytes() for entry in saved.entries} == own
        bar.open(day.data)
        bar.says(PATIENTS[patient])
        expect(cards(tab)).to_have_count(5)
        expect(cards(tab).nth(day.chosen - 1).locator("[aria-pressed=true]")).to_have_count(1)
        expect(tab.page.locator("#cleft-zip")).to_be_enabled()
        numbers, _ = files_of(tab)
        assert numbers == day.numbers
        assert (tab.mask() == day.masks[-1]).all()
        tab.panel.get_by_role("button", name="Result 1:").click()
        expect(cards(tab).nth(0)).to_have_attribute("data-shown", "")
        expect(tab.page.locator("#cleft-zip")).to_be_enabled()
        assert (tab.mask() == day.masks[0]).all()
        assert (read(tab.download("result"))[:8] == photos_of(patient)[0][:8]).all()
        bar.new()  # which asks: another result than the last is shown now
        bar.ask.get_by_role("button", name="Go on without saving").click()
        expect(cards(tab)).to_have_count(0)
