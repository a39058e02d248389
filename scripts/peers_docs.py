"""Tables of benchmarks/results/peers.json: every system that took its turn on the same inputs, and who leads."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from board_tables import number, quality, table
from plot_data import Figure

from edge.bench.report import Quality
from edge.errors import BenchmarkError

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
PEERS = BENCHMARKS / "results" / "peers.json"
PLOT = "peers.png"
README_METRICS, README_ITEMS = 2, 100
"""So many qualities of a system, and only of so many words or letters; docs/benchmarks.md has all."""
README_PEERS = 3
"""Of a task, those that come closest to us or lead; docs/benchmarks.md has all."""

if TYPE_CHECKING:
    from peers_report import Comparison, Group, PeersReport, SystemResult


def peers(path: Path = PEERS) -> PeersReport | None:
    """The report, if there is one.

    Raises:
        BenchmarkError: it is no report, not complete, or from an emulator.
    """
    if not path.is_file():
        return None
    sys.path.append(str(BENCHMARKS))
    from peers_report import read_peers  # the shape of the file, beside what writes it

    report = read_peers(path)
    lacking = f" ({', '.join(report.lacking)} lacking)" if report.lacking else ""
    why = f"not complete{lacking}" if not report.complete else "emulated" if report.machine.emulated else ""
    if why:
        raise BenchmarkError(f"benchmarks/results/{path.name} is {why}; run: python benchmarks/peers.py")
    return report


def peers_part(report: PeersReport | None) -> str:
    """One table for each task, for docs/benchmarks.md."""
    if report is None:
        return "Not measured yet; `python benchmarks/peers.py` does it.\n"
    quick = ["In quick mode: fewer inputs and rounds."] if report.quick else []
    plot = [f"![our time over that of each system](plots/{PLOT})"] if peers_figure(report) else []
    return "\n\n".join([*quick, *plot, *(block for one in report.comparisons for block in _comparison(one))]) + "\n"


def _comparison(compared: Comparison) -> Iterator[str]:
    yield f"### {compared.task[:1].upper()}{compared.task[1:]}"
    if compared.status != "measured":
        yield f"{compared.status}: {compared.reason}"
    groups = list(dict.fromkeys(group.group for one in compared.systems for group in one.groups))
    if groups:
        items = {group.group: group.items for one in compared.systems for group in one.groups}
        yield f"{compared.data}; every input {compared.rounds} times, {compared.began[:10]}, {compared.commit}."
        head = ["system", "weights", *(f"{name} ({items[name]})" for name in groups), "quality", "memory MB:"]
        ours = next((one for one in compared.systems if one.ours), compared.systems[0])
        yield table(head, (_system(one, ours, groups) for one in compared.systems))
    notes = [f"- {one.system}: {one.reason or one.note}" for one in compared.systems if one.reason or one.note]
    if notes:
        yield "\n".join(notes)
    for title, goal in (("Promises not held:", False), ("Goals not reached:", True)):
        missed = [
            f"- {one.what}: {number(one.value)}, {'wanted' if goal else 'promised'} {number(one.limit)}"
            for one in compared.limits
            if one.goal == goal and not one.held
        ]
        if missed:
            yield "\n".join([title, "", *missed])


def peers_headlines(report: PeersReport) -> list[list[str]]:
    """One row for each task, for the README: our time, those that come closest, and the ratios in their order."""
    return [row for compared in report.comparisons for row in _headline(compared)]


def peers_figure(report: PeersReport | None) -> Figure | None:
    """Our time over that of every system, on the inputs that the README shows; None without any."""
    rows = [
        {
            "task": compared.task,
            "group": mine.group,
            "system": one.system,
            "ours_ms": mine.p50_ms,
            "ms": group.p50_ms,
            "ratio": group.ratio,
            "interval": group.interval,
        }
        for compared in (report.comparisons if report else ())
        for _, mine in _shown(compared)
        for one, group in _theirs(compared, mine)
        if group.ratio is not None
    ]
    return {"kind": "peers", "title": _where(report), "rows": rows} if report and rows else None


def _where(report: PeersReport) -> str:
    return report.machine.board or report.machine.cpu or report.machine.architecture


def _shown(compared: Comparison) -> list[tuple[SystemResult, Group]]:
    """Ours, and the kind of input that stands for all: utterances of 5 s, or else the first; empty without times."""
    ours = next((one for one in compared.systems if one.ours and one.groups), None)
    if ours is None:
        return []
    return [(ours, next((group for group in ours.groups if "5 s" in group.group), ours.groups[0]))]


def _theirs(compared: Comparison, mine: Group) -> list[tuple[SystemResult, Group]]:
    return [
        (one, group) for one in compared.systems for group in one.groups if group.group == mine.group and not one.ours
    ]


def _headline(compared: Comparison) -> Iterator[list[str]]:
    for ours, mine in _shown(compared):
        timed = [(one, group, group.ratio) for one, group in _theirs(compared, mine) if group.ratio is not None]
        closest = sorted(timed, key=lambda row: -row[2])[:README_PEERS]
        yield [
            f"{compared.task}, {mine.group}",
            _said(ours, mine),
            "; ".join(f"{one.system} {_said(one, group)}{_fewer(one, ours)}" for one, group, _ in closest),
            "; ".join(f"{ratio:.2f}" for _, _, ratio in closest),
        ]


def _said(one: SystemResult, group: Group) -> str:
    random = " (random weights)" if "random" in one.weights else ""
    qualities = [quality for quality in one.quality if quality.items >= README_ITEMS][:README_METRICS]
    judged = f" ({_judged(qualities)})" if qualities else random
    return f"{number(group.p50_ms)} ms{judged}"


def _fewer(one: SystemResult, ours: SystemResult) -> str:
    """A slow system may have been judged on a part of what ours was judged on."""
    items = [(other.items, mine.items) for other in one.quality for mine in ours.quality if other.metric == mine.metric]
    return " on fewer inputs" if any(theirs < all_of_them for theirs, all_of_them in items) else ""


def _judged(found: Sequence[Quality]) -> str:
    """Qualities of one kind share their words: `WER en 3.6, pt 40.0`."""
    first = found[0].metric.split()
    told = [quality(found[0])]
    for one in found[1:]:
        words = one.metric.split()
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(words, first, strict=False))))
        told.append(quality(one.model_copy(update={"metric": " ".join(words[same:])})))
    return ", ".join(told)


def _system(one: SystemResult, ours: SystemResult, groups: list[str]) -> list[str]:
    timed = {group.group: group for group in one.groups}
    name = f"**{one.system}**" if one.ours else one.system
    return [
        f"{name}, {one.precision}, {one.threads} thread{'s' * (one.threads > 1)}",
        one.weights,
        *(_group(timed[group]) if group in timed else ("" if one.groups else one.status) for group in groups),
        f"{_judged(one.quality)}{_fewer(one, ours)}" if one.quality else "",
        f"{one.peak_rss_mb:.0f}" if one.peak_rss_mb else "",
    ]


def _group(group: Group) -> str:
    times = f"{number(group.p50_ms)} / {number(group.p90_ms)} ms"
    return f"{times}<br>{_ratio(group)}" if group.ratio is not None else times


def _ratio(group: Group) -> str:
    low, high = group.interval or (group.ratio, group.ratio)
    return f"{group.ratio:.2f} ({low:.2f}-{high:.2f}), {group.verdict}"
