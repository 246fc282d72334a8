"""Files of a face without its mask: its reference, and what each stage made."""

import hashlib
import json
import zipfile
from dataclasses import replace
from io import BytesIO

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from pipelines.cases.case import Case
from pipelines.exports import bundles, pictures, repainted
from pipelines.exports.tables import json_text
from pipelines.faces.images import read_image
from pipelines.identity.likeness import LIMITS, TWO_PEOPLE
from pipelines.mask_removal import exports
from pipelines.results import WeightsUsed
from tests.pipelines.exports.made_results import WHOSE, chunks, make_alone, make_removal, make_several, rows_of

pytestmark = pytest.mark.slow

ONE_REFERENCE = tuple(name for name in exports.STAGES if name != "sources")


@pytest.fixture(scope="module")
def removal():
    return make_removal()


@pytest.fixture(scope="module")
def alone():
    return make_alone()


def table_of(result, name: str) -> str:
    return exports.contents(result)[name].decode("utf-8-sig")


def test_json_of_a_mask_removal(removal):
    facts = json.loads(json_text(exports.facts(removal)))
    assert facts == exports.facts(removal)
    assert facts["job"] == "mask-removal" and facts["engine"] == "inpainter" and "measurements" not in facts
    assert facts["mask"]["source"] == "found" and facts["mask"]["extent"] is None
    assert facts["reference"] == {
        "width": 240,
        "height": 300,
        "pixels_sha256": hashlib.sha256(removal.reference.tobytes()).hexdigest(),
        "yaw_degrees": -12.34,
        "control_points": removal.reference_points.tolist(),
        "identity_similarity": 0.7129,
        "identity_meaning": f"Likeness to the reference: 0.71; {LIMITS}.",
        "identity_drawn_alone": None,
        "identity_question": None,
        "mean_confidence_in_hole": 0.8,
    }
    first = facts["landmarks"][0]
    assert list(first) == ["index", "feature", "guessed_under_mask", "found_in_result"]
    assert first["guessed_under_mask"] == pytest.approx(removal.landmarks_before[0], abs=0.0051)
    assert first["found_in_result"] == pytest.approx(removal.landmarks[0], abs=0.0051)
    given, suggested = replace(removal, found=None), replace(removal, found=None, extent="lips")
    assert [exports.facts(one)["mask"]["source"] for one in (given, suggested)] == ["given", "suggested"]


def test_json_of_a_mask_removal_without_reference_or_likeness(removal, alone):
    facts = json.loads(json_text(exports.facts(alone)))
    assert facts["reference"] is None and facts["job"] == "mask-removal"
    told = exports.facts(replace(removal, identity=None))["reference"]
    assert told["identity_similarity"] is told["identity_meaning"] is None and told["width"] == 240


def test_a_reference_that_hardly_shows_the_person_is_asked_about(removal):
    told = exports.facts(replace(removal, identity_alone=0.80004))["reference"]
    assert told["identity_drawn_alone"] == 0.8
    assert told["identity_question"] == exports.person_question(replace(removal, identity_alone=0.8))
    assert told["identity_question"].startswith("Does the reference show the same person? Its likeness")
    assert exports.facts(replace(removal, identity_alone=0.95))["reference"]["identity_question"] is None


def test_json_of_several_references(removal):
    facts = exports.facts(make_several())
    assert facts == json.loads(json_text(facts))
    assert facts["reference"] == exports.facts(removal)["reference"], "the most used one, in the same words"
    assert [one["number"] for one in facts["references"]] == [1, 4]
    assert [one["share_of_hole"] for one in facts["references"]] == [0.75, 0.25]
    assert [one["yaw_degrees"] for one in facts["references"]] == [-12.34, 20.0]
    assert facts["references"][0]["control_points"] == facts["reference"]["control_points"]
    assert facts["references_left_out"] == list(make_several().left_out)


def test_csv_of_a_mask_removal_says_where_landmarks_come_from(removal):
    rows = rows_of(table_of(removal, "landmarks.csv"))
    assert list(rows[0]) == [
        "index", "feature", "x_guessed_under_mask", "y_guessed_under_mask", "x_found_in_result", "y_found_in_result",
        *WHOSE,
    ]  # fmt: skip
    assert float(rows[9]["x_found_in_result"]) == pytest.approx(removal.landmarks[9, 0], abs=0.0051)
    assert float(rows[9]["y_guessed_under_mask"]) == pytest.approx(removal.landmarks_before[9, 1], abs=0.0051)
    assert rows_of(repainted.measurements_csv(removal)) == []


