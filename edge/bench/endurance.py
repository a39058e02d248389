"""What a session tells about itself while it lasts: lag, memory, threads, heat; and what a long one must not do."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge.bench.film import Film
from edge.bench.report import Session, Status
from edge.bench.sessions_child import Played
from edge.bench.sessions_judging import ended, judge, latency_of
from edge.errors import BenchmarkError
from edge.hardware.record import Condition
from edge.media import NS_PER_S

REPORT_S = 60.0
"""Between two reports of a session that lasts."""
WARM_S = 60.0
"""After which a session is no longer cold; growth is that of the time after it."""
LEAST_TREND_S = 60.0
"""No growth is told of a shorter time."""
MOST_MB, MOST_MB_PER_H = 20.0, 20.0
"""Memory that grew by more than the first, and faster than the second, is a problem."""
MOST_LAG_MS = 500.0
"""Captions that come later by so much at the end are a problem."""
MOST_FILES, MOST_THREADS = 4, 4
"""More at the end than at the beginning, by more than this, is a problem."""
_POINTS = 2000
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s?)?", re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds of `90`, `30s`, `10m`, `8h` or `1h30m`.

    Raises:
        BenchmarkError: anything else, or nothing at all.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    parts = match.groups() if match else ()
    seconds = sum(float(part or 0) * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if not seconds:
        raise BenchmarkError(f"{text!r} is no time; write for example: edge bench --soak 8h")
    return seconds


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Rise a second of the line that fits best (least squares); None for points of less than LEAST_TREND_S."""
    if len(points) < 3 or points[-1][0] - points[0][0] < LEAST_TREND_S:  # noqa: PLR2004 - two points are always a line
        return None
    times, values = np.asarray(points, np.float64).T
    moved = times - times.mean()
    return float((moved * values).sum() / np.square(moved).sum())


@dataclass
class Watch:
    """Looks at a session while it runs, and says what it was.

    Attributes:
        film: what is played; it may be known of it that nothing is in it.
        times: how often.
        condition: of the machine, now.
        report_each: of a session that lasts: told every REPORT_S; None: the session is short.
    """

    name: str
    senses: tuple[str, ...]
    film: Film
    times: int
    condition: Callable[[], Condition]
    report_each: Callable[[Session], None] | None = None
    clock: Callable[[], float] = time.monotonic
    conditions: list[Condition] = field(default_factory=list)
    next_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.next_s = self.clock() + REPORT_S

    @property
    def every_s(self) -> float:
        """Between two looks."""
        return 1.0 if self.report_each is None else 5.0

    def feel(self) -> None:
        """Note how the machine is."""
        self.conditions.append(self.condition())

    def each(self, played: Played) -> None:
        """A look at the running session."""
        if self.report_each is None or self.clock() < self.next_s:
            return
        self.next_s += REPORT_S
        self.feel()
        self.report_each(self.session(played, "unfinished", "it was still running"))

    def session(self, played: Played, status: Status, reason: str | None) -> Session:
        """What is known of it now."""
        fields = self._judged(played)
        if self.report_each is not None:
            fields |= _ends(fields.get("latency_over_time", ()), fields.get("seconds", 0.0))
        return Session(
            name=self.name,
            senses=self.senses,
            status=status,
            reason=reason,
            starts_ms=() if played.start_ms is None else (played.start_ms,),
            conditions=tuple(self.conditions),
            problems=tuple(self._problems(played, fields)),
            **{"peak_rss_mb": max((one.rss_mb for one in played.samples if one.rss_mb), default=None)}
            | _growth(played)
            | fields,
        )

    def _judged(self, played: Played) -> dict[str, Any]:
        events = played.events
        if not events:
            return {}
        empty = not (self.film.spoken or self.film.signs or self.film.sights)
        lasted_s = (max(event["captured_ns"] for event in events) - events[0]["captured_ns"]) / NS_PER_S
        rounds = self.times if played.status == 0 else min(self.times, int(lasted_s / self.film.seconds))
        fields = judge(events, None if empty else self.film, self.senses, rounds)
        points = fields.get("latency_over_time", ())
        if len(points) > _POINTS:
            chosen = np.linspace(0, len(points) - 1, _POINTS).astype(int)
            fields["latency_over_time"] = tuple(points[at] for at in chosen)
        return fields

    def _problems(self, played: Played, fields: dict[str, Any]) -> list[str]:
        found = [f"{one['stage']} failed: {one['message']}" for one in played.events if one["event"] == "StageFailed"]
        found += [f"{one['source']} was lost" for one in played.events if one["event"] == "SourceLost"]
        if lost_s := fields.get("audio_lost_s"):
            found.append(f"{lost_s:g} s of sound were lost")
        captions = sum(event["event"] == "Subtitle" for event in played.events)
        if captions and not self.film.spoken:
            found.append(f"{captions} captions, and nobody spoke")
        return list(dict.fromkeys(found)) + _grown(played, fields)


