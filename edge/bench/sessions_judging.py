"""What the events of a session say about it, beside what is known of the film: latencies, quality, stability.

Events are taken one by one and forgotten once the showing of the film that they belong to is judged, so that a session
of many hours needs little more memory than a short one: what stays is a few numbers for each caption, sign and name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Any

import numpy as np

from edge.bench.film import Film
from edge.bench.report import Latency, Quality
from edge.bench.scoring import character_errors, word_errors
from edge.bench.sessions_rounds import Named, Round, judge_round
from edge.bench.stability import Erasure, Event, Shown, Timeline
from edge.media import NS_PER_S
from edge.telemetry import percentile

KEPT_SAMPLES = 1000
JUDGED_ROUNDS = 20
"""Of a long session, the last so many showings of the film are judged for quality and stability."""
SETTLED_S = 2.0
"""So long after its end a showing is judged: what was on show in it has been told by then."""


def latency_of(samples: Sequence[float]) -> Latency:
    """Percentiles by nearest rank, and the samples in order, evenly thinned."""
    thinned = np.linspace(0, len(samples) - 1, min(KEPT_SAMPLES, len(samples))).astype(int)
    p50, p90, p99 = (percentile(samples, share) for share in (0.5, 0.9, 0.99))
    return Latency(
        count=len(samples),
        p50_ms=_rounded(p50),
        p90_ms=_rounded(p90),
        p99_ms=_rounded(p99),
        samples_ms=tuple(round(samples[at], 1) for at in thinned),
    )


def judge(events: Iterable[Event], film: Film | None, senses: Sequence[str], times: int = 1) -> dict[str, Any]:
    """`Judge.fields` of a whole session."""
    judge = Judge(film, senses, times)
    for event in events:
        judge.add(event)
    return judge.fields()


class Judge:
    """Takes the events of one session in order.

    Args:
        film: what is played; None: nothing is known of it, and nothing seen or said is judged.
        senses: those that run.
        times: how often the film is played at most.

    Attributes:
        count: of events.
        totals: the last event, once the session has ended in order.
        captions: final ones: (seconds since ready, latency in ms).
        subtitles: of any kind.
    """

    def __init__(self, film: Film | None, senses: Sequence[str], times: int = 1) -> None:
        self.count = self.subtitles = 0
        self.totals: Event | None = None
        self.captions: list[tuple[float, float]] = []
        self._film, self._senses, self._times = film, senses, times
        self._began_ns = self._last_ns = 0
        self._lost_s = 0.0
        self._erasure = Erasure()
        self._said: dict[int, list[str]] = {}
        self._timeline = Timeline()
        self._moments: list[Shown] = []
        self._names: list[Named] = []
        self._judged = 0
        self._rounds: deque[Round] = deque(maxlen=JUDGED_ROUNDS)
        self._sign_ms: list[float] = []
        self._label_ms: list[float] = []

    @property
    def seconds(self) -> float:
        """From ready to the latest event."""
        return (self._last_ns - self._began_ns) / NS_PER_S

    @property
    def kept(self) -> int:
        """How many events are remembered, more or less whole."""
        return len(self._moments) + len(self._names) + sum(map(len, self._said.values()))

    def add(self, event: Event) -> None:
        """Take the next event."""
        if not self.count:
            self._began_ns = self._last_ns = event["captured_ns"]
        self.count += 1
        self._last_ns = max(self._last_ns, event["captured_ns"])
        kind = event["event"]
        if kind == "Subtitle":
            self._caption(event)
        elif kind == "AudioLost":
            self._lost_s += event["seconds"]
        elif kind == "SceneRecognized":
            self._names.append(Named(_shown_ns(event), event["label"]))
        elif kind == "SessionEnded":
            self.totals = event
        elif (moment := self._timeline.add(event)) is not None:
            self._moments.append(moment)
        self._close(_shown_ns(event), 0.0 if self.totals else SETTLED_S)

    def fields(self) -> dict[str, Any]:
        """Fields of `report.Session` that follow from the events until now."""
        if not self.count:
            return {}
        fields: dict[str, Any] = {"seconds": round(self.seconds, 3)}
        if "speech" in self._senses:
            fields |= self._speech()
        if self._judged:
            fields |= self._seen()
            fields["quality"] = tuple(self._quality())
        if self.totals is not None:
            fields |= _totals(self.totals, fields["seconds"])
        return fields

    def _caption(self, event: Event) -> None:
        self.subtitles += 1
        self._erasure.add(event)
        if not event["is_final"]:
            return
        at_s = (event["captured_ns"] - self._began_ns) / NS_PER_S
        if event["latency_ms"] is not None:
            self.captions.append((round(at_s, 2), event["latency_ms"]))
        if self._film is not None:
            number = min(int(at_s / self._film.seconds), self._times - 1)
            self._said.setdefault(number, []).append(event["source"])

    def _close(self, now_ns: int, settled_s: float) -> None:
        """Judge the showings that are over, and forget them."""
        film = self._film
        while film is not None and self._judged < self._times:
            began_ns = self._began_ns + round(self._judged * film.seconds * NS_PER_S)
            end_ns = began_ns + round(film.seconds * NS_PER_S)
            if now_ns < end_ns + settled_s * NS_PER_S:
                return
            found = judge_round(film, self._senses, began_ns, self._moments, self._names)
            self._rounds.append(found)
            self._sign_ms += found.sign_ms
            self._label_ms += found.label_ms
            self._judged += 1
            self._forget(end_ns)

    def _forget(self, until_ns: int) -> None:
        """What was before `until_ns`, but for what was still on show then."""
        old = sum(moment.at_ns <= until_ns for moment in self._moments)
        del self._moments[: max(0, old - 1)]
        old = sum(name.shown_ns <= until_ns for name in self._names)
        del self._names[: max(0, old - 1)]
        for number in [number for number in self._said if number < self._judged - JUDGED_ROUNDS]:
            del self._said[number]

    def _speech(self) -> dict[str, Any]:
        samples = [ms for _, ms in self.captions]
        return {
            "caption": latency_of(samples),
            "lag_s": round(max(samples) / 1000, 3) if samples else None,
            "audio_lost_s": round(self._lost_s, 3),
            "caption_erasure": self._erasure.normalised,
            "latency_over_time": tuple((at_s, round(ms, 1)) for at_s, ms in self.captions),
        }

    def _seen(self) -> dict[str, Any]:
        """Latencies and stability of signs and names."""
        fields: dict[str, Any] = {}
        if "signs" in self._senses:
            minutes = sum(one.minutes for one in self._rounds)
            deviations = [px for one in self._rounds for px in one.deviations_px]
            changes = sum(one.changes for one in self._rounds)
            fields["sign"] = latency_of(self._sign_ms)
            fields["sign_changes_per_minute"] = round(changes / minutes, 3) if minutes else None
            fields["sign_jitter_px"] = round(median(deviations), 3) if deviations else None
        if "scene" in self._senses:
            fields["label"] = latency_of(self._label_ms)
        return fields

    def _quality(self) -> Iterator[Quality]:
        """Word errors of captions, character errors of signs, names that were right; of the last showings."""
        film = self._film
        if film is None:
            return
        if "speech" in self._senses and film.spoken:
            first = self._judged - len(self._rounds)
            said = [" ".join(self._said.get(number, ())) for number in range(first, self._judged)]
            wanted = [" ".join(one.text for one in film.spoken)] * len(said)
            rate, words = word_errors(said, wanted, film.language)
            yield Quality(metric="WER", value=round(rate, 2), data=film.data, items=words, better="lower")
        if "signs" in self._senses and film.signs:
            read, written = ([text for one in self._rounds for text in texts(one)] for texts in (_read, _written))
            rate, characters = character_errors(read, written)
            yield Quality(metric="sign CER", value=round(rate, 2), data=film.data, items=characters, better="lower")
        if "scene" in self._senses and film.sights:
            sights = sum(one.sights for one in self._rounds)
            share = round(100 * sum(one.right for one in self._rounds) / sights, 2)
            yield Quality(metric="names right", value=share, data=film.data, items=sights, better="higher")


def _read(one: Round) -> tuple[str, ...]:
    return one.read


def _written(one: Round) -> tuple[str, ...]:
    return one.written


def _shown_ns(event: Event) -> int:
    """When it was on show, or happened."""
    return int(event["captured_ns"] + int((event.get("latency_ms") or 0) * 1e6))


def _totals(totals: Event, seconds: float) -> dict[str, Any]:
    """What the program itself says at the end."""
    cpu_s = totals.get("cpu_s")
    return {
        "frames_captured": totals.get("frames"),
        "frames_dropped": totals.get("frames_dropped"),
        "fps": totals["fps"],
        "audio_lost_s": totals["audio_lost_s"],
        "peak_rss_mb": totals["peak_rss_mb"],
        "cpu_percent": round(100 * cpu_s / seconds, 2) if cpu_s is not None and seconds else None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
