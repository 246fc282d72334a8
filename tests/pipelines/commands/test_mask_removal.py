"""``python -m pipelines mask-removal``: photos, references, masks and stages, and what can be wrong with them.

What it shares with ``cleft-inpainting`` is tested there.
"""

import json
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines import __version__
from pipelines.commands.drawn_face import drawn_face, drawn_masked_face
from pipelines.faces.images import encode_png, read_image, read_mask
from pipelines.identity.embedding import FaceEmbedder
from pipelines.identity.likeness import LIMITS, question_of_reference
from pipelines.mask_removal.exports import STAGES
from pipelines.mask_removal.pipeline import MaskRemoval
from pipelines.models.loading import LoadedModel
from tests.pipelines.commands.written import assert_one_sentence, names, summary

pytestmark = pytest.mark.usefixtures("both_weights")

GREY = encode_png(np.full((256, 256, 3), 90, np.uint8))


@pytest.fixture
def masked(tmp_path, masked_png) -> Path:
    """A folder with one photo of a masked face."""
    folder = tmp_path / "masked"
    folder.mkdir()
    (folder / "anna.png").write_bytes(masked_png)
    return folder


@pytest.fixture
def references(tmp_path, face_png) -> Path:
    """A folder with the same face without its mask."""
    folder = tmp_path / "references"
    folder.mkdir()
    (folder / "anna.png").write_bytes(face_png)
    return folder


# --- one photo ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_photo_gives_picture_facts_and_summary(run, masked, tmp_path):
    out = tmp_path / "new" / "out"
    status, said, trouble = run("mask-removal", masked / "anna.png", "--out", out, "--seed", 7)
    assert (status, trouble) == (0, "")
    assert said.startswith("Done in ")
    assert names(out) == ["anna.json", "anna.png", "summary.csv"]
    photo, image = read_image(masked / "anna.png"), read_image(out / "anna.png")
    assert image.shape == photo.shape and not np.array_equal(image, photo)
    facts = json.loads((out / "anna.json").read_text(encoding="utf-8"))
    assert (facts["job"], facts["version"], facts["seed"]) == ("mask-removal", __version__, 7)
    assert [used["name"] for used in facts["weights"]] == ["small"], "without a reference nothing is refined"
    assert facts["engine"] == "inpainter"
    assert facts["mask"]["source"] == "found" and facts["reference"] is None and "measurements" not in facts
    (row,) = summary(out)
    assert list(row) == [
        "photo", "result", "status", "error", "seconds", "faces", "face", "mask_share", "mask_source", "engine",
        "reference", "reference_left_out", "reference_yaw", "identity", "identity_meaning",
        "identity_question", "case", "photo_pixels_sha256",
    ]  # fmt: skip
    assert (row["photo"], row["result"], row["status"], row["error"]) == ("anna.png", "anna.png", "done", "")
    assert (row["faces"], row["face"], row["mask_source"], row["reference"]) == ("1", "1", "found", "none")
    assert row["reference_yaw"] == row["identity"] == row["identity_meaning"] == row["identity_question"] == ""
    assert float(row["seconds"]) > 0
    assert float(row["mask_share"]) == pytest.approx(facts["mask"]["share"], abs=1e-4)
    assert 0.05 < facts["mask"]["share"] < 0.25  # the drawn mask covers an eighth of the picture


@pytest.mark.slow
def test_a_reference_changes_the_result_and_is_told(run, masked, references, tmp_path):
    photo, reference = masked / "anna.png", references / "anna.png"
    assert run("mask-removal", photo, "--out", tmp_path / "alone")[0] == 0
    assert run("mask-removal", photo, "--reference", reference, "--points", 20, "--out", tmp_path / "helped")[0] == 0
    alone, helped = (read_image(tmp_path / out / "anna.png") for out in ("alone", "helped"))
    assert not np.array_equal(alone, helped)
    told = json.loads((tmp_path / "helped" / "anna.json").read_text(encoding="utf-8"))["reference"]
    assert (told["width"], told["height"], told["identity_similarity"]) == (256, 256, None)
    assert len(told["control_points"]) == 20 and abs(told["yaw_degrees"]) < 15
    assert 0 < told["mean_confidence_in_hole"] <= 1
    (row,) = summary(tmp_path / "helped")
    assert row["reference"] == "anna.png"
    assert float(row["reference_yaw"]) == pytest.approx(told["yaw_degrees"], abs=0.06)


