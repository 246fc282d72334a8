import json
import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.cleft_inpainting import train
from pipelines.errors import DataUnreadable, OptionInvalid
from pipelines.training import preparing
from pipelines.training.command import command_line, load_sets, options_of
from pipelines.training.data import load_faces
from pipelines.training.preparing import prepare
from pipelines.training.sets.balance import groups
from pipelines.training.sets.face_set import FaceSet
from pipelines.training.sets.outlines import all_outlines, face_outlines, outlines
from pipelines.training.sets.prepared import is_prepared, made_with

pytestmark = pytest.mark.slow

SIZE = 64
TABLE = """name,age,detail_psnr,cover
train-0.png,30,38.0,0.9
train-1.png,,41.0,0.8
train-2.png,7,39.0,0.7
train-3.png,40,40.5,0.5
train-5.png,12,37.0,0.95
"""


@pytest.fixture(scope="module")
def tabled(toy_set, tmp_path_factory) -> Path:
    """The toy set with a table of its training pictures; one picture is missing in it."""
    root = tmp_path_factory.mktemp("tabled") / "faces"
    shutil.copytree(toy_set, root)
    (root / "train.csv").write_text(TABLE)
    return root


@pytest.fixture(scope="module")
def ready(tabled, tmp_path_factory) -> Path:
    """The same set, prepared."""
    out = tmp_path_factory.mktemp("ready") / "set"
    cache = tmp_path_factory.mktemp("cache")
    assert prepare(tabled, out, size=SIZE, cache=cache) == {"train": 6, "val": 3}
    shutil.rmtree(cache)
    return out


@pytest.fixture
def own(ready, tmp_path) -> Path:
    """A copy of the prepared set, to damage."""
    return Path(shutil.copytree(ready, tmp_path / "own"))


def same(one: FaceSet, other: FaceSet) -> bool:
    """Whether two sets are the same in all that both know."""
    known = one.ages is not None
    return (
        one.names == other.names
        and torch.equal(one.images, other.images)
        and torch.equal(one.meshes, other.meshes)
        and known == (other.ages is not None)
        and (not known or torch.equal(one.ages.nan_to_num(-1), other.ages.nan_to_num(-1)))
    )


@pytest.mark.parametrize("limits", [{}, {"most": 4}, {"softest": 40.5}, {"cover": 0.75}, {"softest": 39.5, "most": 3}])
def test_a_prepared_set_is_the_set_that_it_was_made_of(limits, tabled, ready, tmp_path):
    plain = load_faces(tabled, "train", size=SIZE, cache=tmp_path, **limits)
    assert same(load_faces(ready, "train", size=SIZE, cache=tmp_path / "none", **limits), plain)
    assert not (tmp_path / "none").exists()


def test_what_can_be_found_once_lies_there(ready):
    faces = load_faces(ready, "train", size=SIZE, softest=40.5)
    found = FaceSet(faces.names, faces.images, faces.meshes, faces.ages)
    assert torch.equal(faces.outlines[:, :-1], outlines(faces.meshes))
    assert torch.equal(faces.outlines[:, -1], face_outlines(faces.meshes))
    assert all_outlines(faces) is faces.outlines and torch.equal(all_outlines(found), faces.outlines)
    expected = groups(found)
    assert faces.groups.keys() == expected.keys() == {"tone", "mouth", "jaw", "age"}
    assert all(np.array_equal(faces.groups[name], group) for name, group in expected.items())


def test_pictures_are_read_only_where_they_are_looked_at(ready):
    faces = load_faces(ready, "train", size=SIZE)
    with (ready / "train-images.npy").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 255]))
        file.flush()
        changed = faces.images[-1, -1, -1, -1].item()
        file.seek(-1, 2)
        file.write(last)
    assert changed == last[0] ^ 255, "the picture came from the file, and not before it was asked for"
    faces.images[0] = 0
    assert load_faces(ready, "train", size=SIZE).images[0].any(), "what is written to a set stays its own"


