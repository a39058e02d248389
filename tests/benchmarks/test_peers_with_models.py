"""Our own workers with the installed models: they load, answer what is right, and end; the judges find it right."""

import pytest

from edge.hub.store import ModelStore

pytestmark = pytest.mark.models
FALSE_WORDS = 20.0


@pytest.fixture
def place(script, complete_store, model_folder, tmp_path):
    for sample in ("demo-speech", "demo-things"):
        model_folder(sample)
    make = script("peers_comparing").Place
    return make(ModelStore(), None, tmp_path / "made", tmp_path, None, quick=True, tell=lambda _line: None)


@pytest.fixture
def measured(script, place, monkeypatch):
    """Function: our row for a task, one round of what the program brings; other systems are left out."""
    comparing, measuring = script("peers_comparing"), script("peers_measuring")

    def measure(make_plan, *direction):
        plan = make_plan(place, *direction)
        (ours,) = [system for system in plan.systems if system.ours]
        ((row),) = measuring.take_turns([ours], plan.items, 1, measuring.starter(place.scratch))
        assert row.reason is None
        return comparing.result_of(plan, row, row, 1)

    return measure


def no_floats(*_arguments):
    raise ImportError("no float build in this test")


def test_speech(script, measured, monkeypatch):
    speech = script("peers_speech")
    for name in ("float_build", "whisper_for_ctranslate2", "whisper_for_torch"):
        monkeypatch.setattr(speech, name, no_floats)
    row = measured(speech.plan)
    assert [group.group for group in row.groups] == [f"utterances of {length} s" for length in (2, 5, 10)]
    assert row.versions["onnxruntime"]
    assert row.quality[0].value < FALSE_WORDS


def test_translation(script, measured, monkeypatch):
    translation = script("peers_translation")
    for name in ("float_build", "twin", "carried_files"):
        monkeypatch.setattr(translation, name, no_floats)
    row = measured(translation.plan, "en", "pt")
    assert [group.group for group in row.groups] == ["sentences", "phrases"]
    assert {one.metric: one.value > 30 for one in row.quality} == {"BLEU": True, "chrF": True}


def test_signs(script, measured):
    row = measured(script("peers_signs").plan)
    assert row.groups[0].items >= 4
    assert {one.metric: one.value < 10 for one in row.quality}["letters missed, all"]


def test_scene(script, measured):
    row = measured(script("peers_scene").plan)
    (right,) = row.quality
    assert right.items == 5
    assert right.value >= 80
    assert row.peak_rss_mb > 50