def test_the_report_of_a_mask_removal(removal):
    pdf = PdfReader(BytesIO(bundles.report(exports, removal)))
    assert len(pdf.pages) == 1
    assert pdf.metadata["/Title"] == "Mask removal: the face without its mask"
    text = pdf.pages[0].extract_text()
    for said in (
        exports.facts(removal)["notice"],
        "with the help of a reference photo",
        "Reference and control points",
        "Confidence in the reference",
        "0: not used",
        "1: trusted",
        "mask-removal, SHA-256 fedcba987654",
        "found, feather 4 %; ",
        "240 × 300 pixels, 6 control points",
        "turned 12.3° to image-left",
        "0.80 on average in the mask",
        "0.71 of result and reference",
        f"under {TWO_PEOPLE:.2f}",
        "seed 7",
    ):
        assert said in text, said
    assert "Measure" not in text and "Prediction" not in text
    assert len(pdf.pages[0].images) == 9  # two, three, three, and the scale of the confidence


def test_facts_of_many_lines_end_above_the_footer(removal):
    """Both columns at their longest: notes of many lines, and what two networks and a likeness have to say."""
    used = (*removal.weights, WeightsUsed("face-embedder", "0123456789ab"))
    crowded = replace(removal, weights=used, case=Case(("a case " * 10).strip(), notes="a note " * 200))
    heights: dict[str, float] = {}

    def visit(text, matrix, position, *_):
        for word in ("under", "image-left", "Research use only"):
            if word in text:
                heights[word] = matrix[5] + position[5]

    PdfReader(BytesIO(bundles.report(exports, crowded))).pages[0].extract_text(visitor_text=visit)
    assert min(heights["under"], heights["image-left"]) > heights["Research use only"] + 15  # points, from below


@pytest.mark.parametrize(
    ("engine", "titles", "images"),
    [("inpainter", ["Aligned face as drawn"], 7), ("paper", ["Coarse network", "Refinement network"], 8)],
)
def test_the_report_of_a_mask_removal_without_reference(alone, engine, titles, images):
    page = PdfReader(BytesIO(bundles.report(exports, replace(alone, engine=engine)))).pages[0]
    text = page.extract_text()
    for said in ("from the photo alone", *titles, "Reference none"):
        assert said in text, said
    assert "Confidence" not in text and "Likeness" not in text and "Its face" not in text
    assert len(page.images) == images


def test_the_report_says_no_likeness_that_nobody_measured(removal):
    text = PdfReader(BytesIO(bundles.report(exports, replace(removal, identity=None)))).pages[0].extract_text()
    assert "Likeness" not in text and "Confidence" in text
    turned = PdfReader(BytesIO(bundles.report(exports, replace(removal, reference_yaw=4.0, identity=-0.25)))).pages[0]
    assert "turned 4.0° to image-right" in turned.extract_text() and "−0.25 of" in turned.extract_text()


def test_the_report_of_a_mask_removal_shows_what_its_titles_say(removal):
    reference = np.full_like(removal.reference, (0, 200, 0))
    warped = np.full_like(removal.warped, (200, 200, 0))
    confidence = np.full_like(removal.confidence, 0.5)
    shown = replace(removal, reference=reference, warped=warped, confidence=confidence)
    page = read_image(bundles.report(exports, shown, "png", dpi=50))
    for column, colour in ((35, (0, 200, 0)), (155, (200, 200, 0)), (275, (128, 128, 128))):
        assert page[390, column] == pytest.approx(colour, abs=2)


