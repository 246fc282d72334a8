import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipelines.errors import DataUnreadable
from pipelines.faces.alignment import align
from pipelines.faces.images import encode_png
from pipelines.training import data
from pipelines.training.data import load_faces, write_lists

pytestmark = pytest.mark.slow


def crop_of(photo: np.ndarray, face, gain: float = 1.0) -> np.ndarray:
    crop = align(photo, face, 256).crop(photo)
    return np.clip(crop * gain, 0, 255).astype(np.uint8)


def write_shard(path: Path, pictures: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in pictures.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def shards(tmp_path, astronaut, face) -> Path:
    """Two training shards and a validation shard of aligned crops; one picture without a face, and a text file."""
    root = tmp_path / "shards"
    root.mkdir()
    crops = [encode_png(crop_of(astronaut, face, gain)) for gain in (1.0, 0.9, 0.8, 0.7, 0.6)]
    blank = encode_png(np.full((256, 256, 3), 128, np.uint8))
    write_shard(root / "train-00.tar", {"train-0.png": crops[0], "train-1.png": crops[1], "notes.txt": b"hello"})
    write_shard(root / "train-01.tar", {"train-2.png": blank, "train-3.png": crops[2], "train-4.png": crops[3]})
    write_shard(root / "val.tar", {"val-0.png": crops[4]})
    return root


@pytest.fixture
def photos(tmp_path, astronaut) -> Path:
    """A plain folder: the astronaut at several sizes and crops, in folders, one photo without a face."""
    root = tmp_path / "photos"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "a.png").write_bytes(encode_png(astronaut))
    (root / "deep" / "b.PNG").write_bytes(encode_png(cv2.resize(astronaut, (900, 900))))
    (root / "deep" / "er" / "c.png").write_bytes(encode_png(astronaut[:300, 80:400]))
    (root / "nobody.png").write_bytes(encode_png(astronaut[300:, :200]))
    (root / "broken.jpg").write_bytes(b"not a picture")
    (root / "readme.txt").write_text("no photo")
    return root


@pytest.fixture
def finder(monkeypatch):
    """Counts the pictures whose landmarks are looked for."""
    seen = []
    real = data._mesh_of

    def count(job):
        seen.append(job)
        return real(job)

    monkeypatch.setattr(data, "_mesh_of", count)
    return seen


def test_reads_a_sharded_set(shards, tmp_path, astronaut, face):
    faces = load_faces(shards, "train", cache=tmp_path / "cache")
    assert faces.names == ("train-0.png", "train-1.png", "train-3.png", "train-4.png")
    assert len(faces) == 4
    assert faces.images.shape == (4, 3, 256, 256) and faces.images.dtype == torch.uint8
    assert faces.meshes.shape == (4, 478, 2) and faces.meshes.dtype == torch.float32
    assert faces.nbytes == faces.images.numel()
    expected = crop_of(astronaut, face)
    assert np.array_equal(faces.images[0].permute(1, 2, 0).numpy(), expected)
    truth = align(astronaut, face, 256).to_crop(face.points) / 256
    points = faces.meshes[:, list(data_points())].numpy()
    assert np.abs(points - truth).max() < 0.03  # found anew in the crop


def data_points() -> tuple[int, ...]:
    from pipelines.faces.points import MESH_TO_68

    return MESH_TO_68


def test_splits_of_a_sharded_set_are_its_files(shards, tmp_path):
    assert load_faces(shards, "val", cache=tmp_path / "cache").names == ("val-0.png",)
    with pytest.raises(DataUnreadable, match=r"neither test\*\.tar shards nor pictures"):
        load_faces(shards, "test", cache=tmp_path / "cache")


def test_reads_and_aligns_a_plain_folder(photos, tmp_path, astronaut, face):
    faces = load_faces(photos, "train", cache=tmp_path / "cache")
    assert faces.names == ("a.png", "deep/b.PNG", "deep/er/c.png")
    reference = crop_of(astronaut, face).astype(float)
    for index in range(3):
        eyes = faces.meshes[index][list(data_points())][36:48].view(2, 6, 2).mean(1)
        assert torch.allclose(eyes, torch.tensor([[0.35, 0.38], [0.65, 0.38]]), atol=1e-3)
        # The middle of the face is the same picture, whatever the photo's size.
        middle = np.s_[80:200, 60:196]
        crop = faces.images[index].permute(1, 2, 0).numpy().astype(float)
        assert np.abs(crop[middle] - reference[middle]).mean() < 8


