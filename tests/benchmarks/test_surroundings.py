"""The benchmark of surroundings: what it exchanges, and what it measures of the answer."""

import json
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from benchmarks import surroundings
from benchmarks.surroundings import ALL, BORDERS, JOBS, around, difference, main, repainted, scored, seam
from pipelines.errors import NoFaceFound
from pipelines.faces.alignment import align
from pipelines.faces.landmarks import find_crop_face
from pipelines.training.data import FaceSet


@pytest.fixture(scope="module")
def crop(face):
    from skimage.data import astronaut

    return align(astronaut(), face).crop(astronaut())


@pytest.fixture(scope="module")
def found(crop):
    return find_crop_face(crop)


def test_the_face_stays_and_the_rest_is_exchanged(crop, found):
    others = dict(around(crop, found))
    assert tuple(others) == ALL and len(ALL) == 12
    inside = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.round(found.mesh).astype(np.int32)), 1)
    for name, other in others.items():
        assert other.dtype == np.uint8 and other.shape == crop.shape
        assert np.array_equal(other[inside > 0], crop[inside > 0]), name
        assert (other[0, 0] != crop[0, 0]).any(), name
    assert tuple(others["orange wall"][2, 2]) == (255, 140, 40)
    for name, grey in BORDERS.items():
        assert (others[name][0] == grey).all()


def test_a_tint_is_a_difference_and_a_step_is_a_seam(crop):
    hole = np.zeros(crop.shape[:2], bool)
    hole[150:200, 90:170] = True
    tinted = crop.copy()
    tinted[hole] = np.clip(tinted[hole] + np.array([0, 30, 0]), 0, 255)
    assert difference(crop, crop, hole) == 0 and difference(crop, tinted, hole) > 3
    assert seam(tinted, hole) > seam(crop, hole) + 3
    outside = crop.copy()
    outside[~hole] = 0
    assert difference(crop, outside, hole) == 0


class Tinting:
    """Repaints the hole in the mean colour of the picture: whatever stands round the face tints it."""

    def __call__(self, photo, mask):
        image = photo.copy()
        image[mask] = photo.reshape(-1, 3).mean(0)
        return SimpleNamespace(image=image)


class Steady(Tinting):
    """Repaints it in one colour, unless it finds no face."""

    def __call__(self, photo, mask):
        if (photo[0] == 0).all():
            raise NoFaceFound("no face")
        image = photo.copy()
        image[mask] = 120
        return SimpleNamespace(image=image)


def test_whoever_looks_at_the_wall_is_told_from_who_does_not(crop):
    tinting, steady = repainted(Tinting(), [crop], "lips"), repainted(Steady(), [crop], "lips")
    assert min(one[0][0] for one in tinting.values()) > 1
    assert {name for name, faces in steady.items() if not faces} == {"black wall", "black border"}
    assert all(faces[0][0] == 0 for faces in steady.values() if faces)


def test_a_score_that_follows_the_wall_changes_with_it(crop):
    def score(photo):
        mean = float(photo.mean())
        return SimpleNamespace(local=SimpleNamespace(value=mean), score=SimpleNamespace(severity=mean / 100))

    found, mean = scored(score, [crop]), crop.mean()
    assert list(found) == list(ALL)
    for name, other in around(crop, find_crop_face(crop)):
        change = abs(other.mean() - mean)
        assert found[name] == [pytest.approx((100 * change / mean, change / 100))], name


@pytest.mark.parametrize("job", ["cleft-inpainting", "mask-removal"])
def test_the_command_writes_a_row_for_each(job, crop, monkeypatch, tmp_path, capsys):
    import torch

    images = torch.from_numpy(crop).permute(2, 0, 1)[None]
    held_out = FaceSet(("a",), images, torch.zeros(1, 478, 2))
    monkeypatch.setattr(surroundings, "load_faces", lambda root, split, *, cache, most: held_out)
    monkeypatch.setitem(JOBS, job, replace(JOBS[job], make=lambda weights, device, precision: Tinting()))
    assert main(["--data", "faces", "--job", job, "--out", str(tmp_path / "out")]) == 0
    facts = json.loads((tmp_path / "out" / "surroundings.json").read_text())
    assert facts["job"] == job and list(facts["rows"]) == [*ALL, "all"] and facts["rows"]["all"][0] == 12
    assert "| green wall | 1 |" in capsys.readouterr().out
    blank = FaceSet(("a",), torch.zeros(1, 3, 256, 256, dtype=torch.uint8), torch.zeros(1, 478, 2))
    monkeypatch.setattr(surroundings, "load_faces", lambda root, split, *, cache, most: blank)
    assert main(["--data", "faces", "--job", job, "--out", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "none").exists()
