"""The turns: every system on every input, one after the other, the order of the systems rotated each round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from peers_process import MissingError, System, Worker, WorkerError

from edge.bench.report import Status

WARM_UPS = 2
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Item:
    """One input.

    Attributes:
        key: its name.
        group: times of a group stand in one row.
        order: what the workers' `run` asks for.
        timed: whether it is given in every round; else once, after them, for the quality.
    """

    key: str
    group: str
    order: Mapping[str, Any]
    timed: bool = True


@dataclass
class Measured:
    """What one system did.

    Attributes:
        times_ms: of every timed input, one per round that the system took part in (the first ones).
        answers: the first to each input.
    """

    system: System
    status: Status = "measured"
    reason: str | None = None
    load_ms: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    peak_rss_mb: float | None = None
    note: str = ""
    times_ms: dict[str, list[float]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)

    def fail(self, status: Status, reason: str) -> None:
        """It has no numbers but a reason."""
        self.status, self.reason = status, reason
        self.times_ms, self.answers = {}, {}


class Answering(Protocol):
    """The part of `Worker` that the turns need."""

    load_ms: float
    versions: dict[str, str]

    def run(self, item: Mapping[str, Any]) -> tuple[float, Any]:
        """Milliseconds and the answer."""
        ...

    def end(self) -> dict[str, Any]:
        """What it says at its end."""
        ...

    def close(self) -> None:
        """End it."""
        ...


Start = Callable[[System], Answering]


def starter(logs: Path) -> Start:
    """Starts workers whose stderr goes to files in `logs`."""

    def start(system: System) -> Answering:
        return Worker(system, logs / f"{system.name.replace(' ', '-').replace('/', '-')}.log")

    return start


def take_turns(
    systems: Sequence[System],
    items: Sequence[Item],
    rounds: int,
    start: Start,
    *,
    tell: Tell = lambda _line: None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Measured]:
    """Run all; a system that cannot be started, fails or dies has a reason, and the others go on."""
    results = [Measured(system) for system in systems]
    workers: dict[str, Answering] = {}
    try:
        for result in results:
            _start(result, start, workers)
            tell(f"{result.system.name}: {result.reason or 'loaded'}")
        _time(results, [item for item in items if item.timed], rounds, workers, sleep, tell)
        for item in items:
            for result in results:
                if result.system.judged and not (item.timed or result.system.timed_only):
                    _run(result, item, workers)
        for result in results:
            _end(result, workers)
    finally:
        for worker in workers.values():
            worker.close()
    return results


def _time(
    results: Sequence[Measured],
    items: Sequence[Item],
    rounds: int,
    workers: dict[str, Answering],
    sleep: Callable[[float], None],
    tell: Tell,
) -> None:
    for item in items[:WARM_UPS]:
        for result in results:
            _run(result, item, workers, sleep, keep=False)
    for turn in range(rounds):
        tell(f"round {turn + 1} of {rounds}")
        order = [one for one in rotated(results, turn) if one.system.rounds is None or turn < one.system.rounds]
        for item in items:
            for result in order:
                _run(result, item, workers, sleep)


def rotated(results: Sequence[Measured], turn: int) -> list[Measured]:
    """The order of a round: who was first is last in the next."""
    first = turn % max(1, len(results))
    return [*results[first:], *results[:first]]


def _start(result: Measured, start: Start, workers: dict[str, Answering]) -> None:
    system = result.system
    if system.missing is not None:
        result.fail("skipped", system.missing)
        return
    try:
        worker = start(system)
    except MissingError as error:
        result.fail("skipped", _where_from(system, str(error)))
    except (WorkerError, OSError) as error:
        result.fail("failed", str(error))
    else:
        workers[system.name] = worker
        result.load_ms, result.versions = worker.load_ms, worker.versions


def _where_from(system: System, missing: str) -> str:
    """A reason that says what to run."""
    if "run:" in missing:
        return missing
    kind = "bench" if system.python is None else "export"
    return f"{missing}; where there is a wheel for this platform, scripts/setup {kind} installs it"


def _run(
    result: Measured,
    item: Item,
    workers: dict[str, Answering],
    sleep: Callable[[float], None] = lambda _seconds: None,
    *,
    keep: bool = True,
) -> None:
    system = result.system
    worker = workers.get(system.name)
    if worker is None:
        return
    try:
        taken_ms, answer = worker.run(item.order)
    except WorkerError as error:
        workers.pop(system.name).close()
        result.fail("failed", f"{item.key}: {error}")
        return
    if keep:
        result.answers.setdefault(item.key, answer)
        if item.timed:
            result.times_ms.setdefault(item.key, []).append(taken_ms)
    if system.pause_s:
        sleep(system.pause_s)


def _end(result: Measured, workers: dict[str, Answering]) -> None:
    worker = workers.pop(result.system.name, None)
    if worker is None:
        return
    try:
        said = worker.end()
    except WorkerError as error:
        result.fail("failed", f"at its end: {error}")
        return
    result.peak_rss_mb, result.note = said.get("peak_rss_mb"), said.get("note", "")
    result.versions |= said.get("versions", {})
