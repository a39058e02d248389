"""Tables of measured machines in Markdown, from reports of `edge bench`. What nobody measured has no cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from board_files import chosen, lost, p50_ms, titles

from edge.bench.report import Floor, Latency, Quality, Report, Session, StageResult, Timing
from edge.telemetry import percentile

Boards = Mapping[str, Report]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; heads that end with `:` are set to the right; empty columns are left out."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    kept = [column for column in range(len(head)) if column == 0 or any(row[column] for row in cells)]
    lines = [[head[column].removesuffix(":") for column in kept]]
    lines += [["---:" if head[column].endswith(":") else "---" for column in kept]]
    lines += [[row[column] for column in kept] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float | None, unit: str = "") -> str:
    """Three digits that count, and the unit; nothing for nothing."""
    if value is None:
        return ""
    if value == 0:
        return f"0{unit and ' '}{unit}"
    if abs(value) < 0.01:  # noqa: PLR2004 - where three places would show one digit or none
        return f"{value:.2g}{unit and ' '}{unit}"
    places = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0  # noqa: PLR2004 - digits
    return f"{value:.{places}f}{unit and ' '}{unit}"


def machines(boards: Boards) -> str:
    """One row for each machine."""
    names = titles(dict(boards))
    head = ["machine", "processor", "class", "cores:", "memory:", "system", "governor", "program", "measured"]
    return table(head, (_machine(names[name], report) for name, report in boards.items()))


def _machine(title: str, report: Report) -> list[str]:
    known = report.machine
    virtual = f" ({known.virtual})" if known.virtual else ""
    return [
        f"{title}{virtual}",
        known.cpu or "",
        known.cpu_class,
        str(known.cores),
        number(known.memory_mb and known.memory_mb / 1000, "GB"),
        f"{known.os}, Python {known.python}",
        known.governor or "",
        known.commit,
        f"{report.began[:10]}, {report.kind}",
    ]


def stages(boards: Boards) -> str:
    """One row for each stage, one column for each machine."""
    names = titles(dict(boards))
    found = {name: chosen(report) for name, report in boards.items()}
    order = {stage: result.sample for one in found.values() for stage, result in one.items()}
    rows = [
        [f"`{stage}`", sample, *(_stage(one.get(stage)) for one in found.values())] for stage, sample in order.items()
    ]
    return table(["stage", "sample", *(names[name] for name in found)], rows)


def _stage(result: StageResult | None) -> str:
    if result is None or result.timing is None:
        return ""
    times = f"{number(result.timing.p50_ms)} / {number(result.timing.p90_ms)} ms{_noisy(result)}"
    how = _variant(result) + (f", {number(result.floor.ratio)} x floor" if result.floor else "")
    return "<br>".join([times, how, *map(quality, result.quality[:1])])


def _variant(result: StageResult) -> str:
    precision = "" if result.precision == "-" else f"{result.precision}, "
    provider = _provider(result.provider)
    return f"{precision}{result.threads} thread{'s' * (result.threads > 1)}{provider and ', '}{provider}"


def _provider(name: str) -> str:
    return "" if name == "CPUExecutionProvider" else name.removesuffix("ExecutionProvider")


def _noisy(result: StageResult) -> str:
    marks = ["noisy"] if result.timing and result.timing.noisy else []
    marks += ["unfinished"] if result.status == "unfinished" else []
    return f" ({', '.join(marks)})" if marks else ""


def quality(found: Quality) -> str:
    """`WER 4.2`: in percent, or of 100, as its metric has it."""
    return f"{found.metric} {found.value:.1f}"


_Column = tuple[str, Callable[[StageResult, Timing], str]]
_NAMES: tuple[_Column, ...] = (
    ("stage", lambda r, _: f"`{r.stage}`"),
    ("precision", lambda r, _: r.precision),
    ("threads:", lambda r, _: str(r.threads)),
    ("provider", lambda r, _: _provider(r.provider)),
)
_TIMES: tuple[_Column, ...] = (
    ("sample", lambda r, _: r.sample),
    ("p50 ms:", lambda _, t: number(t.p50_ms)),
    ("p90 ms:", lambda _, t: number(t.p90_ms)),
    ("p99 ms:", lambda _, t: number(t.p99_ms)),
    ("samples:", lambda _, t: str(t.count)),
    ("rounds:", lambda _, t: str(len(t.rounds_ms))),
    ("spread:", lambda r, t: f"{'' if t.spread is None else f'{100 * t.spread:.0f} %'}{_noisy(r)}".strip()),
    ("throughput:", lambda r, _: f"{number(r.throughput)} {r.unit}s/s" if r.throughput else ""),
    ("real-time factor:", lambda r, _: number(r.real_time_factor)),
    ("quality", lambda r, _: "; ".join(f"{quality(one)} ({one.items}, {one.data})" for one in r.quality)),
)
_COSTS: tuple[_Column, ...] = (
    ("floor ms:", lambda r, _: number(r.floor.floor_ms) if r.floor else ""),
    ("held by", lambda r, _: _bound(r.floor) if r.floor else ""),
    ("p50 / floor:", lambda r, _: number(r.floor.ratio) if r.floor else ""),
    ("weights read MB:", lambda r, _: number(r.work.weight_bytes / 1e6) if r.work and r.work.weight_bytes else ""),
    ("memory MB:", lambda r, _: f"{r.peak_rss_mb:.0f}" if r.peak_rss_mb else ""),
    ("load ms:", lambda r, _: number(r.load_ms)),
    ("cold ms:", lambda r, _: number(r.cold_ms)),
    ("energy J:", lambda r, _: number(r.energy_j)),
)


def board_times(report: Report) -> str:
    """Times of one machine: one row for each stage, precision, number of threads and provider."""
    return _stage_table(report, _NAMES + _TIMES)


def board_costs(report: Report) -> str:
    """The same for the floor, memory, cold start and energy."""
    return _stage_table(report, _NAMES + _COSTS)


def _stage_table(report: Report, columns: Sequence[_Column]) -> str:
    rows = ([cell(one, one.timing) for _, cell in columns] for one in report.stages if one.timing)
    return table([head for head, _ in columns], rows)


def _bound(floor: Floor) -> str:
    return "memory" if floor.memory_ms > floor.compute_ms else "arithmetic"


def peaks(report: Report) -> str:
    """What the machine reaches, for the floor."""
    head = ["threads:", "memory, GB/s:", "int8, 10^9 operations/s:", "float32, 10^9 operations/s:"]
    rows = ([str(p.threads), *(number(v) for v in (p.bandwidth_gb_s, p.int8_gops, p.float_gops))] for p in report.peaks)
    return table(head, rows) if report.peaks else ""


def not_measured(report: Report) -> str:
    """Stages and sessions without a number, or with too few, each with its reason."""
    lines = [f"- `{one.stage}`, {_variant(one)}: {one.status}: {one.reason}" for one in lost(report)]
    lines += [
        f"- session `{one.name}`: {one.status}: {one.reason}" for one in report.sessions if one.status != "measured"
    ]
    return "\n".join(["Not measured, or not to the end:", "", *lines]) if lines else ""


_METRICS: tuple[tuple[str, str, Callable[[Session], str]], ...] = (
    ("speech", "last spoken sample to caption, speech alone, ms", lambda s: latency(s.caption)),
    ("all", "last spoken sample to caption, all senses, ms", lambda s: latency(s.caption)),
    ("all", "thing in sight to its name, ms", lambda s: latency(s.label)),
    ("all", "sign in sight to its stable overlay, ms", lambda s: latency(s.sign)),
    ("all", "quality of these captions, signs and names", lambda s: "; ".join(map(quality, s.quality))),
    ("all", "pictures drawn a second", lambda s: number(s.fps)),
    ("all", "frames dropped", lambda s: _dropped(s.frames_dropped, s.frames_captured)),
    ("all", "captions behind, at most, s", lambda s: number(s.lag_s)),
    ("all", "caption erasure", lambda s: number(s.caption_erasure)),
    ("all", "overlay texts changed a minute", lambda s: number(s.sign_changes_per_minute)),
    ("all", "overlay jitter, px", lambda s: number(s.sign_jitter_px)),
    ("all", "CPU, % of a core", lambda s: number(s.cpu_percent)),
    ("silence", "CPU while nobody speaks, % of a core", lambda s: number(s.cpu_percent)),
    ("noise", "CPU in noise without speech, % of a core", lambda s: number(s.cpu_percent)),
    ("all", "peak memory, MB", lambda s: number(s.peak_rss_mb)),
    ("all", "energy, J a minute", lambda s: number(_joules_a_minute(s))),
    ("sustained", "last spoken sample to caption, sustained, ms", lambda s: latency(s.caption)),
    ("sustained", "its first minute, median, ms", lambda s: _median(s.caption_first)),
    ("sustained", "its last minutes, median, ms", lambda s: _median(s.caption_last)),
    ("sustained", "growth of memory, MB an hour", lambda s: number(s.rss_growth_mb_per_h)),
)


def glass_to_glass(boards: Boards) -> str:
    """The whole program on every machine that played sessions: one row for each number."""
    names = titles(dict(boards))
    played = {name: {s.name: s for s in report.sessions} for name, report in boards.items() if report.sessions}
    rows = [
        [what, *(cell(one[session]) if session in one else "" for one in played.values())]
        for session, what, cell in _METRICS
    ]
    rows = [row for row in rows if any(row[1:])]
    return table(["", *(names[name] for name in played)], rows) if rows else ""


def latency(found: Latency | None) -> str:
    """Percentiles in milliseconds, and how many events they are of."""
    if found is None or found.p50_ms is None:
        return ""
    times = " / ".join(number(value) for value in (found.p50_ms, found.p90_ms, found.p99_ms))
    return f"{times} ({found.count})"


def _median(found: Latency | None) -> str:
    return number(found.p50_ms) if found else ""


def _joules_a_minute(session: Session) -> float | None:
    return 60 * session.energy_j / session.seconds if session.energy_j is not None and session.seconds else None


_SESSION: tuple[tuple[str, Callable[[Session], str]], ...] = (
    ("session", lambda s: s.name if s.status == "measured" else f"{s.name} ({s.status})"),
    ("seconds:", lambda s: f"{s.seconds:.0f}"),
    ("caption ms", lambda s: latency(s.caption)),
    ("name ms", lambda s: latency(s.label)),
    ("sign ms", lambda s: latency(s.sign)),
    ("quality", lambda s: "; ".join(map(quality, s.quality))),
    ("caption erasure:", lambda s: number(s.caption_erasure)),
    ("sign changes/min:", lambda s: number(s.sign_changes_per_minute)),
    ("sign jitter px:", lambda s: number(s.sign_jitter_px)),
)
_SESSION_COSTS: tuple[tuple[str, Callable[[Session], str]], ...] = (
    _SESSION[0],
    ("CPU, % of a core:", lambda s: number(s.cpu_percent)),
    ("memory MB:", lambda s: f"{s.peak_rss_mb:.0f}" if s.peak_rss_mb else ""),
    ("growth MB/h:", lambda s: number(s.rss_growth_mb_per_h)),
    ("start ms:", lambda s: number(percentile(s.starts_ms, 0.5))),
    ("pictures drawn/s:", lambda s: number(s.fps)),
    ("frames dropped:", lambda s: _dropped(s.frames_dropped, s.frames_captured)),
    ("behind s:", lambda s: number(s.lag_s)),
    ("slope ms/h:", lambda s: number(s.lag_growth_ms_per_h)),
    ("sound lost s:", lambda s: number(s.audio_lost_s)),
    ("threads:", lambda s: _from_to(s.threads)),
    ("open files:", lambda s: _from_to(s.open_files)),
    ("energy J:", lambda s: number(s.energy_j)),
)


def board_sessions(report: Report) -> str:
    """The sessions of one machine: what the wearer sees, and what it costs."""
    played = [one for one in report.sessions if one.seconds > 0]
    tables = (
        table([head for head, _ in columns], ([cell(one) for _, cell in columns] for one in played))
        for columns in (_SESSION, _SESSION_COSTS)
    )
    return "\n\n".join(tables) if played else ""


def _from_to(pair: tuple[int, int] | None) -> str:
    return f"{pair[0]} to {pair[1]}" if pair else ""


def _dropped(dropped: int | None, captured: int | None) -> str:
    return f"{100 * dropped / captured:.1f} %" if dropped is not None and captured else ""


def headlines(boards: Boards) -> str:
    """A few numbers of each machine, for the README."""
    names = titles(dict(boards))
    head = [
        "machine",
        "5 s of speech",
        "a sentence translated",
        "a look",
        "last word to caption, all senses, p50 / p90",
        "sign to overlay",
        "CPU in silence",
        "memory",
    ]
    return table(head, (_headline(names[name], report) for name, report in boards.items()))


def _headline(title: str, report: Report) -> list[str]:
    best = chosen(report)
    times = [
        number(p50_ms(best[stage]), "ms") if stage in best else ""
        for stage in ("speech.utterance-5s", "translation.sentence", "scene.look")
    ]
    played = {one.name: one for one in report.sessions}
    whole, quiet = played.get("all"), played.get("silence")
    return [
        title,
        *times,
        *(_middle(one) for one in ((whole.caption, whole.sign) if whole else (None, None))),
        number(quiet.cpu_percent, "%") if quiet else "",
        f"{whole.peak_rss_mb:.0f} MB" if whole and whole.peak_rss_mb else "",
    ]


def _middle(found: Latency | None) -> str:
    if found is None or found.p50_ms is None:
        return ""
    return f"{number(found.p50_ms)} / {number(found.p90_ms)} ms"
