"""A morning at the page: cases are named once, saved, opened again as they were, and nothing of one is in another's."""

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from pipelines import Case, open_case
from tests.browser.driver import App, RemovalTab, ScoringTab, Tab, read, wait_until
from ui.examples import people as examples

ANNA = Case("P01 Anna", date="2026-11-26", side="left", notes="UCLP,\nrepaired")


class Bar:
    """The bar above the tabs."""

    def __init__(self, page: Page):
        self.page = page
        self.root = page.locator(".case")
        self.name = self.root.get_by_label("Case", exact=True)
        self.date, self.side = self.root.get_by_label("Date"), self.root.get_by_label("Cleft side")
        self.notes, self.ask = self.root.get_by_label("Notes"), page.locator(".case-ask")

    def type(self, case: Case) -> None:
        self.name.fill(case.name)
        self.date.fill(case.date)
        self.side.select_option(case.side)
        self.notes.fill(case.notes)
        self.notes.press("Tab")

    def says(self, case: Case) -> None:
        expect(self.name).to_have_value(case.name)
        expect(self.date).to_have_value(case.date)
        expect(self.side).to_have_value(case.side)
        expect(self.notes).to_have_value(case.notes)

    def button(self, name: str):
        return self.root.get_by_role("button", name=name)

    def save(self) -> tuple[str, bytes]:
        with self.page.expect_download() as download:
            self.button("Save case").click()
        expect(self.button("Save case")).to_be_enabled()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    def new(self) -> None:
        self.button("New case").click()

    def open(self, data: bytes) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.button("Open case").click()
        chooser.value.set_files({"name": "anything.philtrum", "mimeType": "application/zip", "buffer": data})


def work(tab: Tab, photo: np.ndarray) -> None:
    """Opens a photo, suggests and paints a mask, and runs."""
    tab.open(photo)
    tab.suggest.click()
    tab.steps(1)
    tab.page.evaluate("scrollTo(0, 0)")
    tab.drag((0.4 * photo.shape[1], 0.3 * photo.shape[0]), (0.45 * photo.shape[1], 0.33 * photo.shape[0]))
    tab.steps(2)
    tab.predict()


