"""How long graphs take beside the float one: turn by turn, because a machine changes from minute to minute."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from quantize_methods import Feed

from edge.inference.sessions import Session

ROUNDS = 15
_SHORTEST_MS = 2.0
_MOST_REPEATS = 50
_MEASURABLE_MS = 1.0


@dataclass(frozen=True)
class Ratio:
    """Time beside the float graph's in the same round.

    Attributes:
        median: over the rounds; below 1 is faster.
        low: a quarter of the rounds are below it.
        high: a quarter are above it.
        median_ms: of one run of this graph.
    """

    median: float
    low: float
    high: float
    median_ms: float

    @property
    def clear(self) -> bool:
        """Whether it is faster or slower than float for sure; never where float takes no time worth speaking of."""
        return not self.low <= 1 <= self.high and self.median_ms >= _MEASURABLE_MS * self.median


def ratios(
    reference: Session, others: Mapping[str, Session], feed: Feed, outputs: Sequence[str], rounds: int = ROUNDS
) -> dict[str, Ratio]:
    """Time every session once a round, the reference first; the order of the others turns.

    Args:
        reference: the float graph's.
        others: name to session.
        feed: input of one run.
        outputs: names of the outputs asked for.
        rounds: that count; two before them warm up.
    """
    sessions = {"": reference, **others}
    repeats = {name: _repeats(session, feed, outputs) for name, session in sessions.items()}
    seen: dict[str, list[float]] = {name: [] for name in sessions}
    names = list(sessions)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            seen[name].append(_milliseconds(sessions[name], feed, outputs, repeats[name]))
    float_ms = np.array(seen[""])
    return {name: _ratio(np.array(seen[name]), float_ms) for name in others}


def _ratio(
    own: np.ndarray[tuple[int, ...], np.dtype[np.float64]], reference: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> Ratio:
    low, median, high = (round(float(value), 3) for value in np.percentile(own / reference, [25, 50, 75]))
    return Ratio(median, low, high, round(float(np.median(own)), 3))


def _repeats(session: Session, feed: Feed, outputs: Sequence[str]) -> int:
    """Runs a round: so many that a round can be measured."""
    _milliseconds(session, feed, outputs, 1)
    once = _milliseconds(session, feed, outputs, 1)
    return int(min(_MOST_REPEATS, max(1, np.ceil(_SHORTEST_MS / once))))


def _milliseconds(session: Session, feed: Feed, outputs: Sequence[str], repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        session.run(outputs, feed)
    return (time.perf_counter() - started) * 1000 / repeats
