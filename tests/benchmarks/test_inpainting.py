"""The inpainting benchmark on four faces: its numbers, its tables, its errors."""

import csv
import json

import numpy as np
import pytest
import torch

from benchmarks import inpainting, scores
from benchmarks.holes import KINDS, cut_holes
from benchmarks.inpainting import main, measure
from benchmarks.methods import METHODS, Filled, Method, mean_face_method, network_method, opencv_method
from benchmarks.networks import MeasuredNetwork, load_network
from benchmarks.scores import workers
from benchmarks.tables import COLUMNS, Row, write_tables
from pipelines.devices import choose
from pipelines.faces.images import read_image
from pipelines.files import sha256_of
from pipelines.metrics.perceptual import LPIPS
from pipelines.training.data import FaceSet

CPU = choose("cpu", "float32")


@pytest.fixture(scope="module")
def perceptual(loss_weights):
    return LPIPS("alex", loss_weights)


def mean(scores, key):
    return float(np.mean(scores.values[key]))


def test_the_photo_itself_scores_perfectly(faces, perceptual):
    identity = Method("ours", lambda crops, masks: Filled(crops))
    values = measure(identity, faces, cut_holes(faces, "lips-to-nose", 0), perceptual, CPU, batch=3).values
    assert np.isposinf(values["psnr"]).all()
    np.testing.assert_allclose(values["ssim"], 1, atol=1e-6)
    assert (values["lpips"] == 0).all() and (values["l1_hole"] == 0).all()
    # The landmarks of the whole photo are found by the same code on the same pixels.
    np.testing.assert_allclose(values["landmarks_all"], 0, atol=1e-3)
    assert values["found"].tolist() == [1, 1, 1, 1]


def test_a_known_error_gives_known_scores(faces, perceptual):
    def lighten(crops, masks):
        return Filled(np.where(masks[..., None], np.clip(crops.astype(int) + 10, 0, 255), crops).astype(np.uint8))

    holes = cut_holes(faces, "lower-face", 0)
    values = measure(Method("ours", lighten), faces, holes, perceptual, CPU).values
    pixels = faces.images.permute(0, 2, 3, 1).numpy().astype(int)
    change = np.clip(pixels + 10, 0, 255) - pixels
    np.testing.assert_allclose(
        values["l1_hole"], [100 * c[h].mean() / 255 for c, h in zip(change, holes, strict=True)], rtol=1e-4
    )
    error = (change**2 * holes[..., None]).mean((1, 2, 3))
    np.testing.assert_allclose(values["psnr"], 10 * np.log10(255**2 / error), atol=1e-3)
    np.testing.assert_allclose(values["hole"], 100 * holes.mean((1, 2)))


