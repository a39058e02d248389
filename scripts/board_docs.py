"""The generated parts about measured machines: the tables and plots of docs/benchmarks.md, and rows for other pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import board_tables
from board_files import titles
from board_tables import number
from plot_data import figures

from edge.bench.report import Report

NOBODY = "Nobody has added a machine yet; `edge bench --submit` writes the file for one."
_ALT = {
    "floor": "median of each stage beside the shortest time this machine could take",
    "parts": "what a caption and a read picture are made of",
    "latency": "how much the times of the samples of each stage vary",
    "glass": "shares of captions, names and signs that were on the glass after a time",
    "sustained": "latency of captions, temperature and clock over ten minutes or more",
    "soak": "latency of captions, temperature and clock over hours",
}


def boards_part(boards: Mapping[str, Report]) -> str:
    """Everything about every machine, for docs/benchmarks.md."""
    if not boards:
        return NOBODY + "\n"
    several = [
        board_tables.machines(boards),
        "### Stages",
        "p50 / p90; then precision, threads, and p50 over the floor; then the quality of the same run.",
        board_tables.stages(boards),
    ]
    glass = board_tables.glass_to_glass(boards)
    if glass:
        several += ["### Glass to glass", "Times are p50 / p90 / p99, with the number of events in brackets.", glass]
    names = titles(dict(boards))
    for name, report in boards.items():
        several += _machine(name, names[name], report)
    return "\n\n".join(several) + "\n"


def machines_part(boards: Mapping[str, Report]) -> str:
    """The list of machines, for docs/boards.md."""
    return (board_tables.machines(boards) if boards else NOBODY) + "\n"


def _machine(name: str, title: str, report: Report) -> Iterator[str]:
    yield f"### {title}"
    yield f"`benchmarks/boards/{name}.json`. {' '.join(_facts(report))}"
    for plot, figure in figures({name: report}).items():
        yield f"![{_ALT[figure['kind']]}](plots/{plot})"
    yield _folded("Times of every stage, precision and number of threads", board_tables.board_times(report))
    costs = [board_tables.board_costs(report), board_tables.peaks(report)]
    yield _folded("Floor, memory, cold start and energy", "\n\n".join(filter(None, costs)))
    sessions = board_tables.board_sessions(report)
    if sessions:
        yield _folded("Sessions of the whole program", sessions)
    problems = [f"- `{one.name}`: {problem}" for one in report.sessions for problem in one.problems]
    if problems:
        yield "\n".join(["What a long session must not do, and did:", "", *problems])
    missing = board_tables.not_measured(report)
    if missing:
        yield _folded("What was not measured, and why", missing)


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def _facts(report: Report) -> Iterator[str]:
    """What one must know of a machine to read its numbers, in sentences."""
    known = report.machine
    clock = f", at most {known.max_mhz:.0f} MHz" if known.max_mhz else ""
    physical = f" ({known.cores_physical} physical)" if known.cores_physical else ""
    yield f"{known.architecture}, {known.cores} logical processors{physical}{clock}."
    if known.features:
        yield f"Arithmetic: {', '.join(known.features)}."
    yield f"Kernel {known.kernel}; {', '.join(f'{name} {version}' for name, version in known.packages.items())}."
    rounds = [len(result.timing.rounds_ms) for result in report.stages if result.timing]
    often = f" with {min(rounds)} to {max(rounds)} rounds of each stage" if rounds else ""
    bound = f"a spread beyond {100 * report.noise_bound:.0f} % is noisy"
    yield f"The run took {report.seconds / 60:.0f} minutes{often}; {bound}."
    feel = [*report.conditions, *(one for session in report.sessions for one in session.conditions)]
    degrees = [one.temperature_c for one in feel if one.temperature_c is not None]
    if degrees:
        yield f"The processor was at {min(degrees):.0f} to {max(degrees):.0f} °C."
    flags = sorted({flag for one in feel for flag in one.throttled or ()})
    if flags:
        yield f"It told of: {', '.join(flags)}."
    elif any(one.throttled is not None for one in feel):
        yield "Nothing held it back."
    for session in report.sessions:
        first, last = session.caption_first, session.caption_last
        if first and last and first.p50_ms and last.p50_ms:
            yield (
                f"In the {session.name} session of {session.seconds / 60:.0f} minutes the median caption came after "
                f"{number(first.p50_ms)} ms in the first minute and after {number(last.p50_ms)} ms in the last ones."
            )
    loads = [one.load for one in feel if one.load is not None]
    if loads:
        yield f"Load {min(loads):.1f} to {max(loads):.1f}, this benchmark included."
