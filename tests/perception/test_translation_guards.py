import pytest

from edge.perception.translation_guards import (
    collapse,
    find_loop,
    localise,
    loops,
    repair_currency,
    repair_numbers,
)

LOOPS = {
    "one word": ("the the the the", "the"),
    "two words": ("we go we go we go", "we go"),
    "phrase": ("A dedo do A dedo do", "A dedo do"),
    "case and commas": ("I know it, I know it, I know it.", "I know it,"),
    "inside a sentence": ("He said that it is so that it is so and left", "He said that it is so and left"),
    "syllables": ("hahahahahahaha yes", "ha yes"),
    "characters": ("我们去去去去去吧", "我们去吧"),
    "character phrase": ("今天很好今天很好今天很好", "今天很好"),
}


@pytest.mark.parametrize(("text", "once"), LOOPS.values(), ids=LOOPS.keys())
def test_loops_are_found_and_cut(text, once):
    assert loops(text, "something else")
    assert collapse(text) == once
    assert not loops(collapse(text), "something else")


@pytest.mark.parametrize(
    "text",
    [
        "no no, thank you",
        "day to day to relax",
        "heel, and heel and sole",
        "more and more people",
        "10 10 10 10",
        "1 000 000 000 000",
        "",
        "...... ------",
        "看看",
        "that that is, is",
    ],
)
def test_ordinary_repetition_is_left_alone(text):
    assert not loops(text, "x")
    assert collapse(text) == text


def test_a_loop_that_the_speaker_made_is_his_own():
    assert not loops("não não não", "no no no")
    assert loops("não não não não não", "no no no")
    assert not loops("hahahahahaha", "hahahahahaha!")


def test_find_loop_tells_where_and_how_often():
    loop = find_loop(["go", "to", *["a", "b", "c"] * 3, "end"])
    assert (loop.start, loop.size, loop.repeats) == (2, 3, 3)


NUMBERS = {
    "digit lost": ("It cost $22,500 and more.", "Custou US$ 2.500 e mais.", "Custou US$ 22.500 e mais."),
    "digit changed": ("783,562 people", "733.562 pessoas", "783.562 pessoas"),
    "two at once": ("from 11,000 to 22,500", "de 1.000 a 2.500", "de 11.000 a 22.500"),
    "right already": ("1,600 km and 3.5 m", "1.600 km e 3,5 m", "1.600 km e 3,5 m"),
    "written in words": ("about 100,000 people", "cerca de 100 mil pessoas", "cerca de 100 mil pessoas"),
    "century": ("in the 18th century", "no século XVIII", "no século XVIII"),
    "clock": ("at 7 p.m. in 1999", "às 19h em 1999", "às 19h em 1999"),
    "nothing similar": ("call 911", "chame a polícia 24 horas", "chame a polícia 24 horas"),
    "no digits": ("ten men", "10 homens", "10 homens"),
}


@pytest.mark.parametrize(("source", "text", "expected"), NUMBERS.values(), ids=NUMBERS.keys())
def test_numbers(source, text, expected):
    assert repair_numbers(source, text, "en", "pt") == expected


@pytest.mark.parametrize(
    ("number", "source", "target", "expected"),
    [("1,250.5", "en", "pt", "1.250,5"), ("1.250,5", "pt", "en", "1,250.5"), ("1.250,5", "pt", "es", "1.250,5")],
)
def test_marks_in_numbers_follow_the_language(number, source, target, expected):
    assert localise(number, source, target) == expected


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("Custa €45", "It costs $45", "It costs €45"),
        ("Custa €45", "It costs 45 euros", "It costs 45 euros"),
        ("£5 or $6", "£5 ou $6", "£5 ou $6"),
        ("€5 ou $6", "$5 or $6", "$5 or $6"),
        ("It costs $5", "Custa R$5", "Custa R$5"),
    ],
)
def test_currencies(source, text, expected):
    assert repair_currency(source, text) == expected
