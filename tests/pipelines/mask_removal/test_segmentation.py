import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.covers import covers
from benchmarks.masked_faces import Template
from benchmarks.segmentation import BEARDED_FACES
from pipelines.errors import SurgicalMaskNotFound
from pipelines.faces.blending.hole import make_hole
from pipelines.faces.images import read_image
from pipelines.faces.landmarks import find_crop_face, find_face
from pipelines.faces.masks import face_region
from pipelines.faces.points import Face
from pipelines.faces.subject import Subject
from pipelines.mask_removal.segmentation import segment_mask, with_margin
from tests.pipelines.mask_removal.worn_masks import wear

pytestmark = pytest.mark.slow


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize(
    ("colour", "print_colour"),
    [
        ((120, 180, 225), None),
        ((235, 235, 232), None),
        ((35, 35, 38), None),
        ((90, 170, 150), None),
        ((60, 90, 190), (200, 210, 235)),
    ],
    ids=["blue", "white", "black", "green", "chequered"],
)
def test_masks_of_every_colour_are_found(astronaut, face, colour, print_colour):
    photo, truth = wear(astronaut, face, colour, print_colour)
    found = segment_mask(photo, face)
    assert found.mask.shape == found.region.shape == photo.shape[:2]
    assert found.mask.dtype == found.region.dtype == bool
    assert iou(found.mask, truth) > 0.88
    assert found.contrast > 11


def test_the_mask_is_one_piece_without_holes(astronaut, face):
    photo, truth = wear(astronaut, face, (120, 180, 225))
    x, y = face.points[51].astype(int)
    photo[y : y + 6, x - 8 : x + 8] = (240, 240, 240)  # a logo
    mask = segment_mask(photo, face).mask
    assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2
    outside = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)[2][1:, cv2.CC_STAT_AREA]
    assert (outside > 0.05 * truth.sum()).all()


def test_a_hem_in_shadow_belongs_to_a_coloured_mask(astronaut, face):
    photo, truth = wear(astronaut, face, (120, 180, 225))
    hem = truth.copy()
    hem[: int(face.points[8, 1] - 0.2 * face.eye_distance)] = False
    assert hem.sum() > 0.05 * truth.sum()
    photo[hem] = (photo[hem] * 0.35).astype(np.uint8)
    found = segment_mask(photo, face).mask
    assert (found & hem).sum() > 0.8 * hem.sum()
    assert iou(found, truth) > 0.85


def test_a_bare_face_wears_no_mask(astronaut, face):
    with pytest.raises(SurgicalMaskNotFound, match="paint one with the brush, or use the suggested region"):
        segment_mask(astronaut, face)


@pytest.mark.parametrize("gain", [0.6, 1.15])
def test_a_bare_face_in_other_light_wears_no_mask(astronaut, face, gain):
    with pytest.raises(SurgicalMaskNotFound):
        segment_mask(np.clip(astronaut * gain, 0, 255).astype(np.uint8), face)


def test_the_answer_does_not_depend_on_size_or_on_what_was_asked_before(astronaut, face):
    photo, _ = wear(astronaut, face, (235, 235, 232))
    first = segment_mask(photo, face).mask
    large = segment_mask(cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), Face(face.mesh * 2)).mask
    assert iou(cv2.resize(large.astype(np.uint8), photo.shape[1::-1]).astype(bool), first) > 0.96
    assert np.array_equal(segment_mask(photo, face).mask, first)


def test_a_face_that_the_photo_cuts(astronaut, face):
    photo, truth = wear(astronaut, face, (120, 180, 225))
    bottom = int(face.points[57, 1])  # through the lower lip
    found = segment_mask(photo[:bottom], face).mask
    assert found.shape == (bottom, photo.shape[1])
    assert iou(found, truth[:bottom]) > 0.85


def test_large_photos_cost_little_more(astronaut, face):
    photo, _ = wear(astronaut, face, (120, 180, 225))
    wide = np.zeros((4000, 5000, 3), np.uint8)
    wide[1000:1512, 2000:2512] = photo
    moved = Face(face.mesh + np.array([2000, 1000], np.float32))
    found = segment_mask(wide, moved)
    assert np.array_equal(found.mask[1000:1512, 2000:2512].any(), True)
    assert found.mask.sum() == found.mask[1000:1512, 2000:2512].sum()


def test_labelled_photos(shared):
    """Ten of the 43; benchmarks/segmentation.py measures all of them."""
    scores = []
    for path in sorted((shared / "masked" / "pairs").glob("*-masked.jpg"))[:10]:
        photo = read_image(path)
        labels = np.array(Image.open(str(path).replace("masked.jpg", "labels.png")).convert("L"))
        scores.append(iou(segment_mask(photo, find_face(photo)).mask, labels == 75))
    assert np.mean(scores) > 0.93
    assert min(scores) > 0.85


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_people_in_masks(shared, number):
    photo = read_image(shared / "examples" / f"masked_{number}.jpg")
    face = find_face(photo)
    mask = segment_mask(photo, face).mask
    share = mask.sum() / face.eye_distance**2
    assert 0.8 < share < 5, "of the size of a mask"
    mouth = face.points[48:68].mean(0).astype(int)
    assert mask[mouth[1], mouth[0]]


