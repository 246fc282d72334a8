"""The benchmark of seams: what it repaints, what it measures, and what it writes."""

import argparse
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from benchmarks import seams
from benchmarks.seams import Case, face_skin, labelled_cases, main, measure, measured, pair_cases, val_cases
from pipelines.errors import NoFaceFound
from pipelines.faces.masks import EXTENTS, suggest_mask
from pipelines.training.data import FaceSet


def apart(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Stands in for LPIPS."""
    return (one - other).abs().mean((1, 2, 3))


class Tinting:
    """Repaints the mask as it was, in a tint."""

    def __init__(self, tint: int = 20, **options) -> None:
        self.tint, self.asked = tint, []

    def __call__(self, photo, **asked):
        self.asked.append(asked)
        mask = asked.get("mask")
        if mask is None:
            mask = np.zeros(photo.shape[:2], bool)
            mask[150:210, 90:170] = True
        tinted = np.clip(photo + mask[..., None] * np.array([0, 0, self.tint]), 0, 255).astype(np.uint8)
        return SimpleNamespace(image=tinted, mask=mask, alpha=mask.astype(np.float32))


class Refusing(Tinting):
    def __call__(self, photo, **asked):
        raise NoFaceFound("no face")


@pytest.fixture
def case(astronaut, face):
    mask = suggest_mask(face, astronaut.shape[:2], "lips")
    return Case("one face", astronaut, astronaut, face, {"mask": mask})


def test_skin_is_the_face_without_its_eyes(astronaut, face):
    skin = face_skin(astronaut, face)
    cheek, eye = face.mesh[50].astype(int), face.points[36:42].mean(0).astype(int)
    assert skin[cheek[1], cheek[0]] and not skin[eye[1], eye[0]] and not skin[5, 5]


def test_a_tint_is_a_seam_and_an_untouched_photo_has_its_own(case):
    found = {tint: measure(case, Tinting(tint)(case.photo, **case.asked), apart) for tint in (0, 20)}
    assert found[0].drawn == found[0].own == found[20].own
    assert found[20].drawn.colour > found[20].own.colour + 2
    assert found[0].psnr == pytest.approx(10 * np.log10(255**2 / 1e-6)) and found[0].lpips == 0
    assert found[20].psnr < 30 and found[20].lpips > 0


def test_only_the_job_that_takes_a_reference_gets_one(case):
    jobs = {"cleft-inpainting": Tinting(), "mask-removal": Tinting()}
    found = measured(jobs, [case._replace(reference=case.photo)], apart)
    assert [len(one) for one in found.values()] == [1, 1]
    assert "reference" not in jobs["cleft-inpainting"].asked[0] and "reference" in jobs["mask-removal"].asked[0]


def test_what_a_job_refuses_is_passed_over(case):
    assert measured({"cleft-inpainting": Refusing()}, [case], apart) == {}


def test_labelled_photos_are_measured_against_the_bare_face(masked):
    (found,) = labelled_cases(argparse.Namespace(masked=masked, most=None))  # the second shows no face
    assert found.truth.shape == found.photo.shape and (found.truth != found.photo).any()
    assert found.asked["mask"].shape == found.photo.shape[:2] and found.asked["mask"].any()


def test_of_two_photos_the_second_is_the_reference(astronaut, monkeypatch):
    encoded = cv2.imencode(".png", astronaut[..., ::-1])[1].tobytes()
    blank = cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    monkeypatch.setattr(seams, "read_pairs", lambda data, most: [(encoded, encoded), (blank, encoded)])
    (found,) = pair_cases(argparse.Namespace(data="faces", most=2))
    assert np.array_equal(found.reference, astronaut) and found.asked["face"] == 0 and found.asked["mask"].any()


@pytest.fixture
def held_out(crop_of_astronaut, monkeypatch):
    """One held-out face."""
    crop, found = crop_of_astronaut
    images = torch.from_numpy(crop).permute(2, 0, 1)[None]
    faces = FaceSet(("a",), images, torch.from_numpy(found.mesh / crop.shape[0])[None])
    monkeypatch.setattr(seams, "load_faces", lambda root, split, *, cache, most: faces)
    return crop


@pytest.fixture
def crop_of_astronaut(astronaut, face):
    from pipelines.faces.alignment import align

    alignment = align(astronaut, face)
    return alignment.crop(astronaut), alignment.face_in_crop(face)


def test_held_out_faces_are_repainted_under_each_mask(held_out):
    cases = list(val_cases(argparse.Namespace(data="faces", cache=".data", most=1)))
    assert [case.asked["extent"] for case in cases] == list(EXTENTS)
    assert all(np.array_equal(case.photo, held_out) and case.face.eye_distance > 70 for case in cases)


def test_the_command_writes_a_row_for_each(held_out, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(seams, "LPIPS", lambda network, folder: apart)
    monkeypatch.setattr(seams, "JOBS", {"cleft-inpainting": Tinting, "mask-removal": Refusing})
    out = tmp_path / "out"
    assert main(["--data", "faces", "--sets", "val", "--out", str(out)]) == 0
    rows = json.loads((out / "seams.json").read_text())
    assert [row["kind"] for row in rows] == [f"held-out, {extent}" for extent in EXTENTS]
    assert all(row["job"] == "cleft-inpainting" and row["photos"] == 1 and row["colour"] > 1 for row in rows)
    assert "| held-out, lips | cleft-inpainting | 1 |" in capsys.readouterr().out
    monkeypatch.setattr(seams, "JOBS", {"cleft-inpainting": Refusing, "mask-removal": Refusing})
    assert main(["--data", "faces", "--sets", "val", "--out", str(out)]) == 2
    assert "use other photos" in capsys.readouterr().err
