"""``python -m pipelines study``: what it writes and says, how it goes on, and what can be wrong with its arguments.

What a study finds is tested in ``tests/anomaly_scoring``; here a network with random weights scores a drawn face.
"""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines import devices
from pipelines.anomaly_scoring.normalizers.base import Normalized
from pipelines.anomaly_scoring.normalizers.inpainting import InpaintingNormalizer
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.anomaly_scoring.scoring.heatmaps import unlikeness
from pipelines.anomaly_scoring.study.report import FILES
from pipelines.faces.alignment import align
from pipelines.faces.images import read_image, write_png
from pipelines.models import store
from tests.pipelines.commands.written import assert_one_sentence, names

pytestmark = pytest.mark.usefixtures("weights")

WRITTEN = sorted([*FILES, "scores.jsonl"])


@pytest.fixture(autouse=True)
def no_loss_networks(monkeypatch, tmp_path):
    """The LPIPS rows would take seconds, and are tested elsewhere."""
    monkeypatch.setenv("PHILTRUM_LOSS_WEIGHTS", str(tmp_path / "none"))


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """The device of every photo that is scored."""
    made: list[str] = []
    score = AnomalyScoring.__call__

    def counted(self, photo, **options):
        made.append(str(self.device.torch_device))
        return score(self, photo, **options)

    monkeypatch.setattr(AnomalyScoring, "__call__", counted)
    return made


@pytest.fixture
def quick(monkeypatch):
    """A normalizer that only blurs."""

    def blurred(self, photo, face, *, seed=0, progress=None):
        alignment = align(photo, face)
        crop, there = alignment.crop(photo), alignment.face_in_crop(face)
        image = cv2.blur(crop, (9, 9))
        residual = unlikeness(crop.astype(np.float32) - image, there.eye_distance)
        searched = np.ones(residual.shape, bool)
        return Normalized(alignment=alignment, face=there, crop=crop, image=image, residual=residual, searched=searched)

    monkeypatch.setattr(InpaintingNormalizer, "__call__", blurred)


@pytest.fixture
def cohort(tmp_path, face_png) -> Path:
    """A folder with two patients before and after: the drawn face with a darker or a lighter mouth."""
    folder = tmp_path / "cohort"
    folder.mkdir()
    for name, shade in (("P1_before", 0.3), ("P1_after", 1.0), ("P2_before", 0.5), ("P2_after", 0.9)):
        photo = read_image(face_png).astype(np.float32)
        photo[165:190, 110:146] *= shade
        write_png(folder / f"{name}.png", photo.astype(np.uint8))
    return folder


def rows(out: Path, file: str = "scores.csv") -> list[dict[str, str]]:
    with (out / file).open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.mark.slow
def test_a_cohort_with_ratings(run, cohort, tmp_path, calls):
    ratings = tmp_path / "ratings.csv"
    rows_of = ["P1_before,1,2", "P1_after.png,7,7", "P2_before,3,2", "P2_after,6,6", "nobody,3,4"]
    ratings.write_text("\n".join([",name,rating,second", *(f"{number},{row}" for number, row in enumerate(rows_of))]))
    out = tmp_path / "new" / "out"
    words = ("study", cohort, "--ratings", ratings, "--out", out, "--device", "cpu")
    status, said, trouble = run(*words)
    assert status == 0
    lines = said.splitlines()
    assert lines[0] == (
        "4 of 5 rows of the ratings fit a photo. "
        "Columns averaged: rating, second; passed over: a column without a name."
    )
    assert lines[1] == "4 photos: 4 scored, 0 failed."
    assert [line.split(":")[0] for line in lines[2:]] == [
        *(f"{method}, {figure} and ratings" for figure in ("normality", "local severity")
          for method in ("Pearson", "Spearman")),
        "Mean change of severity",
        "Mean change of local severity",
    ]  # fmt: skip
    assert trouble.startswith(
        "Row 6 of the ratings fits no photo; check the name there.\nThe ablation table has no LPIPS"
    )
    assert not any(name in said + trouble for name in ("P1", "P2", "nobody"))
    assert names(out) == WRITTEN
    found = rows(out)
    assert [row["name"] for row in found] == sorted(path.name for path in cohort.iterdir())
    assert {row["error"] for row in found} == {""} and {row["region"] for row in found} == {"mouth-nose"}
    assert all(float(row["local_severity"]) > 0 and float(row["asymmetry"]) > 0 for row in found)
    by_local = sorted(found, key=lambda row: -float(row["local_severity"]))
    assert [row["rank"] for row in by_local] == ["1", "2", "3", "4"]
    assert [row["n"] for row in rows(out, "correlations.csv")] == ["4"] * 4
    pairs = rows(out, "pairs.csv")
    assert [row["patient"] for row in pairs] == ["P1", "P2"]
    of = {row["name"]: row for row in found}
    for row in pairs:
        for figure in ("severity", "local_severity"):
            for time in ("before", "after"):
                assert row[f"{figure}_{time}"] == of[f"{row['patient']}_{time}.png"][figure]
    assert len(rows(out, "ablation.csv")) == 16  # both regions of a face that is found in its crop
    facts = json.loads((out / "study.json").read_text(encoding="utf-8"))
    basis = AnomalyScoring(device="cpu").basis()
    assert facts["settings"] == {**vars(basis), "face": 0, "group": "all"}
    assert (basis.weights, basis.normalizer) == (store.find("small").sha256[:12], "inpainting")
    assert len(calls) == 4

    kept = {name: (out / name).read_bytes() for name in WRITTEN}
    assert run(*words) == (0, said, trouble)  # again: everything is there
    assert len(calls) == 4
    assert {name: (out / name).read_bytes() for name in WRITTEN} == kept


