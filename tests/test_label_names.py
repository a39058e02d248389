"""Names of English labels in the wearer's language: tables first, then a pack, then English."""

import logging

import pytest

from edge.errors import InferenceError, LanguageError
from edge.label_names import LabelNames


class Pack:
    """Translates from English into some languages by writing the language behind the word; notes what it was asked."""

    def __init__(self, *targets, failure=None):
        self.targets = targets
        self.failure = failure
        self.asked = []

    def connects(self, source, target):
        return source == target or (source == "en" and target in self.targets)

    def translate(self, text, source, target):
        self.asked.append(text)
        if self.failure is not None:
            raise self.failure
        return f"{text}-{target}."


@pytest.mark.parametrize(
    ("label", "language", "name"),
    [
        ("umbrella", "pt", "guarda-chuva"),
        ("Umbrella", "de", "Regenschirm"),
        ("umbrella", "en", "umbrella"),
        ("mobile phone", "pt-BR", "celular"),
        ("cellphone, mobile phone", "en", "mobile phone"),
        ("gizmo, umbrella", "pt", "guarda-chuva"),
        ("ceiling_fan", "en", "ceiling fan"),
        ("unknown", "pt", "desconhecido"),
    ],
)
def test_what_the_tables_know_is_named_from_them(label, language, name):
    pack = Pack("pt", "de")
    names = LabelNames(language, pack)
    assert names.name(label) == name
    assert pack.asked == []


def test_what_they_do_not_know_is_translated_once():
    pack = Pack("pt")
    names = LabelNames("pt", pack)
    assert names.name("blue gizmo") == "blue gizmo-pt"
    assert names.name("blue gizmo") == "blue gizmo-pt"
    assert pack.asked == ["blue gizmo"]
    assert names.language == "pt"


def test_of_several_names_the_first_is_translated():
    assert LabelNames("pt", Pack("pt")).name("gizmo, thingy, whatsit") == "gizmo-pt"


def test_a_language_without_a_table_is_served_by_a_pack():
    names = LabelNames("sv", Pack("sv"))
    assert (names.language, names.name("umbrella")) == ("sv", "umbrella-sv")


@pytest.mark.parametrize("pack", [None, Pack("de")])
def test_without_a_pack_it_is_english_and_says_so_once(pack, caplog):
    names = LabelNames("sv", pack)
    assert (names.language, names.name("big_gizmo, thing")) == ("en", "big gizmo")
    assert [record.getMessage() for record in caplog.records] == [
        "things without a name in our tables are named in English; for Swedish run: edge models pull mt-en-sv"
    ]


def test_with_a_table_and_no_pack_what_is_known_still_has_its_name(caplog):
    names = LabelNames("pt")
    assert (names.language, names.name("umbrella"), names.name("gizmo")) == ("pt", "guarda-chuva", "gizmo")
    assert "edge models pull mt-en-pt" in caplog.text


def test_english_needs_nothing(caplog):
    caplog.set_level(logging.INFO)
    names = LabelNames("en-GB", Pack("en"))
    assert (names.language, names.name("gizmo, thing")) == ("en", "gizmo")
    assert caplog.records == []


def test_a_pack_that_fails_leaves_the_english_word(caplog):
    names = LabelNames("pt", Pack("pt", failure=InferenceError("broken; run: edge doctor")))
    assert names.name("gizmo") == "gizmo"
    assert names.name("gizmo") == "gizmo"
    assert [record.getMessage() for record in caplog.records] == [
        "'gizmo' is named in English: broken; run: edge doctor"
    ]


@pytest.mark.parametrize("label", ["", " ", ",", "  ,  "])
def test_labels_of_nothing_are_left_alone(label):
    assert LabelNames("pt", Pack("pt")).name(label) == label


def test_no_language():
    with pytest.raises(LanguageError):
        LabelNames("klingon")
