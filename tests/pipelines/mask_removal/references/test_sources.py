from itertools import combinations

import cv2
import numpy as np
import pytest

from pipelines.mask_removal.choices import MOST_REFERENCES
from pipelines.mask_removal.references.sources import COLOURS, sources_picture, sources_sentence
from pipelines.results import UsedReference

SIZE = 256
NOTHING = np.zeros((SIZE, SIZE, 3), np.uint8)
HOLE = np.zeros((SIZE, SIZE), bool)
HOLE[100:220, 40:216] = True
LEFT = np.broadcast_to(np.arange(SIZE) < 128, (SIZE, SIZE)).astype(np.float32)


def used(number: int, share: float, weight: np.ndarray) -> UsedReference:
    points = np.zeros((0, 2), np.float32)
    return UsedReference(
        number=number, photo=NOTHING, points=points, yaw=0.0, share=share, warped=NOTHING, weight=weight
    )


def test_every_reference_has_a_colour_that_all_kinds_of_vision_tell_apart():
    """By lightness or by the blue-yellow axis, which red-green blindness leaves."""
    assert len(COLOURS) == MOST_REFERENCES
    lab = cv2.cvtColor(np.array([[*COLOURS.values()]], np.uint8), cv2.COLOR_RGB2LAB)[0].astype(float)
    for one, other in combinations(lab, 2):
        assert np.hypot(one[0] - other[0], one[2] - other[2]) > 20


def test_parts_of_the_hole_have_the_colours_of_their_references():
    picture = sources_picture(NOTHING, HOLE, [used(2, 0.5, LEFT), used(5, 0.5, 1 - LEFT)], np.ones_like(LEFT))
    for column, name in ((44, "sky blue"), (210, "blue")):
        assert picture[104, column] == pytest.approx(0.6 * np.array(COLOURS[name]), abs=1)
    assert (picture[~HOLE] == 0).all()


def test_what_is_not_trusted_has_no_colour():
    picture = sources_picture(NOTHING, HOLE, [used(1, 0.5, LEFT), used(2, 0.5, 1 - LEFT)], np.zeros_like(LEFT))
    assert (picture == 0).all()


def test_areas_with_room_carry_their_number():
    def written(weight: np.ndarray) -> int:
        picture = sources_picture(NOTHING, HOLE, [used(1, 0.5, weight), used(2, 0.5, 1 - weight)], np.ones_like(LEFT))
        return cv2.connectedComponents((picture.min(2) > 200).astype(np.uint8))[0] - 1

    assert written(LEFT) == 2
    sliver = np.broadcast_to(np.arange(SIZE) >= 200, (SIZE, SIZE)).astype(np.float32)
    assert written(sliver) == 1, "the other has no room for one"


def test_the_legend_names_colours_numbers_and_shares():
    said = sources_sentence([used(1, 0.642, LEFT), used(3, 0.358, 1 - LEFT)])
    assert said == "Orange: reference 1, 64 %; green: reference 3, 36 %"
