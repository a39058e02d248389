"""The files of `benchmarks/boards`: one report of `edge bench` for each machine that somebody measured.

A file that may not be published (unfinished, slowed down on purpose, from an emulator) stops the making of the
documents: a wrong row is worse than none, and a missing one would not be noticed.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edge.bench.report import Report, StageResult, read_report
from edge.bench.submission import refusal
from edge.errors import BenchmarkError

BOARDS = Path(__file__).resolve().parent.parent / "benchmarks" / "boards"


def read_boards(folder: Path = BOARDS) -> dict[str, Report]:
    """Every board file, by the name of the file without its suffix, in the order of the titles.

    Raises:
        BenchmarkError: a file is no report, or one that may not be published.
    """
    found = {path.stem: read_report(path) for path in sorted(folder.glob("*.json"))}
    for name, report in found.items():
        why = refusal(report)
        if why:
            raise BenchmarkError(f"benchmarks/boards/{name}.json may not be published: {why}")
    names = titles(found)
    return dict(sorted(found.items(), key=lambda item: (names[item[0]].casefold(), item[0])))


def titles(boards: dict[str, Report]) -> dict[str, str]:
    """What to call each machine: its board, or else its processor; two of a name get that of their file."""
    plain = {
        name: report.machine.board or report.machine.cpu or report.machine.architecture
        for name, report in boards.items()
    }
    often = Counter(plain.values())
    return {name: title if often[title] == 1 else f"{title} ({name})" for name, title in plain.items()}


def chosen(report: Report) -> dict[str, StageResult]:
    """For every measured stage, in the order of the report, the variant that stands for it in short tables.

    That is the one that the program itself runs; where it was not measured, that in int8, and then the fastest.
    """
    best: dict[str, StageResult] = {}
    for result in measured(report):
        known = best.get(result.stage)
        if known is None or _rank(result) < _rank(known):
            best[result.stage] = result
    return best


def _rank(result: StageResult) -> tuple[bool, bool, float]:
    return not result.default, result.precision != "int8", p50_ms(result)


def p50_ms(result: StageResult) -> float:
    """Median of a result; infinite without times."""
    return result.timing.p50_ms if result.timing else float("inf")


def measured(report: Report) -> list[StageResult]:
    """Results that have times."""
    return [result for result in report.stages if result.timing is not None]


def lost(report: Report) -> list[StageResult]:
    """Results that have a reason instead of an answer, or beside a partial one."""
    return [result for result in report.stages if result.status != "measured"]
