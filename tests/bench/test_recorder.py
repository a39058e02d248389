"""What is noted of one variant, and what the report says of it at any moment."""

import signal

import pytest

from edge.bench.child import Judged, Opened, Round
from edge.bench.process import Outcome
from edge.bench.recorder import Entry, ending, entries, parsed
from edge.bench.report import Peaks, Quality, Work
from edge.bench.stage import Stage, Variant

STAGE = Stage("speech.encoder", "window of 8 s", None, ("whisper-base",), ("int8", "fp32"))
VARIANT = Variant("speech.encoder", "int8", 2)
WORK = Work(weight_bytes=10**9, int8_operations=10**9, float_operations=0)
PEAKS = {2: Peaks(threads=2, bandwidth_gb_s=10.0, int8_gops=100.0, float_gops=50.0)}
AGAIN = "run: edge bench --stages speech.encoder"


@pytest.fixture
def entry():
    return Entry(STAGE, VARIANT, default=True, models=("whisper-base",), least_rounds=2)


def said(entry, stopped=None, peaks=PEAKS):
    return entry.result(peaks, 0.1, 5, stopped)


def measured(entry, *rounds, **changes):
    for samples in rounds:
        entry.take_round(Round(samples_ms=samples, seconds=1.0, **changes), None, None)
    return said(entry)


def test_before_anything_ran_it_is_unfinished_and_has_no_number(entry):
    result = said(entry)
    assert (result.status, result.reason) == ("unfinished", f"0 of 2 rounds: it goes on; {AGAIN}")
    assert (result.timing, result.load_ms, result.throughput, result.floor, result.energy_j) == (None,) * 5
    assert (result.stage, result.sample, result.models) == ("speech.encoder", "window of 8 s", ("whisper-base",))
    assert result.default


def test_fewer_rounds_than_wanted_are_told_with_why(entry):
    result = measured(entry, (10.0, 11.0))
    assert (result.status, result.reason) == ("unfinished", f"1 of 2 rounds: it goes on; {AGAIN}")
    assert result.timing.noisy
    assert said(entry, "interrupted").reason == f"1 of 2 rounds: interrupted; {AGAIN}"


def test_enough_rounds_are_measured(entry):
    entry.take_opened(Opened(load_ms=120.0))
    result = measured(entry, (10.0, 10.0, 12.0), (10.5, 10.0, 10.0))
    assert (result.status, result.reason) == ("measured", None)
    assert (result.timing.count, result.timing.p50_ms, len(result.timing.samples_ms)) == (6, 10.0, 5)
    assert (result.load_ms, result.throughput) == (120.0, 100.0)
    assert said(entry, "interrupted").status == "measured", "it was done before"


@pytest.mark.parametrize(
    ("opened", "status", "reason"),
    [
        (Opened(skipped="no model; run: edge models pull"), "skipped", "no model; run: edge models pull"),
        (Opened(failed="ValueError: 3"), "failed", f"ValueError: 3; {AGAIN}"),
    ],
)
def test_what_did_not_open(entry, opened, status, reason):
    entry.take_opened(opened)
    assert (said(entry).status, said(entry).reason) == (status, reason)
    assert said(entry, "interrupted").status == status


@pytest.mark.parametrize(("broken", "why"), [(Round(failed="it broke"), "it broke"), (Round(), "no samples")])
def test_a_round_that_broke_is_none(entry, broken, why):
    entry.take_round(broken, 1.0, 1.0)
    assert (said(entry).status, said(entry).reason) == ("failed", f"{why}; {AGAIN}")
    assert said(entry).timing is None


def test_what_was_measured_before_it_broke_is_kept_and_marked(entry):
    measured(entry, (10.0, 11.0))
    entry.ended(Outcome(status=-signal.SIGKILL), 12.4)
    result = said(entry)
    assert result.status == "unfinished"
    assert result.reason.startswith("1 of 2 rounds: the process was killed (signal 9), probably for want of memory")
    assert "12 MB were free" in result.reason
    assert result.timing.p50_ms == 10.0


def test_a_round_that_breaks_after_enough_of_them_is_told_too(entry):
    measured(entry, (10.0, 11.0), (10.0, 11.0))
    entry.take_round(Round(failed="it broke"), None, None)
    result = said(entry)
    assert (result.status, result.reason) == (
        "unfinished",
        f"it was measured in 2 rounds, and then: it broke; {AGAIN}",
    )
    assert len(result.timing.rounds_ms) == 2


