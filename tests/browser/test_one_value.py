"""One value: the same photo has the same measures, whatever tab it is opened in."""

import json

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.driver import ScoringTab, Tab
from ui.examples import people as examples


@pytest.mark.parametrize("name", ["a-cleft", examples.PORTRAIT])
def test_every_tab_measures_the_same(tab: Tab, name: str):
    photo: np.ndarray = examples.photo(name)
    tab.open(photo)
    tab.suggest.click()
    tab.steps(1)
    tab.predict()
    before = tab.panel.locator(".measures tbody td:nth-child(2)").all_inner_texts()
    predicted = json.loads(tab.download("json"))

    scoring = ScoringTab(tab.page)
    scoring.show()
    scoring.open(photo)
    scoring.steps(1)
    scoring.predict()
    assert scoring.panel.locator(".measures tbody td:nth-child(2)").all_inner_texts() == before
    scored = json.loads(scoring.download("json"))
    assert [one["value"] for one in scored["measurements"]] == [one["before"] for one in predicted["measurements"]]
    assert [one["point"] for one in scored["landmarks"]] == [one["before"] for one in predicted["landmarks"]]
    assert scored["photo"] == predicted["photo"], "by its pixels the same photo"
    expect(scoring.panel.locator(".measures tbody tr")).to_have_count(5)
