"""Packs from a store that is only played: which are chosen, in what order, and how often they are opened."""

from types import SimpleNamespace

import pytest

from edge import translators
from edge.errors import (
    InferenceError,
    LanguageError,
    ModelCorruptError,
    ModelNotFoundError,
    SettingsError,
    UnknownModelError,
)
from edge.settings import TranslationSettings
from edge.translators import Translators, check_direction


def pack(source, target, suffix="", fallback=None):
    return SimpleNamespace(
        id=f"mt-{source}-{target}{suffix}", task="translation", source=source, target=target, fallback=fallback
    )


class FakeStore:
    """`models` are in the catalogue, `installed` says which are there; opening is counted."""

    def __init__(self, *models, installed):
        others = [
            SimpleNamespace(id="whisper-base", task="speech-recognition", source=None, target=None, fallback=None)
        ]
        self.catalogue = SimpleNamespace(models=(*others, *models), get=self._get)
        self._installed = installed
        self.opened = []

    def _get(self, model_id):
        for model in self.catalogue.models:
            if model.id == model_id:
                return model
        raise UnknownModelError(model_id)

    def installed(self):
        return tuple(model.id for model in self.catalogue.models if model.id in self._installed)

    def resolve(self, model_id):
        known = {model.id: model for model in self.catalogue.models}
        chain = [known[model_id], known.get(known[model_id].fallback)]
        return next((model for model in chain if model is not None and model.id in self._installed), None)

    def open(self, model_id):
        self.opened.append(model_id)
        return model_id


class FakePack:
    """Writes its name around what it reads."""

    def __init__(self, folder):
        self._folder = folder

    @classmethod
    def load(cls, folder, _sessions, settings, _model_id):
        assert isinstance(settings, TranslationSettings)
        return cls(folder)

    def translate(self, text):
        return f"{self._folder}({text})"


@pytest.fixture(autouse=True)
def fake_packs(monkeypatch):
    monkeypatch.setattr(translators, "Translator", FakePack)


ALL = [pack("en", "pt"), pack("pt", "en"), pack("es", "en"), pack("en", "es"), pack("en", "fr")]


def with_packs(*installed, models=ALL):
    store = FakeStore(*models, installed=set(installed))
    return Translators(store, None, TranslationSettings()), store


def test_one_pack_where_there_is_one():
    packs, _ = with_packs("mt-en-pt")
    assert packs.route("en", "pt") == (("en", "pt"),)
    assert packs.translate("hello", "en", "pt") == "mt-en-pt(hello)"


def test_two_packs_through_english():
    packs, store = with_packs("mt-es-en", "mt-en-pt")
    assert packs.route("es", "pt") == (("es", "en"), ("en", "pt"))
    assert packs.translate("hola", "es", "pt") == "mt-en-pt(mt-es-en(hola))"
    assert store.opened == ["mt-es-en", "mt-en-pt"]


def test_a_direct_pack_is_better_than_two():
    packs, _ = with_packs("mt-es-en", "mt-en-pt", "mt-es-pt", models=[*ALL, pack("es", "pt")])
    assert packs.translate("hola", "es", "pt") == "mt-es-pt(hola)"


@pytest.mark.parametrize("language", ["en", "pt", "zh"])
def test_the_same_language_passes_through_and_opens_nothing(language):
    packs, store = with_packs("mt-en-pt")
    assert packs.route(language, language) == ()
    assert packs.translate("  just so\n", language, language) == "  just so\n"
    packs.warm_up(language, language)
    assert store.opened == []


def test_a_pack_is_opened_once_and_only_when_it_is_needed():
    packs, store = with_packs("mt-en-pt", "mt-en-fr")
    assert store.opened == []
    packs.warm_up("en", "pt")
    for _ in range(3):
        packs.translate("hello", "en", "pt")
    assert store.opened == ["mt-en-pt"]
    packs.translate("hello", "en", "fr")
    assert store.opened == ["mt-en-pt", "mt-en-fr"]


@pytest.mark.parametrize(
    ("installed", "missing"),
    [((), "mt-es-en mt-en-pt"), (("mt-es-en",), "mt-en-pt"), (("mt-en-pt",), "mt-es-en")],
)
def test_no_way_says_exactly_what_is_missing(installed, missing):
    packs, store = with_packs(*installed)
    with pytest.raises(LanguageError, match=f"run: edge models pull {missing}$"):
        packs.translate("hola", "es", "pt")
    assert not packs.connects("es", "pt")
    assert store.opened == []


def test_connects():
    packs, _ = with_packs("mt-es-en", "mt-en-pt")
    assert packs.connects("es", "pt")
    assert packs.connects("en", "pt")
    assert packs.connects("fr", "fr")
    assert not packs.connects("pt", "es")
    assert not packs.connects("en", "fr")


