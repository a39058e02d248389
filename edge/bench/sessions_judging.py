"""What the events of a session say about it, beside what is known of the film: latencies, quality, stability."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from edge.bench.film import Film, Sight, Sign
from edge.bench.report import Latency, Quality
from edge.bench.scoring import character_errors, word_errors
from edge.bench.stability import Event, Shown, jitter_px, normalised_erasure, text_changes, timeline
from edge.media import NS_PER_S
from edge.results import UNKNOWN
from edge.telemetry import percentile

KEPT_SAMPLES = 1000
JUDGED_ROUNDS = 20
"""Of a long session, the last so many repetitions of the film are judged for quality and stability."""


@dataclass(frozen=True)
class Visit:
    """Something in the film at one of its repetitions: the film's seconds become clock time.

    Attributes:
        number: of the repetition.
        from_ns, still_ns, to_ns: see `film.Sign`; without camera, `still_ns` is `to_ns`.
    """

    number: int
    what: Sign | Sight
    from_ns: int
    still_ns: int
    to_ns: int


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


def ended(events: Sequence[Event]) -> Event | None:
    """The totals, if the session ended in order."""
    return events[-1] if events and events[-1]["event"] == "SessionEnded" else None


def judge(events: Sequence[Event], film: Film | None, senses: Sequence[str], times: int = 1) -> dict[str, Any]:
    """Fields of `report.Session` that follow from the events.

    Args:
        events: of one session, in order; the last may be missing.
        film: what was played; None: nothing is known of it, then latencies are those of the events.
        senses: those that ran.
        times: how often the film was played.
    """
    if not events:
        return {}
    began_ns = events[0]["captured_ns"]
    totals, last_ns = ended(events), max(event["captured_ns"] for event in events)
    rounds = times if totals else 0
    if film is not None and not totals:
        rounds = min(times, int((last_ns - began_ns) / NS_PER_S / film.seconds))
    fields: dict[str, Any] = {"seconds": round((last_ns - began_ns) / NS_PER_S, 3)}
    if "speech" in senses:
        fields |= _speech(events, began_ns)
    if film is not None and rounds:
        fields |= _seen(events, film, senses, rounds, began_ns)
        fields["quality"] = tuple(_quality(events, film, senses, rounds, began_ns))
    if totals:
        fields |= _totals(totals, fields["seconds"])
    return fields


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


def _speech(events: Sequence[Event], began_ns: int) -> dict[str, Any]:
    captions = [event for event in events if event["event"] == "Subtitle"]
    shown = [event for event in captions if event["latency_ms"] is not None and event["is_final"]]
    samples = [event["latency_ms"] for event in shown]
    lost_s = sum(event["seconds"] for event in events if event["event"] == "AudioLost")
    return {
        "caption": latency_of(samples),
        "lag_s": round(max(samples) / 1000, 3) if samples else None,
        "audio_lost_s": round(lost_s, 3),
        "caption_erasure": normalised_erasure(captions),
        "latency_over_time": tuple(
            (round((event["captured_ns"] - began_ns) / NS_PER_S, 2), round(event["latency_ms"], 1)) for event in shown
        ),
    }


def _seen(events: Sequence[Event], film: Film, senses: Sequence[str], rounds: int, began_ns: int) -> dict[str, Any]:
    """Latencies and stability of signs and names."""
    fields: dict[str, Any] = {}
    if "signs" in senses:
        moments = timeline(events)
        visits = list(_visits(film, film.signs, rounds, began_ns))
        stable = (_stable_ms(moments, visit) for visit in visits)
        fields["sign"] = latency_of([ms for ms in stable if ms is not None])
        fields |= _stability(moments, [visit for visit in visits if visit.number >= rounds - JUDGED_ROUNDS])
    if "scene" in senses:
        names = _names(events)
        things = [visit for visit in _visits(film, film.sights, rounds, began_ns) if _label(visit) != UNKNOWN]
        named = (_named_ms(names, visit) for visit in things)
        fields["label"] = latency_of([ms for ms in named if ms is not None])
    return fields


def _visits(film: Film, things: Sequence[Sign | Sight], rounds: int, began_ns: int) -> Iterator[Visit]:
    for number in range(rounds):
        for one in things:
            start_s = number * film.seconds
            still_s = one.still_s if isinstance(one, Sign) else one.to_s
            times = (began_ns + round((start_s + at_s) * NS_PER_S) for at_s in (one.from_s, still_s, one.to_s))
            yield Visit(number, one, *times)


def _label(visit: Visit) -> str:
    return visit.what.label if isinstance(visit.what, Sight) else ""


def _during(moments: Sequence[Shown], start_ns: int, end_ns: int) -> list[Shown]:
    """What was on show from `start_ns` to `end_ns`, of what came on show in that time."""
    first = bisect_right(moments, start_ns, key=lambda moment: moment.at_ns)
    last = bisect_left(moments, end_ns, key=lambda moment: moment.at_ns)
    old = moments[first - 1].overlays if first else {}
    return [
        Shown(moment.at_ns, {number: one for number, one in moment.overlays.items() if number not in old})
        for moment in moments[first:last]
    ]


def _on_board(moment: Shown, sign: Sign) -> list[tuple[str, Any]]:
    """Texts and boxes with their middle on the board of a sign, from top to bottom."""
    corners = np.asarray(sign.corners)
    found = []
    for text, box in moment.overlays.values():
        middle = np.mean(box, axis=0)
        sides = np.roll(corners, -1, axis=0) - corners
        to_middle = middle - corners
        if (sides[:, 0] * to_middle[:, 1] - sides[:, 1] * to_middle[:, 0] >= 0).all():
            found.append((float(middle[1]), float(middle[0]), text, box))
    return [(text, box) for _, _, text, box in sorted(found)]


def _stable_ms(moments: Sequence[Shown], visit: Visit) -> float | None:
    """From the first frame of the visit to the last change of its overlays while the camera stands; None: never."""
    assert isinstance(visit.what, Sign)  # noqa: S101 - for the type checker
    before: list[tuple[str, Any]] = []
    stable_ns = None
    for moment in _during(moments, visit.from_ns, visit.still_ns):
        now = _on_board(moment, visit.what)
        if now != before:
            before, stable_ns = now, moment.at_ns
    return (stable_ns - visit.from_ns) / 1e6 if stable_ns is not None and before else None


def _stability(moments: Sequence[Shown], visits: Sequence[Visit]) -> dict[str, Any]:
    """Of the overlays of all signs, in all stretches of time in which the same ones are in sight."""
    stretches = sorted({(visit.from_ns, visit.to_ns) for visit in visits})
    changes = 0
    deviations: list[float] = []
    for start_ns, end_ns in stretches:
        shown = _during(moments, start_ns, end_ns)
        changes += text_changes(shown)
        deviations += jitter_px(shown).values()
    minutes = sum(end_ns - start_ns for start_ns, end_ns in stretches) / NS_PER_S / 60
    return {
        "sign_changes_per_minute": round(changes / minutes, 3) if minutes else None,
        "sign_jitter_px": round(median(deviations), 3) if deviations else None,
    }


def _names(events: Sequence[Event]) -> list[tuple[int, int, str]]:
    """What was named: when it was shown, of which frame, and the label."""
    return [
        (event["captured_ns"] + int((event["latency_ms"] or 0) * 1e6), event["captured_ns"], event["label"])
        for event in events
        if event["event"] == "SceneRecognized"
    ]


def _named_ms(names: Sequence[tuple[int, int, str]], visit: Visit) -> float | None:
    """From the first frame of the visit to the right name; None: not named right."""
    label = _label(visit)
    right = (shown_ns for shown_ns, _, name in names if name == label and visit.from_ns < shown_ns <= visit.to_ns)
    shown_ns = next(right, None)
    return (shown_ns - visit.from_ns) / 1e6 if shown_ns is not None else None


def _quality(
    events: Sequence[Event], film: Film, senses: Sequence[str], rounds: int, began_ns: int
) -> Iterator[Quality]:
    """Word errors of captions, character errors of signs, names that were right; of the last rounds."""
    first = max(0, rounds - JUDGED_ROUNDS)
    if "speech" in senses and film.spoken:
        said = _captions(events, film, range(first, rounds), began_ns)
        wanted = [" ".join(one.text for one in film.spoken)] * len(said)
        rate, words = word_errors(said, wanted, film.language)
        yield Quality(metric="WER", value=round(rate, 2), data=film.data, items=words, better="lower")
    if "signs" in senses and film.signs:
        visits = [visit for visit in _visits(film, film.signs, rounds, began_ns) if visit.number >= first]
        rate, characters = _sign_errors(timeline(events), visits)
        yield Quality(metric="sign CER", value=round(rate, 2), data=film.data, items=characters, better="lower")
    if "scene" in senses and film.sights:
        names = _names(events)
        sights = [visit for visit in _visits(film, film.sights, rounds, began_ns) if visit.number >= first]
        right = sum(_name_at(names, visit.to_ns) == _label(visit) for visit in sights)
        share = round(100 * right / len(sights), 2)
        yield Quality(metric="names right", value=share, data=film.data, items=len(sights), better="higher")


def _captions(events: Sequence[Event], film: Film, rounds: range, began_ns: int) -> list[str]:
    """What was said in each round, as it was captioned."""
    said: dict[int, list[str]] = {number: [] for number in rounds}
    for event in events:
        if event["event"] == "Subtitle" and event["is_final"]:
            number = int((event["captured_ns"] - began_ns) / NS_PER_S / film.seconds)
            said.get(min(number, rounds.stop - 1), []).append(event["source"])
    return [" ".join(texts) for texts in said.values()]


def _sign_errors(moments: Sequence[Shown], visits: Sequence[Visit]) -> tuple[float, int]:
    read, written = [], []
    for visit in visits:
        assert isinstance(visit.what, Sign)  # noqa: S101 - for the type checker
        shown = _during(moments, visit.from_ns, visit.still_ns)
        read.append(" ".join(text for text, _ in _on_board(shown[-1], visit.what)) if shown else "")
        written.append(visit.what.text)
    return character_errors(read, written)


def _name_at(names: Sequence[tuple[int, int, str]], at_ns: int) -> str:
    return next((label for shown_ns, _, label in reversed(names) if shown_ns <= at_ns), UNKNOWN)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
