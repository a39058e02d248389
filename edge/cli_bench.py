"""`edge bench`: how fast this machine is, stage by stage and from glass to glass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli_options import SettingsOption, print_error
from edge.errors import BenchmarkError
from edge.stopping import sigterm_is_ctrl_c

if TYPE_CHECKING:
    from edge.bench.plan import Choice
    from edge.bench.report import Report
    from edge.bench.world import World
    from edge.hardware.energy import Meter

QuickOption = Annotated[
    bool, typer.Option("--quick/--full", help="Two minutes: what the program runs by itself. Full: everything.")
]
StagesOption = Annotated[
    str | None,
    typer.Option(metavar="LIST|none", help="Only these stages or senses: speech,hud.captions.", show_default="all"),
]
PrecisionsOption = Annotated[
    str | None, typer.Option(metavar="LIST", help="Only these, e.g. int8,fp32.", show_default="all; quick: the default")
]
ThreadsOption = Annotated[
    str | None, typer.Option(metavar="LIST", help="Numbers of threads.", show_default="1,2,4 ...; quick: as it runs")
]
OnOption = Annotated[
    str | None, typer.Option(metavar="LIST", help="Execution providers, e.g. CPU,CUDA.", show_default="CPU")
]
SessionsOption = Annotated[
    str | None,
    typer.Option(metavar="LIST|none", help="Glass to glass: speech,signs,scene,all,silence,noise.", show_default="all"),
]
MinutesOption = Annotated[
    float | None, typer.Option(min=0.1, help="Also a session that lasts so long: heat, lag and memory over time.")
]
SoakOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only a session of e.g. 8h, that looks for what grows or dies.")
]
DataOption = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Evaluation data with manifests, for quality.")]
JsonFileOption = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="The report.", show_default="bench-<board>-<date>.json"),
]
SubmitOption = Annotated[
    bool, typer.Option("--submit", help="Also write benchmarks/boards/<board>.json for a pull request.")
]
NameOption = Annotated[str | None, typer.Option(metavar="NAME", help="Another name of that file.")]
ReportOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Measure nothing: show (or submit) this report.")
]
ListOption = Annotated[bool, typer.Option("--list", help="List stages, precisions and sessions.")]
PlantOption = Annotated[
    list[str] | None,
    typer.Option(metavar="STAGE=1.3", help="Slow a stage down on purpose, to see that a comparison finds it."),
]
PullOption = Annotated[bool, typer.Option("--pull", help="Only get samples and float models for comparison.")]
ProvidersOption = Annotated[
    bool, typer.Option("--providers", help="Only choose execution providers by measuring them on every model.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(bench)


def bench(
    quick: QuickOption = False,
    stages: StagesOption = None,
    precisions: PrecisionsOption = None,
    threads: ThreadsOption = None,
    on: OnOption = None,
    sessions: SessionsOption = None,
    minutes: MinutesOption = None,
    soak: SoakOption = None,
    data: DataOption = None,
    json: JsonFileOption = None,
    submit: SubmitOption = False,
    name: NameOption = None,
    report: ReportOption = None,
    listed: ListOption = False,
    plant: PlantOption = None,
    pull: PullOption = False,
    providers: ProvidersOption = False,
    settings: SettingsOption = None,
) -> None:
    """Measure this machine: a table on stdout, all numbers in a JSON file. Ctrl-C keeps what was measured."""
    if listed:
        return _list()
    if pull:
        return _pull()
    if report is not None:
        return _show(report, submit=submit, name=name)
    if providers:
        return _choose_providers(json, settings)
    from edge.bench.plan import NONE, Choice

    choice = Choice(
        quick=quick,
        stages=_names(stages) if soak is None or stages else (NONE,),
        precisions=_names(precisions),
        threads=_counts(threads),
        providers=_providers(on),
        slowdown=_planted(plant or []),
        data=data,
        settings=settings,
    )
    wish = _SessionWish(_session_names(sessions, chosen=bool(choice.stages), soak=soak), minutes, _soak_s(soak))
    raise typer.Exit(_measure(choice, wish, json, submit=submit, name=name))


@dataclass(frozen=True)
class _SessionWish:
    """Names of sessions (None: none), minutes of a sustained one and seconds of a soak."""

    names: tuple[str, ...] | None
    minutes: float | None
    soak_s: float | None

    @property
    def any(self) -> bool:
        """Whether there is any session to run."""
        return self.names is not None or self.minutes is not None or self.soak_s is not None


def _measure(choice: Choice, wish: _SessionWish, path: Path | None, *, submit: bool, name: str | None) -> int:
    from edge.bench.plan import check_surroundings, select, variants
    from edge.bench.run import INTERRUPTED, Run
    from edge.bench.submission import board_slug, refusal_of
    from edge.bench.table import print_report
    from edge.hardware.energy import open_meter

    meter = open_meter()
    world = _world(choice, wish, meter)
    chosen = variants(choice, world.stages, world.own_threads, world.machine.cores)
    for stage, _ in choice.slowdown:
        select((stage,), world.stages)
    check_surroundings(choice, world.machine.providers)
    if submit:
        _refuse(refusal_of(world.machine, dict(choice.slowdown)) or _chosen(choice))
    file = path or Path(f"bench-{board_slug(world.machine)}-{datetime.now().astimezone():%Y%m%d-%H%M%S}.json")
    _tell(_announcement(choice, len(chosen), world.sessions_s, file))
    with sigterm_is_ctrl_c():
        run = Run(choice, world.with_meter(meter, quick=choice.quick), file)
        report = run.run()
    print_report(report)
    if run.unwritten is not None:
        raise run.unwritten
    _tell(f"report: {file}")
    if report.stopped == INTERRUPTED:
        _tell("interrupted: what was measured until then is in the report, marked as not complete")
        return 130
    if submit:
        _submit(report, name)
    return _verdict(report)


def _world(choice: Choice, wish: _SessionWish, meter: Meter | None) -> World:
    from edge.bench.world import this_world

    if not wish.any:
        return this_world(choice, None, 0.0, _tell)
    from edge.bench.sessions import run_sessions, sessions_seconds

    seconds = sessions_seconds(wish.names, quick=choice.quick, minutes=wish.minutes, soak_s=wish.soak_s)

    def run(report_each: Callable[..., None], budget_s: float | None, began_s: float) -> None:
        run_sessions(
            wish.names,
            report_each,
            quick=choice.quick,
            minutes=wish.minutes,
            soak_s=wish.soak_s,
            data=choice.data,
            budget_s=budget_s,
            began_s=began_s,
            meter=meter,
            tell=_tell,
        )

    return this_world(choice, run, seconds, _tell)


def _verdict(report: Report) -> int:
    """The exit code: 1 when something failed, or nothing at all could be measured."""
    if report.stages and not any(stage.timing is not None for stage in report.stages):
        print_error("no stage could be measured; run: edge models pull, then: edge bench")
        return 1
    statuses = [stage.status for stage in report.stages] + [session.status for session in report.sessions]
    return int("failed" in statuses)


def _announcement(choice: Choice, count: int, sessions_s: float, path: Path) -> str:
    from edge.bench.plan import QUICK_S, full_seconds

    seconds = QUICK_S if choice.quick else full_seconds(count) + sessions_s
    what = f"{count} measurement{'s' if count > 1 else ''} in rounds"
    return f"{what}: about {_duration(seconds)}; the report goes to {path}"


def _duration(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    if minutes < 120:  # noqa: PLR2004 - two hours
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{minutes / 60:.1f} hours"


def _show(path: Path, *, submit: bool, name: str | None) -> None:
    from edge.bench.report import read_report
    from edge.bench.table import print_report

    report = read_report(path)
    if not submit:
        print_report(report)
        return
    _submit(report, name)


def _submit(report: Report, name: str | None) -> None:
    from edge.bench.submission import BOARDS, submit

    path = submit(report, name)
    where = "" if path.parent.parts[-2:] == BOARDS.parts else f"; put it into {BOARDS} of a checkout"
    _tell(f"submission: {path}{where}, look at it, and open a pull request")


def _chosen(choice: Choice) -> str | None:
    return None if choice.kind != "chosen" else "all stages are wanted for it; run: edge bench --submit"


def _refuse(why: str | None) -> None:
    if why is not None:
        raise BenchmarkError(f"not submitted: {why}")


def _list() -> None:
    from edge.bench.sessions import SESSIONS
    from edge.bench.stages import STAGES

    for stage in STAGES:
        threads = "any threads" if stage.threaded else "1 thread"
        print(f"{stage.name:<24} {stage.sample:<34} {','.join(stage.precisions):<12} {threads:<12}", end="")
        print(" ".join(stage.models))
    print(f"{'sessions':<24} {', '.join(SESSIONS)}; sustained (--minutes), soak (--soak)")


def _pull() -> None:
    from edge.bench.precisions import pull_for_bench
    from edge.hub.store import ModelStore

    pull_for_bench(ModelStore(), _tell)


def _choose_providers(path: Path | None, settings: Path | None) -> None:
    from edge.bench.provider_choice import choose
    from edge.hub.store import ModelStore
    from edge.settings import load_settings

    choose(ModelStore(), load_settings(settings), typer.echo, path)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


def _counts(text: str | None) -> tuple[int, ...]:
    names = _names(text)
    if not all(name.isdecimal() and 1 <= int(name) <= 64 for name in names):  # noqa: PLR2004 - as inference.threads
        raise typer.BadParameter(f"{text!r}: numbers of threads are 1 to 64, such as 1,2", param_hint="--threads")
    return tuple(sorted(int(name) for name in names))


def _providers(text: str | None) -> tuple[str, ...]:
    from edge.bench.plan import CPU

    suffix = "ExecutionProvider"
    return tuple(f"{name.removesuffix(suffix)}{suffix}" for name in _names(text)) or (CPU,)


def _planted(texts: list[str]) -> tuple[tuple[str, float], ...]:
    found = []
    for text in texts:
        stage, _, factor = text.partition("=")
        try:
            value = float(factor)
        except ValueError:
            value = 0.0
        if not 1 < value <= 10:  # noqa: PLR2004 - more is no test but a wait
            raise typer.BadParameter(f"{text!r}: write for example speech.encoder=1.3", param_hint="--plant")
        found.append((stage.strip(), value))
    return tuple(found)


def _session_names(text: str | None, *, chosen: bool, soak: str | None) -> tuple[str, ...] | None:
    """None: no session. Where stages are chosen, sessions are too."""
    if text is None:
        return None if chosen or soak else ()
    names = _names(text)
    return None if names == ("none",) else names


def _soak_s(text: str | None) -> float | None:
    if text is None:
        return None
    from edge.bench.endurance import parse_duration

    return parse_duration(text)


def _tell(line: str) -> None:
    typer.echo(line, err=True)
