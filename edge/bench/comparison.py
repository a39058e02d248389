"""Two reports side by side: what became slower, faster or worse, if that is more than noise.

A stage is `slower` when all of this holds: the interval of its ratio (see `intervals`) excludes 1 at a level of 5 %
over all stages together (Bonferroni), and the ratio and that of the faster quarter of the samples (a busy neighbour
spares some of them, a slower program none) are beyond 5 %; all that holds even when they are divided by how much slower
the machine became meanwhile. That is the median ratio of the other stages, which were measured by turns with it, as far
as the measured peaks of the machine explain it: a program that is slower everywhere is not a slower machine. `faster`
is the mirror image. Otherwise it is the `same` when the ratio is within 10 %, else `unclear`. Quality is `worse` or
`better` when it changed by more than the sampling error of a proportion over as many items, likewise at 5 % over all of
them; both runs mostly judge the same items, so this errs on the side of calm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median
from typing import Literal

from pydantic import BaseModel, ConfigDict

from edge.bench.comparison_sessions import SessionChange, session_changes
from edge.bench.intervals import LEAST_ROUNDS, Spread, pooled, ratio_interval, shared_by, spread
from edge.bench.report import Peaks, Quality, Report, StageResult
from edge.errors import BenchmarkError
from edge.hardware.record import Machine
from edge.telemetry import percentile

LEVEL = 0.05
"""Probability of a false alarm in a whole report, speed and quality apart."""
MATTERS, SAME = 1.05, 1.10
"""Ratios: beyond the first one a change matters; within the second one it is the same."""
_FAST_SHARE = 0.25
_OTHERS = 4
"""With fewer other stages the machine may be as much slower as the peak that became slowest."""
_SAME_MEMORY = 0.05

Verdict = Literal["slower", "faster", "same", "unclear"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class QualityChange(_Record):
    """One metric of a stage, before and after."""

    metric: str
    data: str
    before: float
    after: float
    verdict: Literal["worse", "better", "same"]


class StageChange(_Record):
    """One stage, before and after.

    Attributes:
        ratio: after over before, trimmed geometric mean of round medians; below 1 is faster.
        interval: of the ratio.
        why: what keeps a verdict `unclear`, and what to run.
    """

    stage: str
    precision: str
    threads: int
    provider: str
    before_ms: float
    after_ms: float
    ratio: float
    interval: tuple[float, float] | None
    verdict: Verdict
    why: str | None = None
    quality: tuple[QualityChange, ...] = ()


class Comparison(_Record):
    """What two reports say together.

    Attributes:
        notes: what is not alike in them, and what only one of them has.
        machine_ratio: by threads, how much slower the machine itself became (least and most over its peaks).
        sessions: latencies from glass to glass.
        broken: stages and sessions that were measured before and failed after.
    """

    notes: tuple[str, ...]
    machine_ratio: dict[int, tuple[float, float]]
    stages: tuple[StageChange, ...]
    sessions: tuple[SessionChange, ...] = ()
    broken: tuple[str, ...] = ()

    @property
    def is_worse(self) -> bool:
        """Whether anything is slower, worse or broken."""
        worse = any(one.verdict == "worse" for stage in self.stages for one in stage.quality)
        verdicts = [one.verdict for one in self.stages] + [one.verdict for one in self.sessions]
        return worse or "slower" in verdicts or bool(self.broken)


def compare(before: Report, after: Report, *, across: bool = False) -> Comparison:
    """Compare all stages that both reports measured alike.

    Args:
        before: the older report.
        after: the newer one.
        across: compare different machines or kinds of report, too; of different machines the peaks are not held
            against the times.

    Raises:
        BenchmarkError: different machines or kinds without `across`, or nothing in common.
    """
    machines = list(_differences(before.machine, after.machine))
    kinds = [f"kind of report: {before.kind} / {after.kind}"] if before.kind != after.kind else []
    if (machines or kinds) and not across:
        raise BenchmarkError(f"these reports are not alike ({'; '.join(machines + kinds)}); to compare them: --across")
    pairs = list(_pairs(before, after))
    if not pairs:
        raise BenchmarkError(
            "no stage was measured in both reports with the same precision, threads and provider; run: edge bench twice"
        )
    moved = _machine_ratio(before.peaks, after.peaks)
    judge = _Judge(
        shared=shared_by([_own(*pair) for pair in pairs]),
        stages=len(pairs),
        metrics=sum(len(list(_metrics(*pair))) for pair in pairs),
        moved={} if machines else moved,
        ratios={
            old.key: _over(new.timing.p50_ms, old.timing.p50_ms) for old, new in pairs if old.timing and new.timing
        },
    )
    return Comparison(
        notes=(*machines, *kinds, *_remarks(before, after)),
        machine_ratio=moved,
        stages=tuple(judge.change(*pair) for pair in pairs),
        sessions=tuple(session_changes(before, after, LEVEL)),
        broken=tuple(_broken(before, after)),
    )


@dataclass(frozen=True)
class _Judge:
    """What all verdicts of one comparison share."""

    shared: Spread
    stages: int
    metrics: int
    moved: dict[int, tuple[float, float]]
    ratios: dict[tuple[str, str, int, str], float]

    def change(self, before: StageResult, after: StageResult) -> StageChange:
        old, new = before.timing, after.timing
        if old is None or new is None:
            raise ValueError("a stage without times")
        found = ratio_interval(old.rounds_ms, new.rounds_ms, self.shared, LEVEL / self.stages)
        ratio = _over(new.p50_ms, old.p50_ms) if found is None else found[0]
        interval = None if found is None else (round(found[1], 4), round(found[2], 4))
        fast = _over(_fast(new.samples_ms, new.min_ms), _fast(old.samples_ms, old.min_ms))
        verdict, why = self._verdict(ratio, interval, fast, *self._machine(before))
        if min(len(old.rounds_ms), len(new.rounds_ms)) < LEAST_ROUNDS:
            verdict, why = "unclear", "measured only once; run the benchmark to its end"
        return StageChange(
            stage=before.stage,
            precision=before.precision,
            threads=before.threads,
            provider=before.provider,
            before_ms=old.p50_ms,
            after_ms=new.p50_ms,
            ratio=round(ratio, 4),
            interval=interval,
            verdict=verdict,
            why=why,
            quality=tuple(self._quality(*pair) for pair in _metrics(before, after)),
        )

    def _verdict(
        self, ratio: float, interval: tuple[float, float] | None, fast: float, slower: float, faster: float
    ) -> tuple[Verdict, str | None]:
        """`slower` and `faster`: how many times as long the machine may take now, at least 1 and at most 1."""
        low, high = interval or (0.0, math.inf)
        if low > 1 and min(ratio, fast) > MATTERS:
            if low / slower > 1 and min(ratio, fast) / slower > MATTERS:
                return "slower", None
            return "unclear", "the machine itself is slower; run both again"
        if high < 1 and max(ratio, fast) < 1 / MATTERS:
            if high / faster < 1 and max(ratio, fast) / faster < 1 / MATTERS:
                return "faster", None
            return "unclear", "the machine itself is faster; run both again"
        if 1 / SAME <= ratio <= SAME:
            return "same", None
        return "unclear", "too noisy; run both again on a quiet machine"

    def _machine(self, stage: StageResult) -> tuple[float, float]:
        """How many times as long the machine may take now: at least 1, and at most 1."""
        least, most = self.moved.get(stage.threads, (1.0, 1.0))
        others = [ratio for key, ratio in self.ratios.items() if key != stage.key]
        if len(others) >= _OTHERS:
            common = median(others)
            least, most = max(least, common), min(most, common)
        return max(1.0, most), min(1.0, least)

    def _quality(self, before: Quality, after: Quality) -> QualityChange:
        gain = (after.value - before.value) * (1 if before.better == "higher" else -1) / 100
        bound = NormalDist().inv_cdf(1 - LEVEL / self.metrics / 2) * math.hypot(_error(before), _error(after))
        verdict: Literal["worse", "better", "same"] = "same"
        if abs(gain) > bound:
            verdict = "better" if gain > 0 else "worse"
        return QualityChange(
            metric=before.metric, data=before.data, before=before.value, after=after.value, verdict=verdict
        )


def _error(quality: Quality) -> float:
    """Standard error of a share of items, with two items of either kind added (Agresti and Coull 1998)."""
    count = quality.items + 4
    share = (min(1.0, max(0.0, quality.value / 100)) * quality.items + 2) / count
    return math.sqrt(share * (1 - share) / count)


def _metrics(before: StageResult, after: StageResult) -> Iterator[tuple[Quality, Quality]]:
    """Metrics on the same data."""
    new = {(one.metric, one.data): one for one in after.quality}
    for one in before.quality:
        other = new.get((one.metric, one.data))
        if other is not None:
            yield one, other


def _pairs(before: Report, after: Report) -> Iterator[tuple[StageResult, StageResult]]:
    """Results of the same stage, run alike, that have times."""
    new = {one.key: one for one in after.stages}
    for one in before.stages:
        other = new.get(one.key)
        if other is not None and one.timing and other.timing and one.sample == other.sample:
            yield one, other


def _own(*results: StageResult) -> Spread:
    """Of one stage, in both reports."""
    return pooled([spread(one.timing.rounds_ms) for one in results if one.timing is not None])


def _broken(before: Report, after: Report) -> Iterator[str]:
    """Stages and sessions that could be measured and now fail."""
    names = {one.name for one in before.sessions if one.status == "measured"}
    for session in after.sessions:
        if session.name in names and session.status == "failed":
            yield f"session {session.name}: {session.reason}"
    old = {one.key for one in before.stages if one.timing}
    for one in after.stages:
        if one.key in old and one.status == "failed":
            yield f"{_name(one)}: {one.reason}"


def _name(result: StageResult) -> str:
    return f"{result.stage} {result.precision}, threads {result.threads}, {result.provider}"


def _fast(samples_ms: Sequence[float], least_ms: float) -> float:
    return percentile(samples_ms, _FAST_SHARE) or least_ms


def _over(new: float, old: float) -> float:
    return new / old if old > 0 else 1.0


def _machine_ratio(before: Sequence[Peaks], after: Sequence[Peaks]) -> dict[int, tuple[float, float]]:
    """By threads, times of the machine itself after over before: least and most of its peaks."""
    old = {one.threads: one for one in before}
    ratios = {
        one.threads: [
            _over(was, now)
            for was, now in (
                (old[one.threads].bandwidth_gb_s, one.bandwidth_gb_s),
                (old[one.threads].int8_gops, one.int8_gops),
                (old[one.threads].float_gops, one.float_gops),
            )
        ]
        for one in after
        if one.threads in old
    }
    return {threads: (round(min(values), 3), round(max(values), 3)) for threads, values in ratios.items()}


def _differences(before: Machine, after: Machine) -> Iterator[str]:
    """Why these are two machines."""
    for name in ("board", "cpu", "cpu_class", "cores", "architecture", "emulated"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{name}: {old} / {new}"
    old_mb, new_mb = before.memory_mb or 0.0, after.memory_mb or 0.0
    if abs(old_mb - new_mb) > _SAME_MEMORY * max(old_mb, new_mb):
        yield f"memory: {old_mb:.0f} / {new_mb:.0f} MB"


def _remarks(before: Report, after: Report) -> Iterator[str]:
    """What else is not alike; it does not forbid a comparison."""
    for name in ("commit", "governor", "os", "kernel", "python", "virtual"):
        old, new = getattr(before.machine, name), getattr(after.machine, name)
        if old != new:
            yield f"{name}: {old} / {new}"
    packages = before.machine.packages, after.machine.packages
    for package in sorted({*packages[0], *packages[1]}):
        versions = [known.get(package, "none") for known in packages]
        if versions[0] != versions[1]:
            yield f"{package}: {versions[0]} / {versions[1]}"
    for which, report in (("first", before), ("second", after)):
        if not report.complete:
            yield f"the {which} report is not complete ({report.stopped or 'it was killed or still runs'})"
        for stage, factor in report.slowdown.items():
            yield f"the {which} report slowed {stage} down by {factor:g} on purpose"
    yield from _unmatched(before, after)


def _unmatched(before: Report, after: Report) -> Iterator[str]:
    for which, one_report, other_report in (("first", before, after), ("second", after, before)):
        others = {one.key: one for one in other_report.stages if one.timing}
        for one in one_report.stages:
            other = others.get(one.key)
            if not one.timing:
                continue
            if other is None:
                yield f"only the {which} report has times of {_name(one)}"
            elif which == "first" and one.sample != other.sample:
                yield f"{_name(one)} has other samples: {one.sample} / {other.sample}"
            elif which == "first" and one.models != other.models:
                yield f"{_name(one)} has other models: {', '.join(one.models)} / {', '.join(other.models)}"
