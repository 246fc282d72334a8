import csv
import tarfile

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import OptionInvalid, ReferenceUnusable
from pipelines.faces.alignment import align, centred
from pipelines.faces.images import read_image
from pipelines.faces.landmarks import find_crop_face, find_face
from pipelines.faces.masks import suggest_mask
from pipelines.faces.points import Face
from pipelines.mask_removal.references import warping
from pipelines.mask_removal.references.warping import CONTROL, CONTROL_POINTS, control_points, warp_reference, yaw

pytestmark = pytest.mark.slow

SIZE = 256


@pytest.fixture(scope="module")
def target(face):
    """Crop, its face, and the lower face as the hole."""
    import skimage.data

    photo = skimage.data.astronaut()
    alignment = align(photo, face)
    crop_face = Face(alignment.to_crop(face.mesh).astype(np.float32))
    return alignment.crop(photo), crop_face, suggest_mask(crop_face, (SIZE, SIZE), "lower-face")


def moved(photo: np.ndarray, face: Face, matrix: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, Face]:
    """Photo and face under an affine map of continuous coordinates."""
    size = shape[::-1]
    picture = cv2.warpAffine(photo, centred(matrix), size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return picture, Face((face.mesh @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32))


def difference(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    return np.abs(one.astype(float) - other)[where].mean()


def test_the_default_points_are_thirty_and_symmetric(face):
    assert len(set(CONTROL)) == CONTROL_POINTS == 30
    assert control_points(face, 30) == list(CONTROL)
    # Mirrored, every point lies near another one of them: of a frontal face made symmetric by averaging.
    points = face.mesh[list(CONTROL)]
    axis = face.eyes[1] - face.eyes[0]
    axis /= np.linalg.norm(axis)
    along = (points - face.eyes.mean(0)) @ axis
    across = (points - face.eyes.mean(0)) @ np.array([-axis[1], axis[0]])
    mirrored = np.stack([-along, across], 1)
    nearest = np.linalg.norm(mirrored[:, None] - np.stack([along, across], 1), axis=2).min(1)
    assert nearest.max() < 0.3 * face.eye_distance


@pytest.mark.parametrize("count", [8, 20, 31, 120])
def test_other_numbers_of_points_spread_over_the_face(face, count):
    chosen = control_points(face, count)
    assert len(set(chosen)) == count and max(chosen) < 468
    assert chosen == control_points(face, count)
    assert set(chosen) <= set(CONTROL) if count < 30 else set(CONTROL) <= set(chosen)
    points = face.mesh[chosen]
    assert np.ptp(points, axis=0).min() > 0.7 * np.ptp(face.mesh[list(CONTROL)], axis=0).min()


@pytest.mark.parametrize("count", [0, 7, 121])
def test_too_few_or_too_many_points(target, astronaut, face, count):
    with pytest.raises(OptionInvalid, match="from 8 to 120"):
        warp_reference(*target, astronaut, face, points=count)


@pytest.mark.parametrize("points", [8, 30, 120])
def test_the_photo_itself_is_warped_onto_itself(target, astronaut, face, points):
    crop, crop_face, hole = target
    at = warping._spline(*(crop_face.mesh[control_points(crop_face, points)],) * 2, SIZE)
    x, y = np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5)
    assert np.linalg.norm(at - np.stack([x, y], 2), axis=2).max() < 0.1, "sub-pixel"
    warped = warp_reference(crop, crop_face, hole, astronaut, face, points=points)
    assert difference(warped.image, crop, warped.confidence > 0.9) < 2
    assert warped.confidence[hole].mean() > 0.7
    assert warped.image.dtype == np.uint8 and warped.confidence.dtype == np.float32
    assert warped.confidence.min() >= 0 and warped.confidence.max() <= 1
    assert np.array_equal(warped.points, face.mesh[control_points(crop_face, points)])


@given(angle=st.floats(-0.6, 0.6), scale=st.floats(0.5, 1.6), shift=st.tuples(st.floats(-30, 30), st.floats(-30, 30)))
def test_turning_scaling_and_moving_the_reference_changes_little(target, face, angle, scale, shift):
    import skimage.data

    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = face.mesh.mean(0)
    matrix = np.hstack([turn, (centre * scale + shift - turn @ centre)[:, None]])
    reference, reference_face = moved(skimage.data.astronaut(), face, matrix, (820, 820))
    warped = warp_reference(*target, reference, reference_face)
    assert difference(warped.image, target[0], warped.confidence > 0.9) < 7
    assert (warped.confidence > 0.5).mean() > 0.15


def test_a_known_smooth_warp_is_undone(target, astronaut, face):
    crop, crop_face, hole = target
    centre = face.mesh.mean(0)

    def bend(points: np.ndarray) -> np.ndarray:
        """A face a tenth narrower below than above, and a little taller."""
        off = points - centre
        narrow = 1 - 0.1 * np.clip(off[:, 1:] / 60, -1, 1.5)
        return centre + off * np.concatenate([narrow, np.full_like(narrow, 1.05)], 1)

    x, y = np.meshgrid(np.arange(512) + 0.5, np.arange(512) + 0.5)
    grid = np.stack([x.ravel(), y.ravel()], 1)
    # The inverse of the bend, by a few rounds of correction.
    back = grid.copy()
    for _ in range(30):
        back += grid - bend(back)
    at = (back - 0.5).reshape(512, 512, 2).astype(np.float32)
    reference = cv2.remap(astronaut, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    warped = warp_reference(crop, crop_face, hole, reference, Face(bend(face.mesh).astype(np.float32)), points=60)
    inside = warped.confidence > 0.9
    assert inside.mean() > 0.1
    assert difference(warped.image, crop, inside) < 4


def test_hidden_points_meet_the_references_half_way(target, astronaut, face):
    crop, true, hole = target
    guessed = true.mesh.copy()
    column, row = np.clip(guessed, 0, SIZE - 1).astype(int).T
    hidden = hole[row, column]
    guessed[hidden] += (0, 16)
    source = align(astronaut, face).to_crop(face.mesh)
    settled = warping._settled(Face(guessed), None, hole, source).mesh
    still = hole[np.clip(guessed, 0, SIZE - 1).astype(int)[:, 1], np.clip(guessed, 0, SIZE - 1).astype(int)[:, 0]]
    assert np.allclose(settled[hidden & still] - true.mesh[hidden & still], (0, 8), atol=0.1)
    assert np.array_equal(settled[~still], guessed[~still])
    # A hole that covers the eyes leaves nothing to carry the reference by.
    everything = np.ones_like(hole)
    assert np.array_equal(warping._settled(Face(guessed), None, everything, source).mesh, guessed)
    # The warp is as much nearer to the truth.
    guess, held = (difference(warp_reference(crop, Face(mesh), where, astronaut, face).image, crop, hole)
                   for mesh, where in ((guessed, np.zeros_like(hole)), (guessed, hole)))  # fmt: skip
    assert held < 0.9 * guess


def test_hidden_points_lie_nearer_to_the_repainted_face(target, astronaut, face):
    crop, true, hole = target
    column, row = np.clip(true.mesh, 0, SIZE - 1).astype(int).T
    hidden = hole[row, column]
    source = align(astronaut, face).to_crop(face.mesh)  # the same face: carried over, it lies where the true one does
    drawn = Face(true.mesh + np.float32(12))
    settled = warping._settled(true, drawn, hole, source).mesh
    assert np.allclose((settled - true.mesh)[hidden], 8, atol=0.1)
    assert np.array_equal(settled[~hidden], true.mesh[~hidden]), "what is seen stays where it is seen"
    # With the eyes hidden too, the reference cannot be carried over, and the repainted face alone says.
    everywhere = warping._settled(true, drawn, np.ones_like(hole), source).mesh
    assert np.array_equal(everywhere, drawn.mesh)
    # The whole warp follows it.
    guess = Face(np.where(hidden[:, None], true.mesh + np.float32((0, 16)), true.mesh))
    astray, held = (difference(warp_reference(crop, guess, hole, astronaut, face, drawn=one).image, crop, hole)
                    for one in (guess, true))  # fmt: skip
    assert held < 0.9 * astray


def test_a_colour_cast_is_taken_off(target, astronaut, face):
    cast = np.clip(astronaut * np.array([1.1, 0.9, 0.7]) * 0.8, 0, 255).astype(np.uint8)
    warped = warp_reference(*target, cast, face)
    sure = warped.confidence > 0.9
    assert difference(warped.image, target[0], sure) < 0.5 * np.abs(cast.astype(float).mean() - astronaut.mean())


def test_what_the_hole_hides_does_not_matter(target, astronaut, face):
    crop, crop_face, hole = target
    spoiled = crop.copy()
    spoiled[hole] = (0, 255, 0)
    one, other = (warp_reference(picture, crop_face, hole, astronaut, face) for picture in (crop, spoiled))
    assert np.array_equal(one.image, other.image) and np.array_equal(one.confidence, other.confidence)


def test_no_skin_in_common_leaves_the_colours(target, astronaut, face):
    crop, crop_face, _ = target
    everything = np.ones((SIZE, SIZE), bool)
    warped = warp_reference(crop, crop_face, everything, astronaut, face)
    assert difference(warped.image, crop, warped.confidence > 0.9) < 2


def turned(face: Face, degrees: float) -> Face:
    """The mesh as if its half that lies on the image's right turned away: a cylinder seen from the side."""
    middle, half = face.mesh[:, 0].mean(), np.ptp(face.mesh[:, 0]) / 2 * 1.02
    angle = np.arcsin(np.clip((face.mesh[:, 0] - middle) / half, -1, 1)) + np.radians(degrees)
    mesh = face.mesh.copy()
    mesh[:, 0] = middle + half * np.sin(angle)
    return Face(mesh)


def test_the_side_that_looks_away_fades_out(target, astronaut, face):
    confidence = warp_reference(*target, astronaut, turned(face, 38)).confidence
    middle = int(target[1].mesh[4, 0])
    inside = warp_reference(*target, astronaut, face).confidence > 0.9
    left, right = inside.copy(), inside.copy()
    left[:, middle - 25 :] = right[:, : middle + 25] = False
    assert confidence[left].mean() > 0.8
    assert confidence[right].mean() < 0.7 * confidence[left].mean()


def test_what_lies_outside_the_reference_photo_is_not_trusted(target, astronaut, face):
    bottom = int(face.points[33, 1])  # cut below the nose
    with pytest.raises(ReferenceUnusable, match="shows too little of what the mask hides"):
        warp_reference(*target, astronaut[:bottom], face)
    crop, crop_face, hole = target
    hole = hole.copy()
    hole[int(crop_face.points[33, 1]) - 12 :] = False
    confidence = warp_reference(crop, crop_face, hole, astronaut[:bottom], face).confidence
    assert confidence[int(crop_face.points[33, 1]) + 3 :].max() < 0.05
    assert confidence[int(crop_face.points[30, 1]) - 30, int(crop_face.points[30, 0])] > 0.9


def test_views_from_too_different_sides_are_refused(target, astronaut, face):
    with pytest.raises(ReferenceUnusable, match="too different a side"):
        warp_reference(*target, astronaut, turned(face, 80))


def test_the_same_twice(target, astronaut, face):
    one, other = (warp_reference(*target, astronaut, face) for _ in range(2))
    assert np.array_equal(one.image, other.image) and np.array_equal(one.confidence, other.confidence)


def test_yaw_agrees_with_the_sets_own(shared):
    """The table counts to the other side."""
    with (shared / "faces" / "val.csv").open() as table:
        known = {row["name"]: -float(row["yaw_degrees"]) for row in csv.DictReader(table)}
    found, truth = [], []
    with tarfile.open(shared / "faces" / "val.tar") as archive:
        for member in [member for member in archive if member.isfile()][:60]:
            face = find_crop_face(read_image(archive.extractfile(member).read()))
            if face is not None:
                found.append(yaw(face))
                truth.append(known[member.name])
    assert np.corrcoef(found, truth)[0, 1] > 0.95
    assert np.abs(np.array(found) - truth).mean() < 4


def test_two_photos_of_one_person(shared):
    """Where the reference is trusted it looks more like the photo than the photo's mean colour does."""
    with tarfile.open(shared / "faces" / "pairs.tar") as archive:
        photo, reference = (read_image(archive.extractfile(f"pair-000-{which}.jpg").read()) for which in "ab")
    face = find_face(photo)
    alignment = align(photo, face)
    crop, crop_face = alignment.crop(photo), Face(alignment.to_crop(face.mesh).astype(np.float32))
    hole = suggest_mask(crop_face, crop.shape[:2], "lower-face")
    warped = warp_reference(crop, crop_face, hole, reference, find_face(reference))
    sure = hole & (warped.confidence > 0.8)
    assert sure.sum() > 0.5 * hole.sum()
    mean = np.broadcast_to(crop[~hole].mean(0), crop.shape)
    assert difference(warped.image, crop, sure) < 0.6 * difference(mean, crop, sure)
