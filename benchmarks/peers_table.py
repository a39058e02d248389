"""The report as text: one block a comparison, for people."""

from __future__ import annotations

from collections.abc import Iterator

from peers_report import Comparison, Group, Limit, SystemResult

_WIDTH = 25


def table(comparison: Comparison) -> str:
    """All rows; what was not measured stands below with its reason."""
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    seconds = (
        f"{comparison.seconds:.0f} s, {comparison.rounds} round{'s' * (comparison.rounds > 1)}"
        if comparison.systems
        else "not run"
    )
    yield f"\n{comparison.task}: {comparison.data} ({seconds})"
    if comparison.reason:
        yield f"  {comparison.status}: {comparison.reason}"
        return
    for name in dict.fromkeys(group.group for system in comparison.systems for group in system.groups):
        yield f"\n  {name}"
        yield f"  {'system':{_WIDTH}} {'threads':>7} {'p50 ms':>9} {'p90 ms':>9} {'peak MB':>8}  ours / theirs (90 %)"
        for system in comparison.systems:
            for group in system.groups:
                if group.group == name:
                    yield f"  {_row(system, group)}"
    yield from _quality(comparison)
    for system in comparison.systems:
        if system.status != "measured":
            yield f"  {system.system}: {system.status}: {system.reason}"
        elif system.note:
            yield f"  {system.system}: {system.note}"
    for limit in comparison.limits:
        yield f"  {_judged(limit)} {limit.what}: {limit.value:g} ({'goal' if limit.goal else 'limit'} {limit.limit:g})"


def _judged(limit: Limit) -> str:
    if limit.held:
        return "ok    "
    return "missed" if limit.goal else "MISSED"


def _row(system: SystemResult, group: Group) -> str:
    peak = "-" if system.peak_rss_mb is None else f"{system.peak_rss_mb:.0f}"
    return (
        f"{system.system:{_WIDTH}} {system.threads:7} {group.p50_ms:9.1f} {group.p90_ms:9.1f} {peak:>8}  {lead(group)}"
    )


def lead(group: Group) -> str:
    """Ratio, spread and verdict: `0.21 (0.20-0.23) we lead`."""
    if group.ratio is None or group.interval is None:
        return "-"
    return f"{group.ratio:.2f} ({group.interval[0]:.2f}-{group.interval[1]:.2f}) {group.verdict}"


def _quality(comparison: Comparison) -> Iterator[str]:
    judged = [system for system in comparison.systems if system.quality]
    if judged:
        yield "\n  quality of the same run"
    for system in judged:
        yield f"  {system.system:{_WIDTH}} " + ", ".join(
            f"{one.metric} {one.value:.1f} ({one.items})" for one in system.quality
        )
