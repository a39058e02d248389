"""A whole benchmark: variants in passes that are apart in time, sessions in between, the report after every step."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from edge.bench.child import Order
from edge.bench.measuring import KEPT_SAMPLES, NOISE_BOUND
from edge.bench.pacing import Pace
from edge.bench.plan import Choice, in_pass, is_default, variants
from edge.bench.recorder import Entry, entries
from edge.bench.report import Peaks, Report, Session, Work
from edge.bench.stage import Variant
from edge.bench.world import World
from edge.errors import BenchmarkError
from edge.hardware.record import Condition

INTERRUPTED = "interrupted"
TIME_WAS_UP = "the time was up"
_PEAKS_S = 60.0


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
            self.choice.passes,
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
        pace = Pace(self.choice, self.world.sessions_s, len(self.book), self.world.clock)
        for number in range(self.choice.passes):
            if number in (0, self.choice.passes - 1):  # twice, as a neighbour may disturb one
                self._measure_peaks(pace)
            self._measure_pass(number, pace)
            if number == 0:
                self._run_sessions(pace)
        self._feel()

    def _measure_peaks(self, pace: Pace) -> None:
        began_s = self.world.clock()
        for threads in sorted({variant.threads for variant in self.book}):
            self.world.tell(f"peaks of this machine, {count(threads, 'thread')}")
            outcome = self.world.measure_peaks(threads, min(_PEAKS_S, pace.left_s()))
            try:
                self.peaks.setdefault(threads, []).append(Peaks.model_validate_json(outcome.answer or ""))
            except ValueError:
                self.world.tell(f"no peaks, so no floors: {outcome.told or f'status {outcome.status}'}")
        pace.peaks_took(self.world.clock() - began_s)
        self._save()

    def _measure_pass(self, number: int, pace: Pace) -> None:
        due = [variant for variant in in_pass(tuple(self.book), number) if not self.book[variant].refused]
        for index, variant in enumerate(due):
            left = len(due) - index + (self.choice.passes - number - 1) * len(due)
            share = pace.share(variant, left, first=number == 0)
            if share is None:
                self.stopped = self.stopped or TIME_WAS_UP
                continue
            order = Order(
                variant=variant,
                seconds=share.seconds,
                least=share.least,
                limit_s=share.limit_s,
                quick=self.choice.quick,
                quality=number == 0,
                work=number == 0 and _graphs(variant) not in self.work,
                slowdown=dict(self.choice.slowdown).get(variant.stage, 1.0),
                data=self.choice.data,
                settings=self.choice.settings,
            )
            self._measure_one(self.book[variant], order, share.kill_s, pace)
            self.world.tell(f"[{number * len(self.book) + index + 1}/{self._steps}] {line(self.book[variant])}")

    def _measure_one(self, entry: Entry, order: Order, limit_s: float, pace: Pace) -> None:
        free_mb = self._feel().available_mb
        outcome = self.world.measure_stage(order, limit_s, self.world.meter)
        entry.take(outcome, self.world.idle_w, free_mb, limit_s)
        if entry.work is not None:
            self.work[_graphs(entry.variant)] = entry.work
        entry.work = self.work.get(_graphs(entry.variant))
        pace.learn(entry.variant, outcome, entry.answer.seconds if entry.answer else 0.0)
        self._save()

    @property
    def _steps(self) -> int:
        return len(self.book) * self.choice.passes

    def _run_sessions(self, pace: Pace) -> None:
        if self.world.sessions is None:
            return
        self.world.tell(f"sessions of the whole program, about {self.world.sessions_s:.0f} s")
        self.world.sessions(self._note_session, pace.for_sessions(), self.began_s)
        pace.sessions_done()
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
    """What the last process said of a variant, for people who wait."""
    variant = entry.variant
    what = f"{variant.stage} {variant.precision}, {count(variant.threads, 'thread')}"
    if entry.refused is not None:
        return f"{what}: {entry.refused[0]} ({entry.refused[1]})"
    times = sorted(entry.rounds[-1]) if entry.rounds else []
    return f"{what}: {times[len(times) // 2]:.3g} ms ({count(len(times), 'sample')})" if times else what


def count(number: int, noun: str) -> str:
    """`1 thread`, `2 threads`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