def _after_warm(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(at_s, value) for at_s, value in points if at_s >= WARM_S]


def _growth(played: Played) -> dict[str, Any]:
    """Memory by regression; threads and files when it was ready and at the end."""
    rise = slope(_after_warm([(one.at_s, one.rss_mb) for one in played.samples if one.rss_mb is not None]))
    seen = [one for one in played.samples if one.threads is not None and one.open_files is not None]
    return {
        "rss_growth_mb_per_h": None if rise is None else round(3600 * rise, 3),
        "threads": (seen[0].threads, seen[-1].threads) if seen else None,
        "open_files": (seen[0].open_files, seen[-1].open_files) if seen else None,
    }


def _ends(points: Sequence[tuple[float, float]], seconds: float) -> dict[str, Any]:
    """Captions while it was cold and of the last fifth, a minute at least, after that; and how they became later."""
    last_s = max(WARM_S, min(seconds - WARM_S, 0.8 * seconds))
    rise = slope(_after_warm(points))
    return {
        "caption_first": latency_of([ms for at_s, ms in points if at_s < WARM_S]),
        "caption_last": latency_of([ms for at_s, ms in points if at_s >= last_s]),
        "lag_growth_ms_per_h": None if rise is None else round(3600 * rise, 1),
    }


def _grown(played: Played, fields: dict[str, Any]) -> list[str]:
    """What grew too much."""
    hours = fields.get("seconds", 0.0) / 3600
    growth = _growth(played)
    found = []
    mb_per_h = growth["rss_growth_mb_per_h"]
    if mb_per_h is not None and mb_per_h > MOST_MB_PER_H and mb_per_h * hours > MOST_MB:
        found.append(f"memory grew by {mb_per_h:.0f} MB an hour")
    lag = fields.get("lag_growth_ms_per_h")
    if lag is not None and lag * hours > MOST_LAG_MS:
        found.append(f"captions came later by {lag:.0f} ms an hour")
    for what, most in (("threads", MOST_THREADS), ("open_files", MOST_FILES)):
        if growth[what] is not None and growth[what][1] - growth[what][0] > most:
            found.append(f"{what.replace('_', ' ')} grew from {growth[what][0]} to {growth[what][1]}")
    return found


def outcome(played: Played) -> tuple[Status, str | None]:
    """How a session ended that was not interrupted from here: its status, and the reason."""
    if played.status == 0 and ended(played.events) is not None:
        return "measured", None
    if "run: edge models pull" in played.told and not played.events:
        return "skipped", one_line(played.told)
    status = played.status or 0
    how = f"died of signal {-status}" if status < 0 else f"ended with status {status}"
    return "failed", one_line(f"edge run {how}" + (f" ({played.told})" if played.told else ""))


def one_line(text: str) -> str:
    """A reason for the report."""
    return " ".join(text.removeprefix("edge: ").split())[:300]
