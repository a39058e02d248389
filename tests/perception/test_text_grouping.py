"""Made-up lines: what is put together, in which order, and where the box is."""

import math

import pytest

from edge.perception.text_grouping import group, turned_box
from edge.perception.text_order import reading_order
from edge.results import TextLine


def line(text, x, y, width, height=20, *, confidence=0.9, vertical=False, turn=0.0):
    """A line with its top left corner at x, y, everything turned by `turn` degrees around the origin."""
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    box = tuple((px * cos - py * sin, px * sin + py * cos) for px, py in corners)
    return TextLine(box, text, confidence, vertical)


def stack(*texts, x=100, y=100, step=26, centred=False, width=None, turn=0.0, height=20):
    widths = [width or 11 * len(text) for text in texts]
    return [
        line(
            text, x - (length / 2 if centred else 0), y + step * index, length, turn=turn, height=height
        )
        for index, (text, length) in enumerate(zip(texts, widths, strict=True))
    ]  # fmt: skip


def texts(lines):
    return [region.text for region in group(lines)]


def test_a_sign_of_three_lines_is_one_region():
    lines = stack("BEWARE OF", "MAINTENANCE", "VEHICLES", centred=True)
    (region,) = group(reversed(lines))
    assert region.text == "BEWARE OF MAINTENANCE VEHICLES"
    assert [entry.text for entry in region.lines] == ["BEWARE OF", "MAINTENANCE", "VEHICLES"]


@pytest.mark.parametrize("turn", [0, 30, -30, 90, 180, -100])
def test_a_turned_sign_is_read_along_its_own_lines(turn):
    (region,) = group(stack("NO PARKING", "AT ALL TIMES", turn=turn))
    assert region.text == "NO PARKING AT ALL TIMES"
    first = stack("NO PARKING", "AT ALL TIMES", turn=turn)[0]
    assert region.box[0] == pytest.approx(first.box[0], abs=0.1), "the box begins where the text begins"


def test_the_box_is_the_smallest_turned_rectangle():
    (region,) = group(stack("NO PARKING", "AT ALL TIMES", turn=20))
    width, height = math.dist(region.box[0], region.box[1]), math.dist(region.box[0], region.box[3])
    assert width == pytest.approx(11 * 12, abs=1)
    assert height == pytest.approx(46, abs=1)


def test_headline_and_body_are_two():
    lines = [line("Northwind", 100, 100, 300, 60), *stack("fresh produce, friendly", "service, open daily", y=180)]
    assert texts(lines) == ["Northwind", "fresh produce, friendly service, open daily"]


def test_hyphens_are_mended_across_lines():
    assert texts(stack("In case of emer-", "gency break glass")) == ["In case of emergency break glass"]


def test_a_menu_stays_a_list():
    lines = []
    for index, (dish, price) in enumerate([("Soup", "3.50"), ("Salad", "4.20"), ("Steak", "12.00")]):
        lines += [line(dish, 100, 100 + 28 * index, 60), line(price, 400, 100 + 28 * index, 45)]
    assert texts(lines) == ["Soup", "3.50", "Salad", "4.20", "Steak", "12.00"]


def test_entries_that_end_in_prices_stay_apart():
    assert texts(stack("Espresso 2.50", "Cappuccino 3.20", "Latte 3.40")) == [
        "Espresso 2.50", "Cappuccino 3.20", "Latte 3.40"]  # fmt: skip


def test_the_heading_of_a_menu_is_not_its_first_entry():
    lines = stack("Today's specials", "Grilled fish with rice 12.50", "Vegetable soup 4.80", centred=True)
    assert texts(lines) == ["Today's specials", "Grilled fish with rice 12.50", "Vegetable soup 4.80"]


def test_an_entry_of_two_lines_stays_one_also_in_a_menu():
    lines = stack("Grilled fish with lemon", "and rice 12.50", "Vegetable soup 4.80")
    assert texts(lines) == ["Grilled fish with lemon and rice 12.50", "Vegetable soup 4.80"]


def test_place_names_below_each_other_stay_apart():
    names = ["Sports Centre", "Wivenhoe Park", "Conference Centre", "Car Parks"]
    assert texts(stack(*names, step=34)) == names


def test_pieces_of_one_line_are_joined():
    lines = [line("NO", 100, 100, 30), line("PARKING", 142, 101, 90), line("TODAY", 100, 128, 70)]
    assert texts(lines) == ["NO PARKING TODAY"]


