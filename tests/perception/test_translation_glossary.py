import pytest

from edge.errors import SettingsError
from edge.perception.translation_glossary import Glossary, Phrasebook


def test_terms_match_whole_words_longest_first_without_case():
    glossary = Glossary({"gate": "portão", "boarding gate": "porta de embarque"})
    sentence = "Boarding  Gate 5, not the investigate gate"
    found = glossary.find(sentence)
    assert [(sentence[start:end], target) for start, end, target in found] == [
        ("Boarding  Gate", "porta de embarque"),
        ("gate", "portão"),
    ]


def test_terms_may_have_signs():
    sentence = "We use C++ (v2)."
    (found,) = Glossary({"C++": "Cê mais mais"}).find(sentence)
    assert sentence[found[0] : found[1]] == "C++"


def test_an_empty_glossary_finds_nothing():
    assert Glossary({}).find("anything") == []


def test_a_file_is_read(tmp_path):
    file = tmp_path / "terms.tsv"
    file.write_text("# mine\n\nedge\tborda\n  Big Ben \t Big Ben\n", encoding="utf-8-sig")
    glossary = Glossary.load(file)
    assert [target for *_, target in glossary.find("The Edge of big ben")] == ["borda", "Big Ben"]


@pytest.mark.parametrize("content", ["one column\n", "a\tb\tc\n", "a\t\n"])
def test_a_bad_line_is_named(tmp_path, content):
    file = tmp_path / "terms.tsv"
    file.write_text("good\tbom\n" + content, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"terms\.tsv line 2"):
        Glossary.load(file)


def test_a_missing_or_binary_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.tsv cannot be read"):
        Glossary.load(tmp_path / "none.tsv")
    (tmp_path / "binary.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not UTF-8"):
        Glossary.load(tmp_path / "binary.tsv")


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("excuse me", "com licença"),
        ("Excuse me!", "Com licença!"),
        ("EXCUSE ME", "COM LICENÇA"),
        ("  Excuse  me... ", "Com licença..."),
        ("Excuse me, sir", None),
        ("what\u2019s up", "tudo bem"),
        ("Thanks, a lot", "Muito obrigado"),
        ("", None),
    ],
)
def test_phrases(sentence, expected):
    book = Phrasebook({"excuse me": "com licença", "what's up": "tudo bem", "thanks a lot": "muito obrigado"})
    assert book.find(sentence) == expected


def test_shipped_phrasebooks_are_sound():
    for source, target in (("en", "pt"), ("pt", "en")):
        book = Phrasebook.load(source, target)
        assert len(book._phrases) > 50
    assert Phrasebook.load("en", "pt").find("Exit") == "Saída"
    assert Phrasebook.load("pt", "en").find("Com licença.") == "Excuse me."


def test_a_direction_without_phrasebook_has_an_empty_one():
    assert Phrasebook.load("zh", "en").find("hello") is None
