# ruff: noqa: RUF001 - punctuation of many scripts
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hud.breaking import break_rank, clean, clusters, pieces, takes_hyphen


def test_clean():
    assert clean("  a\t\nb  \u200b c\u202e ") == "a b c"
    assert clean("e\u0301") == "é"
    assert clean("می\u200cخواهم") == "می\u200cخواهم"
    assert clean("a\x00b\u00adc") == "abc"
    assert clean(" \n ") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("good morning you", ["good ", "morning ", "you"]),
        ("你好，世界。", ["你", "好，", "世", "界。"]),
        ("「丝绸」之路", ["「丝", "绸」", "之", "路"]),
        ("（新）", ["（新）"]),
        ("ちょっと", ["ちょっ", "と"]),
        ("データ", ["デー", "タ"]),
        ("한국어 문장", ["한국어 ", "문장"]),
        ("Qui est là ?", ["Qui ", "est ", "là ?"]),
        ("« Bonjour »", ["« Bonjour »"]),
        ("50 %", ["50 %"]),
        ("well-known fact", ["well-", "known ", "fact"]),
        ("-5 degrees", ["-5 ", "degrees"]),
        ("Yes. – No.", ["Yes. ", "– ", "No."]),
        ("3,5 km", ["3,5 ", "km"]),
        ("在2026年", ["在", "2026", "年"]),
        ("¿Qué?", ["¿Qué?"]),
    ],
)
def test_pieces(text, expected):
    assert pieces(text) == expected


def test_thai_breaks_between_clusters_only():
    text = "กรุณาแสดงตั๋ว"
    found = pieces(text)
    assert "".join(found) == text
    assert len(found) > 3
    assert not any(piece[0] in "ะาำุัิีึื็่้๊๋" for piece in found)
    assert not any(piece[-1] in "เแโใไ" for piece in found)


def test_clusters_keep_marks():
    assert clusters("e\u0301a") == ["e\u0301", "a"]
    assert clusters("दिखाएँ") == ["दि", "खा", "एँ"]
    assert clusters("👩\u200d🚀x") == ["👩\u200d🚀", "x"]
    assert clusters("") == []


@pytest.mark.parametrize(
    ("piece", "following", "rank"),
    [
        ("end. ", "", 2),
        ("end.” ", "", 2),
        ("吗？", "", 2),
        ("first, ", "", 1),
        ("，", "", 1),
        ("word ", "", 0),
        ("word ", "(in", 1),
        ("展", "「丝", 1),
        ("» ", "", 0),
        (" ", "", 0),
    ],
)
def test_rank_of_breaks(piece, following, rank):
    assert break_rank(piece, following) == rank


@pytest.mark.parametrize(
    ("left", "right", "hyphen"),
    [
        ("Donau", "dampf", True),
        ("Русс", "кий", True),
        ("https://exa", "mple.org", False),
        ("someone@", "example", False),
        ("12", "34", False),
        ("中", "文", False),
        ("กร", "ุณา", False),
        ("مرح", "با", False),
        ("", "a", False),
    ],
)
def test_hyphens(left, right, hyphen):
    assert takes_hyphen(left, right) is hyphen


@given(st.text(max_size=60))
def test_pieces_and_clusters_join_to_the_text(text):
    assert "".join(pieces(text)) == text
    assert "".join(clusters(text)) == text


@given(st.text(max_size=60))
def test_clean_is_idempotent_and_single_line(text):
    once = clean(text)
    assert clean(once) == once
    assert "\n" not in once
    assert "  " not in once


@given(st.text("你好世界，。「」（）、！？ab ", max_size=40).map(clean))
def test_no_closing_sign_begins_and_no_opening_sign_ends_a_piece(text):
    found = pieces(text)
    assert not any(piece[0] in "，。」）、！？" for piece in found[1:])
    assert not any(piece.rstrip()[-1:] in ("「", "（") for piece in found[:-1])
