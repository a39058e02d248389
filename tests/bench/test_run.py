"""A whole benchmark with played processes: the book, its passes, and what is on disk at any moment."""

import pytest
import sample_report

from edge.bench.child import Judged, Opened, Round
from edge.bench.plan import FULL_ROUNDS, Choice
from edge.bench.process import Outcome
from edge.bench.report import Peaks, Session, Work, read_report
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


class Process:
    """A process that answers at once."""

    def __init__(self, played, order):
        self.played, self.order, self.name = played, order, order.variant.stage.partition(".")[2]
        self.rounds = 0
        self.alive = True

    def answer(self, limit_s):
        return self.tell("opened", self.played.opened.get(self.name, Opened(load_ms=5.0)))

    def ask(self, ask, limit_s):
        if ask.what == "judge":
            return self.tell("judge+work" if ask.work else "judge", Judged(work=WORK if ask.work else None))
        self.rounds += 1
        said = self.played.rounds.get(self.name, lambda _: (10.0, 10.0, 11.0))(self.rounds)
        measured = isinstance(said, tuple)
        return self.tell(
            "round", Round(cold_ms=20.0 if self.rounds == 1 else None, samples_ms=said) if measured else said
        )

    def tell(self, what, said):
        assert self.alive
        self.played.log.append((self.name, what))
        self.played.now_s += self.played.takes_s
        if isinstance(said, BaseException):
            raise said
        return said if isinstance(said, Outcome) else Outcome(answer=said.model_dump_json(), wall_s=self.played.takes_s)

    def close(self):
        self.alive = False


class Played:
    """Processes that answer at once: what is opened and measured by stage, and what was done in which order."""

    def __init__(self, *, rounds=None, opened=None, takes_s=1.0, free_mb=8192.0):
        self.rounds, self.opened, self.takes_s, self.free_mb = rounds or {}, opened or {}, takes_s, free_mb
        self.log, self.orders, self.processes, self.now_s = [], [], [], 0.0

    def start_stage(self, order, meter=None):
        self.orders.append(order)
        self.processes.append(Process(self, order))
        return self.processes[-1]

    def measure_peaks(self, threads, limit_s):
        self.log.append(("peaks", threads))
        peaks = Peaks(threads=threads, bandwidth_gb_s=10.0, int8_gops=100.0, float_gops=50.0)
        return Outcome(answer=peaks.model_dump_json())

    def sessions(self, report_each, budget_s, began_s):
        assert not any(process.alive for process in self.processes)
        self.log.append(("sessions", budget_s))
        report_each(Session(name="all", senses=("speech",)))

    def sleep(self, seconds):
        self.now_s += seconds

    def run(self, path, *, sessions=False, **choice):
        world = World(
            machine=sample_report.machine(),
            stages=STAGES,
            own_threads=2,
            start_stage=self.start_stage,
            measure_peaks=self.measure_peaks,
            condition=lambda began_s: Condition(at_s=began_s, available_mb=self.free_mb),
            sessions=self.sessions if sessions else None,
            sessions_s=20.0 if sessions else 0.0,
            clock=lambda: self.now_s,
            sleep=self.sleep,
        )
        report = Run(Choice(**choice), world, path).run()
        assert not any(process.alive for process in self.processes)
        return report

    def order(self, what="round"):
        return [name for name, done in self.log if done == what]


def test_a_quick_benchmark_opens_all_and_measures_them_by_turns_every_other_time_backwards(tmp_path):
    played, path = Played(takes_s=10.0), tmp_path / "a.json"
    report = played.run(path, quick=True)
    assert played.log[:2] == [("peaks", 1), ("peaks", 2)]
    assert played.log[2:5] == [("mel", "opened"), ("mel", "round"), ("mel", "judge+work")]
    assert played.order()[:6] == ["mel", "encoder", "encoder", "mel", "mel", "encoder"]
    assert played.log[-2:] == [("peaks", 1), ("peaks", 2)]
    assert report.complete
    assert report == read_report(path)
    assert [one.status for one in report.stages] == ["measured"] * 2
    assert [(one.load_ms, one.cold_ms) for one in report.stages] == [(5.0, 20.0)] * 2
    assert report.stages[1].floor is not None
    assert report.seconds <= 120


