"""GIF files: the first picture, whatever stands before it."""

import time

import numpy as np
import pytest
from PIL import Image

from pipelines.faces.images import read_image
from tests.pipelines.faces.drawn_files import quadrants, saved


def with_comments(data: bytes, blocks: int) -> bytes:
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    return data[:at] + b"\x21\xfe" + (b"\xff" + b"a" * 255) * blocks + b"\0" + data[at:]


@pytest.mark.parametrize("version", ["GIF87a", "GIF89a"])
def test_comments_cost_nothing(version):
    data = version.encode() + saved(quadrants(), "GIF")[6:]
    start = time.perf_counter()
    assert np.array_equal(read_image(with_comments(data, 40_000)), quadrants())
    assert time.perf_counter() - start < 5


def test_the_transparent_colour_stays():
    image = Image.fromarray(np.repeat(np.eye(2, dtype=np.uint8), 20, 0).repeat(20, 1), "P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    read = read_image(with_comments(saved(image, "GIF", transparency=0), 3))
    assert read[5, 5].tolist() == [200, 100, 50] and read[5, 35].tolist() == [255, 255, 255]


def test_of_an_animation_the_first_picture():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ((250, 0, 0), (0, 0, 250))]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0, comment=b"drawn")
    assert read_image(data)[20, 20].tolist() == [250, 0, 0]
