import pytest

from edge.errors import LanguageError
from edge.perception.languages import ALIASES, LANGUAGES, normalise_language
from edge.perception.translation_routes import plan_route

INSTALLED = {("en", "pt"), ("pt", "en"), ("en", "es"), ("zh", "en"), ("es", "pt")}


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("en", "pt", (("en", "pt"),)),
        ("en", "en", ()),
        ("pt-BR", "pt_PT", ()),
        ("pt", "es", (("pt", "en"), ("en", "es"))),
        ("zh-CN", "pt", (("zh", "en"), ("en", "pt"))),
        ("es", "pt", (("es", "pt"),)),
        ("xx-none", "pt", None),
    ],
)
def test_routes(source, target, expected):
    if expected is None:
        with pytest.raises(LanguageError):
            plan_route(source, target, INSTALLED)
    else:
        assert plan_route(source, target, INSTALLED) == expected


@pytest.mark.parametrize(
    ("source", "target", "pull"),
    [
        ("en", "fr", "edge models pull mt-en-fr"),
        ("fr", "en", "edge models pull mt-fr-en"),
        ("fr", "de", "edge models pull mt-fr-en mt-en-de"),
        ("fr", "pt", "edge models pull mt-fr-en"),
        ("pt", "fr", "edge models pull mt-en-fr"),
    ],
)
def test_missing_packs_are_named_with_the_command(source, target, pull):
    with pytest.raises(LanguageError) as caught:
        plan_route(source, target, INSTALLED)
    assert str(caught.value).endswith(pull)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("en", "en"),
        ("PT-br", "pt"),
        ("zh_CN", "zh"),
        ("zh-Hans", "zh"),
        (" Es ", "es"),
        ("German", "de"),
        ("iw", "he"),
        ("no", "nb"),
    ],
)
def test_codes_are_normalised(written, code):
    assert normalise_language(written) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("eng", "en"), ("deu", "de"), ("ger", "de"), ("zho", "zh"), ("cmn", "zh"), ("zho_Hans", "zh"), ("pob", "pt"),
        ("nob", "nb"), ("nno", "nn"), ("fas", "fa"), ("pes", "fa"), ("hye", "hy"), ("haw", "haw"), ("yue", "yue"),
    ],
)  # fmt: skip
def test_codes_of_three_letters(written, code):
    """As the names of OPUS-MT's models have them."""
    assert normalise_language(written) == code


def test_other_codes_lead_to_known_languages_and_hide_none():
    assert set(ALIASES.values()) <= set(LANGUAGES)
    assert not set(ALIASES) & set(LANGUAGES)
    assert {code for code in LANGUAGES if len(code) == 2} <= set(ALIASES.values()), "each has one of three letters"


@pytest.mark.parametrize("group", ["roa", "mul", "ROMANCE", "gmq"])
def test_groups_of_languages_are_none(group):
    with pytest.raises(LanguageError, match="unknown language"):
        normalise_language(group)


@pytest.mark.parametrize(("written", "near"), [("spanich", "es (Spanish)"), ("portugese", "pt (Portuguese)")])
def test_unknown_languages_get_a_suggestion(written, near):
    with pytest.raises(LanguageError, match="unknown language") as caught:
        normalise_language(written)
    assert near in str(caught.value)


@pytest.mark.parametrize("written", ["xx", "", "12", "klingon-and-more"])
def test_unknown_languages_are_refused(written):
    with pytest.raises(LanguageError, match="unknown language"):
        normalise_language(written)


def test_every_language_of_the_published_packs_is_known():
    packs = (
        "ar az be bg bn bs ca cs da de el en es et fa fi fr gu he hi hr hu id is it ja "
        "kn ko lt lv ml ms mt nb nl nn pl pt ro ru sk sl sq sr sv ta te tr uk vi zh"
    )
    assert set(packs.split()) <= set(LANGUAGES)
