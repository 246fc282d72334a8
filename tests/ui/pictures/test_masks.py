"""The way of a mask from the browser: painted, suggested and uploaded masks end as the same array."""

import base64

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import MaskMismatch
from ui.pictures.masks import EDITOR_SIDE, Base, editor_size, layer_url, photo_mask, photo_url, read_layer

shapes = st.tuples(st.integers(3, 90), st.integers(3, 90))


def random_mask(shape: tuple[int, int], seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random(shape).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), max(0.5, min(shape) / 12)) > 0.5


@given(shapes, st.integers(0, 99))
def test_layer_survives_its_data_url(shape, seed):
    layer = random_mask(shape, seed).astype(np.uint8) * 255
    assert np.array_equal(read_layer(layer_url(layer), shape[::-1]), layer)


@given(shapes, st.integers(0, 99))
def test_painted_mask_is_the_uploaded_mask(shape, seed):
    mask = random_mask(shape, seed)
    painted = photo_mask(mask.astype(np.uint8) * 255, None, shape)
    base = Base.of(mask, shape[::-1])
    assert np.array_equal(painted, mask)
    assert np.array_equal(photo_mask(base.layer, base, shape), mask)


@given(st.integers(0, 99), st.floats(1.1, 5.0))
def test_untouched_mask_of_a_large_photo_is_kept_pixel_for_pixel(seed, factor):
    shape = (round(60 * factor), round(48 * factor))
    mask = random_mask(shape, seed)
    base = Base.of(mask, (48, 60))
    assert base.layer.shape == (60, 48)
    assert np.array_equal(photo_mask(base.layer, base, shape), mask)


def test_only_what_was_touched_is_scaled_up():
    mask = random_mask((400, 400), 1)
    base = Base.of(mask, (100, 100))
    layer = base.layer.copy()
    layer[10:20, 10:20] = 255
    layer[60:70, 60:70] = 0
    result = photo_mask(layer, base, mask.shape)
    assert result[44:76, 44:76].all() and not result[244:276, 244:276].any()
    untouched = np.ones_like(mask)
    untouched[36:84, 36:84] = untouched[236:284, 236:284] = False
    assert np.array_equal(result[untouched], mask[untouched])


def test_enlarged_strokes_have_smooth_edges():
    layer = np.zeros((100, 100), np.uint8)
    cv2.circle(layer, (50, 50), 30, 255, -1, cv2.LINE_AA)
    large = photo_mask(layer, None, (400, 400))
    truth = np.zeros((400, 400), np.uint8)
    cv2.circle(truth, (202, 202), 122, 1, -1)
    assert (large ^ truth.astype(bool)).sum() < 0.02 * truth.sum()
    edge = cv2.findContours(large.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0]
    radii = np.linalg.norm(edge[:, 0] - 202.0, axis=1)
    assert np.ptp(radii) < 4, "no staircase of four-pixel steps"


def test_nothing_painted_is_an_empty_mask():
    mask = photo_mask(None, None, (7, 5))
    assert mask.shape == (7, 5) and not mask.any()


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,!!!!",
        "data:image/png;base64," + base64.b64encode(b"no picture").decode(),
        "data:image/jpeg;base64,AAAA",
        "https://example.org/mask.png",
        layer_url(np.zeros((5, 4), np.uint8)),
        None,
        7,
    ],
)
def test_layers_of_another_kind_or_size_are_refused(url):
    with pytest.raises(MaskMismatch, match="The painted mask does not belong to this photo"):
        read_layer(url, (5, 5))


def test_grey_pictures_are_no_layers():
    png = cv2.imencode(".png", np.zeros((5, 5), np.uint8))[1]
    with pytest.raises(MaskMismatch):
        read_layer("data:image/png;base64," + base64.b64encode(png).decode(), (5, 5))


def test_no_decoder_but_that_of_png_sees_a_layer(monkeypatch):
    """A file may be of another kind and yet hold, where a PNG has it, the size that is asked for."""
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    forged = bytearray(cv2.imencode(".jpg", np.zeros((5, 5), np.uint8))[1].tobytes())
    forged[16:24] = b"\0\0\0\x05\0\0\0\x05"
    with pytest.raises(MaskMismatch):
        read_layer("data:image/png;base64," + base64.b64encode(forged).decode(), (5, 5))


@given(st.integers(1, 12000), st.integers(1, 12000))
def test_copy_to_paint_on_is_bounded_and_keeps_its_shape(height, width):
    w, h = editor_size((height, width, 3))
    assert max(w, h) <= EDITOR_SIDE and min(w, h) >= 1
    if max(height, width) <= EDITOR_SIDE:
        assert (w, h) == (width, height)
    elif min(w, h) > 20:
        assert abs(w / h - width / height) < 0.06 * width / height


def test_copy_to_paint_on_has_that_size():
    photo = np.full((300, 200, 3), (200, 40, 40), np.uint8)
    data = base64.b64decode(photo_url(photo, (100, 150)).partition(",")[2])
    copy = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert copy.shape == (150, 100, 3)
    assert np.abs(copy.mean((0, 1)) - (200, 40, 40)).max() < 4