@pytest.mark.slow
def test_several_references_are_fused_and_one_that_cannot_be_used_is_said(run, masked, references, tmp_path):
    (references / "second.png").write_bytes((references / "anna.png").read_bytes())
    (references / "grey.png").write_bytes(GREY)
    files = [references / name for name in ("anna.png", "grey.png", "second.png")]
    words = ("mask-removal", masked / "anna.png", "--stages", "--out", tmp_path / "out", "--reference", *files)
    status, said, trouble = run(*words)
    assert status == 0 and said.startswith("Done in ")
    assert trouble.startswith("Reference 2: No face was found") and trouble.count("\n") == 1
    facts = json.loads((tmp_path / "out" / "anna.json").read_text(encoding="utf-8"))
    assert [one["number"] for one in facts["references"]] == [1, 3]
    assert sum(one["share_of_hole"] for one in facts["references"]) == pytest.approx(1, abs=1e-3)
    assert facts["references_left_out"] == [trouble.strip()]
    (row,) = summary(tmp_path / "out")
    assert (row["reference"], row["reference_left_out"]) == ("anna.png; second.png", trouble.strip())
    assert set(names(tmp_path / "out")) >= {f"anna.{name}.png" for name in STAGES}


@pytest.mark.slow
def test_references_of_a_folder_with_a_number_are_further_ones(run, masked, references, tmp_path, masked_png, face_png):
    (masked / "ben.png").write_bytes(masked_png)
    (references / "anna-1.png").write_bytes(face_png)
    out = tmp_path / "out"
    assert run("mask-removal", masked, "--reference", references, "--out", out)[0] == 0
    assert [row["reference"] for row in summary(out)] == ["anna.png; anna-1.png", "none"]


@pytest.mark.slow
def test_faces_of_several_references(run, masked, references, tmp_path):
    two = [references / "anna.png"] * 2
    words = ("mask-removal", masked / "anna.png", "--reference", *two, "--out", tmp_path / "out", "--reference-face")
    status, _, trouble = run(*words, 1, 2)
    assert status == 0 and trouble.startswith("Reference 2: Face 2 was chosen")
    status, _, trouble = run(*words, 1, 1, 1)
    assert status == 2 and "once for all references, or once for each" in trouble


@pytest.mark.slow
def test_stages_are_written_where_they_are_asked_for(run, masked, references, tmp_path):
    words = ("mask-removal", masked, "--stages")
    assert run(*words, "--reference", references, "--out", tmp_path / "helped")[0] == 0
    stages = sorted(f"anna.{name}.png" for name in STAGES if name != "sources")
    assert names(tmp_path / "helped") == sorted([*stages, "anna.json", "anna.png", "summary.csv"])
    assert all(read_image(tmp_path / "helped" / name).shape == (256, 256, 3)
               for name in ("anna.hole.png", "anna.warped.png", "anna.coarse.png", "anna.refined.png"))  # fmt: skip
    assert run(*words, "--auto", "lips", "--out", tmp_path / "alone")[0] == 0
    # What an inpainter drew alone is the answer, and no draft.
    gone = ("segmentation", "reference", "warped", "confidence", "sources", "coarse")
    kept = {f"anna.{name}.png" for name in STAGES if name not in gone}
    assert set(names(tmp_path / "alone")) == kept | {"anna.json", "anna.png", "summary.csv"}


