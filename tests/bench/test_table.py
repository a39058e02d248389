"""The table that people see."""

import io

import sample_report

from edge.bench.report import StageResult
from edge.bench.table import WIDTH, print_report


def printed(report):
    file = io.StringIO()
    print_report(report, file)
    return file.getvalue()


def test_it_fits_and_names_every_stage_and_the_machine():
    report = sample_report.report()
    text = printed(report)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert all(name in text for name in sample_report.STAGES)
    assert "Board of Tests" in text
    assert "Imaginary A1" in text


def test_lines_have_no_blanks_at_their_end():
    assert all(line == line.rstrip() for line in printed(sample_report.report(full=False)).splitlines())


def test_what_was_not_measured_is_listed_with_what_to_run():
    text = printed(sample_report.report(full=False))
    below = text.partition("Not measured")[2]
    assert "objects.detect" in below
    assert "run: edge models pull detector" in below


def test_terms_are_defined_below():
    text = printed(sample_report.report(full=False, sessions=False))
    for term in ("p50 p90 p99", "RTF", "floor", "peak MB"):
        assert f"\n{term}" in text.replace("\n  ", "\n")


def test_markup_in_a_reason_is_plain_text():
    odd = StageResult(
        stage="speech.mel", sample="window", precision="-", threads=1, status="failed", reason="[red]no[/red] [x"
    )
    assert "[red]no[/red] [x" in printed(sample_report.report(changes={"stages": (odd,)}, sessions=False))


def test_an_unfinished_planted_report_says_so():
    changes = {"complete": False, "stopped": "interrupted", "slowdown": {"speech.mel": 1.3}}
    text = printed(sample_report.report(full=False, changes=changes))
    assert "interrupted" in text
    assert "1.3" in text
