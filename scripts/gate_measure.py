"""What the gate measures on this machine: time by turns, memory in a process of its own, and which machine it is."""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gate_limits import Speed

from edge.errors import ExportError
from edge.inference.cpu import cpu_class

ROUNDS = 15
_ENOUGH_S = 60.0
_LEAST_ROUNDS = 5


def alternate(
    candidate: Callable[[Any], object],
    replaced: Callable[[Any], object],
    items: Sequence[Any],
    rounds: int = ROUNDS,
    threads: int = 2,
) -> Speed:
    """Time both on all items by turns, so that a busy machine hurts them alike; a first round is not counted.

    It stops early, but not before five rounds, when a minute has passed.
    """
    spent: list[tuple[float, float]] = []
    began = time.monotonic()
    for turn in range(rounds + 1):
        pair = (candidate, replaced) if turn % 2 else (replaced, candidate)
        times = {id(run): _seconds(run, items) for run in pair}
        if turn:
            spent.append((times[id(candidate)], times[id(replaced)]))
        if len(spent) >= _LEAST_ROUNDS and time.monotonic() - began > _ENOUGH_S:
            break
    ratios = [one / other for one, other in spent]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    one, other = (1e3 * statistics.median(pair[place] for pair in spent) / len(items) for place in (0, 1))
    return Speed(middle, low, high, one, other, len(spent), threads)


def _seconds(run: Callable[[Any], object], items: Sequence[Any]) -> float:
    started = time.perf_counter()
    for item in items:
        run(item)
    return time.perf_counter() - started


def machine() -> dict[str, Any]:
    """Processor, its class, cores and system: what a time is worth elsewhere."""
    return {
        "cpu": _cpu_name(),
        "class": cpu_class(),
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    keys = ("model name", "Hardware", "CPU part")
    named = (line.partition(":")[2].strip() for key in keys for line in lines if line.startswith(key))
    return next(named, platform.processor() or "unknown")


def memory_mb(folder: Path) -> float:
    """What loading and running the model adds to the peak memory of a process, in MB; measured in a new process.

    Raises:
        ExportError: the process failed.
    """
    command = [sys.executable, str(Path(__file__).resolve()), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ExportError(f"the memory of {folder.name} could not be measured ({reason})")
    return float(json.loads(done.stdout.splitlines()[-1]))


def peak_mb(status: Path = Path("/proc/self/status")) -> float:
    """Peak memory of this process in MB.

    Linux counts `ru_maxrss` on from the process that started this one, so there the mark of this program's own memory
    is read.
    """
    try:
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def _measure_memory(folder: Path) -> float:
    from quality import tasks
    from quality_subjects import load

    from edge.inference.sessions import import_onnxruntime

    import_onnxruntime()
    before = peak_mb()
    subject = load(folder)
    task = tasks(subject, None)[0]
    for item in task.items[:3]:
        subject.answer(item)
    return max(0.1, round(peak_mb() - before, 1))


if __name__ == "__main__":
    print(_measure_memory(Path(sys.argv[1])))
