"""Glass to glass: the whole program on a film of which everything is known, paced live, in a process of its own."""

from __future__ import annotations

import difflib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.bench.endurance import Watch, one_line, outcome
from edge.bench.film import Film, compose_film, write_sound
from edge.bench.process import EnergyMeter
from edge.bench.report import Session, Status
from edge.bench.scratch import scratch_folder
from edge.bench.sessions_child import Played, command, play
from edge.bench.stability import Event
from edge.errors import BenchmarkError, EdgeError, ModelNotFoundError
from edge.hardware import condition
from edge.hub.store import ModelStore
from edge.perception.segmentation import SAMPLE_RATE

SESSIONS = ("speech", "signs", "scene", "all", "silence", "noise")
SUSTAINED, SOAK = "sustained", "soak"
EMPTY = ("silence", "noise")
ALL_SENSES = ("speech", "signs", "scene")

_QUICK_FILM_S, _FILM_S, _EMPTY_S = 12.0, 50.0, 40.0
_AROUND_S = 8.0  # making the film, start, end
_NOISE = 1e-3  # -60 dBFS

ReportEach = Callable[[Session], None]
Play = Callable[..., Played]


def sessions_seconds(
    names: Sequence[str] | None, *, quick: bool = False, minutes: float | None = None, soak_s: float | None = None
) -> float:
    """How long `run_sessions` takes with the same arguments, about."""
    plan = _plan(names, quick=quick, minutes=minutes, soak_s=soak_s)
    return sum(_seconds(name, quick=quick, minutes=minutes, soak_s=soak_s) for name in plan)


