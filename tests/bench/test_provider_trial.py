"""One provider on one model: what the process that tries it answers."""

import itertools
import json
from typing import ClassVar

import numpy as np
import pytest
from fake_runtime import CPU, CUDA, FakeRuntime

from edge.bench.provider_recording import Recording, Run
from edge.bench.provider_trial import LEAST_TURNS, LONGEST_REASON, TrialAnswer, TrialOrder, main, reason, trial
from edge.inference.sessions import float32


class Doubling(FakeRuntime):
    """An onnxruntime whose sessions double what they get; some providers are wrong by a factor."""

    factors: ClassVar = {}

    def InferenceSession(self, source, options, providers, enable_fallback=1):  # noqa: N802 (the runtime's name)
        session = super().InferenceSession(source, options, providers, enable_fallback)
        factor, broken = 2 * self.factors.get(session.providers[0], 1), session.run
        session.calls = 0

        def run(names, feed):
            session.calls += 1
            if session.providers[0] in self.breaking:
                broken(names, feed)
            return [feed["x"] * np.float32(factor)]

        session.run = run
        return session


@pytest.fixture
def runtime(monkeypatch):
    def put(factors=None, **attributes):
        made = Doubling(**attributes)
        made.factors = factors or {}
        monkeypatch.setattr("edge.inference.sessions.import_onnxruntime", lambda: made)
        return made

    return put


@pytest.fixture
def order(tmp_path):
    recording = Recording(tmp_path / "model.onnx", 1)
    for n in (1, 2):
        recording.keep(Run({"x": float32([n, 5])}, {"y": float32([2 * n, 10])}))
    recording.save(tmp_path / "runs.npz")

    def made(provider, **other):
        seconds = other.pop("seconds", 0.0)
        return TrialOrder(
            model=tmp_path / "model.onnx",
            recording=tmp_path / "runs.npz",
            provider=provider,
            threads=1,
            seconds=seconds,
            **other,
        )

    return made


def test_a_provider_that_agrees(runtime, order):
    made = runtime()
    ticks = itertools.count()
    found = trial(order(CUDA), clock=lambda: next(ticks) * 0.001)
    assert found == TrialAnswer(load_ms=1.0, turn_ms=1.0)
    [session] = made.made
    assert session.asked[0][0] == CUDA
    assert session.calls == 2 + 2 + 2 * LEAST_TURNS, "compared, warmed up, then turns"


def test_turns_go_on_for_the_time_that_was_asked_for(runtime, order):
    made = runtime()
    ticks = itertools.count()
    trial(order(CUDA, seconds=0.02), clock=lambda: next(ticks) * 0.001)
    assert made.made[0].calls > 2 + 2 + 2 * LEAST_TURNS


def test_the_cpu_is_tried_alike(runtime, order):
    made = runtime()
    assert trial(order(CPU)).failed is None
    assert made.made[0].asked == [CPU]


def test_another_answer_is_told_with_its_size(runtime, order):
    runtime(factors={CUDA: 1.5})
    found = trial(order(CUDA))
    assert found.difference == pytest.approx(0.5)
    assert (found.failed, found.wrong) == (None, "y: differs by 50.0%")


def test_a_provider_that_cannot_be_loaded_has_failed(runtime, order, tmp_path):
    runtime(unloadable={CUDA: "libcublas.so.12: cannot open shared object file\nand pages of it"})
    found = trial(order(CUDA))
    assert found.failed.startswith(f"{CUDA} cannot be used (model.onnx cannot be loaded with it: libcublas.so.12")
    assert str(tmp_path) not in found.failed
    assert "\n" not in found.failed


def test_a_provider_that_silently_leaves_it_to_the_cpu_has_failed(runtime, order):
    runtime(missing=(CUDA,))
    assert "its libraries or its device are missing" in trial(order(CUDA)).failed


def test_a_provider_that_breaks_while_running_has_failed(runtime, order):
    runtime(breaking=(CUDA,))
    assert "CUDA failure 700: an illegal memory access" in trial(order(CUDA)).failed


def test_a_provider_that_is_not_there_has_failed(runtime, order):
    runtime(available=(CPU,))
    assert f"this onnxruntime has only {CPU}" in trial(order(CUDA)).failed


def test_pages_of_a_driver_become_one_short_line(runtime, order):
    runtime(unloadable={CUDA: "std::basic_format_string<char> " * 40})
    failed = trial(order(CUDA)).failed
    assert len(failed) == LONGEST_REASON
    assert failed.endswith("...")


def test_without_a_recording_it_has_failed(runtime, order, tmp_path):
    runtime()
    (tmp_path / "runs.npz").unlink()
    assert "is no recording of a model" in trial(order(CUDA)).failed


def test_the_order_and_the_answer_are_files(runtime, order, tmp_path, capsys):
    runtime()
    (tmp_path / "order.json").write_text(order(CUDA).model_dump_json())
    assert main([str(tmp_path / "order.json"), str(tmp_path / "answer.json")]) == 0
    assert json.loads((tmp_path / "answer.json").read_text())["failed"] is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [("short", "short"), (" two\n lines ", "two lines"), ("x" * 160, "x" * 160), ("x" * 161, "x" * 157 + "...")],
)
def test_a_reason_is_one_line(text, line):
    assert reason(text) == line
