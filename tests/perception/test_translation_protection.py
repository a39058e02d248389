# ruff: noqa: RUF001 - curly quotes and dashes are what is tested
import pytest

from edge.perception.translation_protection import find_fixed, find_unspelled, protect, respell

KNOWN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?'\"-/()áéíóúãõç€")


def spells(text):
    return set(text) <= KNOWN


FIXED = {
    "url": ("See https://example.com/a?b=1&c=d.", ["https://example.com/a?b=1&c=d"]),
    "url in brackets": ("(see www.example.org/x)", ["www.example.org/x"]),
    "bare domain": ("Go to tickets.example.com/buy, now", ["tickets.example.com/buy"]),
    "email": ("Write to ana.silva+x@mail.example.org!", ["ana.silva+x@mail.example.org"]),
    "handle and tag": ("ask @ana_s about #Lisbon2026", ["@ana_s", "#Lisbon2026"]),
    "telephone": ("Call +351 21 123 45 67 now", ["+351 21 123 45 67"]),
    "area code": ("(11) 98765-4321", ["(11) 98765-4321"]),
    "short number": ("They won 5-3 in 1999", []),
    "years": ("from 1939-1945", []),
    "number with groups": ("1,234,567 people and 2.750.000 cars", []),
    "sentence": ("It works. Then it stops.", []),
    "abbreviation": ("The U.S. and e.g. others", []),
}


@pytest.mark.parametrize(("sentence", "expected"), FIXED.values(), ids=FIXED.keys())
def test_what_is_carried_through(sentence, expected):
    found = find_fixed(sentence)
    assert [text for _, _, text in found] == expected
    assert all(sentence[start:end] == text for start, end, text in found)


def test_codes_stand_for_spans_and_come_back():
    sentence = "Ask @ana or write to b@c.org."
    protected = protect(sentence, find_fixed(sentence))
    assert protected.text == "Ask X1 or write to X2."
    assert protected.restore("Escreva para X2 ou pergunte a X1.") == "Escreva para b@c.org ou pergunte a @ana."


@pytest.mark.parametrize("damaged", ["Ask X1.", "Ask X1 or X2 or X2.", "Ask X1 or X3.", "Ask X12.", ""])
def test_a_lost_or_doubled_code_is_noticed(damaged):
    assert (
        protect("Ask @ana or write to b@c.org.", find_fixed("Ask @ana or write to b@c.org.")).restore(damaged) is None
    )


def test_a_code_that_the_text_already_has_is_not_used():
    protected = protect("Model X1 of @ana", find_fixed("Model X1 of @ana"))
    assert protected.text == "Model X1 of Q1"
    assert protected.restore("Modelo X1 de Q1") == "Modelo X1 de @ana"


def test_overlapping_spans_keep_the_longest_that_begins_first():
    assert protect("ask @ana now", [(4, 5, "@"), (4, 8, "@ana"), (6, 8, "na")]).kept == ("@ana",)


def test_pieces_keep_the_order():
    sentence = "Ask @ana or write."
    assert protect(sentence, find_fixed(sentence)).pieces() == [("Ask", True), ("X1", False), ("or write.", True)]


def test_nothing_to_protect_changes_nothing():
    protected = protect("Just words X1.", [])
    assert (protected.text, protected.kept, protected.restore("Palavras X1.")) == ("Just words X1.", (), "Palavras X1.")


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("don’t “go” – now…", 'don\'t "go" - now...'),
        ("na Índia", "na índia"),
        ("naïve über", "naive uber"),
        ("in Zürich", "in Zürich"),
        ("love 😀", "love 😀"),
        ("  two  gaps ", "  two  gaps "),
    ],
)
def test_respelling(sentence, expected):
    assert respell(sentence, spells) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("love 😀 it", ["😀"]),
        ("love 😀 🍕!", ["😀 🍕"]),
        ("hello😀", ["😀"]),
        ("in Zürich, yes", ["Zürich"]),
        ("sign 出口 here", ["出口"]),
        ("Привет, мир", ["Привет", "мир"]),
        ("costs £45.90.", ["£45.90"]),
        ("plain", []),
    ],
)
def test_what_cannot_be_spelled(sentence, expected):
    found = find_unspelled(sentence, spells)
    assert [text for _, _, text in found] == expected
    assert all(sentence[start:end] == text for start, end, text in found)


def test_a_code_never_touches_a_letter():
    assert protect("hello😀you", find_unspelled("hello😀you", spells)).text == "hello X1 you"
