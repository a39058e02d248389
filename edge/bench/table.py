"""A report as tables that one would put in a paper, 120 columns wide, with its terms defined below."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import IO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from edge.bench.report import Quality, Report, StageResult
from edge.bench.table_sessions import sessions_table

WIDTH = 120
_TERMS = """\
sample      one query, from call to answer, pre- and post-processing included; the next starts when it is answered
p50 p90 p99 nearest-rank percentiles of the samples of all rounds, in milliseconds; warm-up left out
per second  units at the median, one after the other
RTF         real-time factor: time at the median over duration of the sound; below 1 keeps up
floor       shortest time this machine could take: weights over measured bandwidth, operations over measured peaks
ratio       median over floor
load, cold  opening the models in a fresh process (files in the page cache), and the first sample after it
peak MB     most memory of a process that measured only this, interpreter and inputs included (10^6 bytes)
spread      range of the middle half of the medians of the rounds, over their median"""


def print_report(report: Report, file: IO[str] | None = None) -> None:
    """Print a report for people.

    Args:
        report: whole or partial.
        file: None: stdout.
    """
    console = Console(width=WIDTH, highlight=False, emoji=False, markup=False, force_terminal=False)
    with console.capture() as captured:
        for part in _parts(report):
            console.print(part)
    for line in captured.get().splitlines():  # without the blanks that fill every line to its end
        # Nor what a terminal would obey: a report may come from anybody.
        shown = "".join(letter if letter.isprintable() else "?" for letter in line.rstrip())
        (file or sys.stdout).write(f"{shown}\n")


def _parts(report: Report) -> Iterable[Padding | Table | Text | str]:
    yield _block(machine_lines(report))
    shown = [stage for stage in report.stages if stage.timing is not None]
    if shown:
        yield ""
        yield _speed(shown, report.noise_bound)
        yield ""
        yield _rest(shown)
    if report.sessions:
        yield ""
        yield sessions_table(report.sessions)
    missing = list(_missing(report))
    if missing:
        yield ""
        yield "Not measured, or not all of it:"
        yield from (Padding(Text(line), (0, 0, 0, 2)) for line in missing)
    if shown:
        yield ""
        yield _block(_legend(report, shown))


def machine_lines(report: Report) -> list[str]:
    """What was measured on, and how, line by line."""
    machine = report.machine
    sizes = f"{machine.memory_mb / 1000:.1f} GB" if machine.memory_mb else "memory unknown"
    clock = "" if machine.max_mhz is None else f", {machine.max_mhz:.0f} MHz at most"
    governor = f", governor {machine.governor}" if machine.governor else ", governor unknown"
    packages = ", ".join(f"{name} {machine.packages.get(name, '-')}" for name in ("onnxruntime", "numpy"))
    rounds = max((len(stage.timing.rounds_ms) for stage in report.stages if stage.timing), default=0)
    lines = [
        f"machine     {machine.board or machine.cpu or 'unknown'}",
        f"processor   {machine.cpu or 'unknown'} ({machine.cpu_class}), {machine.cores} cores{clock}{governor}",
        f"memory      {sizes}, swap {(machine.swap_mb or 0) / 1000:.1f} GB",
        f"system      {machine.os}, {machine.kernel}, {machine.architecture}, Python {machine.python}"
        + (f", {machine.virtual}" if machine.virtual else ""),
        f"program     edge {machine.commit}, {packages}",
        *_peak_lines(report),
        f"benchmark   {report.kind}, {report.began}, {report.seconds:.0f} s, {rounds} rounds"
        + ("" if report.complete else f"; NOT COMPLETE: {report.stopped or 'killed, or still running'}"),
    ]
    if machine.emulated:
        lines.append("EMULATED    this processor is emulated: its speed says nothing about any board")
    lines += [f"PLANTED     {stage} slowed down {factor} times on purpose" for stage, factor in report.slowdown.items()]
    return lines + _feelings(report)


def _peak_lines(report: Report) -> list[str]:
    return [
        f"peaks       {one.threads} thread{'s' if one.threads > 1 else ''}: memory {one.bandwidth_gb_s:.1f} GB/s, "
        f"int8 {one.int8_gops:.0f} Gop/s, float {one.float_gops:.0f} Gop/s"
        for one in report.peaks
    ]


def _feelings(report: Report) -> list[str]:
    lines = []
    loads = [one.load for one in report.conditions if one.load is not None]
    if loads:
        lines.append(f"load        {min(loads):.1f} to {max(loads):.1f}, of this benchmark and of everybody else")
    heats = [one.temperature_c for one in report.conditions if one.temperature_c is not None]
    if heats:
        lines.append(f"temperature {min(heats):.0f} to {max(heats):.0f} C")
    marks = sorted({mark for one in report.conditions for mark in one.throttled or ()})
    if marks:
        lines.append(f"THROTTLED   {', '.join(marks)}")
    return lines


def _speed(stages: Sequence[StageResult], bound: float) -> Table:
    energy = any(stage.energy_j is not None for stage in stages)
    heads = ["p50 ms", "p90 ms", "p99 ms", "per second", "RTF", "floor ms", "ratio", *(["J"] if energy else [])]
    table = _table("stage", "", "thr", *heads, left=2)
    for stage in stages:
        times, floor = stage.timing, stage.floor
        if times is None:
            continue
        cells = [
            number(times.p50_ms) + ("~" if times.noisy else " "),
            number(times.p90_ms),
            number(times.p99_ms),
            f"{number(stage.throughput)} {stage.unit}s" if stage.throughput else "",
            number(stage.real_time_factor),
            number(floor.floor_ms) if floor else "",
            f"{floor.ratio:.1f}" if floor else "",
            *([number(stage.energy_j)] if energy else []),
        ]
        table.add_row(_name(stage), stage.precision, str(stage.threads), *cells)
    table.caption = f"~ noisy: the spread of the rounds is beyond {100 * bound:.0f} %, or only one was measured"
    table.caption_justify = "left"
    return table


def _rest(stages: Sequence[StageResult]) -> Table:
    table = _table(
        "stage", "", "thr", "sample", "quality", "peak MB", "load ms", "cold ms", "samples", "spread", left=2, texts=5
    )
    for stage in stages:
        times = stage.timing
        if times is None:
            continue
        table.add_row(
            _name(stage),
            stage.precision,
            str(stage.threads),
            stage.sample,
            "\n".join(_judged(one) for one in stage.quality),
            f"{stage.peak_rss_mb:.0f}" if stage.peak_rss_mb is not None else "",
            number(stage.load_ms),
            number(stage.cold_ms),
            str(times.count),
            "" if times.spread is None else f"{100 * times.spread:.0f} %",
        )
    return table


def _missing(report: Report) -> Iterable[str]:
    for stage in report.stages:
        if stage.status != "measured":
            how = f"{stage.precision}, {stage.threads} thread{'s' if stage.threads > 1 else ''}"
            yield f"{stage.status}: {stage.stage} ({how}): {stage.reason}"
    for session in report.sessions:
        if session.status != "measured":
            yield f"{session.status}: session {session.name}: {session.reason}"


def _legend(report: Report, shown: Sequence[StageResult]) -> list[str]:
    lines = _TERMS.splitlines()
    if any(stage.energy_j is not None for stage in shown):
        lines.append("J           joules of one sample above the machine at rest, of all that its meter covers")
    data = sorted({f"{one.metric}: {one.data}" for stage in report.stages for one in stage.quality})
    return lines + [f"{'quality' if index == 0 else '':<11} {text}" for index, text in enumerate(data)]


def _judged(one: Quality) -> str:
    return f"{one.metric} {one.value:g} ({one.items})"


def _name(stage: StageResult) -> str:
    if stage.provider == "CPUExecutionProvider":
        return stage.stage
    return f"{stage.stage} {stage.provider.removesuffix('ExecutionProvider')}"


def _table(*heads: str, left: int, texts: int = 0) -> Table:
    """Columns named `heads`; the first `left`, and those from the fourth to `texts`, hold words."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for index, head in enumerate(heads):
        words = index < left or left < index < texts
        table.add_column(head, justify="left" if words else "right", no_wrap=head != "sample", overflow="fold")
    return table


def number(value: float | None) -> str:
    """Three significant digits, without an exponent."""
    if value is None:
        return ""
    if value == 0 or abs(value) >= 100:  # noqa: PLR2004 - three digits stand before the point
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1g}"  # noqa: PLR2004 - a microsecond in milliseconds


def _block(lines: Sequence[str]) -> Padding:
    return Padding(Text("\n".join(lines)), (0, 0))
