"""The mask-removal benchmark: its three sets, its methods, its numbers, its tables, its errors."""

import csv
import io
import json
import tarfile
from copy import copy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy import stats
from torch import nn

from benchmarks import cases as sets
from benchmarks import mask_removal, scores
from benchmarks.cases import GUIDED_BY, SETS, Case, Cases, labelled_cases, pairs_cases, val_cases
from benchmarks.embedder import TorchScriptEmbedder
from benchmarks.holes import cut_holes
from benchmarks.mask_removal import Judges, main, measure
from benchmarks.methods import (
    GUIDED,
    REMOVAL_METHODS,
    Filled,
    Method,
    opencv_method,
    paste_method,
    removal_method,
)
from benchmarks.networks import MeasuredNetwork
from benchmarks.paired import PairedTest
from benchmarks.tables import MASK_REMOVAL, Row
from pipelines.devices import choose
from pipelines.errors import DataUnreadable, ReferenceUnusable
from pipelines.faces.images import encode_png, read_image
from pipelines.faces.landmarks import find_crop_face
from pipelines.faces.masks import grow
from pipelines.files import sha256_of
from pipelines.mask_removal.covered import covered
from pipelines.mask_removal.references.warping import WarpedReference
from pipelines.metrics.frechet import AlexNetFeatures
from pipelines.metrics.perceptual import LPIPS
from pipelines.training.data import FaceSet

CPU = choose("cpu", "float32")
BLUE = (120, 190, 225)  # of the labelled masks in conftest.py


