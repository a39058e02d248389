import itertools

import pytest

from edge.hud.overlay_fitting import Paragraph
from edge.hud.overlay_geometry import Rect
from edge.hud.overlay_vertical import stack


class Square:
    """Every character is as wide as it is high; `lacking` have no glyph."""

    def __init__(self, lacking=""):
        self.lacking = lacking

    def measure(self, text, size):
        return len(text) * size

    def extent(self, text, size):
        return 0.86 * size, 0.1 * size

    def missing(self, text):
        return "".join(c for c in text if c in self.lacking)


COLUMN = Rect(0, 0, 40, 200)


def text(words, high=36.0, legible=10):
    return Paragraph(words, "zh", high, 1.08 * high, legible)


def test_characters_stand_under_each_other_in_the_middle_of_the_column():
    rows = stack(text("牛肉面馆"), COLUMN, Square())
    assert [row.text for row in rows] == list("牛肉面馆")
    assert {row.x for row in rows} == {20}
    assert all(upper.box.bottom <= lower.box.top for upper, lower in itertools.pairwise(rows))
    assert (rows[0].box.top + rows[-1].box.bottom) / 2 == pytest.approx(100)


def test_characters_are_as_large_as_the_original_and_smaller_where_there_are_many():
    few, many = stack(text("出口"), COLUMN, Square()), stack(text("不可以喂鸭子吃东西"), COLUMN, Square())
    assert few[0].size == 39
    assert many[0].size < few[0].size
    assert all(row.box.top >= 0 and row.box.bottom <= 200 for row in (*few, *many))


def test_columns_run_from_right_to_left():
    rows = stack(text("施工现场禁止入内", high=36), Rect(0, 0, 90, 170), Square())
    assert rows[0].x > rows[-1].x
    assert len({row.x for row in rows}) == 2
    assert rows[0].box.top == rows[4].box.top


def test_punctuation_takes_its_vertical_form():
    rows = stack(text("「禁止。」"), COLUMN, Square())
    assert [row.text for row in rows] == ["﹁", "禁", "止", "︒", "﹂"]


def test_without_a_vertical_form_a_comma_moves_to_its_corner():
    plain, moved = stack(text("止。"), COLUMN, Square()), stack(text("止。"), COLUMN, Square(lacking="︒"))
    assert moved[1].text == "。"
    assert moved[1].x > plain[1].x
    assert moved[1].baseline < plain[1].baseline


def test_what_does_not_fit_is_said_to_be_missing():
    rows = stack(text("字" * 200, legible=20), COLUMN, Square())
    assert rows[-1].text == "︙"
    assert len(rows) < 20


def test_spaces_and_nothing():
    assert [row.text for row in stack(text("出 口"), COLUMN, Square())] == ["出", "口"]
    assert stack(text(" "), COLUMN, Square()) == ()