def test_a_fallback_is_opened_by_the_name_of_the_pair():
    models = [pack("en", "pt", fallback="mt-en-pt-2021"), pack("en", "pt", "-2021")]
    packs, store = with_packs("mt-en-pt-2021", models=models)
    packs.translate("hello", "en", "pt")
    assert store.opened == ["mt-en-pt"], "the store knows what stands in for it"


def test_a_special_pack_serves_where_the_pair_has_none():
    packs, store = with_packs("mt-en-pt-2021", models=[pack("en", "pt"), pack("en", "pt", "-2021")])
    packs.translate("hello", "en", "pt")
    assert store.opened == ["mt-en-pt-2021"]


def test_other_spellings_of_a_code_lead_the_same_way():
    packs, _ = with_packs("mt-en-pt")
    assert packs.translate("hello", "en-GB", "pt-BR") == "mt-en-pt(hello)"


def test_a_corrupt_pack_is_told_each_time(monkeypatch):
    packs, store = with_packs("mt-en-pt")

    def corrupt(model_id):
        raise ModelCorruptError(model_id, "model.onnx", "SHA-256 differs")

    monkeypatch.setattr(store, "open", corrupt)
    for _ in range(2):
        with pytest.raises(ModelCorruptError, match="edge models pull mt-en-pt"):
            packs.translate("hello", "en", "pt")


def test_warm_up_runs_every_pack_of_the_route(monkeypatch):
    def fail(self, text):
        raise InferenceError(f"{self._folder} failed")

    packs, store = with_packs("mt-es-en", "mt-en-pt")
    packs.warm_up("es", "pt")
    assert store.opened == ["mt-es-en", "mt-en-pt"]
    monkeypatch.setattr(FakePack, "translate", fail)
    with pytest.raises(InferenceError, match="mt-es-en failed"):
        packs.warm_up("es", "pt")


class TestPreferredModels:
    OPUS = (*ALL, pack("en", "pt", "-opus"), pack("en", "de", "-opus"))

    def with_preferred(self, *wanted, installed=("mt-en-pt", "mt-en-pt-opus", "mt-en-de-opus")):
        store = FakeStore(*self.OPUS, installed=set(installed))
        return Translators(store, None, TranslationSettings(models=wanted))

    def test_without_a_wish_the_pair_has_its_own_pack(self):
        assert self.with_preferred().translate("hello", "en", "pt") == "mt-en-pt(hello)"

    def test_a_made_model_is_used_where_it_is_the_only_one(self):
        assert self.with_preferred().translate("hello", "en", "de") == "mt-en-de-opus(hello)"

    def test_the_preferred_one_is_used(self):
        packs = self.with_preferred("mt-en-pt-opus")
        assert packs.translate("hello", "en", "pt") == "mt-en-pt-opus(hello)"
        assert packs.translate("hello", "en", "de") == "mt-en-de-opus(hello)"

    def test_the_first_of_two_for_a_direction(self):
        assert self.with_preferred("mt-en-pt", "mt-en-pt-opus").translate("hi", "en", "pt") == "mt-en-pt(hi)"

    def test_a_preferred_one_makes_a_way(self):
        packs = self.with_preferred("mt-es-en", "mt-en-de-opus", installed=("mt-es-en", "mt-en-de-opus"))
        assert packs.translate("hola", "es", "de") == "mt-en-de-opus(mt-es-en(hola))"

    def test_it_is_told_where_it_is_not_installed(self):
        with pytest.raises(ModelNotFoundError, match="mt-en-fr is not installed"):
            self.with_preferred("mt-en-fr")

    def test_a_model_for_something_else(self):
        with pytest.raises(SettingsError, match="has whisper-base, which is for speech-recognition"):
            self.with_preferred("whisper-base", installed=("whisper-base",))


class TestDirectionOfAModel:
    STORE = FakeStore(*ALL, installed=set())

    def test_its_own(self):
        check_direction(self.STORE, "mt-es-en", "es", "en")

    @pytest.mark.parametrize(("source", "target"), [("en", "es"), ("es", "fr"), ("es", "es")])
    def test_another(self, source, target):
        run = "run: edge translate --from es --to en --model mt-es-en"
        with pytest.raises(LanguageError, match=f"translates es to en, not {source} to {target}; {run}"):
            check_direction(self.STORE, "mt-es-en", source, target)

    def test_something_else(self):
        with pytest.raises(LanguageError, match="whisper-base is for speech-recognition, it translates nothing"):
            check_direction(self.STORE, "whisper-base", "en", "pt")

    def test_an_unknown_one(self):
        with pytest.raises(UnknownModelError, match="opus-mt-xx"):
            check_direction(self.STORE, "opus-mt-xx", "en", "pt")
