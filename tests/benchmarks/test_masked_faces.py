"""Labelled mask photos, and mask pictures rendered over faces."""

import cv2
import numpy as np
import pytest

from benchmarks.masked_faces import (
    RECOLOURED,
    Template,
    choose_faces,
    labelled_photos,
    load_templates,
    read_labelled,
    render,
    view_of,
)
from pipelines.errors import DataUnreadable
from pipelines.faces.points import Face

ANCHORS = (2, 28, 14, 4, 8, 12)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def test_labelled_photos_come_with_bare_face_and_mask(masked, astronaut):
    first, _ = labelled_photos(masked)
    photo, bare, mask = read_labelled(first)
    assert photo.shape == astronaut.shape and bare.shape == (256, 256, 3) and mask.dtype == bool
    assert np.median(np.abs(photo[mask].astype(int) - (120, 190, 225))) < 5
    assert np.abs(photo[~mask].astype(int) - astronaut[~mask]).mean() < 5
    assert labelled_photos(masked, 1) == [first]


@pytest.mark.parametrize("suffix", ["labels.png", "unmasked.jpg"])
def test_labelled_photos_that_are_not_whole(masked, suffix):
    first = labelled_photos(masked)[0]
    (masked / "pairs" / f"00001-{suffix}").unlink()
    with pytest.raises(DataUnreadable, match="copy their folder again"):
        read_labelled(first)


def test_a_label_of_another_size(masked):
    first = labelled_photos(masked)[0]
    label = masked / "pairs" / "00001-labels.png"
    cv2.imwrite(str(label), cv2.imread(str(label))[:-1])
    with pytest.raises(DataUnreadable, match="differs in size"):
        read_labelled(first)


@pytest.mark.parametrize("folder", [None, "nowhere"])
def test_nothing_there(folder):
    with pytest.raises(DataUnreadable, match="no labelled mask photos"):
        labelled_photos(folder)
    with pytest.raises(DataUnreadable, match="no pictures of masks"):
        load_templates(folder)


def test_templates_are_scaled_to_their_thumbnails(templates):
    found = {template.name: template for template in load_templates(templates)}
    recoloured = {f"surgical_{name}" for name in RECOLOURED}
    assert set(found) == {"surgical", "surgical_left", "surgical_right"} | recoloured
    assert [found[name].view for name in ("surgical", "surgical_left", "surgical_right")] == ["front", "left", "right"]
    # The picture is half as wide as the one in which the anchors were marked.
    assert np.allclose(found["surgical"].anchors, found["surgical_black"].anchors)
    assert np.allclose(found["surgical"].anchors[0], (10, 10)) and np.allclose(found["surgical"].anchors[2], (190, 10))
    lightness = {name: found[name].picture[..., :3][found[name].picture[..., 3] > 0].mean() for name in found}
    assert lightness["surgical_black"] < 0.3 * lightness["surgical"]
    colours = found["surgical_chequered"].picture[..., :3][found["surgical_chequered"].picture[..., 3] > 0]
    assert len(np.unique(colours, axis=0)) == 2
    for pattern in ("striped", "tartan", "flowered"):
        shown = found[f"surgical_{pattern}"].picture
        cloth = cv2.cvtColor(shown[..., :3], cv2.COLOR_RGB2LAB)[shown[..., 3] > 0].astype(float)
        assert cloth.std(0).sum() > 25, "a strong pattern"
        assert len(np.unique(shown[shown[..., 3] > 0], axis=0)) > 1


@pytest.mark.parametrize("damage", ["[surgical]\nmask_a: 1", "no settings at all"])
def test_templates_without_anchors(templates, damage):
    (templates / "templates" / "masks.cfg").write_text(damage)
    with pytest.raises(DataUnreadable, match="cannot be read"):
        load_templates(templates)


def test_a_damaged_template(templates):
    (templates / "templates" / "surgical.png").write_bytes(b"no picture")
    with pytest.raises(DataUnreadable, match="cannot be read"):
        load_templates(templates)


def test_a_mask_is_rendered_onto_its_anchors(astronaut, face):
    picture = np.zeros((240, 200, 4), np.uint8)
    picture[20:220, 10:190] = (30, 200, 60, 255)
    corners = np.float32([[10, 20], [100, 20], [190, 20], [10, 220], [100, 220], [190, 220]])
    drawn, truth = render(astronaut, face, Template("green", "front", picture, corners))
    matrix, _ = cv2.findHomography(corners.astype(float), face.points[list(ANCHORS)].astype(float))
    outline = cv2.perspectiveTransform(np.float64([[[10, 20], [190, 20], [190, 220], [10, 220]]]), matrix)
    wanted = cv2.fillPoly(np.zeros(astronaut.shape[:2], np.uint8), np.round(outline).astype(np.int32), 1) > 0
    assert iou(truth, wanted) > 0.94  # fillPoly draws the outline itself, too
    inside = cv2.erode(truth.astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert np.abs(drawn[inside].astype(int) - (30, 200, 60)).max() <= 1
    outside = ~cv2.dilate((truth | wanted).astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert np.array_equal(drawn[outside], astronaut[outside])


def test_straps_are_no_mask(astronaut, face):
    picture = np.zeros((240, 400, 4), np.uint8)
    picture[20:220, 110:290] = 255
    picture[60:63] = 255  # from side to side
    corners = np.float32([[110, 20], [200, 20], [290, 20], [110, 220], [200, 220], [290, 220]])
    drawn, truth = render(astronaut, face, Template("strapped", "front", picture, corners))
    changed = (drawn != astronaut).any(2)
    assert np.ptp(np.nonzero(changed)[1]) > 1.5 * np.ptp(np.nonzero(truth)[1])


def test_what_is_transparent_does_not_shine_through(astronaut, face):
    picture = np.zeros((100, 100, 4), np.uint8)
    picture[..., :3] = (255, 0, 255)
    picture[20:80, 20:80] = (0, 120, 0, 255)
    corners = np.float32([[20, 20], [50, 20], [80, 20], [20, 80], [50, 80], [80, 80]])
    drawn, _ = render(astronaut, face, Template("bleeding", "front", picture, corners))
    changed = (drawn != astronaut).any(2)
    # Every colour lies between the photo's and the mask's; magenta would raise red and blue.
    assert (drawn[changed][:, [0, 2]].astype(int) <= astronaut[changed][:, [0, 2]].astype(int) + 1).all()


def test_views(face):
    def turned(shift: float) -> Face:
        mesh = face.mesh.copy()
        mesh[[4, 1, 19, 94, 5]] += np.float32([shift * face.eye_distance, 0])
        return Face(mesh)

    assert view_of(turned(0)) == "front"
    assert view_of(turned(-0.6)) == "left" and view_of(turned(0.6)) == "right"


def test_every_template_gets_faces_of_its_view():
    picture, anchors = np.zeros((1, 1, 4), np.uint8), np.zeros((6, 2), np.float32)
    templates = [Template(name, view, picture, anchors) for name, view in ("af", "bf", "cl", "dr")
                 for view in [{"f": "front", "l": "left", "r": "right"}[view]]]  # fmt: skip
    views = ["front", "left", "front", "front", "front", "left"]
    chosen = choose_faces(views, templates, 2)
    assert chosen == [[0, 2], [3, 4], [1, 5], []]
    assert choose_faces(views, templates, 3) == [[0, 2, 3], [4, 0, 2], [1, 5], []]
