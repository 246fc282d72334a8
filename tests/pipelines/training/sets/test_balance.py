import numpy as np
import pytest
import skimage.data
import torch

from pipelines.faces.alignment import align
from pipelines.faces.landmarks import find_face
from pipelines.training.data import FaceSet
from pipelines.training.sets.balance import AGES, JAWS, MOUTHS, TONES, groups, repeated


@pytest.fixture(scope="module")
def crop_and_face():
    photo = skimage.data.astronaut()
    face = find_face(photo)
    alignment = align(photo, face)
    return alignment.crop(photo), alignment.face_in_crop(face)


def as_set(crops, faces, ages=None) -> FaceSet:
    images = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
    meshes = torch.from_numpy(np.stack([face.mesh / crops[0].shape[0] for face in faces])).float()
    return FaceSet(tuple(map(str, range(len(crops)))), images, meshes, ages)


def test_groups_of_a_smiling_light_woman_with_bare_jaw(crop_and_face):
    crop, face = crop_and_face
    found = groups(as_set([crop, crop // 4], [face, face], torch.tensor([42.0, 7.0])))
    assert TONES[found["tone"][0]] in ("light", "very light", "intermediate")
    assert TONES[found["tone"][1]] in ("dark", "brown")
    assert [MOUTHS[index] for index in found["mouth"]] == ["open", "open"]
    assert JAWS[found["jaw"][0]] == "bare"
    assert [AGES[index] for index in found["age"]] == ["adult or unknown", "child"]
    assert "age" not in groups(as_set([crop], [face]))
    assert groups(as_set([crop], [face], torch.tensor([torch.nan])))["age"].tolist() == [0]


def test_a_painted_beard_shades_the_jaw(crop_and_face):
    crop, face = crop_and_face
    bearded = crop.copy()
    below = int(face.points[33, 1])
    bearded[below:] = bearded[below:] // 2
    assert JAWS[groups(as_set([bearded], [face]))["jaw"][0]] == "shaded"


def test_rare_groups_are_repeated():
    tone = np.array([0] * 10 + [1] * 90)
    even = repeated({"tone": tone}, 0.0)
    assert even.tolist() == list(range(100))
    some, more = (repeated({"tone": tone}, strength) for strength in (0.5, 1.0))
    shares = [(tone[index] == 0).mean() for index in (even, some, more)]
    assert shares[0] == 0.1 < shares[1] < shares[2]
    assert shares[2] > 0.25
    assert set(more.tolist()) >= set(range(10))
    assert np.bincount(more)[:10].max() <= 4
    assert torch.equal(repeated({"tone": tone}, 0.5), some)


def test_rarities_multiply_within_bounds():
    found = {"tone": np.array([0] * 5 + [1] * 95), "mouth": np.array([0] * 5 + [1] * 95)}
    index = repeated(found, 1.0)
    assert np.bincount(index)[:5].min() == np.bincount(index)[:5].max() == 4
    assert len(index) > 50