def test_resamples_to_the_size_asked_for(shards, tmp_path):
    small = load_faces(shards, "train", size=64, cache=tmp_path / "cache")
    large = load_faces(shards, "train", cache=tmp_path / "cache")
    assert small.images.shape == (4, 3, 64, 64)
    assert torch.equal(small.meshes, large.meshes)
    average = torch.nn.functional.avg_pool2d(large.images.float(), 4)
    assert (small.images.float() - average).abs().max() <= 1


@pytest.mark.parametrize("source", ["shards", "photos"])
def test_landmarks_are_found_once(source, request, tmp_path, finder, monkeypatch):
    root, cache = request.getfixturevalue(source), tmp_path / "cache"
    first = load_faces(root, "train", cache=cache)
    assert len(finder) == 5
    monkeypatch.setattr(data, "_find_meshes", None)  # a call would raise
    again = load_faces(root, "train", cache=cache)
    assert again.names == first.names
    assert torch.equal(again.images, first.images)
    assert torch.equal(again.meshes, first.meshes)


def test_a_part_of_the_set_uses_the_same_cache(shards, tmp_path, finder):
    cache = tmp_path / "cache"
    assert load_faces(shards, "train", cache=cache, most=2).names == ("train-0.png", "train-1.png")
    assert len(finder) == 2
    whole = load_faces(shards, "train", cache=cache)
    assert len(finder) == 5
    assert len(whole) == 4
    assert load_faces(shards, "train", cache=cache, most=3).names == ("train-0.png", "train-1.png")
    assert len(finder) == 5
    assert len(list(cache.iterdir())) == 1


def test_most_reads_no_further_than_it_must(shards, tmp_path):
    (shards / "train-01.tar").write_bytes(b"damaged")
    assert len(load_faces(shards, "train", cache=tmp_path / "cache", most=2)) == 2


def test_a_changed_picture_is_looked_at_again(photos, tmp_path, astronaut, finder):
    cache = tmp_path / "cache"
    load_faces(photos, "train", cache=cache)
    before = len(finder)
    (photos / "a.png").write_bytes(encode_png(np.ascontiguousarray(astronaut[:, ::-1])))
    faces = load_faces(photos, "train", cache=cache)
    assert len(finder) == before + 1
    mirrored = np.abs(faces.images[0].float() - faces.images[1].float()).mean()
    assert mirrored > 20


