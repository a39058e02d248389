"""How long each process may measure, so that `--quick` ends in two minutes whatever the machine.

The first pass tells what starting, loading and judging cost for each variant; what is left of the time is then shared
evenly among all that is still to be measured. A full benchmark has no end to keep: every round gets the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.bench.plan import FULL_ROUND_S, QUICK_S, Choice
from edge.bench.process import Outcome
from edge.bench.stage import Variant
from edge.telemetry import percentile

LEAST_S, MOST_S = 0.25, 4.0
"""Of a quick round."""
QUICK_LEAST, FULL_LEAST = 3, 5
"""Samples at least."""
_FULL_LIMIT_S, _FULL_KILL_S = 60.0, 300.0
_QUICK_KILL_S = 60.0
_FIRST_OVERHEAD_S = 1.5
_END_S = 3.0
_PATIENCE = 2.0
_OVERRUN_S = 8.0


@dataclass(frozen=True)
class Share:
    """What one process gets.

    Attributes:
        seconds: to measure, warm-up left out.
        least: samples at least.
        limit_s: from its first sample, after which no other one is begun.
        kill_s: from its start, after which it is ended: it loads, measures, judges and counts in it.
    """

    seconds: float
    least: int
    limit_s: float
    kill_s: float


@dataclass
class Pace:
    """The time of a benchmark.

    Attributes:
        choice: quick or full.
        sessions_s: that sessions take, about; kept back until they are done.
        count: variants.
        clock: monotonic, seconds.
        peaks_s: kept back for the second measurement of the peaks.
    """

    choice: Choice
    sessions_s: float
    count: int
    clock: Callable[[], float]
    end_s: float = field(init=False)
    overheads_s: dict[Variant, float] = field(default_factory=dict)
    firsts_s: list[float] = field(default_factory=list)
    peaks_s: float = 0.0

    def __post_init__(self) -> None:
        self.end_s = self.clock() + QUICK_S - _END_S if self.choice.quick else float("inf")

    def left_s(self) -> float:
        """Seconds until the end of a quick benchmark."""
        return max(0.0, self.end_s - self.clock())

    def for_sessions(self) -> float | None:
        """Seconds that the sessions may take: half of what is left, or what they were promised; None: any."""
        return None if not self.choice.quick else max(self.sessions_s, self.left_s() / 2)

    def sessions_done(self) -> None:
        """Nothing is kept back any more."""
        self.sessions_s = 0.0

    def peaks_took(self, seconds: float) -> None:
        """Note what the peaks cost; after the first measurement as much is kept back for the second."""
        self.peaks_s = 0.0 if self.peaks_s else seconds

    def share(self, variant: Variant, left: int, *, first: bool) -> Share | None:
        """What the next process gets; None when the time is up.

        Args:
            variant: to be measured.
            left: processes still to run, this one among them.
            first: whether it also judges and counts.
        """
        if not self.choice.quick:
            return Share(FULL_ROUND_S, FULL_LEAST, _FULL_LIMIT_S, _FULL_KILL_S)
        free_s = self.left_s() - self.sessions_s - self.peaks_s
        if free_s < LEAST_S:
            return None
        total_s = free_s / left
        if first:
            overhead_s = percentile(self.firsts_s, 0.5) or _FIRST_OVERHEAD_S
        else:
            overhead_s = self.overheads_s.get(variant, _FIRST_OVERHEAD_S)
        seconds = min(MOST_S, max(LEAST_S, (total_s - overhead_s) / 1.1))
        limit_s = max(1.0, min(free_s, _PATIENCE * seconds + 1.0))
        return Share(seconds, QUICK_LEAST, limit_s, min(_QUICK_KILL_S, free_s + _OVERRUN_S))

    def learn(self, variant: Variant, outcome: Outcome, measured_s: float) -> None:
        """Note what a process cost beside the time it measured."""
        if outcome.before_s is None:
            return
        self.firsts_s.append(max(0.0, outcome.wall_s - measured_s))
        self.overheads_s[variant] = outcome.before_s