def test_pieces_that_overlap_share_their_letters():
    lines = [line("NO LIT", 100, 100, 120, 40), line("ITTER", 195, 101, 110, 40)]
    assert texts(lines) == ["NO LITTER"]
    lines = [line("PAY", 100, 100, 60, 20), line("YES", 158, 100, 60, 20)]
    assert texts(lines) == ["PAY YES"], "boxes are loose: a little overlap says nothing"


def test_pieces_of_other_scripts_are_not_of_one_line():
    assert texts([line("港区", 100, 100, 50), line("MINATO CITY", 155, 100, 120)]) == ["港区", "MINATO CITY"]


def test_two_signs_side_by_side_stay_two():
    left = stack("PUSH TO", "OPEN", x=50)
    right = stack("PULL TO", "CLOSE", x=300)
    assert texts(left + right) == ["PUSH TO OPEN", "PULL TO CLOSE"]


def test_two_columns_of_text_are_read_one_after_the_other():
    left = stack("the quick brown fox jumps", "over the lazy dog and", "runs away from it", width=260)
    right = stack("another story begins here", "and goes on for a while", "until it ends", x=420, width=260)
    assert texts(right + left) == [
        "the quick brown fox jumps over the lazy dog and runs away from it",
        "another story begins here and goes on for a while until it ends",
    ]


def test_vertical_columns_are_read_from_the_right():
    lines = [
        line("山下之行", 100, 50, 24, 100, vertical=True),
        line("千里之行始", 130, 50, 24, 125, vertical=True),
    ]
    (region,) = group(lines)
    assert region.text == "千里之行始山下之行"
    assert region.vertical
    assert region.box == ((100, 50), (154, 50), (154, 175), (100, 175))


def test_vertical_and_horizontal_text_do_not_mix():
    lines = [line("出口", 100, 100, 24, 50, vertical=True), line("出口", 100, 152, 50, 24)]
    assert len(group(lines)) == 2


def test_chinese_lines_that_are_not_full_are_entries():
    short = [line("常规程序", 100, 100, 80), line("最高洗涤温度三十度", 100, 124, 180)]
    assert texts(short) == ["常规程序", "最高洗涤温度三十度"]
    full = [line("钮扣或拉链的服饰先将钮", 100, 100, 220), line("扣好熨烫时采用", 100, 124, 140)]
    assert texts(full) == ["钮扣或拉链的服饰先将钮扣好熨烫时采用"]


def test_confidence_is_weighed_by_length():
    lines = stack("A very long line of", "text")
    lines[1] = TextLine(lines[1].box, "text", 0.5)
    (region,) = group(lines)
    assert region.confidence == pytest.approx((0.9 * 19 + 0.5 * 4) / 23, abs=1e-3)


def test_nothing_gives_nothing():
    assert group([]) == ()
    assert group([line("  ", 0, 0, 10)]) == ()


def test_jitter_of_the_boxes_changes_no_grouping():
    for shift in (-2, -1, 0, 1, 2):
        lines = stack("BEWARE OF", "MAINTENANCE", "VEHICLES", centred=True)
        lines[1] = line("MAINTENANCE", 40 + shift, 126 - shift, 121, 20 + shift)
        assert len(group(lines)) == 1


def test_a_degenerate_box_is_no_trouble():
    point = TextLine(((5, 5),) * 4, "dot", 0.9)
    assert texts([point, *stack("NO PARKING", "HERE")]) == ["dot", "NO PARKING HERE"]


def test_many_lines_are_grouped_in_reasonable_time():
    lines = [line(f"entry number {index} {row}.50", 10 + 300 * row, 10 + 30 * index, 200) for index in range(30)
             for row in range(4)]  # fmt: skip
    assert len(group(lines)) == 120


def test_the_turned_box_of_a_vertical_text_is_upright():
    quad = ((0, 0), (10, 0), (10, 50), (0, 50))
    assert turned_box([quad], math.pi / 2, vertical=True) == quad


@pytest.mark.parametrize(("right_to_left", "expected"), [(False, [0, 1]), (True, [1, 0])])
def test_columns_by_direction(right_to_left, expected):
    boxes = [((0, 0), (20, 0), (20, 90), (0, 90)), ((40, 0), (60, 0), (60, 90), (40, 90))]
    assert reading_order(boxes, right_to_left) == expected


def test_boxes_that_cannot_be_cut_apart_go_from_the_top():
    boxes = [((0, 10), (50, 10), (50, 60), (0, 60)), ((0, 0), (50, 0), (50, 50), (0, 50))]
    assert reading_order(boxes) == [1, 0]
