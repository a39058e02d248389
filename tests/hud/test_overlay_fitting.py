import itertools
from dataclasses import replace

import pytest

from edge.hud.overlay_fitting import Paragraph, below, fit
from edge.hud.overlay_geometry import Rect, Room


class Mono:
    """Every character is half as wide as it is high; descends by a fifth."""

    def measure(self, text, size):
        return len(text) * size * 0.5

    def extent(self, text, size):
        return (0.75 * size, 0.2 * size) if text.strip() else (0.0, 0.0)

    def missing(self, text):
        return ""


FONTS = Mono()
NONE = Room(0, 0, 0, 0)
MUCH = Room(500, 500, 500, 500)


def words(text="Não dê comida aos patos", high=20.0, language="pt", legible=9, align="centre"):
    return Paragraph(text, language, high, 1.08 * high, legible, align)


def inside(rows, frame, slack=0.5):
    return all(
        row.box.left >= frame.left - slack
        and row.box.right <= frame.right + slack
        and row.box.top >= frame.top - slack
        and row.box.bottom <= frame.bottom + slack
        for row in rows
    )


def joined(rows):
    return " ".join(row.text for row in rows)


def test_short_text_has_the_size_of_the_original():
    frame = Rect(0, 0, 300, 24)
    (row,) = fit(words("SAÍDA"), frame, NONE, FONTS)
    assert row.size == 22
    assert (row.box.left + row.box.right) / 2 == pytest.approx(150)
    assert (row.box.top + row.box.bottom) / 2 == pytest.approx(12, abs=1)


@pytest.mark.parametrize(("width", "height"), [(300, 24), (150, 50), (90, 90), (60, 120), (200, 20)])
def test_text_fills_its_frame_without_leaving_it(width, height):
    frame = Rect(0, 0, width, height)
    rows = fit(words(), frame, NONE, FONTS)
    assert joined(rows) == "Não dê comida aos patos"
    assert inside(rows, frame)


def test_letters_are_as_large_as_fits():
    frame = Rect(0, 0, 150, 50)
    rows = fit(words(high=40), frame, NONE, FONTS)
    larger = fit(words(high=40, legible=rows[0].size + 2), frame, NONE, FONTS)
    assert not inside(larger, frame) or joined(larger).endswith("…")


def test_words_are_not_broken_while_smaller_letters_help():
    rows = fit(words("Anticonstitucionalmente", high=30), Rect(0, 0, 120, 60), NONE, FONTS)
    assert [row.text for row in rows] == ["Anticonstitucionalmente"]
    assert rows[0].size == 10


def test_the_frame_grows_a_little_before_letters_become_small():
    frame = Rect(0, 0, 80, 24)
    tight = fit(words("PROIBIDO ENTRAR"), frame, NONE, FONTS)
    grown = fit(words("PROIBIDO ENTRAR"), frame, MUCH, FONTS)
    assert grown[0].size > tight[0].size
    assert inside(grown, Rect(-10, -8, 90, 32))


def test_text_that_nearly_has_its_size_makes_nothing_grow():
    frame = Rect(0, 0, 100, 24)
    rows = fit(words("ABCDE FGHIJ"), frame, MUCH, FONTS)
    assert inside(rows, frame)


def test_letters_never_fall_below_the_legible_and_an_ellipsis_says_that_words_are_missing():
    frame = Rect(0, 0, 80, 16)
    rows = fit(words("palavra " * 30, high=14, legible=12), frame, NONE, FONTS)
    assert {row.size for row in rows} == {12}
    assert joined(rows).endswith("…")
    assert inside(rows, frame, slack=2)


def test_growing_comes_before_the_ellipsis():
    frame = Rect(0, 0, 80, 16)
    text = words("Não dê comida aos patos", high=14, legible=12)
    assert joined(fit(text, frame, NONE, FONTS)).endswith("…")
    assert joined(fit(text, frame, MUCH, FONTS)) == text.text


def test_lines_do_not_touch():
    rows = fit(words(high=30), Rect(0, 0, 110, 120), NONE, FONTS)
    assert len(rows) > 1
    assert all(upper.box.bottom < lower.box.top for upper, lower in itertools.pairwise(rows))


def test_a_paragraph_begins_at_its_edge():
    frame = Rect(10, 0, 210, 60)
    rows = fit(words(align="start"), frame, NONE, FONTS)
    assert all(row.box.left == 10 for row in rows)


def test_a_paragraph_from_right_to_left_begins_at_the_right():
    frame = Rect(10, 0, 210, 60)
    rows = fit(words("لا تطعم البط من فضلك", language="ar", align="start"), frame, NONE, FONTS)
    assert all(row.rtl and row.box.right == 210 for row in rows)


