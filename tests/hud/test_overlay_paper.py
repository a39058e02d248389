import numpy as np
import pytest

from edge.hud.overlay_geometry import Rect
from edge.hud.overlay_paper import VIEW_PX, line_masks, paper_course, paper_room, straightened

BLACK = (0, 0, 0)


def gradient(low, high, shape=(40, 120)):
    ramp = np.linspace(low, high, shape[1], dtype=np.float32)
    return np.repeat(np.broadcast_to(ramp, shape)[..., None], 3, axis=2).copy()


def written(low, high, ink=20, shape=(40, 120)):
    """A board with light from one side, letters as bars on its middle lines, and where the lines are."""
    view = gradient(low, high, shape)
    letters = np.zeros(shape, np.uint8)
    letters[12:28, 10:110] = 1
    view[14:26, 12:108:6] = ink
    view[14:26, 13:108:6] = ink
    return view.astype(np.uint8), letters


def test_letters_vanish_and_light_and_shade_stay():
    view, letters = written(150, 230)
    course = paper_course(view, [letters], 16, (20, 20, 20), (195, 195, 195))
    assert np.abs(course - gradient(150, 230))[5:-5, 8:-8].max() < 14


def test_shade_beyond_what_was_sampled_stays():
    view, letters = written(110, 235)
    course = paper_course(view, [letters], 16, (20, 20, 20), (230, 230, 230))
    assert course[20, 12].mean() < 150
    assert course[20, 105].mean() > 205


def test_light_letters_on_dark_paper_vanish():
    view, letters = written(40, 70, ink=240)
    course = paper_course(view, [letters], 16, (240, 240, 240), (55, 55, 55))
    assert course.max() < 85


def test_what_is_around_the_board_does_not_bleed_in():
    view, letters = written(200, 200)
    view[:6], view[-6:] = (0, 0, 255), (255, 0, 0)
    course = paper_course(view, [letters], 16, (20, 20, 20), (200, 200, 200))
    assert np.abs(course[12:28, 10:110] - 200).max() < 12


def test_paper_that_cannot_be_seen_is_of_the_sampled_colour():
    view = np.zeros((20, 40, 3), np.uint8)
    course = paper_course(view, [np.ones((20, 40), np.uint8)], 16, (0, 0, 0), (200, 210, 220))
    assert (course == (200, 210, 220)).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (3, 2), (33, 47)])
def test_any_size_of_view(shape):
    view = np.full((*shape, 3), 190, np.uint8)
    course = paper_course(view, [np.ones(shape, np.uint8)], 16, (0, 0, 0), (190, 190, 190))
    assert course.shape == (*shape, 3)
    assert np.abs(course - 190).max() < 1


def test_a_sign_of_two_fields_keeps_both():
    view = np.full((60, 120, 3), 230, np.uint8)
    view[:30] = (40, 60, 220)
    lines = []
    for top in (8, 38):
        mask = np.zeros((60, 120), np.uint8)
        mask[top : top + 14, 10:110] = 1
        view[top + 2 : top + 12, 12:108:6] = 20
        view[top + 2 : top + 12, 13:108:6] = 20
        lines.append(mask)
    course = paper_course(view, lines, 16, (20, 20, 20), (230, 230, 230))
    assert np.abs(course[10:20, 14:104] - (40, 60, 220)).max() < 30
    assert np.abs(course[40:52, 14:104] - 230).max() < 30


def test_letters_that_touch_the_rim_of_their_line_are_not_its_paper():
    view, letters = written(200, 200)
    tight = np.zeros_like(letters)
    tight[14:26, 12:108] = 1
    view[14:26, 12:108] = np.where(np.arange(96)[None, :, None] % 6 < 4, 20, 200)
    course = paper_course(view, [tight], 16, (20, 20, 20), (200, 200, 200))
    assert course[20, 20:100].min() > 180


def test_straightened_views_are_small_and_straight():
    picture = np.zeros((600, 900, 3), np.uint8)
    picture[100:300, 200:800] = 255
    box = ((200.0, 100.0), (800.0, 100.0), (800.0, 300.0), (200.0, 300.0))
    view, scale = straightened(picture, box, (600, 200), Rect(-300, -100, 900, 300))
    assert max(view.shape) == VIEW_PX
    assert scale == pytest.approx(VIEW_PX / 1200)
    assert view[..., 0].mean() / 255 == pytest.approx(0.25, abs=0.03)


def test_small_signs_are_not_enlarged():
    box = ((5.0, 5.0), (25.0, 5.0), (25.0, 12.0), (5.0, 12.0))
    view, scale = straightened(np.zeros((30, 40, 3), np.uint8), box, (20, 7), Rect(0, 0, 20, 7))
    assert view.shape == (7, 20, 3)
    assert scale == 1


def test_line_masks_are_where_the_lines_are():
    line = np.array([(10.0, 10.0), (50.0, 10.0), (50.0, 20.0), (10.0, 20.0)])
    (mask,) = line_masks([line], Rect(0, 0, 100, 40), 0.5, (20, 50))
    assert mask[7, 15] == 1
    assert mask[7, 30] == 0
    assert 20 * 5 <= int(mask.sum()) < 22 * 7


BOX = ((100.0, 80.0), (220.0, 80.0), (220.0, 100.0), (100.0, 100.0))


def roomed(left=60, top=40, right=260, bottom=140):
    picture = np.full((200, 320, 3), 60, np.uint8)
    picture[top:bottom, left:right] = 220
    picture[82:98, 104:216:4] = 10
    return paper_room(picture, BOX, (120, 20), 20.0, (220, 220, 220))


def test_room_ends_where_the_paper_does():
    room = roomed(left=85, top=70, right=245, bottom=112)
    assert (room.left, room.top, room.right, room.bottom) == pytest.approx((12, 7, 22, 9), abs=2.5)


def test_room_is_at_most_a_line_and_a_half():
    room = roomed(0, 0, 320, 200)
    assert max(room.left, room.top, room.right, room.bottom) <= 30
    assert min(room.left, room.top, room.right, room.bottom) >= 24


def test_no_paper_around_means_no_room():
    room = roomed(98, 78, 222, 102)
    assert max(room.left, room.top, room.right, room.bottom) < 1.5


def test_a_box_outside_the_picture_does_no_harm():
    far = tuple((x + 5000, y) for x, y in BOX)
    assert paper_room(np.zeros((50, 50, 3), np.uint8), far, (120, 20), 20.0, BLACK).left >= 0


def test_a_field_of_the_colour_of_the_ink_stays():
    view = np.full((60, 120, 3), 230, np.uint8)
    view[:34] = noisy = np.random.default_rng(1).integers(40, 48, (34, 120, 3))
    lines = []
    for top, light in ((8, 230), (38, 44)):
        mask = np.zeros((60, 120), np.uint8)
        mask[top : top + 18, 10:110] = 1
        view[top + 4 : top + 14, 14:106:5] = light
        lines.append(mask)
    course = paper_course(view, lines, 18, (44, 44, 44), (230, 230, 230))
    assert np.abs(course[10:24, 14:104] - noisy.mean()).max() < 30
    assert np.abs(course[42:54, 14:104] - 230).max() < 30