@pytest.mark.slow
def test_white_of_a_mask_file_is_repainted_and_nothing_else(run, masked, tmp_path, mouth_png):
    (tmp_path / "mask.png").write_bytes(mouth_png)
    out = tmp_path / "out"
    words = ("mask-removal", masked / "anna.png", "--mask", tmp_path / "mask.png", "--feather", 0, "--out", out)
    assert run(*words)[0] == 0
    photo, image, white = (
        read_image(masked / "anna.png"),
        read_image(out / "anna.png"),
        read_mask(tmp_path / "mask.png"),
    )
    assert np.array_equal(image[~white], photo[~white])
    assert (image[white] != photo[white]).any(1).mean() > 0.5
    assert summary(out)[0]["mask_source"] == "given"


@pytest.mark.slow
def test_a_suggested_region_needs_no_mask_in_the_photo(run, photos, tmp_path):
    assert run("mask-removal", photos / "anna.png", "--auto", "lower-face", "--out", tmp_path / "out")[0] == 0
    facts = json.loads((tmp_path / "out" / "anna.json").read_text(encoding="utf-8"))
    assert (facts["mask"]["source"], facts["mask"]["extent"]) == ("suggested", "lower-face")


@pytest.mark.slow
def test_the_likeness_to_the_reference_is_a_sentence(run, masked, references, tmp_path, monkeypatch):
    monkeypatch.setattr(FaceEmbedder, "__init__", lambda self: setattr(self, "model", LoadedModel("e", 0, 0, "0" * 64)))
    # Of the reference, of the result, and of the face as it was drawn without the reference.
    embeddings = cycle(np.array([[1.0], [0.91234], [0.8]]))
    monkeypatch.setattr(FaceEmbedder, "embed", lambda *given: next(embeddings))
    words = ("mask-removal", masked / "anna.png", "--out", tmp_path / "out")
    status, said, _ = run(*words, "--reference", references)
    sentence = f"Likeness to the reference: 0.91; {LIMITS}."
    question = question_of_reference(0.8)
    assert status == 0 and said.splitlines()[1:] == [sentence, question]
    (row,) = summary(tmp_path / "out")
    told = json.loads((tmp_path / "out" / "anna.json").read_text(encoding="utf-8"))["reference"]
    assert float(row["identity"]) == told["identity_similarity"] == 0.9123
    assert row["identity_meaning"] == told["identity_meaning"] == sentence
    assert row["identity_question"] == told["identity_question"] == question and told["identity_drawn_alone"] == 0.8
    assert "Likeness" not in run("mask-removal", masked, "--reference", references, "--out", tmp_path / "folder")[1]
    assert "Likeness" not in run(*words)[1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no picture", "This file is not a picture that can be read"),
        (GREY, "No face was found"),
        (encode_png(np.zeros((8, 8, 3), np.uint8)), "The picture is 8 × 8 pixels"),
        (encode_png(drawn_face(40)), "face"),  # its eyes are 9 pixels apart
        (encode_png(drawn_face(256))[:4000], "damaged or incomplete"),
    ],
)
def test_a_reference_that_cannot_be_used_is_one_sentence_and_nothing_written(run, masked, tmp_path, content, sentence):
    (tmp_path / "secret.png").write_bytes(content)
    words = ("mask-removal", masked / "anna.png", "--reference", tmp_path / "secret.png", "--out", tmp_path / "out")
    status, said, trouble = run(*words)
    assert (status, said) == (2, "")
    assert_one_sentence(trouble)
    assert trouble.startswith("The reference photo cannot be used. ")
    assert sentence in trouble and "secret" not in trouble
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_faces_that_are_not_there(run, masked, references, tmp_path):
    words = ("mask-removal", masked / "anna.png", "--reference", references / "anna.png", "--out", tmp_path / "out")
    for option, about_reference in (("--face", False), ("--reference-face", True)):
        status, _, trouble = run(*words, option, 2)
        assert status == 2 and "shows 1" in trouble
        assert trouble.startswith("The reference photo") == about_reference
    assert not (tmp_path / "out").exists()


