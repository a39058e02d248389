"""Every stage with real models: samples can be repeated, and quality is that of a working model."""

import hashlib
import json

import numpy as np
import pytest

from edge.bench.stage import Bench, Variant
from edge.bench.stages import SAMPLE_MODELS, STAGES
from edge.bench.stages_signs import lines_found, overlap
from edge.bench.stages_translation import odd
from edge.errors import EdgeError
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.settings import load_settings

NAMES = [
    "speech.voice-activity",
    "speech.mel",
    "speech.encoder",
    "speech.decoder-token",
    "speech.utterance-2s",
    "speech.utterance-5s",
    "speech.utterance-10s",
    "speech.file",
    "translation.sentence",
    "translation.phrase",
    "signs.detection",
    "signs.recognition",
    "signs.picture",
    "scene.look",
    "hud.captions",
    "hud.overlay",
]
UNITS = {
    "speech.voice-activity": ("window", 1),
    "speech.decoder-token": ("token", 1),
    "signs.recognition": ("line", 4),
    "signs.picture": ("picture", 1),
    "speech.file": ("file", 1),
    "scene.look": ("picture", 1),
    "hud.captions": ("picture", 1),
    "hud.overlay": ("picture", 1),
}
LIMITS = {
    "accuracy": (90, 100),
    "WER": (0, 15),
    "chrF": (60, 99.9),
    "lines found": (90, 100),
    "CER": (0, 5),
    "top-1": (80, 100),
    "characters missed": (0, 5),
}
"""What working models reach, and no broken one."""


def bench_of(stage, store=None, **more):
    settings = load_settings(None, {"inference": {"threads": 2, "providers": ("CPUExecutionProvider",)}})
    variant = Variant(stage.name, more.pop("precision", stage.precisions[0]), 2)
    return Bench(variant, store or ModelStore(), settings, SessionFactory(settings.inference), quick=True, **more)


def said(answer):
    """An answer as text that can be compared, arrays by all their bytes."""
    if isinstance(answer, np.ndarray):
        return hashlib.sha256(answer.tobytes()).hexdigest()
    if isinstance(answer, (list, tuple)):
        return [said(one) for one in answer]
    return said(list(vars(answer).values())) if hasattr(answer, "__dict__") else repr(answer)


def test_the_stages_are_these_in_the_order_of_the_table():
    assert [stage.name for stage in STAGES] == NAMES


def test_every_model_that_a_stage_needs_is_in_the_catalogue():
    catalogue = ModelStore().catalogue
    for id_ in {id_ for stage in STAGES for id_ in stage.models} | set(SAMPLE_MODELS):
        catalogue.get(id_)


def test_stages_without_a_neural_model_have_no_precision():
    assert {stage.name for stage in STAGES if stage.precisions == ("-",)} == {
        "speech.mel",
        "hud.captions",
        "hud.overlay",
    }
    assert all(stage.models for stage in STAGES if stage.precisions != ("-",))
    assert not any(stage.threaded for stage in STAGES if stage.precisions == ("-",))


@pytest.mark.models
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_with_real_models(stage, model_folder):
    for id_ in (*stage.models, *(("demo-speech",) if stage.name.startswith("speech.") else ())):
        model_folder(id_)
    prepared = stage.prepare(bench_of(stage))
    assert len(prepared.samples) % 2 == 1
    answers = []
    for _ in range(2):
        if prepared.before_each:
            prepared.before_each()
        answers.append(said(prepared.samples[0]()))
    assert answers[0] == answers[1]
    if stage.name in UNITS:
        assert (prepared.unit, prepared.units) == UNITS[stage.name]
    found = prepared.quality()
    for quality in found:
        least, most = LIMITS[quality.metric]
        assert least <= quality.value <= most, quality
        assert quality.items > 0
        assert quality.better == ("lower" if least == 0 else "higher")
    assert bool(found) == (stage.precisions != ("-",))
    if prepared.counted:
        assert prepared.unit == "token"
        assert 3 < prepared.counted() < 30


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage.models], ids=lambda stage: stage.name)
def test_a_stage_without_its_models_says_what_to_run(stage, tmp_path):
    with pytest.raises(EdgeError, match="run: edge"):
        stage.prepare(bench_of(stage, ModelStore(tmp_path)))


@pytest.mark.models
def test_a_float_build_that_was_not_made_says_what_to_run(tmp_path, default_store):
    (tmp_path / "built").symlink_to(default_store / "built")
    stage = next(stage for stage in STAGES if stage.name == "speech.encoder")
    with pytest.raises(EdgeError, match="run: edge bench --pull"):
        stage.prepare(bench_of(stage, ModelStore(tmp_path), precision="fp32"))


@pytest.mark.models
@pytest.mark.shared
def test_quality_on_evaluation_data(shared_data, model_folder):
    stages = {stage.name: stage for stage in STAGES}
    for name in ("speech.utterance-2s", "translation.phrase", "translation.sentence"):
        for id_ in (*stages[name].models, "demo-speech"):
            model_folder(id_)
    found = {
        quality.data: quality
        for name in ("speech.utterance-2s", "translation.sentence")
        for quality in stages[name].prepare(bench_of(stages[name], data=shared_data)).quality()
    }
    assert {"speech-en", "speech-pt", "FLORES en-pt", "FLORES pt-en"} == set(found)
    assert found["FLORES en-pt"].items == 30
    assert 50 < found["FLORES en-pt"].value < 90
    assert found["speech-en"].value < 40


def test_lines_are_found_where_they_overlap_by_half():
    def line(left, right):
        corners = np.array([[left, 0], [right, 0], [right, 10], [left, 10]], np.float32)
        return type("Line", (), {"corners": corners})

    drawn = [line(0, 100), line(200, 300)]
    assert lines_found(drawn, drawn) == 2
    assert lines_found([line(0, 60)], drawn) == 1
    assert lines_found([line(0, 40), line(260, 300)], drawn) == 0
    assert lines_found([], drawn) == 0
    assert overlap(line(0, 100).corners, line(50, 150).corners) == pytest.approx(1 / 3)
    assert overlap(line(0, 10).corners, line(20, 30).corners) == 0


@pytest.mark.parametrize(("count", "wanted"), [(80, 79), (79, 79), (1, 1), (31, 31)])
def test_odd(count, wanted):
    assert odd(count) == wanted


def test_answers_can_be_compared():
    assert said([np.zeros(2)]) != said([np.ones(2)])
    assert json.dumps(said(("a", np.ones(2))))