def test_a_paragraph_grows_where_it_is_open():
    frame, aside = Rect(100, 0, 172, 24), Room(500, 0, 500, 0)
    rows = fit(words("ESTACIONAMENT", align="start"), frame, aside, FONTS)
    assert rows[0].box.left == 100
    assert rows[0].box.right > 172
    rows = fit(words("להאכילברווזימ", language="he", align="start"), frame, aside, FONTS)
    assert min(row.box.left for row in rows) < 100
    assert max(row.box.right for row in rows) == 172


def test_nothing_to_say_gives_no_lines():
    assert fit(words("  \n"), Rect(0, 0, 100, 20), MUCH, FONTS) == ()
    assert below(words(" "), Rect(0, 0, 100, 20), MUCH, FONTS, 4) == ()


def test_below_stands_under_the_sign():
    frame = Rect(0, 0, 200, 24)
    rows = below(words(), frame, MUCH, FONTS, 4)
    assert min(row.box.top for row in rows) >= 28
    assert joined(rows) == words().text


def test_below_goes_above_where_the_picture_ends():
    frame = Rect(0, 0, 200, 24)
    rows = below(words(), frame, replace(MUCH, bottom=3), FONTS, 4)
    assert max(row.box.bottom for row in rows) <= -4 + 0.5


def test_below_has_at_most_four_lines():
    rows = below(words("palavra " * 60), Rect(0, 0, 120, 24), NONE, FONTS, 4)
    assert len(rows) == 4
    assert joined(rows).endswith("…")


def test_below_makes_long_words_smaller():
    rows = below(words("Anticonstitucionalmente", high=30), Rect(0, 0, 130, 30), NONE, FONTS, 4)
    assert [row.text for row in rows] == ["Anticonstitucionalmente"]
    assert rows[0].size == 11


def test_text_spreads_over_the_paper_of_its_sign_before_it_shrinks():
    frame, paper = Rect(0, 0, 100, 24), Room(60, 0, 60, 0)
    rows = fit(words("PROIBIDO ENTRAR"), frame, MUCH, FONTS, paper)
    assert rows[0].size == 19
    assert inside(rows, Rect(-60, 0, 160, 24))


def test_text_prefers_to_stay_on_its_paper():
    frame = Rect(0, 0, 100, 24)
    rows = fit(words("PROIBIDO EN"), frame, MUCH, FONTS, Room(2, 0, 2, 0))
    assert inside(rows, Rect(-2, 0, 102, 24))


def test_paper_under_other_signs_is_not_used():
    frame = Rect(0, 0, 100, 24)
    rows = fit(words("PROIBIDO EN"), frame, NONE, FONTS, Room(60, 30, 60, 30))
    assert inside(rows, frame)


def test_text_stays_in_the_middle_of_the_original_where_the_paper_reaches_further_down():
    frame, paper = Rect(0, 0, 100, 24), Room(60, 2, 60, 40)
    (row,) = fit(words("PROIBIDO ENTRAR"), frame, MUCH, FONTS, paper)
    assert (row.box.top + row.box.bottom) / 2 == pytest.approx(12, abs=1)


def test_a_single_line_stays_one_while_its_letters_stay_large_enough():
    frame = Rect(0, 0, 110, 40)
    one = fit(replace(words("PROIBIDO ENTRAR"), lines=1), frame, NONE, FONTS)
    two = fit(words("PROIBIDO ENTRAR"), frame, NONE, FONTS)
    assert (len(one), len(two)) == (1, 2)
    longer = fit(replace(words("PROIBIDO ENTRAR AQUI"), lines=1), frame, NONE, FONTS)
    assert len(longer) == 2


def test_letters_become_small_before_a_word_is_broken():
    rows = fit(words("ESTACIONAMENTO", legible=12), Rect(0, 0, 60, 20), NONE, FONTS)
    assert [row.text for row in rows] == ["ESTACIONAMENTO"]
    assert rows[0].size == 8


def test_lines_stand_as_far_apart_as_the_originals_where_there_is_room():
    frame = Rect(0, 0, 110, 140)
    close, apart = (fit(replace(words(), pitch=pitch), frame, NONE, FONTS) for pitch in (0, 34))
    assert len(close) == len(apart) > 1
    assert apart[1].baseline - apart[0].baseline == pytest.approx(34)
    assert inside(apart, frame)
    tight = fit(replace(words(), pitch=500), frame, NONE, FONTS)
    assert inside(tight, frame)
