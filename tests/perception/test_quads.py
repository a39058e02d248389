"""Overlaps and distances of quads, by examples that can be worked out by hand."""

import math

import pytest

from edge.perception.quads import area, bounds, common_area, farthest, middle, moved, overlap, size

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))


def shifted(x, y):
    return moved(SQUARE, ((1, 0, x), (0, 1, y)))


def turned(degrees, around=(5.0, 5.0)):
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = around
    return moved(SQUARE, ((cos, -sin, x - cos * x + sin * y), (sin, cos, y - sin * x - cos * y)))


def test_simple_measures():
    assert area(SQUARE) == 100
    assert middle(SQUARE) == (5, 5)
    assert bounds(turned(45)) == pytest.approx((5 - 50**0.5, 5 - 50**0.5, 5 + 50**0.5, 5 + 50**0.5))
    assert size(((0, 0), (8, 0), (8, 2), (0, 2))) == (8, 2)
    assert farthest(SQUARE, shifted(3, 4)) == 5


@pytest.mark.parametrize(
    ("other", "shared"),
    [(SQUARE, 100), (shifted(5, 0), 50), (shifted(5, 5), 25), (shifted(10, 0), 0), (shifted(40, 40), 0),
     (turned(45), 82.8427), (((2, 2), (4, 2), (4, 4), (2, 4)), 4)],
)  # fmt: skip
def test_common_area(other, shared):
    assert common_area(SQUARE, other) == pytest.approx(shared, abs=1e-3)
    assert common_area(other, SQUARE) == pytest.approx(shared, abs=1e-3)


def test_the_direction_of_the_corners_does_not_matter():
    assert common_area(SQUARE, shifted(5, 0)[::-1]) == pytest.approx(50)


def test_overlap():
    assert overlap(SQUARE, SQUARE) == pytest.approx(1)
    assert overlap(SQUARE, shifted(5, 0)) == pytest.approx(1 / 3)
    assert overlap(((1, 1),) * 4, ((1, 1),) * 4) == 0


def test_a_map_moves_turns_and_scales():
    assert moved(SQUARE, ((2, 0, 1), (0, 2, -1))) == ((1, -1), (21, -1), (21, 19), (1, 19))
