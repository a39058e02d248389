import json
import os
import signal
import subprocess
import sys
import time

import pytest

from edge.bench.child import Ask, Judged, Opened, Order, Round, serve
from edge.bench.report import Quality, Work
from edge.bench.stage import Prepared, Stage, Variant
from edge.errors import InferenceError, ModelNotFoundError

WER = Quality(metric="WER", value=3.5, data="ours", items=90, better="lower")


def stage(prepare, name="fake.stage"):
    return Stage(name, "one call", prepare)


def order(name="fake.stage", **more):
    return Order(variant=Variant(name, "int8", 1), **more)


ROUND = Ask(what="round", seconds=0.01)
JUDGE = Ask(what="judge", work=True)


def served(stages, *asks, ordered=None):
    """What the process tells, line by line."""
    lines = []
    serve(ordered or order(), stages, iter(asks), lines.append)
    return lines


def last(kind, prepare, *asks):
    return kind.model_validate_json(served([stage(prepare)], *asks)[-1])


@pytest.fixture
def floor(monkeypatch):
    """A module `edge.bench.floor` whose count is this."""
    module = type(sys)("edge.bench.floor")
    module.count_work = lambda stage, bench, sample: Work(weight_bytes=7, int8_operations=8, float_operations=9)
    monkeypatch.setitem(sys.modules, "edge.bench.floor", module)
    return module


def test_it_opens_then_measures_and_judges_as_often_as_it_is_asked(floor):
    seen = []

    def prepare(bench):
        seen.append(bench)
        return Prepared([lambda: time.sleep(0.001)], quality=lambda: [WER], units=12, unit="token", audio_s=5.0)

    lines = served([stage(prepare)], ROUND, JUDGE, ROUND, ordered=order(quick=True))
    assert [line for line in lines if line in ("began", "ended")] == lines[1:3] + lines[5:7] == ["began", "ended"] * 2
    opened, first, judged, second = (
        kind.model_validate_json(lines[at]) for at, kind in ((0, Opened), (3, Round), (4, Judged), (7, Round))
    )
    assert (opened.skipped, opened.failed) == (None, None)
    assert opened.load_ms >= 0
    assert first.cold_ms >= 0
    assert second.cold_ms is None
    for one in (first, second):
        assert one.samples_ms
        assert one.seconds >= 0.01
        assert one.peak_rss_mb > 5
    assert (judged.units, judged.unit, judged.audio_s, judged.quality) == (12, "token", 5.0, (WER,))
    assert judged.work.weight_bytes == 7
    assert judged.note is None
    assert seen[0].quick
    assert seen[0].settings.inference.threads == 1
    assert seen[0].sessions.providers() == ["CPUExecutionProvider"]


def test_work_is_only_counted_when_it_is_asked_for(floor):
    floor.count_work = None
    judged = last(Judged, lambda bench: Prepared([lambda: None]), ROUND, Ask(what="judge"))
    assert (judged.work, judged.note) == (None, None)


def test_work_is_counted_of_the_sample_of_median_time(floor):
    counted = []
    floor.count_work = lambda stage, bench, sample: counted.append(sample)
    samples = [lambda time_s=time_s: time.sleep(time_s) for time_s in (0.03, 0.0, 0.01)]
    served([stage(lambda bench: Prepared(samples))], ROUND, JUDGE)
    assert counted == [2]


def test_times_stay_when_judging_them_breaks(floor):
    def broken(*_):
        raise ZeroDivisionError("no words\nin two lines")

    floor.count_work = broken
    judged = last(Judged, lambda bench: Prepared([lambda: None], quality=broken, units=3), ROUND, JUDGE)
    assert (judged.quality, judged.work, judged.units) == ((), None, 3)
    assert judged.note.startswith("quality is missing (ZeroDivisionError: no words); work is missing")


def test_what_cannot_be_prepared_here_is_skipped_with_what_to_run():
    def prepare(bench):
        raise ModelNotFoundError("whisper-base")

    lines = served([stage(prepare)], ROUND)
    assert len(lines) == 1
    assert Opened.model_validate_json(lines[0]) == Opened(
        skipped="model whisper-base is not installed; run: edge models pull whisper-base"
    )


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

    assert last(Round, lambda bench: Prepared([fail]), ROUND) == Round(failed=told)


def test_what_breaks_in_preparing_without_being_an_error_of_ours_has_failed():
    assert last(Opened, lambda bench: 1 / 0, ROUND).failed == "ZeroDivisionError: division by zero"
    assert "without samples" in last(Opened, lambda bench: Prepared([]), ROUND).failed


def test_an_unknown_stage_is_told():
    lines = served([stage(None)], ordered=order("other"))
    assert "no stage 'other'; run: edge bench --list" in Opened.model_validate_json(lines[0]).skipped


def test_a_planted_slowdown_is_in_the_samples():
    samples = [lambda: time.sleep(0.005)]
    lines = served([stage(lambda bench: Prepared(samples))], ROUND, ordered=order(slowdown=4.0))
    assert min(Round.model_validate_json(lines[-1]).samples_ms) >= 20


@pytest.mark.parametrize("sent", [order(quick=True, slowdown=1.3), ROUND, JUDGE], ids=lambda sent: type(sent).__name__)
def test_messages_survive_their_way_through_json(sent):
    assert type(sent).model_validate_json(sent.model_dump_json()) == sent


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


def test_stdout_has_the_marks_and_the_answers_whatever_libraries_print():
    with start(order("fake.noisy").model_dump_json()) as process:
        opened = process.stdout.readline()
        process.stdin.write(ROUND.model_dump_json() + "\n")
        process.stdin.flush()
        lines = [process.stdout.readline().strip() for _ in range(3)]
        process.stdin.close()
        assert process.stdout.read() == ""
        told = process.stderr.read()
    assert Opened.model_validate_json(opened).failed is None
    assert lines[:2] == ["began", "ended"]
    assert Round.model_validate_json(lines[2]).samples_ms
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
