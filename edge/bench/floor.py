"""The physical floor of a stage: the shortest time in which this machine could do its work.

The roofline model (Williams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785): nothing is faster than reading its
weights at the bandwidth, nor than its operations at the peak. Bandwidth and peaks are measured, not read in a data
sheet; the work is counted in the graphs that ran.

    floor = max(weight bytes / bandwidth, int8 operations / int8 peak + float operations / float peak)

Weights that stay in a cache from sample to sample are read at the bandwidth of that cache, so the bandwidth is the one
measured for as many bytes. Of a stage with several sessions the largest alone counts as what a cache must hold: that
makes the floor lower rather than higher.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from edge.bench.floor_counting import tally
from edge.bench.floor_peaks import bandwidth_for, best_peaks, measure_peaks
from edge.bench.report import Floor, Peaks, Work
from edge.bench.stage import Bench, Stage
from edge.inference.profiling import ProfiledSessions

__all__ = ["best_peaks", "count_work", "floor_of", "measure_peaks"]


def count_work(stage: Stage, bench: Bench, sample: int = 0) -> Work | None:
    """Prepare the stage once more, run one of its samples, and count; None when no model did anything countable.

    Give it the sample that took the median time, so that the floor belongs to the median. Call it when timing is over:
    it takes memory and is slow.

    Raises:
        EdgeError: as `stage.prepare` and its samples do.
    """
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as folder:
        sessions = ProfiledSessions(bench.settings.inference, Path(folder))
        prepared = stage.prepare(replace(bench, sessions=sessions))
        sessions.mark()
        if prepared.before_each is not None:
            prepared.before_each()
        prepared.samples[sample]()
        tallies = [tally(nodes) for nodes in sessions.executed()]
    if not any(one.weight_bytes + one.int8 + one.floats for one in tallies):
        return None
    return Work(
        weight_bytes=sum(one.weight_bytes for one in tallies),
        int8_operations=sum(one.int8 for one in tallies),
        float_operations=sum(one.floats for one in tallies),
        working_set_bytes=max(one.working_set_bytes for one in tallies),
    )


def floor_of(work: Work, peaks: Peaks, p50_ms: float) -> Floor:
    """The floor of a sample that takes `work`, on a machine with `peaks`, and how far the median is above it."""
    rate_gb_s = bandwidth_for(work.working_set_bytes or work.weight_bytes, peaks)
    memory_ms = work.weight_bytes / rate_gb_s / 1e6
    compute_ms = (work.int8_operations / peaks.int8_gops + work.float_operations / peaks.float_gops) / 1e6
    floor_ms = max(memory_ms, compute_ms)
    return Floor(memory_ms=memory_ms, compute_ms=compute_ms, floor_ms=floor_ms, ratio=p50_ms / floor_ms)