class Colours(nn.Module):
    """An embedder that tells faces by the colours of a coarse picture."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return nn.functional.adaptive_avg_pool2d(pictures, 4).flatten(1) - 128


@pytest.fixture(scope="module")
def removal_checkpoint(removal, removal_architecture, tmp_path_factory) -> Path:
    """Its weights as a training run leaves them."""
    path = tmp_path_factory.mktemp("run") / "removal.safetensors"
    save_file(removal.state_dict(), path, {"architecture": json.dumps(removal_architecture)})
    return path


@pytest.fixture(scope="module")
def embedder_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("embedder") / "colours.pt"
    torch.jit.trace(Colours(), torch.zeros(1, 3, 112, 112)).save(str(path))
    return path


@pytest.fixture(scope="module")
def judges(loss_weights, embedder_file) -> Judges:
    return Judges(LPIPS("alex", loss_weights), AlexNetFeatures(loss_weights), TorchScriptEmbedder(embedder_file), CPU)


@pytest.fixture
def val(faces, monkeypatch):
    """The four faces as the validation split, without the processes that find landmarks in a folder."""

    def load(root, split, *, cache, most):
        assert split == "val"
        return FaceSet(faces.names[:most], faces.images[:most], faces.meshes[:most])

    monkeypatch.setattr(sets, "load_faces", load)


@pytest.fixture
def held_out(val) -> Cases:
    return val_cases("nowhere", 0)


@pytest.fixture
def data(astronaut, tmp_path) -> Path:
    """A folder with an archive of three people, of whom one has no face in the second photo."""
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    dark, mirrored = (small * 0.8).astype(np.uint8), np.ascontiguousarray(small[:, ::-1])
    photos = {
        **{"pair-000-a": small, "pair-000-b": dark},
        **{"pair-001-a": small, "pair-001-b": np.full_like(small, 127)},
        **{"pair-002-a": mirrored, "pair-002-b": small},
    }
    (tmp_path / "data").mkdir()
    with tarfile.open(tmp_path / "data" / "pairs.tar", "w") as archive:
        for name, photo in photos.items():
            file = tarfile.TarInfo(f"{name}.png")
            content = encode_png(photo)
            file.size = len(content)
            archive.addfile(file, io.BytesIO(content))
    return tmp_path / "data"


def build(key: str, network, removal) -> Method:
    if key.startswith(("ours", "paper")):
        twice = copy(network)
        twice.view = "joined"  # as the built-in weights look
        drafts = MeasuredNetwork("tiny", twice, "0" * 64) if key.startswith("ours") else None
        return removal_method(MeasuredNetwork("tiny", removal, "0" * 64), CPU, key, drafts)
    return paste_method() if key == "paste" else opencv_method(key)


@pytest.mark.parametrize("key", REMOVAL_METHODS)
def test_every_method_fills_the_hole_and_nothing_else(held_out, network, removal, key):
    method = build(key, network, removal)
    assert method.key == key
    crops, holes = np.ascontiguousarray(held_out.all.crop), held_out.all.hole
    guide = (held_out.all.reference, held_out.all.confidence) if key in GUIDED else ()
    filled = method.fill(crops, holes, *guide).crops
    assert filled.dtype == np.uint8 and filled.shape == crops.shape
    np.testing.assert_array_equal(filled[~holes], crops[~holes])
    assert filled[holes].std() > 0
    # What lies under the hole is not looked at.
    black = np.where(holes[..., None], np.uint8(0), crops)
    np.testing.assert_array_equal(method.fill(black, holes, *guide).crops, filled)


@pytest.mark.parametrize("engine", ["ours", "paper"])
def test_the_reference_reaches_the_network_where_it_is_trusted(held_out, network, removal, engine):
    faces = held_out.all
    crops, method = np.ascontiguousarray(faces.crop), build(f"{engine}-self", network, removal)
    guided = method.fill(crops, faces.hole, faces.reference, faces.confidence).crops
    alone = build(engine, network, removal).fill(crops, faces.hole).crops
    assert (guided != alone).any()
    untrusted = method.fill(crops, faces.hole, faces.reference, np.zeros_like(faces.confidence)).crops
    np.testing.assert_array_equal(untrusted, alone)


def test_a_paste_is_the_reference_where_it_is_trusted_and_telea_elsewhere(held_out):
    faces = held_out.all
    crops, confidences = np.ascontiguousarray(faces.crop), np.zeros_like(faces.confidence)
    confidences[:, :, 128:], confidences[:, :, 100:128] = 1, 0.5
    pasted = paste_method().fill(crops, faces.hole, faces.reference, confidences).crops
    telea = opencv_method("telea").fill(crops, faces.hole).crops
    left, right = (np.zeros_like(faces.hole) for _ in range(2))
    left[:, :, :100], right[:, :, 128:] = True, True
    np.testing.assert_array_equal(pasted[faces.hole & right], faces.reference[faces.hole & right])
    np.testing.assert_array_equal(pasted[faces.hole & left], telea[faces.hole & left])
    between = faces.hole & ~left & ~right
    half = (faces.reference[between].astype(float) + telea[between]) / 2
    np.testing.assert_allclose(pasted[between], half, atol=0.51)


def test_held_out_faces_have_the_inpainting_benchmarks_holes(held_out, faces):
    np.testing.assert_array_equal(held_out.all.hole, cut_holes(faces, "lower-face", 0))
    np.testing.assert_array_equal(held_out.all.truth, faces.images.permute(0, 2, 3, 1))
    assert held_out.left_out == {} and len(held_out) == 4


def test_a_self_made_reference_depends_on_name_and_seed_alone(held_out, faces, monkeypatch):
    one = FaceSet(faces.names[2:3], faces.images[2:3], faces.meshes[2:3])
    monkeypatch.setattr(sets, "load_faces", lambda *_, **__: one)
    alone = val_cases("nowhere", 0).all
    np.testing.assert_array_equal(alone.reference[0], held_out.all.reference[2])
    np.testing.assert_array_equal(alone.confidence[0], held_out.all.confidence[2])
    assert (val_cases("nowhere", 1).all.reference != alone.reference).any()
    # It is the face, nearly where it should be, and not the face itself.
    sure = held_out.all.confidence > 0.9
    apart = np.abs(held_out.all.reference.astype(float) - held_out.all.truth)[sure].mean()
    assert sure.any((1, 2)).all() and 1 < apart < 60


def test_labelled_photos_show_the_mask_and_their_truth_does_not(masked):
    cases = labelled_cases(masked, 0)
    assert len(cases) == 1 and cases.left_out == {"no face found": 1}
    crop, hole, truth, points, reference, confidence = (array[0] for array in cases.all)
    blue = np.abs(crop.astype(int) - BLUE).max(2) < 20
    assert 0.1 < hole.mean() < 0.4 and blue[hole].mean() > 0.7
    # The hole is the mask with its margin and feather, and its hem too.
    assert hole[grow(blue, 4)].mean() > 0.99 and not hole[~grow(blue, 16)].any()
    assert np.abs(truth.astype(int) - BLUE).max(2)[hole].min() > 20
    assert np.abs(truth[~hole].astype(int) - crop[~hole]).mean() < 6  # they are apart by JPEG and half the pixels
    assert np.linalg.norm(points - find_crop_face(truth).points, axis=1).max() < 1
    assert reference.dtype == np.uint8 and confidence.max() > 0.9


def test_the_true_hole_is_found_in_labels_as_they_are_stored(shared):
    cases = labelled_cases(shared / "masked", 0, most=2)
    assert len(cases) == 2
    assert ((cases.all.hole.mean((1, 2)) > 0.15) & (cases.all.hole.mean((1, 2)) < 0.5)).all()
    outside = np.abs(cases.all.crop.astype(int) - cases.all.truth)[~cases.all.hole]
    inside = np.abs(cases.all.crop.astype(int) - cases.all.truth)[cases.all.hole]
    assert outside.mean() < 6 < 30 < inside.mean()


def erased(crops, holes):
    """A network that draws nothing in which a face is found."""
    return np.zeros_like(crops)


def test_pairs_are_warped_without_a_look_under_the_hole(data, monkeypatch):
    given, seen = [], []

    def draw(crops, holes):
        seen.append((crops, holes))
        return whole  # a network that draws the truth

    def warp(crop, face, hole, reference, reference_face, *, drawn):
        given.append((crop, face, hole, reference, drawn))
        return WarpedReference(np.full_like(crop, 7), np.full(hole.shape, 0.5, np.float32), 0.0, face.points)

    whole = pairs_cases(data, erased).all.truth
    monkeypatch.setattr(sets, "warp_reference", warp)
    cases = pairs_cases(data, draw)
    assert len(cases) == 2 and cases.left_out == {"no face found": 1}
    ((crops, holes),) = seen
    np.testing.assert_array_equal(crops, np.stack([one[0] for one in given]))
    np.testing.assert_array_equal(holes, cases.all.hole)
    for index, (crop, face, hole, reference, drawn) in enumerate(given):
        np.testing.assert_array_equal(drawn.mesh, find_crop_face(whole[index]).mesh)
        truth = cases.all.truth[index]
        np.testing.assert_array_equal(hole, cases.all.hole[index])
        np.testing.assert_array_equal(crop, covered(truth, hole))
        np.testing.assert_array_equal(face.mesh, find_crop_face(crop).mesh)
        assert reference.shape == (256, 256, 3) and (cases.all.reference[index] == 7).all()
    np.testing.assert_array_equal(cases.all.crop, cases.all.truth)
    # The truth's landmarks are those of the whole photo.
    assert np.linalg.norm(cases.all.points[0] - find_crop_face(cases.all.truth[0]).points, axis=1).mean() < 3


def test_refused_references_are_counted(data, monkeypatch):
    real, calls = sets.warp_reference, []

    def warp(*given, **named):
        calls.append(1)
        if len(calls) == 1:
            raise ReferenceUnusable("The reference looks away.")
        return real(*given, **named)

    monkeypatch.setattr(sets, "warp_reference", warp)
    cases = pairs_cases(data, erased)
    assert len(cases) == 1 and cases.left_out == {"no face found": 1, "reference refused": 1}
    with pytest.raises(DataUnreadable):
        calls.clear()
        pairs_cases(data, erased, most=1)


def test_the_truth_itself_scores_perfectly(held_out, judges):
    values = measure(Method("ours", lambda crops, masks: Filled(crops)), held_out, judges, batch=3).values
    np.testing.assert_allclose(values["identity"], 1, atol=1e-5)
    assert (values["lpips"] == 0).all() and values["frechet"].shape == () and values["frechet"] < 1e-3
    assert values["found"].tolist() == [1, 1, 1, 1]


def test_another_face_is_told_by_identity_and_distance(held_out, judges):
    def darken(crops, masks):
        return Filled(np.where(masks[..., None], crops // 4, crops))

    method = Method("ours", darken)
    values = measure(method, held_out, judges).values
    drawn, points = darken(held_out.all.truth, held_out.all.hole).crops, held_out.all.points
    embed = judges.embedder.embed
    expected = [embed(d, p) @ embed(t, p) for d, t, p in zip(drawn, held_out.all.truth, points, strict=True)]
    np.testing.assert_allclose(values["identity"], expected, atol=1e-5)
    assert max(expected) < 0.99 and values["frechet"] > 1e-3
    row = Row.of("val", "ours", values, MASK_REMOVAL.columns)
    assert row.photos == 4 and row.means["frechet"] == values["frechet"] and row.margins["frechet"] is None


def test_a_single_photo_has_no_distance_and_no_embedder_no_identity(held_out, judges):
    one = Cases(Case(*(array[:1] for array in held_out.all)), {})
    nobody = Judges(judges.perceptual, judges.features, None, CPU)
    values = measure(Method("ours", lambda crops, masks: Filled(crops // 2)), one, nobody).values
    row = Row.of("val", "ours", values, MASK_REMOVAL.columns)
    assert row.means["frechet"] is None and row.means["identity"] is None and row.means["lpips"] > 0


def test_kept_scores_hang_on_every_picture(held_out):
    for place in range(len(held_out.all)):
        arrays = [array.copy() for array in held_out.all]
        arrays[place].flat[-1] = arrays[place].flat[-1] == 0
        assert Cases(Case(*arrays), {}).sha256 != held_out.sha256
    assert Cases(Case(*(array.copy() for array in held_out.all)), {"no face found": 1}).sha256 == held_out.sha256


def test_a_paired_test_says_by_how_much_and_how_surely():
    random = np.random.default_rng(0)
    second = random.normal(0.5, 0.2, 200)
    first = second + random.normal(0.03, 0.1, 200)
    first[3] = np.nan
    test = PairedTest.of("pairs", "identity", "ours-reference", "ours", first, second)
    difference = np.delete(first - second, 3)
    half = stats.t.ppf(0.975, 198) * difference.std(ddof=1) / np.sqrt(199)
    assert test.photos == 199 and test.difference == pytest.approx(difference.mean())
    assert (test.low, test.high) == pytest.approx((difference.mean() - half, difference.mean() + half))
    assert 0 < test.t_test < 0.05 and 0 < test.wilcoxon < 0.05
    back = PairedTest.of("pairs", "identity", "ours", "ours-reference", second, first)
    assert back.difference == pytest.approx(-test.difference) and back.wilcoxon == pytest.approx(test.wilcoxon)
    assert PairedTest.of("pairs", "identity", "a", "b", second, second) is None


def run(out, loss_weights, checkpoint, data, masked, *more):
    return main(
        [
            *("--data", str(data), "--masked", str(masked), "--weights-dir", str(loss_weights)),
            *("--checkpoint", str(checkpoint), "--out", str(out), "--workers", "1", "--device", "cpu"),
            *("--precision", "float32", *more),
        ]
    )


@pytest.mark.slow
def test_the_command_writes_every_row(
    val, weights, data, masked, loss_weights, removal_checkpoint, embedder_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(scores, "code_hash", lambda patterns: "unchanged")
    out, given = tmp_path / "out", (loss_weights, removal_checkpoint, data, masked)
    assert run(out, *given, "--embedder", str(embedder_file)) == 0
    printed = capsys.readouterr().out
    report = json.loads((out / "mask_removal.json").read_text())
    other = {key: "self" if GUIDED_BY[key] == "reference" else "reference" for key in SETS}
    wanted = [(key, method) for key in SETS for method in REMOVAL_METHODS if not method.endswith(f"-{other[key]}")]
    assert [(row["set"], row["method"]) for row in report["rows"]] == wanted
    assert report["weights_sha256"] == sha256_of(removal_checkpoint) and report["draft_weights"] == "tiny"
    assert report["embedder_sha256"] == sha256_of(embedder_file)
    assert [report[f"{key}_photos"] for key in SETS] == [1, 4, 2]
    assert report["pairs_left_out"] == report["pairs_left_out_no_face_found"] == 1
    for row in report["rows"]:
        numbers = {key: row["mean"][key] for key in ("psnr", "ssim", "lpips", "l1_hole", "found", "identity")}
        assert all(number is not None and np.isfinite(number) for number in numbers.values()), numbers
        assert (row["mean"]["frechet"] is None) == (row["set"] == "labelled")
    assert [(test["set"], test["metric"], test["photos"]) for test in report["paired_tests"]] == [
        ("pairs", "identity", 2),
        ("pairs", "lpips", 2),
    ]
    means = {row["method"]: row["mean"] for row in report["rows"] if row["set"] == "pairs"}
    for test in report["paired_tests"]:
        apart = means["ours-reference"][test["metric"]] - means["ours"][test["metric"]]
        assert test["difference"] == pytest.approx(apart, abs=1e-9)
    with (out / "mask_removal.csv").open() as file:
        assert [(row["set"], row["method"]) for row in csv.DictReader(file)] == wanted
    text = (out / "mask_removal.md").read_text()
    assert text in printed and "it is not FID" in text and "p, Wilcoxon" in text
    for key, rows in zip(SETS, (1, 4, 2), strict=True):
        assert read_image(out / f"{key}.png").shape == (24 + rows * 256, 10 * 256, 3)

    # Started again, it finds its scores and measures nothing; another reference is another measurement.
    measured = []
    monkeypatch.setattr(mask_removal, "measure", lambda *given: measured.append(given[0].key) or measure(*given))
    assert run(out, *given, "--embedder", str(embedder_file)) == 0
    assert not measured and json.loads((out / "mask_removal.json").read_text()) == report
    few = ("--sets", "val", "--methods", "ours-self", "ours-reference")
    assert run(out, *given, *few, "--embedder", str(embedder_file), "--seed", "1") == 0
    assert measured == ["ours-self"]
    capsys.readouterr()
    assert run(out, *given, *few) == 0
    said = capsys.readouterr().out
    assert measured == ["ours-self"] * 2 and "no --embedder was given" in said and "p, Wilcoxon" not in said


@pytest.mark.parametrize(
    ("change", "more", "sentence"),
    [
        ({"masked": "nowhere"}, (), "There are no labelled mask photos"),
        ({"data": "nowhere"}, ("--sets", "pairs"), "The archive of photo pairs is missing"),
        ({"checkpoint": "nowhere"}, (), "The checkpoint file does not exist"),
        ({}, ("--embedder", "nowhere.pt"), "The face embedder's file does not exist"),
        ({}, ("--sets", "pairs", "--methods", "ours-self"), "None of these methods is measured on these sets"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    weights, data, masked, loss_weights, removal_checkpoint, tmp_path, capsys, change, more, sentence
):
    given = {"loss_weights": loss_weights, "checkpoint": removal_checkpoint, "data": data, "masked": masked}
    given |= {key: tmp_path / name for key, name in change.items()}
    assert run(tmp_path / "out", *given.values(), *more) == 2
    said = capsys.readouterr().err
    assert sentence in said and "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_another_job_is_refused(weights, data, masked, loss_weights, checkpoint, tmp_path, capsys):
    assert run(tmp_path / "out", loss_weights, checkpoint, data, masked) == 2
    assert "cannot be read as weights of the mask-removal network" in capsys.readouterr().err
