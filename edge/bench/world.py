"""What a benchmark needs from outside: this machine, its processes, its meters. Tests give it another world."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from edge.bench.child import Order
from edge.bench.plan import Choice
from edge.bench.process import EnergyMeter, Outcome, measure_peaks, measure_stage
from edge.bench.report import Session
from edge.bench.stage import Stage
from edge.errors import EdgeError
from edge.hardware.energy import Meter, idle_watts
from edge.hardware.record import Condition, Machine

_IDLE_QUICK_S, _IDLE_FULL_S = 2.0, 5.0

ReportEach = Callable[[Session], None]
Sessions = Callable[[ReportEach, float | None, float], None]
"""Runs the sessions that the user asked for: where to report them, seconds they may take, and when all began."""


class MeasureStage(Protocol):
    """`edge.bench.process.measure_stage`."""

    def __call__(self, order: Order, limit_s: float, meter: EnergyMeter | None = None) -> Outcome:
        """Run one order."""
        ...


@dataclass(frozen=True)
class World:
    """What a benchmark needs from outside.

    Attributes:
        machine: as it is before.
        stages: all there are.
        own_threads: that the program uses by itself.
        measure_stage: runs an order in a process of its own.
        measure_peaks: threads and seconds it may take, to how the process ended.
        condition: how the machine feels, given when all began.
        sessions: None: no sessions.
        sessions_s: how long they take, about.
        resolve: a catalogue id to the one that is opened for it.
        meter: of energy, if there is one.
        idle_w: power at rest, if it could be measured.
        tell: progress, line by line.
        clock: monotonic, seconds.
    """

    machine: Machine
    stages: Sequence[Stage]
    own_threads: int
    measure_stage: MeasureStage
    measure_peaks: Callable[[int, float], Outcome]
    condition: Callable[[float], Condition]
    sessions: Sessions | None = None
    sessions_s: float = 0.0
    resolve: Callable[[str], str] = str
    meter: EnergyMeter | None = None
    idle_w: float | None = None
    tell: Callable[[str], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic

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
        measure_stage=measure_stage,
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
