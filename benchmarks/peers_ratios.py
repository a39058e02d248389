"""Ratios of medians with their spread, and what they say."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import numpy as np
from peers_measuring import Item, Measured
from peers_report import Group

from edge.telemetry import percentile

RESAMPLES = 4000
EDGES = (5, 95)
MOST_LEVEL = 1.0

Times = Mapping[str, Sequence[float]]


def item_ratios(ours: Times, theirs: Times, keys: Sequence[str]) -> list[float]:
    """Per input, the median over the rounds that both took part in of our time over theirs in that round."""
    return [
        statistics.median(own / other for own, other in zip(ours[key], theirs[key], strict=False))
        for key in keys
        if key in ours and key in theirs
    ]


def spread_of(ratios: Sequence[float]) -> tuple[float, float]:
    """5th and 95th percentile of the median over resampled inputs (percentile bootstrap, Efron 1979)."""
    values = np.asarray(ratios)
    drawn = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(np.median(values[drawn], axis=1), EDGES)
    return float(low), float(high)


def verdict_of(ratio: float, interval: tuple[float, float]) -> str:
    """Who is faster, when the interval leaves no doubt."""
    low, high = interval
    if high < MOST_LEVEL:
        return "we lead"
    if low > MOST_LEVEL:
        return f"behind by {100 * (ratio - 1):.0f} %"
    return "level"


def groups_of(items: Sequence[Item], measured: Measured, ours: Measured | None) -> tuple[Group, ...]:
    """Rows of one system, in the order of the inputs; with ratios when there is ours to compare with."""
    keys: dict[str, list[str]] = {}
    for item in items:
        if item.key in measured.times_ms:
            keys.setdefault(item.group, []).append(item.key)
    return tuple(_group(name, own, measured, ours) for name, own in keys.items())


def _group(name: str, keys: Sequence[str], measured: Measured, ours: Measured | None) -> Group:
    calls = [taken for key in keys for taken in measured.times_ms[key]]
    p50, p90 = (percentile(calls, share) or 0.0 for share in (0.5, 0.9))
    total = sum(statistics.median(measured.times_ms[key]) for key in keys)
    base = Group(
        group=name,
        items=len(keys),
        calls=len(calls),
        p50_ms=round(p50, 3),
        p90_ms=round(p90, 3),
        total_ms=round(total, 3),
    )
    if ours is None or ours is measured or not ours.times_ms:
        return base
    ratios = item_ratios(ours.times_ms, measured.times_ms, keys)
    if not ratios:
        return base
    ratio, (low, high) = statistics.median(ratios), spread_of(ratios)
    return base.model_copy(
        update={
            "ratio": round(ratio, 4),
            "interval": (round(low, 4), round(high, 4)),
            "verdict": verdict_of(ratio, (low, high)),
        }
    )
