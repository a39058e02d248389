"""Which language a sign is in: short texts above all, and what a picture's texts say together."""

from importlib import resources

import pytest

from edge.perception.languages import LANGUAGES
from edge.perception.text_language import UNDECIDED, identify


def one(text, allowed=None, likely=("en", "pt")):
    (language,) = identify([text], allowed, likely)
    return language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("EXIT", "en"), ("PUSH", "en"), ("no parking", "en"), ("Fresh produce", "en"), ("BEWARE OF VEHICLES", "en"),
        ("PROIBIDO ESTACIONAR", "pt"), ("CUIDADO PISO MOLHADO", "pt"), ("SAÍDA DE EMERGÊNCIA", "pt"), ("Saída", "pt"),
        ("SALIDA DE EMERGENCIA", "es"), ("CALLE DE LA CONSTITUCIÓN", "es"), ("CUIDADO CON EL ESCALÓN", "es"),
        ("SORTIE DE SECOURS", "fr"), ("DÉFENSE D'AFFICHER", "fr"), ("Notausgang freihalten", "de"),
        ("VIETATO FUMARE", "it"), ("UITGANG", "nl"), ("UTGÅNG", "sv"), ("ZÁKAZ KOUŘENÍ", "cs"), ("Wyjście", "pl"),
    ],
)  # fmt: skip
def test_signs(text, language):
    assert one(text) == language


@pytest.mark.parametrize("likely", [("en", "pt"), ("pt", "en")])
def test_what_says_nothing_is_in_the_likeliest_language(likely):
    assert one("Xylqrst", likely=likely) == likely[0]


def test_accents_that_the_reader_lost_are_no_loss():
    assert one("SAIDA DE EMERGENCIA") in ("pt", "es")
    assert one("PROIBIDO FUMAR NAO ENTRE") == "pt"


@pytest.mark.parametrize("text", ["AU 73671", "PRO xtraX", "W", "E", "Platform B"])
def test_a_short_word_of_another_language_decides_nothing(text):
    assert one(text) == "en"


def test_the_texts_of_a_picture_vote_together():
    assert identify(["Brandslukker", "ÅBENT", "ikke rygning", "velkommen", "lukket søndag"], None, ["en"])[0] == "da"


def test_one_text_in_another_language_keeps_its_own():
    texts = ["Please keep off the grass", "No dogs allowed", "PROIBIDO PISAR NA GRAMA"]
    assert identify(texts, None, ["en", "pt"]) == ["en", "en", "pt"]


@pytest.mark.parametrize(
    ("text", "language"),
    [("出口", "zh"), ("ポイ捨て禁止", "ja"), ("출구", "ko"), ("Выход", "ru"), ("Вихід є", "uk"), ("Έξοδος", "el"),
     ("خروج", "ar"), ("خروج پارک", "fa"), ("יציאה", "he"), ("ทางออก", "th"), ("निकास", "hi"), ("24H 专业健身", "zh")],
)  # fmt: skip
def test_scripts(text, language):
    assert one(text) == language


def test_chinese_characters_beside_kana_are_japanese():
    assert identify(["清潔できれいな港区を", "港区"], None, ["en"]) == ["ja", "ja"]


def test_nothing_but_numbers_is_undecided():
    assert identify(["24", "", "12:30"], None, ["en"]) == [UNDECIDED] * 3


def test_only_allowed_languages_are_given():
    assert one("CALLE DE LA CONSTITUCIÓN", allowed=("en", "pt")) in ("en", "pt")
    assert one("出口", allowed=("en", "pt")) == UNDECIDED
    assert one("出口", allowed=("ja",)) == "ja"
    assert one("Exit", allowed=("ja",)) == UNDECIDED


def test_the_table_names_known_languages_and_kinds():
    content = resources.files("edge.perception").joinpath("language_words.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in content.splitlines() if line and not line.startswith("#")]
    assert {len(row) for row in rows} == {3}
    assert {row[0] for row in rows} <= set(LANGUAGES)
    assert {row[1] for row in rows} == {"words", "endings", "letters"}
    assert len({(row[0], row[1]) for row in rows}) == len(rows)