def test_a_photo_without_a_mask_is_one_sentence_and_nothing_written(run, photos, tmp_path):
    status, said, trouble = run("mask-removal", photos / "anna.png", "--out", tmp_path / "out")
    assert (status, said) == (2, "")
    assert_one_sentence(trouble)
    assert "mask" in trouble and "found" in trouble
    assert not (tmp_path / "out").exists()


def test_a_mask_of_another_size(run, masked, tmp_path):
    (tmp_path / "mask.png").write_bytes(encode_png(np.full((20, 30), 255, np.uint8)))
    words = ("mask-removal", masked / "anna.png", "--mask", tmp_path / "mask.png", "--out", tmp_path / "out")
    status, _, trouble = run(*words)
    assert status == 2 and not (tmp_path / "out").exists()
    assert_one_sentence(trouble)
    assert "30 × 20" in trouble and "256 × 256" in trouble


# --- folders ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_references_of_a_folder_are_matched_by_stem_and_none_is_no_failure(
    run, masked, references, tmp_path, masked_png, face_png
):
    for name in ("ben.png", "cleo.png", "dora.png", "emil.png", "fay.png"):
        (masked / name).write_bytes(masked_png)
    (masked / "fay.png").write_bytes(face_png)  # no mask in it
    (references / "cleo.png").write_text("no picture")
    (references / "dora.png").write_bytes(GREY)
    for name in ("emil.png", "emil.jpg"):
        (references / name).write_bytes(face_png)
    out = tmp_path / "out"
    status, said, trouble = run("mask-removal", masked, "--reference", references, "--out", out)
    assert (status, said) == (1, "6 photos: 2 done, 4 failed.\n")
    assert_one_sentence(trouble)
    rows = {row["photo"]: row for row in summary(out)}
    assert [rows[name]["reference"] for name in ("anna.png", "ben.png", "cleo.png")] == ["anna.png", "none", ""]
    assert rows["anna.png"]["reference_yaw"] and not rows["ben.png"]["reference_yaw"]
    assert rows["cleo.png"]["error"].startswith("The reference photo cannot be used. This file is not a picture")
    assert rows["dora.png"]["error"].startswith("The reference photo cannot be used. No face was found")
    assert rows["emil.png"]["error"].startswith("The folder of references holds several with this photo's name")
    assert "mask" in rows["fay.png"]["error"]
    assert names(out) == ["anna.json", "anna.png", "ben.json", "ben.png", "summary.csv"]


@pytest.mark.slow
def test_one_reference_serves_every_photo(run, masked, references, tmp_path, masked_png):
    (masked / "ben.png").write_bytes(masked_png)
    words = ("mask-removal", masked, "--reference", references / "anna.png", "--out", tmp_path / "out")
    assert run(*words) == (0, "2 photos: 2 done, 0 failed.\n", "")
    assert [row["reference"] for row in summary(tmp_path / "out")] == ["anna.png", "anna.png"]
    assert (tmp_path / "out/anna.png").read_bytes() == (tmp_path / "out/ben.png").read_bytes()


@pytest.mark.slow
def test_masks_and_references_of_folders_go_together(run, masked, references, tmp_path, masked_png, mouth_png):
    (masked / "ben.png").write_bytes(masked_png)
    masks = tmp_path / "masks"
    masks.mkdir()
    (masks / "anna.png").write_bytes(mouth_png)
    words = ("mask-removal", masked, "--mask", masks, "--reference", references, "--out", tmp_path / "out")
    assert run(*words)[0] == 1
    anna, ben = summary(tmp_path / "out")
    assert (anna["mask_source"], anna["reference"]) == ("given", "anna.png")
    assert ben["error"] == "The folder of masks holds none with this photo's name."


