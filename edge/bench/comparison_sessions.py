"""Sessions of two reports side by side: what a wearer sees later, or sooner, than before.

The same film is played, so the first caption of one session belongs to the first of the other, and so on: their ratios
tell more than two medians of a few captions. A session has one minute of the machine and no rounds, so a change within
10 % is never told from a minute that was worse.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from edge.bench.intervals import spread, student
from edge.bench.report import Latency, Report, Session

MATTERS = 1.10
LEAST = 5
"""Fewer captions, signs or names do not tell how they vary."""
_KINDS: tuple[Literal["caption", "sign", "label"], ...] = ("caption", "sign", "label")


class SessionChange(BaseModel):
    """One latency of one session, before and after.

    Attributes:
        session: name.
        kind: `caption`, `sign` or `label`.
        ratio: after over before, geometric mean over what was shown in both; None when that cannot be told.
        interval: of the ratio.
        why: what keeps a verdict `unclear`, and what to run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: str
    kind: str
    before_ms: float
    after_ms: float
    ratio: float | None = None
    interval: tuple[float, float] | None = None
    verdict: Literal["slower", "faster", "same", "unclear"]
    why: str | None = None


def session_changes(before: Report, after: Report, level: float) -> Iterator[SessionChange]:
    """All latencies that both reports have, at a level that holds for all of them together."""
    pairs = list(_pairs(before, after))
    for session, kind, old, new in pairs:
        yield _change(session, kind, old, new, level / len(pairs))


def _pairs(before: Report, after: Report) -> Iterator[tuple[str, str, Latency, Latency]]:
    later = {session.name: session for session in after.sessions}
    for session in before.sessions:
        other = later.get(session.name)
        if other is None or not _alike(session, other):
            continue
        for kind in _KINDS:
            old, new = getattr(session, kind), getattr(other, kind)
            if old is not None and new is not None and old.p50_ms is not None and new.p50_ms is not None:
                yield session.name, kind, old, new


def _alike(one: Session, other: Session) -> bool:
    return one.status == other.status == "measured" and one.senses == other.senses


def _change(session: str, kind: str, old: Latency, new: Latency, level: float) -> SessionChange:
    known = SessionChange(
        session=session,
        kind=kind,
        before_ms=old.p50_ms or 0.0,
        after_ms=new.p50_ms or 0.0,
        verdict="unclear",
    )
    counts = len(old.samples_ms), len(new.samples_ms)
    if counts[0] != counts[1]:
        return known.model_copy(update={"why": f"{counts[0]} were shown before and {counts[1]} after"})
    if counts[0] < LEAST:
        return known.model_copy(update={"why": f"only {counts[0]}; run: edge bench --sessions {session}"})
    ratio, low, high = _ratio(old.samples_ms, new.samples_ms, level)
    why = None
    if low > 1 and ratio > MATTERS:
        verdict = "slower"
    elif high < 1 and ratio < 1 / MATTERS:
        verdict = "faster"
    elif 1 / MATTERS <= ratio <= MATTERS:
        verdict = "same"
    else:
        verdict, why = "unclear", "too noisy; run both again on a quiet machine"
    interval = (round(low, 4), round(high, 4))
    return known.model_copy(update={"ratio": round(ratio, 4), "interval": interval, "verdict": verdict, "why": why})


def _ratio(old_ms: Sequence[float], new_ms: Sequence[float], level: float) -> tuple[float, float, float]:
    """Geometric mean of the ratios, with Student's interval."""
    ratios = [max(new, 1e-3) / max(old, 1e-3) for old, new in zip(old_ms, new_ms, strict=True)]
    found = spread(ratios)
    mean = sum(map(math.log, ratios)) / len(ratios)
    half = student(1 - level / 2, found.freedom) * math.sqrt(found.variance / len(ratios))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)
