# ruff: noqa: RUF001 - letters of many scripts
import io

import pytest
from PIL import ImageFont

from edge.errors import SettingsError
from edge.hud import fonts as hud_fonts
from edge.hud.fonts import FINE, Face, Fonts, Run

BUILT_IN = Fonts.load(system=False)


class FakeFace(Face):
    """Covers the characters it is given."""

    def __init__(self, covered):
        super().__init__(None)
        self.covered = covered

    def covers(self, text):
        return text[0] in self.covered


LATIN = "abcdefghijklmnopqrstuvwxyz ,.0123456789"
ARABIC = "بتثابر ,.0123456789"
CHAIN = Fonts([FakeFace(LATIN), FakeFace(ARABIC), FakeFace("你好，")])


def test_runs_follow_the_font_that_has_the_glyph():
    assert CHAIN.runs("ab 你好, cd", rtl=False) == (Run("ab ", 0, False), Run("你好", 2, False), Run(", cd", 0, False))


def test_signs_and_digits_stay_with_their_neighbours():
    assert CHAIN.runs("بت 12, بر", rtl=True) == (Run(", بر", 1, True), Run("12", 1, False), Run("بت ", 1, True))
    assert CHAIN.runs("你，a", rtl=False) == (Run("你，", 2, False), Run("a", 0, False))


def test_mixed_directions_are_in_the_order_of_the_screen():
    runs = CHAIN.runs("ab بت cd", rtl=False)
    assert [(r.text, r.rtl) for r in runs] == [("ab ", False), ("بت", True), (" ", False), ("cd", False)]
    runs = CHAIN.runs("بت ab ثا", rtl=True)
    assert [(r.text, r.rtl) for r in runs] == [("ثا", True), (" ", True), ("ab", False), ("بت ", True)]


def test_uncovered_characters_are_drawn_by_the_first_font():
    assert CHAIN.runs("Ж", rtl=False) == (Run("Ж", 0, False),)
    assert CHAIN.missing("abЖ 你Ж") == "Ж"


def test_letters_that_no_font_has_lose_their_accents():
    (run,) = BUILT_IN.runs("estação", rtl=False)
    assert run.text == "estacao"
    assert BUILT_IN.missing("estação") == "çã"


def test_measure_grows_with_text_and_size():
    assert BUILT_IN.measure("", 20) == 0
    assert 0 < BUILT_IN.measure("i", 20) < BUILT_IN.measure("m", 20) < BUILT_IN.measure("mm", 20)
    assert BUILT_IN.measure("Olá", 40) == pytest.approx(2 * BUILT_IN.measure("Olá", 20), rel=0.05)


def test_measure_is_the_sum_of_the_runs():
    runs = BUILT_IN.runs("Bom dia", rtl=False)
    font = BUILT_IN.font(runs[0], 24)
    assert BUILT_IN.measure("Bom dia", 24) == pytest.approx(font.getlength("Bom dia") / FINE, abs=1)


def test_without_shaping_right_to_left_runs_are_reversed(monkeypatch):
    monkeypatch.setattr(hud_fonts.features, "check", lambda _name: False)
    plain = Fonts([FakeFace(ARABIC)])
    assert plain.options(Run("abc", 0, rtl=False)) == ("abc", None)
    assert plain.options(Run("ابت", 0, rtl=True)) == ("تبا", None)


def test_with_shaping_the_direction_is_given(monkeypatch):
    monkeypatch.setattr(hud_fonts.features, "check", lambda _name: True)
    shaped = Fonts([FakeFace(ARABIC)])
    assert shaped.options(Run("ابت", 0, rtl=True)) == ("ابت", "rtl")


def test_a_font_file_is_used_first(tmp_path):
    path = tmp_path / "some.ttf"
    source = ImageFont.load_default(16).path
    assert isinstance(source, io.BytesIO)
    path.write_bytes(source.getvalue())
    fonts = Fonts.load([path], system=False)
    assert len(fonts._faces) == 2
    (run,) = fonts.runs("abc", rtl=False)
    assert run.face == 0
    assert fonts.font(run, 10).size == 10 * FINE
    assert fonts.measure("abc", 20) == BUILT_IN.measure("abc", 20)
    assert fonts.missing("aЖ") == "Ж"


@pytest.mark.parametrize("content", [None, b"not a font"])
def test_unusable_font_file_is_one_line_with_the_setting(tmp_path, content):
    path = tmp_path / "some.ttf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"some\.ttf cannot be used .* hud\.fonts") as caught:
        Fonts.load([path], system=False)
    assert "\n" not in str(caught.value)


def test_a_chain_is_never_empty():
    with pytest.raises(ValueError):
        Fonts([])
