"""Making pictures fit."""

import numpy as np
import pytest

from edge.perception.image import fit


@pytest.mark.parametrize(
    ("size", "max_side", "expected"),
    [((480, 640), 320, (240, 320)), ((640, 480), 320, (320, 240)), ((20, 20_000), 1_000, (1, 1_000))],
)
def test_the_longer_side_counts(size, max_side, expected):
    image, scale = fit(np.full((*size, 3), 7, np.uint8), max_side)
    assert image.shape == (*expected, 3)
    assert scale == max_side / max(size)
    assert (image == 7).all()
    assert image.dtype == np.uint8


@pytest.mark.parametrize("max_side", [64, 65, 10_000])
def test_what_fits_is_passed_on(max_side):
    image = np.zeros((48, 64, 3), np.uint8)
    same, scale = fit(image, max_side)
    assert same is image
    assert scale == 1.0


def test_never_less_than_a_pixel():
    image, scale = fit(np.zeros((1, 9, 3), np.uint8), 1)
    assert image.shape == (1, 1, 3)
    assert scale == 1 / 9


def test_points_scale_with_the_picture():
    image = np.zeros((400, 800, 3), np.uint8)
    image[200:240, 600:640] = 255
    small, scale = fit(image, 200)
    rows, columns = np.nonzero(small[:, :, 0] > 127)
    assert (rows.min(), columns.min()) == (200 * scale, 600 * scale)
    assert (rows.max() + 1, columns.max() + 1) == (240 * scale, 640 * scale)


def test_fine_patterns_turn_grey_not_wild():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small, _ = fit(stripes, 16)
    assert (abs(small.astype(int) - 127) <= 1).all()


def test_nonsense():
    with pytest.raises(ValueError, match="at least 1"):
        fit(np.zeros((2, 2, 3), np.uint8), 0)
