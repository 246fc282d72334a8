"""Exports: what is written is whole, says what made it, and says nothing about anybody."""

import csv
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

from pipelines import __version__, exports, files, report, tables
from pipelines.faces.images import read_image, read_mask
from pipelines.faces.measurements import measure
from pipelines.results import CleftInpaintingResult, WeightsUsed


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
    assert facts["notice"] == "Research use only. Not a diagnostic device. Generated content."
    assert facts["version"] == __version__
    assert facts["weights"] == [{"name": "cleft-inpainting", "sha256": "0123456789ab"}]
    assert (facts["device"], facts["seed"], facts["face"], facts["faces"]) == ("CPU, bfloat16", 7, 1, 2)
    assert facts["photo"] == {"width": 360, "height": 480}
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


def test_csv_tables(result):
    landmarks = rows_of(exports.landmarks_csv(result))
    assert len(landmarks) == 68
    assert list(landmarks[0]) == ["index", "feature", "x_before", "y_before", "x_predicted", "y_predicted"]
    assert float(landmarks[5]["y_predicted"]) == pytest.approx(result.landmarks[5, 1], abs=0.0051)
    measurements = rows_of(exports.measurements_csv(result))
    assert [row["key"] for row in measurements] == [one.key for one in result.measurements]
    assert float(measurements[0]["before"]) == pytest.approx(result.measurements_before[0].value, abs=1e-4)
    assert {row["unit"] for row in measurements} == {"°", ""}


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


@pytest.mark.parametrize(("height", "width"), [(1200, 300), (300, 1200), (64, 64), (3000, 4000)])
def test_the_report_of_any_shape_stays_one_small_page(height, width):
    result = make_result(height, width)
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
    left, top, right, bottom = report._face_window(replace(result, landmarks_before=points, landmarks=points))
    assert 0 <= left < right <= 360 and 0 <= top < bottom <= 480


def test_the_report_shows_photo_and_prediction_side_by_side(result):
    photo = np.full_like(result.photo, (200, 0, 0))
    image = np.full_like(result.photo, (0, 0, 200))
    page = read_image(report.render(replace(result, photo=photo, image=image), "png", dpi=50))
    assert (page[150, 100], page[150, 300]) == (pytest.approx([200, 0, 0], abs=2), pytest.approx([0, 0, 200], abs=2))


def test_reports_drawn_at_once_are_the_same(result):
    others = [make_result(seed=seed) for seed in (1, 2)]
    alone = [exports.report_pdf(one) for one in (result, *others)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(exports.report_pdf, (result, *others)))
    assert together == alone
    assert len(set(alone)) == 3


def test_the_bundle_holds_everything(result, bundle):
    archive = zipfile.ZipFile(BytesIO(bundle))
    names = ["result.png", "mask.png", "landmarks.csv", "landmarks.json", "measurements.csv", "report.pdf"]
    assert archive.namelist() == names
    assert archive.testzip() is None
    assert np.array_equal(read_image(archive.read("result.png")), result.image)
    assert np.array_equal(read_mask(archive.read("mask.png")), result.mask)
    assert json.loads(archive.read("landmarks.json")) == exports.result_dict(result)
    assert archive.read("measurements.csv").decode("utf-8-sig") == exports.measurements_csv(result)
    assert archive.read("report.pdf") == exports.report_pdf(result)


def test_the_same_result_gives_the_same_bytes(result, bundle):
    assert exports.bundle_zip(result) == bundle
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


def test_a_failed_write_leaves_the_old_files_and_no_rubbish(result, tmp_path, monkeypatch):
    for name in ("a.png", "a.json"):
        (tmp_path / name).write_bytes(b"old")
    monkeypatch.setattr(exports, "result_json", lambda result: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        exports.write_result(result, tmp_path, "a")
    monkeypatch.undo()
    real = files.Path.write_bytes

    def full_disk(path, data):
        if ".json." in path.name:
            real(path, data[:10])
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(files.Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        exports.write_result(result, tmp_path, "a")
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.png"]
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "a.json").read_bytes() == b"old"
