"""Exports of scored faces: what is written is whole, says what made it, and says nothing about anybody."""

import csv
import json
import re
import socket
import zipfile
from dataclasses import asdict, replace
from io import BytesIO, StringIO

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from pipelines import __version__, files
from pipelines.anomaly_scoring import exports
from pipelines.anomaly_scoring.choices import MAPS
from pipelines.anomaly_scoring.drawing.colouring import SCALES
from pipelines.anomaly_scoring.drawing.maps import map_picture, severity_of_100
from pipelines.cases.case import Case
from pipelines.exports import bundles, tables
from pipelines.exports.tables import NOTICE, json_text, show
from pipelines.faces.images import read_image
from pipelines.faces.measurements import measure
from pipelines.results import AdaptationFrame, AnomalyScoringResult, Basis, Finding, Percentile, WeightsUsed
from tests.pipelines.anomaly_scoring.fake_scorer import appraise
from tests.pipelines.exports.pages.test_page import assert_apart

pytestmark = pytest.mark.slow

PERCENTILE = Percentile(97.4, 1000, "all")
LOCAL_PERCENTILE = Percentile(88.26, 1000, "all")
ASYMMETRY_PERCENTILE = Percentile(41.5, 1000, "all")


def make_result(side: int = 256, kind: str = "pse", colour: str = "ycbcr", **changes) -> AnomalyScoringResult:
    """A result without running anything: a smooth picture, another one in its middle, points on an ellipse."""
    rng = np.random.default_rng(0)
    crop = cv2.resize(rng.integers(0, 256, (9, 9, 3), np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)
    middle = slice(round(0.4 * side), round(0.7 * side))
    repainted, area = np.zeros((side, side), bool), np.zeros((side, side), bool)
    repainted[middle, middle] = area[middle.start - 5 :, middle] = True
    normalized = np.where(repainted[..., None], crop // 2, crop)
    heat, score = appraise(crop, normalized, area, kind=kind, colour=colour)
    unfitting, unlike = (rng.uniform(0, upper, (side, side)).astype(np.float32) for upper in (80, 40))
    basis = Basis(
        normalizer="inpainting",
        weights="0123456789ab",
        conditions="3 searches",
        perceptual=None,
        region="mouth-nose",
        kind=kind,
        colour=colour,
        erosion=True,
        formula="equation",
        version=2,
        precision="bfloat16",
        seed=7,
    )
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    landmarks = (np.array([180, 240]) + 100 * np.stack([np.cos(angle), np.sin(angle)], 1)).astype(np.float32)
    known = {
        "photo": cv2.resize(crop, (360, 480)),
        "crop": crop,
        "normalized": normalized,
        "heat": heat,
        "area": area,
        "score": score,
        "percentile": PERCENTILE,
        "local": Finding(unfitting, area & repainted, 61.26, LOCAL_PERCENTILE),
        "asymmetry": Finding(unlike, area, 23.45678949, ASYMMETRY_PERCENTILE),
        "basis": basis,
        "repainted": repainted,
        "frames": (),
        "reappears": None,
        "losses": (),
        "mesh": np.zeros((478, 2), np.float32),
        "landmarks": landmarks,
        "measurements": measure(landmarks),
        "seconds": {"landmarks": 0.1234567, "normalizing": 1.25},
        "weights": (WeightsUsed("cleft-inpainting", "0123456789ab"),),
        "device": "CPU, bfloat16",
        "face": 0,
        "faces": 2,
    }
    return AnomalyScoringResult(**{**known, **changes})


def make_adapted(side: int = 64) -> AnomalyScoringResult:
    """The same by the other normalizer: a small crop, frames of an adaptation, a second network."""
    base = make_result(side)
    frames = tuple(AdaptationFrame(step, base.normalized, -1.5 - step / 100) for step in (0, 25, 50))
    weights = (WeightsUsed("stylegan2-faces-64", "fedcba987654"), WeightsUsed("squeezenet1_1", "0a1b2c3d4e5f"))
    basis = replace(
        base.basis,
        normalizer="stylegan2",
        weights="fedcba987654+0a1b2c3d4e5f",
        conditions="200 + 50 steps, LPIPS, SqueezeNet 1.1",
        perceptual="LPIPS, SqueezeNet 1.1",
        region="face",
    )
    return replace(
        base,
        basis=basis,
        repainted=None,
        frames=frames,
        reappears=120,
        losses=(0.5, 0.25, 0.125),
        weights=weights,
        percentile=Percentile(99.6, 137, "18 and older"),
        local=replace(base.local, percentile=None),
        asymmetry=replace(base.asymmetry, percentile=None),
    )


def make_painted() -> AnomalyScoringResult:
    """A region that was painted where the normalizer did not look, and of which no scale was measured."""
    base = make_result()
    basis, asymmetry = replace(base.basis, region="painted"), replace(base.asymmetry, percentile=None)
    return replace(base, local=None, asymmetry=asymmetry, percentile=None, basis=basis)


@pytest.fixture(scope="module")
def result():
    return make_result()


@pytest.fixture(scope="module")
def adapted():
    return make_adapted()


@pytest.fixture(scope="module")
def painted():
    return make_painted()


@pytest.fixture(scope="module")
def bundle(result):
    return bundles.bundle(exports, result)


# --- facts --------------------------------------------------------------------------------------------------------


def test_json_holds_score_and_notice_and_what_made_them(result):
    facts = json.loads(json_text(exports.facts(result)))
    assert facts == exports.facts(result)
    assert (facts["job"], facts["notice"], facts["version"]) == ("anomaly-scoring", NOTICE, __version__)
    assert facts["weights"] == [{"name": "cleft-inpainting", "sha256": "0123456789ab"}]
    assert (facts["device"], facts["seed"], facts["face"], facts["faces"]) == ("CPU, bfloat16", 7, 1, 2)
    assert facts["photo"] == {"width": 360, "height": 480, "pixels_sha256": result.photo_sha256}
    assert facts["case"] is None and exports.facts(replace(result, case=Case("P01")))["case"] == "P01"
    assert facts["score"] == {
        "severity": pytest.approx(result.score.severity, abs=1e-6),
        "severity_of_100": pytest.approx(severity_of_100(result), abs=0.01),
        "normality": pytest.approx(result.score.normality, abs=1e-6),
        "formula": "equation",
        "pixels": int(result.area.sum()),
        "percentile": 97.4,
        "percentile_faces": 1000,
        "percentile_group": "all",
    }
    assert facts["local"] == {
        "local_severity": 61.26,
        "unit": "what does not fit (grey levels)",
        "statistic": "percentile 99.5 of the map over the region",
        "pixels": int((result.area & result.repainted).sum()),
        "percentile": 88.26,
        "percentile_faces": 1000,
        "percentile_group": "all",
    }
    assert facts["asymmetry"] == {
        "asymmetry": 23.456789,
        "unit": "left unlike right (% of light)",
        "statistic": "percentile 98 of the map over the region",
        "pixels": int(result.area.sum()),
        "percentile": 41.5,
        "percentile_faces": 1000,
        "percentile_group": "all",
    }
    assert (facts["normalizer"], facts["conditions"], facts["region"]) == ("inpainting", "3 searches", "mouth-nose")
    assert facts["basis"] == asdict(result.basis) and facts["perceptual_network"] is None
    assert facts["map"] == {
        "kind": "pse",
        "colour": "ycbcr",
        "erosion": True,
        "label": "squared difference, YCbCr (grey levels²)",
        "side": 256,
    }
    assert facts["seconds"] == {"landmarks": 0.1235, "normalizing": 1.25}
    assert facts["adaptation"] == {"frames": [], "reappears_at_step": None} and facts["inversion_losses"] == []
    assert [one["key"] for one in facts["measurements"]] == [one.key for one in result.measurements]
    assert np.allclose([one["point"] for one in facts["landmarks"]], result.landmarks, atol=0.0051)


def test_json_of_an_adaptation(adapted):
    facts = json.loads(json_text(exports.facts(adapted)))
    assert [one["step"] for one in facts["adaptation"]["frames"]] == [0, 25, 50]
    assert facts["adaptation"]["frames"][1]["severity"] == -1.75
    assert facts["adaptation"]["reappears_at_step"] == 120 and facts["inversion_losses"] == [0.5, 0.25, 0.125]
    assert facts["conditions"] == "200 + 50 steps, LPIPS, SqueezeNet 1.1"
    assert facts["perceptual_network"] == "LPIPS, SqueezeNet 1.1" and facts["map"]["side"] == 64
    assert len(facts["weights"]) == 2


def test_what_the_normalizer_did_not_look_at_is_null(painted):
    facts = json.loads(json_text(exports.facts(painted)))
    assert facts["local"] is None and facts["region"] == "painted"
    assert facts["asymmetry"]["asymmetry"] == 23.456789


def test_what_is_not_known_is_null(result):
    gone = tuple(replace(one, value=float("nan")) for one in result.measurements)
    local, asymmetry = (replace(one, percentile=None) for one in (result.local, result.asymmetry))
    bare = replace(result, percentile=None, local=local, asymmetry=asymmetry, measurements=gone)
    facts = json.loads(json_text(exports.facts(bare)))
    for part in ("score", "local", "asymmetry"):
        assert all(facts[part][key] is None for key in ("percentile", "percentile_faces", "percentile_group"))
    assert all(one["value"] is None for one in facts["measurements"])
    assert all(row["value"] == "" for row in csv.DictReader(StringIO(exports.measurements_csv(bare))))


def test_measurements_as_a_table(result):
    rows = list(csv.DictReader(StringIO(exports.measurements_csv(replace(result, case=Case("P01"))))))
    assert list(rows[0]) == [
        "key",
        "label",
        "value",
        "unit",
        "formula",
        *tables.case_facts(Case("P01")),
        "photo_pixels_sha256",
    ]
    assert {(row["case"], row["photo_pixels_sha256"]) for row in rows} == {("P01", result.photo_sha256)}
    for row, one in zip(rows, result.measurements, strict=True):
        assert (row["key"], row["label"], row["unit"]) == (one.key, one.label, one.unit)
        assert float(row["value"]) == pytest.approx(one.value, abs=1e-4)


def test_every_normalizer_and_region_has_a_name():
    from pipelines.anomaly_scoring.choices import PAINTED
    from pipelines.anomaly_scoring.normalizers.base import NORMALIZERS
    from pipelines.anomaly_scoring.scoring.regions import REGIONS

    assert set(exports.NORMALIZER_NAMES) == set(NORMALIZERS)
    assert set(exports.REGION_NAMES) == {*REGIONS, PAINTED}
    assert len(set(exports.REGION_NAMES.values())) == len(REGIONS) + 1


@pytest.mark.parametrize("colour", ["ycbcr", "rgb"])
@pytest.mark.parametrize("kind", ["pse", "ssim"])
def test_every_kind_of_map_is_named(kind, colour):
    result = make_result(64, kind, colour)
    facts = exports.facts(result)
    assert (facts["map"]["kind"], facts["map"]["colour"], facts["map"]["side"]) == (kind, colour, 64)
    assert facts["map"]["label"] == SCALES[kind, colour].label
    assert SCALES[kind, colour].label + ", eroded" in text_of(result)


def test_a_raw_map_comes_back(result):
    for values in (result.heat, result.local.map, result.asymmetry.map):
        found = np.load(BytesIO(exports.raw_map(values)), allow_pickle=False)
        assert found.dtype == np.float32 and np.array_equal(found, values)


# --- files --------------------------------------------------------------------------------------------------------


def test_files_of_a_photo(result, tmp_path):
    paths = bundles.write(exports, result, tmp_path / "new" / "folder", "anna.left")
    endings = ["normalized.png", *(f"{name}.{kind}" for name in ("local", "asymmetry") for kind in ("png", "npy")),
               "heatmap.png", "npy", "json"]  # fmt: skip
    assert {ending: path.name for ending, path in paths.items()} == {one: f"anna.left.{one}" for one in endings}
    assert list(exports.files(result)) == list(exports.ENDINGS) == endings
    assert sorted(tmp_path.glob("new/folder/*")) == sorted(paths.values())
    assert np.array_equal(read_image(paths["normalized.png"]), result.normalized)
    for picture, numbers, name, values in (
        ("heatmap.png", "npy", "heat", result.heat),
        ("local.png", "local.npy", "local", result.local.map),
        ("asymmetry.png", "asymmetry.npy", "asymmetry", result.asymmetry.map),
    ):
        assert np.array_equal(read_image(paths[picture]), map_picture(result, name))
        assert np.array_equal(np.load(paths[numbers]), values)
    assert json.loads(paths["json"].read_text(encoding="utf-8")) == exports.facts(result)


def test_a_map_that_is_not_known_has_no_files(painted, tmp_path):
    paths = bundles.write(exports, painted, tmp_path, "anna")
    assert sorted(paths) == ["asymmetry.npy", "asymmetry.png", "heatmap.png", "json", "normalized.png", "npy"]
    assert sorted(tmp_path.iterdir()) == sorted(paths.values())
    assert not any("local" in name for name in zipfile.ZipFile(BytesIO(bundles.bundle(exports, painted))).namelist())


def test_a_failed_write_leaves_the_old_files_and_no_rubbish(result, tmp_path, monkeypatch):
    old = bundles.write(exports, result, tmp_path, "a")
    before = {path: path.read_bytes() for path in old.values()}
    real = files.Path.write_bytes

    def full_disk(path, data):
        if data.startswith(b"\x93NUMPY"):
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(files.Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        other = replace(result, basis=replace(result.basis, seed=8), normalized=result.crop)
        bundles.write(exports, other, tmp_path, "a")
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_bundle_holds_everything(result, bundle):
    archive = zipfile.ZipFile(BytesIO(bundle))
    assert archive.namelist() == [
        "face.png", "normalized.png", "local.png", "local.npy", "asymmetry.png", "asymmetry.npy", "heatmap.png",
        "heatmap.npy", "score.json", "measurements.csv", "report.pdf",
    ]  # fmt: skip
    assert archive.testzip() is None
    assert np.array_equal(read_image(archive.read("face.png")), result.crop)
    assert np.array_equal(read_image(archive.read("normalized.png")), result.normalized)
    for name, values in (("heat", result.heat), ("local", result.local.map), ("asymmetry", result.asymmetry.map)):
        file = "heatmap" if name == "heat" else name
        assert np.array_equal(read_image(archive.read(f"{file}.png")), map_picture(result, name))
        assert archive.read(f"{file}.npy") == exports.raw_map(values)
    assert json.loads(archive.read("score.json")) == exports.facts(result)
    assert archive.read("measurements.csv").decode("utf-8-sig") == exports.measurements_csv(result)
    assert archive.read("report.pdf") == bundles.report(exports, result)


def test_the_same_result_gives_the_same_bytes(bundle, adapted):
    assert bundles.bundle(exports, make_result()) == bundle
    assert bundles.bundle(exports, adapted) == bundles.bundle(exports, make_adapted())
    assert {info.date_time for info in zipfile.ZipFile(BytesIO(bundle)).infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_exports_tell_nothing_about_user_machine_or_time(result, monkeypatch):
    for name in ("USER", "LOGNAME", "HOSTNAME", "HOME"):
        monkeypatch.setenv(name, "/home/doctor-secret")
    monkeypatch.setattr(socket, "gethostname", lambda: "clinic-secret")
    archive = zipfile.ZipFile(BytesIO(bundles.bundle(exports, result)))
    assert b"secret" not in b"".join(archive.read(name) for name in archive.namelist())
    report = PdfReader(BytesIO(archive.read("report.pdf")))
    assert set(report.metadata) == {"/Title", "/Subject", "/Creator", "/Producer"}
    assert report.xmp_metadata is None
    for name in ("face.png", "normalized.png", "local.png", "asymmetry.png", "heatmap.png"):
        assert chunks(archive.read(name)) == {b"IHDR", b"IDAT", b"IEND"}


def chunks(png: bytes) -> set[bytes]:
    """Kinds of the chunks of a PNG file."""
    at, kinds = 8, set()
    while at < len(png):
        kinds.add(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return kinds


# --- the page to print --------------------------------------------------------------------------------------------


def text_of(result: AnomalyScoringResult) -> str:
    return PdfReader(BytesIO(bundles.report(exports, result))).pages[0].extract_text()


def test_the_report_is_one_a4_page_that_says_what_made_it(result):
    pdf = PdfReader(BytesIO(bundles.report(exports, result)))
    assert len(pdf.pages) == 1
    page = pdf.pages[0]
    assert [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]] == [210, 297]
    text = " ".join(page.extract_text().split())
    for said in (
        NOTICE,
        f"Philtrum {__version__}",
        "cleft-inpainting, SHA-256 0123456789ab",
        "seed 7",
        "CPU, bfloat16, in 1.4 s",
        "360 × 480 px, face 1 of 2",
        f"mouth and nose, {result.score.pixels:,} px",
        "Local severity, grey levels 61.3 88",
        "Asymmetry, % of light 23.5 42",
        "Severity " + f"{result.score.severity:.3f}".replace("-", "−") + " 97",
        f"Severity from 0 to 100 {severity_of_100(result):.1f}",
        "1,000 open-set faces",
        "Normality, S of equation 6 " + f"{result.score.normality:.3f}".replace("-", "−"),
        "squared difference, YCbCr (grey levels²), eroded",
        "repainting of what does not fit",
        "3 searches",
        *MAPS.values(),
    ):
        assert said in text, said
    assert text.count(MAPS["local"]) == 2  # in the page's heading and over the map
    for one in result.measurements:
        assert one.label in text and show(one) in text
    assert "open-set faces," not in text and "Reappears" not in text and "LPIPS" not in text
    assert len(page.images) == 8  # two faces, three maps and their bars


def test_the_report_of_an_adaptation(adapted):
    text = " ".join(text_of(adapted).split())
    for said in (
        "StyleGAN2 with adaptation",
        "200 + 50 steps, LPIPS, SqueezeNet 1.1",
        "stylegan2-faces-64, SHA-256 fedcba987654",
        "squeezenet1_1, SHA-256 0a1b2c3d4e5f",
        "137 open-set faces, 18 and older",
        "after 120 steps of adaptation",
        "whole face without the eyes",
    ):
        assert said in text, said


def rows_of(text: str) -> set[str]:
    """What stands as percentile behind the figures that can have one."""
    return set(re.findall(r"(?:grey levels|% of light|Severity) −?[\d.]+ (–|\d+)(?= )", text))


def test_the_report_says_no_percentile_that_nobody_measured_and_which_formula(result):
    local, asymmetry = (replace(one, percentile=None) for one in (result.local, result.asymmetry))
    other = replace(
        result,
        percentile=None,
        local=local,
        asymmetry=asymmetry,
        score=replace(result.score, formula="text", erosion=False),
    )
    text = " ".join(text_of(other).split())
    assert rows_of(text) == {"–"} and "Compared to" not in text and "eroded" not in text
    assert "−ln of the map's mean" in text and "equation 6" not in text
    for scaled in ("local", "asymmetry"):  # one of the figures has a scale: what it compares to is said
        found = replace(getattr(result, scaled), percentile=Percentile(12.3, 456, "clinic"))
        text = " ".join(text_of(replace(other, **{scaled: found})).split())
        assert "456 open-set faces, photographed as in a clinic" in text and rows_of(text) == {"12", "–"}


def test_the_report_leaves_out_what_the_normalizer_did_not_look_at(painted):
    pdf = PdfReader(BytesIO(bundles.report(exports, painted)))
    text = pdf.pages[0].extract_text()
    assert "Local severity" not in text and text.count(MAPS["local"]) == 1  # in the page's heading
    assert "23.5" in text and f"painted region, {painted.score.pixels:,} px" in text
    assert len(pdf.pages[0].images) == 6  # two faces, two maps and their bars


@pytest.mark.parametrize(
    "make", [make_result, make_adapted, make_painted, lambda: make_result(1024), lambda: make_result(64, "ssim")]
)
def test_the_report_stays_one_small_page_inside_its_margins(make):
    result = make()
    data = bundles.report(exports, result)
    assert len(PdfReader(BytesIO(data)).pages) == 1
    assert len(data) < 3e6
    page = read_image(bundles.report(exports, result, "png", dpi=50))
    assert page.shape[:2] == (584, 413)
    margin = np.concatenate([page[:, :28].reshape(-1, 3), page[:, -28:].reshape(-1, 3)])
    assert (margin == 255).all()  # nothing runs over the page's margin


def longest(name: str) -> AnomalyScoringResult:
    """A result with the longest facts of its normalizer; an inversion's are those without a perceptual network."""
    if name == "inpainting":
        base = make_result()
        first = Percentile(100.0, 123_456, "all")
        return replace(
            base,
            percentile=first,
            local=replace(base.local, value=100.04, percentile=first),
            asymmetry=replace(base.asymmetry, value=100.04, percentile=first),
            score=replace(base.score, pixels=123_456, severity=-12.3456),
            basis=replace(base.basis, region="upper-lip"),
        )
    base = make_adapted()
    if name == "lpips":
        first = Percentile(100.0, 1372, "clinic")
        return replace(
            base,
            percentile=first,
            score=replace(base.score, kind="lpips", pixels=123_456, severity=-12.3456),
            basis=replace(base.basis, perceptual="LPIPS, AlexNet", conditions="1000 + 500 steps, LPIPS, VGG"),
            weights=(*base.weights, WeightsUsed("alexnet", "0a1b2c3d4e5f")),
        )
    network = "no network: squared error, Laplacian pyramid"
    return replace(
        base,
        score=replace(base.score, pixels=123_456, severity=-12.3456),
        basis=replace(base.basis, conditions=f"1000 + 500 steps, {network}", perceptual=network),
        weights=base.weights[:1],
    )


@pytest.mark.parametrize("name", ["inpainting", "stylegan2", "lpips"])
def test_columns_of_the_report_do_not_run_into_one_another(monkeypatch, name):
    """Every text of the page, as it is drawn, keeps clear of the margin and of every other."""
    from pipelines.exports.pages import page

    figures = []
    real = page.draw_page
    monkeypatch.setattr(page, "draw_page", lambda *given: figures.append(real(*given)) or figures[-1])
    bundles.report(exports, longest(name))
    (figure,) = figures
    assert_apart(figure)
