"""A whole benchmark with played processes: the book, its passes, and what is on disk at any moment."""

import pytest
import sample_report

from edge.bench.child import Answer
from edge.bench.plan import Choice
from edge.bench.process import Outcome
from edge.bench.report import Peaks, Work, read_report
from edge.bench.run import Run
from edge.bench.stage import Stage
from edge.bench.world import World
from edge.errors import BenchmarkError
from edge.hardware.record import Condition

STAGES = (
    Stage("speech.mel", "window", None, (), ("-",), threaded=False),
    Stage("speech.encoder", "window", None, ("whisper-base",), ("int8",)),
)
WORK = Work(weight_bytes=10, int8_operations=10, float_operations=0)


class Played:
    """Processes that answer at once: what was ordered, and answers by stage."""

    def __init__(self, **answers):
        self.orders, self.limits, self.answers, self.now_s = [], [], answers, 0.0

    def measure_stage(self, order, limit_s, meter=None):
        self.orders.append(order)
        self.limits.append(limit_s)
        self.now_s += 1.0
        said = self.answers.get(order.variant.stage.partition(".")[2], Answer(samples_ms=(10.0, 10.0, 11.0), work=WORK))
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, Outcome):
            return said
        answer = said.model_copy(update={"work": said.work if order.work else None})
        return Outcome(answer=answer.model_dump_json(), wall_s=1.0, before_s=0.5)

    def measure_peaks(self, threads, limit_s):
        peaks = Peaks(threads=threads, bandwidth_gb_s=10.0, int8_gops=100.0, float_gops=50.0)
        return Outcome(answer=peaks.model_dump_json())

    def run(self, path, **choice):
        world = World(
            machine=sample_report.machine(),
            stages=STAGES,
            own_threads=2,
            measure_stage=self.measure_stage,
            measure_peaks=self.measure_peaks,
            condition=lambda began_s: Condition(at_s=began_s, available_mb=512.0),
            clock=lambda: self.now_s,
        )
        return Run(Choice(**choice), world, path).run()


def test_a_quick_benchmark_measures_all_twice_the_second_time_backwards(tmp_path):
    played, path = Played(), tmp_path / "a.json"
    report = played.run(path, quick=True)
    names = [order.variant.stage for order in played.orders]
    assert names == ["speech.mel", "speech.encoder", "speech.encoder", "speech.mel"]
    assert [order.quality for order in played.orders] == [True, True, False, False]
    assert report.complete
    assert report == read_report(path)
    assert [(one.status, len(one.timing.rounds_ms)) for one in report.stages] == [("measured", 2)] * 2
    assert report.stages[1].floor is not None


def test_work_is_counted_once_for_all_thread_counts(tmp_path):
    played = Played()
    report = played.run(tmp_path / "a.json", threads=(1, 2, 4))
    counted = [order.variant for order in played.orders if order.work]
    assert [(one.stage, one.threads) for one in counted] == [("speech.mel", 1), ("speech.encoder", 1)]
    assert [one.work for one in report.stages] == [WORK] * 4


def test_a_killed_process_costs_only_its_stage(tmp_path):
    report = Played(encoder=Outcome(status=-9)).run(tmp_path / "a.json", quick=True)
    mel, encoder = report.stages
    assert mel.status == "measured"
    assert encoder.status == "failed"
    assert "512 MB were free" in encoder.reason
    assert "run: edge bench --stages speech.encoder" in encoder.reason


def test_a_stage_that_is_skipped_is_not_tried_again(tmp_path):
    played = Played(encoder=Answer(skipped="no model; run: edge models pull"))
    report = played.run(tmp_path / "a.json", quick=True)
    assert [order.variant.stage for order in played.orders].count("speech.encoder") == 1
    assert (report.stages[1].status, report.stages[1].reason) == ("skipped", "no model; run: edge models pull")


def test_ctrl_c_leaves_what_there_is(tmp_path):
    path = tmp_path / "a.json"
    report = Played(encoder=KeyboardInterrupt()).run(path, quick=True)
    assert (report.complete, report.stopped) == (False, "interrupted")
    assert read_report(path) == report
    assert report.stages[0].status == "unfinished"
    assert report.stages[0].timing.noisy


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path):
    played = Played()
    with pytest.raises(BenchmarkError, match="--json"):
        played.run(tmp_path / "no" / "a.json", quick=True)
    assert played.orders == []


def test_planted_slowdowns_are_ordered_and_recorded(tmp_path):
    played = Played()
    report = played.run(tmp_path / "a.json", quick=True, slowdown=(("speech.mel", 1.3),))
    assert {order.variant.stage: order.slowdown for order in played.orders} == {
        "speech.mel": 1.3,
        "speech.encoder": 1.0,
    }
    assert report.slowdown == {"speech.mel": 1.3}


def test_when_the_time_is_up_it_says_so(tmp_path):
    played = Played()
    slow = played.measure_stage

    def crawl(order, limit_s, meter=None):
        played.now_s += 70.0
        return slow(order, limit_s, meter)

    played.measure_stage = crawl
    report = played.run(tmp_path / "a.json", quick=True)
    assert (report.complete, report.stopped) == (False, "the time was up")
    assert {one.status for one in report.stages} == {"unfinished"}