@pytest.mark.slow
def test_one_score_less_is_one_score_to_make(run, cohort, tmp_path, calls, quick):
    out = tmp_path / "out"
    words = ("study", cohort, "--out", out, "--device", "cpu")
    assert run(*words)[0] == 0
    before = [(row["name"], row["severity"], row["local_severity"], row["asymmetry"]) for row in rows(out)]
    lines = (out / "scores.jsonl").read_text().splitlines(keepends=True)
    (out / "scores.jsonl").write_text("".join(lines[1:]))
    assert run(*words)[0] == 0
    assert len(calls) == 5
    assert [(row["name"], row["severity"], row["local_severity"], row["asymmetry"]) for row in rows(out)] == before
    assert run(*words, "--region", "face")[0] == 0
    assert len(calls) == 9 and {row["region"] for row in rows(out)} == {"face"}
    assert run(*words, "--searches", 1)[0] == 0
    assert len(calls) == 13 and {row["region"] for row in rows(out)} == {"mouth-nose"}


@pytest.mark.slow
def test_bad_files_are_rows(run, cohort, tmp_path, quick):
    whole = (cohort / "P1_before.png").read_bytes()
    (cohort / "half.png").write_bytes(whole[: len(whole) // 2])
    (cohort / "text.jpg").write_text("This is no photo.")
    (cohort / "notes.txt").write_text("This is no photo either.")
    (cohort / "Thumbs.db").touch()
    (cohort / "ratings.csv").write_text("name,rating\nP1_before,3\n")
    words = ("study", cohort, "--ratings", cohort / "ratings.csv", "--out", cohort / "out", "--device", "cpu")
    status, said, trouble = run(*words)
    assert status == 1
    assert "\n6 photos: 4 scored, 2 failed.\n" in said
    assert trouble.endswith(
        "scores.csv in the output folder says which photos failed and which files were passed over, and why.\n"
    )
    errors = {row["name"]: row["error"] for row in rows(cohort / "out") if row["error"]}
    assert list(errors) == ["half.png", "text.jpg", "notes.txt"]
    assert all(error.endswith(".") for error in errors.values())
    assert json.loads((cohort / "out" / "study.json").read_text(encoding="utf-8"))["files_passed_over"] == 1


@pytest.mark.slow
def test_a_cohort_without_any_score(run, tmp_path):
    folder = tmp_path / "cohort"
    folder.mkdir()
    (folder / "text.jpg").write_text("This is no photo.")
    status, said, _ = run("study", folder, "--out", tmp_path / "out", "--device", "cpu")
    assert (status, said) == (2, "1 photo: 0 scored, 1 failed.\n")
    assert [row["severity"] for row in rows(tmp_path / "out")] == [""]


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done(run, cohort, tmp_path, monkeypatch, quick):
    score = AnomalyScoring.__call__
    made = []

    def stopped(self, photo, **options):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(photo)
        return score(self, photo, **options)

    monkeypatch.setattr(AnomalyScoring, "__call__", stopped)
    status, said, trouble = run("study", cohort, "--out", tmp_path / "out", "--device", "cpu")
    assert (status, said) == (130, "")
    assert_one_sentence(trouble)
    assert names(tmp_path / "out") == ["scores.jsonl"]
    assert len((tmp_path / "out" / "scores.jsonl").read_text().splitlines()) == 2


@pytest.mark.slow
def test_one_device_named_twice_is_one(run, cohort, tmp_path, calls, quick):
    words = ("study", cohort, "--out", tmp_path / "out", "--devices", "cpu", "cpu")
    assert run(*words)[0] == 0
    assert calls == ["cpu"] * 4


def test_devices_that_would_not_score_alike_are_said(run, cohort, tmp_path, calls, monkeypatch):
    choose = devices.choose
    precisions = {"cpu": "float32", "other": "bfloat16"}
    monkeypatch.setattr(devices, "choose", lambda device, precision="auto": choose("cpu", precisions[device]))
    status, said, trouble = run("study", cohort, "--out", tmp_path / "out", "--devices", "cpu", "other")
    assert (status, said, calls) == (2, "", [])
    assert_one_sentence(trouble)
    assert trouble.startswith("The devices differ in precision") and "--precision and --steps" in trouble
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--ratings", "missing.csv"], "The ratings cannot be opened"),
        (["--devices", "cuda:99"], "GPU"),
        (["--weights", "nothing"], "There are no weights of that name"),
        (["--steps", "5"], "normalizer inpainting has no such option"),
        (["--searches", "11"], "number of searches must be a number from 1 to 10"),
        (["--group", "elders"], "group to compare with must be one of all"),
        (["--map", "lpips"], "alexnet"),
    ],
)
def test_what_cannot_run_is_one_sentence_and_writes_nothing(run, cohort, tmp_path, more, sentence):
    status, said, trouble = run("study", cohort, "--out", tmp_path / "out", "--device", "cpu", *more)
    assert (status, said) == (2, "")
    assert_one_sentence(trouble)
    assert sentence in trouble
    assert not (tmp_path / "out").exists()


