"""The halves, the variants and the table of the benchmark of short utterances, over the tiny model."""

import sys
from pathlib import Path

import ct2_files
import numpy as np
import pytest

from edge.hub.recipes.whisper import build
from edge.inference.sessions import SessionFactory
from edge.inference.tokenization import Tokenizer
from edge.perception.whisper_model import WhisperModel

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def context(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import whisper_context

    yield whisper_context
    for name in ("whisper_context", "whisper_precision"):
        del sys.modules[name]


@pytest.fixture
def models(context, tmp_path):
    (tmp_path / "up").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    build(ct2_files.write_files(tmp_path / "up"), out, {"multilingual": True, "precision": "fp32"})
    model = WhisperModel.load(out, SessionFactory(), 1)
    return context.Models(model, model, Tokenizer.load(out / "tokenizer.json"))


def test_halves_are_stable_and_about_equal(context):
    names = [f"clip_{number}.flac" for number in range(400)]
    assert context.half("clip_0.flac") == context.half("clip_0.flac")
    assert 160 < sum(context.half(name) == "choice" for name in names) < 240


def test_one_prefill_gives_what_two_give(context, models):
    """The cache behind the prompt is the same however it was filled."""
    model, single = models.two, context.OnePrefill(models.two)
    heard = model.encode(np.random.default_rng(0).standard_normal((ct2_files.MELS, 40)).astype(np.float32))
    start, rest = np.array([[model.configuration.tokens.start]]), np.array([[258, 9]])
    _, past = model.step(start, model.empty_past(), heard)
    expected, past = model.step(rest, past, heard)
    nothing, empty = single.step(start, single.empty_past(), heard)
    assert not nothing.any()
    logits, found = single.step(rest, empty, heard)
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    for one, two in zip(found, past, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


def test_every_choice_runs_and_is_compared_with_the_full_window(context, models):
    sounds = [np.random.default_rng(1).standard_normal(6000).astype(np.float32)] * 2
    recognizers = {name: make(models) for name, make in context.CHOICES.items()}
    times, tokens, texts = context._run(recognizers, sounds, ["en", "pt"])
    assert {len(row) for rows in (times, tokens, texts) for row in rows.values()} == {2}
    rows = context._timed(times, context.REFERENCE)
    assert rows[context.REFERENCE]["ratio"] == 1
    lines = context.table(rows).splitlines()
    assert len(lines) == 1 + len(context.CHOICES)
    assert lines[1].startswith(context.REFERENCE)


def test_steps_are_timed_behind_pasts_of_the_lengths_named(context, models, monkeypatch):
    monkeypatch.setattr(context, "CACHE_FRAMES", 40)
    monkeypatch.setattr(context, "CACHE_LENGTHS", (2, 5))
    rows = context.on_cache(models.two)
    assert list(rows) == ["step behind 2 tokens", "step behind 5 tokens"]
    assert rows["step behind 2 tokens"]["ratio"] == 1


def test_nothing_appended_is_nothing(context, models):
    nothing = context._nothing(models.two)
    assert len(nothing.bias) == 0
    assert [part.shape[3 - number % 2] for number, part in enumerate(nothing.parts)] == [0] * len(nothing.parts)


def test_without_data_it_says_so(context, tmp_path, capsys):
    assert context.main(["--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("skipped: ")
