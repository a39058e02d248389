"""What a benchmark needs from outside: this machine, its processes, its meters. Tests give it another world."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from edge.bench.child import Ask, Order
from edge.bench.plan import Choice
from edge.bench.process import EnergyMeter, Outcome, measure_peaks, start_stage
from edge.bench.report import Session
from edge.bench.stage import Stage
from edge.errors import EdgeError
from edge.hardware.energy import Meter, idle_watts
from edge.hardware.record import Condition, Machine

_IDLE_QUICK_S, _IDLE_FULL_S = 2.0, 5.0

ReportEach = Callable[[Session], None]
Sessions = Callable[[ReportEach, float | None, float], None]
"""Runs the sessions that the user asked for: where to report them, seconds they may take, and when all began."""


class Asked(Protocol):
    """`edge.bench.process.Worker`."""

    def ask(self, ask: Ask, limit_s: float) -> Outcome:
        """Ask, and wait for the answer."""
        ...

    def answer(self, limit_s: float) -> Outcome:
        """Wait for an answer."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class StartStage(Protocol):
    """`edge.bench.process.start_stage`."""

    def __call__(self, order: Order, meter: EnergyMeter | None = None) -> Asked:
        """Start a process that opens what the order says."""
        ...


@dataclass(frozen=True)
class World:
    """What a benchmark needs from outside.

    Attributes:
        machine: as it is before.
        stages: all there are.
        own_threads: that the program uses by itself.
        start_stage: starts a process of its own for an order.
        measure_peaks: threads and seconds it may take, to how the process ended.
        condition: how the machine feels, given when all began.
        sessions: None: no sessions.
        sessions_s: how long they take, about.
        resolve: a catalogue id to the one that is opened for it.
        meter: of energy, if there is one.
        idle_w: power at rest, if it could be measured.
        tell: progress, line by line.
        clock: monotonic, seconds.
        sleep: for so many seconds.
    """

    machine: Machine
    stages: Sequence[Stage]
    own_threads: int
    start_stage: StartStage
    measure_peaks: Callable[[int, float], Outcome]
    condition: Callable[[float], Condition]
    sessions: Sessions | None = None
    sessions_s: float = 0.0
    resolve: Callable[[str], str] = str
    meter: EnergyMeter | None = None
    idle_w: float | None = None
    tell: Callable[[str], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def with_meter(self, meter: Meter | None, *, quick: bool) -> World:
        """The same with a meter, which is asked for the power at rest first: some seconds of sleep."""
        if meter is None:
            return self
        return replace(self, meter=meter, idle_w=idle_watts(meter, _IDLE_QUICK_S if quick else _IDLE_FULL_S))


def this_world(choice: Choice, sessions: Sessions | None, sessions_s: float, tell: Callable[[str], None]) -> World:
    """The world of this process.

    Args:
        choice: of the user.
        sessions: to run; None: none.
        sessions_s: how long they take, about.
        tell: progress.

    Raises:
        SettingsError: the settings file is not valid.
    """
    from edge.bench.stages import STAGES
    from edge.hardware import condition, machine
    from edge.settings import load_settings

    return World(
        machine=machine(),
        stages=STAGES,
        own_threads=load_settings(choice.settings).inference.threads,
        start_stage=start_stage,
        measure_peaks=measure_peaks,
        condition=condition,
        sessions=sessions,
        sessions_s=sessions_s,
        resolve=_resolved,
        tell=tell,
    )


def _resolved(model_id: str) -> str:
    from edge.hub.store import ModelStore

    try:
        found = ModelStore().resolve(model_id)
    except EdgeError:
        return model_id
    return model_id if found is None else found.id
