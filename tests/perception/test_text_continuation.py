"""What the words say about where a sentence goes on, and how lines become running text."""

import pytest

from edge.perception.text_continuation import Link, is_unspaced, join, link, scripts_agree, shared_letters


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("BEWARE OF", "MAINTENANCE"),
        ("SAÍDA DE", "EMERGÊNCIA"),
        ("Fresh produce,", "friendly service"),
        ("production of this book; their", "contributions have been"),
        ("emer-", "gency"),
        ("Do not leave", "bags unattended"),
    ],
)
def test_a_sentence_goes_on(first, second):
    assert link(first, second) is Link.SURE


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Espresso 2.50", "Latte 3.10"),
        ("Coffee $4", "Tea $3"),
        ("Retail [B2-03]", "Carpark [B6-B3]"),
        ("VALIDADE 12/03/2026", "CONSERVAR REFRIGERADO"),
        ("FINE $1000", "NO EATING"),
        ("Suite 400", "10"),
        ("315", "愚园路"),
        ("中国农业银行", "AGRICULTURAL BANK OF CHINA"),
        ("Tropicana", "PURE PREMIUM"),
        ("Open daily", "• no dogs"),
        ("Hotel Mar", "Tel: 21 555 1234"),
        ("Sports Centre", "Wivenhoe Park"),
        ("Gate B2-03", "Departures"),
        ("Θεσσαλονίκη", "Thessaloniki"),
    ],
)
def test_an_entry_has_ended(first, second):
    assert link(first, second) is Link.NONE


@pytest.mark.parametrize(("first", "second"), [("CUIDADO", "PISO MOLHADO"), ("钮扣或拉链的服饰", "扣好熨烫")])
def test_the_words_do_not_say(first, second):
    assert link(first, second) is Link.OPEN


@pytest.mark.parametrize(("first", "second"), [("Emergency", "Exit"), ("NOTICE:", "KEEP OUT")])
def test_perhaps_a_heading(first, second):
    assert link(first, second) is Link.LOOSE


def test_a_word_in_brackets_ends_no_entry():
    assert link("MUSEUM (CLOSED)", "ON MONDAYS") is Link.OPEN


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["BEWARE OF", "VEHICLES"], "BEWARE OF VEHICLES"),
        (["emer-", "gency exit"], "emergency exit"),
        (["EMER-", "GENCY EXIT"], "EMERGENCY EXIT"),
        (["south-", "East London"], "south-East London"),
        (["B2-", "03"], "B2-03"),
        (["洗涤", "说明"], "洗涤说明"),
        (["电话", "Tel 12"], "电话 Tel 12"),
        (["비상", "출구"], "비상 출구"),
        (["ทาง", "ออก"], "ทางออก"),
        (["", "a ", " b"], "a b"),
        ([], ""),
    ],
)
def test_joining(lines, text):
    assert join(lines) == text


@pytest.mark.parametrize(
    ("text", "expected"), [("清潔できれい", True), ("비상구", False), ("Exit", False), ("24", False)]
)
def test_scripts_without_spaces(text, expected):
    assert is_unspaced(text) is expected


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [("NO LIT", "ITTER", 2), ("SAN", "NYO", 1), ("abc", "ABC", 3), ("abc", "xyz", 0), ("", "x", 0)],
)
def test_shared_letters(first, second, count):
    assert shared_letters(first, second) == count


@pytest.mark.parametrize(
    ("first", "second", "agree"),
    [
        ("Exit", "Saída", True),
        ("港区", "CITY", False),
        ("港区", "24", True),
        ("Выход", "Exit", False),
        ("출구", "出口", False),
    ],
)
def test_scripts_of_one_sentence(first, second, agree):
    assert scripts_agree(first, second) is agree
