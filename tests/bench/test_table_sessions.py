"""Tables of sessions: what was measured is there, what was not has no number, and it fits a page."""

import io

import pytest
import sample_report
from rich.console import Console

from edge.bench.report import Latency, Quality, Session
from edge.bench.table import WIDTH
from edge.bench.table_sessions import sessions_table


def printed(*sessions):
    file = io.StringIO()
    Console(width=WIDTH, file=file, highlight=False, markup=False, force_terminal=False).print(sessions_table(sessions))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def row(lines, head):
    return next(line[len(head) :].split() for line in lines if line.startswith(head))


def latency(*samples):
    middle = sorted(samples)[len(samples) // 2] if samples else None
    last = max(samples, default=None)
    return Latency(count=len(samples), p50_ms=middle, p90_ms=last, p99_ms=last, samples_ms=samples)


LONG = Session(
    name="soak",
    senses=("speech", "signs", "scene"),
    seconds=28800.0,
    caption=latency(600.0, 700.0, 912.4),
    caption_first=latency(600.0),
    caption_last=latency(912.4),
    lag_growth_ms_per_h=12.4,
    rss_growth_mb_per_h=0.25,
    threads=(12, 13),
    open_files=(6, 4),
    energy_j=4321.4,
    cpu_percent=39.31,
    frames_captured=432000,
    frames_dropped=17,
    starts_ms=(2451.3,),
    problems=("signs failed: [red]broken[/red]",),
)


def test_a_long_session_says_what_grew():
    lines = printed(LONG)
    assert row(lines, "last spoken sample to caption") == ["soak", "700", "912", "912", "3"]
    assert row(lines, "the same, first minute (cold)") == ["soak", "600", "600", "600", "1"]
    assert row(lines, "the same, last minutes (sustained)") == ["soak", "912", "912", "912", "1"]
    assert row(lines, "captions later, ms an hour") == ["12"]
    assert row(lines, "memory growth, MB an hour") == ["0.2"]
    assert row(lines, "threads, at first and last") == ["12", "to", "13"]
    assert row(lines, "open files, at first and last") == ["6", "to", "4"]
    assert row(lines, "energy, J") == ["4321"]
    assert row(lines, "frames nobody drew") == ["17", "of", "432000"]
    assert row(lines, "problems") == ["1"]
    assert lines.count("") == 1, "between the tables"
    assert lines[-1] == "PROBLEM     soak: signs failed: [red]broken[/red]"
    assert "PROBLEM     soak: signs failed: [red]broken[/red]" in lines


def test_a_long_session_without_problems_says_so_and_a_short_one_nothing():
    assert row(printed(LONG.model_copy(update={"problems": ()})), "problems") == ["0"]
    short = Session(name="speech", senses=("speech",), seconds=10.0, caption=latency(500.0))
    assert not any(line.startswith("problems") for line in printed(short))


def test_nothing_shown_is_not_zero():
    lines = printed(Session(name="silence", senses=("speech",), seconds=40.0, caption=latency()))
    assert row(lines, "last spoken sample to caption") == ["silence", "nothing", "0"]
    assert not any("late at most" in line or "energy" in line or "first minute" in line for line in lines)


def test_a_latency_is_named_once_for_all_sessions():
    kinds = {"speech": latency(500.0), "all": latency(700.0)}
    lines = printed(*(Session(name=name, senses=("speech",), caption=one) for name, one in kinds.items()))
    assert sum("last spoken sample" in line for line in lines) == 1
    assert [line.split() for line in lines if line.strip().startswith("all ")] == [["all", *["700"] * 3, "1"]]


def test_a_session_that_was_not_measured_has_empty_cells():
    skipped = Session(name="all", senses=(), status="skipped", reason="no time")
    assert row(printed(LONG, skipped), "played, s") == ["28800"]
    assert "".join(printed(skipped)) == ""


def test_quality_is_that_of_its_data():
    one = Quality(metric="WER", value=2.56, data="sample speech", items=39, better="lower")
    lines = printed(Session(name="speech", senses=("speech",), quality=(one,)), LONG)
    assert row(lines, "WER, sample speech") == ["2.56", "(39)"]


@pytest.mark.parametrize("full", [True, False])
def test_all_sessions_fit_a_page(full):
    sessions = [*sample_report.report(full=full).sessions, LONG]
    lines = printed(*sessions)
    assert max(map(len, lines)) <= WIDTH
    assert any(all(session.name in line for session in sessions) for line in lines), "in one line, not broken"
