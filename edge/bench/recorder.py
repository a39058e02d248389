"""What a benchmark knows so far, and the report that says so at any moment."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edge.bench.child import Answer
from edge.bench.measuring import timing
from edge.bench.process import Outcome
from edge.bench.report import Peaks, Quality, StageResult, Status, Timing, Work
from edge.bench.stage import Stage, Variant
from edge.telemetry import percentile


@dataclass
class Entry:
    """One variant: what its passes measured.

    Attributes:
        stage: what is measured, how: `variant`.
        default: whether the program itself runs it like this.
        models: ids as they are opened.
        passes: how many are planned.
        refused: why there is nothing to measure any more: `skipped` or `failed`, and the reason.
    """

    stage: Stage
    variant: Variant
    default: bool
    models: tuple[str, ...]
    passes: int
    rounds: list[tuple[float, ...]] = field(default_factory=list)
    loads_ms: list[float] = field(default_factory=list)
    colds_ms: list[float] = field(default_factory=list)
    peaks_mb: list[float] = field(default_factory=list)
    energies_j: list[float] = field(default_factory=list)
    answer: Answer | None = None
    quality: tuple[Quality, ...] = ()
    work: Work | None = None
    refused: tuple[Status, str] | None = None

    @property
    def again(self) -> str:
        """The command that measures just this."""
        return f"run: edge bench --stages {self.variant.stage}"

    def take(self, outcome: Outcome, idle_w: float | None, free_mb: float | None, limit_s: float) -> None:
        """Note how the process of one pass ended.

        Args:
            outcome: of the process.
            idle_w: power of the machine at rest, for energy above it.
            free_mb: memory before it began.
            limit_s: time it was given.
        """
        answer = parsed(outcome)
        if answer is None:
            self.refused = ("failed", f"{ending(outcome, free_mb, limit_s)}; {self.again}")
        elif answer.skipped is not None:
            self.refused = ("skipped", answer.skipped)
        elif answer.failed is not None:
            self.refused = ("failed", f"{answer.failed}; {self.again}")
        elif not answer.samples_ms:
            self.refused = ("failed", f"no samples; {self.again}")
        else:
            self._add(answer, outcome.energy_j, idle_w)

    def _add(self, answer: Answer, energy_j: float | None, idle_w: float | None) -> None:
        self.answer = answer
        self.rounds.append(answer.samples_ms)
        self.loads_ms.append(answer.load_ms)
        self.colds_ms.append(answer.cold_ms)
        if answer.peak_rss_mb is not None:
            self.peaks_mb.append(answer.peak_rss_mb)
        self.quality = self.quality or answer.quality
        self.work = self.work or answer.work
        if energy_j is not None and idle_w is not None:
            self.energies_j.append((energy_j - idle_w * answer.seconds) / len(answer.samples_ms))

    def result(self, peaks: Mapping[int, Peaks], bound: float, kept: int, stopped: str | None) -> StageResult:
        """What the report says about it now.

        Args:
            peaks: of the machine, by threads.
            bound: of noise.
            kept: samples.
            stopped: why the benchmark ended early, if it did.
        """
        status, reason = self._status(stopped)
        plain = StageResult(
            stage=self.stage.name,
            sample=self.stage.sample,
            precision=self.variant.precision,
            models=self.models,
            threads=self.variant.threads,
            provider=self.variant.provider,
            default=self.default,
            status=status,
            reason=reason,
        )
        if self.answer is None:
            return plain
        return plain.model_copy(update=self._numbers(self.answer, timing(self.rounds, bound, kept), peaks))

    def _status(self, stopped: str | None) -> tuple[Status, str | None]:
        if not self.rounds and self.refused is not None:
            return self.refused
        if len(self.rounds) >= self.passes:
            return "measured", None
        why = self.refused[1] if self.refused else f"{stopped or 'it goes on'}; {self.again}"
        return "unfinished", f"{len(self.rounds)} of {self.passes} passes: {why}"

    def _numbers(self, answer: Answer, times: Timing, peaks: Mapping[int, Peaks]) -> dict[str, object]:
        audio_s, p50_ms = answer.audio_s, times.p50_ms
        whole_energy = len(self.energies_j) == len(self.rounds)
        return {
            "load_ms": percentile(self.loads_ms, 0.5),
            "cold_ms": percentile(self.colds_ms, 0.5),
            "timing": times,
            "units": answer.units,
            "unit": answer.unit,
            "throughput": round(1000 * answer.units / p50_ms, 3) if p50_ms > 0 else None,
            "audio_s": audio_s,
            "real_time_factor": round(p50_ms / 1000 / audio_s, 5) if audio_s else None,
            "peak_rss_mb": max(self.peaks_mb, default=None),
            "quality": self.quality,
            "work": self.work,
            "floor": _floor(self.work, peaks.get(self.variant.threads), p50_ms),
            "energy_j": round(sum(self.energies_j) / len(self.rounds), 6) if whole_energy else None,
        }


def parsed(outcome: Outcome) -> Answer | None:
    """What the process answered; None when it did not come to that."""
    if outcome.status != 0 or outcome.answer is None:
        return None
    try:
        return Answer.model_validate_json(outcome.answer)
    except ValueError:
        return None


def ending(outcome: Outcome, free_mb: float | None, limit_s: float) -> str:
    """Why a process that did not answer ended, on one line."""
    if outcome.status is None:
        return f"it took more than {limit_s:.0f} s and was ended"
    if outcome.status == -signal.SIGKILL:
        free = "" if free_mb is None else f": {free_mb:.0f} MB were free"
        return f"the process was killed (signal 9), probably for want of memory{free}"
    told = f" ({outcome.told[:200]})" if outcome.told else ""
    if outcome.status < 0:
        return f"the process died of signal {-outcome.status}{told}"
    return f"the process ended with status {outcome.status} without an answer{told}"


def _floor(work: Work | None, peaks: Peaks | None, p50_ms: float) -> object:
    if work is None or peaks is None:
        return None
    from edge.bench.floor import floor_of

    return floor_of(work, peaks, p50_ms)


def entries(
    chosen: Sequence[Variant],
    stages: Sequence[Stage],
    passes: int,
    is_default: Callable[[Variant, Stage], bool],
    resolve: Callable[[str], str],
) -> dict[Variant, Entry]:
    """An empty entry for every variant, in order.

    Args:
        chosen: what is to be measured.
        stages: all there are.
        passes: planned.
        is_default: whether the program runs a stage like this by itself.
        resolve: a catalogue id to the one that is opened for it.
    """
    by_name = {stage.name: stage for stage in stages}
    return {
        variant: Entry(
            by_name[variant.stage],
            variant,
            is_default(variant, by_name[variant.stage]),
            tuple(resolve(model) for model in by_name[variant.stage].models),
            passes,
        )
        for variant in chosen
    }
