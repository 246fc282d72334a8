"""The report of a case: an overview, a page of each result, and no more in memory than one."""

import weakref
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader

from pipelines import Case, PhiltrumError, open_case, save_case, save_report
from pipelines.cases.contents import Entry
from pipelines.cases.report import _groups, _Sheet
from pipelines.exports.pages.overview import Listed, overview
from tests.pipelines.anomaly_scoring.test_exports import make_result as make_scored
from tests.pipelines.exports.made_results import make_removal, make_result
from tests.pipelines.exports.pages.test_page import CASE, assert_apart

P07 = Case("P07 Anna", date="2026-11-27", side="left", notes="First line.\nSecond line.")


def pages_of(path: Path) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(path).pages]


def of_seed(seed: int, chosen: bool = False, photo: int = 0) -> Entry:
    result = replace(make_result(seed=photo), seed=seed)
    return Entry(job="cleft-inpainting", results=(result,), chosen=chosen)


@pytest.mark.slow
def test_a_case_becomes_an_overview_and_a_page_of_each_result(tmp_path):
    scored = make_scored()
    after = replace(scored, local=replace(scored.local, value=30.0))
    pair = Entry(job="anomaly-scoring", results=(scored, after))
    save_report(tmp_path / "a.pdf", P07, [make_result(), make_removal(), scored, pair])
    first, *others = pages_of(tmp_path / "a.pdf")
    for said in (
        "P07 Anna", "2026-11-27 · cleft on the patient’s left · 4 results", "First line. Second line.",
        "Cleft inpainting", "Mask removal", "Anomaly scoring", "Before and after", "61.3 → 30.0", "page 5",
        "the inpainting network", "Page 1 of 5", "Research use only",
    ):  # fmt: skip
        assert said in first, said
    titles = ["Cleft inpainting", "Mask removal", "Anomaly scoring", "Before and after surgery"]
    for number, (title, said) in enumerate(zip(titles, others, strict=True), 2):
        assert title in said and "P07 Anna" in said and f"Page {number} of 5" in said
    again = tmp_path / "again.pdf"
    save_case(tmp_path / "a.philtrum", P07, [make_result(), make_removal(), scored, pair])
    save_report(again, P07, open_case(tmp_path / "a.philtrum").entries)
    assert again.read_bytes() == (tmp_path / "a.pdf").read_bytes(), "the same results, the same bytes"
    assert set(PdfReader(again).metadata) == {"/Title", "/Subject", "/Creator", "/Producer"}
    assert again.stat().st_size < 8e6


@pytest.mark.slow
def test_of_a_photo_with_a_chosen_result_only_that_one_is_reported(tmp_path):
    entries = [of_seed(1), of_seed(2, chosen=True), of_seed(3), of_seed(4, photo=1), of_seed(5, photo=1)]
    save_report(tmp_path / "a.pdf", P07, [*entries, Entry(job="mask-removal", results=(make_removal(),))])
    first, *others = pages_of(tmp_path / "a.pdf")
    found = [said.partition("seed ")[2].split()[0] for said in others]
    assert found == ["2", "4", "5", "7"] and "★" in first


@pytest.mark.slow
def test_no_more_than_one_result_is_in_memory(tmp_path):
    alive: list[weakref.ref] = []

    class Loaded:
        def __iter__(self):
            for number in range(4):
                entry = of_seed(number)
                alive.append(weakref.ref(entry.results[0].photo))
                yield entry
                del entry
                assert sum(one() is not None for one in alive) <= 1

    save_report(tmp_path / "a.pdf", P07, Loaded())
    assert len(alive) == 8 and len(pages_of(tmp_path / "a.pdf")) == 5
    save_report(tmp_path / "b.pdf", P07, (of_seed(number) for number in range(4)))
    assert (tmp_path / "b.pdf").read_bytes() == (tmp_path / "a.pdf").read_bytes(), "what can be gone through once, too"


@pytest.mark.parametrize("entries", [[], [Entry(job="cleft-inpainting")]])
def test_a_case_without_results_is_refused_and_nothing_written(tmp_path, entries):
    with pytest.raises(PhiltrumError, match="no result yet"):
        save_report(tmp_path / "a.pdf", P07, entries)
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_fails_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    (tmp_path / "a.pdf").write_bytes(b"old")
    monkeypatch.setattr("pipelines.exports.pages.page.draw_page", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_report(tmp_path / "a.pdf", P07, [make_result()])
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"] and (tmp_path / "a.pdf").read_bytes() == b"old"


@pytest.mark.slow
@pytest.mark.parametrize(("case", "count"), [(CASE, 1), (CASE, 30), (Case("P07"), 13), (Case(), 2)])
def test_many_results_and_long_notes_run_into_nothing(case, count):
    scored = replace(make_scored(), case=None)
    entries = [make_removal(), Entry(job="anomaly-scoring", results=(scored, scored)), make_result(), scored]
    cards = [Listed(_Sheet.of(group).card, chosen=True) for group in _groups(Case(), entries)]
    sheets = overview(case, [cards[number % len(cards)] for number in range(count)])
    for figure in sheets:
        assert_apart(figure)
    pages = [text.get_text() for figure in sheets for text in figure.texts if text.get_text().startswith("page ")]
    assert pages == [f"page {number + len(sheets) + 1}" for number in range(count)]


@pytest.mark.slow
def test_pictures_of_a_report_are_those_of_the_pages(tmp_path):
    photo = np.full((1500, 1500, 3), 90, np.uint8)
    result = replace(make_result(1500, 1500), photo=photo)
    save_report(tmp_path / "a.pdf", P07, [result])
    sizes = [each.image.size for each in PdfReader(BytesIO((tmp_path / "a.pdf").read_bytes())).pages[1].images]
    assert sum(min(size) >= 600 for size in sizes) >= 5
