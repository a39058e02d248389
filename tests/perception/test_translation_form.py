import pytest

from edge.perception.translation_form import Form, give_form, take_form
from edge.perception.translation_protection import ADDRESS

GIVEN = {
    "sentence": ("He left.", "He left."),
    "small first letter": ("he left.", "He left."),
    "no full stop": ("He left", "He left."),
    "sign": ("KEEP LEFT", "Keep left."),
    "accented sign": ("SAÍDA", "Saída."),
    "acronym": ("USA", "USA."),
    "question word": ("where is the station", "Where is the station?"),
    "auxiliary": ("can you help me", "Can you help me?"),
    "how much": ("How much is it", "How much is it?"),
    "when clause": ("when I was young", "When I was young."),
    "ends in a digit": ("gate 12", "Gate 12."),
    "ends in a comma": ("Yes,", "Yes,"),
    "address first": ("www.example.com is open", "www.example.com is open."),
    "sign with an address": ("VISIT www.example.com/Path NOW", "Visit www.example.com/Path now."),
    "sign with a loud address": ("VISIT WWW.MUSEUM.PT", "Visit WWW.MUSEUM.PT."),
    "chinese": ("你好", "你好"),
}


@pytest.mark.parametrize(("sentence", "expected"), GIVEN.values(), ids=GIVEN.keys())
def test_a_sentence_gets_the_form_of_the_training_text(sentence, expected):
    assert give_form(sentence, "en", ADDRESS).text == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("quanto custa isto", "Quanto custa isto?"),
        ("você fala inglês", "Você fala inglês."),
        ("onde fica", "Onde fica?"),
    ],
)
def test_portuguese_questions(sentence, expected):
    assert give_form(sentence, "pt").text == expected


def test_a_complete_sentence_is_not_touched_at_all():
    assert give_form("He left.", "en") == Form("He left.")


TAKEN = {
    "full stop": ("he left", "Ele saiu.", "ele saiu"),
    "question mark": ("where is it", "Onde está?", "onde está"),
    "mark of another kind": ("where is it", "Onde está.", "onde está"),
    "sign": ("KEEP LEFT", "Mantenha-se à esquerda.", "MANTENHA-SE À ESQUERDA"),
    "own full stop": ("He left.", "Ele saiu.", "Ele saiu."),
    "ellipsis stays": ("he left", "Ele saiu...", "ele saiu..."),
    "abbreviation first": ("the u.s. won", "EUA venceram.", "EUA venceram"),
    "capital is kept": ("He left", "ele saiu.", "Ele saiu"),
    "brand": ("The phone", "iPhone.", "iPhone"),
    "empty": ("he left", "", ""),
}


@pytest.mark.parametrize(("sentence", "translation", "expected"), TAKEN.values(), ids=TAKEN.keys())
def test_the_form_is_taken_off_again(sentence, translation, expected):
    assert take_form(give_form(sentence, "en"), translation, "pt") == expected


def test_english_i_and_german_nouns_stay_capital():
    assert take_form(give_form("eu sei", "pt"), "I know.", "en") == "I know"
    assert take_form(give_form("it is", "en"), "Haus.", "de") == "Haus"
    assert take_form(give_form("é", "pt"), "It is.", "en") == "it is"