def files_of(tab: Tab) -> tuple[dict, dict[str, bytes]]:
    """The numbers, and what is in the ZIP, whose own name is there too."""
    with tab.page.expect_download() as download:
        tab.page.locator(f"#{tab.prefix}-zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(tab.download("json")), {download.value.suggested_filename: b"", **inside}


def test_the_report_of_a_case_is_downloaded_and_in_no_log(tab: Tab, astronaut: np.ndarray, app: App):
    bar = Bar(tab.page)
    bar.type(ANNA)
    work(tab, astronaut)
    tab.predict_again()
    with tab.page.expect_download() as download:
        bar.button("Report").click()
    assert download.value.suggested_filename == "P01_Anna-report.pdf"
    pages = PdfReader(download.value.path()).pages
    assert len(pages) == 3 and "P01 Anna" in pages[0].extract_text() and "UCLP" in pages[0].extract_text()
    expect(bar.button("Report")).to_be_enabled()
    bar.says(ANNA)
    log = (app.folder / "log").read_text()
    assert app.address in log and not any(word in log for word in ("Anna", "UCLP", ANNA.date))


def test_a_case_is_saved_and_opened_in_another_page_as_it_was(
    tab: Tab, astronaut: np.ndarray, other_page: Page, app: App
):
    bar = Bar(tab.page)
    bar.type(ANNA)
    tab.panel.get_by_role("radio", name="Lips", exact=True).check()
    work(tab, astronaut)
    mask, (numbers, files) = tab.mask(), files_of(tab)
    assert numbers["case"] == ANNA.name and numbers["case_notes"] == ANNA.notes
    assert all(Path(name).name.startswith("P01_Anna-") for name in files)
    scoring = ScoringTab(tab.page)
    scoring.show()
    scoring.open(astronaut)
    scoring.predict()
    lead = scoring.lead.inner_text()
    name, data = bar.save()
    assert name == "P01_Anna.philtrum"
    saved = open_case(data)
    assert saved.case == ANNA
    jobs = [(entry.job, len(entry.results)) for entry in saved.entries]
    assert jobs == [(job, count) for job in ("cleft-inpainting", "anomaly-scoring") for count in (1, 0)]

    again = Tab(other_page)
    again.ready()
    opened = Bar(other_page)
    opened.open(data)
    again.says("Case opened.")
    opened.says(ANNA)
    again.steps(1)
    assert (again.mask() == mask).all()
    expect(again.pictures).to_have_count(2)
    expect(again.page.locator("#cleft-zip")).to_be_enabled()
    expect(again.panel.get_by_role("radio", name="Lips", exact=True)).to_be_checked()
    numbers_again, files_again = files_of(again)
    assert numbers_again == numbers and files_again == files
    second = ScoringTab(other_page)
    second.page.get_by_role("tab", name="Anomaly scoring").click()
    expect(second.lead).to_have_text(lead)
    expect(second.heat).to_have_count(1)
    expect(second.canvas).to_be_visible()
    second.opened_after(None)
    assert (
        second.page.evaluate(second.field("onPage(300, 300)"))[0]
        != second.page.evaluate(second.field("onPage(0, 0)"))[0]
    )
    second.predict_again()


def test_nothing_of_one_case_is_in_another(tab: Tab, astronaut: np.ndarray, app: App):
    bar, removal, other = Bar(tab.page), RemovalTab(tab.page), examples.photo("a-cleft")
    bar.type(ANNA)
    work(tab, astronaut)
    _, first = bar.save()
    bar.new()
    expect(bar.name).to_have_value("")
    tab.has_no_result()
    expect(tab.button("Choose a photo")).to_be_visible()
    expect(tab.button("Back to the photo")).to_be_hidden()
    wait_until(lambda: not [path for path in app.folder.rglob("*") if "P01_Anna-" in path.name])
    bar.type(Case("P02"))
    work(tab, other)
    numbers, files = files_of(tab)
    _, second = bar.save()
    for content in (json.dumps(numbers).encode(), *files.values(), *members(second).values()):
        assert b"Anna" not in content and b"UCLP" not in content
    assert not members(second).keys() & {"case"} and numbers["case"] == "P02"
    photos = {entry.photos["photo"].pixels.tobytes() for entry in open_case(second).entries}
    assert photos == {other.tobytes()}
    bar.open(first)
    tab.says("Case opened.")
    bar.says(ANNA)
    expect(tab.page.locator("#cleft-zip")).to_be_enabled()
    assert (read(tab.download("result"))[:50] == astronaut[:50]).all()
    removal.page.get_by_role("tab", name="Mask removal").click()
    expect(removal.button("Choose a photo")).to_be_visible()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_was_not_saved_is_asked_about_and_a_broken_file_changes_nothing(tab: Tab, astronaut: np.ndarray):
    bar = Bar(tab.page)
    bar.type(ANNA)
    tab.open(astronaut)
    _, data = bar.save()
    bar.open(data[:-7])
    tab.says("Case not opened. This case file is cut off")
    bar.says(ANNA)
    assert tab.layer_key() is not None
    tab.suggest.click()
    tab.steps(1)
    bar.new()
    expect(bar.ask).to_be_visible()
    bar.ask.get_by_role("button", name="Keep the desk").click()
    bar.says(ANNA)
    assert tab.mask() is not None
    bar.new()
    bar.ask.get_by_role("button", name="Go on without saving").click()
    expect(bar.name).to_have_value("")
    expect(tab.button("Choose a photo")).to_be_visible()
    bar.button("Save case").click()
    tab.says("There is nothing to save yet")


def test_a_case_that_is_named_after_the_run_is_in_every_file(tab: Tab, astronaut: np.ndarray):
    bar = Bar(tab.page)
    work(tab, astronaut)
    bar.name.fill("P07")
    expect(tab.page.locator("#cleft-json")).to_be_disabled()
    expect(tab.page.locator("#cleft-zip")).to_be_enabled()
    numbers, files = files_of(tab)
    assert numbers["case"] == "P07" and all(Path(name).name.startswith("P07-") for name in files)


@pytest.fixture
def other_page(app: App, browser) -> Iterator[Page]:
    """The app in another browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(app.address)
    yield page
    context.close()
