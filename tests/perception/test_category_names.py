"""The tables of names as they are shipped, and the reading of tables."""

import csv
import unicodedata
from collections import Counter

import pytest

from edge.errors import LanguageError, StoreError
from edge.perception.category_names import CategoryNames, languages, tables_folder
from edge.results import UNKNOWN

REQUIRED = ("de", "en", "es", "fr", "ja", "pt", "zh")
SCRIPTS = {"zh": "CJK", "ja": ("CJK", "HIRAGANA", "KATAKANA"), "ru": "CYRILLIC", "ar": "ARABIC", "ko": "HANGUL"}
BACKGROUND = "_background"


def test_languages_with_a_table():
    assert set(REQUIRED) <= set(languages())


@pytest.fixture(params=languages())
def names(request):
    return CategoryNames.load(request.param)


class TestEveryTable:
    def test_has_the_same_labels(self, names):
        assert names.labels == CategoryNames.load("en").labels
        assert len(names.labels - {UNKNOWN}) == 143

    def test_no_two_categories_share_a_name(self, names):
        counted = Counter(names.name(label).casefold() for label in names.labels)
        assert [name for name, count in counted.items() if count > 1] == []

    def test_names_are_composed_characters_without_stray_spaces(self, names):
        for label in names.labels:
            name = names.name(label)
            assert name == unicodedata.normalize("NFC", name), label
            assert name == " ".join(name.split()), label
            assert all(unicodedata.category(letter)[0] in "LPMZN" for letter in name), label

    def test_names_are_short_enough_for_a_display(self, names):
        assert max(len(names.name(label)) for label in names.labels) <= 28

    def test_names_are_written_in_the_script_of_the_language(self, names):
        scripts = SCRIPTS.get(names.language, "LATIN")
        for label in names.labels:
            letters = [letter for letter in names.name(label) if letter.isalpha()]
            own = [letter for letter in letters if unicodedata.name(letter).startswith(scripts)]
            assert len(own) == len(letters) or names.language == "ja", label
            assert own, label

    def test_lines_are_sorted_and_end_in_a_newline(self, names):
        text = (tables_folder() / f"{names.language}.tsv").read_text(encoding="utf-8")
        labels = [line.partition("\t")[0] for line in text.splitlines() if not line.startswith("#")]
        assert labels == sorted(set(labels))
        assert text.endswith("\n")
        assert "\r" not in text


def test_german_nouns_have_capitals():
    german = CategoryNames.load("de")
    without = {label for label in german.labels if german.name(label).islower()}
    assert without == {UNKNOWN}


@pytest.mark.parametrize("language", ["pt", "es", "fr", "it", "ru"])
def test_nouns_of_other_languages_have_none_but_proper_names(language):
    names = CategoryNames.load(language)
    capital = {label for label in names.labels if names.name(label)[0].isupper()}
    assert capital <= {"buddha", "garfield", "snoopy"}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", {"car_side": "car", "watch": "wristwatch", UNKNOWN: "unknown"}),
        (
            "pt",
            {"face": "rosto", "car_side": "carro", "juice": "suco", "pineapple": "abacaxi", UNKNOWN: "desconhecido"},
        ),
        ("zh", {"scissors": "剪刀", "oat-milk": "燕麦奶"}),
        ("es", {"umbrella": "paraguas", "water_lilly": "nenúfar"}),
        ("fr", {"lobster": "homard", "crayfish": "écrevisse", "crab": "crabe"}),
        ("de", {"lobster": "Hummer", "crayfish": "Flusskrebs", "crab": "Krabbe", UNKNOWN: "unbekannt"}),
        ("ja", {"umbrella": "傘", "yin_yang": "太極図"}),
    ],
)
def test_names_that_a_careless_translation_gets_wrong(language, expected):
    names = CategoryNames.load(language)
    assert {label: names.name(label) for label in expected} == expected


@pytest.mark.shared
def test_every_category_of_the_pictures_has_a_name(shared_data):
    with (shared_data / "recognition" / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        seen = {row["label"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    assert seen - {BACKGROUND} == CategoryNames.load("en").labels - {UNKNOWN}


class TestLoading:
    def test_region_is_ignored(self):
        assert CategoryNames.load("pt-BR").name("cup") == "xícara"

    def test_a_language_without_a_table_gets_english_and_one_warning(self, caplog):
        names = CategoryNames.load("sv")
        assert (names.language, names.name("cup")) == ("en", "cup")
        assert [record.getMessage() for record in caplog.records] == [
            "things are named in English: there is no table of their names in Swedish"
        ]

    def test_languages_with_a_table_do_not_warn(self, caplog):
        CategoryNames.load("en")
        CategoryNames.load("pt")
        assert caplog.records == []

    def test_no_such_language(self):
        with pytest.raises(LanguageError, match="unknown language"):
            CategoryNames.load("xx")

    def test_a_label_without_a_name_is_its_own(self):
        assert CategoryNames("pt", {}).name("traffic_light") == "traffic light"
        assert CategoryNames("pt", {}).name("_") == "_"

    def test_comments_and_empty_lines_are_skipped(self, tmp_path):
        (tmp_path / "en.tsv").write_text("# cup\tno\n\ncup\t a cup \n", encoding="utf-8")
        assert CategoryNames.load("en", tmp_path).name("cup") == "a cup"

    @pytest.mark.parametrize("line", ["cup", "cup\t", "\tcup", "cup\tmug\tbeaker"])
    def test_a_line_that_is_no_row(self, tmp_path, line):
        (tmp_path / "en.tsv").write_text(f"# names\n{line}\n", encoding="utf-8")
        with pytest.raises(StoreError, match=r"en\.tsv: line 2 is not label, tab, name; reinstall"):
            CategoryNames.load("en", tmp_path)

    def test_no_tables_at_all(self, tmp_path):
        with pytest.raises(StoreError, match=r"en\.tsv cannot be read"):
            CategoryNames.load("pt", tmp_path)

    def test_a_table_that_is_not_text(self, tmp_path):
        (tmp_path / "pt.tsv").write_bytes(b"cup\tx\xedcara\n")
        with pytest.raises(StoreError, match="not UTF-8"):
            CategoryNames.load("pt", tmp_path)


class TestLabelOfAName:
    @pytest.mark.parametrize("written", ["guarda-chuva", "Guarda-Chuva", " guarda-chuva ", "umbrella", "UMBRELLA"])
    def test_by_name_or_label_in_any_case(self, written):
        assert CategoryNames.load("pt").label(written) == "umbrella"

    def test_decomposed_characters_are_the_same(self):
        assert CategoryNames.load("pt").label(unicodedata.normalize("NFD", "maçã")) == "apple"

    def test_spaces_for_underscores(self):
        assert CategoryNames.load("en").label("ceiling fan") == "ceiling_fan"

    def test_none(self):
        assert CategoryNames.load("pt").label("my mug") is None