def test_the_bundle_of_a_mask_removal_holds_its_stages_and_no_measurements(removal, alone):
    archive = zipfile.ZipFile(BytesIO(bundles.bundle(exports, removal)))
    names = ["result.png", "mask.png", "mask-feathered.png", "landmarks.csv", "landmarks.json", "report.pdf"]
    assert archive.namelist() == names + [f"stages/{name}.png" for name in ONE_REFERENCE]
    assert archive.testzip() is None
    for name, picture in exports.stage_pictures(removal).items():
        assert np.array_equal(read_image(archive.read(f"stages/{name}.png")), picture)
        assert chunks(archive.read(f"stages/{name}.png")) == {b"IHDR", b"IDAT", b"IEND"}
    kept = [f"stages/{name}.png" for name in exports.stage_pictures(alone)]
    assert zipfile.ZipFile(BytesIO(bundles.bundle(exports, alone))).namelist() == names + kept


# --- pictures of the stages -----------------------------------------------------------------------------------------


def test_stages_that_exist_in_the_order_of_work(removal, alone):
    shown = exports.stage_pictures(removal)
    assert tuple(shown) == ONE_REFERENCE
    for name, picture in shown.items():
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3, name
    given = replace(alone, found=None)
    assert list(exports.stage_pictures(given)) == ["hole", "refined", "final"], "what was drawn alone is the answer"
    assert list(exports.stage_pictures(replace(given, engine="paper"))) == ["hole", "coarse", "refined", "final"]


def test_stages_show_what_was_made(removal):
    shown = exports.stage_pictures(removal)
    assert np.array_equal(shown["warped"], removal.warped)
    assert np.array_equal(shown["coarse"], removal.coarse) and np.array_equal(shown["refined"], removal.refined)
    assert (shown["hole"][removal.hole] == 255).all()
    assert np.array_equal(shown["hole"][~removal.hole], removal.crop_before[~removal.hole])
    assert (shown["confidence"][removal.hole] == 204).all()  # 0.8
    assert (shown["confidence"][0, 0] == 0).all() and (shown["confidence"][0, -1] == 255).all()
    left, top, right, bottom = pictures.face_window(removal)
    assert np.array_equal(shown["final"], removal.image[top:bottom, left:right])


def test_the_sources_of_several_references_are_shown_in_their_colours(removal):
    several = make_several()
    shown = exports.stage_pictures(several)
    assert tuple(shown) == exports.STAGES
    assert exports.sources_legend(removal) is None
    assert exports.sources_legend(several) == "Orange: reference 1, 75 %; purple: reference 4, 25 %"
    picture = shown["sources"].astype(int)
    assert np.ptp(picture[~several.hole], axis=1).max() == 0, "grey where nothing was drawn"
    red, green, blue = picture[150, 70]
    assert red > green > blue, "orange"
    red, green, blue = picture[150, 190]
    assert red > blue > green, "purple"
    text = PdfReader(BytesIO(bundles.report(exports, several))).pages[0].extract_text()
    assert "1 by 75 %, 4 by 25 %" in text


def test_the_found_mask_is_tinted_and_the_rest_is_the_photo(removal):
    left, top, right, bottom = pictures.face_window(removal)
    shown, photo = exports.stage_pictures(removal)["segmentation"], removal.photo[top:bottom, left:right]
    found = removal.found[top:bottom, left:right]
    assert np.array_equal(shown[~found], photo[~found])
    towards = np.abs(shown[found].astype(float) - pictures.MASK_COLOUR).sum(1)
    assert (towards <= 0.51 * np.abs(photo[found].astype(float) - pictures.MASK_COLOUR).sum(1) + 2).all()


def test_control_points_lie_where_they_are(removal):
    black = replace(removal, reference=np.zeros_like(removal.reference))
    shown = exports.stage_pictures(black)["reference"]
    left, top, right, bottom = pictures.window_around(removal.reference_points, removal.reference.shape)
    assert shown.shape == (bottom - top, right - left, 3)
    drawn = (shown == pictures.POINT_COLOUR).all(-1)
    assert len(removal.reference_points) == cv2.connectedComponents(drawn.astype(np.uint8))[0] - 1
    for x, y in removal.reference_points - (left, top):
        assert drawn[int(y), int(x)]


def test_parts_of_large_photos_are_shrunk():
    removal = make_removal(3000, 4000)
    shown = exports.stage_pictures(removal)
    for name in ("segmentation", "final"):
        assert max(shown[name].shape) == exports.LONGEST, name
    left, top, right, bottom = pictures.face_window(removal)
    assert shown["final"].mean() == pytest.approx(removal.image[top:bottom, left:right].mean(), abs=0.5)
