"""When two readings say the same."""

import pytest

from edge.perception.text_likeness import contained, likeness, plain, same_text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("EXIT", "exit"),
        ("NO PARKING", "NOPARKING"),
        ("BEWARE OF VEHICLES", "BEWARE OF VEHICLFS"),
        ("Fresh produce, friendly service", "Fresh produce friendly sorvice"),
        ("洗涤说明最高温度", "洗涤说明最高湿度"),
        ("Café", "Café."),
    ],
)
def test_the_same_text_misread(one, other):
    assert same_text(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Platform A", "Platform B"),
        ("Gate 12", "Gate 13"),
        ("FINE $500", "FINE $1000"),
        ("PUSH", "PULL"),
        ("NO ENTRY", "ENTRY"),
        ("EXIT", ""),
        ("", ""),
        ("Boon Lay", "Joo Koon"),
    ],
)
def test_another_text(one, other):
    assert not same_text(one, other)


def test_likeness_goes_from_nothing_to_one():
    assert likeness("EXIT", "e x i t!") == 1
    assert likeness("EXIT", "") == 0
    assert 0.4 < likeness("PARKING", "PARK") < 0.9
    assert likeness("abc", "xyz") == 0


@pytest.mark.parametrize(
    ("part", "whole", "least", "most"),
    [("VEHICLES", "BEWARE OF VEHICLES", 1, 1), ("", "x", 1, 1), ("EXIT", "TAXI", 0, 0.5), ("ab", "xaby", 1, 1)],
)
def test_contained(part, whole, least, most):
    assert least <= contained(part, whole) <= most


def test_plain_text_keeps_letters_of_all_scripts():
    assert plain("  Ação_nº 5: 出口!  ") == "ação nº 5 出口"


def test_one_spoilt_word_of_many_is_forgiven():
    said = "IN THIS TEMPLE AS IN THE HEARTS OF THE PEOPLE FOR WHOM HE SAVED THE UNION"
    assert same_text(said, said.replace("WHOM", "WIIOM"))
    assert not same_text(said, said.replace("HE SAVED", "WE SAVED")), "a short word is another word"
    assert not same_text("THE PEOPLE FOR WHOM", "THE PEOPLE FOR WIIOM"), "of few words every one counts"
