import pytest

from edge.errors import LanguageError
from edge.perception.spoken_language import LanguageTracker, allowed_languages


def shares(en, pt, zh=0.0):
    return {"en": en, "pt": pt, "zh": zh}


def test_first_utterance_takes_the_likeliest():
    tracker = LanguageTracker(0.2)
    assert tracker.current is None
    assert tracker.decide(shares(0.4, 0.6), 0.5) == "pt"
    assert tracker.current == "pt"


def test_a_clear_change_in_a_long_utterance_is_followed():
    tracker = LanguageTracker(0.2)
    tracker.decide(shares(0.9, 0.1), 5)
    assert tracker.decide(shares(0.1, 0.9), 5) == "pt"
    assert tracker.decide(shares(0.7, 0.3), 5) == "en"


def test_a_narrow_lead_does_not_change_it():
    tracker = LanguageTracker(0.2)
    tracker.decide(shares(0.9, 0.1), 5)
    assert tracker.decide(shares(0.42, 0.58), 5) == "en"


def test_short_utterances_do_not_flip():
    tracker = LanguageTracker(0.2)
    tracker.decide(shares(0.9, 0.1), 5)
    for _ in range(5):
        assert tracker.decide(shares(0.2, 0.8), 0.6) == "en"
    assert tracker.decide(shares(0.2, 0.8), 3.0) == "pt"


def test_a_short_utterance_flips_when_there_is_no_doubt():
    tracker = LanguageTracker(0.2)
    tracker.decide(shares(0.9, 0.1), 5)
    assert tracker.decide(shares(0.005, 0.99, 0.005), 0.6) == "pt"


def test_needed_lead_falls_with_length():
    def flips(seconds):
        tracker = LanguageTracker(0.2)
        tracker.decide(shares(1.0, 0.0), 5)
        return tracker.decide(shares(0.2, 0.8), seconds) == "pt"

    assert [flips(seconds) for seconds in (0.5, 1.0, 2.5, 10.0)] == [False, False, True, True]


def test_a_language_no_longer_allowed_is_left():
    tracker = LanguageTracker(0.2)
    tracker.decide(shares(0.9, 0.1), 5)
    assert tracker.decide({"pt": 0.51, "zh": 0.49}, 0.4) == "pt"


def test_reset_forgets():
    tracker = LanguageTracker(0.2)
    tracker.decide(shares(0.9, 0.1), 5)
    tracker.reset()
    assert tracker.decide(shares(0.45, 0.55), 0.4) == "pt"


def test_one_language_is_always_it():
    assert LanguageTracker(0.2).decide({"zh": 1.0}, 0.3) == "zh"


def test_nothing_asked_allows_all():
    known = ["en", "pt"]
    assert allowed_languages(None, known, "m") == known
    assert allowed_languages([], known, "m") == known
    assert allowed_languages(("pt",), known, "m") == ["pt"]


def test_unknown_languages_are_named_with_the_nearest():
    with pytest.raises(LanguageError, match=r"m does not know the language 'pr'; did you mean pt\?"):
        allowed_languages(["en", "pr"], ["en", "pt", "zh"], "m")


def test_english_only_says_so():
    with pytest.raises(LanguageError, match="'pt'; it knows en"):
        allowed_languages(["pt"], ["en"], "m")
