"""``case``: what a case file holds is shown, and taken out without overwriting anything."""

import json
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader

from pipelines import Case, open_case, read_image, save_case
from tests.pipelines.exports.made_results import make_removal, make_result

CASE = Case("P07 Anna", date="2026-11-27", side="left", notes="one\ntwo")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.philtrum"
    save_case(path, CASE, [make_result(), make_removal()])
    return path


def test_show_says_what_is_in_it(run, file):
    status, said, trouble = run("case", "show", file)
    assert status == 0 and not trouble
    for text in ("P07 Anna", "2026-11-27", "left", "two", "cleft-inpainting", "mask-removal", "photo 360x480"):
        assert text in said


def test_extract_writes_photos_masks_and_results(run, file, tmp_path):
    out = tmp_path / "out"
    assert run("case", "extract", file, "--out", out)[0] == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "P07_Anna-1-cleft-inpainting.json", "P07_Anna-1-cleft-inpainting.photo.mask.png",
        "P07_Anna-1-cleft-inpainting.photo.png", "P07_Anna-1-cleft-inpainting.png",
        "P07_Anna-2-mask-removal.json", "P07_Anna-2-mask-removal.photo.mask.png", "P07_Anna-2-mask-removal.photo.png",
        "P07_Anna-2-mask-removal.png", "P07_Anna-case.json",
    ]  # fmt: skip
    result = make_result()
    assert np.array_equal(read_image(out / "P07_Anna-1-cleft-inpainting.photo.png"), result.photo)
    assert np.array_equal(read_image(out / "P07_Anna-1-cleft-inpainting.png"), result.image)
    facts = json.loads((out / "P07_Anna-case.json").read_text(encoding="utf-8"))
    assert facts["case"] == "P07 Anna" and facts["entries"][0] == {"job": "cleft-inpainting", "settings": {"seed": 7}}


def test_extract_overwrites_nothing(run, file, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "P07_Anna-case.json").write_text("mine")
    status, _, trouble = run("case", "extract", file, "--out", out)
    assert status == 2 and "choose another" in trouble
    assert [path.name for path in out.iterdir()] == ["P07_Anna-case.json"]
    assert (out / "P07_Anna-case.json").read_text() == "mine"
    assert run("case", "extract", file, "--out", file)[0] == 2


def test_a_file_that_cannot_be_opened_is_told_without_its_name(run, file, tmp_path):
    damaged = tmp_path / "Anna.philtrum"
    damaged.write_bytes(file.read_bytes()[:-1])
    for path, sentence in (
        (damaged, "cut off"),
        (tmp_path / "Anna.gone", "check its path"),
        (tmp_path, "check its path"),
    ):
        status, said, trouble = run("case", "extract", path, "--out", tmp_path / "out")
        assert status == 2 and sentence in trouble and "Anna" not in said + trouble
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_report_writes_one_pdf_and_overwrites_nothing(run, file, tmp_path):
    path = tmp_path / "new" / "report.pdf"
    assert run("case", "report", file, "--output", path) == (0, "Report written.\n", "")
    pages = PdfReader(path).pages
    assert len(pages) == 3 and "P07 Anna" in pages[0].extract_text()
    status, _, trouble = run("case", "report", file, "--output", path)
    assert status == 2 and "give --output another" in trouble
    assert run("case", "report", file, "--output", file)[0] == 2 and open_case(file).case == CASE


def test_a_case_without_results_has_no_report(run, tmp_path):
    save_case(tmp_path / "a.philtrum", CASE)
    status, _, trouble = run("case", "report", tmp_path / "a.philtrum", "--output", tmp_path / "a.pdf")
    assert status == 2 and "no result yet" in trouble and not (tmp_path / "a.pdf").exists()
