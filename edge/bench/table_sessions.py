"""Sessions of a report as a table: what was measured in rows, sessions in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table

from edge.bench.report import Latency, Session

_Cell = Callable[[Session], str]


def sessions_table(sessions: Sequence[Session]) -> Table:
    """Only rows that some session has."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("glass to glass")
    for session in sessions:
        table.add_column(session.name, justify="right")
    for head, cell in (*_ROWS, *_judged_rows(sessions)):
        cells = [cell(session) for session in sessions]
        if any(cells):
            table.add_row(head, *cells)
    return table


def _latency(kind: str) -> _Cell:
    def cell(session: Session) -> str:
        latency: Latency | None = getattr(session, kind)
        if latency is None or latency.p50_ms is None or latency.p90_ms is None or latency.p99_ms is None:
            return ""
        return f"{latency.p50_ms:.0f} / {latency.p90_ms:.0f} / {latency.p99_ms:.0f} ({latency.count})"

    return cell


def _value(name: str, digits: int = 0, factor: float = 1.0) -> _Cell:
    def cell(session: Session) -> str:
        value: float | None = getattr(session, name)
        return "" if value is None else f"{factor * value:.{digits}f}"

    return cell


def _dropped(session: Session) -> str:
    if session.frames_captured is None or session.frames_dropped is None:
        return ""
    return f"{session.frames_dropped} of {session.frames_captured}"


def _starts(session: Session) -> str:
    return f"{sorted(session.starts_ms)[len(session.starts_ms) // 2]:.0f}" if session.starts_ms else ""


def _judged_rows(sessions: Sequence[Session]) -> list[tuple[str, _Cell]]:
    kinds = dict.fromkeys((one.metric, one.data) for session in sessions for one in session.quality)

    def cell(kind: tuple[str, str]) -> _Cell:
        return lambda session: next(
            (f"{one.value:g} ({one.items})" for one in session.quality if (one.metric, one.data) == kind), ""
        )

    return [(f"{metric}: {data}", cell((metric, data))) for metric, data in kinds]


_ROWS: tuple[tuple[str, _Cell], ...] = (
    ("played, s", _value("seconds")),
    ("last word to caption, p50 / p90 / p99 ms (n)", _latency("caption")),
    ("frame to name, p50 / p90 / p99 ms (n)", _latency("label")),
    ("sign in sight to overlay, p50 / p90 / p99 ms (n)", _latency("sign")),
    ("pictures drawn a second", _value("fps", 1)),
    ("frames nobody drew", _dropped),
    ("captions late at most, s", _value("lag_s", 2)),
    ("sound lost, s", _value("audio_lost_s", 1)),
    ("caption erasure", _value("caption_erasure", 3)),
    ("overlay texts changed a minute", _value("sign_changes_per_minute", 1)),
    ("overlay jitter, px", _value("sign_jitter_px", 2)),
    ("processor, % of one core", _value("cpu_percent")),
    ("peak MB", _value("peak_rss_mb")),
    ("memory growth, MB an hour", _value("rss_growth_mb_per_h", 1)),
    ("energy, J", _value("energy_j")),
    ("start to ready, ms", _starts),
)
