"""A whole benchmark: rounds of all variants by turns, then sessions; the report is on disk after every step.

Every variant has a process of its own, which stays open while others measure. So many short rounds of each are spread
over the same minutes: what the machine does besides, or how warm it is, meets all of them alike.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from edge.bench.child import Ask, Judged, Opened, Order, Round
from edge.bench.measuring import KEPT_SAMPLES, NOISE_BOUND
from edge.bench.pacing import APART_S, Pace
from edge.bench.plan import Choice, is_default, variants
from edge.bench.process import Outcome
from edge.bench.recorder import Entry, Message, entries, parsed
from edge.bench.report import Peaks, Report, Session, Work
from edge.bench.stage import Variant
from edge.bench.world import Asked, World
from edge.errors import BenchmarkError
from edge.hardware.record import Condition

INTERRUPTED = "interrupted"
TIME_WAS_UP = "the time was up"
_PEAKS_S = 60.0
_MOST_PROCESSES = 24
_FEW_PROCESSES = 4
"""Where nobody knows how much memory is free."""
_KEPT_FREE, _KEPT_FREE_MB = 0.35, 700.0
"""Of memory, while processes are opened."""

Crew = dict[Variant, Asked]
"""The processes that are open."""


@dataclass
class Run:
    """A benchmark in progress.

    Attributes:
        choice: what the user asked for.
        world: where it runs.
        path: of the report.
    """

    choice: Choice
    world: World
    path: Path
    began_s: float = field(init=False)
    began: str = field(init=False)
    book: dict[Variant, Entry] = field(init=False)
    peaks: dict[int, list[Peaks]] = field(default_factory=dict)
    work: dict[tuple[str, str, str], Work] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)
    stopped: str | None = None
    complete: bool = False
    unwritten: BenchmarkError | None = None

    def __post_init__(self) -> None:
        world = self.world
        chosen = variants(self.choice, world.stages, world.own_threads, world.machine.cores)
        self.book = entries(
            chosen,
            world.stages,
            self.choice.least_rounds,
            lambda variant, stage: is_default(variant, stage, world.own_threads),
            world.resolve,
        )
        self.began = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.began_s = world.clock()

    def run(self) -> Report:
        """Measure all of it; after Ctrl-C what there is until then, with `stopped` set.

        Raises:
            BenchmarkError: the report cannot be written, before anything is measured.
        """
        self.report().write(self.path)
        try:
            self._measure()
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED
        else:
            self.complete = self.stopped is None
        self._save()
        return self.report()

    def _measure(self) -> None:
        pace = Pace(self.choice, self.world.sessions_s, self.world.clock)
        if self.book:
            self._measure_peaks(pace)
        waiting = list(self.book)
        while waiting and not pace.over:
            with self._crew() as crew:
                while waiting and not pace.over and self._has_room(crew):
                    self._open(waiting.pop(0), crew, pace)
                self._measure_rounds(crew, len(waiting), pace)
        if any(not entry.refused and len(entry.rounds) < entry.least_rounds for entry in self.book.values()):
            self.stopped = TIME_WAS_UP
        if self.book and not pace.over:
            self._measure_peaks(pace)  # a second time, as a neighbour may disturb one
        self._run_sessions(pace)
        self._feel()

    def _measure_peaks(self, pace: Pace) -> None:
        began_s = self.world.clock()
        for threads in sorted({variant.threads for variant in self.book}):
            self.world.tell(f"peaks of this machine, {count(threads, 'thread')}")
            outcome = self.world.measure_peaks(threads, _PEAKS_S)
            try:
                self.peaks.setdefault(threads, []).append(Peaks.model_validate_json(outcome.answer or ""))
            except ValueError:
                self.world.tell(f"no peaks, so no floors: {outcome.told or f'status {outcome.status}'}")
        pace.peaks_s = self.world.clock() - began_s
        self._save()

    @contextlib.contextmanager
    def _crew(self) -> Iterator[Crew]:
        crew: Crew = {}
        try:
            yield crew
        finally:
            for worker in crew.values():
                worker.close()

    def _has_room(self, crew: Crew) -> bool:
        """Whether one more process may be opened beside the others."""
        if not crew:
            return True
        free_mb, memory_mb = self.world.condition(self.began_s).available_mb, self.world.machine.memory_mb
        if free_mb is None or memory_mb is None:
            return len(crew) < _FEW_PROCESSES
        return len(crew) < _MOST_PROCESSES and free_mb > max(_KEPT_FREE * memory_mb, _KEPT_FREE_MB)

    def _open(self, variant: Variant, crew: Crew, pace: Pace) -> None:
        """Start the process of a variant, measure its first round, and judge it."""
        entry, began_s = self.book[variant], self.world.clock()
        order = Order(
            variant=variant,
            quick=self.choice.quick,
            slowdown=dict(self.choice.slowdown).get(variant.stage, 1.0),
            data=self.choice.data,
            settings=self.choice.settings,
        )
        free_mb = self._feel().available_mb
        worker = crew[variant] = self.world.start_stage(order, self.world.meter)
        opened = self._heard(entry, worker.answer(pace.kill_s()), Opened, free_mb)
        if opened is not None:
            entry.take_opened(opened)
        round_s = self._measure_round(entry, worker, pace)
        if not entry.refused:
            ask = Ask(what="judge", work=_graphs(variant) not in self.work)
            judged = self._heard(entry, worker.ask(ask, pace.kill_s()), Judged, free_mb)
            if judged is not None:
                entry.take_judged(judged)
        if entry.work is not None:
            self.work[_graphs(variant)] = entry.work
        entry.work = self.work.get(_graphs(variant))
        self._dismiss_if_refused(entry, crew)
        pace.learn(self.world.clock() - began_s - round_s)
        self._save()
        self.world.tell(f"[{len(self.book) - self._unopened()}/{len(self.book)}] {line(entry)}")

    def _unopened(self) -> int:
        return sum(not entry.rounds and entry.refused is None for entry in self.book.values())

    def _measure_rounds(self, crew: Crew, waiting: int, pace: Pace) -> None:
        """Rounds of all that are open, every other one backwards, so that nobody is always behind the same other."""
        end_s, done, round_s = pace.end_s(len(crew), waiting), 1, 0.0
        while crew and pace.another(done, round_s, end_s):
            began_s = self.world.clock()
            self._feel()
            for variant in reversed(list(crew)) if done % 2 else list(crew):
                self._measure_round(self.book[variant], crew[variant], pace)
                self._dismiss_if_refused(self.book[variant], crew)
            self.world.sleep(max(0.0, began_s + APART_S - self.world.clock()))
            done, round_s = done + 1, self.world.clock() - began_s
            self._save()
            self.world.tell(f"round {done} of {count(len(crew), 'measurement')}, {round_s:.0f} s")

    def _measure_round(self, entry: Entry, worker: Asked, pace: Pace) -> float:
        """One round, unless the variant is refused; the seconds that it took."""
        if entry.refused:
            return 0.0
        outcome = worker.ask(pace.round(), pace.kill_s())
        measured = self._heard(entry, outcome, Round, self.conditions[-1].available_mb)
        if measured is not None:
            entry.take_round(measured, outcome.energy_j, self.world.idle_w)
        return outcome.wall_s

    @staticmethod
    def _heard(entry: Entry, outcome: Outcome, kind: type[Message], free_mb: float | None) -> Message | None:
        """The answer; without one the entry is refused."""
        answer = parsed(outcome, kind)
        if answer is None:
            entry.ended(outcome, free_mb)
        return answer

    @staticmethod
    def _dismiss_if_refused(entry: Entry, crew: Crew) -> None:
        if entry.refused:
            crew.pop(entry.variant).close()

    def _run_sessions(self, pace: Pace) -> None:
        if self.world.sessions is None:
            return
        self.world.tell(f"sessions of the whole program, about {self.world.sessions_s:.0f} s")
        self.world.sessions(self._note_session, pace.for_sessions(), self.began_s)
        self._save()

    def _note_session(self, session: Session) -> None:
        self.sessions[session.name] = session
        self._save()

    def _feel(self) -> Condition:
        condition = self.world.condition(self.began_s)
        self.conditions.append(condition)
        return condition

    def report(self) -> Report:
        """What is known now."""
        peaks = self._best_peaks()
        return Report(
            kind=self.choice.kind,
            began=self.began,
            seconds=round(self.world.clock() - self.began_s, 1),
            complete=self.complete,
            stopped=self.stopped,
            noise_bound=NOISE_BOUND,
            kept_samples=KEPT_SAMPLES,
            slowdown=dict(self.choice.slowdown),
            machine=self.world.machine,
            peaks=tuple(peaks.values()),
            stages=tuple(entry.result(peaks, NOISE_BOUND, KEPT_SAMPLES, self.stopped) for entry in self.book.values()),
            sessions=tuple(self.sessions.values()),
            conditions=tuple(self.conditions),
        )

    def _best_peaks(self) -> dict[int, Peaks]:
        if not self.peaks:
            return {}
        from edge.bench.floor import best_peaks

        return {threads: best_peaks(self.peaks[threads]) for threads in sorted(self.peaks)}

    def _save(self) -> None:
        """Write the report; a disk that is full now must not cost what is measured later."""
        try:
            self.report().write(self.path)
        except BenchmarkError as error:
            if self.unwritten is None:
                self.world.tell(f"{error}; measuring goes on")
            self.unwritten = error
        else:
            self.unwritten = None


def _graphs(variant: Variant) -> tuple[str, str, str]:
    """What the work of a sample depends on: not on threads."""
    return variant.stage, variant.precision, variant.provider


def line(entry: Entry) -> str:
    """What the process of a variant said last, for people who wait."""
    variant = entry.variant
    what = f"{variant.stage} {variant.precision}, {count(variant.threads, 'thread')}"
    if entry.refused is not None:
        return f"{what}: {entry.refused[0]} ({entry.refused[1]})"
    times = sorted(entry.rounds[-1]) if entry.rounds else []
    return f"{what}: {times[len(times) // 2]:.3g} ms ({count(len(times), 'sample')})" if times else what


def count(number: int, noun: str) -> str:
    """`1 thread`, `2 threads`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