def strap_of(face: Face, shape: tuple) -> np.ndarray:
    """Two lines of 5 % of the eye distance, from the mask's upper corners to the ears."""
    canvas = np.zeros(shape[:2], np.uint8)
    for cheek, ear in ((50, 127), (280, 356)):
        ends = [tuple(np.round(point).astype(int).tolist()) for point in face.mesh[[cheek, ear]]]
        cv2.line(canvas, *ends, 1, max(2, round(0.05 * face.eye_distance)))
    return canvas.astype(bool)


@pytest.mark.parametrize(
    ("colour", "strap_colour", "least"),
    [
        ((120, 180, 225), (240, 240, 240), 0.8),
        ((235, 235, 232), (235, 235, 232), 0.8),
        ((35, 35, 38), (35, 35, 38), 0.6),  # before dark hair nobody sees where a black strap goes on
    ],
    ids=["white on blue", "white on white", "black on black"],
)
def test_straps_belong_to_the_cloth_and_not_to_the_mask(astronaut, face, colour, strap_colour, least):
    photo, truth = wear(astronaut, face, colour)
    strap = strap_of(face, photo.shape) & ~truth
    bare = segment_mask(photo, face)
    photo[strap] = strap_colour
    found = segment_mask(photo, face)
    beside = strap & ~cv2.dilate(truth.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert (with_margin(found.cloth, face) & beside).sum() > least * beside.sum()
    assert (found.mask & beside).sum() < 0.3 * beside.sum()
    near = cv2.dilate((truth | strap).astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert (found.cloth & ~near).sum() <= (bare.cloth & ~near).sum() + 0.01 * truth.sum()


def test_thin_straps_are_found_at_the_photos_own_resolution(astronaut, face):
    """Of 2 % of the eye distance, a pixel and a half of the crop that the mask is found in."""
    times = 5
    photo = cv2.resize(astronaut[: 2 * int(face.eyes[0, 1]), :450], None, fx=times, fy=times)
    large = Face(face.mesh * times)
    photo, truth = wear(photo, large, (120, 180, 225))
    cords = np.zeros(truth.shape, np.uint8)
    for cheek, ear in ((50, 127), (280, 356)):
        ends = [tuple(np.round(point).astype(int).tolist()) for point in large.mesh[[cheek, ear]]]
        cv2.line(cords, *ends, 1, round(0.02 * large.eye_distance))
    photo[cords > 0] = (240, 240, 240)
    beside = (cords > 0) & ~with_margin(truth, large)
    hole = with_margin(segment_mask(photo, large).cloth, large)
    assert hole[beside].mean() > 0.95


def test_a_corner_in_shadow_is_repainted(astronaut, face):
    photo, truth = wear(astronaut, face, (235, 235, 232))
    x, y = face.points[8].astype(int)
    corner = np.zeros_like(truth)
    corner[y - 4 : y + round(0.16 * face.eye_distance), x - 6 : x + 6] = True
    photo[corner & ~truth] = (195, 195, 193)
    hole = with_margin(segment_mask(photo, face).cloth, face)
    assert hole[corner].all() and (hole & ~with_margin(truth | corner, face)).sum() < 0.02 * truth.sum()


def covered(kind: str, photo: np.ndarray, face: Face, seed: int) -> tuple[np.ndarray, np.ndarray]:
    picture = np.full((240, 200, 4), 255, np.uint8)
    picture[..., :3] = (90, 150, 220)
    anchors = np.float32([[10, 20], [100, 20], [190, 20], [10, 220], [100, 220], [190, 220]])
    return covers(Template("blue", "front", picture, anchors))[kind](photo, face, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", ["hand", "scarf_chin", "shield", "window"])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_colour_cannot_tell_from_a_face_is_said(astronaut, face, kind, seed):
    photo, _ = covered(kind, astronaut, face, seed)
    with pytest.raises(SurgicalMaskNotFound, match="paint one with the brush"):
        segment_mask(photo, face)


@pytest.mark.parametrize("squeeze", [1, 0.6], ids=["the face", "a face squeezed by FaceMesh"])
def test_a_scarf_over_the_nose_is_found_whole_or_not_at_all(astronaut, face, squeeze):
    """Some of its six colours are such as skin can have."""
    mesh = face.mesh.copy()
    below = mesh[:, 1] > mesh[1, 1]
    mesh[below, 1] = mesh[1, 1] + squeeze * (mesh[below, 1] - mesh[1, 1])
    found = 0
    for seed in range(6):
        photo, cover = covered("scarf_nose", astronaut, face, seed)
        on_face = cover & face_region(face, cover.shape)
        try:
            hole = with_margin(segment_mask(photo, Face(mesh)).cloth, face)
        except SurgicalMaskNotFound:
            continue
        assert hole[on_face].mean() > 0.95
        found += 1
    assert found >= 3


def test_a_print_on_a_dark_ground_is_found(astronaut, face):
    """Brown is a colour that skin can have."""
    photo, truth = wear(astronaut, face, (62, 44, 36), (150, 25, 40))
    found = segment_mask(photo, face).mask
    assert iou(found, truth) > 0.85


def test_a_mask_that_hangs_far_below_the_chin_is_found_to_its_end(astronaut, face):
    """FaceMesh squeezes a face into the part that is seen, so that its jaw may lie in the middle of the mask."""
    squeezed = face.mesh.copy()
    nose = squeezed[1, 1]
    below = squeezed[:, 1] > nose
    squeezed[below, 1] = nose + 0.6 * (squeezed[below, 1] - nose)
    photo, truth = wear(astronaut, face, (120, 180, 225))
    assert iou(segment_mask(photo, Face(squeezed)).mask, truth) > 0.85


def test_clothes_of_the_masks_colour_are_left_alone(astronaut, face):
    photo, truth = wear(astronaut, face, (120, 180, 225))
    photo[round(face.points[8, 1] + 0.45 * face.eye_distance) :] = (120, 180, 225)
    found = segment_mask(photo, face)
    assert iou(found.mask, truth) > 0.85
    assert not found.cloth[round(face.points[8, 1] + 0.5 * face.eye_distance) :].any()


@pytest.mark.parametrize("scale", [0.6, 3])
@pytest.mark.parametrize("cut", [None, 57], ids=["whole", "cut below the lips"])
def test_no_found_mask_is_refused(shared, scale, cut):
    """Over every 50th validation face: small and large ones, and such as the photo's border cuts."""
    with tarfile.open(shared / "faces" / "val.tar") as archive:
        members = [member for member in archive if member.isfile()][::50]
        crops = [read_image(archive.extractfile(member).read()) for member in members]
    found = 0
    for crop in crops:
        bare = find_crop_face(crop)
        large, face = cv2.resize(crop, None, fx=scale, fy=scale), Face(bare.mesh * scale)
        photo, _ = wear(large, face, (120, 180, 225))
        photo = photo if cut is None else photo[: int(face.points[cut, 1])]
        try:
            cloth = segment_mask(photo, face).cloth
        except SurgicalMaskNotFound:
            continue
        assert make_hole(with_margin(cloth, face), Subject(photo, (face,), 0)).crop.any()
        found += 1
    assert found > 0.8 * len(crops)


def found_on(shared, chosen):
    """How many of the validation photos that ``chosen`` takes by name wear a mask, as is found, and of how many."""
    found = 0
    with tarfile.open(shared / "faces" / "val.tar") as archive:
        members = [member for member in archive if member.isfile() and chosen(Path(member.name).name)]
        for member in members:
            crop = read_image(archive.extractfile(member).read())
            try:
                segment_mask(crop, find_crop_face(crop))
                found += 1
            except SurgicalMaskNotFound:
                pass
    return found, len(members)


def test_a_found_mask_gets_its_hem(face):
    found = np.zeros((400, 400), bool)
    found[200:300, 100:250] = True
    wider = with_margin(found, face)
    hem = 0.04 * face.eye_distance
    assert (wider & found).sum() == found.sum()
    columns = np.flatnonzero(wider.any(0))
    assert columns[0] == pytest.approx(100 - hem, abs=1) and columns[-1] == pytest.approx(249 + hem, abs=1)


def test_bare_faces(shared):
    assert found_on(shared, lambda name: name < "val-00060") == (0, 60)


def test_beards_are_no_masks(shared):
    found, count = found_on(shared, BEARDED_FACES.__contains__)
    assert count == len(BEARDED_FACES) and found == 0


@pytest.mark.parametrize("colour", [(60, 45, 40), (150, 145, 140), (230, 228, 225)], ids=["dark", "grey", "white"])
def test_a_beard_of_a_masks_colour_shows_lips_and_a_mask_does_not(astronaut, face, colour):
    worn, mask = wear(astronaut, face, colour)
    assert segment_mask(worn, face).contrast > 11
    lips = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(lips, [np.round(face.points[48:60]).astype(np.int32)], 1)
    bearded = np.where(lips[..., None] > 0, astronaut, worn)
    with pytest.raises(SurgicalMaskNotFound):
        segment_mask(bearded, face)


def test_a_mask_worn_below_the_nose_is_one(astronaut, face):
    worn, mask = wear(astronaut, face, (120, 180, 225))
    low = mask.copy()
    low[: int(face.points[33, 1])] = False
    found = segment_mask(np.where(low[..., None], worn, astronaut), face).mask
    assert iou(found, low) > 0.85
