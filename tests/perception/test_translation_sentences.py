# ruff: noqa: RUF001 - punctuation of many scripts is what is tested
import pytest

from edge.perception.translation_sentences import split_clauses, split_sentences

CASES = {
    "two sentences": ("It rains. We stay.", ["It rains.", "We stay."]),
    "question and exclamation": ("Really? Yes! Good.", ["Really?", "Yes!", "Good."]),
    "titles": ("Dr. Smith met Mr. Jones. They talked.", ["Dr. Smith met Mr. Jones.", "They talked."]),
    "portuguese titles": (
        "O Sr. Silva e a Dra. Ana saíram. Voltam já.",
        ["O Sr. Silva e a Dra. Ana saíram.", "Voltam já."],
    ),
    "initials": ("J. R. R. Tolkien wrote it. I read it.", ["J. R. R. Tolkien wrote it.", "I read it."]),
    "country": ("The U.S. Army left. Good.", ["The U.S. Army left.", "Good."]),
    "decimals": ("It is 3.5 km. Walk 1,000.25 m.", ["It is 3.5 km.", "Walk 1,000.25 m."]),
    "numbered": ("See No. 5 and p. 12. Then stop.", ["See No. 5 and p. 12.", "Then stop."]),
    "no as a word": ("He said no. Then he left.", ["He said no.", "Then he left."]),
    "ellipsis inside": ("Well... maybe not. Fine.", ["Well... maybe not.", "Fine."]),
    "ellipsis at the end": ("I wonder... He left.", ["I wonder...", "He left."]),
    "quotes": ('"Stop!" he said. "Why?" She ran.', ['"Stop!" he said.', '"Why?"', "She ran."]),
    "curly quotes": ("“It works.” They cheered.", ["“It works.”", "They cheered."]),
    "domain": ("Go to example.com now. Bye.", ["Go to example.com now.", "Bye."]),
    "chinese": ("你好。你叫什么名字？我很好！", ["你好。", "你叫什么名字？", "我很好！"]),
    "chinese quotes": ("他说：“走吧。”我们走了。", ["他说：“走吧。”", "我们走了。"]),
    "brackets": ("He came (late.) We left.", ["He came (late.)", "We left."]),
    "small letter follows": ("approx. ten etc. and so on", ["approx. ten etc. and so on"]),
    "one word": ("Hello", ["Hello"]),
    "nothing": ("   ", []),
    "marks only": ("?! ... ", ["?!", "..."]),
    "spanish": ("¿Qué hora es? ¡Vamos! Ya.", ["¿Qué hora es?", "¡Vamos!", "Ya."]),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_sentences(text, expected):
    assert split_sentences(text) == expected


@pytest.mark.parametrize("text", [text for text, _ in CASES.values()])
def test_no_character_is_lost(text):
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


def test_clauses_are_about_even():
    text = "when the rain stopped, we went out, bought bread, and walked home"
    assert split_clauses(text) == ["when the rain stopped, we went out,", "bought bread, and walked home"]


def test_without_punctuation_the_middle_gap_is_cut():
    assert split_clauses("one two three four") == ["one two", "three four"]


def test_a_long_word_is_cut_in_half_and_a_letter_is_not():
    assert split_clauses("abcd") == ["ab", "cd"]
    assert split_clauses("a") == ["a"]


def test_decimal_commas_are_not_clauses():
    assert split_clauses("it costs 1,5 euros") == ["it costs", "1,5 euros"]


def test_chinese_commas_are_clauses_without_spaces_added():
    assert split_clauses("我来了，他走了") == ["我来了，", "他走了"]
