"""How many rounds there are, so that `--quick` ends in two minutes where that is possible.

What opening and judging take is known when it is done; the time that is then left is for rounds: as many short ones as
fit in, of all stages by turns, since the speed of a machine that others share changes from second to second. Two are
measured whatever the machine: a slow board takes longer. A full benchmark has no end to keep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.bench.child import Ask
from edge.bench.plan import FULL_ROUND_S, FULL_ROUNDS, QUICK_LEAST_ROUNDS, QUICK_S, Choice

QUICK_ROUND_S = 0.2
QUICK_MOST_ROUNDS = 15
QUICK_LATEST_S = 600.0
"""A quick benchmark is stopped then, however slow the machine is."""
QUICK_LEAST, FULL_LEAST = 3, 5
"""Samples of a round at least."""
APART_S = 1.0
"""Rounds of a stage begin at least so long after one another."""
LIMIT_S = 60.0
"""Within a round, after which no further sample is begun."""
KILL_S = 300.0
"""For any answer, after which its process is ended."""
_END_S = 2.0


@dataclass
class Pace:
    """The time of a benchmark.

    Attributes:
        choice: quick or full.
        sessions_s: that sessions will take, about; kept back for them.
        clock: monotonic, seconds.
        peaks_s: that the peaks took; kept back for their second measurement.
    """

    choice: Choice
    sessions_s: float
    clock: Callable[[], float]
    began_s: float = field(init=False)
    peaks_s: float = 0.0
    opened: int = 0
    opening_s: float = 0.0

    def __post_init__(self) -> None:
        self.began_s = self.clock()

    @property
    def over(self) -> bool:
        """Whether it has taken so long that nothing more is begun."""
        return self.choice.quick and self.clock() >= self.began_s + QUICK_LATEST_S

    def kill_s(self) -> float:
        """Seconds that an answer may take."""
        left_s = self.began_s + QUICK_LATEST_S - self.clock()
        return max(1.0, min(KILL_S, left_s)) if self.choice.quick else KILL_S

    def round(self) -> Ask:
        """What each round asks for."""
        if self.choice.quick:
            return Ask(what="round", seconds=QUICK_ROUND_S, least=QUICK_LEAST, limit_s=LIMIT_S)
        return Ask(what="round", seconds=FULL_ROUND_S, least=FULL_LEAST, limit_s=LIMIT_S)

    def learn(self, seconds: float) -> None:
        """Note what opening and judging one variant took, its first round left out."""
        self.opened += 1
        self.opening_s += seconds

    def end_s(self, group: int, waiting: int) -> float:
        """When the rounds of a group should be over, by the clock.

        Args:
            group: variants in it.
            waiting: variants that are still to be opened after it.
        """
        if not self.choice.quick:
            return float("inf")
        kept_s = self.sessions_s + self.peaks_s + waiting * self.opening_s / max(1, self.opened) + _END_S
        free_s = self.began_s + QUICK_S - kept_s - self.clock()
        return self.clock() + free_s * group / max(1, group + waiting)

    def another(self, done: int, round_s: float, end_s: float) -> bool:
        """Whether a further round begins.

        Args:
            done: rounds there are.
            round_s: that the last one of all stages took.
            end_s: when they should be over.
        """
        if not self.choice.quick:
            return done < FULL_ROUNDS
        if done < QUICK_LEAST_ROUNDS:
            return not self.over
        return done < QUICK_MOST_ROUNDS and self.clock() + round_s <= end_s

    def for_sessions(self) -> float | None:
        """Seconds that the sessions may take; None: any, on a slow machine, too, unless it took far too long."""
        return 0.0 if self.over else None
