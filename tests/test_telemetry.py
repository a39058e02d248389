import itertools
import subprocess
import sys

import pytest

from edge.telemetry import StageTimes, percentile


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([3.0], 0.9, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        (list(range(1, 11)), 0.9, 9),
        (list(range(1, 12)), 0.9, 10),
    ],
)
def test_percentile_is_nearest_rank(values, share, expected):
    assert percentile(values, share) == expected


def test_stages_are_timed_by_name_and_keep_their_result():
    ticks = itertools.count(0, 2_000_000)
    times = StageTimes(clock_ns=lambda: next(ticks))
    double = times.timed("double", lambda x: 2 * x)
    assert [double(4), double(x=5)] == [8, 10]
    assert times.times_ms["double"] == [2.0, 2.0]
    assert times.summary() == {"double": {"runs": 2, "total_ms": 4.0, "p50_ms": 2.0, "p90_ms": 2.0}}


def test_a_stage_that_raises_is_not_counted():
    times = StageTimes()

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        times.timed("bad", fail)()
    assert times.summary() == {}


def test_peak_memory_is_of_this_process_and_in_megabytes():
    program = (
        "from edge.telemetry import peak_rss_mb\n"
        "before = peak_rss_mb(); block = b'x' * 80_000_000; after = peak_rss_mb(); print(before, after - before)"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    before, grown = map(float, told.split())
    assert 5 < before < 200
    assert 70 < grown < 90
