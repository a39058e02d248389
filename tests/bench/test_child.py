import json
import os
import signal
import subprocess
import sys
import time

import pytest

from edge.bench.child import Answer, Order, answer
from edge.bench.report import Quality, Work
from edge.bench.stage import Prepared, Stage, Variant
from edge.errors import InferenceError, ModelNotFoundError

WER = Quality(metric="WER", value=3.5, data="ours", items=90, better="lower")


def stage(prepare, name="fake.stage"):
    return Stage(name, "one call", prepare)


def order(name="fake.stage", **more):
    return Order(variant=Variant(name, "int8", 1), seconds=0.01, **more)


@pytest.fixture
def floor(monkeypatch):
    """A module `edge.bench.floor` whose count is this."""
    module = type(sys)("edge.bench.floor")
    module.count_work = lambda stage, bench: Work(weight_bytes=7, int8_operations=8, float_operations=9)
    monkeypatch.setitem(sys.modules, "edge.bench.floor", module)
    return module


def test_an_answer_has_everything_that_was_asked_for(floor):
    seen = []

    def prepare(bench):
        seen.append(bench)
        return Prepared([lambda: time.sleep(0.001)], quality=lambda: [WER], units=12, unit="token", audio_s=5.0)

    marks = []
    found = answer(order(quality=True, work=True, quick=True), [stage(prepare)], marks.append)
    assert (found.skipped, found.failed, found.note) == (None, None, None)
    assert found.samples_ms
    assert found.cold_ms >= 0
    assert found.load_ms >= 0
    assert found.seconds >= 0.01
    assert found.peak_rss_mb > 5
    assert (found.units, found.unit, found.audio_s) == (12, "token", 5.0)
    assert found.quality == (WER,)
    assert found.work.weight_bytes == 7
    assert marks == ["began", "ended"]
    assert seen[0].quick
    assert seen[0].settings.inference.threads == 1
    assert seen[0].sessions.providers() == ["CPUExecutionProvider"]


def test_quality_and_work_are_only_judged_when_asked_for(floor):
    def never():
        raise AssertionError("not asked for")

    floor.count_work = never
    found = answer(order(), [stage(lambda bench: Prepared([lambda: None], quality=never))])
    assert (found.quality, found.work, found.note) == ((), None, None)


def test_quality_is_judged_after_the_timing(floor):
    calls = []
    prepared = Prepared([lambda: calls.append("sample")], quality=lambda: calls.append("quality") or ())
    answer(order(quality=True), [stage(lambda bench: prepared)])
    assert calls[-1] == "quality"
    assert set(calls[:-1]) == {"sample"}


def test_times_stay_when_judging_them_breaks(floor):
    def broken(*_):
        raise ZeroDivisionError("no words\nin two lines")

    floor.count_work = broken
    found = answer(order(quality=True, work=True), [stage(lambda bench: Prepared([lambda: None], quality=broken))])
    assert found.samples_ms
    assert (found.quality, found.work) == ((), None)
    assert found.note.startswith("quality is missing (ZeroDivisionError: no words); work is missing")


def test_what_cannot_be_prepared_here_is_skipped_with_what_to_run():
    def prepare(bench):
        raise ModelNotFoundError("whisper-base")

    found = answer(order(), [stage(prepare)])
    assert found == Answer(skipped="model whisper-base is not installed; run: edge models pull whisper-base")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("first line\nsecond"), "RuntimeError: first line"),
        (InferenceError("graph failed: shape; run: edge doctor"), "graph failed: shape; run: edge doctor"),
        (MemoryError(), "MemoryError: MemoryError"),
    ],
)
def test_what_breaks_while_it_is_measured_has_failed(error, told):
    def fail():
        raise error

    assert answer(order(), [stage(lambda bench: Prepared([fail]))]).failed == told


def test_what_breaks_in_preparing_without_being_an_error_of_ours_has_failed():
    assert answer(order(), [stage(lambda bench: 1 / 0)]).failed == "ZeroDivisionError: division by zero"


def test_an_unknown_stage_is_told():
    assert "no stage 'other'; run: edge bench --list" in answer(order("other"), [stage(None)]).skipped


def test_an_order_survives_its_way_through_json():
    sent = order(quality=True, limit_s=3.5, slowdown=1.3, least=7)
    assert Order.model_validate_json(sent.model_dump_json()) == sent


PROGRAM = """
import os, sys, time
from edge.bench.stage import Prepared, Stage
stages = type(sys)("edge.bench.stages")
sys.modules["edge.bench.stages"] = stages

def noisy():
    print("python prints"); sys.stdout.flush()
    os.write(1, b"a native library prints\\n")
    time.sleep(0.005)

stages.STAGES = (
    Stage("fake.noisy", "one call", lambda bench: Prepared([noisy])),
    Stage("fake.endless", "one call", lambda bench: (print("ready", file=sys.stderr, flush=True), time.sleep(60))),
)
from edge.bench.child import main
sys.exit(main(sys.argv[1:]))
"""


def start(text):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, text],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_stdout_has_the_marks_and_the_answer_whatever_libraries_print():
    with start(order("fake.noisy").model_dump_json()) as process:
        lines = process.stdout.read().splitlines()
        told = process.stderr.read()
        process.stdin.close()
    assert lines[:2] == ["began", "ended"]
    assert Answer.model_validate_json(lines[2]).samples_ms
    assert len(lines) == 3
    assert "a native library prints" in told
    assert "python prints" in told


def test_it_ends_when_its_parent_is_gone():
    with start(order("fake.endless").model_dump_json()) as process:
        assert process.stderr.readline() == "ready\n"
        began = time.monotonic()
        process.stdin.close()
        assert process.wait(timeout=30) == 1
        assert time.monotonic() - began < 30


@pytest.mark.parametrize("text", ["", "{}", "nonsense", json.dumps({"variant": {"stage": "x"}})])
def test_no_order_is_told_on_one_line(text):
    with start(text) as process:
        assert process.wait(timeout=60) == 2
        lines = process.stderr.read().splitlines()
        assert process.stdout.read() == ""
        process.stdin.close()
    assert len(lines) == 1
    assert lines[0].startswith("edge: no order (")


def test_a_killed_child_has_the_signal_as_its_status():
    with start(order("fake.endless").model_dump_json()) as process:
        process.stderr.readline()
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(timeout=30) == -signal.SIGKILL
        process.stdin.close()
