"""Timing calls as the single-stream scenario of MLPerf Inference does, and what the times say together.

One query at a time; the next one starts when the last one is answered. The first sample of a process is kept apart
(cold). A process measures several rounds, and rests while others measure theirs; each round begins with a warm-up that
is not counted: at least one sample, and at least a tenth of the time that is then measured. The garbage collector stays
on while a sample is timed: the program runs with it, and its pauses are part of what a wearer waits for. The inputs of
a stage take turns, and whole turns are measured, so that every round asks the same mix.
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
"""A larger spread is marked noisy."""
KEPT_SAMPLES = 512
"""Samples of a stage that a report keeps."""
WARM_UP_SAMPLES = 1
WARM_UP_SHARE = 0.1
_MOST_SAMPLES = 20_000
_NS_PER_S = 1e9


@dataclass(frozen=True)
class Measured:
    """Times of one process, in milliseconds, in order.

    Attributes:
        cold_ms: the first sample of the process; None in a later round.
        samples_ms: those after the warm-up.
        seconds: from the first of `samples_ms` to the end of the last, with what was put back in between.
    """

    cold_ms: float | None
    samples_ms: tuple[float, ...]
    seconds: float


class Stopwatch:
    """Times the samples of a stage in turns, round by round."""

    def __init__(
        self, prepared: Prepared, *, slowdown: float = 1.0, clock_ns: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        """Of a stage with its models open.

        Args:
            prepared: the stage.
            slowdown: after each sample the processor is kept busy until it took so many times as long (`--plant`).
            clock_ns: a monotonic clock.

        Raises:
            ValueError: the stage has no samples.
        """
        if not prepared.samples:
            raise ValueError("a stage without samples")
        self._prepared = prepared
        self._slowdown = slowdown
        self._clock_ns = clock_ns
        self._fresh = True
        self.median = 0
        """Which of the samples took the median time of the last round."""

    def measure(
        self,
        seconds: float,
        *,
        least: int = 3,
        limit_s: float | None = None,
        around: Callable[[Callable[[], tuple[float, ...]]], tuple[float, ...]] | None = None,
    ) -> Measured:
        """Time one round.

        Args:
            seconds: how long to measure after the warm-up; a turn that has begun is finished.
            least: samples to measure at least, however long that takes.
            limit_s: nothing is begun after so many seconds in all, but one sample is always measured.
            around: runs the timed part that it is given, for a meter.
        """
        samples = cycle(self._prepared.samples)
        start = self._clock_ns()
        end_s = float("inf") if limit_s is None else limit_s
        cold_ms, self._fresh = self._one(next(samples)) if self._fresh else None, False
        self._warm_up(samples, WARM_UP_SHARE * seconds, start, end_s)
        warm = self._clock_ns()

        def timed() -> tuple[float, ...]:
            nonlocal warm
            warm = self._clock_ns()
            return tuple(self._round(seconds, least, end_s - self._since_s(start)))

        times = timed() if around is None else around(timed)
        self.median = sorted(range(len(times)), key=times.__getitem__)[(len(times) - 1) // 2] % len(
            self._prepared.samples
        )
        return Measured(cold_ms, times, self._since_s(warm))

    def _since_s(self, start_ns: int) -> float:
        return (self._clock_ns() - start_ns) / _NS_PER_S

    def _one(self, sample: Callable[[], Any]) -> float:
        if self._prepared.before_each is not None:
            self._prepared.before_each()
        began = self._clock_ns()
        sample()
        ended = self._clock_ns()
        if self._slowdown > 1:
            until = began + self._slowdown * (ended - began)
            while ended < until:
                ended = self._clock_ns()
        return (ended - began) / 1e6

    def _warm_up(self, samples: Iterator[Callable[[], Any]], seconds: float, start: int, end_s: float) -> None:
        began, count = self._clock_ns(), 0
        while self._since_s(start) < end_s and (count < WARM_UP_SAMPLES or self._since_s(began) < seconds):
            self._one(next(samples))
            count += 1

    def _round(self, seconds: float, least: int, end_s: float) -> Iterator[float]:
        samples = self._prepared.samples
        began = self._clock_ns()
        for count, sample in enumerate(cycle(samples)):
            elapsed_s = self._since_s(began)
            enough = count >= least and count % len(samples) == 0 and elapsed_s >= seconds
            if count and (enough or elapsed_s >= end_s or count >= _MOST_SAMPLES):
                return
            yield self._one(sample)


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
    spread = (
        (_rank(medians, 0.75) - _rank(medians, 0.25)) / _rank(medians, 0.5)
        if len(medians) > 1 and min(medians) > 0
        else None
    )
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