def test_a_face_that_is_lost_is_counted_and_left_out(faces, perceptual):
    blank = Method("ours", lambda crops, masks: Filled(np.full_like(crops, 127)))
    measured = measure(blank, faces, cut_holes(faces, "lips-to-nose", 0), perceptual, CPU)
    row = Row.of("lips-to-nose", "ours", measured.values)
    assert row.means["found"] == 0 and row.means["landmarks_all"] is None
    assert row.means["psnr"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_holes_are_reproducible_by_name_and_seed(faces, kind):
    holes = cut_holes(faces, kind, 0)
    assert holes.shape == (4, 256, 256) and holes.dtype == bool
    np.testing.assert_array_equal(holes, cut_holes(faces, kind, 0))
    if kind.startswith("irregular"):
        low, high = (int(part) / 100 for part in kind.split("-")[1:])
        shares = holes.mean((1, 2))
        assert ((shares >= low) & (shares <= high)).all()
        assert (holes != cut_holes(faces, kind, 1)).any((1, 2)).all()
        assert (holes[0] != holes[1]).any()


def test_a_hole_does_not_depend_on_the_other_faces(faces):
    alone = FaceSet(faces.names[2:3], faces.images[2:3], faces.meshes[2:3])
    for kind in KINDS:
        np.testing.assert_array_equal(cut_holes(alone, kind, 0)[0], cut_holes(faces, kind, 0)[2])


@pytest.mark.parametrize("key", METHODS)
def test_every_method_fills_the_hole_and_nothing_else(faces, network, key):
    method = {
        "ours": lambda: network_method(MeasuredNetwork("tiny", network, "0" * 64), CPU),
        "telea": lambda: opencv_method("telea"),
        "navier-stokes": lambda: opencv_method("navier-stokes"),
        "mean-face": lambda: mean_face_method(faces),
    }[key]()
    assert method.key == key
    crops, holes = faces.images.permute(0, 2, 3, 1).contiguous().numpy(), cut_holes(faces, "irregular-20-40", 0)
    gray = np.where(holes[..., None], np.uint8(0), crops)
    filled = method.fill(gray, holes).crops
    assert filled.dtype == np.uint8 and filled.shape == crops.shape
    np.testing.assert_array_equal(filled[~holes], crops[~holes])
    assert filled[holes].std() > 0
    # What lies under the hole is not looked at.
    np.testing.assert_array_equal(method.fill(crops, holes).crops, filled)


def test_the_mean_face_takes_the_photos_colour(faces):
    black = np.full((1, 256, 256, 3), 40, np.uint8)
    hole = np.zeros((1, 256, 256), bool)
    hole[:, 100:156, 100:156] = True
    filled = mean_face_method(faces).fill(black, hole).crops
    mean_face = faces.images.float().mean(0).permute(1, 2, 0).numpy()
    expected = mean_face[hole[0]] + (40 - mean_face[~hole[0]]).mean(0)
    np.testing.assert_allclose(filled[hole], np.clip(expected, 0, 255), atol=0.51)


def run(out, loss_weights, checkpoint, *more, data="nowhere"):
    return main(
        [
            *("--data", str(data), "--weights-dir", str(loss_weights), "--checkpoint", str(checkpoint)),
            *("--out", str(out), "--workers", "1", "--device", "cpu", "--precision", "float32", *more),
        ]
    )


@pytest.fixture
def data(faces, monkeypatch):
    """Two faces to train on and two to measure on, without the processes that find landmarks in a folder."""
    splits = {"train": slice(0, 2), "val": slice(2, 4)}

    def load(root, split, *, cache, most):
        part = splits[split]
        return FaceSet(faces.names[part], faces.images[part], faces.meshes[part])

    monkeypatch.setattr(inpainting, "load_faces", load)
    monkeypatch.setattr(scores, "code_hash", lambda patterns: "unchanged")


def test_the_command_writes_every_row(data, loss_weights, checkpoint, tmp_path, capsys, monkeypatch):
    assert run(tmp_path / "one", loss_weights, checkpoint) == 0
    printed = capsys.readouterr().out
    report = json.loads((tmp_path / "one" / "inpainting.json").read_text())
    wanted = [(kind, method) for kind in KINDS for method in METHODS]
    assert [(row["hole_kind"], row["method"]) for row in report["rows"]] == wanted
    assert report["weights"] == "weights" and report["weights_sha256"] == sha256_of(checkpoint)
    assert report["photos"] == 2 and {row["photos"] for row in report["rows"]} == {2}
    for row in report["rows"]:
        numbers = [row["mean"][key] for key in ("psnr", "ssim", "lpips", "l1_hole", "found")]
        assert all(number is not None and np.isfinite(number) for number in numbers)
        assert (row["mean"]["landmarks_all"] is not None) == (row["mean"]["found"] > 0)
        assert (row["mean"]["predicted_mouth_nose"] is not None) == (row["method"] == "ours")
    with (tmp_path / "one" / "inpainting.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["hole_kind"], row["method"]) for row in rows] == wanted
    assert float(rows[0]["psnr"]) == pytest.approx(report["rows"][0]["mean"]["psnr"], rel=1e-5)
    text = (tmp_path / "one" / "inpainting.md").read_text()
    assert text in printed and text.count("| Philtrum |") == len(KINDS)
    for kind in KINDS:
        assert read_image(tmp_path / "one" / f"{kind}.png").shape == (24 + 2 * 256, 6 * 256, 3)

    # Measured anew, the same numbers.
    assert run(tmp_path / "two", loss_weights, checkpoint, "--kinds", "irregular-20-40", "--methods", "ours") == 0
    again = json.loads((tmp_path / "two" / "inpainting.json").read_text())["rows"]
    assert again == [report["rows"][wanted.index(("irregular-20-40", "ours"))]]

    # Started again, it finds its scores and measures nothing.
    measured = []
    monkeypatch.setattr(inpainting, "measure", lambda *given: measured.append(given[0].key) or measure(*given))
    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir() if path.is_file()}
    assert run(tmp_path / "one", loss_weights, checkpoint) == 0
    assert not measured
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir() if path.is_file()}

    # Another seed and other code are another measurement.
    few = ("--kinds", "irregular-0-20", "--methods", "telea")
    assert run(tmp_path / "one", loss_weights, checkpoint, *few, "--seed", "1") == 0
    assert measured == ["telea"]
    monkeypatch.setattr(scores, "code_hash", lambda patterns: "changed")
    assert run(tmp_path / "one", loss_weights, checkpoint, *few) == 0
    assert measured == ["telea", "telea"]


@pytest.mark.slow
def test_processes_find_what_one_process_finds(faces, perceptual):
    holes = cut_holes(faces, "lips-to-nose", 0)
    with workers(2) as pool:
        several = measure(opencv_method("telea"), faces, holes, perceptual, CPU, pool).values
    alone = measure(opencv_method("telea"), faces, holes, perceptual, CPU).values
    for key, value in alone.items():
        np.testing.assert_allclose(several[key], value, rtol=1e-6)


def test_an_infinite_mean_is_left_blank(tmp_path):
    values = {column.key: np.ones(3) for column in COLUMNS}
    values["psnr"] = np.full(3, np.inf)
    write_tables(tmp_path, [Row.of("lips-to-nose", "ours", values)], {"photos": 3})
    (row,) = json.loads((tmp_path / "inpainting.json").read_text())["rows"]
    assert row["mean"]["psnr"] is None and row["mean"]["ssim"] == 1 and row["margin95"]["ssim"] == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "The data folder does not exist."),
        ({"loss_weights": "nowhere"}, "The loss network alexnet is not on this machine"),
        ({"checkpoint": "nowhere.safetensors"}, "The checkpoint file does not exist"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(loss_weights, checkpoint, tmp_path, capsys, change, sentence):
    given = {"loss_weights": loss_weights, "checkpoint": checkpoint}
    given |= {key: tmp_path / name for key, name in change.items()}
    assert run(tmp_path / "out", **given, data=tmp_path / "no-data") == 2
    said = capsys.readouterr().err
    assert sentence in said and "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_checkpoint_is_said(loss_weights, tmp_path, capsys):
    (tmp_path / "bad.safetensors").write_bytes(b"no weights at all")
    assert run(tmp_path / "out", loss_weights, tmp_path / "bad.safetensors") == 2
    assert "cannot be read as weights of the cleft-inpainting network" in capsys.readouterr().err


def test_the_checkpoint_is_the_network(network, checkpoint):
    measured = load_network(checkpoint=checkpoint)
    assert len(measured.sha256) == 64 and measured.name == "weights"
    expected = network.state_dict()
    for key, value in measured.network.state_dict().items():
        torch.testing.assert_close(value, expected[key], rtol=1e-3, atol=1e-3)
