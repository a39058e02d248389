from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.perception.hallucination import Evidence, compression_ratio, objection, token_limit
from edge.settings import RecognitionSettings

SETTINGS = RecognitionSettings()
GOOD = Evidence("What's the weather like?", 6, 2.0, -0.3, 0.05)


def test_ordinary_speech_passes():
    assert objection(GOOD, SETTINGS) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text": ""}, "silence"),
        ({"text": " ... "}, "silence"),
        ({"text": "♪♪♪"}, "silence"),
        ({"no_speech": 0.99, "log_probability": -0.8}, "silence"),
        ({"looped": True, "log_probability": -0.8}, "repetition"),
        ({"range_db": 9.0, "no_speech": 0.5}, "steady_sound"),
        ({"text": "la la la " * 30}, "compression_ratio"),
        ({"tokens": 120}, "token_rate"),
        ({"log_probability": -1.8}, "log_probability"),
    ],
)
def test_each_guard_objects(change, reason):
    assert objection(replace(GOOD, **change), SETTINGS) == reason


@pytest.mark.parametrize(
    "change",
    [
        {"no_speech": 0.99},  # the model says so of clear speech, too; only with doubt about the words does it count
        {"looped": True},  # one copy of the loop was kept, and the decoder is sure of it
        {"range_db": 9.0},  # speech in loud noise
        {"range_db": 30.0, "no_speech": 0.55},
        {"log_probability": -0.8},
    ],
)
def test_one_doubt_alone_withholds_nothing(change):
    assert objection(replace(GOOD, **change), SETTINGS) is None


@pytest.mark.parametrize("text", ["你好", "да", "не", "Ж", "日本語", "5", "é"])
def test_any_script_counts_as_text(text):
    assert objection(replace(GOOD, text=text), SETTINGS) is None


def test_limits_come_from_the_settings():
    lenient = RecognitionSettings(min_log_probability=-3, max_no_speech_probability=1)
    doubtful = replace(GOOD, log_probability=-2.0, no_speech=0.98)
    assert objection(doubtful, lenient) is None
    assert objection(doubtful, SETTINGS) is not None


def test_loop_has_a_high_compression_ratio_and_speech_a_low_one():
    assert compression_ratio("Obrigado. " * 20) > 2.4
    assert compression_ratio("All the hoses are connected to the defective hub, said the man at the door.") < 1.5
    assert compression_ratio("") == 0


@given(st.text(max_size=300))
def test_compression_ratio_is_never_negative(text):
    assert compression_ratio(text) >= 0


def test_token_limit_grows_with_the_sound():
    assert token_limit(0.0, 14.0) >= 5
    assert token_limit(10.0, 14.0) == 140 + token_limit(0.0, 14.0)