def run_sessions(  # noqa: PLR0913 - the whole of what a user can ask for
    names: Sequence[str] | None,
    report_each: ReportEach,
    *,
    quick: bool = False,
    minutes: float | None = None,
    soak_s: float | None = None,
    data: Path | None = None,
    budget_s: float | None = None,
    began_s: float | None = None,
    meter: EnergyMeter | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Run sessions one after the other and report each; what cannot run is reported as skipped.

    Args:
        names: some of SESSIONS; empty: those of the kind, none beside a soak; None: none.
        report_each: is given a session whenever there is news of it; a later one of the same name replaces it.
        quick: the short film.
        minutes: also a sustained session of so many.
        soak_s: also a session of so many seconds that looks for what grows or dies.
        data: folder of evaluation data, whose clips are said in the film.
        budget_s: a session that cannot end within it is skipped; None: no end.
        began_s: `time.monotonic()` of the start of the benchmark.
        meter: of energy.
        tell: progress.

    Raises:
        BenchmarkError: an unknown name.
        KeyboardInterrupt: passed on, after reporting as unfinished what was measured.
    """
    began_s = time.monotonic() if began_s is None else began_s
    plan = _plan(names, quick=quick, minutes=minutes, soak_s=soak_s)
    limit_s = None if budget_s is None else time.monotonic() + budget_s
    with scratch_folder() as folder:
        films = Films(folder, ModelStore(), quick, data)
        for name in plan:
            senses = senses_of(name)
            needed_s = _seconds(name, quick=quick, minutes=minutes, soak_s=soak_s)
            if limit_s is not None and time.monotonic() + needed_s > limit_s:
                reason = f"it takes {needed_s:.0f} s, and the time is up; run: edge bench --sessions {name}"
                report_each(Session(name=name, senses=senses, status="skipped", reason=reason))
                continue
            tell(f"session {name}, about {needed_s:.0f} s")
            lasting_s = {SUSTAINED: 60 * (minutes or 0), SOAK: soak_s or 0.0}.get(name)
            one = Run(name, senses, films, began_s, report_each, meter, lasting_s)
            report_each(one.run())


@dataclass
class Films:
    """What is played, made when it is first wanted."""

    folder: Path
    store: ModelStore
    quick: bool = False
    data: Path | None = None
    made: dict[str, Film] = field(default_factory=dict)

    def of(self, name: str) -> Film:
        """The film of a session.

        Raises:
            ModelNotFoundError: a sample is missing; says what to pull.
        """
        kind = name if name in EMPTY else "film"
        if kind not in self.made:
            self.made[kind] = self._make(kind)
        return self.made[kind]

    def _make(self, kind: str) -> Film:
        if kind not in EMPTY:
            return compose_film(self.folder / "film.mkv", self.store, quick=self.quick, data=self.data)
        path = self.folder / f"{kind}.wav"
        length = round(_EMPTY_S * SAMPLE_RATE)
        noise = np.random.default_rng(2).standard_normal(length).astype(np.float32) * np.float32(_NOISE)
        write_sound(path, noise if kind == "noise" else np.zeros(length, np.float32))
        return Film(path, _EMPTY_S, data=kind)


@dataclass
class Run:
    """One session.

    Attributes:
        lasting_s: of a sustained session or a soak; None: the film once.
        play: `sessions_child.play`; tests give another one.
    """

    name: str
    senses: tuple[str, ...]
    films: Films
    began_s: float
    report_each: ReportEach
    meter: EnergyMeter | None = None
    lasting_s: float | None = None
    play: Play = play

    def run(self) -> Session:
        """Play it; the session at its end."""
        try:
            film = self.films.of(self.name)
        except ModelNotFoundError as error:
            return self._without("skipped", one_line(str(error)))
        except EdgeError as error:
            return self._without("failed", one_line(str(error)))
        times = 1 if self.lasting_s is None else max(1, round(self.lasting_s / film.seconds))
        with tempfile.TemporaryDirectory(dir=self.films.folder) as scratch:
            return self._played(film, times, Path(scratch))

    def _played(self, film: Film, times: int, folder: Path) -> Session:
        report_each = None if self.lasting_s is None else self.report_each
        watch = Watch(self.name, self.senses, film, times, lambda: condition(self.began_s), report_each)
        arguments = command(film.path, self.senses, folder, film.language, times)
        seen: list[Played] = []
        joules: list[float | None] = []

        def take(event: Event) -> None:
            if not joules:
                joules.append(self._joules())
            watch.take(event)

        def each(played: Played) -> None:
            seen[:] = [played]
            watch.each(played)

        watch.feel()
        try:
            played = self.play(arguments, folder / "events.jsonl", take, each, watch.every_s)
        except (KeyboardInterrupt, SystemExit):
            if seen:
                self.report_each(watch.session(seen[0], "unfinished", "interrupted"))
            else:
                self.report_each(self._without("unfinished", "interrupted before it was ready"))
            raise
        joules.append(self._joules())
        watch.feel()
        session = watch.session(played, *outcome(played, watch.judge))
        return session.model_copy(update={"energy_j": _between(joules)})

    def _joules(self) -> float | None:
        return None if self.meter is None else self.meter.joules()

    def _without(self, status: Status, reason: str) -> Session:
        return Session(name=self.name, senses=self.senses, status=status, reason=reason)


def _between(joules: Sequence[float | None]) -> float | None:
    """From the first reading to the last; None when there was no session between them, or no meter."""
    first, last = joules[0], joules[-1]
    return None if len(joules) == 1 or first is None or last is None else round(last - first, 3)


def senses_of(name: str) -> tuple[str, ...]:
    """What runs in a session."""
    if name in EMPTY:
        return ("speech",)
    return (name,) if name in ALL_SENSES else ALL_SENSES


def _plan(names: Sequence[str] | None, *, quick: bool, minutes: float | None, soak_s: float | None) -> tuple[str, ...]:
    for name in names or ():
        if name not in SESSIONS:
            nearest = difflib.get_close_matches(name, SESSIONS, n=1, cutoff=0.0)[0]
            raise BenchmarkError(f"no session {name!r}, did you mean {nearest}? run: edge bench --list")
    of_kind = () if soak_s is not None else ("all",) if quick else SESSIONS
    lasting = [name for name, given in ((SUSTAINED, minutes), (SOAK, soak_s)) if given is not None]
    return (*dict.fromkeys(() if names is None else names or of_kind), *lasting)


def _seconds(name: str, *, quick: bool, minutes: float | None, soak_s: float | None) -> float:
    film_s = _EMPTY_S if name in EMPTY else _QUICK_FILM_S if quick else _FILM_S
    lasting_s = {SUSTAINED: 60 * (minutes or 0), SOAK: soak_s or 0.0}.get(name, film_s)
    return max(film_s, lasting_s) + _AROUND_S