def test_ratings_with_words_are_said_before_anything_is_scored(run, cohort, tmp_path, calls):
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("name,rating\nP1_before,good\n")
    status, _, trouble = run("study", cohort, "--ratings", ratings, "--out", tmp_path / "out", "--device", "cpu")
    assert status == 2 and "Row 2, column 2 of the ratings holds no number" in trouble
    assert calls == [] and not (tmp_path / "out").exists()


def test_two_rows_for_one_photo_are_said_before_anything_is_scored(run, cohort, tmp_path, calls):
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("name,rating\nP1_before,3\nP1_before.png,4\n")
    status, _, trouble = run("study", cohort, "--ratings", ratings, "--out", tmp_path / "out", "--device", "cpu")
    assert (status, trouble) == (2, "Rows 2 and 3 of the ratings are for one photo; leave one of them.\n")
    assert calls == [] and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("kind", ["the ratings", "a photo"])
def test_no_file_of_a_study_lands_on_what_was_given(run, cohort, tmp_path, calls, name, kind):
    ratings = tmp_path / "my ratings.csv"
    ratings.write_text("name,rating\nP1_before,3\n")
    given = {"the ratings": ratings, "a photo": cohort / "P1_before.png"}[kind]
    before = given.read_bytes()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(given)
    status, _, trouble = run("study", cohort, "--ratings", ratings, "--out", tmp_path / "out", "--device", "cpu")
    assert (status, calls) == (2, [])
    assert trouble == f"A result would overwrite {kind}, by its name or through a link; choose another output folder.\n"
    assert given.read_bytes() == before and names(tmp_path / "out") == [name]


def test_folders_that_cannot_be_meant(run, cohort, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "Scores.csv").write_text("name,rating\nP1_before,3\n")
    for words, sentence in (
        ((cohort / "P1_before.png", "--out", tmp_path / "out"), "must be a folder of photos"),
        ((tmp_path / "missing", "--out", tmp_path / "out"), "must be a folder of photos"),
        ((empty, "--out", tmp_path / "out"), "holds no pictures"),
        ((cohort, "--out", cohort), "choose another"),
        ((cohort, "--ratings", out / "Scores.csv", "--out", out), "overwrite the ratings"),
    ):
        status, _, trouble = run("study", *words)
        assert status == 2 and sentence in trouble
        assert_one_sentence(trouble)
