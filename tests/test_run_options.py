from pathlib import Path

import pytest

from edge.errors import SettingsError
from edge.run_options import SENSES, RunOptions


def options(**changes):
    return RunOptions(**{"source": "en", "target": "pt", **changes})


def test_speech_is_what_is_on_by_itself():
    assert options().senses == ("speech",)
    assert options().hears
    assert options().watches == ()
    options().check()


@pytest.mark.parametrize(
    "given",
    [
        {"senses": SENSES, "camera": "0"},
        {"senses": ("signs",), "replay": Path("walk.mp4")},
        {"senses": ("signs",), "replay": Path("walk.mp4"), "pace": "max"},
        {"senses": ("scene",), "camera": "0", "replay": Path("speech.wav")},
    ],
)
def test_senses_that_have_something_to_see(given):
    options(**given).check()


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"senses": ("sings",)}, "speech,signs,scene"),
        ({"senses": ()}, "speech,signs,scene"),
        ({"senses": ("signs",)}, "--camera"),
        ({"senses": ("signs",), "mic": "0", "camera": "0"}, "--mic"),
        ({"senses": ("scene",), "camera": "0", "replay": Path("a.wav"), "pace": "max"}, "leave --camera out"),
    ],
)
def test_senses_that_cannot_be(given, advice):
    with pytest.raises(SettingsError, match=advice):
        options(**given).check()


def test_only_a_recording_can_be_repeated():
    options(replay=Path("a.wav"), repeat=3).check()
    with pytest.raises(SettingsError, match="--repeat needs --replay"):
        options(repeat=3).check()
