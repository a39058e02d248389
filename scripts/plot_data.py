"""What the plots of docs/plots show, from reports of `edge bench`, and whether a picture shows just that.

A picture carries the SHA-256 of its data and of the version of the drawing in a text chunk, so that it can be checked
without drawing it again: neither matplotlib nor its version matters to the check.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from board_files import chosen, p50_ms, titles
from PIL import Image
from plot_chains import chains

from edge.bench.report import Report, Session, StageResult, Timing
from edge.telemetry import percentile

DRAWING = 1
"""Number of the way that scripts/plots.py draws. A change there that changes pixels adds 1."""

CHUNK = "edge-glasses data"
"""Keyword of the PNG text chunk (tEXt, PNG specification 11.3.3.2) that holds the digest."""

Figure = dict[str, Any]
"""Plain JSON: `kind`, `title`, and what this kind of plot draws."""

_FLOOR_KEYS = ("stage", "how", "threads", "p50_ms", "floor_ms")
_LATENCY_KEYS = ("stage", "how", "threads", "count", "shares_ms")
_EVENTS = {
    "caption": "caption, after the last spoken sample",
    "label": "name, after the thing came in sight",
    "sign": "stable overlay, after the sign came in sight",
}
_BINS = 40


def figures(boards: Mapping[str, Report]) -> dict[str, Figure]:
    """Every plot that the reports have data for, by the name of its file."""
    names = titles(dict(boards))
    return {
        f"{name}-{figure['kind']}.png": figure
        for name, report in boards.items()
        for figure in _of_board(names[name], report)
    }


def digest(figure: Figure) -> str:
    """SHA-256 of the data and of the way of drawing."""
    text = json.dumps([DRAWING, figure], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def drawn_digest(path: Path) -> str | None:
    """What a picture says it shows; None without such a picture."""
    try:
        with Image.open(path) as picture:
            return picture.info.get(CHUNK)
    except OSError:
        return None


def _of_board(title: str, report: Report) -> Iterator[Figure]:
    rows = list(map(_stage, chosen(report).values()))
    if rows:
        yield {"kind": "floor", "title": title, "rows": [_only(row, _FLOOR_KEYS) for row in rows]}
    made = chains(report)
    if made:
        yield {"kind": "parts", "title": title, "rows": made}
    spread = [_only(row, _LATENCY_KEYS) for row in rows if row["shares_ms"]]
    if spread:
        yield {"kind": "latency", "title": title, "rows": spread}
    played = {session.name: session for session in report.sessions}
    curves = list(_curves(played))
    if curves:
        yield {"kind": "glass", "title": title, "curves": curves}
    for name in ("sustained", "soak"):
        if name in played and len(played[name].latency_over_time) > 1:
            yield {"kind": name, "title": title, **_over_time(played[name])}


def _stage(result: StageResult) -> dict[str, Any]:
    return {
        "stage": result.stage,
        "how": result.precision if result.precision != "-" else "",
        "threads": result.threads,
        "count": result.timing.count if result.timing else 0,
        "p50_ms": p50_ms(result),
        "shares_ms": _shares(result.timing) if result.timing else [],
        "floor_ms": result.floor.floor_ms if result.floor else None,
    }


def _shares(timing: Timing) -> list[float]:
    """10th to 99th percentile, six of them; those that the report has are of all samples, kept or not."""
    if not timing.samples_ms:
        return []
    p10, p25, p75 = (percentile(timing.samples_ms, share) or 0.0 for share in (0.1, 0.25, 0.75))
    p50 = timing.p50_ms
    return [min(p10, p50), min(p25, p50), p50, max(p75, p50), timing.p90_ms, timing.p99_ms]


def _only(row: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: row[key] for key in keys}


def _curves(played: Mapping[str, Session]) -> Iterator[dict[str, Any]]:
    """Times from the world to the glass: alone where that was played, and with all senses together."""
    for event, words in _EVENTS.items():
        alone = {"caption": "speech", "label": "scene", "sign": "signs"}[event]
        for name, how in ((alone, "alone"), ("all", "all senses")):
            latency = getattr(played[name], event) if name in played else None
            if latency and latency.samples_ms:
                yield {"event": event, "words": words, "how": how, "ms": sorted(latency.samples_ms)}


def _over_time(session: Session) -> dict[str, Any]:
    """Conditions count from the start of the benchmark; here from the first of the session, as captions do."""
    points = sorted(session.latency_over_time)
    first_s = session.conditions[0].at_s if session.conditions else 0.0
    feel = [(one.at_s - first_s, one) for one in session.conditions]
    return {
        "seconds": session.seconds,
        "points": points,
        "medians": _medians(points, session.seconds),
        "temperature_c": [(at, one.temperature_c) for at, one in feel if one.temperature_c is not None],
        "mhz": [(at, one.mhz) for at, one in feel if one.mhz is not None],
        "load": [(at, one.load) for at, one in feel if one.load is not None],
        "throttled": [(at, any(flag.endswith("-now") for flag in one.throttled or ())) for at, one in feel],
    }


def _medians(points: list[tuple[float, float]], seconds: float) -> list[tuple[float, float]]:
    """Median of each of at most `_BINS` equal pieces of time that holds a point, at the middle of the piece."""
    length = max(seconds, points[-1][0]) / max(1, min(_BINS, len(points) // 5))
    bins: dict[int, list[float]] = {}
    for at, value in points:
        bins.setdefault(int(at / length), []).append(value)
    return [((piece + 0.5) * length, percentile(values, 0.5) or 0.0) for piece, values in sorted(bins.items())]
