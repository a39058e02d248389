import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.measuring import Stopwatch, thinned, timing
from edge.bench.stage import Prepared


class Clock:
    """Nanoseconds that only pass when something says so."""

    def __init__(self, read_ns=0):
        self.now_ns = 0
        self.read_ns = read_ns

    def __call__(self):
        self.now_ns += self.read_ns
        return self.now_ns

    def sample(self, *times_ms):
        """A call that takes these times, one after the other; the last one again and again."""
        left = list(times_ms)

        def call():
            self.now_ns += round((left.pop(0) if len(left) > 1 else left[0]) * 1e6)

        return call


def measure(prepared, *, seconds, slowdown=1.0, clock_ns=time.perf_counter_ns, **more):
    return Stopwatch(prepared, slowdown=slowdown, clock_ns=clock_ns).measure(seconds, **more)


def test_the_first_sample_is_cold_and_the_warm_up_is_not_counted():
    clock = Clock()
    measured = measure(Prepared([clock.sample(500, 90, 10)]), seconds=0.1, clock_ns=clock)
    assert measured.cold_ms == 500
    assert set(measured.samples_ms) == {10}
    assert len(measured.samples_ms) == 10
    assert measured.seconds == pytest.approx(0.1)


def test_only_the_first_round_has_a_cold_sample_and_every_round_warms_up():
    clock = Clock()
    stopwatch = Stopwatch(Prepared([clock.sample(500, 90, *[10] * 10, 70, 10)]), clock_ns=clock)
    assert stopwatch.measure(0.1).cold_ms == 500
    later = stopwatch.measure(0.1)
    assert later.cold_ms is None
    assert set(later.samples_ms) == {10}


def test_the_sample_of_median_time_is_known():
    clock = Clock()
    stopwatch = Stopwatch(Prepared([clock.sample(30), clock.sample(1), clock.sample(7)]), clock_ns=clock)
    stopwatch.measure(0.1)
    assert stopwatch.median == 2


def test_warm_up_takes_a_tenth_of_the_time_where_samples_are_short():
    clock = Clock()
    measured = measure(Prepared([clock.sample(1)]), seconds=2.0, clock_ns=clock)
    assert clock.now_ns == pytest.approx((1 + 200 + 2000) * 1e6)
    assert len(measured.samples_ms) == 2000


def test_at_least_so_many_samples_however_long_they_take():
    clock = Clock()
    assert len(measure(Prepared([clock.sample(5000)]), seconds=1.0, least=4, clock_ns=clock).samples_ms) == 4


def test_nothing_is_begun_after_the_limit_but_one_sample_is_measured():
    clock = Clock()
    measured = measure(Prepared([clock.sample(5000)]), seconds=1.0, least=4, limit_s=12, clock_ns=clock)
    assert len(measured.samples_ms) == 1  # cold 5 s, warm-up 10 s, so the round has no more than its one sample
    assert clock.now_ns == 15e9
    measured = measure(Prepared([clock.sample(5000)]), seconds=1.0, least=4, limit_s=1, clock_ns=clock)
    assert len(measured.samples_ms) == 1


def test_inputs_take_turns_and_whole_turns_are_measured():
    clock = Clock()
    inputs = [clock.sample(1), clock.sample(2), clock.sample(4)]
    measured = measure(Prepared(inputs), seconds=0.010, clock_ns=clock)
    assert measured.samples_ms == (1, 2, 4, 1, 2, 4)


def test_what_is_put_back_before_a_sample_is_not_timed():
    clock = Clock()
    prepared = Prepared([clock.sample(3)], before_each=clock.sample(50))
    assert set(measure(prepared, seconds=0.3, clock_ns=clock).samples_ms) == {3}


def test_a_planted_slowdown_lengthens_every_sample():
    clock = Clock(read_ns=1000)
    measured = measure(Prepared([clock.sample(10)]), seconds=0.2, slowdown=1.3, clock_ns=clock)
    assert measured.cold_ms == pytest.approx(13, abs=0.01)
    assert all(sample == pytest.approx(13, abs=0.01) for sample in measured.samples_ms)


def test_a_meter_stands_around_the_timed_part_only():
    clock, marks = Clock(), []

    def around(timed):
        marks.append(clock.now_ns)
        times = timed()
        marks.append(clock.now_ns)
        return times

    measured = measure(Prepared([clock.sample(500, 10)]), seconds=0.1, around=around, clock_ns=clock)
    assert marks[0] >= 510e6
    assert marks[1] - marks[0] == pytest.approx(sum(measured.samples_ms) * 1e6)


def test_a_stage_without_samples_cannot_be_measured():
    with pytest.raises(ValueError, match="without samples"):
        measure(Prepared([]), seconds=1)


def test_a_sample_that_raises_ends_the_measurement():
    def fail():
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        measure(Prepared([fail]), seconds=1)


def test_timing_of_two_rounds():
    found = timing([[10.0, 11.0, 30.0], [12.0, 12.0, 12.1]])
    assert (found.count, found.rounds_ms) == (6, (11.0, 12.0))
    assert (found.p50_ms, found.p90_ms, found.p99_ms, found.min_ms) == (12.0, 30.0, 30.0, 10.0)
    assert found.mean_ms == pytest.approx(14.5167)
    assert found.spread == pytest.approx(1 / 11, abs=1e-4)
    assert not found.noisy
    assert timing([[10.0], [12.0]]).noisy
    assert not timing([[10.0], [12.0]], bound=0.2).noisy


def test_one_disturbed_round_of_many_is_no_noise():
    assert timing([[10.0]] * 7 + [[30.0]]).spread == 0
    assert timing([[10.0]] * 5 + [[13.0]] * 3).noisy


def test_one_round_says_nothing_about_noise_so_it_is_noisy():
    found = timing([[1.0, 1.0]])
    assert found.spread is None
    assert found.noisy


@pytest.mark.parametrize("rounds", [[], [[]], [[1.0], []]])
def test_rounds_without_samples_are_no_rounds(rounds):
    with pytest.raises(ValueError, match="without samples"):
        timing(rounds)


@given(st.lists(st.lists(st.floats(0.001, 1e5), min_size=1, max_size=40), min_size=1, max_size=4), st.integers(1, 30))
def test_what_holds_for_any_times(rounds, kept):
    found = timing(rounds, kept=kept)
    slack = 1e-4
    assert found.min_ms <= found.p50_ms <= found.p90_ms <= found.p99_ms
    assert found.min_ms - slack <= found.mean_ms <= max(map(max, rounds)) + slack
    assert min(found.rounds_ms) <= found.p50_ms <= max(found.rounds_ms)
    assert len(found.samples_ms) == min(kept, found.count)
    assert found.spread is None or found.spread >= 0
    if len(rounds) == 1:
        assert found.rounds_ms == (found.p50_ms,)


@given(st.integers(0, 2000), st.integers(1, 600))
def test_thinning_is_even_and_keeps_order(count, kept):
    samples = list(range(count))
    left = thinned(samples, kept)
    assert len(left) == min(count, kept)
    assert list(left) == sorted(set(left))
    assert left[:1] == samples[:1]
    gaps = [b - a for a, b in itertools.pairwise(left)]
    assert not gaps or max(gaps) - min(gaps) <= 1
