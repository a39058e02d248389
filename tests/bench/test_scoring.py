"""Our small measures of quality, against the packages that everybody measures with."""

from collections import Counter

import jiwer
import pytest
import sacrebleu

from edge.bench.scoring import (
    character_errors,
    chrf,
    distance,
    letters,
    letters_missed,
    normalise,
    word_errors,
)

SAID = [
    "It was the best of times",
    "it is the worst of the times!",
    "We had everything before",
    "Coração, não é?",
    "completely different words here",
]
WANTED = [
    "It was the best of times,",
    "it was the worst of times,",
    "we had everything before us,",
    "coração; não, é",
    "in short the period was like this",
]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It was, the BEST.", "it was the best"),
        ("don't / don\u2019t", "dont dont"),
        ("\ufb01ne  \u2026  10 o'clock", "fine 10 oclock"),
        ("\u00c9 \u2014 n\u00e3o", "\u00e9 n\u00e3o"),
        ("\u0928\u092e\u094d\u0938\u094d\u0924", "\u0928\u092e\u094d\u0938\u094d\u0924"),
        ("?!", ""),
    ],
)
def test_words_are_seen_without_case_and_punctuation(text, words):
    assert normalise(text) == words


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ("abc", "abc", 0), ("ab", "ba", 2)],
)
def test_distance(one, other, edits):
    assert distance(one, other) == distance(other, one) == edits


def test_word_errors_are_those_of_jiwer():
    rate, words = word_errors(SAID, WANTED)
    theirs = jiwer.wer([normalise(text) for text in WANTED], [normalise(text) for text in SAID])
    assert rate == pytest.approx(100 * theirs)
    assert 0 < rate < 100
    assert words == sum(len(normalise(text).split()) for text in WANTED)


def test_character_errors_are_those_of_jiwer_without_spaces():
    rate, characters = character_errors(SAID, WANTED)
    solid = [["".join(text.split()) for text in side] for side in (WANTED, SAID)]
    assert rate == pytest.approx(100 * jiwer.cer(*solid))
    assert characters == sum(map(len, solid[0]))


def test_case_and_punctuation_are_character_errors_and_no_word_errors():
    assert word_errors(["exit!"], ["EXIT"])[0] == 0
    assert character_errors(["exit!"], ["EXIT"])[0] == pytest.approx(125)


def test_chinese_words_are_its_characters():
    assert word_errors(["\u8bf7\u52ff\u5438\u70df"], ["\u8bf7 \u52ff\u505c\u8f66\u3002"], "zh") == (50.0, 4)


def test_references_without_words_are_left_out():
    assert word_errors(["anything", "one"], ["...", "one"]) == (0.0, 1)
    assert word_errors([], []) == (0.0, 0)
    assert character_errors([" "], [""]) == (0.0, 0)


def test_as_many_texts_as_references():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        word_errors(["one"], ["one", "two"])


def test_chrf_is_that_of_sacrebleu():
    for said, wanted in ((SAID, WANTED), (WANTED, WANTED), (SAID[:1], WANTED[4:]), (["ab"], ["abc"])):
        assert chrf(said, wanted) == pytest.approx(sacrebleu.corpus_chrf(said, [wanted]).score, abs=0.01)


def test_chrf_at_its_ends():
    assert chrf(WANTED, WANTED) == pytest.approx(100)
    assert chrf(["xyz"], ["abc"]) == 0
    assert chrf([""], ["abc"]) == 0
    assert chrf([], []) == 0


def test_letters_of_a_picture():
    assert letters("Caf\u00e9 2,50 \uff21") == Counter("caf\u00e9250a")
    assert letters_missed([letters("exit 12"), letters("")], [letters("EXIT 2 22"), letters("ab")]) == (
        pytest.approx(100 * 4 / 9),
        9,
    )
    assert letters_missed([letters("much more than that")], [letters("more")]) == (0.0, 4)
    assert letters_missed([], []) == (0.0, 0)
