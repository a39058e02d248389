import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hud.bidi import is_rtl, levels, reorder

ANY = st.text("אבג بت abcXYZ 0123 ٣٤ .,:!?-/+%$()", max_size=20)


def shown(text, rtl):
    return "".join(reorder(list(text), levels(text, rtl)))


@pytest.mark.parametrize(
    ("text", "language", "rtl"),
    [
        ("hello", "", False),
        ("שלום", "", True),
        ("مرحبا", "", True),
        ("123 שלום", "", True),
        ("hello שלום", "he", False),
        ("123", "ar", True),
        ("...", "fa-IR", True),
        ("", "en", False),
    ],
)
def test_direction_of_a_paragraph(text, language, rtl):
    assert is_rtl(text, language) is rtl


@pytest.mark.parametrize(
    ("logical", "rtl", "visual"),
    [
        ("abc def", False, "abc def"),
        ("אבג דהו", True, "והד גבא"),
        ("abc אבג def", False, "abc גבא def"),
        ("אבג abc דהו", True, "והד abc גבא"),
        ("אבג 123 דהו", True, "והד 123 גבא"),
        ("אבג 14:20", True, "14:20 גבא"),
        ("אבג, דהו.", True, ".והד ,גבא"),
        ("abc.", True, ".abc"),
        ("אבג -5%", True, "5%- גבא"),  # a minus sign before a number stays a neutral, as UAX #9 has it
        ("بت 12:30", True, "12:30 تب"),
        ("a 50% b", False, "a 50% b"),
        ("אב ", True, " בא"),
    ],
)
def test_order_on_screen(logical, rtl, visual):
    assert shown(logical, rtl) == visual


@given(ANY, st.booleans())
def test_nothing_is_lost(text, rtl):
    assert sorted(shown(text, rtl)) == sorted(text)


@given(st.text("abc xyz.,!?", max_size=20))
def test_left_to_right_text_stays(text):
    assert shown(text, rtl=False) == text


@given(st.text("אבגדה", min_size=1, max_size=20))
def test_right_to_left_text_is_reversed(text):
    assert shown(text, rtl=True) == text[::-1]
