import math

import numpy as np
import pytest

from edge.hud.overlay_geometry import (
    Rect,
    bounds,
    from_own,
    homography,
    mapped,
    room,
    size_of,
    to_own,
    turned,
)

PICTURE = (960, 540)


def upright(left, top, right, bottom):
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def rotated(center, size, degrees):
    turn = math.radians(degrees)
    across, down = (math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))
    return tuple(
        (
            center[0] + x * size[0] / 2 * across[0] + y * size[1] / 2 * down[0],
            center[1] + x * size[0] / 2 * across[1] + y * size[1] / 2 * down[1],
        )
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    )


SLANTED = ((100.0, 100.0), (300.0, 130.0), (290.0, 220.0), (110.0, 260.0))


@pytest.mark.parametrize("degrees", [0, 17, 90, 180, -135])
def test_the_size_of_a_turned_sign_is_that_of_the_upright_one(degrees):
    assert size_of(rotated((400, 300), (200, 50), degrees)) == pytest.approx((200, 50))


def test_a_sign_without_area_has_a_size_to_divide_by():
    assert size_of(((5, 5), (5, 5), (5, 5), (5, 5))) == (1, 1)


def test_homography_maps_each_corner_to_its_own():
    matrix = from_own(SLANTED, (200, 120))
    assert mapped(matrix, Rect(0, 0, 200, 120).corners) == pytest.approx(np.array(SLANTED))


def test_to_own_is_the_way_back():
    there, back = from_own(SLANTED, (200, 120)), to_own(SLANTED, (200, 120))
    points = np.array([[10.0, 20.0], [150.0, 100.0], [-30.0, 60.0]])
    assert mapped(back, mapped(there, points)) == pytest.approx(points)


def test_homography_keeps_straight_lines_straight():
    matrix = from_own(SLANTED, (200, 120))
    a, b, c = mapped(matrix, np.array([[0.0, 30.0], [100.0, 30.0], [200.0, 30.0]]))
    cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    assert abs(cross) < 1e-6


def test_points_on_one_line_do_not_raise():
    assert np.array_equal(homography([(0, 0), (1, 0), (2, 0), (3, 0)], SLANTED), np.eye(3))


def test_turned_text_begins_at_the_top_right():
    box = upright(10, 20, 50, 220)
    assert turned(box)[0] == (50, 20)
    assert size_of(turned(box)) == (200, 40)
    assert mapped(from_own(turned(box), (200, 40)), [(200, 0)])[0] == pytest.approx((50, 220))


def test_rectangles_grow_and_join():
    rect = Rect(10, 20, 30, 60)
    assert (rect.width, rect.height) == (20, 40)
    assert rect.grown(5) == Rect(5, 15, 35, 65)
    assert rect.around([Rect(0, 30, 12, 70)]) == Rect(0, 20, 30, 70)
    assert bounds(rect.corners) == rect


def test_room_ends_at_the_edges_of_the_picture():
    free = room(upright(100, 200, 300, 240), [], PICTURE)
    assert (free.left, free.top, free.right, free.bottom) == pytest.approx((100, 200, 660, 300))


def test_room_ends_half_way_to_neighbours():
    box = upright(100, 200, 300, 240)
    free = room(box, [upright(320, 210, 400, 230), upright(90, 100, 200, 180), upright(150, 300, 250, 330)], PICTURE)
    assert (free.left, free.top, free.right, free.bottom) == pytest.approx((100, 10, 10, 30))


def test_distant_neighbours_take_no_room():
    box = upright(100, 200, 300, 240)
    assert room(box, [upright(500, 400, 600, 440)], PICTURE) == room(box, [], PICTURE)


def test_neighbours_that_overlap_leave_none():
    free = room(upright(100, 200, 300, 240), [upright(280, 190, 500, 250)], PICTURE)
    assert free.right == 0
    assert free.left > 0


def test_a_turned_sign_has_room_in_its_own_directions():
    free = room(rotated((400, 300), (200, 50), 90), [], PICTURE)  # text runs down, its head to the right
    assert (free.left, free.right) == pytest.approx((200, 140))
    assert (free.top, free.bottom) == pytest.approx((535, 375))


def test_a_sign_outside_the_picture_has_no_room_there():
    free = room(upright(-50, 200, 100, 240), [], PICTURE)
    assert free.left == 0
    assert free.right == pytest.approx(860)


def test_room_is_limited():
    assert room(upright(100, 200, 300, 240), [], PICTURE).at_most(30, 7).left == 30
    assert room(upright(100, 200, 300, 240), [], PICTURE).at_most(30, 7).bottom == 7


def test_lines_whose_boxes_overlap_a_little_stand_above_one_another():
    free = room(upright(100, 200, 300, 240), [upright(100, 233, 300, 270)], PICTURE)
    assert (free.left, free.right) == pytest.approx((100, 660))
    assert free.bottom == 0
