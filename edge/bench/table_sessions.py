"""Sessions of a report as tables: how late what was shown was, and everything else, with sessions in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table
from rich.text import Text

from edge.bench.report import Latency, Session

_Cell = Callable[[Session], str]

_LATENCIES = (
    ("caption", "last spoken sample to caption"),
    ("caption_first", "the same, first minute (cold)"),
    ("caption_last", "the same, last minutes (sustained)"),
    ("sign", "sign in sight to stable overlay"),
    ("label", "thing in sight to its name"),
)
_NOTHING = "nothing"


def sessions_table(sessions: Sequence[Session]) -> Table:
    """All of it; only rows that some session has."""
    whole = Table.grid()
    for table in (_late(sessions), _rest(sessions)):
        if table.row_count:
            if whole.row_count:
                whole.add_row("")
            whole.add_row(table)
    for session in sessions:
        for problem in session.problems:
            whole.add_row(Text(f"PROBLEM     {session.name}: {problem}"))
    return whole


def _late(sessions: Sequence[Session]) -> Table:
    table = _table("glass to glass", "session")
    for head in ("p50 ms", "p90 ms", "p99 ms", "samples"):
        table.add_column(head, justify="right")
    for kind, head in _LATENCIES:
        shown = ""
        for session in sessions:
            latency: Latency | None = getattr(session, kind)
            if latency is None or (not latency.count and kind in ("caption_first", "caption_last")):
                continue
            table.add_row(head if head != shown else "", session.name, *_percentiles(latency), str(latency.count))
            shown = head
    return table


def _percentiles(latency: Latency) -> tuple[str, str, str]:
    """What was never shown was not shown at once: no number."""
    if latency.p50_ms is None or latency.p90_ms is None or latency.p99_ms is None:
        return _NOTHING, "", ""
    return f"{latency.p50_ms:.0f}", f"{latency.p90_ms:.0f}", f"{latency.p99_ms:.0f}"


def _rest(sessions: Sequence[Session]) -> Table:
    table = _table("sessions")
    for session in sessions:
        table.add_column(session.name, justify="right")
    for head, cell in (*_ROWS, *_judged_rows(sessions)):
        cells = [cell(session) for session in sessions]
        if any(cells):
            table.add_row(head, *cells)
    return table


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head)
    return table


def _value(name: str, digits: int = 0) -> _Cell:
    def cell(session: Session) -> str:
        value: float | None = getattr(session, name)
        return "" if value is None else f"{value:.{digits}f}"

    return cell


def _seconds(session: Session) -> str:
    return f"{session.seconds:.0f}" if session.seconds else ""


def _dropped(session: Session) -> str:
    if session.frames_captured is None or session.frames_dropped is None:
        return ""
    return f"{session.frames_dropped} of {session.frames_captured}"


def _starts(session: Session) -> str:
    return f"{sorted(session.starts_ms)[len(session.starts_ms) // 2]:.0f}" if session.starts_ms else ""


def _change(name: str) -> _Cell:
    def cell(session: Session) -> str:
        pair: tuple[int, int] | None = getattr(session, name)
        return "" if pair is None else f"{pair[0]} to {pair[1]}"

    return cell


def _problems(session: Session) -> str:
    """Of sessions that looked for any: of one that lasts it is news that there were none."""
    lasted = session.caption_first is not None or session.name in ("sustained", "soak")
    return str(len(session.problems)) if session.problems or lasted else ""


def _judged_rows(sessions: Sequence[Session]) -> list[tuple[str, _Cell]]:
    kinds = dict.fromkeys((one.metric, one.data) for session in sessions for one in session.quality)

    def cell(kind: tuple[str, str]) -> _Cell:
        return lambda session: next(
            (f"{one.value:g} ({one.items})" for one in session.quality if (one.metric, one.data) == kind), ""
        )

    return [(f"{metric}, {data}", cell((metric, data))) for metric, data in kinds]


_ROWS: tuple[tuple[str, _Cell], ...] = (
    ("played, s", _seconds),
    ("start to ready, ms", _starts),
    ("pictures drawn a second", _value("fps", 1)),
    ("frames nobody drew", _dropped),
    ("captions late at most, s", _value("lag_s", 2)),
    ("captions later, ms an hour", _value("lag_growth_ms_per_h")),
    ("sound lost, s", _value("audio_lost_s", 1)),
    ("caption erasure", _value("caption_erasure", 3)),
    ("overlay texts changed a minute", _value("sign_changes_per_minute", 1)),
    ("overlay jitter, px", _value("sign_jitter_px", 2)),
    ("processor, % of one core", _value("cpu_percent", 1)),
    ("peak MB", _value("peak_rss_mb")),
    ("memory growth, MB an hour", _value("rss_growth_mb_per_h", 1)),
    ("threads, at first and last", _change("threads")),
    ("open files, at first and last", _change("open_files")),
    ("energy, J", _value("energy_j")),
    ("problems", _problems),
)
