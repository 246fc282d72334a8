"""Exports: what is written is whole, says what made it, and says nothing about anybody."""

import csv
import hashlib
import json
import socket
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO, StringIO

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from pipelines import __version__, files
from pipelines.exports import bundles as exports
from pipelines.exports import pictures, report, tables
from pipelines.exports.tables import case_name
from pipelines.faces.images import read_image, read_mask
from pipelines.faces.measurements import measure
from pipelines.results import CleftInpaintingResult, MaskRemovalResult, WeightsUsed

WHOSE = ("case", "photo_pixels_sha256")
"""Last columns of every table."""


def make_result(height: int = 480, width: int = 360, seed: int = 0) -> CleftInpaintingResult:
    """A result without running anything: a smooth picture, points on an ellipse, a mask in the middle."""
    rng = np.random.default_rng(seed)
    photo = cv2.resize(rng.integers(0, 256, (12, 9, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((height, width), bool)
    mask[int(0.55 * height) : int(0.75 * height), int(0.35 * width) : int(0.65 * width)] = True
    image = photo.copy()
    image[mask] //= 2
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    side = min(height, width)
    before = (np.array([width, height]) / 2 + 0.3 * side * np.stack([np.cos(angle), np.sin(angle)], 1)).astype(
        np.float32
    )
    after = before + rng.normal(0, 0.01 * side, before.shape).astype(np.float32)
    crop = np.zeros((256, 256, 3), np.uint8)
    return CleftInpaintingResult(
        image=image,
        photo=photo,
        mask=mask,
        alpha=mask.astype(np.float32),
        crop_before=crop,
        crop=crop,
        landmarks_before=before,
        landmarks=after,
        measurements_before=measure(before),
        measurements=measure(after),
        seconds={"landmarks": 0.1234567, "network": 0.25},
        weights=(WeightsUsed("cleft-inpainting", "0123456789ab"),),
        device="CPU, bfloat16",
        seed=7,
        face=0,
        faces=2,
        extent="philtrum",
    )


def make_removal(height: int = 480, width: int = 360) -> MaskRemovalResult:
    """The same for mask removal: a mask that was found, a reference whose face is turned, six control points."""
    shared = {key: value for key, value in vars(make_result(height, width)).items() if "measurements" not in key}
    shared |= {"extent": None, "weights": (WeightsUsed("mask-removal", "fedcba987654"),)}
    hole = np.zeros((256, 256), bool)
    hole[140:220, 60:200] = True
    smooth = [np.full((256, 256, 3), level, np.uint8) for level in (60, 120, 180)]
    around = np.array([[90, 100], [150, 100], [120, 140], [100, 170], [140, 170], [120, 190]], np.float32)
    return MaskRemovalResult(
        **shared,
        found=cv2.erode(shared["mask"].astype(np.uint8), np.ones((3, 3))).astype(bool),
        hole=hole,
        reference=make_result(300, 240, seed=5).photo,
        reference_points=around,
        reference_yaw=-12.34,
        warped=smooth[0],
        confidence=np.where(hole, np.float32(0.8), np.linspace(0, 1, 256, dtype=np.float32)),
        coarse=smooth[1],
        refined=smooth[2],
        identity=0.7129,
    )


def make_alone(height: int = 480, width: int = 360) -> MaskRemovalResult:
    """The same without a reference."""
    of_reference = ("reference", "reference_points", "reference_yaw", "warped", "confidence", "identity")
    return replace(make_removal(height, width), **dict.fromkeys(of_reference))


@pytest.fixture(scope="module")
def removal():
    return make_removal()


@pytest.fixture(scope="module")
def alone():
    return make_alone()


@pytest.fixture(scope="module")
def result():
    return make_result()


@pytest.fixture(scope="module")
def bundle(result):
    return exports.bundle_zip(result)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_json_says_what_made_the_result(result):
    facts = json.loads(exports.result_json(result))
    assert facts == exports.result_dict(result)
    assert facts["job"] == "cleft-inpainting" and "reference" not in facts
    assert facts["notice"] == "Research use only. Not a diagnostic device. Generated content."
    assert facts["version"] == __version__
    assert facts["weights"] == [{"name": "cleft-inpainting", "sha256": "0123456789ab"}]
    assert (facts["device"], facts["seed"], facts["face"], facts["faces"]) == ("CPU, bfloat16", 7, 1, 2)
    pixels = hashlib.sha256(result.photo.tobytes()).hexdigest()
    assert facts["photo"] == {"width": 360, "height": 480, "pixels_sha256": pixels} and facts["case"] is None
    pixels = int(result.mask.sum())
    share = pytest.approx(pixels / (360 * 480), abs=1e-6)
    assert facts["mask"] == {"source": "suggested", "extent": "philtrum", "pixels": pixels, "share": share}
    assert facts["seconds"] == {"landmarks": 0.1235, "network": 0.25}
    assert exports.result_dict(replace(result, extent=None))["mask"]["source"] == "given"


def test_json_holds_landmarks_and_measurements(result):
    facts = exports.result_dict(result)
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
    assert all(one["after"] is None for one in json.loads(exports.result_json(result))["measurements"])
    assert all(row["after"] == "" and row["before"] for row in rows_of(exports.measurements_csv(result)))
    assert tables.show(gone[0]) == "–"
    assert len(PdfReader(BytesIO(exports.report_pdf(result))).pages) == 1


TEXTS = (
    "=1+1.png", "+a.png", "-a.png", "@a.png", "\ta.png", "\ra.png", "\na.png", " =a", "＝a", "'=a", "''=a", "'a", "--1",
    "a,b", 'a"b', "a;b", "plain.png", "",
)  # fmt: skip
"""What names may be; a spreadsheet would run those of the first line."""


def test_no_cell_is_run_by_a_spreadsheet_and_every_text_comes_back():
    written = tables.to_csv([TEXTS])
    (cells,) = csv.reader(StringIO(written, newline=""))
    assert [tables.plain(cell) for cell in cells] == list(TEXTS)
    assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@＝") or cell[:1] in tuple("\t\r\n")]
    assert len(set(cells)) == len(TEXTS), "no two of them become one"
    assert [cell for cell in cells if cell.startswith("'")] == [f"'{text}" for text in TEXTS[:11]] + ["'a", "'--1"]


@pytest.mark.parametrize("number", ["-0.3000", "+1.2500", "-5", "+.5", "-1e-05", -2, -0.25, None])
def test_numbers_of_a_table_stay_numbers(number):
    assert tables.to_csv([(number,)]) == f"{'' if number is None else number}\n"


def test_csv_tables(result):
    landmarks = rows_of(exports.landmarks_csv(result))
    assert len(landmarks) == 68
    assert list(landmarks[0]) == ["index", "feature", "x_before", "y_before", "x_predicted", "y_predicted", *WHOSE]
    assert float(landmarks[5]["y_predicted"]) == pytest.approx(result.landmarks[5, 1], abs=0.0051)
    measurements = rows_of(exports.measurements_csv(result))
    assert [row["key"] for row in measurements] == [one.key for one in result.measurements]
    assert float(measurements[0]["before"]) == pytest.approx(result.measurements_before[0].value, abs=1e-4)
    assert {row["unit"] for row in measurements} == {"°", ""}


def test_every_table_and_the_report_say_whose_they_are(result):
    named = replace(result, case="P01, left side, seen before the second operation at the age of nine years")
    assert exports.result_dict(named)["case"] == named.case
    for table in (exports.landmarks_csv(named), exports.measurements_csv(named)):
        assert {(row["case"], row["photo_pixels_sha256"]) for row in rows_of(table)} == {
            (named.case, hashlib.sha256(result.photo.tobytes()).hexdigest())
        }
    said = PdfReader(BytesIO(exports.report_pdf(named))).pages[0].extract_text()
    assert f"SHA-256 {result.photo_sha256[:16]}" in said and "P01, left side, seen before" in said
    assert replace(result, photo=result.photo[:, ::-1]).photo_sha256 != result.photo_sha256


@pytest.mark.parametrize(
    ("typed", "kept"),
    [(None, None), (" \t", None), (" P 01\n", "P 01"), ("a" * 100, "a" * 80), ("a\x00b\u2028c", "a b c")],
)
def test_names_of_cases_are_one_line(typed, kept):
    assert case_name(typed) == kept


def test_the_feathered_mask_says_what_is_the_photo_bit_for_bit():
    alpha = np.float32([[0, 1e-6, 0.5, 1]])
    assert exports.alpha_picture(alpha).tolist() == [[0, 1, 128, 255]]


def test_json_of_a_mask_removal(removal):
    facts = json.loads(exports.result_json(removal))
    assert facts == exports.result_dict(removal)
    assert facts["job"] == "mask-removal" and "measurements" not in facts
    assert facts["mask"]["source"] == "found" and facts["mask"]["extent"] is None
    assert facts["reference"] == {
        "width": 240,
        "height": 300,
        "pixels_sha256": hashlib.sha256(removal.reference.tobytes()).hexdigest(),
        "yaw_degrees": -12.34,
        "control_points": removal.reference_points.tolist(),
        "identity_similarity": 0.7129,
        "mean_confidence_in_hole": 0.8,
    }
    first = facts["landmarks"][0]
    assert list(first) == ["index", "feature", "guessed_under_mask", "found_in_result"]
    assert first["guessed_under_mask"] == pytest.approx(removal.landmarks_before[0], abs=0.0051)
    assert first["found_in_result"] == pytest.approx(removal.landmarks[0], abs=0.0051)
    given, suggested = replace(removal, found=None), replace(removal, found=None, extent="lips")
    assert [exports.result_dict(one)["mask"]["source"] for one in (given, suggested)] == ["given", "suggested"]


def test_json_of_a_mask_removal_without_reference_or_embedder(removal, alone):
    facts = json.loads(exports.result_json(alone))
    assert facts["reference"] is None and facts["job"] == "mask-removal"
    told = exports.result_dict(replace(removal, identity=None))["reference"]
    assert told["identity_similarity"] is None and told["width"] == 240


def test_csv_of_a_mask_removal_says_where_landmarks_come_from(removal):
    rows = rows_of(exports.landmarks_csv(removal))
    assert list(rows[0]) == [
        "index", "feature", "x_guessed_under_mask", "y_guessed_under_mask", "x_found_in_result", "y_found_in_result",
        *WHOSE,
    ]  # fmt: skip
    assert float(rows[9]["x_found_in_result"]) == pytest.approx(removal.landmarks[9, 0], abs=0.0051)
    assert float(rows[9]["y_guessed_under_mask"]) == pytest.approx(removal.landmarks_before[9, 1], abs=0.0051)
    assert rows_of(exports.measurements_csv(removal)) == []


def test_values_for_people(result):
    angle, ratio = result.measurements[0], result.measurements[1]
    assert tables.show(replace(angle, value=-12.34)) == "−12.3°"
    assert tables.show(replace(angle, value=-0.01)) == "0.0°"
    assert tables.show(replace(ratio, value=0.98765)) == "0.988"


def test_the_report_is_one_a4_page_that_says_what_made_it(result):
    pdf = PdfReader(BytesIO(exports.report_pdf(result)))
    assert len(pdf.pages) == 1
    page = pdf.pages[0]
    assert [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]] == [210, 297]
    text = page.extract_text()
    for said in (
        exports.result_dict(result)["notice"],
        f"Philtrum {__version__}",
        "cleft-inpainting",
        "0123456789ab",
        "seed 7",
        "CPU, bfloat16",
        "360 × 480 pixels, face 1 of 2",
        "suggested, philtrum",
    ):
        assert said in text, said
    for before, after in zip(result.measurements_before, result.measurements, strict=True):
        assert before.label in text
        assert tables.show(before) in text and tables.show(after) in text
    assert len(page.images) == 5


def test_the_report_of_a_mask_removal(removal):
    pdf = PdfReader(BytesIO(exports.report_pdf(removal)))
    assert len(pdf.pages) == 1
    assert pdf.metadata["/Title"] == "Mask removal: the face without its mask"
    text = pdf.pages[0].extract_text()
    for said in (
        exports.result_dict(removal)["notice"],
        "with the help of a reference photo",
        "Reference and control points",
        "Confidence in the reference",
        "0: not used",
        "1: trusted",
        "mask-removal, SHA-256 fedcba987654",
        "found; ",
        "240 × 300 pixels, 6 control points",
        "turned 12.3° to image-left",
        "0.80 on average in the mask",
        "0.71 of reference and result",
        "seed 7",
    ):
        assert said in text, said
    assert "Measure" not in text and "Prediction" not in text
    assert len(pdf.pages[0].images) == 9  # two, three, three, and the scale of the confidence


def test_the_report_of_a_mask_removal_without_reference(alone):
    page = PdfReader(BytesIO(exports.report_pdf(alone))).pages[0]
    text = page.extract_text()
    for said in ("from the photo alone", "Coarse network", "Refinement network", "Reference none"):
        assert said in text, said
    assert "Confidence" not in text and "Similarity" not in text and "Its face" not in text
    assert len(page.images) == 8


def test_the_report_says_no_similarity_that_nobody_measured(removal):
    text = PdfReader(BytesIO(exports.report_pdf(replace(removal, identity=None)))).pages[0].extract_text()
    assert "Similarity" not in text and "Confidence" in text
    turned = PdfReader(BytesIO(exports.report_pdf(replace(removal, reference_yaw=4.0, identity=-0.25)))).pages[0]
    assert "turned 4.0° to image-right" in turned.extract_text() and "−0.25 of" in turned.extract_text()


@pytest.mark.parametrize("make", [make_result, make_removal, make_alone])
@pytest.mark.parametrize(("height", "width"), [(1200, 300), (300, 1200), (64, 64), (3000, 4000)])
def test_the_report_of_any_shape_stays_one_small_page(make, height, width):
    result = make(height, width)
    data = exports.report_pdf(result)
    assert len(PdfReader(BytesIO(data)).pages) == 1
    assert len(data) < 6e6
    page = read_image(report.render(result, "png", dpi=50))
    assert page.shape[:2] == (584, 413)
    margin = np.concatenate([page[:, :28].reshape(-1, 3), page[:, -28:].reshape(-1, 3)])
    assert (margin == 255).all()  # nothing runs over the page's margin


@pytest.mark.parametrize("corner", [(0.0, 0.0), (1.0, 1.0)])
def test_the_window_on_the_face_stays_inside_the_photo(result, corner):
    shift = (np.array(corner) - 0.5) * (360, 480)
    points = (result.landmarks_before + shift).astype(np.float32)  # half of the face lies outside the photo
    left, top, right, bottom = pictures.face_window(replace(result, landmarks_before=points, landmarks=points))
    assert 0 <= left < right <= 360 and 0 <= top < bottom <= 480


def test_the_report_shows_photo_and_prediction_side_by_side(result):
    photo = np.full_like(result.photo, (200, 0, 0))
    image = np.full_like(result.photo, (0, 0, 200))
    page = read_image(report.render(replace(result, photo=photo, image=image), "png", dpi=50))
    assert (page[150, 100], page[150, 300]) == (pytest.approx([200, 0, 0], abs=2), pytest.approx([0, 0, 200], abs=2))


def test_the_report_of_a_mask_removal_shows_what_its_titles_say(removal):
    reference = np.full_like(removal.reference, (0, 200, 0))
    warped = np.full_like(removal.warped, (200, 200, 0))
    confidence = np.full_like(removal.confidence, 0.5)
    page = read_image(report.render(replace(removal, reference=reference, warped=warped, confidence=confidence),
                                    "png", dpi=50))  # fmt: skip
    for column, colour in ((35, (0, 200, 0)), (155, (200, 200, 0)), (275, (128, 128, 128))):
        assert page[390, column] == pytest.approx(colour, abs=2)


def test_reports_drawn_at_once_are_the_same(result):
    others = [make_result(seed=seed) for seed in (1, 2)]
    alone = [exports.report_pdf(one) for one in (result, *others)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(exports.report_pdf, (result, *others)))
    assert together == alone
    assert len(set(alone)) == 3


def test_the_bundle_holds_everything(result, bundle):
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
    assert json.loads(archive.read("landmarks.json")) == exports.result_dict(result)
    assert archive.read("measurements.csv").decode("utf-8-sig") == exports.measurements_csv(result)
    assert archive.read("report.pdf") == exports.report_pdf(result)


def test_the_bundle_of_a_mask_removal_holds_its_stages_and_no_measurements(removal, alone):
    archive = zipfile.ZipFile(BytesIO(exports.bundle_zip(removal)))
    names = ["result.png", "mask.png", "mask-feathered.png", "landmarks.csv", "landmarks.json", "report.pdf"]
    assert archive.namelist() == names + [f"stages/{name}.png" for name in pictures.STAGES]
    assert archive.testzip() is None
    for name, picture in exports.stage_pictures(removal).items():
        assert np.array_equal(read_image(archive.read(f"stages/{name}.png")), picture)
        assert chunks(archive.read(f"stages/{name}.png")) == {b"IHDR", b"IDAT", b"IEND"}
    kept = [f"stages/{name}.png" for name in exports.stage_pictures(alone)]
    assert zipfile.ZipFile(BytesIO(exports.bundle_zip(alone))).namelist() == names + kept


def test_the_same_result_gives_the_same_bytes(result, bundle, removal):
    assert exports.bundle_zip(result) == bundle
    assert exports.bundle_zip(removal) == exports.bundle_zip(make_removal())
    assert {info.date_time for info in zipfile.ZipFile(BytesIO(bundle)).infolist()} == {(1980, 1, 1, 0, 0, 0)}


def chunks(png: bytes) -> set[bytes]:
    """Kinds of the chunks of a PNG file."""
    at, kinds = 8, set()
    while at < len(png):
        kinds.add(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return kinds


def test_exports_tell_nothing_about_user_machine_or_time(result, monkeypatch):
    for name in ("USER", "LOGNAME", "HOSTNAME", "HOME"):
        monkeypatch.setenv(name, "/home/doctor-secret")
    monkeypatch.setattr(socket, "gethostname", lambda: "clinic-secret")
    archive = zipfile.ZipFile(BytesIO(exports.bundle_zip(result)))
    assert b"secret" not in b"".join(archive.read(name) for name in archive.namelist())
    report = PdfReader(BytesIO(archive.read("report.pdf")))
    assert set(report.metadata) == {"/Title", "/Subject", "/Creator", "/Producer"}
    assert report.xmp_metadata is None
    for name in ("result.png", "mask.png"):
        assert chunks(archive.read(name)) == {b"IHDR", b"IDAT", b"IEND"}


def test_write_result_writes_picture_and_facts(result, tmp_path):
    picture, facts = exports.write_result(result, tmp_path / "new" / "folder", "anna.left")
    assert (picture.name, facts.name) == ("anna.left.png", "anna.left.json")
    assert np.array_equal(read_image(picture), result.image)
    assert json.loads(facts.read_text(encoding="utf-8")) == exports.result_dict(result)
    assert sorted(path.name for path in picture.parent.iterdir()) == ["anna.left.json", "anna.left.png"]


def test_write_result_writes_stages_where_they_are_asked_for(result, alone, tmp_path):
    exports.write_result(alone, tmp_path, "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.png"]
    exports.write_result(alone, tmp_path, "a", stages=True)
    shown = exports.stage_pictures(alone)
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "a.png", *(f"a.{name}.png" for name in shown)}
    assert np.array_equal(read_image(tmp_path / "a.coarse.png"), alone.coarse)
    exports.write_result(result, tmp_path / "cleft", "a", stages=True)
    assert sorted(path.name for path in (tmp_path / "cleft").iterdir()) == ["a.json", "a.png"]


def test_a_failed_write_leaves_the_old_files_and_no_rubbish(result, tmp_path, monkeypatch):
    for name in ("a.png", "a.json"):
        (tmp_path / name).write_bytes(b"old")
    monkeypatch.setattr(exports, "result_json", lambda result: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        exports.write_result(result, tmp_path, "a")
    monkeypatch.undo()
    real = files.Path.write_bytes

    def full_disk(path, data):
        if data.startswith(b"{"):  # the facts, which are written last
            real(path, data[:10])
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(files.Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        exports.write_result(result, tmp_path, "a")
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.png"]
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "a.json").read_bytes() == b"old"


# --- pictures of the stages -----------------------------------------------------------------------------------------


def test_stages_that_exist_in_the_order_of_work(result, removal, alone):
    shown = exports.stage_pictures(removal)
    assert tuple(shown) == pictures.STAGES
    for name, picture in shown.items():
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3, name
    assert list(exports.stage_pictures(replace(alone, found=None))) == ["hole", "coarse", "refined", "final"]
    assert exports.stage_pictures(result) == {}


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
        assert max(shown[name].shape) == pictures.LONGEST, name
    left, top, right, bottom = pictures.face_window(removal)
    assert shown["final"].mean() == pytest.approx(removal.image[top:bottom, left:right].mean(), abs=0.5)
