"""Numbers of more than 8 bits become bytes."""

import numpy as np
import pytest

from pipelines.faces.pixels.depth import binary, eight_bits


def test_bytes_stay():
    samples = np.arange(256, dtype=np.uint8)[None]
    assert np.array_equal(eight_bits(samples), samples)
    assert np.array_equal(eight_bits(samples, white_is_zero=True), 255 - samples)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([[0, 257, 65535]], np.uint16), [0, 1, 255]),
        (np.array([[0, 16384, 32767]], np.int16), [0, 128, 255]),
        (np.array([[-5, 0, 32767]], np.int16), [0, 0, 255]),
        (np.array([[0, 1, 200]], np.int32), [0, 1, 200]),
        (np.array([[0, 32768, 65535]], np.int32), [0, 128, 255]),
        (np.array([[0, 2**31, 2**32 - 1]], np.uint32), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 128, 255]], np.float64), [0, 128, 255]),
        (np.array([[0, 50_000, 100_000]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[-np.inf, 1, np.inf]], np.float32), [0, 255, 255]),
        (np.full((1, 3), np.nan, np.float32), [0, 0, 0]),
    ],
)
def test_white_becomes_255(samples, expected):
    assert eight_bits(samples)[0].tolist() == expected


def test_white_is_zero_and_nan_is_black():
    assert eight_bits(np.array([[0, 65535]], np.uint16), white_is_zero=True).tolist() == [[255, 0]]
    assert eight_bits(np.array([[0, 1, np.nan]], np.float32), white_is_zero=True).tolist() == [[255, 0, 0]]


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.int32, np.uint32])
@pytest.mark.parametrize("label", [1, 7, 30_000])
def test_two_values_of_which_one_is_zero(kind, label):
    samples = np.array([[0, label, label, 0]], kind)
    assert binary(samples).tolist() == [[0, 255, 255, 0]]
    assert binary(samples, white_is_zero=True).tolist() == [[255, 0, 0, 255]]


def test_what_is_not_two_values_is_scaled():
    for samples in (np.array([[0, 1, 2]], np.uint16), np.array([[1, 2]], np.uint16), np.zeros((1, 4), np.uint16)):
        assert np.array_equal(binary(samples), eight_bits(samples))
