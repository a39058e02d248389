# ruff: noqa: RUF001 - punctuation of many scripts
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hud.breaking import clean, pieces
from edge.hud.wrapping import ELLIPSIS, clip, shorten, split, wrap


def columns(text):
    """A terminal: 1 column a character, 2 for a wide one."""
    return float(sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text))


def test_short_text_is_one_line():
    assert wrap("Bom dia!", 20, columns) == ["Bom dia!"]
    assert wrap("  ", 20, columns) == []


def test_lines_are_balanced():
    text = "It was the best of times it was the worst of times"
    assert wrap(text, 40, columns) == ["It was the best of times", "it was the worst of times"]
    assert wrap(text, 40, columns, steady=True)[0] == "It was the best of times it was the"


def test_no_single_word_is_left_over():
    assert wrap("one two three four five six seven eight nine ten", 44, columns)[-1].count(" ") >= 3


def test_breaks_after_punctuation_where_near():
    assert wrap("Com licença. Onde fica a estação de trem central?", 40, columns)[0] == "Com licença. Onde fica a"
    text = "Excuse me, does this train stop there? Or do I have to change?"
    assert wrap(text, 44, columns)[0] == "Excuse me, does this train stop there?"


def test_wide_characters_wrap_anywhere_but_before_closing_signs():
    lines = wrap("博物馆九点开门，但是二楼的展览要关闭到月底。", 16, columns)
    assert all(columns(line) <= 16 for line in lines)
    assert not any(line[0] in "，。" for line in lines)
    assert "".join(lines) == "博物馆九点开门，但是二楼的展览要关闭到月底。"


def test_long_word_is_hyphenated():
    lines = wrap("Donaudampfschifffahrtsgesellschaft", 12, columns)
    assert all(columns(line) <= 12 for line in lines)
    assert [line[-1] for line in lines[:-1]] == ["-"] * (len(lines) - 1)
    assert "".join(line.rstrip("-") for line in lines) == "Donaudampfschifffahrtsgesellschaft"


def test_long_address_is_broken_without_hyphens():
    address = "https://example.org/a/very/long/path/to/a/page"
    lines = wrap(address, 15, columns)
    assert "".join(lines) == address
    assert all(columns(line) <= 15 for line in lines)


def test_clip_and_shorten():
    lines = ["one two", "three", "four"]
    assert clip(lines, 3, 10, columns) == lines
    assert clip(lines, 2, 10, columns) == ["one two", "three…"]
    assert clip(lines, 1, 7, columns) == ["one tw…"]
    assert clip(lines, 0, 7, columns) == []
    assert shorten("abc", 3, columns) == "abc"
    assert shorten("abcdef", 3, columns) == "ab…"
    assert shorten("abcdef", 1, columns) == ELLIPSIS
    assert shorten("abcdef", 0.5, columns) == ""


SENTENCES = "Where is the station? I have to be there by nine. My train leaves soon."
FRASES = "Onde fica a estação? Preciso estar lá às nove. O meu trem parte em breve."


def short(limit):
    return lambda source, text: len(source) <= limit and len(text) <= limit


def test_split_cuts_both_languages_at_their_sentences():
    assert split(SENTENCES, FRASES, short(200)) == [(SENTENCES, FRASES)]
    parts = split(SENTENCES, FRASES, short(55))
    assert parts == [
        ("Where is the station? I have to be there by nine.", "Onde fica a estação? Preciso estar lá às nove."),
        ("My train leaves soon.", "O meu trem parte em breve."),
    ]


def test_split_without_source():
    assert [text for _, text in split("", FRASES, short(55))] == [
        "Onde fica a estação? Preciso estar lá às nove.",
        "O meu trem parte em breve.",
    ]


def test_split_of_one_endless_word_still_ends():
    parts = split("", "x" * 500, short(20))
    assert "".join(text for _, text in parts) == "x" * 500


WORDS = st.lists(st.text("abcé", min_size=1, max_size=9), min_size=1, max_size=60)


@given(WORDS)
def test_steady_split_keeps_earlier_parts_when_text_grows(words):
    for count in range(1, len(words)):
        now = split("", " ".join(words[:count]), short(24), steady=True)
        later = split("", " ".join(words[: count + 1]), short(24), steady=True)
        assert later[: len(now) - 1] == now[:-1]
        assert later[len(now) - 1][1].startswith(now[-1][1])


@given(WORDS)
def test_steady_lines_stay_when_text_grows(words):
    for count in range(1, len(words)):
        now = wrap(" ".join(words[:count]), 20, columns, steady=True)
        later = wrap(" ".join(words[: count + 1]), 20, columns, steady=True)
        assert later[: len(now) - 1] == now[:-1]
        assert later[len(now) - 1].startswith(now[-1])


@settings(deadline=None)
@given(st.text(max_size=120), st.integers(2, 60), st.booleans())
def test_lines_fit_and_lose_nothing(text, width, steady):
    lines = wrap(text, width, columns, steady)
    assert all(columns(line) <= width or len(line) <= 2 or _one_cluster(line) for line in lines)
    assert _letters("".join(lines)) == _letters(clean(text))


@settings(deadline=None)
@given(st.text("abc 你好，。.?! ", max_size=160), st.text("xyz ,.", max_size=160), st.integers(8, 60), st.booleans())
def test_parts_lose_nothing_and_fit(source, text, limit, steady):
    parts = split(source, text, short(limit), steady)
    assert _letters("".join(a for a, _ in parts)) == _letters(clean(source))
    assert _letters("".join(b for _, b in parts)) == _letters(clean(text))
    longest = max((len(piece.strip()) for piece in (*pieces(clean(source)), *pieces(clean(text)))), default=0)
    if longest <= limit:
        assert all(short(limit)(a, b) for a, b in parts)


@settings(deadline=None)
@given(st.text("abcde ", min_size=30, max_size=150), st.integers(12, 40))
def test_balanced_uses_no_more_lines_than_greedy(text, width):
    assert len(wrap(text, width, columns)) == len(wrap(text, width, columns, steady=True))


@pytest.mark.parametrize("width", [10, 25, 40])
def test_right_to_left_text_wraps_in_logical_order(width):
    text = "האוטובוס לתל אביב יוצא מהתחנה בשעה שתיים"
    assert " ".join(wrap(text, width, columns)) == text


def _one_cluster(line):
    return sum(not unicodedata.category(c).startswith("M") for c in line) <= 2


def _letters(text):
    return [c for c in text if not c.isspace() and c != "-"]
