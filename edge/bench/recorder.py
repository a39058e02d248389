"""What a benchmark knows so far, and the report that says so at any moment."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from edge.bench.child import Judged, Opened, Round
from edge.bench.measuring import timing
from edge.bench.process import Outcome
from edge.bench.report import Peaks, StageResult, Status, Timing, Work
from edge.bench.stage import Stage, Variant


@dataclass
class Entry:
    """One variant: what its rounds measured.

    Attributes:
        stage: what is measured, how: `variant`.
        default: whether the program itself runs it like this.
        models: ids as they are opened.
        least_rounds: for it to be called measured.
        refused: why there is nothing to measure any more: `skipped` or `failed`, and the reason.
    """

    stage: Stage
    variant: Variant
    default: bool
    models: tuple[str, ...]
    least_rounds: int
    rounds: list[tuple[float, ...]] = field(default_factory=list)
    load_ms: float | None = None
    cold_ms: float | None = None
    peak_mb: float | None = None
    energies_j: list[float] = field(default_factory=list)
    judged: Judged = field(default_factory=Judged)
    work: Work | None = None
    refused: tuple[Status, str] | None = None

    @property
    def again(self) -> str:
        """The command that measures just this."""
        return f"run: edge bench --stages {self.variant.stage}"

    def ended(self, outcome: Outcome, free_mb: float | None) -> None:
        """Note that the process did not answer. `free_mb`: memory before it was asked."""
        self.refused = ("failed", f"{ending(outcome, free_mb)}; {self.again}")

    def take_opened(self, opened: Opened) -> None:
        """Note whether the models are open."""
        self.load_ms = opened.load_ms
        if opened.skipped is not None:
            self.refused = ("skipped", opened.skipped)
        elif opened.failed is not None:
            self.refused = ("failed", f"{opened.failed}; {self.again}")

    def take_round(self, measured: Round, energy_j: float | None, idle_w: float | None) -> None:
        """Note a round.

        Args:
            measured: as the process told it.
            energy_j: of its timed part, all that the meter covers.
            idle_w: power of the machine at rest, for energy above it.
        """
        if measured.failed is not None or not measured.samples_ms:
            self.refused = ("failed", f"{measured.failed or 'no samples'}; {self.again}")
            return
        self.rounds.append(measured.samples_ms)
        self.cold_ms = measured.cold_ms if self.cold_ms is None else self.cold_ms
        if len(self.rounds) == 1:
            self.peak_mb = measured.peak_rss_mb  # judging and counting come after it
        if energy_j is not None and idle_w is not None:
            self.energies_j.append((energy_j - idle_w * measured.seconds) / len(measured.samples_ms))

    def take_judged(self, judged: Judged) -> None:
        """Note what belongs to the times."""
        self.judged = judged
        self.work = self.work or judged.work

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
        if not self.rounds:
            return plain
        return plain.model_copy(update=self._numbers(timing(self.rounds, bound, kept), peaks))

    def _status(self, stopped: str | None) -> tuple[Status, str | None]:
        if not self.rounds and self.refused is not None:
            return self.refused
        if len(self.rounds) >= self.least_rounds:
            if self.refused is None:
                return "measured", None
            return "unfinished", f"it was measured in {len(self.rounds)} rounds, and then: {self.refused[1]}"
        why = self.refused[1] if self.refused else f"{stopped or 'it goes on'}; {self.again}"
        return "unfinished", f"{len(self.rounds)} of {self.least_rounds} rounds: {why}"

    def _numbers(self, times: Timing, peaks: Mapping[int, Peaks]) -> dict[str, object]:
        judged, audio_s, p50_ms = self.judged, self.judged.audio_s, times.p50_ms
        return {
            "load_ms": self.load_ms,
            "cold_ms": self.cold_ms,
            "timing": times,
            "units": judged.units,
            "unit": judged.unit,
            "throughput": round(1000 * judged.units / p50_ms, 3) if p50_ms > 0 else None,
            "audio_s": audio_s,
            "real_time_factor": round(p50_ms / 1000 / audio_s, 5) if audio_s else None,
            "peak_rss_mb": self.peak_mb,
            "quality": judged.quality,
            "work": self.work,
            "floor": _floor(self.work, peaks.get(self.variant.threads), p50_ms),
            "energy_j": self._energy_j(),
        }

    def _energy_j(self) -> float | None:
        """Of one sample; None where a round was not metered, or the rest took more than the work: nothing is known."""
        if len(self.energies_j) < len(self.rounds):
            return None
        mean_j = sum(self.energies_j) / len(self.rounds)
        return round(mean_j, 6) if mean_j > 0 else None


Message = TypeVar("Message", Opened, Round, Judged)


def parsed(outcome: Outcome, kind: type[Message]) -> Message | None:
    """What the process answered; None when it did not come to that."""
    try:
        return kind.model_validate_json(outcome.answer or "")
    except ValueError:
        return None


def ending(outcome: Outcome, free_mb: float | None) -> str:
    """Why a process that did not answer ended, on one line."""
    if outcome.status is None:
        return f"it took more than {outcome.wall_s:.0f} s and was ended"
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
    least_rounds: int,
    is_default: Callable[[Variant, Stage], bool],
    resolve: Callable[[str], str],
) -> dict[Variant, Entry]:
    """An empty entry for every variant, in order.

    Args:
        chosen: what is to be measured.
        stages: all there are.
        least_rounds: for a stage to be called measured.
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
            least_rounds,
        )
        for variant in chosen
    }
