"""The page in another language: a job done in German, and a page that is written from right to left."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, expect

from tests.browser.conftest import opened_page
from tests.browser.driver import Tab
from tests.browser.test_accessibility import faults
from tests.catalogue import OPEN, SHUT, template, write_bracketed
from tests.ui.apps import launched

SIZES = ((1280, 720), (820, 1180), (390, 844))
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WRITTEN = "[document.documentElement.lang, document.documentElement.dir]"


@contextmanager
def speaking(browser: Browser, weights: Path, folder: Path, script: str, **environment: str) -> Iterator[Tab]:
    """The page of an app in a language, once its network is loaded."""
    whole = {"GRADIO_TEMP_DIR": str(folder), "PHILTRUM_WEIGHTS": str(weights), **environment}
    with launched(script, folder / "log", whole) as address, opened_page(browser, address, "light") as tab:
        expect(tab.page.locator(".status-dot[data-good=true]")).to_be_visible()
        yield tab


def no_wider_than_the_screen(tab: Tab) -> None:
    for width, height in SIZES:
        tab.page.set_viewport_size({"width": width, "height": height})
        tab.page.wait_for_function(f"{WIDER} <= 0")  # gradio lays its tabs out a little later
    tab.page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})


def test_a_cleft_is_repainted_in_german(browser: Browser, weights: Path, tmp_path: Path):
    with speaking(browser, weights, tmp_path, "app.py", PHILTRUM_LANGUAGE="de") as tab:
        assert tab.page.evaluate(WRITTEN) == ["de", "ltr"]
        for job in ("Spaltübermalung", "Maskenentfernung", "Anomaliebewertung"):
            expect(tab.page.get_by_role("tab", name=job)).to_be_visible()
        tab.panel.get_by_role("button", name="Beispiel: Einseitige Spalte").click()
        tab.steps(1)
        tab.button("Rechnen").click()
        expect(tab.pictures).to_have_count(2)
        row = tab.panel.locator(".measures tbody tr").filter(has_text="Kolumellawinkel")
        expect(row.locator("td").first).to_have_text(re.compile(r"^\d+,\d$"))
        expect(tab.page.locator("#cleft-zip")).to_be_enabled()
        no_wider_than_the_screen(tab)
        assert faults(tab) == []

        tab.button("Neues Foto").click()
        tab.choose("Foto wählen", np.full((90, 90, 3), 128, np.uint8))
        tab.button("Maske vorschlagen").click()
        expect(tab.toast.filter(has_text="Kein Gesicht gefunden.")).to_be_visible()


def test_a_page_is_written_from_right_to_left_but_for_its_pictures(browser: Browser, weights: Path, tmp_path: Path):
    write_bracketed(tmp_path, template())
    words = {"PHILTRUM_LANGUAGE": "ar", "CATALOGUES": str(tmp_path)}
    with speaking(browser, weights, tmp_path, "tests/browser/bracketed_app.py", **words) as tab:
        assert tab.page.evaluate(WRITTEN) == ["ar", "rtl"]
        tab.panel.get_by_role("button", name=f"{OPEN}Example:").first.click()
        tab.steps(1)
        tab.page.locator("#cleft-run").click()
        expect(tab.pictures).to_have_count(2)

        def left(selector: str) -> float:
            box = tab.panel.locator(selector).first.bounding_box()
            assert box is not None
            return box["x"]

        assert left(".give") > left(".get"), "what is given comes first, at the right"
        assert left(".measures td:nth-child(2)") > left(".measures td:nth-child(4)")
        assert left(".compare-name") < left(".compare-name-after"), "the photo is the left half of the comparison"
        expect(tab.button(f"{OPEN}Suggest mask{SHUT}")).to_be_visible()
        no_wider_than_the_screen(tab)
        assert faults(tab) == []
