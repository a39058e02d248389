"""From a plan (systems, inputs, how to judge) to a comparison in the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from peers_measuring import Item, Measured, Start, Tell, take_turns
from peers_process import System
from peers_ratios import groups_of
from peers_report import Comparison, Limit, SystemResult

from edge.bench.report import Quality
from edge.hub.store import ModelStore

Answers = Mapping[str, Any]
Results = Mapping[str, SystemResult]


@dataclass(frozen=True)
class Place:
    """Where things are.

    Attributes:
        store: the installed models.
        data: folder of evaluation data; None: what the program brings.
        made: folder for what is made from upstream's files (other formats of the same weights), kept between runs.
        scratch: folder for decoded inputs, removed at the end.
        torch: interpreter with torch and transformers; None: there is none.
        quick: fewer inputs.
        tell: says what goes on.
    """

    store: ModelStore
    data: Path | None
    made: Path
    scratch: Path
    torch: Path | None
    quick: bool
    tell: Tell


@dataclass(frozen=True)
class Plan:
    """One comparison, ready to run.

    Attributes:
        judge: quality of the answers of one system, by input.
        limits: what was promised, from the finished rows by name.
    """

    task: str
    data: str
    systems: Sequence[System]
    items: Sequence[Item]
    judge: Callable[[Answers], tuple[Quality, ...]]
    limits: Callable[[Results], tuple[Limit, ...]]


def compare(plan: Plan, rounds: int, start: Start, commit: str, tell: Tell) -> Comparison:
    """Run a plan."""
    began, clock = now(), time.monotonic()
    measured = take_turns(plan.systems, plan.items, rounds, start, tell=tell)
    ours = next((one for one in measured if one.system.ours), None)
    systems = tuple(result_of(plan, one, ours, rounds) for one in measured)
    return Comparison(
        task=plan.task,
        data=plan.data,
        rounds=rounds,
        began=began,
        seconds=round(time.monotonic() - clock, 1),
        commit=commit,
        systems=systems,
        limits=plan.limits({one.system: one for one in systems if one.status == "measured"}),
    )


def result_of(plan: Plan, measured: Measured, ours: Measured | None, rounds: int) -> SystemResult:
    """The row of one system."""
    system = measured.system
    judged = system.judged and measured.status == "measured"
    return SystemResult(
        system=system.name,
        ours=system.ours,
        precision=system.precision,
        threads=system.threads,
        weights=system.weights,
        note="; ".join(filter(None, (system.note, _fewer(system, rounds), measured.note))),
        status=measured.status,
        reason=measured.reason,
        versions=measured.versions,
        load_ms=None if measured.load_ms is None else round(measured.load_ms, 1),
        peak_rss_mb=measured.peak_rss_mb,
        groups=groups_of(plan.items, measured, ours),
        quality=plan.judge(measured.answers) if judged else (),
    )


def _fewer(system: System, rounds: int) -> str:
    """Said of a system that did not take part in every round."""
    if system.rounds is None or system.rounds >= rounds:
        return ""
    return f"{system.rounds} of {rounds} rounds"


def nothing_promised(_results: Results) -> tuple[Limit, ...]:
    """No limits: for runs that are too short for them."""
    return ()


def most(results: Results, system: str, limit: float, *, what: str) -> tuple[Limit, ...]:
    """A limit on our median over that of `system`, the largest of all groups; none where one was not measured."""
    ours = {group.group: group.p50_ms for row in results.values() if row.ours for group in row.groups}
    theirs = {group.group: group.p50_ms for group in results[system].groups} if system in results else {}
    ratios = [ours[name] / theirs[name] for name in ours if name in theirs]
    if not ratios:
        return ()
    return (Limit(what=what, value=round(max(ratios), 4), limit=limit, held=max(ratios) <= limit),)


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