def test_mediapipe_is_not_needed(ready, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    assert len(load_faces(ready, "val", size=SIZE)) == 3


def test_training_takes_the_set_and_records_how_it_was_made(tabled, tmp_path):
    out = tmp_path / "sharp"
    prepare(tabled, out, size=SIZE, cache=tmp_path, softest=40.5, most=5)
    assert made_with(out) == {"most": 5, "softest": 40.5, "cover": None} and made_with(tabled) == {}
    parser = ArgumentParser()
    train.add_arguments(parser)

    def parse(*words: str):
        args = parser.parse_args(["--data", str(out), "--out", "run", "--size", str(SIZE), *words])
        return args, options_of(args, train.Options)

    args, options = parse()
    faces, validation = load_sets(args, options)
    assert faces.names == ("train-0.png", "train-2.png", "train-3.png") and len(validation) == 3
    assert "--softest 40.5 " in command_line(args, "cleft-inpainting", options)
    args, options = parse("--softest", "38.5")
    assert load_sets(args, options)[0].names == ("train-0.png",)
    assert "--softest 38.5 " in command_line(args, "cleft-inpainting", options)
    for words, sentence in {
        ("--softest", "41"): "made with --softest 40.5 and lacks pictures that --softest 41 asks for",
        ("--most", "6"): "made with --most 5 and lacks pictures that --most 6 asks for",
    }.items():
        with pytest.raises(DataUnreadable, match=sentence):
            load_sets(*parse(*words))


def test_a_table_is_needed_to_leave_pictures_out(ready):
    with pytest.raises(DataUnreadable, match=r"val\.csv with the columns name and cover"):
        load_faces(ready, "val", size=SIZE, cover=0.5)
    with pytest.raises(DataUnreadable, match="no picture of the train split"):
        load_faces(ready, "train", size=SIZE, softest=30)


def change_manifest(root: Path, **changes) -> None:
    path = root / "prepared.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda root: None, "holds pictures of 64 pixels a side; give --size 64, or prepare another"),
        (lambda root: change_manifest(root, size=32, version=0), "made by another version"),
        (lambda root: change_manifest(root, size=32, splits={"val": 3}), "has no train split"),
        (lambda root: change_manifest(root, size=32, splits={"train": 7}), "damaged or incomplete"),
        (lambda root: (root / "prepared.json").write_text("{"), "damaged or incomplete"),
    ],
)
def test_a_set_that_does_not_fit_says_why(own, damage, sentence):
    damage(own)
    with pytest.raises(DataUnreadable, match=sentence):
        load_faces(own, "train", size=32)


@pytest.mark.parametrize("name", ["train-images.npy", "train-meshes.npy", "train-outlines.npy", "train.json"])
def test_a_set_that_lacks_a_file_says_so(own, name):
    (own / name).write_bytes((own / name).read_bytes()[:100])
    with pytest.raises(DataUnreadable, match="damaged or incomplete"):
        load_faces(own, "train", size=SIZE)
    (own / name).unlink()
    with pytest.raises(DataUnreadable, match="damaged or incomplete"):
        load_faces(own, "train", size=SIZE)


def test_outlines_of_other_code_are_noticed(own):
    np.save(own / "train-outlines.npy", np.load(own / "train-outlines.npy") + 0.01)
    with pytest.raises(DataUnreadable, match="outlines of the prepared set are those of another version"):
        load_faces(own, "train", size=SIZE)


def test_a_set_that_was_stopped_half_way_is_none(tabled, own, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(preparing, "write_split", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(tabled, own, size=SIZE, cache=tmp_path)
    assert not is_prepared(own)


def test_where_a_set_cannot_be_prepared(ready, tabled, tmp_path):
    with pytest.raises(OptionInvalid, match="folder of its own"):
        prepare(tabled, tabled / ".." / tabled.name, cache=tmp_path)
    with pytest.raises(DataUnreadable, match="prepared set already"):
        prepare(ready, tmp_path / "again", cache=tmp_path)
    with pytest.raises(DataUnreadable, match="does not exist"):
        prepare(tmp_path / "nowhere", tmp_path / "out", cache=tmp_path)
    assert not (tmp_path / "out").exists() and not is_prepared(tabled)
