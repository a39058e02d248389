import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.perception.text_geometry import as_quad, crop_line, expand, order_corners, sides, turn

WIDE = np.array([[10, 20], [110, 20], [110, 50], [10, 50]], np.float32)


def turned(corners, degrees):
    middle = corners.mean(axis=0)
    radians = math.radians(degrees)
    rotation = np.array([[math.cos(radians), math.sin(radians)], [-math.sin(radians), math.cos(radians)]])
    return ((corners - middle) @ rotation + middle).astype(np.float32)


@given(start=st.integers(0, 3), backwards=st.booleans(), degrees=st.floats(-40, 40))
def test_corners_come_in_reading_order_whatever_their_start(start, backwards, degrees):
    expected = turned(WIDE, degrees)
    given_ = np.roll(expected[::-1] if backwards else expected, start, axis=0)
    np.testing.assert_allclose(order_corners(given_), expected, atol=1e-3)


def test_a_tall_rectangle_keeps_its_short_edge_on_top():
    tall = np.array([[0, 0], [20, 0], [20, 100], [0, 100]], np.float32)
    np.testing.assert_array_equal(order_corners(tall[[2, 3, 0, 1]]), tall)


def test_sides_are_those_of_the_turned_rectangle():
    assert sides(turned(WIDE, 30)) == pytest.approx((100, 30), abs=1e-3)


@given(degrees=st.floats(-80, 80), distance=st.floats(-5, 20))
def test_expansion_moves_every_edge(degrees, distance):
    grown = expand(turned(WIDE, degrees), distance)
    assert sides(grown) == pytest.approx((100 + 2 * distance, 30 + 2 * distance), abs=1e-2)
    np.testing.assert_allclose(grown.mean(axis=0), WIDE.mean(axis=0), atol=1e-3)


def test_expansion_of_a_point_does_not_divide_by_nothing():
    assert np.isfinite(expand(np.zeros((4, 2), np.float32), 3.0)).all()


def test_turning_changes_where_the_text_begins():
    np.testing.assert_array_equal(turn(WIDE, 1)[0], WIDE[1])
    np.testing.assert_array_equal(turn(turn(WIDE, 3), 1), WIDE)


def four_colours():
    image = np.zeros((80, 140, 3), np.uint8)
    image[20:50, 10:60] = (255, 0, 0)
    image[20:50, 60:110] = (0, 0, 255)
    return image


def test_a_crop_holds_the_line_from_left_to_right():
    crop = crop_line(four_colours(), WIDE, 48)
    assert crop.shape == (48, 160, 3)
    assert crop[24, 20].tolist() == [255, 0, 0]
    assert crop[24, 140].tolist() == [0, 0, 255]


def test_a_crop_begins_at_the_first_corner():
    crop = crop_line(four_colours(), turn(WIDE, 2), 48)
    assert crop[24, 20].tolist() == [0, 0, 255]


def test_a_turned_line_is_straightened():
    matrix = cv2.getRotationMatrix2D((60, 35), -25, 1)
    image = cv2.warpAffine(four_colours(), matrix, (140, 80))
    crop = crop_line(image, turned(WIDE, 25), 48)
    assert crop[24, 30].tolist() == [255, 0, 0]
    assert crop[24, 130].tolist() == [0, 0, 255]


def test_large_lines_are_averaged_not_sampled():
    stripes = np.zeros((480, 960, 3), np.uint8)
    stripes[:, ::2] = 255
    corners = np.array([[0, 0], [960, 0], [960, 480], [0, 480]], np.float32)
    crop = crop_line(stripes, corners, 48)
    assert crop.shape == (48, 96, 3)
    assert abs(float(crop[5:-5, 5:-5].mean()) - 127) < 8
    assert float(crop[5:-5, 5:-5].std()) < 8


@pytest.mark.parametrize("corners", [np.zeros((4, 2)), WIDE - 500, WIDE + 500])
def test_places_without_size_or_outside_give_a_picture(corners):
    crop = crop_line(four_colours(), corners.astype(np.float32), 48)
    assert crop.shape[0] == 48
    assert crop.shape[1] >= 1


def test_quads_are_plain_numbers():
    quad = as_quad(WIDE)
    assert quad == ((10.0, 20.0), (110.0, 20.0), (110.0, 50.0), (10.0, 50.0))
    assert all(type(value) is float for point in quad for value in point)


def test_a_line_across_a_whole_ribbon_is_squeezed():
    ribbon = np.zeros((20, 40_000, 3), np.uint8)
    ribbon[:, 20_000:] = 200
    corners = np.array([[0, 0], [40_000, 0], [40_000, 20], [0, 20]], np.float32)
    crop = crop_line(ribbon, corners, 48)
    assert crop.shape == (48, 2400, 3)
    assert crop[24, 600, 0] == 0
    assert crop[24, 1800, 0] == 200
