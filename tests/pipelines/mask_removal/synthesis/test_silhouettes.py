from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipelines.errors import DataUnreadable
from pipelines.mask_removal.synthesis import silhouettes
from pipelines.mask_removal.synthesis.silhouettes import (
    Silhouettes,
    below_noses,
    draw_silhouettes,
    read_silhouettes,
)
from pipelines.training.augment import points_68, step_generator

pytestmark = pytest.mark.slow

SIZE = 128
JAW_LEFT, JAW_RIGHT, BRIDGE, CHIN = 2, 14, 28, 8


def write(path: Path, corners: list[tuple[int, int]], straps: bool = False, side: tuple[int, int] = (200, 300)) -> None:
    """A picture, 300 wide and 200 high, of a mask with the given corners."""
    picture = np.zeros((*side, 4), np.uint8)
    cv2.fillPoly(picture, [np.array(corners)], (200, 150, 90, 255))
    if straps:
        for strap in (((0, 0), (80, 60)), ((0, 199), (80, 140)), ((299, 0), (220, 60)), ((299, 199), (220, 140))):
            cv2.line(picture, *strap, (255, 255, 255, 255), 5)
    cv2.imwrite(str(path), picture)


DIAMOND = [(30, 60), (150, 10), (270, 60), (150, 190)]


def face_points(turn: float = 0.0) -> torch.Tensor:
    """A face of which only the four anchors matter, turned about the middle by degrees, ``(1, 68, 2)``."""
    points = torch.full((1, 68, 2), 0.5)
    for index, place in ((JAW_LEFT, (0.3, 0.6)), (JAW_RIGHT, (0.7, 0.6)), (BRIDGE, (0.5, 0.4)), (CHIN, (0.5, 0.8))):
        points[0, index] = torch.tensor(place)
    angle = torch.deg2rad(torch.tensor(turn))
    rotate = torch.tensor([[torch.cos(angle), -torch.sin(angle)], [torch.sin(angle), torch.cos(angle)]])
    return (points - 0.5) @ rotate.T + 0.5


@pytest.fixture
def steady(monkeypatch) -> None:
    """Masks worn exactly as the face says."""
    monkeypatch.setattr(silhouettes, "uniform", lambda shape, low, high, generator: torch.zeros(shape))


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def test_reads_the_shape_within_its_own_box_without_straps(tmp_path):
    write(tmp_path / "mask.png", DIAMOND, straps=True)
    found = read_silhouettes(tmp_path)
    assert found.shapes.shape == (1, 1, 128, 128)
    assert found.shapes.min() >= 0 and found.shapes.max() <= 1
    shape = found.shapes[0, 0].numpy() > 0.5
    assert shape.any(0).all() and shape.any(1).all(), "the box is the shape's own"
    corners = (np.array(DIAMOND) - (30, 10)) / (240, 180) * 128
    canvas = np.zeros((128, 128), np.uint8)
    cv2.fillPoly(canvas, [corners.astype(np.int32)], 1)
    assert overlap(shape, canvas > 0) > 0.9  # taking straps off rounds the corners


def test_straps_change_nothing(tmp_path):
    found = []
    for name in ("plain", "worn"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "mask.png", DIAMOND, straps=name == "worn")
        found.append(read_silhouettes(tmp_path / name))
    plain, worn = (one.shapes[0, 0].numpy() > 0.5 for one in found)
    assert overlap(plain, worn) > 0.97


def test_pictures_that_are_no_masks_are_left_out(tmp_path):
    write(tmp_path / "b.png", DIAMOND)
    write(tmp_path / "a.png", [(20, 20), (280, 20), (280, 180), (20, 180)])
    write(tmp_path / "speck.png", [(140, 90), (160, 90), (160, 110), (140, 110)])
    write(tmp_path / "empty.png", [(0, 0)])
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((200, 300, 3), 255, np.uint8))
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    found = read_silhouettes(tmp_path)
    assert len(found.shapes) == 2
    assert found.shapes[0].mean() > 0.95 > found.shapes[1].mean(), "in the order of their names"


def test_a_folder_without_masks_is_an_error(tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((200, 300, 3), 255, np.uint8))
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataUnreadable, match="mask templates") as error:
            read_silhouettes(folder)
        assert str(tmp_path) not in str(error.value)


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("nose", [0.5, 0.45])
def test_a_mask_is_laid_from_the_bridge_to_below_the_chin_as_wide_as_the_jaw(nose):
    full = Silhouettes(torch.ones(1, 1, 128, 128))
    points = face_points()
    points[0, [BRIDGE, CHIN], 0] = nose
    drawn = draw_silhouettes(full, points, SIZE, step_generator(0, 0))
    assert drawn.shape == (1, 1, SIZE, SIZE)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    rows, columns = (np.flatnonzero(drawn[0, 0].numpy().any(axis)) for axis in (1, 0))
    assert np.allclose([columns[0], columns[-1] + 1], np.array([0.3, 0.7]) * SIZE, atol=1)
    assert np.allclose([rows[0], rows[-1] + 1], np.array([0.4, 0.8 + 0.06 * 0.4]) * SIZE, atol=1)


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("turn", [-30.0, 20.0])
def test_a_mask_turns_with_the_face(tmp_path, turn):
    write(tmp_path / "mask.png", DIAMOND)
    shapes = read_silhouettes(tmp_path)
    upright, turned = (
        draw_silhouettes(shapes, face_points(angle), SIZE, step_generator(0, 0))[0, 0].numpy() for angle in (0.0, turn)
    )
    matrix = cv2.getRotationMatrix2D((SIZE / 2 - 0.5, SIZE / 2 - 0.5), -turn, 1)
    expected = cv2.warpAffine(upright, matrix, (SIZE, SIZE))
    assert overlap(turned > 0.5, expected > 0.5) > 0.95
    assert overlap(turned > 0.5, upright > 0.5) < 0.85


