"""Two scored photos on one page: aligned alike, on one scale, with their change; and only what compares."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from pypdf import PdfReader

from pipelines import Case, save_before_after
from pipelines.anomaly_scoring import before_after
from pipelines.anomaly_scoring.drawing.colouring import LOCAL_SCALE, covering
from pipelines.errors import OptionInvalid
from pipelines.exports.pages.page import draw_page
from pipelines.faces.measurements import measure
from pipelines.results import Finding, Percentile
from tests.pipelines.anomaly_scoring.test_exports import make_painted, make_result
from tests.pipelines.exports.pages.test_page import CASE, assert_apart

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def before():
    return replace(make_result(), case=Case("P07", notes="Seen twice."))


@pytest.fixture(scope="module")
def after(before):
    landmarks = before.landmarks + np.linspace(0, 6, 136, dtype=np.float32).reshape(68, 2)
    local = Finding(before.local.map / 2, before.local.area, 30.6, Percentile(41.0, 1000, "all"))
    asymmetry = replace(before.asymmetry, percentile=None)
    return replace(
        before,
        photo=before.photo[::-1].copy(),
        local=local,
        asymmetry=asymmetry,
        landmarks=landmarks,
        measurements=measure(landmarks),
        seconds={"normalizing": 2.0},
    )


def text_of(before, after) -> str:
    return " ".join(PdfReader(BytesIO(before_after.report(before, after))).pages[0].extract_text().split())


def test_one_page_says_both_their_change_and_what_made_them(before, after, tmp_path):
    save_before_after(tmp_path / "a.pdf", before, after)
    pdf = PdfReader(tmp_path / "a.pdf")
    (page,) = pdf.pages
    assert [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]] == [210, 297]
    assert pdf.metadata["/Title"] == "Anomaly scoring: before and after surgery"
    text = " ".join(page.extract_text().split())
    for said in (
        "P07", "Seen twice.", "Research use only",
        "Local severity, grey levels 61.3 30.6 −30.7", "its percentile 88 41 −47",
        "Asymmetry, % of light 23.5 23.5 +0.0", "its percentile 42 – –", "from 0 to 100",
        "What does not fit, before", "What does not fit, after", "what does not fit (grey levels)", "≥ 100",
        f"SHA-256 {before.photo_sha256[:16]}", f"SHA-256 {after.photo_sha256[:16]}",
        "cleft-inpainting, SHA-256 0123456789ab", "seed 7", "CPU, bfloat16, in 1.4 and 2.0 s", "1,000 open-set faces",
    ):  # fmt: skip
        assert said in text, said
    for one, other in zip(before.measurements, after.measurements, strict=True):
        assert f"{one.label} {before_after.show(one)} {before_after.show(other)}" in text
    sizes = [each.image.size for each in page.images]
    assert len(sizes) == 5, "two faces, two maps and one bar"
    assert sizes[0] == sizes[1] and sizes[2] == sizes[3], "of one size"
    assert min(sizes[0]) >= 600 and min(sizes[2]) >= 600, "the screen shows at most 600"


def test_both_maps_are_coloured_by_one_scale_that_covers_both(before, after):
    assert covering(LOCAL_SCALE, 99.9) is LOCAL_SCALE
    assert covering(LOCAL_SCALE, 101).upper == 150 and covering(LOCAL_SCALE, 1234).upper == 1500
    strong = replace(after, local=replace(after.local, map=before.local.map + 100))
    page = before_after.page(before, strong)
    assert page.bar.ticks[1.0] == "≥ 200" and "≥ 200" in text_of(before, strong)
    alone = before_after.page(before, before)
    assert alone.bar.ticks[1.0] == "≥ 100"
    assert not np.array_equal(alone.maps[0].image, page.maps[0].image), "the first map is on the second's scale too"
    assert np.array_equal(alone.maps[0].image, alone.maps[1].image)


def test_what_one_of_them_lacks_is_a_dash_or_not_there(before):
    painted = replace(make_painted(), case=None)
    text = text_of(painted, painted)
    assert "Local severity" not in text and "Left unlike right, before" in text and "its percentile" not in text
    half = replace(before, basis=painted.basis)
    text = text_of(half, replace(painted, case=before.case))
    assert "Local severity, grey levels 61.3 – –" in text and "Left unlike right, after" in text


def test_only_what_compares_is_compared(before, after):
    other = replace(after, basis=replace(after.basis, region="face"))
    with pytest.raises(OptionInvalid, match="different settings"):
        before_after.report(before, other)
    with pytest.raises(OptionInvalid, match="different cases"):
        before_after.card(before, replace(after, case=Case("P08")))


def test_the_same_scores_give_the_same_bytes(before, after):
    assert before_after.report(before, after) == before_after.report(before, after)
    assert before_after.report(before, after) != before_after.report(after, before)


def test_a_long_case_runs_into_nothing(before, after):
    assert_apart(draw_page(before_after.page(before, after), CASE))


def test_the_card_says_how_the_figures_went(before, after):
    facts = dict(before_after.card(before, after).facts)
    assert facts["Local severity"] == "61.3 → 30.6" and facts["Region"] == "mouth and nose"