@pytest.mark.slow
def test_stages_of_photos_do_not_overwrite_each_other(run, masked, tmp_path):
    Image.fromarray(drawn_masked_face(300)).save(masked / "anna.hole.png")
    out = tmp_path / "out"
    assert run("mask-removal", masked, "--stages", "--out", out)[0] == 0
    assert {row["photo"]: row["result"] for row in summary(out)} == {
        "anna.hole.png": "anna.hole.png",
        "anna.png": "anna-2.png",
    }
    assert read_image(out / "anna.hole.png").shape == (300, 300, 3)
    assert read_image(out / "anna-2.hole.png").shape == (256, 256, 3)


@pytest.mark.slow
def test_a_reference_that_fits_no_photo_is_said(run, masked, references, tmp_path, face_png):
    (references / "zoe.png").write_bytes(face_png)
    words = ("mask-removal", masked, "--auto", "lips", "--reference", references, "--out", tmp_path / "out")
    status, _, trouble = run(*words)
    assert (status, trouble) == (0, "summary.csv in the output folder says which files were passed over, and why.\n")
    anna, zoe = summary(tmp_path / "out")
    assert (anna["reference"], zoe["photo"], zoe["status"]) == ("anna.png", "references/zoe.png", "skipped")
    assert zoe["error"] == "No photo has this name, so the reference was not used."


# --- what cannot run at all ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["references", "references/anna.png"])
def test_the_references_folder_cannot_be_the_output(run, masked, references, tmp_path, face_png, source):
    words = ("mask-removal", masked, "--reference", tmp_path / source, "--out", references)
    status, _, trouble = run(*words)
    assert status == 2
    assert_one_sentence(trouble)
    assert "so that none is overwritten" in trouble
    assert names(references) == ["anna.png"] and (references / "anna.png").read_bytes() == face_png


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["missing.png"], "The photo or folder does not exist"),
        (["masked", "--reference", "missing"], "The reference or folder of references does not exist"),
        (["masked", "--reference", "empty", "empty"], "Give the references as files, or as one folder"),
        (["masked", "--reference", "empty"], "The folder of references holds no pictures"),
        (["masked", "--mask", "missing"], "The mask or folder of masks does not exist"),
        (["masked", "--weights", "small"], "belong to another job"),
        (["masked", "--weights", "large"], "There are no weights of that name"),
    ],
)
def test_what_cannot_run_is_one_sentence_and_nothing_written(run, masked, tmp_path, monkeypatch, words, sentence):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    status, said, trouble = run("mask-removal", *words, "--out", "out")
    assert (status, said) == (2, "")
    assert_one_sentence(trouble)
    assert sentence in trouble
    assert not (tmp_path / "out").exists()


def test_without_weights_nothing_is_begun(run, masked, small_weights, tmp_path, monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(small_weights))
    status, _, trouble = run("mask-removal", masked, "--out", tmp_path / "out")
    assert status == 2
    assert trouble == "The weights manifest names no weights for this job; restore the weights folder.\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mask", "m.png", "--auto", "lips"], "not allowed with argument"),
        (["--auto", "nose"], "invalid choice: 'nose'"),
        (["--points", "0"], "it must be 1 or more"),
        (["--reference-face", "0"], "it must be 1 or more"),
        (["--feather", "-1"], "it must be 0 or more"),
        (["--stages", "all"], "unrecognized arguments"),
    ],
)
def test_bad_arguments(run, masked, tmp_path, words, said):
    status, _, trouble = run("mask-removal", masked, "--out", tmp_path / "out", *words)
    assert status == 2 and said in trouble and "usage:" in trouble
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_ctrl_c_leaves_what_is_written_whole(run, masked, tmp_path, masked_png, monkeypatch):
    (masked / "ben.png").write_bytes(masked_png)
    real, calls = MaskRemoval.__call__, []

    def stopped_at_the_second(self, *args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, *args, **options)

    monkeypatch.setattr(MaskRemoval, "__call__", stopped_at_the_second)
    status, _, trouble = run("mask-removal", masked, "--out", tmp_path / "out")
    assert (status, trouble) == (130, "Stopped after 1 of 2 photos; what is written is whole.\n")
    assert names(tmp_path / "out") == ["anna.json", "anna.png", "summary.csv"]
