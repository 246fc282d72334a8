"""Files of a predicted face: what is written is whole, says what made it, and whose it is."""

import hashlib
import json
import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from pypdf import PdfReader

from pipelines import __version__
from pipelines.cases.case import Case
from pipelines.cleft_inpainting import exports
from pipelines.exports import bundles, tables
from pipelines.exports.tables import json_text
from pipelines.faces.images import read_image, read_mask
from tests.pipelines.exports.made_results import WHOSE, make_result, rows_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result():
    return make_result()


def table_of(result, name: str) -> str:
    return exports.contents(result)[name].decode("utf-8-sig")


def test_json_says_what_made_the_result(result):
    facts = json.loads(json_text(exports.facts(result)))
    assert facts == exports.facts(result)
    assert facts["job"] == "cleft-inpainting" and "reference" not in facts
    assert facts["notice"] == "Research use only. Not a diagnostic device. Generated content."
    assert facts["version"] == __version__
    assert facts["weights"] == [{"name": "cleft-inpainting", "sha256": "0123456789ab"}]
    assert (facts["device"], facts["seed"], facts["face"], facts["faces"]) == ("CPU, bfloat16", 7, 1, 2)
    pixels = hashlib.sha256(result.photo.tobytes()).hexdigest()
    assert facts["photo"] == {"width": 360, "height": 480, "pixels_sha256": pixels} and facts["case"] is None
    pixels = int(result.mask.sum())
    share = pytest.approx(pixels / (360 * 480), abs=1e-6)
    edge = {"grow": 0.0, "feather": 4.0}
    assert facts["mask"] == {"source": "suggested", "extent": "lips-to-nose", **edge, "pixels": pixels, "share": share}
    assert facts["seconds"] == {"landmarks": 0.1235, "network": 0.25}
    assert exports.facts(replace(result, extent=None))["mask"]["source"] == "given"


def test_json_holds_landmarks_and_measurements(result):
    facts = exports.facts(result)
    assert [point["index"] for point in facts["landmarks"]] == list(range(68))
    assert np.allclose([point["before"] for point in facts["landmarks"]], result.landmarks_before, atol=0.0051)
    assert np.allclose([point["predicted"] for point in facts["landmarks"]], result.landmarks, atol=0.0051)
    names = {index: point["feature"] for index, point in enumerate(facts["landmarks"])}
    assert (names[0], names[16], names[17], names[30]) == ("jaw line", "jaw line", "brow, image left", "nose bridge")
    assert (names[33], names[36], names[47]) == ("nose base", "eye, image left", "eye, image right")
    assert (names[48], names[59], names[60], names[67]) == ("outer lips", "outer lips", "inner lips", "inner lips")
    for shown, one, other in zip(facts["measurements"], result.measurements_before, result.measurements, strict=True):
        assert (shown["key"], shown["unit"], shown["formula"]) == (one.key, one.unit, one.formula)
        assert shown["before"] == pytest.approx(one.value, abs=1e-6)
        assert shown["after"] == pytest.approx(other.value, abs=1e-6)


def test_a_measurement_that_cannot_be_taken_is_empty_not_nan(result):
    gone = tuple(replace(one, value=float("nan")) for one in result.measurements)
    result = replace(result, measurements=gone)
    assert all(one["after"] is None for one in json.loads(json_text(exports.facts(result)))["measurements"])
    assert all(row["after"] == "" and row["before"] for row in rows_of(table_of(result, "measurements.csv")))
    assert tables.show(gone[0]) == "–"
    assert len(PdfReader(BytesIO(bundles.report(exports, result))).pages) == 1


def test_csv_tables(result):
    landmarks = rows_of(table_of(result, "landmarks.csv"))
    assert len(landmarks) == 68
    assert list(landmarks[0]) == ["index", "feature", "x_before", "y_before", "x_predicted", "y_predicted", *WHOSE]
    assert float(landmarks[5]["y_predicted"]) == pytest.approx(result.landmarks[5, 1], abs=0.0051)
    measurements = rows_of(table_of(result, "measurements.csv"))
    assert [row["key"] for row in measurements] == [one.key for one in result.measurements]
    assert float(measurements[0]["before"]) == pytest.approx(result.measurements_before[0].value, abs=1e-4)
    assert {row["unit"] for row in measurements} == {"°", ""}


def test_every_table_and_the_report_say_whose_they_are(result):
    case = Case("P01, seen before the second operation at the age of nine years", "2026-11-27", "left", "A note.")
    named = replace(result, case=case)
    assert exports.facts(named)["case"] == case.name
    for table in (table_of(named, "landmarks.csv"), table_of(named, "measurements.csv")):
        assert {(row["case"], row["photo_pixels_sha256"]) for row in rows_of(table)} == {
            (case.name, hashlib.sha256(result.photo.tobytes()).hexdigest())
        }
    said = PdfReader(BytesIO(bundles.report(exports, named))).pages[0].extract_text()
    assert f"SHA-256 {result.photo_sha256[:16]}" in said and "P01, seen before the second operation" in said
    assert "2026-11-27 · cleft on the patient’s left" in said and "A note." in said
    assert replace(result, photo=result.photo[:, ::-1]).photo_sha256 != result.photo_sha256


def test_the_report_is_one_a4_page_that_says_what_made_it(result):
    pdf = PdfReader(BytesIO(bundles.report(exports, result)))
    assert len(pdf.pages) == 1
    page = pdf.pages[0]
    assert [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]] == [210, 297]
    text = page.extract_text()
    for said in (
        exports.facts(result)["notice"],
        f"Philtrum {__version__}",
        "cleft-inpainting",
        "0123456789ab",
        "seed 7",
        "CPU, bfloat16",
        "360 × 480 pixels, face 1 of 2",
        "suggested, lips to nose, feather 4 %",
    ):
        assert said in text, said
    for before, after in zip(result.measurements_before, result.measurements, strict=True):
        assert before.label in text
        assert tables.show(before) in text and tables.show(after) in text
    assert len(page.images) == 5


def test_the_report_shows_photo_and_prediction_side_by_side(result):
    photo = np.full_like(result.photo, (200, 0, 0))
    image = np.full_like(result.photo, (0, 0, 200))
    page = read_image(bundles.report(exports, replace(result, photo=photo, image=image), "png", dpi=50))
    assert (page[150, 100], page[150, 300]) == (pytest.approx([200, 0, 0], abs=2), pytest.approx([0, 0, 200], abs=2))


def test_the_bundle_holds_everything(result):
    bundle = bundles.bundle(exports, result)
    archive = zipfile.ZipFile(BytesIO(bundle))
    names = [
        "result.png",
        "mask.png",
        "mask-feathered.png",
        "landmarks.csv",
        "landmarks.json",
        "measurements.csv",
        "report.pdf",
    ]
    assert archive.namelist() == names
    assert archive.testzip() is None
    assert np.array_equal(read_image(archive.read("result.png")), result.image)
    assert np.array_equal(read_mask(archive.read("mask.png")), result.mask)
    assert json.loads(archive.read("landmarks.json")) == exports.facts(result)
    assert archive.read("measurements.csv").decode("utf-8-sig") == table_of(result, "measurements.csv")
    assert archive.read("report.pdf") == bundles.report(exports, result)
