"""What became slower, faster or worse between two reports of `edge bench`, if it is more than noise.

    python benchmarks/compare.py before.json after.json [--across] [--json FILE]

Exit status: 1 when something is slower, worse or broken, 0 when nothing is, 2 when the reports cannot be compared. How
verdicts are made: edge/bench/comparison.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from edge.bench.comparison import LEVEL, Comparison, StageChange, compare  # noqa: E402 - runs from a checkout, too
from edge.bench.comparison_sessions import SessionChange  # noqa: E402 - the same
from edge.bench.report import read_report  # noqa: E402 - the same
from edge.errors import BenchmarkError  # noqa: E402 - the same

_ROW = "{:<28} {:<6} {:>7} {:>10} {:>10} {:>6} {:>15}  {}"
_CPU = "CPUExecutionProvider"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare two files; see the module."""
    parser = argparse.ArgumentParser(description="What became slower, faster or worse between two reports.")
    parser.add_argument("before", type=Path, metavar="BEFORE.json")
    parser.add_argument("after", type=Path, metavar="AFTER.json")
    parser.add_argument("--across", action="store_true", help="different machines or kinds of report, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the comparison as JSON, too")
    options = parser.parse_args(arguments)
    try:
        found = compare(read_report(options.before), read_report(options.after), across=options.across)
        if options.json is not None:
            _write(found, options.json)
    except BenchmarkError as error:
        sys.stderr.write(f"edge: {' '.join(str(error).split())}\n")
        return 2
    print("\n".join(table(found)))
    return int(found.is_worse)


def _write(found: Comparison, path: Path) -> None:
    try:
        path.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be written ({error.strerror}); choose another --json") from error


def table(found: Comparison) -> Iterator[str]:
    """The comparison for people, line by line."""
    yield from found.notes
    for threads, (least, most) in found.machine_ratio.items():
        yield f"the machine itself, threads {threads}: its peaks take {least:.2f} to {most:.2f} times as long"
    yield _ROW.format("stage", "prec.", "threads", "before ms", "after ms", "ratio", "interval", "verdict")
    for one in found.stages:
        yield _row(one)
        for change in one.quality:
            if change.before != change.after:
                yield (
                    f"  {change.metric} on {change.data}: {change.before:g} -> {change.after:g} "
                    f"({change.verdict if change.verdict != 'same' else 'within its sampling error'})"
                )
    for session in found.sessions:
        yield _session_row(session)
    for broken in found.broken:
        yield f"broken: {broken}"
    yield "ratio: trimmed geometric mean of the medians of the rounds, after over before; times: median of all samples"
    if found.sessions:
        yield "session: from glass to glass; ratio: geometric mean over captions, signs or names, each with its own"
    yield f"intervals hold for all stages together, {100 * (1 - LEVEL):.0f} % sure"
    yield summary(found)


def _row(one: StageChange) -> str:
    name = one.stage if one.provider == _CPU else f"{one.stage} ({one.provider.removesuffix('ExecutionProvider')})"
    return _ROW.format(name, one.precision, one.threads, *_numbers(one))


def _session_row(one: SessionChange) -> str:
    return _ROW.format(f"session {one.session}: {one.kind}", "", "", *_numbers(one))


def _numbers(one: StageChange | SessionChange) -> tuple[str, ...]:
    interval = "-" if one.interval is None else f"{one.interval[0]:.3f} - {one.interval[1]:.3f}"
    verdict = one.verdict if one.why is None else f"{one.verdict}: {one.why}"
    ratio = "-" if one.ratio is None else f"{one.ratio:.3f}"
    return f"{one.before_ms:.4g}", f"{one.after_ms:.4g}", ratio, interval, verdict


def summary(found: Comparison) -> str:
    """How many of each, on one line."""
    verdicts: list[str] = [*(one.verdict for one in found.stages), *(one.verdict for one in found.sessions)]
    verdicts += [change.verdict for one in found.stages for change in one.quality if change.verdict != "same"]
    counts = {name: verdicts.count(name) for name in ("slower", "faster", "same", "unclear", "worse", "better")}
    counts["broken"] = len(found.broken)
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


if __name__ == "__main__":
    raise SystemExit(main())
