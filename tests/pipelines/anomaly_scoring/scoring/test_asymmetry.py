"""The asymmetry map: what differs between the sides of a real face, whatever the light."""

import numpy as np
import pytest
import skimage.data

from benchmarks.deformations import deform
from pipelines.anomaly_scoring.choices import ASYMMETRY_PEAK
from pipelines.anomaly_scoring.scoring.asymmetry import asymmetry_map
from pipelines.anomaly_scoring.scoring.local import peak
from pipelines.anomaly_scoring.scoring.regions import region
from pipelines.faces.alignment import align
from pipelines.faces.points import Face, mirrored_face
from pipelines.faces.symmetry import even_face


@pytest.fixture(scope="module")
def aligned(face) -> tuple[np.ndarray, Face]:
    """The astronaut's crop and her face in it."""
    photo = skimage.data.astronaut()
    even = even_face(photo, face)
    alignment = align(photo, even)
    return alignment.crop(photo), alignment.face_in_crop(even)


@pytest.fixture(scope="module")
def symmetric(aligned) -> tuple[np.ndarray, Face]:
    """The same face with its mirror image as its other half."""
    crop, face = aligned
    axis = round(float(face.points[[27, 28, 29, 30, 33], 0].mean()))
    half = crop[:, axis - 100 : axis]
    return np.ascontiguousarray(np.hstack([half, half[:, ::-1]])), _symmetric(face, axis)


def _symmetric(face: Face, axis: int) -> Face:
    there = Face(face.mesh + np.array([100 - axis, 0], np.float32))
    return Face((there.mesh + mirrored_face(there, 200).mesh) / 2)


def test_a_symmetric_face_has_no_asymmetry_and_a_notch_at_one_side_has(symmetric):
    crop, face = symmetric
    heat = asymmetry_map(crop, face)
    assert heat.shape == (256, 200) and heat.dtype == np.float32 and heat.min() >= 0
    assert heat.max() < 1.5
    lip = np.round(face.points[50]).astype(int)
    notched = crop.copy()
    notched[lip[1] - 6 : lip[1] + 6, lip[0] - 3 : lip[0] + 3] = crop[lip[1], lip[0]] // 3
    found = asymmetry_map(notched, face)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert found.max() > 20
    assert min(abs(column - lip[0]), abs(200 - column - lip[0])) < 8 and abs(row - lip[1]) < 10


def test_a_mirrored_face_has_the_mirrored_map(aligned):
    crop, face = aligned
    heat = asymmetry_map(crop, face)
    flipped = asymmetry_map(np.ascontiguousarray(crop[:, ::-1]), mirrored_face(face, 256))[:, ::-1]
    assert np.abs(flipped - heat).max() < 0.05 * heat.max()


def test_half_the_light_changes_nothing_and_light_from_one_side_little(symmetric):
    crop, face = symmetric
    area = region(face, crop.shape[:2])
    notched = deform(crop, face, "cleft", 3.0, "left")
    before = peak(asymmetry_map(notched, face), area, ASYMMETRY_PEAK)
    assert before > 15
    darker = peak(asymmetry_map((notched * 0.5).astype(np.uint8), face), area, ASYMMETRY_PEAK)
    assert darker == pytest.approx(before, rel=0.05)
    across = np.linspace(1, 0.6, 200)[:, None]
    lit = (crop * across).astype(np.uint8)
    assert peak(asymmetry_map(lit, face), area, ASYMMETRY_PEAK) < 0.4 * before


def test_outside_the_mesh_it_is_nothing(aligned):
    crop, face = aligned
    heat = asymmetry_map(crop, face)
    _, top, right, _ = face.box
    assert (heat[: max(0, int(top) - 12)] == 0).all() and (heat[:, int(right) + 12 :] == 0).all()


def test_it_rises_with_a_cleft_s_severity(aligned):
    crop, face = aligned
    area = region(face, (256, 256), "upper-lip")
    peaks = [
        peak(asymmetry_map(deform(crop, face, "cleft", severity), face), area, ASYMMETRY_PEAK) for severity in (0, 2, 4)
    ]
    assert peaks[0] + 5 < peaks[1] < peaks[2]
