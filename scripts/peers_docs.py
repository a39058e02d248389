"""Tables of benchmarks/results/peers.json: every system that took its turn on the same inputs, and who leads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from board_tables import number, quality, table

from edge.errors import BenchmarkError

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
PEERS = BENCHMARKS / "results" / "peers.json"
sys.path.append(str(BENCHMARKS))

from peers_report import Comparison, Group, PeersReport, SystemResult, read_peers  # noqa: E402 - lies in benchmarks/


def peers(path: Path = PEERS) -> PeersReport | None:
    """The report, if there is one.

    Raises:
        BenchmarkError: it is no report, not complete, or from an emulator.
    """
    if not path.is_file():
        return None
    report = read_peers(path)
    why = "not complete" if not report.complete else "from an emulated processor" if report.machine.emulated else ""
    if why:
        raise BenchmarkError(f"benchmarks/results/{path.name} is {why}; run: python benchmarks/peers.py")
    return report


def peers_part(report: PeersReport | None) -> str:
    """One table for each task, for docs/benchmarks.md."""
    if report is None:
        return "Not measured yet; `python benchmarks/peers.py` does it.\n"
    return "\n\n".join(block for one in report.comparisons for block in _comparison(one)) + "\n"


def _comparison(compared: Comparison) -> Iterator[str]:
    yield f"### {compared.task[:1].upper()}{compared.task[1:]}"
    if compared.status != "measured":
        yield f"{compared.status}: {compared.reason}"
    groups = list(dict.fromkeys(group.group for one in compared.systems for group in one.groups))
    if groups:
        items = {group.group: group.items for one in compared.systems for group in one.groups}
        yield f"{compared.data}; every input {compared.rounds} times, {compared.began[:10]}, {compared.commit}."
        head = ["system", "weights", *(f"{name} ({items[name]})" for name in groups), "quality", "memory MB:"]
        yield table(head, (_system(one, groups) for one in compared.systems))
    notes = [f"- {one.system}: {one.reason or one.note}" for one in compared.systems if one.reason or one.note]
    if notes:
        yield "\n".join(notes)
    broken = [
        f"- {one.what}: {number(one.value)}, promised {number(one.limit)}" for one in compared.limits if not one.held
    ]
    if broken:
        yield "\n".join(["Promises not held:", "", *broken])


def peers_headlines(report: PeersReport) -> list[list[str]]:
    """One row for each task, for the README: our time, those of the others, and the ratios in their order."""
    return [row for row in map(_headline, report.comparisons) if row]


def _headline(compared: Comparison) -> list[str]:
    ours = next((one for one in compared.systems if one.ours and one.groups), None)
    if ours is None:
        return []
    names = [group.group for group in ours.groups]
    name = next((name for name in names if "5 s" in name), names[0])
    theirs = [(one, group) for one in compared.systems for group in one.groups if group.group == name and not one.ours]
    mine = next(group for group in ours.groups if group.group == name)
    return [
        f"{compared.task}, {name}",
        _said(ours, mine, ""),
        "; ".join(_said(one, group, f"{one.system} ") for one, group in theirs),
        "; ".join(f"{group.ratio:.2f}" for _, group in theirs if group.ratio is not None),
    ]


def _said(one: SystemResult, group: Group, name: str) -> str:
    judged = f" ({quality(one.quality[0])})" if one.quality else ""
    return f"{name}{number(group.p50_ms)} ms{judged}"


def _system(one: SystemResult, groups: list[str]) -> list[str]:
    timed = {group.group: group for group in one.groups}
    name = f"**{one.system}**" if one.ours else one.system
    return [
        f"{name}, {one.precision}, {one.threads} thread{'s' * (one.threads > 1)}",
        one.weights,
        *(_group(timed[group]) if group in timed else ("" if one.groups else one.status) for group in groups),
        "; ".join(map(quality, one.quality)),
        f"{one.peak_rss_mb:.0f}" if one.peak_rss_mb else "",
    ]


def _group(group: Group) -> str:
    times = f"{number(group.p50_ms)} / {number(group.p90_ms)} ms"
    return f"{times}<br>{_ratio(group)}" if group.ratio is not None else times


def _ratio(group: Group) -> str:
    low, high = group.interval or (group.ratio, group.ratio)
    return f"{group.ratio:.2f} ({low:.2f}-{high:.2f}), {group.verdict}"
