"""What is translated on signs, what is left alone, and what of a model's habits is dropped."""

from importlib import resources

import pytest

from edge.errors import LanguageError
from edge.perception.sign_translation import SignTranslator, is_fixed, tidy, without_specks, worth_following
from edge.results import Region, TextLine

BOX = ((0.0, 0.0), (100.0, 0.0), (100.0, 20.0), (0.0, 20.0))


def region(*lines, confidence=0.95):
    return Region(tuple(TextLine(BOX, line, confidence) for line in lines), BOX, " ".join(lines), confidence)


class Model:
    """Writes the languages around what it reads, unless it knows better."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, text, source, target):
        if source not in ("en", "pt", "de"):
            raise LanguageError(f"run: edge models pull mt-{source}-{target}")
        self.asked.append(text)
        return self.answers.get(text, f"<{text}>")


def translated(*lines, language="en", target="pt", model=None):
    return SignTranslator(model or Model(), target, None, ("en", "pt")).translate(region(*lines), language).translation


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["EXIT"], "SAÍDA"),
        (["Exit"], "Saída"),
        (["no", "parking"], "proibido estacionar"),
        (["WET FLOOR"], "PISO MOLHADO"),
        (["CAUTION", "WET FLOOR"], "CUIDADO: PISO MOLHADO"),
        (["NO PARKING", "NO PARKING"], "PROIBIDO ESTACIONAR"),
        (["SALE 70%"], "PROMOÇÃO 70%"),
        (["FINE $1000"], "MULTA $1000"),
        (["2 Toilets"], "2 Banheiros"),
        (["NOPARKING"], "PROIBIDO ESTACIONAR"),
        (["NO PAR KING"], "PROIBIDO ESTACIONAR"),
    ],
)
def test_phrases_of_signs_come_from_the_table(lines, expected):
    model = Model()
    assert translated(*lines, model=model) == expected
    assert model.asked == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("MORANGO", "STRAWBERRY"), ("Suco de laranja", "Orange juice"), ("aviso", "notice"), ("saída", "exit")],
)
def test_the_table_of_the_other_direction_is_read_backwards(text, expected):
    assert translated(text, language="pt", target="en") == expected


def test_a_heading_is_translated_apart():
    model = Model()
    assert translated("NOTICE", "DOUBLE GLAZING", "INSTALLED", model=model) == "AVISO: <DOUBLE GLAZING INSTALLED>"
    assert model.asked == ["DOUBLE GLAZING INSTALLED"]


def test_lines_that_are_all_known_are_translated_one_by_one():
    assert translated("PUSH", "PULL") == "EMPURRE PUXE"


def test_what_the_table_does_not_know_goes_to_the_model():
    assert translated("Beware of", "low flying owls") == "<Beware of low flying owls>"


def test_the_same_text_is_translated_once():
    model = Model()
    signs = SignTranslator(model, "pt", None, ("en",))
    first = signs.translate(region("Beware of low flying owls"), "en")
    again = signs.translate(region("Beware of low flying owis"), "en")
    assert again.translation == first.translation
    assert again.text == "Beware of low flying owis"
    signs.translate(region("Platform nine A"), "en")
    signs.translate(region("Platform nine B"), "en")
    assert model.asked == ["Beware of low flying owls", "Platform nine A", "Platform nine B"]


def test_a_text_in_the_language_of_the_wearer_stays():
    assert translated("SAÍDA", language="pt") == "SAÍDA"


def test_without_a_pack_there_is_no_translation_and_a_reason():
    told = SignTranslator(Model(), "pt").translate(region("出口"), "zh")
    assert told.translation is None
    assert told.missing == "run: edge models pull mt-zh-pt"


def test_a_language_that_is_not_allowed_is_not_translated_and_nobody_complains():
    signs = SignTranslator(Model(), "pt", ("en",), ("en", "pt"))
    assert signs.languages(["出口", "Exit", "Saída de emergência"]) == ["", "en", "pt"]
    told = signs.translate(region("出口"), "")
    assert (told.translation, told.missing) == (None, None)


@pytest.mark.parametrize(
    "text",
    ["24", "3.50", "R$ 12,90", "€ 5", "B2-03", "[B2-03]", "AU 73671", "AB-12-CD", "12/03/2026", "027-88852022",
     "+351 21 555 1234", "www.edge.org", "info@edge.org", "500 ml", "1 kg", "70%", "→", "TM", "W", "I L", "iPhone",
     "24H"],
)  # fmt: skip
def test_what_is_never_translated(text):
    assert is_fixed(text)
    model = Model()
    assert translated(text, model=model) == text
    assert model.asked == []


@pytest.mark.parametrize("text", ["EXIT", "Platform 9", "西", "出口", "Tel 555 1234", "PUSH/PULL", "Call 112 now"])
def test_what_is_translated(text):
    assert not is_fixed(text)


@pytest.mark.parametrize(
    ("text", "written", "expected"),
    [
        ("Wivenhoe Park", "Wivenhoe Park (a)", "Wivenhoe Park"),
        ("Tropicana", "Tropicana (", "Tropicana"),
        ("Northwind", "(em inglês)", "Northwind"),
        ("Retail (closed)", "Varejo (fechado)", "Varejo (fechado)"),
        ("Carpark", "O estacionamento", "Estacionamento"),
        ("SALE", "A VENDA", "VENDA"),
        ("milk", "o leite", "leite"),
        ("The Park", "O Parque", "O Parque"),
        ("a long sentence about a dog", "o cão é assunto", "o cão é assunto"),
        ("Open", "Aberto.", "Aberto"),
        ("Open.", "Aberto.", "Aberto."),
        ("O", "O", "O"),
    ],
)
def test_habits_of_models_are_dropped(text, written, expected):
    assert tidy(text, written, "en", "pt") == expected


def test_a_one_that_was_read_as_a_letter_is_mended():
    model = Model()
    translated("I litre of love", model=model)
    assert model.asked == ["1 litre of love"]


@pytest.mark.parametrize(
    ("text", "confidence", "expected"),
    [("EXIT", 0.6, True), ("m", 0.99, False), ("W C D", 0.99, False), ("a S", 0.9, False), ("WC", 0.98, True),
     ("WC", 0.7, False), ("一", 0.7, False), ("西", 0.99, False), ("10", 0.8, False), ("3.50", 0.99, False),
     ("2026", 0.99, True), ("出口", 0.6, True), ("24H", 0.98, True), ("das", 0.8, False), ("- -", 0.9, False)],
)  # fmt: skip
def test_lone_letters_are_not_followed(text, confidence, expected):
    assert bool(worth_following([region(text, confidence=confidence)])) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("EXTT", "SAÍDA"), ("Reserver", "Reservado"), ("Carpork", "Estacionamento"), ("NILK", "LEITE"),
     ("Mill", "<Mill>"), ("EXXX", "<EXXX>"), ("TAXES", "<TAXES>"), ("Bar", "Bar")],
)  # fmt: skip
def test_a_misread_letter_of_a_known_word_is_forgiven(text, expected):
    assert translated(text) == expected


def test_specks_read_as_chinese_are_dropped():
    sign = [region("EXIT"), region("用", confidence=0.97), region("W")]
    assert [each.text for each in without_specks(sign)] == ["EXIT", "W"]
    assert len(without_specks([region("愚园路"), region("西", confidence=0.97)])) == 2
    assert len(without_specks([region("西", confidence=0.999)])) == 1


def test_a_lone_character_counts_in_company():
    signs = [region("愚园路"), region("西", confidence=0.99), region("一", confidence=0.7)]
    assert [each.text for each in worth_following(signs)] == ["愚园路", "西"]


@pytest.mark.parametrize("pair", ["en-pt", "pt-en"])
def test_the_tables_are_well_formed(pair):
    content = resources.files("edge.perception").joinpath(f"phrasebooks/signs-{pair}.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in content.splitlines() if line and not line.startswith("#")]
    assert all(len(row) == 2 and all(column == column.strip() != "" for column in row) for row in rows)
    sources = [row[0].casefold() for row in rows]
    assert len(sources) == len(set(sources))
    assert len(rows) > 150