def test_masks_are_worn_a_little_differently_each_time(tmp_path):
    write(tmp_path / "a.png", DIAMOND)
    write(tmp_path / "b.png", [(20, 20), (280, 20), (280, 180), (20, 180)])
    shapes = read_silhouettes(tmp_path)
    points = face_points().repeat(60, 1, 1)
    drawn = draw_silhouettes(shapes, points, SIZE, step_generator(0, 0))
    assert torch.equal(drawn, draw_silhouettes(shapes, points, SIZE, step_generator(0, 0)))
    assert len({one.numpy().tobytes() for one in drawn}) > 55
    area = drawn.mean((1, 2, 3))
    wide = area > (area.min() + area.max()) / 2
    assert 0.3 < wide.float().mean() < 0.7, "both shapes are worn"
    centres = torch.stack([one[0].nonzero().float().mean(0) for one in drawn]) / SIZE
    assert (centres - centres.mean(0)).norm(dim=1).max() < 0.06
    assert (centres - centres.mean(0)).norm(dim=1).mean() > 0.003


def test_a_real_face_is_hidden_from_the_nose_to_the_chin(face, tmp_path):
    write(tmp_path / "mask.png", [(30, 40), (150, 10), (270, 40), (260, 120), (150, 190), (40, 120)])
    points = points_68(torch.from_numpy(face.mesh)[None] / 512).repeat(40, 1, 1)
    drawn = draw_silhouettes(read_silhouettes(tmp_path), points, 512, step_generator(0, 0))[:, 0]
    x, y = (points[0] * 512).long().T
    assert drawn[:, y[48:68], x[48:68]].mean() > 0.99, "mouth"
    assert drawn[:, y[30], x[30]].mean() > 0.95, "tip of the nose"
    assert drawn[:, y[36:48], x[36:48]].mean() < 0.1, "eyes stay free"


def test_some_masks_are_worn_below_the_nose(face):
    points = points_68(torch.from_numpy(face.mesh)[None] / 512).repeat(60, 1, 1)
    holes = torch.ones(60, 1, 256, 256)
    worn = below_noses(holes, points, step_generator(0, 0), share=0.4)
    assert torch.equal(worn, below_noses(holes, points, step_generator(0, 0), share=0.4))
    low = worn.mean((1, 2, 3)) < 1
    assert low.float().mean().item() == pytest.approx(0.4, abs=0.15)
    x, y = (points[0] * 256).long().T
    assert not worn[low][:, 0, y[27:31], x[27:31]].any(), "the nose is free"
    assert worn[low][:, 0, y[54:60], x[54:60]].all(), "the lower lip is not"
    assert worn[low][:, 0, y[8], x[8]].all()
    assert len(worn[low].mean((1, 2, 3)).unique()) > 0.9 * low.sum(), "each a little differently"


def test_a_hole_above_the_mouth_is_not_emptied():
    points = face_points()
    points[0, 33], points[0, 51] = torch.tensor((0.5, 0.6)), torch.tensor((0.5, 0.65))
    points[0, 3], points[0, 13] = torch.tensor((0.3, 0.6)), torch.tensor((0.7, 0.6))
    points[0, 36:42], points[0, 42:48] = torch.tensor((0.35, 0.38)), torch.tensor((0.65, 0.38))
    hole = torch.zeros(1, 1, SIZE, SIZE)
    hole[..., 20:40, 40:80] = 1
    assert torch.equal(below_noses(hole, points, step_generator(0, 0), share=1.0), hole)


def test_masks_lie_where_people_wear_them(shared, steady):
    """Surgical masks of the templates against the labels of photos, whose faces were found without their masks."""
    from pipelines.faces.images import read_image
    from pipelines.faces.landmarks import find_face

    shapes = read_silhouettes(shared / "masked" / "templates")
    assert len(shapes.shapes) == 12
    surgical = Silhouettes(shapes.shapes[5:6])  # names in order: KN95, three N95, cloth, surgical
    overlaps = []
    for photo in sorted((shared / "masked" / "pairs").glob("*-unmasked.jpg"))[:12]:
        picture = read_image(photo.read_bytes())
        points = points_68(torch.from_numpy(find_face(picture).mesh)[None] / picture.shape[0])
        labels = cv2.imread(str(photo).replace("unmasked.jpg", "labels.png"), cv2.IMREAD_GRAYSCALE)
        worn = cv2.resize((labels == 75).astype(np.uint8), (256, 256), interpolation=cv2.INTER_AREA) > 0
        drawn = draw_silhouettes(surgical, points, 256, step_generator(0, 0))[0, 0].numpy() > 0
        overlaps.append(overlap(drawn, worn))
        x, y = (points[0, 36:48] * 256).long().T
        assert not drawn[y, x].any(), "eyes stay free"
    assert np.mean(overlaps) > 0.75
    assert min(overlaps) > 0.6
