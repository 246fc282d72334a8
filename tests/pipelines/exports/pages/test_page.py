"""A page to print: its pictures have no fewer pixels than on the screen, and its words stay inside it."""

import re
from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader

from pipelines.cases.case import Case
from pipelines.cleft_inpainting import exports as cleft
from pipelines.exports import bundles
from pipelines.exports.pages import page
from pipelines.exports.pages.layout import Picture
from pipelines.exports.pictures import for_print
from pipelines.mask_removal import exports as removal
from tests.pipelines.exports.made_results import make_removal, make_result
from tests.sources import ROOT

COLUMN = 628
"""Pixels that a comparison is wide on a screen of 1920 × 1080 without finer pixels, as Chromium shows it."""

CASE = Case("W" * 80, date="2026-11-27", side="left", notes="Unilateral complete cleft, repaired. " * 54)


def on_screen(picture: Picture) -> tuple[int, int]:
    """Width and height that the largest stage of the page shows of a picture, which has no more pixels than it has."""
    stages = re.findall(r"\.work \{ --stage: clamp\(\d+px, [^;]*, (\d+)px\)", (ROOT / "assets/style.css").read_text())
    left, top, right, bottom = picture.window or (0, 0, *picture.image.shape[1::-1])
    scale = min(1, COLUMN / (right - left), max(map(int, stages)) / (bottom - top))
    return int((right - left) * scale), int((bottom - top) * scale)


@pytest.mark.slow
@pytest.mark.parametrize(("exports", "make"), [(cleft, make_result), (removal, make_removal)])
@pytest.mark.parametrize(("height", "width"), [(1500, 1500), (1000, 1500), (300, 200)])
def test_no_picture_has_fewer_pixels_than_on_the_screen(exports, make, height, width):
    result = replace(make(height, width), case=CASE)
    data = bundles.report(exports, result)
    (sheet,) = PdfReader(BytesIO(data)).pages
    sizes = sorted(each.image.size for each in sheet.images)
    content = exports.page(result)
    for picture in (*content.large, *(one for row in content.small for one in row)):
        wanted = on_screen(picture)
        fitting = [size for size in sizes if size[0] >= wanted[0] and size[1] >= wanted[1]]
        assert fitting, (picture.title, wanted, sizes)
        sizes.remove(fitting[0])
    assert len(data) < 7e6, "a picture of the size of the screen, not of the photo"


def test_a_large_photo_gets_the_pixels_of_the_screen_and_a_small_one_keeps_its_own():
    photo = make_result(3000, 4000).photo
    assert for_print(photo, 2 / 4000).shape == (480, 640, 3), "two inches, and as large as on the screen"
    assert for_print(photo, 4 / 4000).shape == (660, 880, 3), "four inches, as printers need it"
    assert for_print(photo[:100, :90], 4 / 100).shape == (100, 90, 3)


@pytest.mark.slow
@pytest.mark.parametrize(("exports", "make"), [(cleft, make_result), (removal, make_removal)])
def test_a_long_case_runs_into_nothing(exports, make):
    figure = page.draw_page(exports.page(make()), CASE)
    assert_apart(figure)
    said = " ".join(text.get_text() for text in figure.texts)
    assert "…" in said and "WWW" in said


def assert_apart(figure) -> None:
    """Every text of a page, as it is drawn, keeps clear of its edges and of every other."""
    figure.dpi = 300  # letters of few pixels are rounded to narrower ones than a page in print has
    renderer = figure.canvas.get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in figure.texts if text.get_text()]
    margin = figure.bbox.x1 * 0.62 / 8.27
    for number, (one, box) in enumerate(boxes):
        assert margin - 1 <= box.x0 and box.x1 <= figure.bbox.x1 - margin + 1, one
        assert figure.bbox.y1 * 0.01 <= box.y0 and box.y1 <= figure.bbox.y1 * 0.99, one
        for other, next_box in boxes[number + 1 :]:
            wide = min(box.x1, next_box.x1) - max(box.x0, next_box.x0)
            high = min(box.y1, next_box.y1) - max(box.y0, next_box.y0)
            assert wide <= 0 or high <= 0.2 * min(box.height, next_box.height), (one, other)
