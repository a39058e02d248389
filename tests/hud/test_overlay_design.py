from dataclasses import replace

import numpy as np
import pytest

from edge.events import SignTranslated
from edge.hud.fonts import Fonts
from edge.hud.overlay_design import FILLED, Around, Overlay, design, is_shown, placed
from edge.settings import HudSettings

FONTS = Fonts.load(system=False)
PICTURE = (960, 540)
SETTINGS = HudSettings()


def upright(left, top, right, bottom):
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def sign(lines, translation="Nao entre", **changes):
    left, top = min(line[0][0] for line in lines), min(line[0][1] for line in lines)
    right, bottom = max(line[2][0] for line in lines), max(line[2][1] for line in lines)
    made = SignTranslated(0, 1, upright(left, top, right, bottom), "Keep out", translation, "en", "pt", tuple(lines))
    return replace(made, **changes)


def made(of, others=(), **settings):
    return design(Overlay(of, of.box), Around(others, PICTURE), SETTINGS.model_copy(update=settings), FONTS)


def lines(*spans, height=30, top=100):
    return [upright(left, top + 40 * n, right, top + 40 * n + height) for n, (left, right) in enumerate(spans)]


LONG = "Esta frase tem palavras para mais de uma linha deste tamanho"


@pytest.mark.parametrize(
    ("translation", "shown"), [("Saida", True), (None, False), ("Keep out", False), ("Keep  out ", False), ("", False)]
)
def test_what_is_shown(translation, shown):
    assert is_shown(sign(lines((100, 300)), translation)) is shown


def test_letters_are_as_high_as_the_lines_of_the_original():
    one, two = made(sign(lines((100, 300)))), made(sign(lines((100, 300), (100, 300))))
    assert (one.line_height, two.line_height) == pytest.approx((30, 30))
    capitals = made(sign(lines((100, 300)), text="KEEP OUT"))
    assert one.rows[0].size == two.rows[0].size
    above, below = FONTS.extent("Keep out", 32)
    assert one.rows[0].size == pytest.approx(FILLED * 30 * 32 / (above + below), abs=1)
    assert capitals.rows[0].size > one.rows[0].size


def test_lines_of_the_original_are_erased_where_they_are():
    found = made(sign(lines((100, 300), (140, 260))))
    assert found.erased[1] == pytest.approx(np.array([[40, 40], [160, 40], [160, 70], [40, 70]]))


def test_centred_lines_stay_centred_and_flush_ones_flush():
    centred = made(sign(lines((100, 400), (150, 350), (120, 380)), LONG))
    flush = made(sign(lines((100, 400), (100, 350), (100, 280)), LONG))
    assert {row.anchor for row in centred.rows} == {0.5}
    assert {row.anchor for row in flush.rows} == {0.0}
    assert made(sign(lines((100, 300)), "Sim")).rows[0].anchor == 0.5


def test_running_text_of_full_lines_begins_at_the_edge():
    assert made(sign(lines((100, 400), (100, 402), (101, 400), (100, 399)), LONG)).rows[0].anchor == 0


def test_entries_of_a_list_begin_at_their_edge():
    entry, other = sign(lines((100, 300))), upright(100, 150, 520, 180)
    assert made(entry, [other]).rows[0].anchor == 0
    assert made(entry, [upright(180, 150, 520, 180)]).rows[0].anchor == 0.5
    assert made(entry, [upright(100, 450, 520, 480)]).rows[0].anchor == 0.5


def test_neighbours_are_spared():
    tight = sign(lines((100, 200)), "Permanentemente")
    free, held = made(tight), made(tight, [upright(205, 90, 400, 140), upright(20, 90, 95, 140)])
    assert free.rows[0].box.width > 101
    assert held.rows[0].box.width < 106


def column(characters=4):
    return [upright(100, 50, 140, 50 + 44 * characters)]


def test_a_narrow_column_is_translated_along_it():
    found = made(sign(column(8), "Entrada proibida durante obras", vertical=True), [upright(0, 50, 96, 400)])
    assert found.turned
    assert found.size == (8 * 44, 40)
    assert found.erased[0].min() >= -1e-9
    assert found.erased[0][:, 0].max() == pytest.approx(8 * 44)


def test_a_broad_column_is_translated_across():
    found = made(sign([upright(100, 50, 200, 400)], "Massa com carne", vertical=True))
    assert not found.turned
    assert len(found.rows) > 1


def test_a_turned_design_lies_on_a_turned_box():
    of = sign(column(8), "Entrada proibida durante obras", vertical=True)
    found = made(of, [upright(0, 50, 96, 400)])
    assert placed(Overlay(of, of.box), found) == (of.box[1], of.box[2], of.box[3], of.box[0])


@pytest.mark.parametrize("target", ["zh", "ja", "zh-TW"])
def test_a_column_stays_a_column_in_chinese_and_japanese(target):
    found = made(sign(column(), "ABCD", vertical=True, target=target))
    assert [row.text for row in found.rows] == list("ABCD")


def test_below_takes_nothing_away():
    found = made(sign(lines((100, 300))), overlay="below")
    assert (found.erased, found.rows) == ((), ())
    (panel,) = found.panels
    assert panel.box.top > 30
    assert panel.rows[0].text == "Nao entre"


def test_source_stands_small_under_the_translation():
    found = made(sign(lines((100, 300))), sign_source=True)
    (panel,) = found.panels
    assert panel.rows[0].text == "Keep out"
    assert panel.rows[0].size < found.rows[0].size
    assert panel.box.top >= 30
    assert found.bounds.bottom >= panel.box.bottom


def test_small_print_is_set_as_small_as_it_was_but_no_smaller_than_legible():
    small = made(sign([upright(100, 100, 200, 106)], LONG))
    assert {row.size for row in small.rows} == {9}
    larger = made(sign([upright(100, 100, 400, 130)], LONG * 3), text_scale=2)
    assert min(row.size for row in larger.rows) >= 15


def test_letters_do_not_touch_those_of_the_next_sign():
    one = sign([upright(100, 100, 300, 140)])
    alone, crowded = made(one), made(one, [upright(100, 124, 300, 164)])
    assert crowded.rows[0].size < 0.8 * alone.rows[0].size
    assert crowded.rows[0].box.height < 24
    assert made(one, [upright(320, 100, 500, 140)]).rows[0].size == alone.rows[0].size


def test_words_keep_off_the_letters_of_signs_that_reach_into_the_box():
    one = sign([upright(100, 100, 300, 160)], "Proibido jogar lixo")
    found = made(one, [upright(100, 40, 300, 118), upright(100, 150, 300, 200)])
    assert min(row.box.top for row in found.rows) >= 8
    assert max(row.box.bottom for row in found.rows) <= 57
