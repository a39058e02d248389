"""Timing calls as the single-stream scenario of MLPerf Inference does, and what the times say together.

One query at a time; the next one starts when the last one is answered. The first sample of a process is kept apart
(cold). Warm-up follows until at least two samples, the cold one among them, and at least a tenth of the time that is
then measured have passed. The garbage collector stays on while a sample is timed: the program runs with it, and its
pauses are part of what a wearer waits for. The inputs of a stage take turns, and whole turns are measured, so that
every round asks the same mix.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from edge.bench.report import Timing
from edge.bench.stage import Prepared
from edge.telemetry import percentile

NOISE_BOUND = 0.10
"""Rounds whose medians differ by more than this share are marked noisy."""
KEPT_SAMPLES = 512
"""Samples of a stage that a report keeps."""
WARM_UP_SAMPLES = 2
WARM_UP_SHARE = 0.1
_MOST_SAMPLES = 20_000
_NS_PER_S = 1e9


@dataclass(frozen=True)
class Measured:
    """Times of one process, in milliseconds, in order.

    Attributes:
        cold_ms: the first sample.
        samples_ms: those after the warm-up.
        seconds: from the first of `samples_ms` to the end of the last, with what was put back in between.
    """

    cold_ms: float
    samples_ms: tuple[float, ...]
    seconds: float


def measure(
    prepared: Prepared,
    *,
    seconds: float,
    least: int = 3,
    limit_s: float | None = None,
    slowdown: float = 1.0,
    around: Callable[[Callable[[], tuple[float, ...]]], tuple[float, ...]] | None = None,
    clock_ns: Callable[[], int] = time.perf_counter_ns,
) -> Measured:
    """Time the samples of a stage in turns.

    Args:
        prepared: the stage with its models open.
        seconds: how long to measure after the warm-up; a turn that has begun is finished.
        least: samples to measure at least, however long that takes.
        limit_s: nothing is begun after so many seconds in all, but one sample is always measured.
        slowdown: after each sample the processor is kept busy until it took so many times as long (`--plant`).
        around: runs the timed part that it is given, for a meter.
        clock_ns: a monotonic clock.

    Raises:
        ValueError: the stage has no samples.
    """
    if not prepared.samples:
        raise ValueError("a stage without samples")
    one = _stopwatch(prepared, slowdown, clock_ns)
    samples = cycle(prepared.samples)
    began = clock_ns()
    end_s = float("inf") if limit_s is None else limit_s
    cold_ms = one(next(samples))
    _warm_up(lambda: one(next(samples)), WARM_UP_SHARE * seconds, lambda: (clock_ns() - began) / _NS_PER_S, end_s)
    samples = cycle(prepared.samples)
    start = clock_ns()

    def timed() -> tuple[float, ...]:
        nonlocal start
        start = clock_ns()
        return tuple(_rounds(prepared, one, seconds, least, end_s - (start - began) / _NS_PER_S, clock_ns))

    times = timed() if around is None else around(timed)
    return Measured(cold_ms, times, (clock_ns() - start) / _NS_PER_S)


def _stopwatch(
    prepared: Prepared, slowdown: float, clock_ns: Callable[[], int]
) -> Callable[[Callable[[], Any]], float]:
    def one(sample: Callable[[], Any]) -> float:
        if prepared.before_each is not None:
            prepared.before_each()
        began = clock_ns()
        sample()
        ended = clock_ns()
        if slowdown > 1:
            until = began + slowdown * (ended - began)
            while ended < until:
                ended = clock_ns()
        return (ended - began) / 1e6

    return one


def _warm_up(one: Callable[[], float], seconds: float, elapsed_s: Callable[[], float], end_s: float) -> None:
    began, count = elapsed_s(), 1  # the cold one
    while elapsed_s() < end_s and (count < WARM_UP_SAMPLES or elapsed_s() - began < seconds):
        one()
        count += 1


def _rounds(
    prepared: Prepared,
    one: Callable[[Callable[[], Any]], float],
    seconds: float,
    least: int,
    end_s: float,
    clock_ns: Callable[[], int],
) -> Iterator[float]:
    turn = len(prepared.samples)
    began = clock_ns()
    for count, sample in enumerate(cycle(prepared.samples)):
        elapsed_s = (clock_ns() - began) / _NS_PER_S
        enough = count >= least and count % turn == 0 and elapsed_s >= seconds
        if count and (enough or elapsed_s >= end_s or count >= _MOST_SAMPLES):
            return
        yield one(sample)


def timing(rounds: Sequence[Sequence[float]], bound: float = NOISE_BOUND, kept: int = KEPT_SAMPLES) -> Timing:
    """What the rounds say together.

    Args:
        rounds: samples in milliseconds of each round, in order; none is empty.
        bound: a larger spread is noisy. One round alone has no spread and is noisy: nobody knows how it varies.
        kept: samples to keep at most.

    Raises:
        ValueError: no rounds, or an empty one.
    """
    samples = [sample for one in rounds for sample in one]
    medians = tuple(_rank(one, 0.5) for one in rounds)
    spread = max(medians) / min(medians) - 1 if len(medians) > 1 and min(medians) > 0 else None
    return Timing(
        count=len(samples),
        p50_ms=_rank(samples, 0.5),
        p90_ms=_rank(samples, 0.9),
        p99_ms=_rank(samples, 0.99),
        mean_ms=_tidy(sum(samples) / len(samples)),
        min_ms=_tidy(min(samples)),
        rounds_ms=medians,
        spread=None if spread is None else round(spread, 4),
        noisy=spread is None or spread > bound,
        samples_ms=tuple(_tidy(sample) for sample in thinned(samples, kept)),
    )


def thinned(samples: Sequence[float], kept: int) -> Sequence[float]:
    """At most `kept` of the samples, evenly over their order, the first one among them."""
    if len(samples) <= kept:
        return samples
    return [samples[index * len(samples) // kept] for index in range(kept)]


def _rank(samples: Sequence[float], share: float) -> float:
    value = percentile(samples, share)
    if value is None:
        raise ValueError("a round without samples")
    return _tidy(value)


def _tidy(value_ms: float) -> float:
    """To a tenth of a microsecond: clocks tell no more."""
    return round(value_ms, 4)
