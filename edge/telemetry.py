"""Measuring itself: stage times, percentiles and memory, with no cost when nobody asks."""

from __future__ import annotations

import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` (0..1) of `values` do not exceed: nearest rank, None if empty."""
    if not values:
        return None
    rank = max(1, math.ceil(share * len(values)))
    return sorted(values)[rank - 1]


class StageTimes:
    """Wall times of named stages, in milliseconds. Stages are wrapped at the composition root."""

    def __init__(self, clock_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock_ns = clock_ns
        self.times_ms: defaultdict[str, list[float]] = defaultdict(list)

    def timed(self, stage: str, call: Callable[P, R]) -> Callable[P, R]:
        """`call` with every run timed under `stage`; a run that raises is not counted."""

        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            began = self._clock_ns()
            result = call(*args, **kwargs)
            self.times_ms[stage].append((self._clock_ns() - began) / 1e6)
            return result

        return wrapper

    def summary(self) -> dict[str, dict[str, float | int | None]]:
        """Per stage: runs, total_ms, p50_ms, p90_ms."""
        return {
            stage: {
                "runs": len(times),
                "total_ms": round(sum(times), 3),
                "p50_ms": percentile(times, 0.5),
                "p90_ms": percentile(times, 0.9),
            }
            for stage, times in sorted(self.times_ms.items())
        }


def peak_rss_mb() -> float | None:
    """Most resident memory this process ever had, in MB (10^6 bytes); None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage on Linux also counts what the parent had when it started us
        peak_kb = next(line.split()[1] for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM"))
        return round(int(peak_kb) * 1024 / 1e6, 1)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
