"""``python -m pipelines cleft-inpainting``: one photo, folders, masks, and everything that can be wrong with them."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pipelines import __version__
from pipelines.cleft_inpainting.pipeline import CleftInpainting
from pipelines.commands.drawn_face import drawn_face
from pipelines.faces.images import encode_png, read_image, read_mask
from pipelines.faces.measurements import measure
from pipelines.results import pixels_sha256
from tests.pipelines.commands.written import assert_one_sentence, names, summary

ROOT = Path(__file__).resolve().parents[3]

pytestmark = [pytest.mark.usefixtures("weights"), pytest.mark.slow]


# --- one photo ----------------------------------------------------------------------------------------------------


def test_one_photo_gives_picture_facts_and_summary(run, photos, tmp_path):
    out = tmp_path / "new" / "out"
    status, said, trouble = run("cleft-inpainting", photos / "anna.png", "--out", out, "--seed", 7)
    assert (status, trouble) == (0, "")
    assert said.startswith("Done in ")
    assert names(out) == ["anna.json", "anna.png", "summary.csv"]
    photo, image = read_image(photos / "anna.png"), read_image(out / "anna.png")
    assert image.shape == photo.shape and not np.array_equal(image, photo)
    facts = json.loads((out / "anna.json").read_text(encoding="utf-8"))
    assert facts["version"] == __version__
    assert facts["weights"][0]["name"] == "small" and len(facts["weights"][0]["sha256"]) == 12
    assert (facts["seed"], facts["mask"]["extent"], facts["mask"]["source"]) == (7, "lips-to-nose", "suggested")
    assert "Research use only" in facts["notice"]
    assert len(facts["landmarks"]) == 68 and facts["seconds"]["network"] > 0
    (row,) = summary(out)
    assert (row["photo"], row["result"], row["status"], row["error"]) == ("anna.png", "anna.png", "done", "")
    assert (row["faces"], row["face"]) == ("1", "1")
    assert float(row["mask_share"]) == pytest.approx(facts["mask"]["share"], abs=1e-4)
    for one in measure(np.array([point["before"] for point in facts["landmarks"]])):
        assert float(row[f"{one.key}_before"]) == pytest.approx(one.value, abs=0.2)
        assert row[f"{one.key}_after"]


def test_a_case_and_the_photos_hash_stand_in_table_and_facts(run, photos, tmp_path):
    out = tmp_path / "out"
    words = ("--case-side", "left", "--case", "=A 17\n", "--case-date", "2026-11-27", "--case-notes", "a note")
    assert run("cleft-inpainting", photos / "anna.png", "--out", out, *words)[0] == 0
    assert {path.name for path in out.iterdir()} == {"=A_17-anna.png", "=A_17-anna.json", "=A_17-summary.csv"}
    facts = json.loads((out / "=A_17-anna.json").read_text(encoding="utf-8"))
    row = facts | {"case": f"'{facts['case']}"}
    with (out / "=A_17-summary.csv").open(encoding="utf-8-sig", newline="") as file:
        (found,) = csv.DictReader(file)
    assert facts["case"] == "=A 17" and facts["case_notes"] == "a note"
    assert all(found[name] == row[name] for name in ("case", "case_date", "case_side", "case_notes"))
    assert found["photo_pixels_sha256"] == pixels_sha256(read_image(photos / "anna.png"))


def test_a_mask_of_another_size_is_scaled_and_one_of_other_proportions_refused(run, photos, tmp_path, mouth_png):
    photo = read_image(photos / "anna.png")
    mask = read_mask(mouth_png)
    (tmp_path / "full.png").write_bytes(mouth_png)
    for name, size in (("half", (128, 128)), ("flat", (128, 40))):
        small = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
        (tmp_path / f"{name}.png").write_bytes(encode_png(small))
    whole = ("--mask", tmp_path / "full.png", "--out", tmp_path / "full")
    assert run("cleft-inpainting", photos / "anna.png", *whole)[0] == 0
    half = ("--mask", tmp_path / "half.png", "--out", tmp_path / "half")
    assert run("cleft-inpainting", photos / "anna.png", *half)[0] == 0
    (full,), (scaled,) = summary(tmp_path / "full"), summary(tmp_path / "half")
    assert float(scaled["mask_share"]) == pytest.approx(float(full["mask_share"]), rel=0.1)
    assert read_image(tmp_path / "half" / "anna.png").shape == photo.shape
    flat = ("--mask", tmp_path / "flat.png", "--out", tmp_path / "flat")
    status, _, trouble = run("cleft-inpainting", photos / "anna.png", *flat)
    assert status == 2 and "give a mask of the photo's size or proportions" in trouble
    assert not (tmp_path / "flat").exists()


def test_suggested_extents_differ(run, photos, tmp_path):
    share = {}
    for extent in ("lips", "lips-to-nose", "lower-face"):
        assert run("cleft-inpainting", photos / "anna.png", "--auto", extent, "--out", tmp_path / extent)[0] == 0
        share[extent] = float(summary(tmp_path / extent)[0]["mask_share"])
    assert share["lips"] < share["lips-to-nose"] < share["lower-face"]


def test_white_of_a_mask_file_is_repainted_and_nothing_else(run, photos, tmp_path, mouth_png):
    mask = tmp_path / "mask.png"
    mask.write_bytes(mouth_png)
    out = tmp_path / "out"
    words = ("cleft-inpainting", photos / "anna.png", "--mask", mask, "--feather", 0, "--out", out)
    assert run(*words)[0] == 0
    photo, image, white = read_image(photos / "anna.png"), read_image(out / "anna.png"), read_mask(mask)
    assert np.array_equal(image[~white], photo[~white])
    assert (image[white] != photo[white]).any(1).mean() > 0.5
    assert json.loads((out / "anna.json").read_text(encoding="utf-8"))["mask"]["source"] == "given"
    assert run(*words, "--grow", 4)[0] == 0
    assert (read_image(out / "anna.png")[~white] != photo[~white]).any()


def test_the_same_seed_gives_the_same_file(run, photos, tmp_path):
    for out in ("a", "b"):
        assert run("cleft-inpainting", photos / "anna.png", "--seed", 3, "--out", tmp_path / out)[0] == 0
    assert (tmp_path / "a/anna.png").read_bytes() == (tmp_path / "b/anna.png").read_bytes()


def test_a_turned_photo_with_a_position_comes_back_upright_and_without_it(run, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    photo = np.ascontiguousarray(np.rot90(drawn_face(256)))
    Image.fromarray(photo).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    out = tmp_path / "out"
    assert run("cleft-inpainting", tmp_path / "turned.jpg", "--out", out)[0] == 0
    result = Image.open(out / "turned.png")
    assert result.info == {} and not result.getexif()
    assert np.abs(np.asarray(result)[:80].astype(int) - drawn_face(256)[:80]).mean() < 4


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no picture", "not a picture that can be read"),
        (b"", "not a picture that can be read"),
        (encode_png(drawn_face(256))[:4000], "damaged or incomplete"),
        (encode_png(np.full((256, 256, 3), 90, np.uint8)), "No face was found"),
        (encode_png(np.zeros((8, 8, 3), np.uint8)), "pixels"),
    ],
)
def test_one_bad_photo_is_one_sentence_and_nothing_written(run, tmp_path, content, sentence):
    (tmp_path / "bad.png").write_bytes(content)
    status, said, trouble = run("cleft-inpainting", tmp_path / "bad.png", "--out", tmp_path / "out")
    assert (status, said) == (2, "")
    assert_one_sentence(trouble)
    assert sentence in trouble and "bad" not in trouble
    assert names(tmp_path) == ["bad.png"]


def test_a_face_that_is_not_there(run, photos, tmp_path):
    status, _, trouble = run("cleft-inpainting", photos / "anna.png", "--face", 2, "--out", tmp_path / "out")
    assert status == 2 and not (tmp_path / "out").exists()
    assert_one_sentence(trouble)
    assert "2" in trouble and "shows 1" in trouble


def test_a_mask_of_another_size(run, photos, tmp_path):
    (tmp_path / "mask.png").write_bytes(encode_png(np.full((20, 30), 255, np.uint8)))
    status, _, trouble = run(
        "cleft-inpainting", photos / "anna.png", "--mask", tmp_path / "mask.png", "--out", tmp_path / "out"
    )
    assert status == 2 and not (tmp_path / "out").exists()
    assert_one_sentence(trouble)
    assert "30 × 20" in trouble and "256 × 256" in trouble


def test_an_empty_mask(run, photos, tmp_path):
    (tmp_path / "mask.png").write_bytes(encode_png(np.zeros((256, 256), np.uint8)))
    status, _, trouble = run(
        "cleft-inpainting", photos / "anna.png", "--mask", tmp_path / "mask.png", "--out", tmp_path / "out"
    )
    assert status == 2 and "mask is empty" in trouble


# --- folders ------------------------------------------------------------------------------------------------------


def test_one_bad_file_of_a_folder_is_a_row_and_does_not_stop_the_rest(run, photos, tmp_path, face_png):
    (photos / "bad.jpg").write_bytes(b"junk")
    (photos / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    (photos / "zoe.png").write_bytes(face_png)
    (photos / "notes.txt").write_text("no photo")
    (photos / ".hidden.png").write_bytes(face_png)
    (photos / "inner").mkdir()
    (photos / "inner" / "deep.png").write_bytes(face_png)
    out = tmp_path / "out"
    status, said, trouble = run("cleft-inpainting", photos, "--out", out)
    assert status == 1
    assert said == "4 photos: 2 done, 2 failed.\n"
    assert_one_sentence(trouble)
    assert trouble.startswith("summary.csv in the output folder says which photos failed and which files were passed")
    assert not any(name in trouble for name in ("bad", "notes", "inner"))
    assert names(out) == ["anna.json", "anna.png", "summary.csv", "zoe.json", "zoe.png"]
    rows = {row["photo"]: row for row in summary(out)}
    assert list(rows) == ["anna.png", "bad.jpg", "phone.heic", "zoe.png", "inner/", "notes.txt"]
    assert [row["status"] for row in rows.values()] == ["done", "failed", "failed", "done", "skipped", "skipped"]
    assert rows["bad.jpg"]["error"].startswith("This file is not a picture that can be read")
    assert rows["phone.heic"]["error"].endswith(".")
    assert rows["bad.jpg"]["result"] == rows["bad.jpg"]["seconds"] == rows["bad.jpg"]["nasal_tip_deviation_after"] == ""


def test_a_folder_that_works(run, photos, tmp_path, face_png):
    (photos / "ben.png").write_bytes(face_png)
    assert run("cleft-inpainting", photos, "--out", tmp_path / "out") == (0, "2 photos: 2 done, 0 failed.\n", "")


def test_a_folder_in_which_every_photo_fails(run, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a.png", "b.png"):
        (photos / name).write_bytes(b"junk")
    status, said, _ = run("cleft-inpainting", photos, "--out", tmp_path / "out")
    assert (status, said) == (2, "2 photos: 0 done, 2 failed.\n")
    assert names(tmp_path / "out") == ["summary.csv"]
    assert all(row["error"] for row in summary(tmp_path / "out"))


def test_something_unexpected_is_a_row_too(run, photos, tmp_path, face_png, monkeypatch):
    (photos / "ben.png").write_bytes(face_png)
    real, calls = CleftInpainting.__call__, []

    def once_broken(self, *args, **options):
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError
        return real(self, *args, **options)

    monkeypatch.setattr(CleftInpainting, "__call__", once_broken)
    assert run("cleft-inpainting", photos, "--out", tmp_path / "out")[0] == 1
    assert summary(tmp_path / "out")[0]["error"] == "Something unexpected went wrong (MemoryError)."


def test_masks_of_a_folder_are_matched_by_stem(run, photos, tmp_path, face_png, mouth_png):
    for name in ("ben.png", "cleo.png", "dora.png"):
        (photos / name).write_bytes(face_png)
    masks = tmp_path / "masks"
    masks.mkdir()
    (masks / "anna.png").write_bytes(mouth_png)
    Image.open(photos / "anna.png").convert("L").point(lambda value: 0).save(masks / "ben.bmp")
    for name in ("cleo.png", "cleo.bmp"):
        Image.fromarray(np.zeros((256, 256), np.uint8)).save(masks / name)
    out = tmp_path / "out"
    assert run("cleft-inpainting", photos, "--mask", masks, "--feather", 0, "--out", out)[0] == 1
    rows = {row["photo"]: row for row in summary(out)}
    assert rows["anna.png"]["status"] == "done"
    assert float(rows["anna.png"]["mask_share"]) == pytest.approx(read_mask(masks / "anna.png").mean(), abs=1e-3)
    assert "mask is empty" in rows["ben.png"]["error"]
    assert rows["cleo.png"]["error"] == "The folder of masks holds several with this photo's name; leave one there."
    assert rows["dora.png"]["error"] == "The folder of masks holds none with this photo's name."


def test_a_mask_that_has_the_photos_whole_name_goes_first(run, photos, tmp_path, face_png, mouth_png):
    cv2.imwrite(str(photos / "anna.bmp"), drawn_face(256)[..., ::-1])
    masks = tmp_path / "masks"
    masks.mkdir()
    (masks / "anna.png").write_bytes(mouth_png)
    (masks / "anna.bmp.png").write_bytes(encode_png(np.zeros((256, 256), np.uint8)))
    out = tmp_path / "out"
    assert run("cleft-inpainting", photos, "--mask", masks, "--out", out)[0] == 1
    assert {row["photo"]: row["status"] for row in summary(out)} == {"anna.bmp": "failed", "anna.png": "done"}


def test_one_mask_file_serves_every_photo_of_its_proportions(run, photos, tmp_path, mouth_png):
    (photos / "large.png").write_bytes(encode_png(drawn_face(300)))
    (photos / "wide.png").write_bytes(encode_png(np.pad(drawn_face(300), ((0, 0), (0, 60), (0, 0)))))
    (tmp_path / "mask.png").write_bytes(mouth_png)
    out = tmp_path / "out"
    assert run("cleft-inpainting", photos, "--mask", tmp_path / "mask.png", "--out", out)[0] == 1
    rows = {row["photo"]: row for row in summary(out)}
    assert rows["anna.png"]["status"] == rows["large.png"]["status"] == "done"
    assert "360 × 300" in rows["wide.png"]["error"]


def test_a_scan_with_another_ending_and_a_mask_without_a_photo(run, photos, tmp_path, mouth_png):
    Image.fromarray(drawn_face(256)).save(photos / "scan.jfif", "JPEG", quality=95)
    masks = tmp_path / "masks"
    masks.mkdir()
    for name in ("anna.png", "scan.png", "zoe.png"):
        (masks / name).write_bytes(mouth_png)
    out = tmp_path / "out"
    status, said, trouble = run("cleft-inpainting", photos, "--mask", masks, "--out", out)
    assert (status, said) == (0, "2 photos: 2 done, 0 failed.\n")
    assert trouble == "summary.csv in the output folder says which files were passed over, and why.\n"
    rows = {row["photo"]: row for row in summary(out)}
    assert [row["status"] for row in rows.values()] == ["done", "done", "skipped"]
    assert rows["masks/zoe.png"]["error"] == "No photo has this name, so the mask was not used."
    assert rows["scan.jfif"]["result"] == "scan.png"


def test_photos_of_one_stem_do_not_overwrite_each_other(run, photos, tmp_path):
    Image.fromarray(drawn_face(300)).save(photos / "anna.jpg", quality=95)
    out = tmp_path / "out"
    assert run("cleft-inpainting", photos, "--out", out)[0] == 0
    rows = {row["photo"]: row["result"] for row in summary(out)}
    assert rows == {"anna.jpg": "anna.jpg.png", "anna.png": "anna.png.png"}
    assert read_image(out / "anna.jpg.png").shape == (300, 300, 3)
    assert read_image(out / "anna.png.png").shape == (256, 256, 3)


@pytest.mark.needs(sys.platform == "linux", reason="file names of other systems are always Unicode")
def test_a_name_that_is_no_unicode(run, photos, tmp_path, face_png):
    with open(os.fsencode(photos) + b"/\xff.png", "wb") as file:
        file.write(face_png)
    out = tmp_path / "out"
    assert run("cleft-inpainting", photos, "--out", out)[0] == 0
    assert {row["photo"] for row in summary(out)} == {"anna.png", "?.png"}
    assert len(names(out)) == 5


# --- where nothing may be overwritten -----------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["photos", "photos/anna.png"])
@pytest.mark.parametrize("out", ["photos", "photos/../photos", "link"])
def test_the_photos_folder_cannot_be_the_output(run, photos, tmp_path, face_png, source, out):
    (tmp_path / "link").symlink_to(photos)
    status, _, trouble = run("cleft-inpainting", tmp_path / source, "--out", tmp_path / out)
    assert status == 2
    assert_one_sentence(trouble)
    assert "so that none is overwritten" in trouble
    assert names(photos) == ["anna.png"]
    assert (photos / "anna.png").read_bytes() == face_png


@pytest.mark.parametrize("mask", ["masks", "masks/anna.png"])
def test_the_masks_folder_cannot_be_the_output(run, photos, tmp_path, mouth_png, mask):
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "anna.png").write_bytes(mouth_png)
    status, _, trouble = run("cleft-inpainting", photos, "--mask", tmp_path / mask, "--out", tmp_path / "masks")
    assert status == 2 and "so that none is overwritten" in trouble
    assert (tmp_path / "masks" / "anna.png").read_bytes() == mouth_png


@pytest.mark.parametrize("kind", ["photo", "mask", "weights"])
def test_no_result_lands_on_what_was_given_through_a_link(run, photos, tmp_path, mouth_png, weights, kind):
    (tmp_path / "mask.png").write_bytes(mouth_png)
    given = {
        "photo": photos / "anna.png",
        "mask": tmp_path / "mask.png",
        "weights": next(weights.glob("*.safetensors")),
    }
    before = given[kind].read_bytes()
    out = tmp_path / "out"
    out.mkdir()
    (out / "anna.png").hardlink_to(given[kind])
    words = ("cleft-inpainting", photos, "--mask", tmp_path / "mask.png", "--out", out)
    status, said, trouble = run(*words)
    assert (status, said) == (2, "")
    assert_one_sentence(trouble)
    assert trouble.startswith("A result would overwrite ") and kind in trouble
    assert given[kind].read_bytes() == before and names(out) == ["anna.png"]


def test_the_output_may_lie_inside_the_photos_folder(run, photos):
    for _ in range(2):  # results are not taken for photos the second time
        assert run("cleft-inpainting", photos, "--out", photos / "results")[1] == "1 photo: 1 done, 0 failed.\n"
    assert names(photos) == ["anna.png", "results"]


def test_a_folder_that_cannot_be_written_is_one_sentence(run, photos, tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    for source in (photos, photos / "anna.png"):
        status, _, trouble = run("cleft-inpainting", source, "--out", tmp_path / "out")
        assert (status, trouble) == (2, "A file could not be read or written: no space left on device.\n")
        assert names(tmp_path / "out") == []


# --- what cannot run at all ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["missing.png"], "The photo or folder does not exist"),
        (["empty"], "The folder holds no pictures"),
        (["photos", "--mask", "missing"], "The mask or folder of masks does not exist"),
        (["photos", "--device", "tpu"], "The device must be one of"),
        (["photos", "--device", "cpu", "--precision", "float16"], "A CPU cannot compute in float16"),
        (["photos", "--weights", "large"], "There are no weights of that name; known are small"),
    ],
)
def test_what_cannot_run_is_one_sentence_and_nothing_written(run, photos, tmp_path, monkeypatch, words, sentence):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    status, said, trouble = run("cleft-inpainting", *words, "--out", "out")
    assert (status, said) == (2, "")
    assert_one_sentence(trouble)
    assert sentence in trouble
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file(run, photos, tmp_path):
    (tmp_path / "out").write_text("mine")
    status, _, trouble = run("cleft-inpainting", photos, "--out", tmp_path / "out")
    assert status == 2 and "The output must be a folder" in trouble
    assert (tmp_path / "out").read_text() == "mine"


def test_missing_weights_stop_before_the_first_photo(run, photos, tmp_path, monkeypatch):
    empty = tmp_path / "weights"
    empty.mkdir()
    manifest = (Path(os.environ["PHILTRUM_WEIGHTS"]) / "manifest.toml").read_bytes()
    (empty / "manifest.toml").write_bytes(manifest)
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(empty))
    status, _, trouble = run("cleft-inpainting", photos, "--out", tmp_path / "out")
    assert status == 2
    assert trouble == "The weights “small” are not on this machine; restore the weights folder.\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mask", "m.png", "--auto", "lips"], "not allowed with argument"),
        (["--auto", "nose"], "invalid choice: 'nose'"),
        (["--face", "0"], "it must be 1 or more"),
        (["--face", "first"], "invalid"),
        (["--grow", "nan"], "invalid"),
        (["--feather", "-1"], "it must be 0 or more"),
        (["--feather", "inf"], "invalid"),
        (["--seed", "-1"], "it must be from 0"),
        (["--size", "5"], "unrecognized arguments"),
    ],
)
def test_bad_arguments(run, photos, tmp_path, words, said):
    status, _, trouble = run("cleft-inpainting", photos, "--out", tmp_path / "out", *words)
    assert status == 2 and said in trouble and "usage:" in trouble
    assert run("cleft-inpainting", photos)[0] == 2  # --out is missing
    assert not (tmp_path / "out").exists()


# --- stopping -----------------------------------------------------------------------------------------------------


def test_ctrl_c_leaves_what_is_written_whole(run, photos, tmp_path, face_png, monkeypatch):
    for name in ("ben.png", "cleo.png", "dora.png"):
        (photos / name).write_bytes(face_png)
    real, calls = CleftInpainting.__call__, []

    def stopped_at_the_third(self, *args, progress, **options):
        calls.append(1)

        def pressed(fraction, text):
            if len(calls) == 3 and fraction > 0.5:
                raise KeyboardInterrupt
            progress(fraction, text)

        return real(self, *args, progress=pressed, **options)

    monkeypatch.setattr(CleftInpainting, "__call__", stopped_at_the_third)
    out = tmp_path / "out"
    status, _, trouble = run("cleft-inpainting", photos, "--out", out)
    assert status == 130
    assert trouble == "Stopped after 2 of 4 photos; what is written is whole.\n"
    assert names(out) == ["anna.json", "anna.png", "ben.json", "ben.png", "summary.csv"]
    assert [row["photo"] for row in summary(out)] == ["anna.png", "ben.png"]
    assert read_image(out / "ben.png").shape == (256, 256, 3)


def test_ctrl_c_during_a_single_photo(run, photos, tmp_path, monkeypatch):
    def stopped(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(CleftInpainting, "__call__", stopped)
    assert run("cleft-inpainting", photos / "anna.png", "--out", tmp_path / "out") == (130, "", "Stopped.\n")
    assert not (tmp_path / "out").exists()


# --- as a person runs it ------------------------------------------------------------------------------------------


def test_as_a_process_of_its_own(photos, tmp_path):
    (photos / "bad.png").write_bytes(b"junk")
    words = [sys.executable, "-m", "pipelines", "cleft-inpainting", str(photos), "--out", str(tmp_path / "out")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    assert done.stdout == "2 photos: 1 done, 1 failed.\n"
    assert "Traceback" not in done.stderr
    assert names(tmp_path / "out") == ["anna.json", "anna.png", "summary.csv"]
