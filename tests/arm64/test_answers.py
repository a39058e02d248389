"""The whole runtime as aarch64 code says what it says here: same words, same label, numbers within a tolerance.

Both sides run in this session, so nothing is compared with what somebody once wrote down.
"""

import json
from pathlib import Path

import pytest

ANSWERS = Path(__file__).with_name("answers.py")
IN_ROOT = "/checkout/tests/arm64/answers.py"
TOLERANCES = {  # absolute; what is not named must be equal
    "loudness": 1e-6,
    "speech_probabilities": 1e-3,
    "read_confidences": 1e-3,
    "read_corners": 0.5,  # pixels
    # Activations are rounded to 8 bits from the picture on: a last bit of the resized picture tips some of them.
    "label_score": 0.1,
    "known": 0.1,
    "embedding": 0.05,
}

pytestmark = [pytest.mark.arm64, pytest.mark.models]


@pytest.fixture(scope="module")
def here(native, samples):
    return json.loads(native(ANSWERS, str(samples)))


def there(emulated, samples, *parts, cpu="cortex-a76"):
    done = emulated("python3.11", IN_ROOT, "/scratch", *parts, scratch=samples, cpu=cpu)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers.pop("machine") == "aarch64"
    return answers


def assert_same(ours, theirs):
    assert theirs
    for name, value in theirs.items():
        if name in TOLERANCES:
            assert value == pytest.approx(ours[name], abs=TOLERANCES[name]), name
        else:
            assert value == ours[name], name


def test_the_reference_is_right(here):
    assert here["machine"] == "x86_64"
    assert "belief" in here["said"]
    assert here["said_language"] == "en"
    assert here["read"] == ["Exit 24"]
    assert max(here["speech_probabilities"]) > 0.9
    assert min(here["speech_probabilities"]) < 0.1


@pytest.mark.timeout(900)
def test_a_raspberry_pi_5_says_the_same(emulated, samples, here):
    assert_same(here, there(emulated, samples))


@pytest.mark.timeout(600)
def test_a_raspberry_pi_4_says_the_same(emulated, samples, here):
    """Its processor has no dot product of int8: other kernels run. Whisper is left out for its time."""
    assert_same(here, there(emulated, samples, "texts", "eyes", cpu="cortex-a72"))


def test_a_difference_would_be_noticed(here):
    answers = {name: value for name, value in here.items() if name != "machine"}
    assert_same(here, answers)
    for name, wrong in (("said", "It was the best of belief."), ("label", "pizza"), ("known", here["known"] + 0.2)):
        with pytest.raises(AssertionError):
            assert_same(here, answers | {name: wrong})
