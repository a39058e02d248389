"""The sampled picture is the slice, to the last bit, whatever the sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.perception.sampling import sampled


def noise(height, width):
    return np.random.default_rng(height * 7919 + width).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", [(480, 640), (540, 960), (720, 1280), (1080, 1920), (1944, 2592)])
def test_pictures_of_cameras(size):
    image = noise(*size)
    for step in (1, 2, 3, 4, 5, 6, 8):
        assert np.array_equal(sampled(image, step), image[::step, ::step])


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_any_sides_and_steps(height, width, step):
    image = noise(height, width)
    assert np.array_equal(sampled(image, step), image[::step, ::step])


def test_parts_of_pictures_that_lie_apart_in_memory():
    image = noise(200, 300)[20:140, 30:270]
    assert np.array_equal(sampled(image, 3), image[::3, ::3])


def test_the_picture_is_left_as_it_is():
    image = noise(60, 90)
    before = image.copy()
    sampled(image, 3)
    assert np.array_equal(image, before)
