import itertools

import pytest

from edge.bench.floor_peaks import _SIZES, bandwidth_for, best_peaks, best_s, measure_peaks, sizes_within
from edge.bench.report import Peaks

MB = 1 << 20


def peaks(memory=10.0, int8=400.0, floats=100.0, bandwidths=()):
    return Peaks(threads=1, bandwidth_gb_s=memory, int8_gops=int8, float_gops=floats, bandwidths=bandwidths)


def ticking(step):
    """A clock that goes on by `step` at every look."""
    moments = itertools.count()
    return lambda: next(moments) * step


@pytest.mark.parametrize("threads", [1, 2])
def test_peaks_of_this_machine_are_measured(threads, monkeypatch):
    monkeypatch.setattr("edge.bench.floor_peaks.available_mb", lambda: 64)
    found = measure_peaks(threads, clock=ticking(0.05))
    assert found.threads == threads
    assert [size for size, _ in found.bandwidths] == [1 * MB, 4 * MB]
    assert found.bandwidth_gb_s == found.bandwidths[-1][1]


def test_rates_follow_from_the_clock(monkeypatch):
    """Every call takes one tick of 10 ms, whatever this machine does."""
    monkeypatch.setattr("edge.bench.floor_peaks.available_mb", lambda: 8)
    found = measure_peaks(1, clock=ticking(0.01))
    assert found.int8_gops == found.float_gops == pytest.approx(2 * 256 * 1024 * 1024 / 0.01 / 1e9)
    assert found.bandwidths == ((1 * MB, pytest.approx(8 * MB / 0.01 / 1e9)),)


def test_the_shortest_try_counts():
    moments = iter([0.0, 0.0, 3.0, 3.0, 4.0, 4.0, 6.0, 100.0])
    calls = []
    assert best_s(lambda: calls.append(1), 5.0, lambda: next(moments, 100.0)) == 1.0
    assert len(calls) == 4


def test_a_slow_machine_is_tried_twice_at_least():
    calls = []
    assert best_s(lambda: calls.append(1), 0.001, ticking(7.0)) == 7.0
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("free_mb", "largest"), [(None, 256 * MB), (16_000, 256 * MB), (600, 64 * MB), (200, 32 * MB), (3, MB), (0, MB)]
)
def test_no_more_than_a_quarter_of_the_free_memory_is_taken(free_mb, largest):
    assert sizes_within(free_mb)[-1] == largest
    assert sizes_within(free_mb) == tuple(size for size in _SIZES if size <= largest)


def test_a_model_in_the_cache_is_read_at_the_speed_of_the_cache():
    machine = peaks(memory=10, bandwidths=((1 * MB, 80.0), (16 * MB, 40.0), (64 * MB, 12.0)))
    assert bandwidth_for(100, machine) == 80
    assert bandwidth_for(1 * MB, machine) == 80
    assert bandwidth_for(15 * MB, machine) == 80
    assert bandwidth_for(16 * MB, machine) == 40
    assert bandwidth_for(500 * MB, machine) == 12


def test_what_a_larger_set_reached_a_smaller_one_can():
    assert bandwidth_for(2 * MB, peaks(memory=10, bandwidths=((1 * MB, 20.0), (16 * MB, 40.0)))) == 40


def test_without_sizes_the_memory_counts():
    assert bandwidth_for(5 * MB, peaks(memory=10)) == 10


def test_the_best_of_two_moments_quantity_by_quantity():
    early = peaks(10, 400, 90, ((1 * MB, 50.0), (4 * MB, 60.0)))
    late = peaks(12, 300, 100, ((1 * MB, 55.0), (4 * MB, 40.0), (16 * MB, 30.0)))
    assert best_peaks([early, late]) == peaks(12, 400, 100, ((1 * MB, 55.0), (4 * MB, 60.0), (16 * MB, 30.0)))
    assert best_peaks([early]) == early
