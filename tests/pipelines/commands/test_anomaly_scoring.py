"""``python -m pipelines anomaly-scoring``: one photo, folders, painted regions, and what can be wrong with them."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader

from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.anomaly_scoring.scoring import scale
from pipelines.commands.drawn_face import drawn_face
from pipelines.faces.images import encode_png, read_image
from pipelines.models import loading
from tests.pipelines.commands.written import assert_one_sentence, names

pytestmark = pytest.mark.usefixtures("weights")

FIGURES = [
    "local_severity",
    "local_percentile",
    "asymmetry",
    "asymmetry_percentile",
    "severity",
    "normality",
    "percentile",
]
COLUMNS = ["name", *FIGURES, "region", "normalizer", "seconds", "error", "case", "photo_pixels_sha256"]
MAPS = {"heatmap": "npy", "local": "local.npy", "asymmetry": "asymmetry.npy"}
ENDINGS = sorted(["normalized.png", "json", *(f"{name}.png" for name in MAPS), *MAPS.values()])


def scores(folder: Path) -> list[dict[str, str]]:
    with (folder / "scores.csv").open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS
        return list(reader)


def facts_of(out: Path, stem: str = "anna") -> dict:
    return json.loads((out / f"{stem}.json").read_text(encoding="utf-8"))


# --- one photo ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_photo_gives_pictures_map_facts_and_a_row(run, photos, tmp_path):
    out = tmp_path / "new" / "out"
    status, said, trouble = run("anomaly-scoring", photos / "anna.png", "--out", out, "--seed", 7)
    assert (status, trouble) == (0, "")
    assert said.startswith("Done in ") and "anna" not in said
    assert names(out) == [*(f"anna.{ending}" for ending in ENDINGS), "scores.csv"]
    (row,) = scores(out)
    facts = facts_of(out)
    assert (row["name"], row["error"], row["case"]) == ("anna.png", "", "")
    assert row["photo_pixels_sha256"] == facts["photo"]["pixels_sha256"]
    assert (row["region"], row["normalizer"]) == ("mouth-nose", "inpainting")
    assert {row[name] for name in FIGURES if name.endswith("percentile")} == {""}
    assert float(row["local_severity"]) == pytest.approx(facts["local"]["local_severity"], abs=1e-4)
    assert float(row["asymmetry"]) == pytest.approx(facts["asymmetry"]["asymmetry"], abs=1e-4)
    assert float(row["local_severity"]) > 0 and float(row["asymmetry"]) > 0
    assert float(row["severity"]) == pytest.approx(facts["score"]["severity"], abs=1e-4)
    assert float(row["normality"]) == -float(row["severity"]) and float(row["seconds"]) > 0
    assert facts["seed"] == facts["basis"]["seed"] == 7 and facts["weights"][0]["name"] == "small"
    assert facts["basis"]["conditions"] == "3 searches"
    assert facts["map"] | {"side": 256, "kind": "pse", "colour": "ycbcr", "erosion": True} == facts["map"]
    assert read_image(out / "anna.normalized.png").shape == (256, 256, 3)
    for name, numbers in MAPS.items():
        values = np.load(out / f"anna.{numbers}")
        assert values.shape == (256, 256) and values.dtype == np.float32 and values.max() > 0
        assert read_image(out / f"anna.{name}.png").shape[0] == 512


@pytest.mark.slow
def test_photos_before_and_after_have_a_page_together(run, photos, tmp_path, face_png):
    for name in ("P01_before", "P01_AFTER", "P02_before", "P03_before", "P03_after"):
        (photos / f"{name}.png").write_bytes(face_png)
    (photos / "P03_before.jpg").write_bytes(face_png)  # two of one time: nobody knows which
    (photos / "P04_after.png").write_bytes(face_png)
    (photos / "P04_before.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    assert run("anomaly-scoring", photos, "--searches", 1, "--case", "study", "--out", out)[0] == 1
    assert [name for name in names(out) if name.endswith(".pdf")] == ["study-P01.before-after.pdf"]
    (page,) = PdfReader(out / "study-P01.before-after.pdf").pages
    text = " ".join(page.extract_text().split())
    assert "Before and after surgery" in text and "study" in text and "+0.0" in text


@pytest.mark.slow
def test_percentiles_are_those_of_the_group(run, photos, tmp_path, weights, monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(shutil.copytree(weights, tmp_path / "weights")))
    loading.clear()
    basis = AnomalyScoring(device="cpu", searches=1).basis()
    high, low = np.linspace(1000, 1001, 50), np.linspace(-1001, -1000, 40)
    scales = {scale.Key.of(figure, basis): high if figure == "severity" else low for figure in scale.FIGURES}
    scales |= {scale.Key.of(figure, basis, "0-8"): low for figure in scale.FIGURES}
    (tmp_path / "weights" / scale.FILE).write_bytes(scale.encode(scales))
    for words, percentiles in (((), ("100.0", "100.0", "0.0")), (("--group", "0-8"), ("100.0", "100.0", "100.0"))):
        out = tmp_path / f"out{len(words)}"
        assert run("anomaly-scoring", photos / "anna.png", *words, "--searches", 1, "--out", out)[0] == 0
        (row,) = scores(out)
        assert tuple(row[name] for name in FIGURES if name.endswith("percentile")) == percentiles
    facts = facts_of(out)
    assert {facts[part]["percentile_group"] for part in ("score", "local", "asymmetry")} == {"0-8"}


@pytest.mark.slow
def test_searches_reach_the_normalizer(run, photos, tmp_path):
    for number in (1, 2):
        out = tmp_path / str(number)
        assert run("anomaly-scoring", photos / "anna.png", "--searches", number, "--out", out)[0] == 0
    once, twice = (facts_of(tmp_path / out) for out in ("1", "2"))
    assert once["conditions"] != twice["conditions"] == "2 searches"
    assert once["local"]["local_severity"] != twice["local"]["local_severity"]
    assert once["asymmetry"] == twice["asymmetry"]


@pytest.mark.slow
def test_map_colour_erosion_region_and_formula_reach_the_score(run, photos, tmp_path):
    for out, words in (
        ("a", ("--map", "ssim", "--no-erosion", "--colour", "rgb", "--region", "face")),
        ("b", ("--map", "ssim", "--erosion", "--colour", "rgb", "--region", "face", "--formula", "text")),
    ):
        assert run("anomaly-scoring", photos / "anna.png", *words, "--out", tmp_path / out)[0] == 0
    whole, eroded = facts_of(tmp_path / "a"), facts_of(tmp_path / "b")
    assert [one["map"]["erosion"] for one in (whole, eroded)] == [False, True]
    assert {(one["map"]["kind"], one["map"]["colour"], one["region"]) for one in (whole, eroded)} == {
        ("ssim", "rgb", "face")
    }
    assert [one["score"]["formula"] for one in (whole, eroded)] == ["equation", "text"]
    maps = [np.load(tmp_path / out / "anna.npy") for out in ("a", "b")]
    assert (maps[1] <= maps[0]).all() and maps[1].sum() < maps[0].sum()
    assert scores(tmp_path / "a")[0]["region"] == "face"
    for file in ("anna.local.npy", "anna.asymmetry.npy"):  # which know nothing of the paper's map
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_files(run, photos, tmp_path):
    for out in ("a", "b"):
        assert run("anomaly-scoring", photos / "anna.png", "--seed", 3, "--out", tmp_path / out)[0] == 0
    for ending in set(ENDINGS) - {"json"}:  # which tells how long it took
        assert (tmp_path / "a" / f"anna.{ending}").read_bytes() == (tmp_path / "b" / f"anna.{ending}").read_bytes()


# --- folders ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_bad_file_of_a_folder_is_a_row_and_does_not_stop_the_rest(run, photos, tmp_path, face_png):
    (photos / "bad.jpg").write_bytes(b"junk")
    (photos / "zoe.png").write_bytes(face_png)
    (photos / "notes.txt").write_text("no photo")
    out = tmp_path / "out"
    status, said, trouble = run("anomaly-scoring", photos, "--out", out)
    assert (status, said) == (1, "3 photos: 2 done, 1 failed.\n")
    assert_one_sentence(trouble)
    assert "scores.csv" in trouble
    assert not any(name in said + trouble for name in ("anna", "bad", "zoe"))
    assert names(out) == sorted(["scores.csv", *(f"{stem}.{ending}" for stem in ("anna", "zoe") for ending in ENDINGS)])
    rows = {row["name"]: row for row in scores(out)}
    assert list(rows) == ["anna.png", "bad.jpg", "zoe.png", "notes.txt"]
    assert rows["notes.txt"]["error"].startswith("This file is no picture by its ending")
    assert rows["bad.jpg"]["error"].startswith("This file is not a picture that can be read")
    assert all(rows["bad.jpg"][column] == "" for column in COLUMNS if column not in ("name", "error"))
    for name in ("severity", "local_severity", "asymmetry"):
        assert rows["anna.png"][name] == rows["zoe.png"][name] != ""


@pytest.mark.slow
def test_photos_whose_files_would_fall_on_one_another_are_told_apart(run, photos, tmp_path, face_png):
    parts = ["asymmetry", "heatmap", "local", "normalized"]
    for part in parts:
        (photos / f"anna.{part}.png").write_bytes(face_png)
    out = tmp_path / "out"
    assert run("anomaly-scoring", photos, "--searches", 1, "--out", out)[0] == 0
    stems = ["anna-2", *(f"anna.{part}" for part in parts)]
    assert names(out) == sorted(["scores.csv", *(f"{stem}.{ending}" for stem in stems for ending in ENDINGS)])
    assert [row["name"] for row in scores(out)] == [*(f"anna.{part}.png" for part in parts), "anna.png"]


# --- painted regions ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_masks_of_a_folder_are_scored_instead_of_the_region(run, photos, tmp_path, face_png, mouth_png):
    (photos / "ben.png").write_bytes(face_png)
    (photos / "cleo.png").write_bytes(face_png)
    masks = tmp_path / "masks"
    masks.mkdir()
    (masks / "anna.png").write_bytes(mouth_png)
    (masks / "ben.png").write_bytes(encode_png(np.zeros((256, 256), np.uint8)))
    out = tmp_path / "out"
    status, _, _ = run("anomaly-scoring", photos, "--mask", masks, "--out", out)
    assert status == 1
    rows = {row["name"]: row for row in scores(out)}
    assert rows["anna.png"]["region"] == facts_of(out)["region"] == "painted"
    assert 0 < facts_of(out)["score"]["pixels"] < 10_000
    assert rows["anna.png"]["local_severity"] != "" != rows["anna.png"]["asymmetry"]
    assert rows["ben.png"]["error"].startswith("The painted region is empty")
    assert rows["cleo.png"]["error"] == "The folder of masks holds none with this photo's name."


@pytest.mark.slow
def test_what_is_painted_off_lips_and_nose_has_no_local_severity(run, photos, tmp_path):
    forehead = np.zeros((256, 256), np.uint8)
    forehead[70:90, 100:156] = 255
    (tmp_path / "forehead.png").write_bytes(encode_png(forehead))
    out = tmp_path / "out"
    words = ("anomaly-scoring", photos / "anna.png", "--mask", tmp_path / "forehead.png", "--searches", 1, "--out", out)
    assert run(*words)[0] == 0
    (row,) = scores(out)
    assert (row["local_severity"], row["local_percentile"], row["region"]) == ("", "", "painted")
    assert row["asymmetry"] != "" != row["severity"]
    assert facts_of(out)["local"] is None
    assert names(out) == [*(f"anna.{ending}" for ending in ENDINGS if "local" not in ending), "scores.csv"]


# --- what cannot run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--searches", 0), "The number of searches must be a number from 1 to 10."),
        (("--searches", 11), "The number of searches must be a number from 1 to 10."),
        (("--normalizer", "stylegan2", "--searches", 3), "The normalizer stylegan2 has no such option; leave it out."),
        (("--steps", 100), "The normalizer inpainting has no such option; leave it out."),
        (("--adaptation-steps", 10), "The normalizer inpainting has no such option; leave it out."),
        (("--normalizer", "stylegan2"), "needs a face generator"),
        (("--group", "elders"), "The group to compare with must be one of all"),
        (("--normalizer", "stylegan2", "--adaptation-steps", 501), "The steps of adaptation must be a number from 0"),
        (("--weights", "large"), "There are no weights of that name; known are small"),
        (("--mask", "missing"), "The mask or folder of masks does not exist"),
        (("--face", 2), "this photo shows 1"),
        (("--device", "tpu"), "The device must be one of"),
    ],
)
def test_what_cannot_run_is_one_sentence_and_nothing_written(run, photos, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    status, said, trouble = run("anomaly-scoring", photos / "anna.png", *words, "--out", "out")
    assert (status, said) == (2, "")
    assert_one_sentence(trouble)
    assert sentence in trouble and "anna" not in trouble
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no picture", "not a picture"), (encode_png(np.full((256, 256, 3), 90, np.uint8)), "No face was found")],
)
def test_one_bad_photo_leaves_nothing(run, tmp_path, content, sentence):
    (tmp_path / "bad.png").write_bytes(content)
    status, said, trouble = run("anomaly-scoring", tmp_path / "bad.png", "--out", tmp_path / "out")
    assert (status, said) == (2, "")
    assert_one_sentence(trouble)
    assert sentence in trouble and "bad" not in trouble
    assert names(tmp_path) == ["bad.png"]


def test_a_mask_of_another_size(run, photos, tmp_path):
    (tmp_path / "mask.png").write_bytes(encode_png(np.full((20, 30), 255, np.uint8)))
    words = ("anomaly-scoring", photos / "anna.png", "--mask", tmp_path / "mask.png", "--out", tmp_path / "out")
    status, _, trouble = run(*words)
    assert status == 2 and not (tmp_path / "out").exists()
    assert_one_sentence(trouble)
    assert "30 × 20" in trouble and "256 × 256" in trouble


@pytest.mark.parametrize("name", ["scores.csv", *(f"anna.{ending}" for ending in ENDINGS)])
def test_no_file_lands_on_a_photo_through_a_link(run, photos, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(photos / "anna.png")
    status, _, trouble = run("anomaly-scoring", photos, "--out", tmp_path / "out")
    assert status == 2 and trouble.startswith("A result would overwrite a photo, by its name or through a link")


def test_the_photos_folder_cannot_be_the_output(run, photos):
    status, _, trouble = run("anomaly-scoring", photos / "anna.png", "--out", photos)
    assert status == 2 and "so that none is overwritten" in trouble
    assert names(photos) == ["anna.png"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--map", "psnr"), "invalid choice: 'psnr'"),
        (("--region", "ears"), "invalid choice: 'ears'"),
        (("--normalizer", "pca"), "invalid choice: 'pca'"),
        (("--formula", "7"), "invalid choice: '7'"),
        (("--region", "painted"), "invalid choice: 'painted'"),
        (("--steps", "many"), "invalid int value"),
        (("--searches", "many"), "invalid int value"),
    ],
)
def test_bad_arguments(run, photos, tmp_path, words, said):
    status, _, trouble = run("anomaly-scoring", photos, "--out", tmp_path / "out", *words)
    assert status == 2 and said in trouble and "usage:" in trouble
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_photo_of_another_size_keeps_the_crop_s(run, tmp_path):
    (tmp_path / "large.png").write_bytes(encode_png(drawn_face(400)))
    assert run("anomaly-scoring", tmp_path / "large.png", "--out", tmp_path / "out")[0] == 0
    photo = facts_of(tmp_path / "out", "large")["photo"]
    assert (photo["width"], photo["height"]) == (400, 400)
    assert np.load(tmp_path / "out" / "large.npy").shape == (256, 256)