def test_a_cache_serves_where_mediapipe_is_missing(shards, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    faces = load_faces(shards, "train", cache=cache, most=2)
    monkeypatch.setattr(data.importlib.util, "find_spec", lambda name: None)
    assert torch.equal(load_faces(shards, "train", cache=cache, most=2).meshes, faces.meshes)
    with pytest.raises(DataUnreadable, match="MediaPipe is not installed"):
        load_faces(shards, "train", cache=cache)


def test_many_pictures_are_shared_out_among_processes(shards, tmp_path, monkeypatch):
    one = load_faces(shards, "train", cache=tmp_path / "one")
    monkeypatch.setattr(data, "_CHUNK", 3)
    texts = []
    other = load_faces(
        shards, "train", cache=tmp_path / "other", progress=lambda fraction, text: texts.append((fraction, text))
    )
    assert other.names == one.names
    assert torch.equal(other.meshes, one.meshes)
    assert all(0 <= fraction <= 1 for fraction, _ in texts)
    assert texts[-1][1] == "reading pictures"


def test_pictures_without_a_face_are_an_error_of_their_own(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    (root / "grey.png").write_bytes(encode_png(np.full((200, 200, 3), 90, np.uint8)))
    with pytest.raises(DataUnreadable, match="No face was found"):
        load_faces(root, "train", cache=tmp_path / "cache")


def test_crops_that_are_not_upright_are_left_out(shards, tmp_path, astronaut, face):
    crop = crop_of(astronaut, face)
    whole = load_faces(shards, "train", cache=tmp_path / "cache")
    turned = {f"turned-{turns}.png": encode_png(np.ascontiguousarray(np.rot90(crop, turns))) for turns in (1, 2)}
    write_shard(shards / "train-02.tar", turned)
    assert load_faces(shards, "train", cache=tmp_path / "cache").names == whole.names


def test_unusable_folders_say_why(tmp_path, shards, photos):
    cache = tmp_path / "cache"
    with pytest.raises(DataUnreadable, match="does not exist"):
        load_faces(tmp_path / "nowhere", "train", cache=cache)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataUnreadable, match="neither"):
        load_faces(tmp_path / "empty", "train", cache=cache)
    (shards / "train-00.tar").write_bytes(b"damaged")
    (photos / "train.txt").write_text("a.png\ngone.png\n")
    for root in (shards, photos):
        with pytest.raises(DataUnreadable, match="missing or damaged") as error:
            load_faces(root, "train", cache=cache)
        assert "gone" not in str(error.value) and "train-00" not in str(error.value)
    assert not cache.exists()


@pytest.fixture
def many(tmp_path) -> Path:
    root = tmp_path / "many"
    for number in range(100):
        path = root / f"{number % 7}" / f"{number:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (root / "0" / "list.csv").write_text("not a picture")
    return root


def read_lists(folder: Path) -> dict[str, list[str]]:
    return {split: (folder / f"{split}.txt").read_text().splitlines() for split in ("train", "val", "test")}


def test_lists_are_disjoint_complete_and_repeatable(many, tmp_path):
    counts = write_lists(many, tmp_path / "one", val=0.1, test=0.2, seed=3)
    lists = read_lists(tmp_path / "one")
    assert counts == {"train": 70, "val": 10, "test": 20}
    assert {split: len(names) for split, names in lists.items()} == counts
    everything = [name for names in lists.values() for name in names]
    assert sorted(everything) == sorted(str(path.relative_to(many)) for path in many.rglob("*.jpg"))
    write_lists(many, tmp_path / "two", val=0.1, test=0.2, seed=3)
    assert read_lists(tmp_path / "two") == lists
    write_lists(many, tmp_path / "three", val=0.1, test=0.2, seed=4)
    assert read_lists(tmp_path / "three")["val"] != lists["val"]


def test_lists_of_an_empty_folder(tmp_path):
    with pytest.raises(DataUnreadable, match="no pictures"):
        write_lists(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_lists_say_the_split(photos, tmp_path):
    (photos / "train.txt").write_text("deep/er/c.png\n\na.png\n")
    (photos / "val.txt").write_text("deep/b.PNG\n")
    cache = tmp_path / "cache"
    assert load_faces(photos, "train", cache=cache).names == ("deep/er/c.png", "a.png")
    assert load_faces(photos, "val", cache=cache).names == ("deep/b.PNG",)
    with pytest.raises(DataUnreadable, match="test split"):
        load_faces(photos, "test", cache=cache)


def test_moves_to_a_device(shards, tmp_path):
    moved = load_faces(shards, "val", cache=tmp_path / "cache").to("meta")
    assert moved.images.device.type == moved.meshes.device.type == "meta"
    assert moved.names == ("val-0.png",)


def test_soft_pictures_can_be_left_out(shards, tmp_path, finder):
    rows = ["name,source,detail_psnr", "train-0.png,a,35.0", "train-1.png,b,41.5", "train-3.png,b,40.5"]
    (shards / "train.csv").write_text("\n".join(rows) + "\n")
    faces = load_faces(shards, "train", cache=tmp_path / "cache", softest=40.5)
    assert faces.names == ("train-0.png", "train-3.png")
    assert len(finder) == 2, "no landmarks are looked for in what is left out"
    with pytest.raises(DataUnreadable, match="neither"):
        load_faces(shards, "train", cache=tmp_path / "cache", softest=30)


def test_pictures_with_much_reflection_can_be_left_out(shards, tmp_path, finder):
    rows = ["name,detail_psnr,cover", "train-0.png,35.0,0.97", "train-1.png,35.0,0.969", "train-3.png,45.0,1.000"]
    (shards / "train.csv").write_text("\n".join(rows) + "\n")
    faces = load_faces(shards, "train", cache=tmp_path / "cache", cover=0.97)
    assert faces.names == ("train-0.png", "train-3.png")
    assert load_faces(shards, "train", cache=tmp_path / "cache", cover=0.97, softest=40).names == ("train-0.png",)
    assert len(finder) == 2, "no landmarks are looked for in what is left out"
    (shards / "train.csv").write_text("name,detail_psnr\ntrain-0.png,35.0\n")
    with pytest.raises(DataUnreadable, match=r"train\.csv with the columns name and cover"):
        load_faces(shards, "train", cache=tmp_path / "cache", cover=0.97)


@pytest.mark.parametrize("table", [None, "name,age\ntrain-0.png,3\n", "name,detail_psnr\ntrain-0.png,high\n"])
def test_leaving_out_soft_pictures_needs_a_table(shards, tmp_path, table):
    if table is not None:
        (shards / "train.csv").write_text(table)
    with pytest.raises(DataUnreadable, match=r"train\.csv with the columns name and detail_psnr"):
        load_faces(shards, "train", cache=tmp_path / "cache", softest=40)
