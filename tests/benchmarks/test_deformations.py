"""The simulator of deformities: what it leaves alone, how it grows, that it mirrors, folds nothing, has no colours."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from benchmarks.deformations import BILATERAL, KINDS, MAGNITUDES, SEVEREST, SIDES, _centres, _Deformity, deform
from pipelines.errors import OptionInvalid
from pipelines.faces.alignment import align
from pipelines.faces.landmarks import find_crop_face, find_face
from pipelines.faces.masks import grow, hull_mask
from pipelines.faces.points import MESH_TO_68, MIRROR_68, Face

MORE_PAIRS = ((185, 409), (39, 269), (191, 415), (80, 310), (82, 312), (146, 375), (181, 405), (95, 324), (88, 318),
              (87, 317), (64, 294), (129, 358))  # fmt: skip


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    photo = astronaut()
    return align(photo, find_face(photo)).crop(photo)


@pytest.fixture(scope="module")
def face(crop) -> Face:
    return find_crop_face(crop)


@pytest.fixture(scope="module")
def near(crop, face) -> np.ndarray:
    """Mouth and lower half of the nose, with a wide margin."""
    points = np.concatenate([face.points[48:68], face.points[30:36], face.mesh[[129, 358]]])
    return grow(hull_mask(points, 0, crop.shape[:2]), 0.36 * face.eye_distance)


def mirrored(face: Face, width: int) -> Face:
    mesh = face.mesh.copy()
    pairs = [(MESH_TO_68[one], MESH_TO_68[other]) for one, other in enumerate(MIRROR_68)]
    pairs += [*MORE_PAIRS, *((b, a) for a, b in MORE_PAIRS)]
    for one, other in pairs:
        mesh[one] = face.mesh[other]
    return Face((mesh * (-1, 1) + (width, 0)).astype(np.float32))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kind", KINDS)
def test_severity_0_changes_nothing_and_5_nothing_beyond_lips_and_nose(crop, face, near, kind, side):
    assert np.array_equal(deform(crop, face, kind, 0, side), crop)
    severe = deform(crop, face, kind, 5, side)
    assert severe.dtype == np.uint8 and severe.shape == crop.shape
    assert np.array_equal(severe[~near], crop[~near])
    assert np.abs(severe[near].astype(int) - crop[near]).max() > 40


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_departs_farther_the_more_severe(crop, face, kind):
    severities = np.arange(0, SEVEREST + 0.5, 0.5)
    departures = [np.abs(deform(crop, face, kind, one).astype(int) - crop).mean() for one in severities]
    assert (np.diff(departures) > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_mirrored_face_deformed_on_the_other_side_is_the_mirrored_picture(crop, face, kind):
    turned = np.ascontiguousarray(crop[:, ::-1])
    left = deform(crop, face, kind, 4, "left")
    right = deform(turned, mirrored(face, crop.shape[1]), kind, 4, "right")
    assert np.abs(left[:, ::-1].astype(int) - right).max() <= 2


@pytest.mark.parametrize("kind", ["notch", "gap", "cleft"])
def test_the_lip_changes_on_the_named_side(crop, face, kind):
    for side, sign in (("left", -1), ("right", 1)):
        changed = np.abs(deform(crop, face, kind, 3, side).astype(float) - crop).sum(2)
        middle = (changed.sum(0) * (np.arange(crop.shape[1]) + 0.5)).sum() / changed.sum()
        assert sign * (middle - face.points[51, 0]) > 0.05 * face.eye_distance


def test_magnitudes_are_eye_distances_and_grow_with_the_severity(crop, face):
    unit = face.eye_distance
    for severity in (1, 2.5, 5):
        notch, nostril, bow = (
            _Deformity.of(face, crop.shape[1], kind, severity, "left") for kind in ("notch", "nostril", "philtrum")
        )
        _, lip, sill, _ = notch.anatomy.line
        most = min(MAGNITUDES["notch"].notch * unit, 0.7 * (lip[1] - sill[1]))
        assert notch.shifts(lip[None])[0] == pytest.approx((0, -most * severity / 5), abs=1e-6)
        ala = nostril.shifts(nostril.anatomy.nostril[2:3])[0]
        assert ala[0] == pytest.approx(-MAGNITUDES["nostril"].ala_out * unit * severity / 5, rel=0.1)
        assert ala[1] == pytest.approx(MAGNITUDES["nostril"].ala_down * unit * severity / 5, rel=0.1)
        assert bow.shifts(face.points[51:52].astype(float))[0, 0] > 0.1 * unit * severity / 5


@pytest.mark.parametrize("severity", [3, 5])
@pytest.mark.parametrize("kind", MAGNITUDES)
def test_nothing_that_is_seen_of_the_upper_lip_and_nose_folds(crop, face, kind, severity):
    deformity = _Deformity.of(face, crop.shape[1], kind, severity, "left")
    at = deformity.sources(crop.shape[:2])
    across, down = np.gradient(at, axis=1), np.gradient(at, axis=0)
    area = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
    painted = cv2.dilate((deformity.opening(crop.shape[:2]) > 0.02).astype(np.uint8), np.ones((3, 3))) > 0
    centres = _centres(crop.shape[:2])
    inner = deformity.anatomy.inner
    above = centres[..., 1] < np.interp(centres[..., 0], inner[:, 0], inner[:, 1]) - 1
    assert area[above & ~painted].min() > -0.05


def test_only_the_faces_own_colours_are_used(crop, face):
    order = [2, 0, 1]
    assert np.array_equal(deform(crop[..., order], face, "cleft", 5), deform(crop, face, "cleft", 5)[..., order])


def test_a_gap_is_darker_than_the_lip_and_reaches_the_nostril(crop, face):
    deformity = _Deformity.of(face, crop.shape[1], "gap", 5, "left")
    opening = deformity.opening(crop.shape[:2]) > 0.9
    severe = deform(crop, face, "gap", 5)
    assert severe[opening].mean() < 0.6 * crop[opening].mean()
    mouth, _, sill, _ = deformity.anatomy.line
    rows = np.flatnonzero((deformity.opening(crop.shape[:2]) > 0.1).any(1))
    assert rows[0] < sill[1] + 0.2 * (mouth[1] - sill[1])


@pytest.mark.parametrize(
    "change", [{"kind": "burn"}, {"side": "middle"}, {"severity": -0.1}, {"severity": 5.1}, {"severity": np.nan}]
)
def test_what_does_not_exist_is_refused(crop, face, change):
    with pytest.raises(OptionInvalid):
        deform(crop, face, **change)


def test_a_bilateral_cleft_is_one_on_either_side(crop, face):
    both = deform(crop, face, BILATERAL, 3.0)
    left, right = (deform(crop, face, "cleft", 3.0, side) for side in SIDES)
    middle = round(float(face.points[33, 0]))
    lip = slice(round(float(face.points[33, 1])), round(float(face.points[62, 1])))
    for part, one in ((slice(0, middle - 12), left), (slice(middle + 12, 256), right)):
        changed = (both[lip, part] != crop[lip, part]).any(2)
        alike = np.abs(both[lip, part].astype(int) - one[lip, part]).mean(2)[changed]
        assert changed.sum() > 40 and np.median(alike) < 12
