import cv2
import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw

from edge.perception.text_geometry import crop_line, turn
from edge.perception.text_recognition import LINE_HEIGHT
from edge.perception.text_views import first_view, other_views, placed, stacked, stretched

WIDE = np.array([[10, 10], [110, 10], [110, 40], [10, 40]], np.float32)
TALL = np.array([[20, 10], [50, 10], [50, 160], [20, 160]], np.float32)


def picture():
    """Five shades below each other in the tall place, three beside each other in the wide one."""
    image = np.zeros((180, 180, 3), np.uint8)
    for number in range(5):
        image[10 + 30 * number : 40 + 30 * number, 20:50] = 50 * number + 20
    return image


def test_a_wide_place_is_read_as_it_stands():
    view = first_view(picture(), WIDE)
    np.testing.assert_array_equal(view.corners, WIDE)
    assert view.crop.shape == (LINE_HEIGHT, 160, 3)
    assert view.column is None


def test_a_tall_place_is_first_read_downwards():
    view = first_view(picture(), TALL)
    assert view.crop.shape[1] == LINE_HEIGHT * 5
    assert view.crop[24, 10, 0] < 40
    assert view.crop[24, -10, 0] > 200
    np.testing.assert_array_equal(view.corners[0], TALL[1])


def test_a_tall_place_is_also_read_upwards_and_as_a_column():
    contrast, up, column = other_views(picture(), TALL, first_view(picture(), TALL), 0.7)
    assert contrast.crop.shape[1] == LINE_HEIGHT * 5
    assert up.crop[24, 10, 0] > 200
    np.testing.assert_array_equal(up.corners[0], TALL[3])
    assert column.stacked
    assert column.crop[24, 10, 0] < 40


@pytest.mark.parametrize(
    ("text", "first", "vertical"),
    [("出入口", 0, True), ("出口 A", 0, True), ("PLATFORM 口", 1, False), ("Hôtel", 1, False)],
)
def test_wide_characters_run_down_a_tall_place_and_others_lie_on_their_side(text, first, vertical):
    corners, runs_down = placed(first_view(picture(), TALL), text)
    assert runs_down is vertical
    np.testing.assert_array_equal(corners[0], TALL[first])


def test_any_characters_of_a_stack_run_down():
    stack = other_views(picture(), TALL, first_view(picture(), TALL), 0.7)[-1]
    corners, runs_down = placed(stack, "HOTEL")
    assert runs_down
    np.testing.assert_array_equal(corners, TALL)


def test_a_wide_place_never_runs_down():
    assert placed(first_view(picture(), WIDE), "出入口")[1] is False


def test_upside_down_is_tried_for_hopeless_lines_only_and_must_win_clearly():
    first = first_view(picture(), WIDE)
    assert len(other_views(picture(), WIDE, first, 0.9)) == 1
    turned = other_views(picture(), WIDE, first, 0.3)[1]
    np.testing.assert_array_equal(turned.crop, first.crop[::-1, ::-1])
    np.testing.assert_array_equal(turned.corners, turn(WIDE, 2))
    assert turned.handicap > 0.1


def test_the_crop_of_every_view_lies_at_its_corners():
    image = np.random.default_rng(0).integers(0, 255, (6, 6, 3), np.uint8)
    image = cv2.resize(image, (180, 180), interpolation=cv2.INTER_CUBIC)
    for corners in (WIDE, TALL):
        first = first_view(image, corners)
        for view in other_views(image, corners, first, 0.3)[1:]:
            if not view.stacked:
                expected = crop_line(image, view.corners, LINE_HEIGHT).astype(int)
                assert np.abs(view.crop.astype(int) - expected).mean() < 12


def test_stretching_uses_the_whole_range_and_keeps_the_order():
    crop = np.linspace(100, 140, 48 * 80 * 3).reshape(48, 80, 3).astype(np.uint8)
    wide = stretched(crop)
    assert wide.min() == 0
    assert wide.max() == 255
    assert (np.diff(wide.reshape(-1).astype(int)) >= 0).all()


def test_a_blank_crop_can_be_stretched():
    assert stretched(np.full((48, 80, 3), 7, np.uint8)).shape == (48, 80, 3)


def test_a_column_becomes_a_line_from_top_to_bottom():
    line = stacked(picture(), TALL)
    assert line.shape == (LINE_HEIGHT, LINE_HEIGHT * 5, 3)
    shades = line[24, LINE_HEIGHT // 2 :: LINE_HEIGHT, 0].astype(int)
    np.testing.assert_allclose(shades, [20, 70, 120, 170, 220], atol=6)


def test_a_column_is_cut_between_its_characters():
    drawn = Picture.new("RGB", (60, 400), "white")
    draw = ImageDraw.Draw(drawn)
    tops = (10, 150, 230, 320)  # unevenly spaced
    for top in tops:
        draw.rectangle((10, top, 50, top + 55), fill="black")
    corners = np.array([[5, 5], [55, 5], [55, 385], [5, 385]], np.float32)
    line = stacked(np.asarray(drawn)[:, :, ::-1].copy(), corners)
    for number in range(1, line.shape[1] // LINE_HEIGHT):
        assert line[10:38, number * LINE_HEIGHT].mean() > 90


@pytest.mark.parametrize("corners", [np.zeros((4, 2), np.float32), WIDE + 1000])
def test_places_without_size_or_outside_are_harmless(corners):
    assert first_view(picture(), corners).crop.shape[0] == LINE_HEIGHT
    assert stacked(picture(), corners).shape[0] == LINE_HEIGHT