def test_a_full_benchmark_measures_every_stage_as_often(tmp_path):
    report = Played().run(tmp_path / "a.json")
    assert {len(one.timing.rounds_ms) for one in report.stages} == {FULL_ROUNDS}


def test_the_sessions_come_when_all_processes_are_gone_and_their_time_is_kept(tmp_path):
    played = Played(takes_s=1.0)
    report = played.run(tmp_path / "a.json", quick=True, sessions=True)
    assert played.log[-1] == ("sessions", None)
    assert [one.name for one in report.sessions] == ["all"]
    assert report.complete


def test_little_memory_means_fewer_processes_at_a_time(tmp_path):
    played = Played(free_mb=600.0)
    report = played.run(tmp_path / "a.json")
    assert played.order() == ["mel"] * FULL_ROUNDS + ["encoder"] * (FULL_ROUNDS * len(report.stages[1:]))
    assert {one.status for one in report.stages} == {"measured"}


def test_work_is_counted_once_for_all_thread_counts(tmp_path):
    played = Played()
    report = played.run(tmp_path / "a.json", threads=(1, 2, 4))
    assert played.order("judge+work") == ["mel", "encoder"]
    assert played.order("judge") == ["encoder"] * 2
    assert [one.work for one in report.stages] == [WORK] * 4


def test_a_killed_process_costs_only_its_stage(tmp_path):
    report = Played(opened={"encoder": Outcome(status=-9)}, free_mb=812.0).run(tmp_path / "a.json", quick=True)
    mel, encoder = report.stages
    assert mel.status == "measured"
    assert encoder.status == "failed"
    assert "812 MB were free" in encoder.reason
    assert "run: edge bench --stages speech.encoder" in encoder.reason


def test_what_was_measured_before_a_process_died_is_kept(tmp_path):
    dies = lambda number: (10.0, 11.0) if number < 4 else Outcome(status=-11, told="boom")  # noqa: E731
    report = Played(rounds={"encoder": dies}).run(tmp_path / "a.json")
    encoder = report.stages[1]
    assert (encoder.status, len(encoder.timing.rounds_ms)) == ("unfinished", 3)
    assert encoder.reason.startswith(f"3 of {FULL_ROUNDS} rounds: the process died of signal 11 (boom)")
    assert report.stages[0].status == "measured"


@pytest.mark.parametrize(
    ("opened", "status", "reason"),
    [
        (Opened(skipped="no model; run: edge models pull"), "skipped", "no model; run: edge models pull"),
        (
            Opened(failed="ZeroDivisionError: x"),
            "failed",
            "ZeroDivisionError: x; run: edge bench --stages speech.encoder",
        ),
    ],
)
def test_a_stage_that_does_not_open_is_not_tried_again(tmp_path, opened, status, reason):
    played = Played(opened={"encoder": opened})
    report = played.run(tmp_path / "a.json", quick=True)
    assert "encoder" not in played.order()
    assert (report.stages[1].status, report.stages[1].reason) == (status, reason)


def test_a_sample_that_breaks_is_told(tmp_path):
    broken = Outcome(answer=Round(failed="InferenceError: shape").model_dump_json())
    report = Played(rounds={"encoder": lambda _: broken}).run(tmp_path / "a.json", quick=True)
    assert report.stages[1].reason == "InferenceError: shape; run: edge bench --stages speech.encoder"


def interrupt(number):
    raise KeyboardInterrupt


def test_ctrl_c_leaves_what_there_is(tmp_path):
    path = tmp_path / "a.json"
    report = Played(rounds={"encoder": interrupt}).run(path, quick=True)
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
    report = Played(takes_s=400.0).run(tmp_path / "a.json", quick=True)
    assert (report.complete, report.stopped) == (False, "the time was up")
    assert {one.status for one in report.stages} == {"unfinished"}