def test_cold_is_the_first_sample_of_all_and_memory_that_of_the_first_round(entry):
    """A later process has a warm page cache, and judging, which comes after a round, takes memory of its own."""
    measured(entry, (10.0,), cold_ms=30.0, peak_rss_mb=200.0)
    result = measured(entry, (10.0,), cold_ms=15.0, peak_rss_mb=900.0)
    assert (result.cold_ms, result.peak_rss_mb) == (30.0, 200.0)


class TestEnergy:
    def test_is_that_above_rest_of_one_sample(self, entry):
        for joules in (7.0, 9.0):
            entry.take_round(Round(samples_ms=(10.0,) * 4, seconds=2.0), joules, 1.5)
        assert said(entry).energy_j == 1.25  # ((7 - 3) / 4 + (9 - 3) / 4) / 2

    @pytest.mark.parametrize(("joules", "idle_w"), [(None, 1.5), (7.0, None), (None, None)])
    def test_is_unknown_where_one_reading_is_missing(self, entry, joules, idle_w):
        entry.take_round(Round(samples_ms=(10.0,), seconds=2.0), 7.0, 1.5)
        entry.take_round(Round(samples_ms=(10.0,), seconds=2.0), joules, idle_w)
        assert said(entry).energy_j is None

    def test_is_unknown_where_the_machine_at_rest_took_more(self, entry):
        entry.take_round(Round(samples_ms=(10.0,), seconds=2.0), 7.0, 5.0)
        assert said(entry).energy_j is None


class TestJudged:
    def test_units_sound_and_quality_belong_to_the_times(self, entry):
        quality = (Quality(metric="WER", value=4.0, data="clips", items=30, better="lower"),)
        measured(entry, (20.0,), (20.0,))
        entry.take_judged(Judged(units=6.0, unit="token", audio_s=5.0, quality=quality))
        result = said(entry)
        assert (result.units, result.unit, result.throughput) == (6.0, "token", 300.0)
        assert (result.audio_s, result.real_time_factor, result.quality) == (5.0, 0.004, quality)

    def test_work_is_kept_whoever_counted_it_and_gives_the_floor(self, entry):
        measured(entry, (200.0,), (200.0,))
        assert said(entry).floor is None
        entry.work = WORK
        entry.take_judged(Judged())
        result = said(entry)
        assert result.work == WORK
        assert result.floor.floor_ms == pytest.approx(100.0)  # 10^9 bytes at 10 GB/s
        assert result.floor.ratio == pytest.approx(2.0)

    def test_without_peaks_of_that_many_threads_there_is_no_floor(self, entry):
        measured(entry, (200.0,), (200.0,))
        entry.take_judged(Judged(work=WORK))
        assert said(entry, peaks={1: PEAKS[2]}).floor is None

    def test_a_clock_that_stood_still_divides_nothing_by_zero(self, entry):
        measured(entry, (0.0,), (0.0,))
        entry.take_judged(Judged(audio_s=5.0, work=WORK))
        result = said(entry)
        assert (result.throughput, result.real_time_factor) == (None, 0.0)


@pytest.mark.parametrize(
    ("outcome", "free_mb", "why"),
    [
        (Outcome(status=None, wall_s=60.0), None, "it took more than 60 s and was ended"),
        (Outcome(status=-9), None, "the process was killed (signal 9), probably for want of memory"),
        (Outcome(status=-9), 31.6, "the process was killed (signal 9), probably for want of memory: 32 MB were free"),
        (Outcome(status=-11, told="Fatal"), 31.6, "the process died of signal 11 (Fatal)"),
        (Outcome(status=1, told="x" * 900), None, f"the process ended with status 1 without an answer ({'x' * 200})"),
        (Outcome(status=0), None, "the process ended with status 0 without an answer"),
    ],
)
def test_why_a_process_ended(outcome, free_mb, why):
    assert ending(outcome, free_mb) == why


@pytest.mark.parametrize("answer", [None, "", "{", "null", '{"samples_ms": "fast"}', '{"unknown": 1}', "[]"])
def test_an_answer_that_is_none(answer):
    assert parsed(Outcome(answer=answer), Round) is None


def test_an_answer_comes_back():
    told = Round(samples_ms=(1.0, 2.0), seconds=3.0)
    assert parsed(Outcome(answer=told.model_dump_json()), Round) == told


def test_every_variant_has_an_empty_entry_in_order():
    other = Variant("speech.encoder", "fp32", 1)
    book = entries((other, VARIANT), (STAGE,), 3, lambda variant, _: variant == VARIANT, lambda model: f"{model}-2")
    assert list(book) == [other, VARIANT]
    assert [entry.default for entry in book.values()] == [False, True]
    assert {entry.models for entry in book.values()} == {("whisper-base-2",)}
    assert {entry.least_rounds for entry in book.values()} == {3}
    assert not any(entry.rounds for entry in book.values())
