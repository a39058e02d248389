"""Frames of every shape and depth as BGR uint8."""

import numpy as np
import pytest

from edge.errors import SourceError
from edge.sources.pixels import to_8_bit, to_bgr


def test_bgr_is_passed_on():
    frame = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.shares_memory(to_bgr(frame), frame)
    assert np.array_equal(to_bgr(frame), frame)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1)])
def test_grey(shape):
    grey = np.arange(6, dtype=np.uint8).reshape(shape)
    image = to_bgr(grey)
    assert image.shape == (2, 3, 3)
    assert all(np.array_equal(image[:, :, channel], grey.reshape(2, 3)) for channel in range(3))


def test_the_fourth_channel_is_left_out():
    frame = np.dstack([np.full((2, 2), value, np.uint8) for value in (1, 2, 3, 99)])
    image = to_bgr(frame)
    assert image.tolist() == [[[1, 2, 3]] * 2] * 2
    assert image.flags.c_contiguous


def test_16_bits_keep_their_upper_8():
    assert to_bgr(np.array([[0, 255, 256, 65_535]], np.uint16))[0, :, 0].tolist() == [0, 0, 1, 255]
    assert to_bgr(np.full((1, 1, 3), 0x8001, np.uint16)).tolist() == [[[128] * 3]]


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 3), (0,), (4,), (2, 2, 2), (2, 2, 5), (1, 2, 2, 3)])
def test_no_picture(shape):
    with pytest.raises(SourceError, match="is no picture; choose another camera mode"):
        to_bgr(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0.0, 0.5, 1.0], np.float32), [0, 128, 255]),
        (np.array([0, 1, 255], np.int32), [0, 1, 255]),
        (np.array([-5, 0, 65_535], np.int64), [0, 0, 255]),
        (np.array([0.0, np.nan, np.inf]), [0, 0, 0]),
        (np.array([0.0, 1e9]), [0, 255]),
        (np.zeros(2), [0, 0]),
    ],
)
def test_other_numbers_span_what_they_span(values, expected):
    assert to_8_bit(values).tolist() == expected
    assert to_8_bit(values).dtype == np.uint8
