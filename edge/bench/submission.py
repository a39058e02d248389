"""A report as a file of `benchmarks/boards`, for a pull request: whole, honest, and with nothing personal in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import edge
from edge.bench.report import Report, read_report
from edge.errors import BenchmarkError
from edge.hardware.record import Machine

BOARDS = Path("benchmarks", "boards")
_SAME_MEMORY = 0.05
_NOISE_WORDS = r"\((r|tm|c)\)|\bcpu\b|\bprocessor\b|@.*$|\brev(ision)? [\d.]+|\bmodel b\b(?! plus)|\bwith radeon.*$"
_ABSOLUTE_PATH = re.compile(r"(?<![\w.<~])(?:[A-Za-z]:)?(?:[/\\][^\s/\\;,'\"]+)+[/\\]([^\s/\\;,'\"]+)")


def refusal(report: Report) -> str | None:
    """Why a report may not be published, on one line with what to run; None when it may."""
    if not report.complete:
        why = report.stopped or "it was killed or still runs"
        return f"the report is not complete ({why}); run: edge bench --submit"
    before = refusal_of(report.machine, report.slowdown)
    if before is not None:
        return before
    if report.kind == "chosen":
        return "the report has only chosen stages, precisions, threads or providers; run: edge bench --submit"
    if not any(stage.status == "measured" for stage in report.stages):
        return "nothing was measured; run: edge models pull, then edge bench --submit"
    return None


def refusal_of(machine: Machine, slowdown: dict[str, float]) -> str | None:
    """Why nothing that is measured here may be published; None when it may."""
    if machine.emulated:
        return "this processor is emulated, and its speed says nothing about any board; run: edge bench on the board"
    if slowdown:
        return "stages were slowed down on purpose (--plant); run: edge bench --submit"
    return None


def submit(report: Report, name: str | None = None, here: Path | None = None) -> Path:
    """Write the report where a pull request takes it from.

    Args:
        report: a whole one.
        name: of the file; None: of the board, else of the processor with its cores.
        here: folder of the checkout; None: the current one, or the one that this program runs from, else the file
            lands in the current folder.

    Raises:
        BenchmarkError: the report may not be published, or cannot be written.
    """
    why = refusal(report)
    if why is not None:
        raise BenchmarkError(f"not submitted: {why}")
    folder = _folder(here)
    path = _free(folder, slug(name) if name else board_slug(report.machine), report.machine)
    impersonal(report).write(path)
    return path


def board_slug(machine: Machine) -> str:
    """A name for this kind of machine: `raspberry-pi-5`; without a known board `intel-core-i5-8250u-8-cores`."""
    if machine.board:
        return slug(machine.board)
    return f"{slug(machine.cpu or machine.architecture)}-{machine.cores}-core{'s' if machine.cores > 1 else ''}"


def slug(text: str) -> str:
    """Lower case letters and digits with hyphens, without marks of trade and revisions."""
    plain = re.sub(_NOISE_WORDS, " ", text.lower())
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "machine"


def impersonal(report: Report) -> Report:
    """The report with every path in a reason cut to its last part."""
    return report.model_copy(
        update={
            "stages": tuple(_without_paths(stage) for stage in report.stages),
            "sessions": tuple(_without_paths(session) for session in report.sessions),
        }
    )


def _without_paths(record: Any) -> Any:
    if record.reason is None:
        return record
    plain = record.reason.replace(str(Path.home()), "~") if len(str(Path.home())) > 1 else record.reason
    return record.model_copy(update={"reason": _ABSOLUTE_PATH.sub(r"\1", plain)})


def _folder(here: Path | None) -> Path:
    for root in (here or Path(), Path(edge.__file__).parent.parent):
        if (root / BOARDS).is_dir() and (root / "pyproject.toml").is_file():
            return root / BOARDS
    return here or Path()


def _free(folder: Path, name: str, machine: Machine) -> Path:
    """The file of this machine: its own older one is replaced, that of another machine is not."""
    for number in range(1, 1000):
        path = folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
        if not path.exists() or _same(_machine_of(path), machine):
            return path
    raise BenchmarkError(f"{folder} has too many files named {name}; choose another --name")


def _machine_of(path: Path) -> Machine | None:
    try:
        return read_report(path).machine
    except BenchmarkError:
        return None


def _same(other: Machine | None, machine: Machine) -> bool:
    if other is None or (other.board, other.cpu, other.cores) != (machine.board, machine.cpu, machine.cores):
        return False
    if other.memory_mb is None or machine.memory_mb is None:
        return other.memory_mb == machine.memory_mb
    return abs(other.memory_mb - machine.memory_mb) <= _SAME_MEMORY * machine.memory_mb
