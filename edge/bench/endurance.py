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
from edge.bench.sessions_judging import Judge, latency_of
from edge.bench.stability import Event
from edge.errors import BenchmarkError
from edge.hardware.record import Condition

REPORT_S = 60.0
"""Between two reports of a session that lasts."""
COLD_S = 60.0
"""About so long are the first showings of the film, in which a session is cold; those at its end are no shorter."""
WARM_S = 120.0
"""Growth of memory is that of the time after it."""
LEAST_TREND_S, LEAST_LAG_TREND_S = 300.0, 1800.0
"""No growth of memory, and of the lag, is told of a shorter time: it would be noise."""
MOST_MB, MOST_MB_PER_H = 20.0, 20.0
"""Memory that grew by more than the first, and faster than the second, is a problem."""
MOST_LAG_MS = 500.0
"""Captions that come later by more than this at the end are a problem."""
MOST_FILES, MOST_THREADS = 4, 4
"""More at the end than at the beginning, by more than this, is a problem."""
_POINTS = 2000
_LAST = 3  # looks: one of them may have seen the program end
_MOST_BROKEN = 20
_MOST_SHOWINGS, _MOST_LATE_S = 2, 10.0
_GIVES = {"Subtitle": "speech", "SignTranslated": "signs", "SignsMoved": "signs", "SceneRecognized": "scene"}
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


def slope(points: Sequence[tuple[float, float]], least_s: float = LEAST_TREND_S) -> float | None:
    """Rise a second of the line that fits best (least squares); None for points of less than `least_s`."""
    if len(points) < 3 or points[-1][0] - points[0][0] < least_s:  # noqa: PLR2004 - two points are always a line
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
    judge: Judge = field(init=False)
    latest_s: dict[str, float] = field(default_factory=dict)
    gaps_s: dict[str, float] = field(default_factory=dict)
    broken: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.next_s = self.clock() + REPORT_S
        empty = not (self.film.spoken or self.film.signs or self.film.sights)
        self.judge = Judge(None if empty else self.film, self.senses, self.times)

    def take(self, event: Event) -> None:
        """An event of the session."""
        self.judge.add(event)
        if (sense := _GIVES.get(event["event"])) is not None:
            self._gap(sense, self.judge.seconds)
            self.latest_s[sense] = self.judge.seconds
        if event["event"] == "StageFailed":
            self._broke(f"{event['stage']} failed: {event['message']}")
        elif event["event"] == "SourceLost":
            self._broke(f"{event['source']} was lost")

    def _gap(self, sense: str, now_s: float) -> None:
        self.gaps_s[sense] = max(self.gaps_s.get(sense, 0.0), now_s - self.latest_s.get(sense, 0.0))

    def _broke(self, what: str) -> None:
        if len(self.broken) < _MOST_BROKEN:
            self.broken[one_line(what)] = None

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
        fields = self._judged()
        if self.report_each is not None:
            fields |= _ends(self.judge.captions, self.film.seconds, self._showings())
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

    def _showings(self) -> int:
        """How often the film was shown to its end."""
        return min(self.times, int(self.judge.seconds / self.film.seconds))

    def _judged(self) -> dict[str, Any]:
        fields = self.judge.fields()
        points = fields.get("latency_over_time", ())
        if len(points) > _POINTS:
            chosen = np.linspace(0, len(points) - 1, _POINTS).astype(int)
            fields["latency_over_time"] = tuple(points[at] for at in chosen)
        return fields

    def _problems(self, played: Played, fields: dict[str, Any]) -> list[str]:
        found = list(self.broken)
        if lost_s := fields.get("audio_lost_s"):
            found.append(f"{lost_s:g} s of sound were lost")
        if self.judge.subtitles and not self.film.spoken:
            found.append(f"{self.judge.subtitles} captions, and nobody spoke")
        return found + self._silent(played) + _grown(played, fields)

    def _silent(self, played: Played) -> list[str]:
        """Senses of a session that lasts which gave nothing for more than two showings of the film."""
        if self.report_each is None or not self.judge.count:
            return []
        now_s = max([self.judge.seconds, *(one.at_s for one in played.samples[-1:])])
        given = {"speech": self.film.spoken, "signs": self.film.signs, "scene": self.film.sights}
        watched = [sense for sense in self.senses if given.get(sense)]
        for sense in watched:
            self._gap(sense, now_s)
        most_s = _MOST_SHOWINGS * self.film.seconds + _MOST_LATE_S
        return [f"{one}: nothing for {self.gaps_s[one]:.0f} s" for one in watched if self.gaps_s[one] > most_s]


def _growth(played: Played) -> dict[str, Any]:
    """Memory by regression; threads and open files: the most of the first minute, and at the end."""
    rise = slope([(one.at_s, one.rss_mb) for one in played.samples if one.rss_mb is not None and one.at_s >= WARM_S])
    return {
        "rss_growth_mb_per_h": None if rise is None else round(3600 * rise, 3),
        "threads": _ends_of(played, [one.threads for one in played.samples]),
        "open_files": _ends_of(played, [one.open_files for one in played.samples]),
    }


def _ends_of(played: Played, counts: Sequence[int | None]) -> tuple[int, int] | None:
    """The end is the most of a few looks, as the very last one may have seen the program end."""
    early = [count for one, count in zip(played.samples, counts, strict=True) if count and one.at_s < COLD_S]
    late = [count for count in counts if count][-_LAST:]
    return (max(early), max(late)) if early and late else None


def _ends(captions: Sequence[tuple[float, float]], film_s: float, showings: int) -> dict[str, Any]:
    """Captions of the first showings, of the last fifth, and how they became later: whole films, so of equal words."""
    cold = max(1, round(COLD_S / film_s))
    last = max(cold, showings - max(cold, showings // 5))
    at_end = [ms for at_s, ms in captions if last * film_s <= at_s < showings * film_s]
    rise = slope(captions, LEAST_LAG_TREND_S)
    return {
        "caption_first": latency_of([ms for at_s, ms in captions if at_s < cold * film_s]),
        "caption_last": latency_of(at_end),
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
    first, last = (fields[end].p50_ms if end in fields else None for end in ("caption_first", "caption_last"))
    if first is not None and last is not None and last - first > MOST_LAG_MS:
        found.append(f"captions came {last - first:.0f} ms later at the end than at the beginning")
    for what, most in (("threads", MOST_THREADS), ("open_files", MOST_FILES)):
        if growth[what] is not None and growth[what][1] - growth[what][0] > most:
            found.append(f"{what.replace('_', ' ')} grew from {growth[what][0]} to {growth[what][1]}")
    return found


def outcome(played: Played, judge: Judge) -> tuple[Status, str | None]:
    """How a session ended that was not interrupted from here: its status, and the reason."""
    if played.status == 0 and judge.totals is not None:
        return "measured", None
    if "run: edge models pull" in played.told and not judge.count:
        return "skipped", one_line(played.told)
    status = played.status or 0
    how = f"died of signal {-status}" if status < 0 else f"ended with status {status}"
    return "failed", one_line(f"edge run {how}" + (f" ({played.told})" if played.told else ""))


def one_line(text: str) -> str:
    """A reason for the report."""
    return " ".join(text.removeprefix("edge: ").split())[:300]
